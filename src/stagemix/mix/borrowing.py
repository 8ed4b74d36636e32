"""Shares of accounts, and of account x period cells, that borrow from all accounts (section 3c).

The posterior of `mix.intercepts` predicts the uncoded posts of an account; the coded ones keep
their codes, so the target is the share among the posts that were sent.

Arrays: N posts, n coded posts, A accounts, C cells, k categories.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from stagemix.mix.groups import sums
from stagemix.mix.intercepts import (
    GRID,
    Codes,
    Evidence,
    account_posterior,
    cell_posterior,
    evidence,
    from_others,
    kish_weights,
    log_likelihood,
    score,
)
from stagemix.mix.shares import Shares, whole_posts

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
BINS, WIDEST = 60, 9.0
DRAWS, CELL_DRAWS = 1000, 600


@dataclass(frozen=True, kw_only=True)
class Coded:
    """A corpus and its coded posts.

    `p` (N, k) probabilities, out of fold for the coded posts; `account` (N,) numbers 0..A-1;
    `row` (n,) the coded posts, `y` (n, k) their codes, `chance` (n,) their inclusion
    probabilities.
    """

    p: Floats
    account: Ints
    row: Ints
    y: Floats
    chance: Floats

    @property
    def pool(self) -> Floats:
        """Weighted shares of the codes, at least .002 each, (k,)."""
        w = 1 / self.chance
        share = np.maximum((w[:, None] * self.y).sum(axis=0) / w.sum(), 2e-3)
        pool: Floats = share / share.sum()
        return pool

    def codes(self, k: int, weight: Floats) -> Codes:
        """What the codes say of category K."""
        return Codes(o=score(self.p[self.row, k]), y=self.y[:, k], weight=weight)


def account_shares(data: Coded, *, shift: Floats, rng: np.random.Generator) -> Shares:
    """Return the shares of every account, arrays (A, k), each row summing to one.

    SHIFT (A, k) are the prior shifts (`mix.prior_shift.shifts`). The intervals are for each
    category alone and come from draws of RNG; their bounds are whole posts, rounded outward.
    """
    found, _ = _fit(data, shift)
    out = []
    for k, (model, others) in enumerate(zip(found, from_others(found), strict=True)):
        posterior, _ = account_posterior(model, others=others)
        posts = _posts(data, data.account, groups=len(shift), k=k)
        out.append(_predict(posterior, model.slopes, posts, draws=DRAWS, rng=rng))
    return _together(out, data.account)


def cell_shares(
    data: Coded,
    *,
    cell: Ints,
    account_of: Ints,
    shift: Floats,
    cell_shift: Floats,
    rng: np.random.Generator,
) -> Shares:
    """Return the shares of every cell, arrays (C, k): an account's in one period.

    CELL (N,) numbers the cells 0..C-1, ACCOUNT_OF (C,) gives their accounts. The shift of a cell
    against its account, CELL_SHIFT (C, k) less SHIFT of the account, moves its scores by the
    posterior mean of kappa of a first fit.
    """
    first, weight = _fit(data, shift)
    others = from_others(first)
    trust = [account_posterior(m, others=o)[1] for m, o in zip(first, others, strict=True)]
    offset = np.array(trust) * (cell_shift - shift[account_of])
    coded_cell = cell[data.row]
    found, _ = _fit(data, shift, offset=offset[coded_cell])
    out = []
    for k, model in enumerate(found):
        posterior, _ = account_posterior(model, others=others[k])
        log_l = log_likelihood(
            data.codes(k, weight),
            coded_cell,
            groups=len(account_of),
            slopes=model.slopes,
            offset=offset[coded_cell, k],
        )
        nested = cell_posterior(posterior, log_l, account_of)
        posts = _posts(data, cell, groups=len(account_of), k=k, offset=offset[:, k])
        out.append(_predict(nested, model.slopes, posts, draws=CELL_DRAWS, rng=rng))
    return _together(out, cell)


def _fit(
    data: Coded, shift: Floats, *, offset: Floats | None = None
) -> tuple[list[Evidence], Floats]:
    account = data.account[data.row]
    weight = kish_weights(1 / data.chance, account, accounts=len(shift))
    moved = np.zeros_like(data.y) if offset is None else offset
    found = [
        evidence(data.codes(k, weight), account, shift[:, k], offset=moved[:, k])
        for k in range(data.y.shape[1])
    ]
    return found, weight


@dataclass(frozen=True, kw_only=True)
class _Posts:
    """The posts of G groups, for one category.

    `count` and `mid` (G, 60): uncoded posts per bin of their score, and its mean; `known` (G,)
    posts coded with the category; `size` (G,) posts in all; `offset` (G,) moves the scores.
    """

    count: Floats
    mid: Floats
    known: Floats
    size: Floats
    offset: Floats


def _posts(
    data: Coded, group: Ints, *, groups: int, k: int, offset: Floats | None = None
) -> _Posts:
    free = np.ones(len(group), dtype=bool)
    free[data.row] = False
    o = score(data.p[free, k])
    step = np.clip(((o + WIDEST) * (BINS / (2 * WIDEST))).astype(np.intp), 0, BINS - 1)
    key = group[free] * BINS + step
    count = np.bincount(key, minlength=groups * BINS).reshape(groups, BINS).astype("float64")
    total = np.bincount(key, o, groups * BINS).reshape(groups, BINS)
    return _Posts(
        count=count,
        mid=total / np.maximum(count, 1),
        known=sums(group[data.row], data.y[:, k], groups),
        size=np.bincount(group, minlength=groups).astype("float64"),
        offset=np.zeros(groups) if offset is None else offset,
    )


def _predict(
    posterior: Floats, slopes: Floats, posts: _Posts, *, draws: int, rng: np.random.Generator
) -> Shares:
    """Share of one category in G groups, and the ends of its interval, arrays (G,)."""
    groups = len(posts.size)
    kept = np.flatnonzero(posterior.sum(axis=(1, 2)) > 1e-4 * groups)
    group, step = np.nonzero(posts.count)
    count, mid = posts.count[group, step][:, None], posts.mid[group, step]
    own, start = np.unique(group, return_index=True)
    mean, variance = np.zeros((2, len(kept), groups, len(GRID)))
    for i, b in enumerate(kept if len(group) else []):
        chance = expit((slopes[b] * mid + posts.offset[group])[:, None] + GRID)
        mean[i, own] = np.add.reduceat(count * chance, start)
        variance[i, own] = mean[i, own] - np.add.reduceat(count * chance**2, start)
    p, t, v = (_per_group(x) for x in (posterior[kept], mean, variance))
    p /= p.sum(axis=1, keepdims=True)
    low, high = posts.known / posts.size, posts.known / posts.size
    cumulated, uniform = np.cumsum(p, axis=1), rng.random((groups, draws))
    for g in np.flatnonzero(posts.count.sum(axis=1)):
        at = np.minimum(np.searchsorted(cumulated[g], uniform[g]), p.shape[1] - 1)
        uncoded = int(posts.count[g].sum())
        counts = posts.known[g] + _draw(t[g, at], v[g, at], most=uncoded, rng=rng)
        low[g] = np.quantile(counts, 0.025, method="lower") / posts.size[g]
        high[g] = np.quantile(counts, 0.975, method="higher") / posts.size[g]
    return Shares(share=(posts.known + (p * t).sum(axis=1)) / posts.size, low=low, high=high)


def _per_group(x: Floats) -> Floats:
    """(b, G, E) as (G, b x E)."""
    return np.moveaxis(x, 0, 1).reshape(x.shape[1], -1)


def _draw(
    mean: Floats, variance: Floats, *, most: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw counts by the binomial that has the mean and the variance of the Poisson-binomial.

    A binomial of all the posts would be too wide: their chances differ.
    """
    n = np.round(mean**2 / np.maximum(mean - variance, 1e-12))
    n = np.maximum(n, np.ceil(mean)).clip(1, most)
    return rng.binomial(n.astype(np.int64), np.clip(mean / n, 0, 1))


def _together(each: list[Shares], group: Ints) -> Shares:
    share = np.stack([x.share for x in each], axis=1)
    low = np.stack([x.low for x in each], axis=1)
    high = np.stack([x.high for x in each], axis=1)
    open_ = (low < high).any(axis=1, keepdims=True)
    share = np.where(open_, share / share.sum(axis=1, keepdims=True), low)
    size = np.bincount(group, minlength=len(share))[:, None].astype("float64")
    both = Shares(share=share, low=np.minimum(low, share), high=np.maximum(high, share))
    return whole_posts(both, size)
