"""Unbiased estimates of every account's mix in every period (section 4c)."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stagemix.mix.design import TOLERANCE
from stagemix.mix.groups import BLANK, UNDATED, Groups, sums
from stagemix.mix.sample import Labelled

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Estimates of A accounts x T periods x k categories; arrays (A, T, k).

    `theta` are shares, `square` unbiased squares of the propensities behind them; `size` (A, T)
    posts, `codes` (A, T) coded posts, `above` (A, T) those coded above the first category.
    `there` (A, T) tells which cells are estimated: all of them in a balanced panel; `pairs` (A, T)
    of which the square exists (two codes in each stratum, or strata wider than a cell).
    """

    accounts: tuple[str, ...]
    periods: tuple[str, ...]
    theta: Floats
    square: Floats
    size: Ints
    codes: Ints
    above: Ints
    there: Flags
    pairs: Flags

    @property
    def paired(self) -> bool:
        """Whether the square of every estimated cell exists."""
        return bool(self.pairs[self.there].all())

    def of_accounts(self, kept: Flags) -> "Cells":
        """Return the cells of the accounts KEPT (A,)."""
        names = tuple(name for name, keep in zip(self.accounts, kept, strict=True) if keep)
        arrays = ("theta", "square", "size", "codes", "above", "there", "pairs")
        return replace(self, accounts=names, **{name: getattr(self, name)[kept] for name in arrays})


def cell_estimates(data: Labelled, groups: Groups) -> Cells:
    """Estimate every account's mix in every period of GROUPS; undated posts are in none.

    Only cells with two posts or more are estimated (a square needs two), only where every stratum
    that reaches into the cell has a code, and none of posts without a group (`—`). With
    R = sum(e/pi)/N over the coded posts, theta = mean p + R; f = p^2 + 2 p R + S2, S2 from pairs
    of coded posts; square = (N f - theta)/(N - 1). A cell of which every post was sure to be coded
    has its exact shares.
    """
    size = np.bincount(groups.number, minlength=groups.count)
    theta, square = _estimates(data, groups, size[:, None].astype("float64"))
    own = groups.number[data.row]
    named = np.array([name != BLANK for name in groups.accounts])[groups.account]
    usable = (size >= 2) & named & _all_of(data.design.covered, groups)
    return _laid_out(
        groups,
        theta=theta,
        square=square,
        size=size,
        codes=np.bincount(own, minlength=groups.count),
        above=sums(own, data.y[:, 1:].sum(axis=1), groups.count).astype(np.intp),
        there=usable,
        paired=_all_of(data.design.paired, groups),
    )


def raw_cells(data: Labelled, groups: Groups) -> Cells:
    """The same from the labels alone, taken for the truth: what a naive analysis would show."""
    size = np.bincount(groups.number, minlength=groups.count)
    labels = data.posts["label"].to_numpy()[:, None] == np.array(data.categories)
    theta = sums(groups.number, labels.astype("float64"), groups.count) / size[:, None]
    return _laid_out(
        groups,
        theta=theta,
        square=theta**2,
        size=size,
        codes=np.zeros_like(size),
        above=np.zeros_like(size),
        there=size >= 2,
        paired=np.ones(groups.count, dtype=bool),
    )


def _estimates(data: Labelled, groups: Groups, size: Floats) -> tuple[Floats, Floats]:
    number, count = groups.number, groups.count
    own = number[data.row]
    e, chance = data.y - data.q, data.chance[:, None]
    mean_p = sums(number, data.p, count) / size
    residual = sums(own, e / chance, count) / size
    theta = mean_p + residual
    squares = sums(own, e**2 / chance, count) + _pairs(data, own, e, count)
    f = mean_p**2 + 2 * mean_p * residual + squares / size**2
    certain = np.bincount(own[data.chance > 1 - TOLERANCE], minlength=count)
    complete = (certain == size[:, 0])[:, None]
    exact = sums(own, data.y, count) / size
    theta, f = np.where(complete, exact, theta), np.where(complete, exact**2, f)
    with np.errstate(divide="ignore", invalid="ignore"):
        square = np.where(size > 1, (size * f - theta) / (size - 1), 0.0)
    return theta, square


def _pairs(data: Labelled, cell: Ints, e: Floats, cells: int) -> Floats:
    """Sum of e_i e_j / pi_ij over ordered pairs of different coded posts of each cell."""
    strata = int(data.design.stratum.max()) + 1
    part, first, number = np.unique(
        cell * strata + data.design.stratum, return_index=True, return_inverse=True
    )
    scaled = sums(number, e / data.chance[:, None], len(part))
    plain, squares = sums(number, e, len(part)), sums(number, e**2, len(part))
    pair = data.design.pair[first][:, None]
    alone = np.bincount(number)[:, None] < 2
    inside = np.where(alone, 0.0, (plain**2 - squares) / np.where(alone, 1.0, pair))
    own = cell[first]
    return sums(own, scaled, cells) ** 2 + sums(own, inside - scaled**2, cells)


def _all_of(flags: Flags, groups: Groups) -> Flags:
    without: Flags = np.bincount(groups.number, ~flags, groups.count) == 0
    return without


def _laid_out(
    groups: Groups, *, paired: Flags, there: Flags, **values: NDArray[np.generic]
) -> Cells:
    kept = [t for t, name in enumerate(groups.periods) if name != UNDATED]
    shape = (len(groups.accounts), len(groups.periods))
    grid = np.zeros(shape, dtype=bool)
    grid[groups.account, groups.period] = there
    pairs = np.ones(shape, dtype=bool)
    pairs[groups.account, groups.period] = paired
    laid = {}
    for name, value in values.items():
        out = np.zeros((*shape, *value.shape[1:]), dtype=value.dtype)
        out[groups.account, groups.period] = value
        laid[name] = out[:, kept]
    grid = grid[:, kept]
    return Cells(
        accounts=groups.accounts,
        periods=tuple(groups.periods[t] for t in kept),
        there=grid,
        pairs=pairs[:, kept],
        **laid,
    )
