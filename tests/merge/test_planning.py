from itertools import product
from math import sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate
from scipy.special import gamma

from stagemix.errors import DataError
from stagemix.merge.cells import cell_estimates
from stagemix.merge.planning import (
    Joined,
    _confusion,
    _estimates,
    _null_mixes,
    _simulated_cells,
    joined,
    least_codes,
    simulated_change,
    smallest_change,
)
from stagemix.mix.groups import group_names, groups_of

RARE = (0.86, 0.08, 0.054, 0.006)


def t_quantile(part, df):
    """Student's t quantile by integrating its density and bisection."""
    scale = gamma((df + 1) / 2) / sqrt(df * np.pi) / gamma(df / 2)

    def below(x):
        return 0.5 + scale * integrate.quad(lambda v: (1 + v * v / df) ** (-(df + 1) / 2), 0, x)[0]

    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < part else (low, middle)
    return low


def test_the_rule_gives_the_published_smallest_changes():
    found = [smallest_change(codes=n, accounts=20, periods=6, above=0.14) for n in (300, 500, 1000)]
    assert [round(f.above_publish.mdc80, 2) for f in found] == [0.15, 0.12, 0.08]
    assert [round(f.within.mdc80, 2) for f in found] == [0.20, 0.16, 0.11]


@pytest.mark.parametrize("accounts", [6, 12, 20, 30])
@pytest.mark.parametrize(
    ("above", "c_u", "c_w"),
    [(0.05, 0.9, 1.2), (0.14, 0.9, 1.2), (0.22, 0.975, 1.1), (0.3, 1.05, 1.0), (0.5, 1.05, 1.0)],
)
def test_the_rule_is_its_formula(accounts, above, c_u, c_w):
    found = smallest_change(codes=400, accounts=accounts, periods=5, above=above)
    factor = t_quantile(0.975, accounts - 1) + t_quantile(0.80, accounts - 1)
    for one, c, floor in [(found.above_publish, c_u, 0.017), (found.within, c_w, 0.024)]:
        assert one.se == pytest.approx(max(c / 20, floor * sqrt(20 / accounts)), rel=1e-12)
        assert one.mdc80 == pytest.approx(factor * one.se, rel=1e-8)


def test_no_number_of_codes_beats_coding_every_post():
    found = smallest_change(codes=10**6, accounts=5 * 16, periods=6, above=0.1)
    assert (found.above_publish.se, found.within.se) == pytest.approx((0.0085, 0.012))


def test_a_pilot_replaces_the_rule_of_u_alone():
    rule = smallest_change(codes=500, accounts=20, periods=6, above=0.14)
    pilot = smallest_change(codes=500, accounts=20, periods=6, above=0.14, error_variance=0.1)
    # the variance of a least-squares slope times T - 1, of six means of 500/6 residuals each
    t = np.arange(6) - 2.5
    weights = 5 * t / (t @ t)
    sampling = (weights**2).sum() * 0.1 / (500 / 6)
    assert pilot.above_publish.se == pytest.approx(sqrt(sampling + 0.017**2), rel=1e-12)
    assert pilot.within == rule.within


@pytest.mark.parametrize(("accounts", "periods"), [(5, 6), (20, 3)])
def test_too_few_accounts_or_periods_are_not_planned_for(accounts, periods):
    said = (
        f"{accounts} accounts and {periods} periods: a change is tested from 6 accounts and "
        "4 periods on; add some"
    )
    with pytest.raises(DataError) as caught:
        smallest_change(codes=500, accounts=accounts, periods=periods, above=0.14)
    assert str(caught.value) == said
    cells = np.full((accounts, periods), 4)
    with pytest.raises(DataError) as caught:
        simulated_change(sizes=cells, codes=cells, mix=RARE, error_variance=0.05, seed=1)
    assert str(caught.value) == said


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.02, 1), min_size=2, max_size=5), st.floats(0, 1))
def test_what_the_classifier_says_has_the_mix_and_the_error_variance(raw, part):
    mix = np.array(raw) / sum(raw)
    wanted = part * mix[0] * (1 - mix[0])
    says = _confusion(mix, wanted)
    k = len(mix)
    said = [sum(mix[i] * says[i, j] for i in range(k)) for j in range(k)]
    assert said == pytest.approx(mix, abs=1e-12)
    for i, j in product(range(k), repeat=2):
        assert mix[i] * says[i, j] / said[j] == pytest.approx(says[j, i], abs=1e-9)
    variance = sum(
        mix[i] * says[i, j] * ((i == 0) - says[j, 0]) ** 2 for i, j in product(range(k), repeat=2)
    )
    assert variance == pytest.approx(wanted, abs=1e-9)


