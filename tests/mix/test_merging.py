from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagemix.mix.merging import (
    Cells,
    cell_estimates,
    evenness_by_halves,
    measures,
    slope_change,
)
from stagemix.mix.mixes import group_names

TWO = ("publish", "interact")
THREE = ("publish", "interact", "service")


def estimate(data):
    account, period = group_names(data.posts, by=("account", "year"))
    return cell_estimates(
        data, account=account, period=period, inside=np.ones(len(account), dtype=bool)
    )


def brute_cell(p, e, pi, pairs):
    """theta and q of one cell and stage, by the sums of section 4c; PAIRS maps (i, j) to pi_ij."""
    size = len(p)
    pbar = sum(p) / size
    r = sum(e[i] / pi[i] for i in e) / size
    s2 = sum(e[i] ** 2 / pi[i] for i in e)
    s2 += sum(e[i] * e[j] / pairs(i, j) for i in e for j in e if i != j)
    f = pbar**2 + 2 * pbar * r + s2 / size**2
    theta = pbar + r
    return theta, (size * f - theta) / (size - 1)


def world(sizes, *, stages=THREE, seed=0):
    """Posts of accounts x years; SIZES[a][t] posts each. Returns account, year, truth."""
    draw = np.random.default_rng(seed)
    account, year = [], []
    for a, row in enumerate(sizes):
        for t, n in enumerate(row):
            account += [f"a{a}"] * n
            year += [2019 + t] * n
    truth = [stages[k] for k in draw.choice(len(stages), size=len(year))]
    return account, year, truth


def members(account, year, which):
    keys = [which(a, y) for a, y in zip(account, year, strict=True)]
    return {key: [i for i, k in enumerate(keys) if k == key] for key in dict.fromkeys(keys)}


DESIGNS = {
    "simple random within account and year": lambda a, y: (a, y),
    "simple random within year": lambda a, y: y,
    "simple random over the corpus": lambda a, y: "",
}


@pytest.mark.parametrize(("name", "which"), DESIGNS.items(), ids=list(DESIGNS))
def test_cells_are_their_formulas(label, guesses, name, which):
    account, year, truth = world([[9, 7], [6, 12]])
    p, q = guesses(truth, stages=THREE, seed=1), guesses(truth, stages=THREE, seed=2)
    strata = members(account, year, which)
    draw = np.random.default_rng(5)
    pi, of = {}, {}
    for number, posts in enumerate(strata.values()):
        n = 3 + number % 2 if len(strata) > 1 else 11
        for i in draw.choice(posts, n, replace=False).tolist():
            pi[i], of[i] = n / len(posts), (number, n, len(posts))
    rows = sorted(pi)
    data = label(
        account=account, year=year, truth=truth, p=p, q=q, rows=rows,
        chance=[pi[i] for i in rows], stages=THREE,
    )  # fmt: skip
    assert data.design.name == name
    found = estimate(data)
    assert found.squares_hold
    assert found.accounts == ("a0", "a1")
    assert found.periods == ("2019", "2020")

    def pairs(i, j):
        if of[i][0] != of[j][0]:
            return pi[i] * pi[j]
        _, n, m = of[i]
        return n * (n - 1) / (m * (m - 1))

    for (a, t), posts in members(account, year, lambda a, y: (int(a[1]), y - 2019)).items():
        assert found.size[a, t] == len(posts)
        assert found.codes[a, t] == sum(i in pi for i in posts)
        for k, stage in enumerate(THREE):
            e = {i: (truth[i] == stage) - q[i, k] for i in posts if i in pi}
            theta, square = brute_cell([p[i, k] for i in posts], e, pi, pairs)
            assert found.theta[a, t, k] == pytest.approx(theta, abs=1e-12)
            assert found.square[a, t, k] == pytest.approx(square, abs=1e-12)


def all_samples(account, year, which, n_of):
    """Every sample of a stratified draw: lists of rows with their chances."""
    strata = list(members(account, year, which).items())
    each = [list(combinations(posts, n_of(key))) for key, posts in strata]
    for choice in product(*each):
        pi = {
            i: len(rows) / len(posts)
            for rows, (_, posts) in zip(choice, strata, strict=True)
            for i in rows
        }
        yield sorted(pi), [pi[i] for i in sorted(pi)]


ENUMERATED = {
    "simple random within account and year": (
        [[4, 2], [2, 2]],
        lambda a, y: (a, y),
        lambda key: 2,
    ),
    "simple random within year": (
        [[2, 2], [2, 2]],
        lambda a, y: y,
        lambda key: 2 if key == 2019 else 3,
    ),
    "simple random over the corpus": ([[2, 2], [2, 2]], lambda a, y: "", lambda key: 3),
}


