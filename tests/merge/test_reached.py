from fractions import Fraction
from itertools import combinations
from math import comb, exp

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagemix.errors import DataError
from stagemix.merge.reached import COLUMNS, rarefied, reached_table, upper_bound
from stagemix.mix.mixes import mix_table

STAGES = ("publish", "interact", "service", "cooperate")
COUNTS = st.lists(st.integers(1, 10**5), min_size=1, max_size=6).map(np.array)


@pytest.mark.parametrize(
    "counts", [[1], [5], [1, 1], [3, 1], [4, 3, 1], [2, 2, 2, 2], [6, 0, 1, 2]]
)
def test_rarefaction_is_the_mean_over_all_draws(counts):
    codes = [k for k, n in enumerate(counts) for _ in range(n)]
    for m in range(1, len(codes) + 1):
        found = [len(set(draw)) for draw in combinations(codes, m)]
        assert rarefied(np.array(counts), m) == pytest.approx(np.mean(found), abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "m"),
    [
        ([100_000, 100_000, 100_000, 100_000], 3),
        ([100_000, 3, 1], 5),
        ([100_000, 3, 1], 90_000),
        ([40_000, 400, 20], 30_000),
        ([100_000, 1], 100_000),
    ],
)
def test_rarefaction_of_many_codes_is_exact(counts, m):
    n = sum(counts)
    exact = sum(1 - Fraction(comb(n - c, m), comb(n, m)) for c in counts)
    assert rarefied(np.array(counts), m) == pytest.approx(float(exact), rel=1e-11)


@settings(max_examples=60, deadline=None)
@given(COUNTS)
def test_two_codes_find_one_category_and_by_chance_another(counts):
    n = int(counts.sum())
    if n < 2:
        return
    share = counts / n
    encounter = n / (n - 1) * (1 - (share**2).sum())
    assert rarefied(counts, 2) == pytest.approx(1 + encounter, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.data())
def test_rarefaction_grows_from_one_to_all_categories(counts, draw):
    n = int(counts.sum())
    assert rarefied(counts, 1) == pytest.approx(1, abs=1e-11)
    assert rarefied(counts, n) == pytest.approx(len(counts), abs=1e-11)
    m = draw.draw(st.integers(1, n))
    here = rarefied(counts, m)
    assert 1 - 1e-11 <= here <= len(counts) + 1e-11
    assert rarefied(counts, draw.draw(st.integers(m, n))) >= here - 1e-11
    assert rarefied(np.append(counts, 0), m) == pytest.approx(here, abs=1e-11)


def test_rarefaction_does_not_depend_on_how_many_were_coded():
    posts = "ppppppiisc"
    whole = rarefied(np.array([posts.count(c) for c in "pisc"]), 4)
    for n in range(4, len(posts)):
        samples = combinations(posts, n)
        each = [rarefied(np.array([codes.count(c) for c in "pisc"]), 4) for codes in samples]
        assert np.mean(each) == pytest.approx(whole, abs=1e-12)


def test_no_more_codes_can_be_drawn_than_there_are():
    assert rarefied(np.array([0, 0]), 0) == 0
    with pytest.raises(DataError) as caught:
        rarefied(np.array([3, 2]), 6)
    assert str(caught.value) == "6 codes cannot be drawn from 5; draw between 0 and 5"
    with pytest.raises(DataError):
        rarefied(np.array([3, 2]), -1)


def test_the_bound_is_the_rule_of_three():
    assert [upper_bound(m) for m in (0, 1, 3, 4, 30)] == [1, 1, 1, 0.75, 0.1]


def test_a_share_at_the_bound_is_missed_by_chance_in_at_most_one_of_twenty_samples():
    for m in range(4, 3000):
        missed = (1 - upper_bound(m)) ** m
        assert missed <= exp(-3) < 0.05
        # the exact bound solves (1 - s)^m = 0.05; the rule is wider, by less and less
        assert upper_bound(m) / (1 - 0.05 ** (1 / m)) < (1.43 if m < 200 else 1.01)