def test_more_error_than_that_of_no_classifier_is_refused():
    cells = np.full((6, 4), 4)
    with pytest.raises(DataError) as caught:
        simulated_change(sizes=cells, codes=cells, mix=(0.9, 0.1), error_variance=0.2, seed=1)
    assert str(caught.value) == (
        "error variance 0.2: should be from 0 to 0.09, that of a classifier that knows only the "
        "share of the first category"
    )


@pytest.mark.parametrize(("size", "n"), [(4, 1), (3, 4)])
def test_cells_without_pairs_of_codes_are_refused(size, n):
    sizes, codes = np.full((6, 4), 4), np.full((6, 4), 2)
    sizes[5, 3], codes[5, 3] = size, n
    with pytest.raises(DataError) as caught:
        simulated_change(sizes=sizes, codes=codes, mix=RARE, error_variance=0.05, seed=1)
    assert str(caught.value) == "every cell needs 2 codes or more, and as many posts; join periods"


def test_estimates_from_counts_are_those_of_the_posts_themselves(label):
    stages = ("publish", "interact", "service")
    k = 3
    draw = np.random.default_rng(3)
    confusion = _confusion(np.array([0.6, 0.3, 0.1]), 0.1)
    sizes, codes = np.array([[7, 9], [5, 6]]), np.array([[2, 4], [5, 3]])
    kinds = np.full(k * k, 1 / (k * k))
    coded = draw.multinomial(codes, kinds)
    posts = coded + draw.multinomial(sizes - codes, kinds)
    account, year, truth, said, rows, chance = [], [], [], [], [], []
    for a, t, kind in product(range(2), range(2), range(k * k)):
        for number in range(posts[a, t, kind]):
            if number < coded[a, t, kind]:
                rows.append(len(truth))
                chance.append(codes[a, t] / sizes[a, t])
            account.append(f"a{a}")
            year.append(2020 + t)
            truth.append(stages[kind // k])
            said.append(kind % k)
    data = label(
        account=account, year=year, truth=truth, p=confusion[said], rows=rows, chance=chance,
        stages=stages,
    )  # fmt: skip
    groups = groups_of(*group_names(data.posts, by=("account", "year")))
    found = cell_estimates(data, groups)
    theta, square = _estimates(coded, posts, confusion)
    assert theta == pytest.approx(found.theta, abs=1e-12)
    assert square == pytest.approx(found.square, abs=1e-12)


def test_simulated_cells_are_unbiased_and_have_the_sizes_asked_for():
    draw = np.random.default_rng(4)
    shares = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3]])
    confusion = _confusion(np.array([0.6, 0.3, 0.1]), 0.1)
    sizes, codes = np.array([[3, 8], [20, 5]]), np.array([[2, 3], [4, 5]])
    many = [
        _simulated_cells(draw, shares, confusion, sizes=sizes, codes=codes) for _ in range(4000)
    ]
    assert many[0].codes.tolist() == codes.tolist()
    assert many[0].size.tolist() == sizes.tolist()
    assert many[0].paired
    assert all((cells.above <= codes).all() for cells in many)
    for name, truth in [("theta", shares), ("square", shares**2)]:
        values = np.array([getattr(cells, name) for cells in many])
        error = values.std(axis=0) / sqrt(len(many))
        assert (np.abs(values.mean(axis=0) - truth[:, None]) < 4.5 * error).all()


