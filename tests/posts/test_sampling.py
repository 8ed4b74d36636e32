"""Probability samples: exact sizes, exact chances, the same posts again."""

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stagemix.errors import DataError
from stagemix.posts.sampling import ALLOCATIONS, allocate, draw

SIZES = st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=8)


def frame(*sizes: int) -> pd.DataFrame:
    """Posts of accounts 甲0, 甲1, ... with so many posts each, of 2021 and 2022 in turn."""
    rows = [
        {
            "post_id": f"{stratum}-{n}",
            "account": f"甲{stratum}",
            "published_at": pd.Timestamp(2021 + n % 2, 3, 5),
        }
        for stratum, size in enumerate(sizes)
        for n in range(size)
    ]
    return pd.DataFrame(rows)


@st.composite
def allocations(make: st.DrawFn) -> tuple[pd.Series, int, str, int]:
    """Strata sizes, with an n, an allocation and a minimum that fit them."""
    sizes = pd.Series(make(SIZES))
    minimum = make(st.integers(min_value=0, max_value=5))
    n = make(st.integers(min_value=int(sizes.clip(upper=minimum).sum()), max_value=sizes.sum()))
    return sizes, n, make(st.sampled_from(ALLOCATIONS)), minimum


@given(allocations())
def test_shares_add_up_and_keep_the_minimum_and_the_stratum(case):
    sizes, n, allocation, minimum = case
    drawn = allocate(sizes, n=n, allocation=allocation, minimum=minimum)
    assert drawn.sum() == n
    assert (drawn >= sizes.clip(upper=minimum)).all()
    assert (drawn <= sizes).all()


@given(allocations())
def test_a_larger_stratum_never_gets_less_than_a_smaller_one_by_more_than_rounding(case):
    sizes, n, allocation, minimum = case
    drawn = allocate(sizes, n=n, allocation=allocation, minimum=minimum)
    by_size = drawn.iloc[sizes.argsort(kind="stable")]
    assert (by_size.cummax() - by_size).max() <= 1


@pytest.mark.parametrize(
    ("sizes", "n", "allocation", "minimum", "drawn"),
    [
        ([50, 30, 20], 10, "proportional", 0, [5, 3, 2]),
        ([50, 30, 20], 10, "proportional", 3, [4, 3, 3]),
        ([98, 1, 1], 10, "proportional", 2, [8, 1, 1]),
        ([50, 30, 20], 9, "equal", 2, [3, 3, 3]),
        ([50, 30, 2], 9, "equal", 2, [4, 3, 2]),
        ([5, 4], 9, "proportional", 2, [5, 4]),
        ([5, 4], 9, "equal", 2, [5, 4]),
        ([10, 10, 10], 10, "proportional", 0, [4, 3, 3]),
    ],
)
def test_shares_worked_by_hand(sizes, n, allocation, minimum, drawn):
    shares = allocate(pd.Series(sizes), n=n, allocation=allocation, minimum=minimum)
    assert shares.tolist() == drawn


@pytest.mark.parametrize(
    ("room", "n", "allocation", "minimum", "drawn"),
    [
        ([50, 30, 20], 10, "proportional", 0, [5, 3, 2]),
        ([40, 20, 1], 10, "proportional", 0, [6, 3, 1]),
        ([40, 0, 20], 7, "proportional", 2, [5, 0, 2]),
        ([40, 1, 20], 9, "equal", 2, [4, 1, 4]),
        ([3, 2, 1], 6, "proportional", 2, [3, 2, 1]),
    ],
)
def test_shares_go_by_the_whole_stratum_as_far_as_it_has_posts_left(
    room, n, allocation, minimum, drawn
):
    shares = allocate(
        pd.Series([50, 30, 20]), n=n, allocation=allocation, minimum=minimum, room=pd.Series(room)
    )
    assert shares.tolist() == drawn


