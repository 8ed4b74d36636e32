from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stagemix.merge.cells import Cells
from stagemix.merge.measures import (
    Measures,
    effective_number,
    half_changes,
    halves,
    jackknife,
    measures,
    slope_changes,
)

NAMES = tuple(Measures.__dataclass_fields__)


def cells_of(theta, square=None, *, there=None, paired=True):
    a, t, _ = theta.shape
    draw = np.random.default_rng(8)
    size = draw.integers(20, 90, size=(a, t))
    codes = draw.integers(5, 20, size=(a, t))
    return Cells(
        accounts=tuple(f"a{i}" for i in range(a)),
        periods=tuple(str(2000 + i) for i in range(t)),
        theta=theta,
        square=theta**2 if square is None else square,
        size=size,
        codes=codes,
        above=codes // 3,
        there=np.ones((a, t), dtype=bool) if there is None else there,
        pairs=np.full((a, t), paired),
    )


def estimates(shape, *, seed):
    """Shares and squares that differ from theirs, as estimates do."""
    draw = np.random.default_rng(seed)
    a, t, k = shape
    theta = draw.dirichlet([3, *[1] * (k - 1)], size=(a, t))
    return theta, theta**2 - draw.uniform(-0.005, 0.02, size=theta.shape)


def by_hand(theta, square, inside):
    """The measures of the accounts INSIDE[t] of every period, by their sums."""
    periods, k = range(theta.shape[1]), range(theta.shape[2])
    out = {name: [] for name in NAMES}
    e, h = [], []
    for t in periods:
        who, a = inside[t], len(inside[t])
        m = [sum(square[i, t, c] for i in who) / a for c in k]
        cross = [
            sum(theta[i, t, c] * theta[j, t, c] for i in who for j in who if i != j) / (a * (a - 1))
            for c in k
        ]
        mean = sum(theta[i, t, 0] for i in who) / a
        out["above_publish"].append(1 - mean)
        out["within"].append(1 - sum(m))
        out["between"].append(sum(m) - sum(cross))
        out["total"].append(1 - sum(cross))
        e.append(1 - 2 * mean + m[0])
        h.append(sum(m[1:]))
    kappa = sum(e) / sum(h)
    out["evenness"] = [x / y for x, y in zip(e, h, strict=True)]
    out["evenness_line"] = [(x - kappa * y) / (sum(h) / len(h)) for x, y in zip(e, h, strict=True)]
    return out


PANELS = {
    "every cell": np.ones((5, 3), dtype=bool),
    "cells missing": np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1], [1, 1, 0]], dtype=bool),
}


@pytest.mark.parametrize("panel", PANELS)
def test_measures_are_their_formulas_for_all_accounts_and_without_each(panel):
    there = PANELS[panel]
    theta, square = estimates((5, 3, 4), seed=1)
    found = measures(cells_of(theta, square, there=there))
    for row, left_out in enumerate([None, *range(5)]):
        inside = [[a for a in range(5) if there[a, t] and a != left_out] for t in range(3)]
        expected = by_hand(theta, square, inside)
        for name in NAMES:
            assert getattr(found, name).shape == (6, 3)
            assert getattr(found, name)[row] == pytest.approx(expected[name], abs=1e-12)


@pytest.mark.parametrize("value", [7.0, np.nan])
def test_cells_that_are_not_there_enter_nothing(value):
    there = PANELS["cells missing"]
    theta, square = estimates((5, 3, 4), seed=2)
    expected = measures(cells_of(theta, square, there=there))
    gone = np.where(there[:, :, None], 0, value)
    found = measures(cells_of(theta + gone, square + gone, there=there))
    for name in NAMES:
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 7), st.integers(1, 6), st.integers(2, 5))
def test_the_identity_of_merging_and_alikeness(seed, a, t, k):
    theta = np.random.default_rng(seed).dirichlet([0.7] * k, size=(a, t))
    found = measures(cells_of(theta))
    assert found.total == pytest.approx(found.within + found.between, abs=1e-12)
    for row, left_out in enumerate([None, *range(a)]):
        kept = [i for i in range(a) if i != left_out]
        n = len(kept)
        for period in range(t):
            mixes = theta[kept, period]
            pooled = mixes.mean(axis=0)
            within = sum(1 - sum(v * v for v in mix) for mix in mixes) / n
            b = sum(sum((x - m) ** 2 for x, m in zip(mix, pooled, strict=True)) for mix in mixes)
            assert found.within[row, period] == pytest.approx(within, abs=1e-12)
            assert (n - 1) / n * found.between[row, period] == pytest.approx(b / n, abs=1e-12)
            assert within + b / n == pytest.approx(1 - sum(v * v for v in pooled), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 6), st.integers(1, 5))
