"""Whether accounts become alike where every post is coded: tests of change in their dispersion.

Counts are arrays (A, T, k): posts of A accounts in T periods, in order of time, by k categories,
of which the first is the lowest (`publish`). The tests need at least two posts in each cell
(A x T). Accounts are the unit: each standard error leaves out one account at a time, so posts of
an account may depend on each other over time (statistics: section 4).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from stagemix.errors import DataError, several

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]
Conclusion = Literal["yes", "common_mean_moved", "cannot_tell", "too_few"]

TESTED_ACCOUNTS, TESTED_PERIODS, TESTED_POSTS = 10, 4, 20
"""Accounts, periods, and mean posts per account in the smallest period, that a test needs."""
LEAST_DISPERSION, LEAST_SPREAD, LEAST_PRODUCT = 1e-5, 1e-3, 1e-6
"""Least mean D, z(1 - z) and 2 x sum of products to divide by: unbiased ones can be below 0."""


@dataclass(frozen=True, kw_only=True)
class Test:
    """A test of change: its estimate b per period, standard error, t with A - 1 df and p-value.

    `status` is `too_few` below 10 accounts, 4 periods, or 20 posts per account on average in the
    smallest period; nothing is computed then, the figures are nan. `t` and `p_value` are nan,
    too, where accounts do not differ. `smallest_cell` is in posts of one account and period.
    """

    name: str
    estimate: float
    se: float
    t: float
    p_value: float
    accounts: int
    periods: int
    smallest_cell: int
    status: Literal["ok", "too_few"]

    @property
    def rejects(self) -> bool:
        """Whether "no change" is rejected at 5%; never where the status is `too_few`."""
        return self.p_value < 0.05

    @property
    def direction(self) -> Literal["falling", "rising", "none"]:
        """The sign of the estimate; a one-sided test says nothing about a rising one."""
        if self.estimate < 0:
            return "falling"
        return "rising" if self.estimate > 0 else "none"


def counts_of(*, cell: NDArray[np.intp], y: Floats, accounts: int, periods: int) -> Counts:
    """Count the posts of each account, period and category; returns (ACCOUNTS, PERIODS, k).

    CELL (N,) is account x PERIODS + period, or -1 for a post that does not count; Y (N, k) holds
    the codes, one 1 in each row. Raises DataError where a cell does not exist or a post that
    counts has not exactly one category.
    """
    outside = np.flatnonzero((cell < -1) | (cell >= accounts * periods))
    if len(outside):
        raise DataError(
            f"post {several(outside)}: its cell is outside {accounts} accounts x {periods} periods; "
            "number the cells from 0, or -1 for none"
        )
    inside = cell >= 0
    one = np.isin(y, (0, 1)).all(axis=1) & (y.sum(axis=1) == 1)
    wrong = np.flatnonzero(inside & ~one)
    if len(wrong):
        raise DataError(
            f"post {several(wrong)}: has not exactly one category; code it, or leave it out"
        )
    k = y.shape[1]
    number = cell[inside] * k + y[inside].argmax(axis=1)
    counts = np.bincount(number, minlength=accounts * periods * k)
    return counts.reshape(accounts, periods, k)


def unbiased_dispersion(counts: Counts) -> Floats:
    """D_t (T,): the variance of the accounts' shares in each period, without their sampling error.

    D_t = sum of |x_at - mean x_t|^2 / (A - 1) - mean of v_at, v_at = (1 - sum of x_atk^2)/(n_at - 1):
    unbiased for the propensities behind the shares, however many the posts; may be below 0.
    """
    n = _posts(counts)
    x = counts / n[:, :, None]
    v = (1 - (x**2).sum(axis=2)) / (n - 1)
    d: Floats = x.var(axis=0, ddof=1).sum(axis=1) - v.mean(axis=0)
    return d


def period_weights(counts: Counts) -> Floats:
    """h_t (T,) = 1/(mean of 1/(n_at - 1) + 0.01): periods with more posts weigh more, to a limit."""
    h: Floats = 1 / ((1 / (_posts(counts) - 1)).mean(axis=0) + 0.01)
    return h


def _posts(counts: Counts) -> Counts:
    n: Counts = counts.sum(axis=2)
    small = np.argwhere(n < 2)
    if len(small):
        cells = several(f"[{a}, {t}]" for a, t in small)
        raise DataError(
            f"counts{cells}: two posts of an account are needed in each period; "
            "leave the account out, or choose longer periods"
        )
    return n


def _mean_and_slope(values: Floats, h: Floats, t: Floats) -> tuple[Floats, Floats]:
    """Return the mean of VALUES (..., T) and their slope on T, both weighted by H (T,)."""
    share = h / h.sum()
    late = t - share @ t
    return values @ share, values @ (share * late) / (share @ late**2)


def _relative_slope(d: Floats, counts: Counts) -> float:
    mean, slope = _mean_and_slope(d, period_weights(counts), np.arange(len(d), dtype=np.float64))
    return float(slope / max(float(mean), LEAST_DISPERSION))


def sigma(counts: Counts) -> Test:
    """Test whether the accounts' shares come closer: sigma-convergence, one-sided.

    Barro & Sala-i-Martin 1992, on the unbiased D_t: b = h-weighted slope of D_t on t / h-weighted
    mean of D_t. It rejects also where all move towards `publish` together: see `converging`. Never
    read divergence from it. Raises DataError where a cell has fewer than two posts.
    """
    return _one_sided("sigma", lambda c: _relative_slope(unbiased_dispersion(c), c), counts)


def sigma_odds(counts: Counts) -> Test:
    """Test whether the odds of a post above the first category come closer, one-sided.

    As `sigma`, on the dispersion of z = share above the first category, divided by
    (z_t (1 - z_t))^2 with z_t the mean over accounts: the variance of the log odds, to first
    order, which stays where all accounts move together.
    """
    return _one_sided("sigma_odds", _odds_slope, counts)


def _above_first(counts: Counts) -> Counts:
    return np.stack([counts[:, :, 0], counts[:, :, 1:].sum(axis=2)], axis=2)


def _odds_slope(counts: Counts) -> float:
    two = _above_first(counts)
    z = (two[:, :, 1] / _posts(two)).mean(axis=0)
    d = unbiased_dispersion(two) / np.maximum(z * (1 - z), LEAST_SPREAD) ** 2
    return _relative_slope(d, counts)


def beta(counts: Counts) -> Test:
    """Test whether accounts that are low rise more than accounts that are high, one-sided.

    Beta-convergence (Barro & Sala-i-Martin 1992) of z = share above the first category. Level m
    and growth g are of different periods, odd O and even E, so that regression to the mean
    (Quah 1993) cancels: b = [cov(m_O, g_E) + cov(m_E, g_O)] / (2 cov(m_O, m_E)), m and g the
    h-weighted mean and slope. It rejects also where all move down together: never read it without
    `sigma_odds`.
    """
    return _one_sided("beta", _growth_on_level, counts)


def _growth_on_level(counts: Counts) -> float:
    two = _above_first(counts)
    z, h = two[:, :, 1] / _posts(two), period_weights(counts)
    t = np.arange(len(h), dtype=np.float64)
    odd, even = (_mean_and_slope(z[:, s::2], h[s::2], t[s::2]) for s in (0, 1))
    crossed = _products(odd[0], even[1]) + _products(even[0], odd[1])
    return crossed / max(2 * _products(odd[0], even[0]), LEAST_PRODUCT)


def _products(a: Floats, b: Floats) -> float:
    return float((a - a.mean()) @ (b - b.mean()))


def gini_within(counts: Counts) -> Test:
    """Test whether the categories come together inside accounts, on average; two-sided.

    G_at = 1 - sum of c(c - 1)/(n(n - 1)), the unbiased diversity of Simpson 1949; b is the mean
    over accounts of its least-squares slope on t, with standard error sd/sqrt(A). Accounts that
    become alike move it, too.
    """
    return _test("gini_within", _diversity_slope, counts, two_sided=True)


def _diversity_slope(counts: Counts) -> tuple[float, float]:
    n = _posts(counts)
    g = 1 - (counts * (counts - 1)).sum(axis=2) / (n * (n - 1))
    t = np.arange(g.shape[1], dtype=np.float64)
    _, slope = _mean_and_slope(g, np.ones_like(t), t)
    return float(slope.mean()), float(slope.std(ddof=1) / np.sqrt(len(slope)))


def _one_sided(name: str, statistic: Callable[[Counts], float], counts: Counts) -> Test:
    """Test STATISTIC < 0 with the jackknife (Efron & Stein 1981) over accounts."""

    def jackknife(counts: Counts) -> tuple[float, float]:
        b, a = statistic(counts), len(counts)
        without = np.array([statistic(np.delete(counts, i, axis=0)) for i in range(a)])
        return b, float(np.sqrt((a - 1) / a * ((without - without.mean()) ** 2).sum()))

    return _test(name, jackknife, counts, two_sided=False)


def _test(
    name: str, fit: Callable[[Counts], tuple[float, float]], counts: Counts, *, two_sided: bool
) -> Test:
    accounts, periods, _ = counts.shape
    n = counts.sum(axis=2)
    few = accounts < TESTED_ACCOUNTS or periods < TESTED_PERIODS
    few = few or n.mean(axis=0).min() < TESTED_POSTS
    estimate, se = (np.nan, np.nan) if few else fit(counts)
    # where accounts do not differ, the error is mere rounding and t would be anything
    t = estimate / se if se > 1e-12 * (1 + abs(estimate)) else np.nan
    below = float(stats.t.cdf(-abs(t) if two_sided else t, accounts - 1))
    return Test(
        name=name,
        estimate=estimate,
        se=se,
        t=t,
        p_value=2 * below if two_sided else below,
        accounts=accounts,
        periods=periods,
        smallest_cell=int(n.min()),
        status="too_few" if few else "ok",
    )


def converging(shares: Test, odds: Test) -> Conclusion:
    """Say whether the accounts became alike, from `sigma` and `sigma_odds` of the same counts.

    `yes` only where both reject; `common_mean_moved` where only `sigma` does: the shares came
    closer because all accounts moved the same way. Otherwise `cannot_tell`: a test that does not
    reject is no evidence that accounts stayed apart.
    """
    if shares.status == "too_few":
        return "too_few"
    if not shares.rejects:
        return "cannot_tell"
    return "yes" if odds.rejects else "common_mean_moved"
