"""Simulated worlds on which merging and alikeness are measured: accounts in periods that change.

As in `worlds`: every post has a true stage, a probability sample is coded, a classifier is trained
on the codes and cross-fitted, and the same arguments make the same world.

N posts, n of them coded, k stages, A accounts, T periods. Use `merge_world`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.special import logit
from worlds import (
    BASES,
    CENTRES,
    FOLDS,
    STYLED,
    Floats,
    Ints,
    K,
    bounded,
    drawn_stages,
    mix_of,
    no_publish,
    style,
)

DRIFTS = {"": (2.6, 2.6), "worse": (3.0, 2.0), "better": (2.0, 3.0)}
"""How far the classifier tells the stages apart, in the first and in the last period."""
CHANGES = ("null", "up", "half", "even", "conv", "div")
RISE = 0.16
"""By how much, in `up`, the share above publish rises at the base mix."""


@dataclass(frozen=True, kw_only=True)
class MergeWorld:
    """Posts of `accounts` x `periods`: `truth`, `cell` (N,), the cell being a * T + t.

    `population` (A, T, k) are the propensities behind the truth. `coded` (n,) are rows, `chance`
    (n,) their inclusion probabilities, `strata` (N,) numbers every post's stratum, `stratum` (n,)
    that of the coded posts, `pair` (n,) the probability that a post and another of its stratum
    are both coded. `p` (N, k) is the mean over the fold members, `q` (n, k) the probabilities of
    the coded posts by the member that never saw them, `label_p` (N, k) those of one model trained
    on all codes.
    """

    name: str
    accounts: int
    periods: int
    population: Floats
    truth: Ints
    cell: Ints
    strata: Ints
    stratum: Ints
    coded: Ints
    chance: Floats
    pair: Floats
    p: Floats
    q: Floats
    label_p: Floats


def merge_world(
    kind: str,
    seed: int,
    *,
    design: tuple[int, int] = (20, 6),
    codes: int = 500,
    base: str = "rare",
    scheme: str = "strat",
) -> MergeWorld:
    """Make DESIGN accounts x periods, posts per cell growing from 20 to 200, CODES of them coded.

    KIND is a change of the mixes (see `population`), then `+ar` or `+iid` for their fluctuation,
    then `@worse`, `@better` (see `DRIFTS`), `@err` or both, as `@worseerr`: errors that differ
    more by account. SCHEME: codes are drawn evenly from the cells (`strat`), from the periods
    (`srsp`), or from all posts (`srs`).
    """
    (a, t), (mixes, _, classifier) = design, kind.partition("@")
    draw = np.random.default_rng([21, seed, a, t])
    propensity = population(draw, mixes, base=base, accounts=a, periods=t)
    growth = np.exp(np.linspace(np.log(20), np.log(200), t))
    size = np.maximum(4, draw.poisson(np.exp(draw.normal(0, 0.4, (a, 1))) * growth))
    cell = np.repeat(np.arange(a * t), size.ravel())
    truth = drawn_stages(draw, propensity.reshape(-1, K)[cell])
    drift = np.linspace(*DRIFTS[classifier.removesuffix("err")], t)[cell % t]
    shift = style(draw, 0.8 if classifier.endswith("err") else 0.3, a)[cell // t, truth]
    x = CENTRES[truth] * drift[:, None] + shift + draw.normal(size=(len(cell), STYLED))
    strata = {"srs": np.zeros_like(cell), "srsp": cell % t, "strat": cell}[scheme]
    coded, number = even_sample(draw, strata, min(codes, len(cell)))
    p, q, label_p = crossfit_ridge(draw, x, truth, coded)
    own, total = strata[coded], np.bincount(strata)
    pairs = total * (total - 1)
    pair = np.divide(number * (number - 1), pairs, out=np.ones(len(pairs)), where=pairs > 0)
    return MergeWorld(
        name=kind, accounts=a, periods=t, population=propensity, truth=truth, cell=cell,
        strata=strata, stratum=own, coded=coded, chance=(number / total)[own], pair=pair[own],
        p=p, q=q, label_p=label_p,
    )  # fmt: skip


def population(draw: Generator, kind: str, *, base: str, accounts: int, periods: int) -> Floats:
    """Draw the accounts' mixes (A, T, k): logits vary between accounts with sd 0.8.

    `null`: they stay; `up`: publish falls; `even`: the higher stages become equally frequent,
    `half`: half way; `conv`: deviations from the mean mix halve, `div`: they double.
    """
    change, _, fluctuation = kind.partition("+")
    if change not in CHANGES or fluctuation not in ("", "ar", "iid"):
        raise ValueError(f"no world {kind}")
    time = (np.arange(periods) / max(periods - 1, 1))[:, None]
    logits = np.log(BASES[base]) + no_publish(draw.normal(0, 0.8, (accounts, 1, K - 1)))
    logits = np.repeat(logits, periods, axis=1)
    if change == "up":
        above = 1 - BASES[base][0]
        logits[..., 1:] += (logit(above + RISE) - logit(above)) * time
    if fluctuation:
        rho = 0.6 if fluctuation == "ar" else 0.0
        state, *shocks = draw.normal(0, 0.4, (periods + 1, accounts, K - 1))
        for t, shock in enumerate(shocks):
            logits[:, t, 1:] += state
            state = rho * state + np.sqrt(1 - rho**2) * shock
    return changed(mix_of(logits), change, time)


def changed(mix: Floats, change: str, time: Floats) -> Floats:
    if change in ("even", "half"):
        way = time if change == "even" else time / 2
        above = 1 - mix[..., :1]
        return np.concatenate([mix[..., :1], (1 - way) * mix[..., 1:] + way * above / 3], axis=-1)
    if change in ("conv", "div"):
        mean = mix.mean(axis=0)
        return mean + (1 - time / 2 if change == "conv" else 0.5 + time / 2) * (mix - mean)
    return mix


def even_sample(draw: Generator, strata: Ints, codes: int) -> tuple[Ints, Ints]:
    """Draw CODES posts, as many from each stratum; those too small hand theirs on.

    A stratum takes one more at a time; codes beyond one for each are not drawn. Returns the rows
    of the posts, and their number per stratum.
    """
    total = np.bincount(strata)
    number = np.full(len(total), codes // len(total))
    number[draw.choice(len(total), codes - number.sum(), replace=False)] += 1
    while (over := np.maximum(number - total, 0).sum()) > 0:
        number = np.minimum(number, total)
        room = np.flatnonzero(number < total)
        number[draw.choice(room, min(over, len(room)), replace=False)] += 1
    order = draw.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    place = np.arange(len(order)) - np.repeat(np.cumsum(total) - total, total)
    return order[place < np.repeat(number, total)], number


def crossfit_ridge(draw: Generator, x: Floats, truth: Ints, coded: Ints) -> tuple[Floats, ...]:
    """`p`, `q` and `label_p` of a MergeWorld."""
    x = np.c_[np.ones(len(x)), x]
    fold = draw.permutation(np.arange(len(coded)) % FOLDS)
    p, q = np.zeros((len(x), K)), np.zeros((len(coded), K))
    for f in range(FOLDS):
        train = coded[fold != f]
        member = bounded(softmax(x, ridge(x[train], truth[train])))
        p += member / FOLDS
        q[fold == f] = member[coded[fold == f]]
    return p, q, bounded(softmax(x, ridge(x[coded], truth[coded])))


def softmax(x: Floats, slopes: Floats) -> Floats:
    return mix_of(no_publish(np.clip(x @ slopes.T, -25, 25)))


def ridge(x: Floats, truth: Ints) -> Floats:
    """Multinomial ridge regression by Newton's method; slopes (k - 1, d), the intercept first."""
    d = x.shape[1]
    penalty = np.tile(np.r_[0.01, np.ones(d - 1)], K - 1)
    slopes = np.zeros((K - 1, d))
    y, each = np.eye(K)[truth][:, 1:], np.arange(K - 1)
    for _ in range(15):
        p = softmax(x, slopes)[:, 1:]
        gradient = ((y - p).T @ x).ravel() - penalty * slopes.ravel()
        weight = -p[:, :, None] * p[:, None, :]
        weight[:, each, each] += p
        hessian = np.einsum("ni,nkl,nj->kilj", x, weight, x, optimize=True)
        step = np.linalg.solve(hessian.reshape(len(gradient), -1) + np.diag(penalty), gradient)
        step *= min(1, 3 / max(np.abs(step).max(), 1e-9))
        slopes += step.reshape(K - 1, d)
        if np.abs(step).max() < 1e-4:
            break
    return slopes