def test_total_is_within_and_between_for_estimates_too(seed, a, t):
    theta, square = estimates((a, t, 3), seed=seed)
    found = measures(cells_of(theta, square))
    assert found.total[0] == pytest.approx(found.within[0] + found.between[0], abs=1e-12)
    pairs = [theta[i] * theta[j] for i in range(a) for j in range(a) if i != j]
    expected = 1 - np.mean(pairs, axis=0).sum(axis=-1)
    assert found.total[0] == pytest.approx(expected, abs=1e-12)


def test_evenness_is_the_number_of_higher_stages_where_they_are_even():
    one, even = np.tile([0.7, 0.3, 0.0], (3, 4, 1)), np.tile([0.7, 0.15, 0.15], (3, 4, 1))
    assert measures(cells_of(one)).evenness == pytest.approx(np.full((4, 4), 1.0))
    assert measures(cells_of(even)).evenness == pytest.approx(np.full((4, 4), 2.0))
    assert measures(cells_of(even)).evenness_line == pytest.approx(np.zeros((4, 4)), abs=1e-12)


@pytest.mark.parametrize("t", [4, 5, 6])
@pytest.mark.parametrize("cross", [True, False])
@pytest.mark.parametrize("paired", [True, False])
def test_halves_are_their_formulas(t, cross, paired):
    theta, square = estimates((3, t, 4), seed=3)
    cells = cells_of(theta, square, paired=paired)
    found = halves(cells, cross=cross)
    h = t // 2
    assert found.accounts == cells.accounts
    assert found.periods == ("first_half", "last_half")
    assert found.there.tolist() == [[True, True]] * 3
    assert found.pairs.tolist() == [[paired or cross] * 2] * 3
    for half, part in enumerate([range(h), range(t - h, t)]):
        for a in range(3):
            for name in ("size", "codes", "above"):
                total = sum(getattr(cells, name)[a, s] for s in part)
                assert getattr(found, name)[a, half] == total
            for k in range(4):
                apart = sum(theta[a, r, k] * theta[a, s, k] for r in part for s in part if r != s)
                own = sum(square[a, s, k] for s in part)
                expected = apart / (h * (h - 1)) if cross else (apart + own) / h**2
                share = sum(theta[a, s, k] for s in part) / h
                assert found.theta[a, half, k] == pytest.approx(share, abs=1e-12)
                assert found.square[a, half, k] == pytest.approx(expected, abs=1e-12)


def test_squares_of_single_codes_enter_no_product_of_periods():
    theta, square = estimates((3, 4, 3), seed=4)
    cells = cells_of(theta, square, paired=False)
    found = halves(cells, cross=True)
    other = halves(replace(cells, square=square + 9.0), cross=True)
    assert found.square.tolist() == other.square.tolist()
    assert halves(cells, cross=False).square[0, 0, 0] != pytest.approx(found.square[0, 0, 0])


@pytest.mark.parametrize("t", [2, 5, 8])
def test_a_change_is_the_slope_over_the_study(t):
    values = np.random.default_rng(5).normal(size=(4, t))
    expected = [(t - 1) * np.polyfit(range(t), row, 1)[0] for row in values]
    assert slope_changes(values) == pytest.approx(expected)


def test_a_straight_line_changes_by_its_ends():
    assert slope_changes(np.array([[0.1, 0.2, 0.3, 0.4]])) == pytest.approx([0.3])


