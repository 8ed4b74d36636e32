"""The groups that posts fall into."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagemix.errors import DataError
from stagemix.posts.grouping import PERIODS, grouping, period_of

POSTS = pd.DataFrame(
    {
        "post_id": ["1", "2", "3"],
        "account": ["甲", "乙", "丙"],
        "published_at": pd.to_datetime(["2021-03-05 10:20", "2022-12-31 23:59", None]),
    }
)
ACCOUNTS = pd.DataFrame(
    {"sector": ["税务", "公安"], "account": ["乙", "甲"], "region": ["粤", "粤"]}
)


@pytest.mark.parametrize(
    ("unit", "names"),
    [
        ("year", ["2021", "2022"]),
        ("half", ["2021H1", "2022H2"]),
        ("quarter", ["2021Q1", "2022Q4"]),
        ("month", ["2021-03", "2022-12"]),
    ],
)
def test_periods_have_names_that_sort_and_no_time_has_no_period(unit, names):
    named = grouping(POSTS, unit)
    assert named[:2].tolist() == names
    assert named.isna().tolist() == [False, False, True]


@pytest.mark.parametrize("unit", PERIODS)
def test_posts_without_any_time_have_no_period(unit):
    assert period_of(pd.Series([None, None], dtype="datetime64[us]"), unit).isna().all()


@given(st.lists(st.datetimes(min_value=pd.Timestamp("1900").to_pydatetime()), min_size=2))
def test_later_periods_sort_after_earlier_ones(moments):
    times = pd.Series(sorted(moments), dtype="datetime64[us]")
    for unit in PERIODS:
        assert period_of(times, unit).is_monotonic_increasing


def test_a_column_of_the_posts_and_one_of_the_account_table():
    assert grouping(POSTS, "account").tolist() == ["甲", "乙", "丙"]
    sectors = grouping(POSTS, "sector", accounts=ACCOUNTS)
    assert sectors[:2].tolist() == ["公安", "税务"]
    assert sectors.isna().tolist() == [False, False, True]


@pytest.mark.parametrize("name", ["form", "position", "original"])
def test_what_platforms_say_of_a_post_groups_it_too(name):
    posts = POSTS.assign(**{name: ["a", "b", None]})
    assert grouping(posts, name)[:2].tolist() == ["a", "b"]


@pytest.mark.parametrize("name", ["post_id", "published_at", "主题"])
def test_other_columns_of_the_posts_group_nothing(name):
    with pytest.raises(DataError) as error:
        grouping(POSTS.assign(主题="防疫"), name, accounts=ACCOUNTS)
    assert str(error.value) == (
        f"--by {name}: no such column; "
        "one can group by year, half, quarter, month, account, sector, region"
    )


@pytest.mark.parametrize(
    ("accounts", "known"), [(None, "account"), (ACCOUNTS, "account, sector, region")]
)
def test_a_column_that_is_not_there_lists_those_that_are(accounts, known):
    with pytest.raises(DataError) as error:
        grouping(POSTS, "部门", accounts=accounts)
    assert str(error.value) == (
        f"--by 部门: no such column; one can group by year, half, quarter, month, {known}"
    )
