from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from stagemix.merge.cells import cell_estimates, raw_cells
from stagemix.mix.groups import group_names, groups_of

TWO = ("publish", "interact")
THREE = ("publish", "interact", "service")
UNEQUAL = (
    "not one simple draw; posts of equal probability within an account and year are taken as a "
    "stratum"
)


def groups(data):
    return groups_of(*group_names(data.posts, by=("account", "year")))


def estimate(data):
    return cell_estimates(data, groups(data))


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
    """The posts of each stratum that WHICH (account, year, post) names."""
    keys = [which(a, y, i) for i, (a, y) in enumerate(zip(account, year, strict=True))]
    return {key: [i for i, k in enumerate(keys) if k == key] for key in dict.fromkeys(keys)}


def posts_of_cells(account, year):
    return members(account, year, lambda a, y, i: (int(a[1]), y - 2019)).items()


def brute_cell(p, e, pi, pairs):
    """theta and square of one cell and stage by their sums; PAIRS maps (i, j) to pi_ij."""
    size = len(p)
    pbar = sum(p) / size
    r = sum(e[i] / pi[i] for i in e) / size
    s2 = sum(e[i] ** 2 / pi[i] for i in e)
    s2 += sum(e[i] * e[j] / pairs(i, j) for i in e for j in e if i != j)
    f = pbar**2 + 2 * pbar * r + s2 / size**2
    theta = pbar + r
    return theta, (size * f - theta) / (size - 1)


def drawn(strata, n_of, *, seed=5):
    """Draw N_OF (number, posts) of each stratum; returns chances and (stratum, n, M) by post."""
    draw = np.random.default_rng(seed)
    pi, of = {}, {}
    for number, posts in enumerate(strata.values()):
        n = n_of(number, posts)
        for i in draw.choice(posts, n, replace=False).tolist():
            pi[i], of[i] = n / len(posts), (number, n, len(posts))
    return pi, of