def test_a_period_left_out_of_the_slope_shortens_no_study():
    values = np.random.default_rng(9).normal(size=(3, 6))
    for out in range(6):
        rest = [t for t in range(6) if t != out]
        expected = [5 * np.polyfit(rest, row[rest], 1)[0] for row in values]
        assert slope_changes(values, kept=np.arange(6) != out) == pytest.approx(expected)


def test_half_changes():
    assert half_changes(np.array([[0.1, 0.4], [0.3, 0.2]])) == pytest.approx([0.3, -0.1])


def test_a_jackknife_leaves_out_one_account_at_a_time():
    """Of a ratio, which no formula for means gives."""
    draw = np.random.default_rng(6)
    x, y = draw.uniform(1, 2, 9), draw.uniform(1, 3, 9)
    values = [y.sum() / x.sum()]
    for a in range(9):
        values.append(sum(np.delete(y, a)) / sum(np.delete(x, a)))
    found = jackknife(np.array(values))
    mean = sum(values[1:]) / 9
    se = (8 / 9 * sum((v - mean) ** 2 for v in values[1:])) ** 0.5
    assert found.change == values[0]
    assert found.se == pytest.approx(se)
    # quantiles of t(8) from a printed table: .975, .80
    assert found.low == pytest.approx(values[0] - 2.306 * se, abs=1e-3 * se)
    assert found.high == pytest.approx(values[0] + 2.306 * se, abs=1e-3 * se)
    assert found.mdc == pytest.approx((2.306 + 0.889) * se, abs=2e-3 * se)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=3, max_size=12).filter(
        lambda v: np.std(v) > 1e-3
    )
)
def test_the_jackknife_of_a_mean_is_the_t_test(values):
    v = np.array(values)
    n = len(v)
    found = jackknife(np.concatenate([[v.mean()], (v.sum() - v) / (n - 1)]))
    test = stats.ttest_1samp(v, 0)
    low, high = test.confidence_interval(0.95)
    assert found.se == pytest.approx(stats.sem(v))
    assert found.p_value == pytest.approx(test.pvalue, abs=1e-9)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize(("accounts", "factor"), [(12, 3.08), (20, 2.95), (30, 2.90)])
def test_the_least_change_found_with_probability_point_8(accounts, factor):
    changes = np.random.default_rng(7).normal(size=1 + accounts)
    found = jackknife(changes)
    assert found.mdc / found.se == pytest.approx(factor, abs=0.005)


@pytest.mark.parametrize(("change", "p"), [(0.0, 1.0), (0.25, 0.0), (-0.25, 0.0)])
def test_accounts_that_all_change_by_the_same(change, p):
    found = jackknife(np.full(7, change))
    assert (found.se, found.mdc, found.p_value) == (0, 0, p)
    assert (found.low, found.change, found.high) == (change, change, change)


@pytest.mark.parametrize(("size", "p"), [(1e-13, 1.0), (1e-11, 0.0)])
def test_what_is_left_of_rounding_is_no_change(size, p):
    found = jackknife(size * np.linspace(1, 1.01, 7))
    assert (found.change == found.se == found.mdc == 0) == (p == 1)
    assert found.p_value == pytest.approx(p, abs=1e-6)


def test_constant_mixes_do_not_change():
    """The same shares from other numbers of posts, so that they are equal but for rounding."""
    posts = np.arange(11, 18)[:, None]
    theta = np.random.default_rng(11).dirichlet([6, 3, 2, 1], size=(9, 1)) * posts / posts
    found = measures(cells_of(theta))
    for name in ("above_publish", "within", "total", "between"):
        change = jackknife(slope_changes(getattr(found, name)))
        assert (change.change, change.se, change.low, change.high) == (0, 0, 0, 0)
        assert (change.p_value, change.mdc) == (1, 0)


def test_effective_number():
    assert effective_number(0.0) == 1
    assert effective_number(0.75) == 4
    assert effective_number(1.0) == float("inf")
    assert effective_number(1.02) == float("inf")
