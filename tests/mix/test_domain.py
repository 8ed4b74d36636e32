from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagemix.errors import DataError
from stagemix.mix.domain import first_posts, without
from stagemix.posts.post import posts_from

TWO = ("publish", "service")


@pytest.fixture
def data(label, guesses):
    """Ten posts of two accounts; four of the first, three of the second are coded."""
    truth = ["publish", "service"] * 5
    return label(
        account=["a"] * 6 + ["b"] * 4, year=[2020] * 10, truth=truth,
        p=guesses(truth, stages=TWO), q=guesses(truth, stages=TWO, seed=1),
        rows=[8, 0, 5, 3, 2, 9, 6], chance=[0.75, *[2 / 3] * 4, 0.75, 0.75], stages=TWO,
    )  # fmt: skip


def test_posts_and_codes_outside_leave_and_rows_are_renumbered(data):
    kept = np.array([True, False, True, False, True, True, True, True, False, True])
    found = without(data, kept)
    assert found.posts["post_id"].tolist() == ["0", "2", "4", "5", "6", "7", "9"]
    assert found.posts.index.tolist() == list(range(7))
    assert found.row.tolist() == [0, 3, 1, 6, 4]
    assert found.posts["post_id"].iloc[found.row].tolist() == ["0", "5", "2", "9", "6"]
    assert (found.p == data.p[kept]).all()
    of = [1, 2, 4, 5, 6]
    assert (found.y == data.y[of]).all()
    assert (found.q == data.q[of]).all()
    assert (found.p_held_out[found.row] == data.q[of]).all()
    assert found.chance.tolist() == [2 / 3] * 3 + [0.75] * 2
    assert found.counts == {"publish": 3, "service": 2}


def test_the_design_stays_that_of_the_draw(data):
    kept = np.array([True, False, True, False, True, True, False, False, False, True])
    found, of = without(data, kept).design, [1, 2, 4, 5]
    assert found.name == "simple random within account and year"
    assert found.chance.tolist() == [2 / 3] * 3 + [0.75]
    assert found.stratum.tolist() == data.design.stratum[of].tolist()
    assert found.pair == pytest.approx([4 * 3 / (6 * 5)] * 3 + [3 * 2 / (4 * 3)])
    assert found.of_posts.tolist() == [0, 0, 0, 0, 1]
    assert found.paired.tolist() == found.covered.tolist() == [True] * 5


def test_keeping_everything_changes_nothing(data):
    found = without(data, np.ones(10, dtype=bool))
    pd.testing.assert_frame_equal(found.posts, data.posts)
    for name in ("p", "row", "y", "q", "chance", "p_held_out"):
        assert (getattr(found, name) == getattr(data, name)).all()
    assert replace(found.design, name="") != found.design
    for name in ("chance", "stratum", "pair", "of_posts", "paired", "covered"):
        assert (getattr(found.design, name) == getattr(data.design, name)).all()


def test_a_domain_without_codes(data):
    kept = np.zeros(10, dtype=bool)
    kept[[1, 4, 7]] = True
    with pytest.raises(DataError) as error:
        without(data, kept)
    assert str(error.value) == (
        "none of the 7 coded posts is among the 3 posts that are counted; code some of these"
    )


def test_a_domain_is_estimated_without_bias_over_all_samples(label, guesses):
    truth = [TWO[i] for i in (0, 1, 1, 0, 1, 0, 0, 1)]
    account, p = ["a"] * 5 + ["b"] * 3, guesses(truth, stages=TWO, seed=3)
    kept = np.array([True, True, False, True, True, True, False, False])
    found = []
    for first in combinations(range(5), 2):
        for second in combinations(range(5, 8), 2):
            own = without(
                label(
                    account=account, year=[2020] * 8, truth=truth, p=p, rows=[*first, *second],
                    chance=[2 / 5] * 2 + [2 / 3] * 2, stages=TWO,
                ),
                kept,
            )  # fmt: skip
            residual = ((own.y - own.q) / own.chance[:, None]).sum(axis=0)
            found.append((own.p_held_out.sum(axis=0) + residual) / len(own.posts))
    assert len(found) == 30
    share = np.mean([value == "service" for value in np.array(truth)[kept]])
    assert np.mean(found, axis=0) == pytest.approx([1 - share, share], abs=1e-12)


def table(rows):
    """A post table of rows (post_id, account, title, text, published_at, position)."""
    names = ["post_id", "account", "title", "text", "published_at", "position"]
    return posts_from(pd.DataFrame(rows, columns=names, dtype="object"), where="x")


def kept_of(*rows):
    posts = table(rows)
    return posts.loc[first_posts(posts), "post_id"].tolist()


def test_the_earliest_of_an_accounts_same_texts_is_kept():
    assert kept_of(
        ("3", "a", "预约 挂号", "请点，菜单！", "2021-03-05", None),
        ("1", "a", "预约挂号", "请点菜单", "2021-03-04", None),
        ("2", "b", "预约挂号", "请点菜单", "2021-03-06", None),
        ("4", "a", "预约挂号", "请点菜单 2", "2021-03-07", None),
    ) == ["1", "2", "4"]


def test_among_posts_of_one_time_position_and_then_id_decide():
    same = ("2021-03-05 10:00",)
    assert kept_of(("1", "a", None, "同文", *same, 3), ("2", "a", None, "同文", *same, 1)) == ["2"]
    assert kept_of(("9", "a", None, "同文", *same, 1), ("8", "a", None, "同文", *same, 1)) == ["8"]


def test_an_undated_post_is_later_than_any_other():
    assert kept_of(
        ("1", "a", None, "同文", None, None), ("2", "a", None, "同文", "2021-03-05", None)
    ) == ["2"]


def test_posts_without_a_letter_repeat_nothing():
    assert kept_of(
        ("1", "a", None, "👍👍", "2021-03-05", None), ("2", "a", None, "……", "2021-03-06", None)
    ) == ["1", "2"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["甲", "甲。", "乙"]), st.integers(1, 4)),
        min_size=1, max_size=12,
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_one_post_of_each_account_and_text_is_kept_whatever_the_order(found, random):
    rows = [
        (str(n), account, None, text, f"2021-01-0{day}", None)
        for n, (account, text, day) in enumerate(found)
    ]
    first = {}
    for row in rows:
        key = (row[1], row[3].strip("。"))
        first[key] = min(first.get(key, row), row, key=lambda r: (r[4], r[0]))
    random.shuffle(rows)
    assert sorted(kept_of(*rows)) == sorted(row[0] for row in first.values())
