"""Merging within accounts (融合) and differences between them, with leave-one-out values.

The identity (section 4c): with equal-weight accounts and G(v) = 1 - sum of v_k squared (Simpson
1949), the diversity of the mean mix is the mean diversity within accounts plus the differences
between accounts. If the average mix stays, every fall of the differences is a rise of the
diversity within: so merging is said only where the diversity of the mean mix rises too.

Arrays (1 + A, T): row 0 is computed from all A accounts, row 1 + a without account a.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stagemix.merge.cells import Cells

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Measures:
    """The measures of section 4c in every period, arrays (1 + A, T).

    `above_publish` u: share above the first category; `within` W: mean diversity within accounts;
    `between` D: differences between accounts (A - 1 form, of which B of the identity is
    (A - 1)/A); `total` = W + D; `evenness` Q = E/H of the higher categories and `evenness_line`,
    Q made linear, (E - kappa H)/mean H with kappa = mean E/mean H.
    """

    above_publish: Floats
    within: Floats
    between: Floats
    total: Floats
    evenness: Floats
    evenness_line: Floats


def measures(cells: Cells) -> Measures:
    """Compute the measures of each period, for all accounts and without each of them."""
    there = cells.there[:, :, None]
    theta, square = np.where(there, cells.theta, 0.0), np.where(there, cells.square, 0.0)
    n = _rows(cells.there.astype("float64"))
    first, second, m = _rows(theta), _rows(theta**2), _rows(square)
    with np.errstate(divide="ignore", invalid="ignore"):
        m = m / n[..., None]
        cross = (first**2 - second) / (n * (n - 1))[..., None]
        mean = first[..., 0] / n
        e, higher = 1 - 2 * mean + m[..., 0], m[..., 1:].sum(axis=-1)
        kappa = e.mean(axis=1, keepdims=True) / higher.mean(axis=1, keepdims=True)
        line = (e - kappa * higher) / higher.mean(axis=1, keepdims=True)
        evenness = e / higher
        within, between = 1 - m.sum(axis=-1), (m - cross).sum(axis=-1)
    return Measures(
        above_publish=1 - mean,
        within=within,
        between=between,
        total=within + between,
        evenness=evenness,
        evenness_line=line,
    )


def _rows(values: Floats) -> Floats:
    """Sums over the accounts (axis 0): of all, then without each."""
    total = values.sum(axis=0)
    return np.concatenate([total[None], total - values])


def halves(cells: Cells, *, cross: bool) -> Cells:
    """Take the periods of each half together; the middle one of an odd number is dropped.

    With CROSS, squares are products of two different periods, which hold other posts and other
    codes, so they need no variance and hold with one code a cell; without it the periods' own
    squares enter too. Needs every cell, and four periods.
    """
    h = len(cells.periods) // 2
    theta, square, counts = [], [], []
    for part in (slice(0, h), slice(len(cells.periods) - h, None)):
        total = cells.theta[:, part].sum(axis=1)
        products = total**2 - (cells.theta[:, part] ** 2).sum(axis=1)
        own = cells.square[:, part].sum(axis=1)
        theta.append(total / h)
        square.append(products / (h * (h - 1)) if cross else (products + own) / h**2)
        counts.append([x[:, part].sum(axis=1) for x in (cells.size, cells.codes, cells.above)])
    size, codes, above = (np.stack(x, axis=1) for x in zip(*counts, strict=True))
    return Cells(
        accounts=cells.accounts,
        periods=("first_half", "last_half"),
        theta=np.stack(theta, axis=1),
        square=np.stack(square, axis=1),
        size=size,
        codes=codes,
        above=above,
        there=np.ones(size.shape, dtype=bool),
        pairs=np.full(size.shape, cells.paired or cross),
    )


def slope_changes(values: Floats, *, kept: NDArray[np.bool_] | None = None) -> Floats:
    """Changes over the study: least-squares slopes on the period times T - 1, (1 + A,).

    KEPT (T,) leaves periods out of the slope; the change is still over all of them.
    """
    t = np.arange(values.shape[1], dtype=np.float64)
    last = t[-1]
    if kept is not None:
        t, values = t[kept], values[:, kept]
    t -= t.mean()
    changes: Floats = values @ t / (t**2).sum() * last
    return changes


def half_changes(values: Floats) -> Floats:
    """Changes from the first of two halves to the last, (1 + A,)."""
    changes: Floats = values[:, 1] - values[:, 0]
    return changes


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change over the study with its 95% interval and test, accounts as the units.

    `mdc` is the change that would have been found with a probability of .8.
    """

    change: float
    se: float
    low: float
    high: float
    p_value: float
    mdc: float


def jackknife(changes: Floats) -> Change:
    """Test a change (1 + A,) by its leave-one-account-out values (Efron & Stein 1981).

    SE^2 = (A - 1)/A sum of (b_(-a) - mean b)^2; interval and two-sided p-value by t(A - 1).
    Nothing about the accounts' course over time is assumed.
    """
    # what is left of rounding is no change
    changes = np.where(np.abs(changes) > 1e-12, changes, 0.0)
    b, without = float(changes[0]), changes[1:]
    df = len(without) - 1
    se = float(np.sqrt(df / len(without) * ((without - without.mean()) ** 2).sum()))
    half = float(stats.t.ppf(0.975, df)) * se
    p = float(2 * stats.t.sf(abs(b) / se, df)) if se > 0 else (1.0 if b == 0 else 0.0)
    mdc = half + float(stats.t.ppf(0.80, df)) * se
    return Change(change=b, se=se, low=b - half, high=b + half, p_value=p, mdc=mdc)


def effective_number(within: float) -> float:
    """Diversity as an effective number of stages, 1/(1 - W) (Hill 1973)."""
    return float(np.inf) if within >= 1 else 1 / (1 - within)