def test_the_mixes_of_accounts_lie_around_the_usual_one():
    mixes = _null_mixes(np.random.default_rng(5), np.array(RARE), accounts=5000)
    assert mixes.sum(axis=1) == pytest.approx(1)
    odds = np.log(mixes[:, 1:] / mixes[:, :1])
    assert odds.mean(axis=0) == pytest.approx(np.log(np.array(RARE[1:]) / RARE[0]), abs=0.05)
    assert odds.std(axis=0) == pytest.approx(0.8, abs=0.04)


def test_two_categories_that_are_all_coded_leave_the_binomial_error_of_u():
    sizes = np.tile([10, 20, 40, 80], (8, 1))
    mix = (0.5, 0.5)
    found = simulated_change(
        sizes=sizes, codes=sizes, mix=mix, error_variance=0.1, seed=6, studies=3000
    )
    t = np.arange(4) - 1.5
    weights = 3 * t / (t @ t)
    x = np.linspace(-6, 6, 4001)
    spread = np.exp(-(x**2) / 2) / sqrt(2 * np.pi) * (x[1] - x[0])
    share = 1 / (1 + np.exp(-0.8 * x))
    variance = (spread * share * (1 - share)).sum()
    expected = sqrt((weights**2 / sizes[0]).sum() * variance / 8)
    # the standard deviation of 3,000 studies is known to 1.3 %
    assert found.above_publish.se == pytest.approx(expected, rel=0.06)


def test_simulation_agrees_with_the_rule_it_does_not_know():
    sizes = np.tile([20, 32, 50, 80, 126, 200], (20, 1))
    codes = np.full((20, 6), 4)
    calls = []
    found = simulated_change(
        sizes=sizes, codes=codes, mix=RARE, error_variance=0.08, seed=7, studies=600,
        progress=calls.append,
    )  # fmt: skip
    rule = smallest_change(codes=480, accounts=20, periods=6, above=0.14)
    assert calls == [1] * 600
    assert found.above_publish.se == pytest.approx(rule.above_publish.se, rel=0.15)
    assert found.within.se == pytest.approx(rule.within.se, rel=0.25)
    assert found.within.mdc80 / found.within.se == pytest.approx(rule.within.mdc80 / rule.within.se)


def test_the_same_seed_gives_the_same_simulation():
    cells = np.full((6, 4), 5)
    same = [
        simulated_change(
            sizes=cells, codes=cells - 2, mix=RARE, error_variance=0.1, seed=s, studies=5
        )
        for s in (1, 1, 2)
    ]
    assert same[0] == same[1] != same[2]


def counts(*, accounts=2, month=24, posts=40):
    """Posts by month, quarter, half and year, as many in each account."""
    columns = {"month": month, "quarter": month // 3, "half": month // 6, "year": month // 12}
    return {
        unit: pd.DataFrame(
            np.full((accounts, number), posts * month // number),
            index=[f"a{i}" for i in range(accounts)],
        )
        for unit, number in columns.items()
    }


@pytest.mark.parametrize(
    ("codes", "period", "needs"),
    [(1000, "month", 240), (240, "month", 240), (239, "quarter", 80), (79, "half", 40), (39, "year", 20)],
)  # fmt: skip
def test_the_shortest_period_that_codes_suffice_for_is_taken(codes, period, needs):
    assert joined(counts(month=60), codes=codes) == Joined(period=period, needs=needs, why="")


def test_where_no_period_fits_it_says_why():
    tables = counts(accounts=3)
    tables["month"].iloc[0, :2] = [1, 0]
    assert joined(tables, codes=23) == Joined(
        period=None,
        needs=0,
        why="no period fits: month leaves 2 of 72 cells fewer than 2 posts; quarter needs 48 codes; "
        "half needs 24 codes; year gives 2 periods, 4 are needed",
    )
    assert joined(tables, codes=24).period == "half"


def test_a_cell_of_one_post_needs_one_code():
    assert least_codes(pd.DataFrame([[0, 1, 2], [3, 4, 5]])) == 0 + 1 + 2 * 4