@pytest.mark.parametrize("size", [12, 40, 75])
def test_the_bound_holds_for_samples_without_replacement(size):
    for m in range(4, size):
        first = next(k for k in range(size + 1) if k / size >= upper_bound(m))
        assert comb(size - first, m) / comb(size, m) <= 0.05


def corpus(label, guesses, cells, *, stages=STAGES, extra=2, seed=0, wrong=False):
    """CELLS maps (account, year) to a text of the codes, one letter a post; EXTRA are not coded.

    WRONG makes the model predict the last stage for every post.
    """
    of = {stage[0]: stage for stage in stages}
    account, year, truth, rows = [], [], [], []
    for (name, when), codes in cells.items():
        rows += range(len(truth), len(truth) + len(codes))
        truth += [of[c] for c in codes] + [stages[0]] * extra
        account += [name] * (len(codes) + extra)
        year += [when] * (len(codes) + extra)
    p = guesses([stages[-1]] * len(truth) if wrong else truth, stages=stages, seed=seed)
    return label(
        account=account, year=year, truth=truth, p=p, rows=rows, chance=None, stages=stages
    )


CELLS = {
    ("东篱发布", 2019): "pppippi",
    ("东篱发布", 2020): "sppppppippps",
    ("东篱发布", 2021): "ppcp",
    ("柚江税务", 2019): "pppppp",
    ("柚江税务", 2020): "",
    ("柚江税务", 2021): "pcsip",
}


def test_what_was_found_and_what_was_not(label, guesses):
    table = reached_table(corpus(label, guesses, CELLS), by=("account", "year"))
    assert tuple(table.columns) == COLUMNS
    assert table.drop(columns=["compared_at", "n_rarefied"]).to_numpy().tolist() == [
        ["东篱发布", "2019", 7, "publish;interact", 2, "interact", "service;cooperate", 3 / 7],
        ["东篱发布", "2020", 12, "publish;interact;service", 3, "service", "cooperate", 0.25],
        ["东篱发布", "2021", 4, "publish;cooperate", 2, "cooperate", "interact;service", 0.75],
        ["柚江税务", "2019", 6, "publish", 1, "publish", "interact;service;cooperate", 0.5],
        ["柚江税务", "2020", 0, "", 0, "", "publish;interact;service;cooperate", 1],
        ["柚江税务", "2021", 5, "publish;interact;service;cooperate", 4, "cooperate", "",
         pytest.approx(np.nan, nan_ok=True)],
    ]  # fmt: skip
    assert table["compared_at"].dtype == "Int64"
    assert table[["n_rarefied", "at_most"]].dtypes.tolist() == ["float64", "float64"]


def test_periods_are_compared_at_the_least_codes_of_their_account(label, guesses):
    table = reached_table(corpus(label, guesses, CELLS), by=("account", "year"))
    assert table["compared_at"].fillna(0).tolist() == [7, 7, 0, 5, 0, 5]
    draws = list(combinations(CELLS["东篱发布", 2020], 7))
    of_2020 = np.mean([len(set(draw)) for draw in draws])
    assert table["n_rarefied"].fillna(0).tolist() == pytest.approx([2, of_2020, 0, 1, 0, 4])
    assert 2 < of_2020 < 3


def test_accounts_are_compared_with_each_other(label, guesses):
    cells = {("a", 2019): "pppippi", ("b", 2019): "ppsip", ("c", 2019): "pppi"}
    table = reached_table(corpus(label, guesses, cells), by=("account",))
    assert table["period"].tolist() == ["all"] * 3
    assert table["compared_at"].fillna(0).tolist() == [5, 5, 0]
    of_a = np.mean([len(set(draw)) for draw in combinations("pppippi", 5)])
    assert table["n_rarefied"].fillna(0).tolist() == pytest.approx([of_a, 3, 0])


