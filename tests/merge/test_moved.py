import numpy as np
import pandas as pd
import pytest

from stagemix.errors import DataError
from stagemix.merge.moved import COLUMNS, account_changes, spans
from stagemix.mix.groups import group_names, groups_of

YEARS = (2019, 2020, 2021, 2022)


def world(label, guesses, *, coded=12, seed=0, accounts=("东篱发布", "柚江税务")):
    """Accounts over four years of 20 posts each, CODED of them coded; the first one moves up."""
    draw = np.random.default_rng(seed)
    account, year, truth = [], [], []
    for a in accounts:
        for y in YEARS:
            above = 0.8 if a == accounts[0] and y >= 2021 else 0.2
            account += [a] * 20
            year += [y] * 20
            truth += draw.choice(
                ["publish", "interact", "service"], p=[1 - above, above / 2, above / 2], size=20
            ).tolist()
    rows = [20 * cell + i for cell in range(4 * len(accounts)) for i in range(coded)]
    return label(
        account=account, year=year, truth=truth, p=guesses(truth, seed=seed),
        q=guesses(truth, seed=seed + 1), rows=rows, chance=[coded / 20] * len(rows),
    ), truth  # fmt: skip


def changes(data, **options):
    groups = groups_of(*group_names(data.posts, by=("account", "year")))
    return account_changes(data, groups, **options)


def test_the_account_that_moved_is_found_and_no_other(label, guesses):
    data, truth = world(label, guesses)
    table = changes(data).set_index("account")
    assert list(changes(data).columns) == list(COLUMNS)
    assert table["status"].tolist() == ["ok", "ok"]
    moved = table.loc["东篱发布"]
    assert moved["low"] > 0
    assert moved["p_adjusted"] < 0.001
    assert table.loc["柚江税务", "p_adjusted"] > 0.05
    above = np.array(truth) != "publish"
    true = above[40:80].mean() - above[:40].mean()
    assert moved["low"] <= true <= moved["high"]


def test_a_change_is_the_difference_of_two_difference_estimates(label, guesses):
    data, _ = world(label, guesses)
    row = changes(data).set_index("account").loc["东篱发布"]
    above = data.p_held_out[:, 1:].sum(axis=1)
    ends = []
    for part in (slice(0, 40), slice(40, 80)):
        inside = (data.row >= part.start) & (data.row < part.stop)
        y, q = data.y[inside, 1:].sum(axis=1), data.q[inside, 1:].sum(axis=1)
        rest = above[part].sum() - q.sum()
        ends.append((y.sum() + rest + (40 - len(y)) * (y - q).mean()) / 40)
    assert row["change"] == pytest.approx(ends[1] - ends[0], abs=1e-12)
    assert (row["n_codes_before"], row["n_codes_after"]) == (24, 24)


def test_two_named_periods(label, guesses):
    data, _ = world(label, guesses, coded=20)
    table = changes(data, between=("2020", "2021")).set_index("account")
    above = data.y[:, 1:].sum(axis=1)[np.argsort(data.row)]
    assert table.loc["东篱发布", "before"] == pytest.approx(above[20:40].mean(), abs=1e-12)
    assert table.loc["东篱发布", "after"] == pytest.approx(above[40:60].mean(), abs=1e-12)
    assert table.loc["东篱发布", "low"] == table.loc["东篱发布", "high"]
    assert set(table["note"]) == {"every_post"}
    assert table[["p_value", "p_adjusted"]].isna().all(axis=None)


def test_p_values_are_adjusted_for_the_accounts(label, guesses):
    table = changes(world(label, guesses)[0])
    least = table["p_value"].min()
    assert table["p_adjusted"].min() == pytest.approx(2 * least, rel=1e-12, abs=0)


def test_too_few_codes_in_a_span_are_refused(label, guesses):
    table = changes(world(label, guesses, coded=4)[0])
    assert set(table["status"]) == {"refused"}
    assert set(table["note"]) == {"few_codes_in_span"}
    assert table[["change", "low", "high", "p_value", "p_adjusted"]].isna().all(axis=None)


def test_accounts_without_a_group_are_left_out(label, guesses):
    """And p-values are adjusted for the accounts that have a group."""
    names = ("东篱发布", "柚江税务", "无名甲", "无名乙")
    data, _ = world(label, guesses, accounts=names)
    accounts = pd.DataFrame({"account": names, "place": ["北", "南", None, None]})
    groups = groups_of(*group_names(data.posts, by=("place", "year"), accounts=accounts))
    assert set(groups.accounts) == {"北", "南", "—"}
    table = account_changes(data, groups)
    assert table["account"].to_dict() == {0: "北", 1: "南"}
    least = table["p_value"].min()
    assert table["p_adjusted"].min() == pytest.approx(2 * least, rel=1e-12, abs=0)


def test_periods_that_are_not_there(label, guesses):
    data, _ = world(label, guesses)
    with pytest.raises(DataError) as error:
        changes(data, between=("2019", "2030"))
    assert str(error.value) == (
        "--between 2019,2030: name two different periods, the earlier first; there are 2019, "
        "2020, 2021, 2022"
    )
    for pair in (("2019", "2019"), ("2021", "2019")):
        with pytest.raises(DataError):
            changes(data, between=pair)


def test_the_middle_period_is_in_neither_half():
    periods = pd.Series(["2019", "2020", "2021", "undated"])
    groups = groups_of(pd.Series(["a"] * 4), periods)
    assert spans(groups, None) == ({"2019"}, {"2021"})
