"""Merging within accounts (融合) and alikeness between them (趋同), period by period.

The identity (statistics: section 4c): with equal-weight accounts and G(v) = 1 - sum of v_k
squared (Simpson 1949), the diversity of the mean mix is the mean diversity within accounts plus
the differences between accounts, Tot = W + B.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.mix.limits import HALF_CODES
from stagemix.mix.sample import Labelled

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Unbiased estimates of A accounts x T periods x k categories; arrays (A, T, k).

    `theta` are shares, `square` unbiased squares of the propensities behind them; `size` (A, T)
    posts, `codes` (A, T) coded posts, `above` (A, T) those coded above the first category.
    `squares_hold` tells whether every square exists (two codes in each stratum and cell, or
    strata wider than a cell).
    """

    accounts: tuple[str, ...]
    periods: tuple[str, ...]
    theta: Floats
    square: Floats
    size: NDArray[np.intp]
    codes: NDArray[np.intp]
    above: NDArray[np.intp]
    squares_hold: bool


def cell_estimates(
    data: Labelled, *, account: pd.Series, period: pd.Series, inside: NDArray[np.bool_]
) -> Cells:
    """Estimate every account's mix in every period; ACCOUNT and PERIOD are (N,) names.

    Posts outside INSIDE (N,) are in no cell. Only accounts with at least two posts in each period
    enter (a square needs two). Section 4c:
    theta = mean p + R, R = sum(e/pi)/N; f = p^2 + 2 p R + S2 with S2 from pairs of coded posts;
    square = (N f - theta)/(N - 1).
    """
    counts = pd.crosstab(account[inside], period[inside])
    kept = counts.index[(counts >= 2).all(axis=1)]
    periods = tuple(str(name) for name in counts.columns)
    shape = (len(kept), len(periods), len(data.categories))
    theta, square = np.zeros(shape), np.zeros(shape)
    codes, above = np.zeros(shape[:2], dtype=np.intp), np.zeros(shape[:2], dtype=np.intp)
    cell_of = pd.MultiIndex.from_arrays([account, period])
    number, names = pd.factorize(cell_of)
    coded_cell = number[data.row]
    hold = True
    for a, account_name in enumerate(kept):
        for t, period_name in enumerate(counts.columns):
            here = names.get_loc((account_name, period_name))
            coded, posts = coded_cell == here, number == here
            theta[a, t], square[a, t] = _cell(data, p=data.p[posts], coded=coded)
            codes[a, t] = coded.sum()
            above[a, t] = data.y[coded, 1:].sum()
            hold &= bool(data.design.paired[posts].all())
    return Cells(
        accounts=tuple(str(name) for name in kept),
        periods=periods,
        theta=theta,
        square=square,
        size=counts.loc[kept].to_numpy(dtype="int64"),
        codes=codes,
        above=above,
        squares_hold=hold,
    )


def _cell(data: Labelled, *, p: Floats, coded: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    size = len(p)
    mean_p = p.mean(axis=0)
    e = (data.y - data.q)[coded]
    chance = data.chance[coded][:, None]
    residual = (e / chance).sum(axis=0) / size
    squares = (e**2 / chance).sum(axis=0) + _pairs(e, data, coded)
    theta = mean_p + residual
    f = mean_p**2 + 2 * mean_p * residual + squares / size**2
    return theta, (size * f - theta) / (size - 1)


def _pairs(e: Floats, data: Labelled, coded: NDArray[np.bool_]) -> Floats:
    """Sum of e_i e_j / pi_ij over ordered pairs of different coded posts of a cell."""
    chance = data.chance[coded][:, None]
    stratum, pair = data.design.stratum[coded], data.design.pair[coded]
    total: Floats = (e / chance).sum(axis=0) ** 2
    for h in np.unique(stratum):
        own = stratum == h
        total -= (e[own] / chance[own]).sum(axis=0) ** 2
        if own.sum() > 1:
            total += (e[own].sum(axis=0) ** 2 - (e[own] ** 2).sum(axis=0)) / pair[own][0]
    return total


@dataclass(frozen=True, kw_only=True)
class Measures:
    """The measures of section 4c per period, arrays (T,).

    `above_publish` u: share above the first category; `within` W: mean diversity within accounts;
    `between` D: differences between accounts (A - 1 form, of which B of the identity is
    (A - 1)/A); `total` = within + between. W, D and Tot are None where the squares do not exist.
    """

    above_publish: Floats
    within: Floats | None
    between: Floats | None
    total: Floats | None


def measures(cells: Cells) -> Measures:
    """Compute the measures of each period from cell estimates."""
    theta, square = cells.theta, cells.square
    a = len(theta)
    above = 1 - theta[:, :, 0].mean(axis=0)
    if not cells.squares_hold or a < 2:
        return Measures(above_publish=above, within=None, between=None, total=None)
    m = square.mean(axis=0)
    within = 1 - m.sum(axis=1)
    cross = (theta.sum(axis=0) ** 2 - (theta**2).sum(axis=0)) / (a * (a - 1))
    between = (m - cross).sum(axis=1)
    return Measures(above_publish=above, within=within, between=between, total=within + between)


def evenness_by_halves(cells: Cells) -> tuple[float, float] | None:
    """Q = E/H in the first and the last half of the periods (section 4c), between 1 and k - 1.

    E is the mean square of the share above the first category, H the sum of mean squares of the
    higher categories; None where there are fewer than four periods, no square, fewer than
    `HALF_CODES` posts coded above the first category in a half, or H is not above 0.
    """
    half = cells.theta.shape[1] // 2
    if half < 2 or not cells.squares_hold:
        return None
    if min(cells.above[:, :half].sum(), cells.above[:, -half:].sum()) < HALF_CODES:
        return None

    def evenness(part: slice) -> float | None:
        theta, square = cells.theta[:, part], cells.square[:, part]
        total = theta.sum(axis=1)
        pairs = total**2 - (theta**2).sum(axis=1)
        mean_square = ((square.sum(axis=1) + pairs) / half**2).mean(axis=0)
        e = 1 - 2 * (total[:, 0] / half).mean() + mean_square[0]
        higher = mean_square[1:].sum()
        return float(e / higher) if higher > 0 else None

    first, last = evenness(slice(0, half)), evenness(slice(-half, None))
    return None if first is None or last is None else (first, last)


def slope_change(values: Floats) -> float:
    """Change over the study: the least-squares slope on the period, times T - 1."""
    t = np.arange(len(values), dtype=np.float64)
    t -= t.mean()
    return float((t * values).sum() / (t**2).sum() * (len(values) - 1))