def test_periods_of_the_whole_corpus_are_compared_too(label, guesses):
    table = reached_table(corpus(label, guesses, CELLS), by=("year",))
    assert table["account"].tolist() == ["all"] * 3
    assert table["n_codes"].tolist() == [13, 12, 9]
    assert table["compared_at"].tolist() == [9, 9, 9]


@pytest.mark.parametrize("by", [(), ("account",), ("account", "year")])
def test_nothing_is_compared_with_itself(label, guesses, by):
    cells = {("a", 2019): "pppippi", ("a", 2020): "pisp"}
    table = reached_table(corpus(label, guesses, cells), by=by)
    assert table["compared_at"].isna().all()
    assert table["n_rarefied"].isna().all()


def test_undated_posts_are_counted_but_not_compared(label, guesses):
    cells = {("a", 2019): "pppippi", ("a", 2020): "pppppppi", ("a", None): "psspp"}
    table = reached_table(corpus(label, guesses, cells), by=("account", "year"))
    assert table["period"].tolist() == ["2019", "2020", "undated"]
    assert table["compared_at"].fillna(0).tolist() == [7, 7, 0]
    assert table["reached"].iloc[2] == "publish;service"
    assert table["at_most"].iloc[2] == 0.6
    del cells["a", 2020]
    table = reached_table(corpus(label, guesses, cells), by=("account", "year"))
    assert table["compared_at"].isna().all()


def test_where_every_post_is_coded_nothing_can_be_missed(label, guesses):
    cells = {("a", 2019): "ppi", ("b", 2019): "pisc", ("b", 2020): "pp"}
    table = reached_table(corpus(label, guesses, cells, extra=0), by=("account", "year"))
    assert table["n_codes"].tolist() == [3, 0, 4, 2]
    assert table["missing"].iloc[1] == ";".join(STAGES)
    assert table["at_most"].fillna(-1).tolist() == [0, -1, -1, 0]


def test_predicted_labels_never_count(label, guesses):
    right = corpus(label, guesses, CELLS)
    wrong = corpus(label, guesses, CELLS, wrong=True, seed=3)
    assert right.posts["label"].tolist() != wrong.posts["label"].tolist()
    for by in [(), ("account",), ("account", "year")]:
        pd.testing.assert_frame_equal(reached_table(right, by=by), reached_table(wrong, by=by))
    cells = {("a", 2019): "pppppp"}
    table = reached_table(corpus(label, guesses, cells, wrong=True), by=("account",))
    assert table["reached"].tolist() == ["publish"]


def test_uncodable_posts_are_not_coded_posts(label, guesses):
    truth = ["publish", "publish", "uncodable", "interact"]
    data = label(
        account=["a"] * 4, year=[2019] * 4, truth=truth, p=guesses(["publish"] * 4), rows=range(4),
        chance=[1.0] * 4,
    )  # fmt: skip
    row = reached_table(data, by=("account",)).iloc[0]
    assert (row["n_codes"], row["reached"], row["at_most"]) == (3, "publish;interact", 0)


def test_ids_stand_in_the_order_of_the_codebook(label, guesses):
    stages = ("service", "publish", "interact")
    data = corpus(label, guesses, {("a", 2019): "ips"}, stages=stages)
    assert reached_table(data, by=())["reached"].tolist() == ["service;publish;interact"]
    assert reached_table(data, by=())["highest"].tolist() == ["interact"]


def test_rows_are_those_of_the_mix_table(label, guesses):
    data = corpus(label, guesses, CELLS)
    accounts = pd.DataFrame({"account": ["东篱发布"], "level": ["县"]})
    for by in [(), ("account",), ("level", "half"), ("account", "year")]:
        keys = ["account", "period", "n_codes"]
        expected = mix_table(data, by=by, accounts=accounts)[keys].drop_duplicates()
        found = reached_table(data, by=by, accounts=accounts)[keys]
        assert found.to_numpy().tolist() == expected.to_numpy().tolist()
