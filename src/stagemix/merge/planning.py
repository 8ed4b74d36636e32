"""Before codes are drawn: how many a study needs, over which periods, and what they let one see.

Section 4c: "What can be detected", "Planning", "Refusals, merging and alikeness".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from stagemix.errors import DataError
from stagemix.merge.cells import Cells
from stagemix.merge.measures import measures, slope_changes
from stagemix.mix.limits import LEAST_ACCOUNTS, LEAST_PERIODS
from stagemix.posts.grouping import PERIODS

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]
PAIR = 2
"""Posts, and codes, that a cell needs: an unbiased square is made of pairs."""
RARE, MILD = 0.14, 0.30
"""Shares above the first category between which the planning rule is interpolated."""
_PER_ROOT_CODE = {"above_publish": (0.9, 1.05), "within": (1.2, 1.0)}
_EVERY_POST_CODED = {"above_publish": 0.017, "within": 0.024}
_MEASURED_AT = 20
_SPREAD = 0.8


@dataclass(frozen=True, kw_only=True)
class Detectable:
    """The standard error of a change, and the least change found with power .80, `mdc80`."""

    se: float
    mdc80: float


@dataclass(frozen=True, kw_only=True)
class SmallestChange:
    """What can be seen of u, `above_publish`, and of W, `within`; shares, over the whole study."""

    above_publish: Detectable
    within: Detectable


def smallest_change(
    *,
    codes: int,
    accounts: int,
    periods: int,
    above: float,
    error_variance: float | None = None,
) -> SmallestChange:
    """Say which changes of u and W a study with so many CODES would show, by a rule.

    ABOVE is the share of posts above the first category. Section 4c, measured with 300 to 1,000
    codes drawn by account and period: SE = c/sqrt(codes), for u c = .9 at ABOVE .14 or less and
    1.05 at .3 or more, for W 1.2 and 1.0, linear in between; never below what coding every post
    leaves, .017 and .024 times sqrt(20/accounts). ERROR_VARIANCE, from a pilot, is the mean
    squared residual of the first category; with it SE(u)^2 = 12(T-1)/(T+1) ERROR_VARIANCE/codes
    plus that least squared, and W keeps its rule. Raises DataError where there are too few
    accounts or periods for a test of change.
    """
    _check_testable(accounts, periods)
    se = {}
    for name, at in _PER_ROOT_CODE.items():
        floor = _EVERY_POST_CODED[name] * np.sqrt(_MEASURED_AT / accounts)
        se[name] = max(np.interp(above, (RARE, MILD), at) / np.sqrt(codes), floor)
        if name == "above_publish" and error_variance is not None:
            sampling = 12 * (periods - 1) / (periods + 1) * error_variance / codes
            se[name] = np.sqrt(sampling + floor**2)
    return _detectable(se["above_publish"], se["within"], accounts=accounts)


def _check_testable(accounts: int, periods: int) -> None:
    if accounts < LEAST_ACCOUNTS or periods < LEAST_PERIODS:
        raise DataError(
            f"{accounts} accounts and {periods} periods: a change is tested from "
            f"{LEAST_ACCOUNTS} accounts and {LEAST_PERIODS} periods on; add some"
        )


def _detectable(above_publish: float, within: float, *, accounts: int) -> SmallestChange:
    # minimum detectable effect (Bloom 1995), with the degrees of freedom of a jackknife over accounts
    factor = sum(float(stats.t.ppf(part, accounts - 1)) for part in (0.975, 0.80))
    u, w = (Detectable(se=float(s), mdc80=float(factor * s)) for s in (above_publish, within))
    return SmallestChange(above_publish=u, within=w)


def simulated_change(
    *,
    sizes: Counts,
    codes: Counts,
    mix: Sequence[float],
    error_variance: float,
    seed: int,
    studies: int = 1000,
    progress: Callable[[int], None] = lambda done: None,
) -> SmallestChange:
    """Say which changes of u and W a study with these cells would show, by simulation.

    SIZES and CODES (A, T) are posts and codes of every account in every period, MIX (k,) the usual
    shares of the categories, ERROR_VARIANCE the mean squared residual of the first at that mix.
    In each of the STUDIES nothing changes: an account's log odds against the first category lie
    .8 (sd) around MIX's, and hold in all periods. The classifier gives a post's own category with
    probability 1 - r, else one drawn from MIX; its p is the probability of each category given
    what it says, so that the error variance of category k is mix_k (1 - mix_k) (1 - (1 - r)^2).
    The standard error is the standard deviation of `slope_changes` over the studies. PROGRESS is
    called with 1 after each.

    Left out, and each makes a real study see less: accounts that rise and fall by themselves,
    a classifier that errs differently by account or gets better or worse over time, and mistakes
    of coders. Raises DataError where there are too few accounts or periods for a test, a cell has
    fewer than two codes or more codes than posts, or the error variance is more than that of a
    classifier that knows only MIX.
    """
    _check_testable(*sizes.shape)
    if (codes < PAIR).any() or (codes > sizes).any():
        raise DataError(f"every cell needs {PAIR} codes or more, and as many posts; join periods")
    usual = np.asarray(mix, dtype=np.float64)
    confusion = _confusion(usual, error_variance)
    draw = np.random.default_rng(seed)
    changes = np.empty((studies, 2))
    for study in range(studies):
        shares = _null_mixes(draw, usual, accounts=len(sizes))
        found = measures(_simulated_cells(draw, shares, confusion, sizes=sizes, codes=codes))
        changes[study] = slope_changes(found.above_publish)[0], slope_changes(found.within)[0]
        progress(1)
    u, w = changes.std(axis=0, ddof=1)
    return _detectable(u, w, accounts=len(sizes))


def _confusion(mix: Floats, error_variance: float) -> Floats:
    """P(says j | is k), (k, k); because what is said has the shares MIX, also P(is k | says j)."""
    most = mix[0] * (1 - mix[0])
    if not 0 <= error_variance <= most:
        raise DataError(
            f"error variance {error_variance:g}: should be from 0 to {most:.3g}, that of a "
            "classifier that knows only the share of the first category"
        )
    right = np.sqrt(1 - error_variance / most)
    out: Floats = right * np.eye(len(mix)) + (1 - right) * mix
    return out


def _null_mixes(draw: np.random.Generator, mix: Floats, *, accounts: int) -> Floats:
    logit = np.log(mix) + np.zeros((accounts, len(mix)))
    logit[:, 1:] += draw.normal(0, _SPREAD, size=(accounts, len(mix) - 1))
    odds = np.exp(logit)
    out: Floats = odds / odds.sum(axis=1, keepdims=True)
    return out


def _simulated_cells(
    draw: np.random.Generator, shares: Floats, confusion: Floats, *, sizes: Counts, codes: Counts
) -> Cells:
    """Draw a study of accounts with SHARES (A, k) and estimate its cells as `cell_estimates` does.

    Posts of one category that were given one category are alike, so a cell is k*k counts.
    """
    k = len(confusion)
    kinds = (shares[:, :, None] * confusion).reshape(len(shares), 1, k * k)
    # a simple random sample of independent posts is independent of the posts left
    coded = draw.multinomial(codes, kinds)
    posts = coded + draw.multinomial(sizes - codes, kinds)
    theta, square = _estimates(coded, posts, confusion)
    return Cells(
        accounts=tuple(map(str, range(len(shares)))),
        periods=tuple(map(str, range(sizes.shape[1]))),
        theta=theta,
        square=square,
        size=sizes,
        codes=codes,
        above=coded[..., k:].sum(axis=-1),
        there=np.ones(sizes.shape, dtype=bool),
        pairs=np.ones(sizes.shape, dtype=bool),
    )


def _estimates(coded: Counts, posts: Counts, confusion: Floats) -> tuple[Floats, Floats]:
    """theta and the square of `cells.cell_estimates` from counts (A, T, k*k) by kind of post."""
    k = len(confusion)
    p = np.tile(confusion, (k, 1))
    e = np.repeat(np.eye(k), k, axis=0) - p
    size, n = posts.sum(axis=-1)[..., None], coded.sum(axis=-1)[..., None]
    mean_p = posts @ p / size
    total, squares = coded @ e, coded @ e**2
    pairs = (total**2 - squares) * size * (size - 1) / (n * (n - 1))
    f = mean_p**2 + 2 * mean_p * total / n + (squares * size / n + pairs) / size**2
    theta = mean_p + total / n
    return theta, (size * f - theta) / (size - 1)


@dataclass(frozen=True, kw_only=True)
class Joined:
    """The shortest `period` that works and the codes it `needs`; None and 0, and `why`, if none."""

    period: str | None
    needs: int
    why: str


def joined(counts: Mapping[str, pd.DataFrame], *, codes: int) -> Joined:
    """Say how far periods must be joined before CODES codes are drawn by account and period.

    COUNTS maps each of month, quarter, half and year to a table of posts, a row per account and a
    column per period. The shortest period is taken that has four periods or more, two posts or
    more in every cell, and two codes for each of them.
    """
    reasons = []
    for unit in reversed(PERIODS):
        table = counts[unit]
        needs, sparse = least_codes(table), int((table < PAIR).to_numpy().sum())
        if table.shape[1] < LEAST_PERIODS:
            reasons.append(f"{unit} gives {table.shape[1]} periods, {LEAST_PERIODS} are needed")
        elif sparse:
            reasons.append(f"{unit} leaves {sparse} of {table.size} cells fewer than {PAIR} posts")
        elif needs > codes:
            reasons.append(f"{unit} needs {needs} codes")
        else:
            return Joined(period=unit, needs=needs, why="")
    return Joined(period=None, needs=0, why=f"no period fits: {'; '.join(reasons)}")


def least_codes(table: pd.DataFrame) -> int:
    """Two codes for every cell of a table of posts, one where it has one post."""
    return int(np.minimum(table.to_numpy(), PAIR).sum())