@given(SIZES, st.integers(0, 2**32 - 1), st.sampled_from(ALLOCATIONS), st.data())
def test_posts_of_other_rounds_are_never_drawn_and_chances_are_of_the_whole_stratum(
    sizes, seed, allocation, data
):
    posts = frame(*sizes)
    taken = posts["post_id"].sample(
        data.draw(st.integers(min_value=0, max_value=len(posts) - 1)), random_state=seed
    )
    left = posts[~posts["post_id"].isin(taken)]
    assume(set(left["account"]) == set(posts["account"]))
    n = data.draw(st.integers(min_value=1, max_value=len(left)))
    drawn = draw(
        posts, n=n, seed=seed, design="stratified", by=("account",), allocation=allocation,
        minimum=0, taken=taken,
    )  # fmt: skip
    assert len(drawn.units) == n
    assert drawn.units["post_id"].is_unique
    assert not drawn.units["post_id"].isin(taken).any()
    strata = drawn.strata.set_index("stratum")
    assert strata["posts"].to_dict() == posts["account"].value_counts().to_dict()
    assert drawn.units["stratum"].value_counts().to_dict() == {
        name: k for name, k in strata["drawn"].items() if k
    }
    chances = drawn.units["stratum"].map(strata["drawn"] / strata["posts"])
    assert drawn.units["inclusion_probability"].tolist() == chances.tolist()


def test_two_simple_draws_share_no_post_and_have_the_chance_of_the_whole_corpus():
    posts = frame(20)
    one = draw(posts, n=5, seed=1, design="simple")
    two = draw(posts, n=8, seed=1, design="simple", taken=one.units["post_id"])
    both = draw(posts, n=13, seed=1, design="simple")
    assert [*one.units["post_id"], *two.units["post_id"]] == both.units["post_id"].tolist()
    assert two.units["inclusion_probability"].tolist() == [8 / 20] * 8
    assert two.strata.to_dict("records") == [{"stratum": "all", "posts": 20, "drawn": 8}]
    assert two.frame == one.frame


def test_every_post_comes_up_in_the_second_draw_as_often_as_its_chance_says():
    posts = frame(8, 4)
    drawn = []
    for seed in range(300):
        plan = {"seed": seed, "design": "stratified", "by": ("account",), "minimum": 0}
        one = draw(posts, n=3, **plan)
        drawn.append(draw(posts, n=6, taken=one.units["post_id"], **plan).units)
    units = pd.concat(drawn)
    share = units["post_id"].value_counts() / 300
    assert len(share) == 12
    assert share.between(0.4, 0.6).all()
    assert set(units["inclusion_probability"]) == {0.5}


@given(SIZES, st.integers(), st.data())
def test_the_chance_of_a_drawn_post_is_drawn_over_size(sizes, seed, data):
    posts = frame(*sizes)
    least = sum(min(size, 2) for size in sizes)
    n = data.draw(st.integers(min_value=least, max_value=len(posts)))
    drawn = draw(posts, n=n, seed=seed, design="stratified", by=("account",))
    strata = drawn.strata.set_index("stratum")
    assert strata["posts"].tolist() == [
        sizes[stratum] for stratum in sorted(range(len(sizes)), key=str)
    ]
    counted = drawn.units["stratum"].value_counts()
    assert counted.to_dict() == strata["drawn"].to_dict()
    chances = drawn.units["stratum"].map(strata["drawn"] / strata["posts"])
    assert drawn.units["inclusion_probability"].tolist() == chances.tolist()
    assert (1 / drawn.units["inclusion_probability"]).sum() == pytest.approx(len(posts))
    assert drawn.units["post_id"].is_unique


@given(st.permutations(range(30)), st.sampled_from(["simple", "stratified"]))
def test_the_same_seed_and_frame_give_the_same_posts_whatever_the_row_order(order, design):
    posts = frame(20, 10)
    one = draw(posts, n=9, seed=3, design=design, by=("account", "year"))
    two = draw(posts.iloc[order], n=9, seed=3, design=design, by=("account", "year"))
    pd.testing.assert_frame_equal(one.units, two.units)
    pd.testing.assert_frame_equal(one.strata, two.strata)
    assert one.frame == two.frame


@given(
    st.integers(min_value=1, max_value=40), st.integers(min_value=1, max_value=40), st.integers()
)
def test_a_larger_simple_sample_contains_the_smaller_one(n, m, seed):
    smaller, larger = (
        draw(frame(40), n=size, seed=seed, design="simple").units["post_id"].tolist()
        for size in sorted([n, m])
    )
    assert larger[: len(smaller)] == smaller


def test_another_seed_draws_other_posts():
    drawn = [set(draw(frame(200), n=20, seed=s, design="simple").units["post_id"]) for s in (1, 2)]
    assert drawn[0] != drawn[1]


