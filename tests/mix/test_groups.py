import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagemix.errors import DataError
from stagemix.mix.groups import group_names, groups_of, sums

POSTS = pd.DataFrame(
    {
        "account": ["柚江税务", "东篱发布", "柚江税务", "东篱发布"],
        "published_at": pd.to_datetime(["2020-03-01", "2019-12-31", None, "2020-07-01"]).astype(
            "datetime64[us]"
        ),
    }
)
ACCOUNTS = pd.DataFrame({"account": ["东篱发布", "别处"], "sector": ["综合", "税务"]})


@pytest.mark.parametrize(
    ("by", "account", "period"),
    [
        ((), ["all"] * 4, ["all"] * 4),
        (("account",), ["柚江税务", "东篱发布", "柚江税务", "东篱发布"], ["all"] * 4),
        (("half",), ["all"] * 4, ["2020H1", "2019H2", "undated", "2020H2"]),
        (("sector", "year"), ["—", "综合", "—", "综合"], ["2020", "2019", "undated", "2020"]),
        (("year", "sector"), ["—", "综合", "—", "综合"], ["2020", "2019", "undated", "2020"]),
    ],
)
def test_posts_are_named_by_what_is_asked_for(by, account, period):
    first, second = group_names(POSTS, by=by, accounts=ACCOUNTS)
    assert first.tolist() == account
    assert second.tolist() == period


def test_a_column_that_no_table_has():
    with pytest.raises(DataError) as error:
        group_names(POSTS, by=("size",), accounts=ACCOUNTS)
    assert str(error.value) == (
        "--by size: no such column; one can group by year, half, quarter, month, account, sector"
    )


@given(st.lists(st.tuples(st.sampled_from("caedb"), st.sampled_from("zyx")), min_size=1))
def test_only_groups_with_posts_are_numbered(pairs):
    account, period = (pd.Series(list(names)) for names in zip(*pairs, strict=True))
    found = groups_of(account, period)
    assert found.accounts == tuple(sorted(set(account)))
    assert found.periods == tuple(sorted(set(period)))
    named = [
        (found.accounts[a], found.periods[t])
        for a, t in zip(found.account, found.period, strict=True)
    ]
    assert named == sorted(set(pairs))
    assert found.count == len(named)
    assert [named[i] for i in found.number] == pairs
    assert [found.accounts[i] for i in found.account_of_posts] == account.tolist()


def test_the_index_of_the_names_does_not_matter():
    account = pd.Series(["b", "a", "b"], index=[7, 7, 1])
    found = groups_of(account, pd.Series(["all"] * 3, index=[7, 7, 1]))
    assert found.number.tolist() == [1, 0, 1]


@pytest.mark.parametrize("shape", [(50,), (50, 3)])
def test_sums_within_groups(shape):
    draw = np.random.default_rng(0)
    group, values = draw.integers(0, 5, 50), draw.normal(size=shape)
    found = sums(group, values, 7)
    assert found.shape == (7, *shape[1:])
    for g in range(7):
        expected = sum((values[i] for i in range(50) if group[i] == g), np.zeros(shape[1:]))
        assert found[g] == pytest.approx(expected, abs=1e-12)