@pytest.mark.parametrize("name", ENUMERATED)
def test_cells_are_unbiased_over_all_samples(label, guesses, name):
    sizes, which, n_of = ENUMERATED[name]
    account, year, truth = world(sizes, stages=TWO, seed=3)
    p = guesses(truth, stages=TWO, seed=4)
    theta, square = [], []
    for rows, chance in all_samples(account, year, which, n_of):
        data = label(
            account=account, year=year, truth=truth, p=p, rows=rows, chance=chance, stages=TWO
        )
        assert data.design.name == name
        found = estimate(data)
        theta.append(found.theta)
        square.append(found.square)
    assert len(theta) in (6, 24, 56)
    for (a, t), posts in members(account, year, lambda a, y: (int(a[1]), y - 2019)).items():
        for k, stage in enumerate(TWO):
            y = [truth[i] == stage for i in posts]
            n = len(posts)
            pairs = sum(y[i] * y[j] for i in range(n) for j in range(n) if i != j)
            assert np.mean(theta, axis=0)[a, t, k] == pytest.approx(sum(y) / n, abs=1e-12)
            assert np.mean(square, axis=0)[a, t, k] == pytest.approx(
                pairs / (n * (n - 1)), abs=1e-12
            )


def test_cells_are_unbiased_when_likely_posts_were_drawn_more_often(label, guesses):
    account = ["a0"] * 7 + ["a1"] * 2
    year = [2019] * 9
    truth = ["publish", "interact", "interact", *["publish", "interact"] * 3]
    p = guesses(truth, stages=TWO, seed=6)
    theta, square = [], []
    for likely in combinations(range(3), 2):
        for other in combinations(range(3, 7), 2):
            rows = [*likely, *other, 7, 8]
            chance = [2 / 3] * 2 + [1 / 2] * 2 + [1.0] * 2
            data = label(
                account=account, year=year, truth=truth, p=p, rows=rows, chance=chance, stages=TWO
            )
            assert data.design.name == (
                "not one simple draw; posts of equal probability within an account and year are "
                "taken as a stratum"
            )
            found = estimate(data)
            assert found.squares_hold
            theta.append(found.theta[0, 0])
            square.append(found.square[0, 0])
    y = np.array([[v == s for s in TWO] for v in truth[:7]], dtype=float)
    assert np.mean(theta, axis=0) == pytest.approx(y.mean(axis=0), abs=1e-12)
    assert np.mean(square, axis=0) == pytest.approx(
        (y.sum(axis=0) ** 2 - y.sum(axis=0)) / 42, abs=1e-12
    )


def test_everything_coded_gives_the_exact_share_and_the_pairs_of_posts(label, guesses):
    account, year, truth = world([[4, 3], [3, 5]])
    p = guesses(truth, stages=THREE)
    rows = range(len(truth))
    data = label(
        account=account, year=year, truth=truth, p=p, rows=rows, chance=[1.0] * 15, stages=THREE
    )
    found = estimate(data)
    cell = [i for i in rows if account[i] == "a1" and year[i] == 2020]
    y = np.array([[truth[i] == s for s in THREE] for i in cell], dtype=float)
    assert found.theta[1, 1] == pytest.approx(y.mean(axis=0), abs=1e-12)
    c = y.sum(axis=0)
    assert found.square[1, 1] == pytest.approx(c * (c - 1) / 20, abs=1e-12)


def test_one_code_in_a_stratum_leaves_only_the_share_above_publish(label, guesses):
    account, year, truth = world([[4, 5], [5, 4]])
    p = guesses(truth, stages=THREE)
    data = label(
        account=account, year=year, truth=truth, p=p, rows=[0, 4, 9, 14],
        chance=[1 / 4, 1 / 5, 1 / 5, 1 / 4], stages=THREE,
    )  # fmt: skip
    assert data.design.name == "simple random within account and year"
    cells = estimate(data)
    assert not cells.squares_hold
    found = measures(cells)
    assert found.above_publish == pytest.approx(1 - cells.theta[:, :, 0].mean(axis=0))
    assert (found.within, found.between, found.total) == (None, None, None)


def test_accounts_without_two_posts_in_every_period_are_left_out(label, guesses):
    account, year, truth = world([[4, 5], [5, 1], [6, 0]])
    p = guesses(truth, stages=THREE)
    data = label(
        account=account, year=year, truth=truth, p=p, rows=[0, 1, 2], chance=None, stages=THREE
    )
    assert estimate(data).accounts == ("a0",)