def test_every_post_comes_up_as_often_as_its_chance_says():
    posts = frame(12)
    seeds = range(200)
    drawn = [draw(posts, n=3, seed=s, design="simple").units["post_id"] for s in seeds]
    share = pd.concat(drawn).value_counts() / len(seeds)
    assert len(share) == 12
    assert share.between(0.15, 0.35).all()


def test_a_simple_draw_says_all_that_is_needed_to_draw_it_again():
    drawn = draw(frame(4, 4), n=2, seed=5, design="simple", by=("account",))
    assert (drawn.design, drawn.by, drawn.minimum, drawn.seed) == ("simple", (), 0, 5)
    assert drawn.strata.to_dict("records") == [{"stratum": "all", "posts": 8, "drawn": 2}]
    assert drawn.units["inclusion_probability"].tolist() == [0.25, 0.25]


def test_a_small_stratum_is_drawn_whole():
    drawn = draw(frame(50, 1), n=5, seed=1, design="stratified", by=("account",))
    assert drawn.strata["drawn"].tolist() == [4, 1]
    assert drawn.units.set_index("stratum").loc["甲1", "inclusion_probability"] == 1.0


def test_strata_of_account_and_year_and_of_the_account_table():
    posts = frame(4, 4)
    accounts = pd.DataFrame({"account": ["甲0", "甲1"], "sector": ["公安", "税务"]})
    drawn = draw(posts, n=8, seed=1, design="stratified", by=("sector", "year"), accounts=accounts)
    assert drawn.strata["stratum"].tolist() == [
        "公安 | 2021",
        "公安 | 2022",
        "税务 | 2021",
        "税务 | 2022",
    ]


def untimed(posts: pd.DataFrame, *rows: int) -> pd.DataFrame:
    """The posts without the times of some rows."""
    return posts.assign(published_at=posts["published_at"].mask(posts.index.isin(rows)))


@pytest.mark.parametrize(
    ("posts", "options", "message"),
    [
        (frame(5), {"n": 6}, "--n 6: the corpus has 5 posts; draw between 1 and that"),
        (frame(5), {"n": 0}, "--n 0: the corpus has 5 posts; draw between 1 and that"),
        (
            frame(5),
            {"n": 4, "taken": pd.Series(["0-1", "0-3", "elsewhere"])},
            "--n 4: the corpus has 5 posts, 3 of them in no other round; draw between 1 and that",
        ),
        (
            frame(5),
            {"by": ()},
            "--design stratified needs --by, for example --by account,year",
        ),
        (
            frame(5),
            {"design": "enriched"},
            "--design enriched: no such choice; known are simple, stratified",
        ),
        (
            frame(5),
            {"allocation": "neyman"},
            "--allocation neyman: no such choice; known are proportional, equal",
        ),
        (
            frame(5),
            {"by": ("部门",)},
            "--by 部门: no such column; one can group by year, half, quarter, month, account",
        ),
        (
            untimed(frame(6), 1, 2, 3, 5),
            {"by": ("account", "year")},
            "--by year: 4 posts have no year, 0-1, 0-2, 0-3 and 1 more; "
            "fill it in, remove them, or draw with --design simple",
        ),
        (
            frame(2, 2),
            {"by": ("sector",), "accounts": pd.DataFrame({"account": ["甲0"], "sector": ["公安"]})},
            "--by sector: 2 posts have no sector, 1-0, 1-1; "
            "fill it in, remove them, or draw with --design simple",
        ),
        (
            frame(10, 10, 1),
            {"n": 4},
            "--n 4: 3 strata with at least 2 posts each need 5; "
            "draw more, lower --minimum, or group more coarsely",
        ),
    ],
)
def test_a_sample_that_cannot_be_drawn_says_why(posts, options, message):
    with pytest.raises(DataError) as error:
        draw(posts, **{"n": 3, "seed": 1, "design": "stratified", "by": ("account",)} | options)
    assert str(error.value) == message


def test_posts_without_times_can_still_be_drawn_simply():
    assert len(draw(untimed(frame(6), 1, 2), n=6, seed=1, design="simple").units) == 6


def test_a_stratum_that_other_rounds_used_up_is_said():
    posts = frame(6, 2)
    taken = posts.loc[posts["account"] == "甲1", "post_id"]
    with pytest.raises(DataError) as caught:
        draw(posts, n=3, seed=1, design="stratified", by=("account",), taken=taken)
    assert str(caught.value) == (
        "stratum 甲1: all its posts are in other rounds; group more coarsely"
    )