DESIGNS = {
    "simple random within account and year": (lambda a, y, i: (a, y), lambda s, m: 3 + s % 2),
    "simple random within year": (lambda a, y, i: y, lambda s, m: 6 + s % 2),
    "simple random within account": (lambda a, y, i: a, lambda s, m: 6 + s % 2),
    "simple random over the corpus": (lambda a, y, i: "", lambda s, m: 11),
    UNEQUAL: (
        lambda a, y, i: (a, y, i % 3 == 0),
        lambda s, m: 2 if s % 2 else len(m) - 1,
    ),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_cells_are_their_formulas(label, guesses, name):
    account, year, truth = world([[9, 7], [6, 12]])
    p, q = guesses(truth, stages=THREE, seed=1), guesses(truth, stages=THREE, seed=2)
    which, n_of = DESIGNS[name]
    pi, of = drawn(members(account, year, which), n_of)
    rows = sorted(pi)
    data = label(
        account=account, year=year, truth=truth, p=p, q=q, rows=rows,
        chance=[pi[i] for i in rows], stages=THREE,
    )  # fmt: skip
    assert data.design.name == name
    found = estimate(data)
    assert found.paired
    assert found.there.all()
    assert found.accounts == ("a0", "a1")
    assert found.periods == ("2019", "2020")

    def pairs(i, j):
        if of[i][0] != of[j][0]:
            return pi[i] * pi[j]
        _, n, m = of[i]
        return n * (n - 1) / (m * (m - 1))

    for (a, t), posts in posts_of_cells(account, year):
        coded = [i for i in posts if i in pi]
        assert found.size[a, t] == len(posts) > len(coded)
        assert found.codes[a, t] == len(coded)
        assert found.above[a, t] == sum(truth[i] != "publish" for i in coded)
        for k, stage in enumerate(THREE):
            e = {i: (truth[i] == stage) - q[i, k] for i in coded}
            theta, square = brute_cell([p[i, k] for i in posts], e, pi, pairs)
            assert found.theta[a, t, k] == pytest.approx(theta, abs=1e-12)
            assert found.square[a, t, k] == pytest.approx(square, abs=1e-12)


def all_samples(strata, n_of):
    """Every sample of a stratified draw: lists of rows with their chances."""
    each = [list(combinations(posts, n_of(key))) for key, posts in strata.items()]
    for choice in product(*each):
        pi = {
            i: len(rows) / len(posts)
            for rows, posts in zip(choice, strata.values(), strict=True)
            for i in rows
        }
        yield sorted(pi), [pi[i] for i in sorted(pi)]


# Cells of two in a draw over the corpus are wholly drawn in some samples, by luck: those cells
# are estimated like all others, or the mean over all samples would be off.
ENUMERATED = {
    "simple random within account and year": (
        [[4, 3], [3, 2]],
        lambda a, y, i: (a, y),
        lambda key: 2,
        54,
    ),
    "simple random within year": (
        [[3, 2], [4, 3]],
        lambda a, y, i: y,
        lambda key: 2 if key == 2019 else 5,
        21,
    ),
    "simple random within account": (
        [[3, 4], [2, 3]],
        lambda a, y, i: a,
        lambda key: 2 if key == "a0" else 5,
        21,
    ),
    "simple random over the corpus": ([[2, 2], [2, 2]], lambda a, y, i: "", lambda key: 3, 56),
    UNEQUAL: (
        [[7, 2], [2, 2]],
        lambda a, y, i: (a, y, a == "a0" and i < 3),
        lambda key: 2,
        18,
    ),
}


@pytest.mark.parametrize("name", ENUMERATED)
def test_cells_are_unbiased_over_all_samples(label, guesses, name):
    sizes, which, n_of, samples = ENUMERATED[name]
    account, year, truth = world(sizes, stages=TWO, seed=3)
    p = guesses(truth, stages=TWO, seed=4)
    theta, square = [], []
    for rows, chance in all_samples(members(account, year, which), n_of):
        data = label(
            account=account, year=year, truth=truth, p=p, rows=rows, chance=chance, stages=TWO
        )
        assert data.design.name == name
        found = estimate(data)
        theta.append(found.theta)
        square.append(found.square)
    assert len(theta) == samples
    for (a, t), posts in posts_of_cells(account, year):
        for k, stage in enumerate(TWO):
            y = [truth[i] == stage for i in posts]
            n = len(posts)
            pairs = sum(y[i] * y[j] for i in range(n) for j in range(n) if i != j)
            assert np.mean(theta, axis=0)[a, t, k] == pytest.approx(sum(y) / n, abs=1e-12)
            assert np.mean(square, axis=0)[a, t, k] == pytest.approx(
                pairs / (n * (n - 1)), abs=1e-12
            )


def exact(truth, posts):
    y = np.array([[truth[i] == stage for stage in THREE] for i in posts], dtype=float)
    n, c = len(posts), y.sum(axis=0)
    return c / n, (n * (c / n) ** 2 - c / n) / (n - 1)


def test_a_cell_of_which_every_post_is_coded_has_its_exact_shares(label, guesses):
    account, year, truth = world([[4, 5], [6, 5]])
    p, q = guesses(truth, stages=THREE, seed=1), guesses(truth, stages=THREE, seed=2)
    rows = [0, 1, *range(4, 9), 9, 11, 16, 18]
    chance = [1 / 2] * 2 + [1.0] * 5 + [1 / 3] * 2 + [2 / 5] * 2
    data = label(
        account=account, year=year, truth=truth, p=p, q=q, rows=rows, chance=chance, stages=THREE
    )
    found = estimate(data)
    theta, square = exact(truth, range(4, 9))
    assert found.theta[0, 1] == pytest.approx(theta, abs=1e-12)
    assert found.square[0, 1] == pytest.approx(square, abs=1e-12)
    others = exact(truth, range(4))[0]
    assert np.abs(found.theta[0, 0] - others).max() > 0.01


def test_every_post_coded_gives_exact_shares_whatever_the_classifier_says(label, guesses):
    account, year, truth = world([[4, 3], [3, 5]])
    p, q = guesses(truth, stages=THREE, seed=1), guesses(truth, stages=THREE, seed=2)
    data = label(
        account=account, year=year, truth=truth, p=p, q=q, rows=range(15), chance=[1.0] * 15,
        stages=THREE,
    )  # fmt: skip
    found = estimate(data)
    assert found.paired
    for (a, t), posts in posts_of_cells(account, year):
        theta, square = exact(truth, posts)
        assert found.theta[a, t] == pytest.approx(theta, abs=1e-12)
        assert found.square[a, t] == pytest.approx(square, abs=1e-12)


UNCODED = {
    "account and year": ([0, 1, 4, 5, 8, 9], [1 / 2] * 6, [[True, True], [True, False]]),
    "year": ([0, 1, 9], [3 / 8] * 3, [[True, False], [True, False]]),
    "account": ([0, 1, 4], [3 / 8] * 3, [[True, True], [False, False]]),
}


@pytest.mark.parametrize("by", UNCODED)
def test_a_stratum_without_any_code_leaves_its_cells_out(label, guesses, by):
    rows, chance, there = UNCODED[by]
    account, year, truth = world([[4, 4], [4, 4]])
    p = guesses(truth, stages=THREE)
    data = label(
        account=account, year=year, truth=truth, p=p, rows=rows, chance=chance, stages=THREE
    )
    assert data.design.name == f"simple random within {by}"
    found = estimate(data)
    assert found.there.tolist() == there
    assert found.paired


def test_a_cell_without_codes_in_a_wider_stratum_has_the_mean_probability(label, guesses):
    account, year, truth = world([[4, 4], [4, 4]])
    p = guesses(truth, stages=THREE)
    rows = [0, 1, 5, 6, 8]
    data = label(
        account=account, year=year, truth=truth, p=p, rows=rows, chance=[5 / 16] * 5, stages=THREE
    )
    assert data.design.name == "simple random over the corpus"
    found = estimate(data)
    assert found.there.all()
    assert found.codes.tolist() == [[2, 2], [1, 0]]
    mean = p[12:].mean(axis=0)
    assert found.theta[1, 1] == pytest.approx(mean, abs=1e-12)
    assert found.square[1, 1] == pytest.approx((4 * mean**2 - mean) / 3, abs=1e-12)


def test_cells_of_fewer_than_two_posts_are_not_estimated(label, guesses):
    account, year, truth = world([[4, 5], [5, 1], [6, 0]])
    p = guesses(truth, stages=THREE)
    data = label(
        account=account, year=year, truth=truth, p=p, rows=[0, 1, 2], chance=None, stages=THREE
    )
    found = estimate(data)
    assert found.there.tolist() == [[True, True], [True, False], [True, False]]
    assert found.size.tolist() == [[4, 5], [5, 1], [6, 0]]
    assert np.isfinite(found.theta).all()
    assert np.isfinite(found.square).all()


def test_one_code_in_a_stratum_gives_shares_without_squares(label, guesses):
    account, year, truth = world([[4, 5], [5, 4]])
    p = guesses(truth, stages=THREE)
    data = label(
        account=account, year=year, truth=truth, p=p, rows=[0, 4, 5, 9, 10, 14, 15],
        chance=[1 / 4, *[2 / 5] * 4, 1 / 2, 1 / 2], stages=THREE,
    )  # fmt: skip
    assert data.design.name == "simple random within account and year"
    found = estimate(data)
    assert found.there.all()
    assert found.pairs.tolist() == [[False, True], [True, True]]
    assert not found.paired
    assert found.of_accounts(np.array([False, True])).paired
    e = np.eye(3)[THREE.index(truth[0])] - p[0]
    assert found.theta[0, 0] == pytest.approx(p[:4].mean(axis=0) + e, abs=1e-12)


def test_undated_posts_are_in_no_cell(label, guesses):
    account, year, truth = world([[4, 5], [5, 4]])
    p = guesses(truth, stages=THREE)
    dated = {"rows": [0, 1, 4, 5, 9, 10, 14, 15], "chance": [1 / 2] * 2 + [2 / 5] * 4 + [1 / 2] * 2}
    found = estimate(label(account=account, year=year, truth=truth, p=p, stages=THREE, **dated))
    more = label(
        account=[*account, "a0", "a0", "a2"], year=[*year, None, None, None],
        truth=[*truth, *THREE], p=np.vstack([p, p[:3]]), stages=THREE,
        rows=[*dated["rows"], 18, 19, 20], chance=[*dated["chance"], 1.0, 1.0, 1.0],
    )  # fmt: skip
    with_undated = estimate(more)
    assert with_undated.periods == ("2019", "2020")
    assert with_undated.accounts == ("a0", "a1", "a2")
    assert with_undated.there.tolist() == [[True, True], [True, True], [False, False]]
    assert with_undated.theta[:2] == pytest.approx(found.theta, abs=1e-12)
    assert with_undated.square[:2] == pytest.approx(found.square, abs=1e-12)
    assert with_undated.codes.sum() == 8


def test_posts_without_a_group_are_not_estimated(label, guesses):
    account, year, truth = world([[4, 5], [5, 4], [6, 4], [5, 6]])
    data = label(
        account=account, year=year, truth=truth, p=guesses(truth, stages=THREE),
        rows=range(39), chance=[1.0] * 39, stages=THREE,
    )  # fmt: skip
    table = pd.DataFrame(
        {"account": ["a0", "a1", "a2", "a3"], "level": ["county", None, "city", None]}
    )
    found = cell_estimates(
        data, groups_of(*group_names(data.posts, by=("level", "year"), accounts=table))
    )
    there = dict(zip(found.accounts, found.there.tolist(), strict=True))
    assert there == {"city": [True, True], "county": [True, True], "—": [False, False]}


def test_a_coded_post_that_is_uncodable_is_as_if_it_were_not_there(label, guesses):
    account, year, truth = world([[6, 5], [5, 7]])
    p = guesses(truth, stages=THREE)
    rows, gone = [0, 1, 2, 6, 7, 11, 12, 16, 17, 18], 1
    chance = [3 / 6] * 3 + [2 / 5] * 4 + [3 / 7] * 3
    uncodable = [*truth[:gone], "uncodable", *truth[gone + 1 :]]
    data = label(
        account=account, year=year, truth=uncodable, p=p, rows=rows, chance=chance, stages=THREE
    )
    found = estimate(data)
    left = [i for i in range(len(truth)) if i != gone]
    without = label(
        account=[account[i] for i in left], year=[year[i] for i in left],
        truth=[truth[i] for i in left], p=p[left], stages=THREE,
        rows=[left.index(i) for i in rows if i != gone], chance=[2 / 5] * 2 + chance[3:],
    )  # fmt: skip
    expected = estimate(without)
    assert found.size.tolist() == expected.size.tolist() == [[5, 5], [5, 7]]
    assert found.codes.tolist() == expected.codes.tolist() == [[2, 2], [2, 3]]
    assert found.theta == pytest.approx(expected.theta, abs=1e-12)
    assert found.square == pytest.approx(expected.square, abs=1e-12)


def test_raw_cells_take_labels_for_the_truth(label, guesses):
    account, year, truth = world([[5, 8], [6, 1], [7, 0]])
    p = guesses(truth, stages=THREE, seed=9)
    data = label(
        account=account, year=year, truth=truth, p=p, rows=[0, 1, 2], chance=None, stages=THREE
    )
    found = raw_cells(data, groups(data))
    labels = [THREE[max(range(3), key=lambda k, i=i: p[i, k])] for i in range(len(p))]
    assert labels != truth
    for (a, t), posts in posts_of_cells(account, year):
        shares = [sum(labels[i] == stage for i in posts) / len(posts) for stage in THREE]
        assert found.theta[a, t] == pytest.approx(shares, abs=1e-12)
        assert found.square[a, t] == pytest.approx([v * v for v in shares], abs=1e-12)
    assert found.there.tolist() == [[True, True], [True, False], [True, False]]
    assert found.size.tolist() == [[5, 8], [6, 1], [7, 0]]
    assert (found.codes.sum(), found.above.sum(), found.paired) == (0, 0, True)


def test_accounts_can_be_taken_alone(label, guesses):
    account, year, truth = world([[4, 5, 6], [5, 4, 3], [3, 6, 7]])
    p = guesses(truth, stages=THREE)
    data = label(
        account=account, year=year, truth=truth, p=p, rows=range(0, 43, 3), chance=None,
        stages=THREE,
    )  # fmt: skip
    found = estimate(data)
    arrays = ("theta", "square", "size", "codes", "above", "there", "pairs")
    two = found.of_accounts(np.array([True, False, True]))
    assert (two.accounts, two.periods) == (("a0", "a2"), ("2019", "2020", "2021"))
    for name in arrays:
        assert getattr(two, name).tolist() == getattr(found, name)[[0, 2]].tolist()