def cells_of(theta, square=None, above=30):
    a, t, _ = theta.shape
    return Cells(
        accounts=tuple(f"a{i}" for i in range(a)),
        periods=tuple(str(2000 + i) for i in range(t)),
        theta=theta,
        square=theta**2 if square is None else square,
        size=np.full((a, t), 10),
        codes=np.full((a, t), above),
        above=np.full((a, t), above),
        squares_hold=True,
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 7), st.integers(1, 6), st.integers(2, 5))
def test_the_identity_of_merging_and_alikeness(seed, a, t, k):
    theta = np.random.default_rng(seed).dirichlet([0.7] * k, size=(a, t))
    found = measures(cells_of(theta))
    for period in range(t):
        mixes = theta[:, period]
        pooled = mixes.mean(axis=0)
        within = sum(1 - sum(v * v for v in mix) for mix in mixes) / a
        b = sum(sum((x - m) ** 2 for x, m in zip(mix, pooled, strict=True)) for mix in mixes) / a
        assert found.within[period] == pytest.approx(within, abs=1e-12)
        assert (a - 1) / a * found.between[period] == pytest.approx(b, abs=1e-12)
        assert within + b == pytest.approx(1 - sum(v * v for v in pooled), abs=1e-12)
        assert found.total[period] == pytest.approx(
            found.within[period] + found.between[period], abs=1e-12
        )
        assert found.above_publish[period] == pytest.approx(1 - pooled[0], abs=1e-12)


def test_measures_are_their_formulas():
    draw = np.random.default_rng(1)
    theta = draw.dirichlet([3, 1, 1], size=(4, 3))
    square = theta**2 - draw.uniform(0, 0.02, size=theta.shape)
    found = measures(cells_of(theta, square))
    for t in range(3):
        m = [sum(square[a, t, k] for a in range(4)) / 4 for k in range(3)]
        cross = [
            sum(theta[a, t, k] * theta[b, t, k] for a in range(4) for b in range(4) if a != b) / 12
            for k in range(3)
        ]
        assert found.within[t] == pytest.approx(1 - sum(m), abs=1e-12)
        assert found.between[t] == pytest.approx(sum(m) - sum(cross), abs=1e-12)
        assert found.total[t] == pytest.approx(1 - sum(cross), abs=1e-12)


@pytest.mark.parametrize("t", [4, 5])
def test_evenness_is_its_formula(t):
    draw = np.random.default_rng(2)
    theta = draw.dirichlet([3, 1, 1], size=(3, t))
    square = theta**2 - draw.uniform(0, 0.01, size=theta.shape)
    found = evenness_by_halves(cells_of(theta, square))
    for value, half in zip(found, [range(2), range(t - 2, t)], strict=True):
        x1 = sum(theta[a, s, 0] for a in range(3) for s in half) / 6
        m = [
            sum(
                square[a, s, k] if s == r else theta[a, s, k] * theta[a, r, k]
                for a in range(3)
                for s in half
                for r in half
            )
            / 12
            for k in range(3)
        ]
        assert value == pytest.approx((1 - 2 * x1 + m[0]) / (m[1] + m[2]), abs=1e-12)


def test_evenness_is_one_for_one_higher_stage_and_two_for_two_even_ones():
    one = np.tile([0.7, 0.3, 0.0], (3, 4, 1))
    even = np.tile([0.7, 0.15, 0.15], (3, 4, 1))
    assert evenness_by_halves(cells_of(one)) == pytest.approx((1, 1))
    assert evenness_by_halves(cells_of(even)) == pytest.approx((2, 2))


def test_evenness_needs_four_periods_and_posts_above_the_first_category():
    three = np.tile([0.7, 0.2, 0.1], (3, 3, 1))
    nothing = np.tile([1.0, 0.0, 0.0], (3, 4, 1))
    assert evenness_by_halves(cells_of(three)) is None
    assert evenness_by_halves(cells_of(nothing)) is None
    assert evenness_by_halves(cells_of(np.tile([0.7, 0.2, 0.1], (3, 4, 1)), above=4)) is None
    assert evenness_by_halves(cells_of(np.tile([0.7, 0.2, 0.1], (3, 4, 1)), above=5)) is not None


def test_change_is_the_slope_over_the_study():
    assert slope_change(np.array([0.1, 0.2, 0.3, 0.4])) == pytest.approx(0.3)
    values = np.array([0.3, 0.1, 0.4, 0.1, 0.5])
    slope = np.polyfit(range(5), values, 1)[0]
    assert slope_change(values) == pytest.approx(4 * slope)
