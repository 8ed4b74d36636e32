import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagemix.errors import DataError
from stagemix.mix.mixes import COLUMNS, mix_table
from stagemix.mix.shares import account_share, dispersion, overall_share

STAGES = ("publish", "interact", "service", "cooperate")
NUMBERS = ["share", "low", "high"]


def world(label, guesses, *, seed=0, coded=12, of=STAGES, weights=(12, 5, 3, 0)):
    """Two accounts, two years, 20 posts a cell, of which CODED are coded; cells of 20."""
    draw = np.random.default_rng(seed)
    account = [a for a in ("东篱发布", "柚江税务") for _ in range(40)]
    year = ([2019] * 20 + [2020] * 20) * 2
    one = [stage for stage, n in zip(of, weights, strict=True) for _ in range(n)]
    truth = [v for _ in range(4) for v in draw.permutation(one).tolist()]
    rows = [20 * cell + i for cell in range(4) for i in range(coded)]
    p, q = guesses(truth, seed=seed), guesses(truth, seed=seed + 1)
    return label(
        account=account, year=year, truth=truth, p=p, q=q, rows=rows,
        chance=[coded / 20] * len(rows),
    )  # fmt: skip


def one(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_one_row_per_account_period_and_stage(label, guesses):
    data = world(label, guesses)
    table = mix_table(data, by=("account", "year"))
    assert list(table.columns) == list(COLUMNS)
    keys = table[["account", "period", "stage"]]
    assert keys.apply(tuple, axis=1).tolist() == [
        (a, t, s) for a in ("东篱发布", "柚江税务") for t in ("2019", "2020") for s in STAGES
    ]
    assert set(table["n_posts"]) == {20}
    assert set(table["n_codes"]) == {12}
    assert set(table["method"]) == {"difference"}


def test_overall_shares_are_the_estimator_of_section_2(label, guesses):
    data = world(label, guesses)
    table = mix_table(data, by=())
    p = data.p.copy()
    p[data.row] = data.q
    phi = dispersion(data.y, data.q, np.ones(48))
    expected = overall_share(p, data.y, data.q, data.chance, phi)
    assert table["share"].tolist() == expected.share.tolist()
    assert table["low"].tolist() == expected.low.tolist()
    assert table["high"].tolist() == expected.high.tolist()
    assert set(table["account"]) == set(table["period"]) == {"all"}
    raw = data.posts["label"].value_counts(normalize=True)
    assert table["share_raw"].tolist() == [raw.get(stage, 0.0) for stage in STAGES]


def test_shares_of_an_account_are_the_estimator_of_section_3(label, guesses):
    data = world(label, guesses)
    table = mix_table(data, by=("account",))
    p = data.p.copy()
    p[data.row] = data.q
    cell = np.arange(80) // 20
    spread = np.array([(p * (1 - p))[cell == cell[i]].mean(axis=0) for i in data.row])
    mine = data.row < 40
    phi = dispersion(data.y, data.q, np.ones(48))
    expected = account_share(
        p[:40], data.y[mine], data.q[mine], data.chance[mine], phi, spread[mine]
    )
    found = table[table["account"] == "东篱发布"]
    assert found["share"].iloc[:3].to_numpy() == pytest.approx(expected.share[:3], abs=1e-12)
    assert found["low"].iloc[:3].to_numpy() == pytest.approx(expected.low[:3], abs=1e-12)
    assert found["high"].iloc[:3].to_numpy() == pytest.approx(expected.high[:3], abs=1e-12)
    assert found["share"].isna().tolist() == [False, False, False, True]


def test_weights_of_an_account_are_relative_to_its_mean_in_phi(label, guesses):
    truth = ["publish", "service"] * 40
    account = ["a"] * 20 + ["b"] * 60
    p = guesses(truth)
    rows = list(range(10)) + list(range(20, 50))
    chance = [0.5] * 10 + [0.5] * 30
    chance[:5] = [0.25] * 5
    data = label(
        account=account, year=[2020] * 80, truth=truth, p=p, q=guesses(truth, seed=9),
        rows=rows, chance=chance,
    )  # fmt: skip
    mean = {"a": (4 * 5 + 2 * 5) / 10, "b": 2.0}
    weights = np.array([1 / c / mean[account[i]] for i, c in zip(rows, chance, strict=True)])
    phi = dispersion(data.y, data.q, weights)
    full = data.p.copy()
    full[data.row] = data.q
    expected = overall_share(full, data.y, data.q, data.chance, phi)
    assert mix_table(data, by=())["high"].tolist() == expected.high.tolist()


def test_few_codes_in_a_group_are_refused(label, guesses):
    table = mix_table(world(label, guesses, coded=9), by=("account", "year"))
    assert set(table["status"]) == {"refused"}
    assert set(table["note"]) == {"few_codes_in_group"}
    assert table[NUMBERS].isna().all(axis=None)
    assert (table[NUMBERS].dtypes == "float64").all()
    assert table["share_raw"].notna().all()
    whole = mix_table(world(label, guesses, coded=9), by=("account",))
    assert set(whole["note"]) == {"", "few_codes_of_stage", "rare_stage"}


def test_a_rare_stage_is_refused_by_group_but_not_overall(label, guesses):
    data = world(label, guesses)
    assert data.counts["cooperate"] == 0
    row = one(mix_table(data, by=("account",)), account="柚江税务", stage="cooperate")
    assert (row["status"], row["note"], row["n_posts"]) == ("refused", "rare_stage", 40)
    assert pd.isna(row["share"])
    row = one(mix_table(data, by=()), stage="cooperate")
    assert (row["status"], row["note"]) == ("few", "very_few_codes_of_stage")
    assert row["low"] <= row["share"] < row["high"]


@pytest.mark.parametrize(
    ("codes", "note"),
    [
        (2, "very_few_codes_of_stage"),
        (3, "few_codes_of_stage"),
        (9, "few_codes_of_stage"),
        (10, ""),
    ],
)
def test_the_note_of_an_overall_share_follows_its_codes(label, guesses, codes, note):
    truth = ["cooperate"] * codes + ["publish"] * (60 - codes)
    data = label(
        account=["a"] * 60, year=[2020] * 60, truth=truth, p=guesses(truth), rows=range(40),
        chance=[40 / 60] * 40,
    )  # fmt: skip
    row = one(mix_table(data, by=()), stage="cooperate")
    assert (row["status"], row["note"]) == ("few" if note else "ok", note)
    assert row["n_codes_of_stage"] == codes


def test_the_codes_of_each_stage_are_counted_in_every_group(label, guesses):
    data = world(label, guesses)
    for by in [(), ("account",), ("year",), ("account", "year")]:
        table = mix_table(data, by=by)
        per_group = table.groupby(["account", "period"])["n_codes_of_stage"].sum()
        n_codes = table.groupby(["account", "period"])["n_codes"].first()
        assert per_group.to_dict() == n_codes.to_dict()
        per_stage = table.groupby("stage")["n_codes_of_stage"].sum()
        assert per_stage.to_dict() == {s: int(n) for s, n in data.counts.items()}


@pytest.mark.parametrize(("codes", "status"), [(2, "refused"), (3, "few"), (9, "few"), (10, "ok")])
def test_the_status_of_a_stage_follows_its_codes(label, guesses, codes, status):
    truth = ["cooperate"] * codes + ["publish"] * (40 - codes)
    data = label(
        account=["a"] * 60, year=[2020] * 60, truth=truth + ["publish"] * 20,
        p=guesses(truth + ["publish"] * 20), rows=range(40), chance=[40 / 60] * 40,
    )  # fmt: skip
    row = one(mix_table(data, by=("account",)), stage="cooperate")
    assert row["status"] == status


def test_a_period_without_posts_has_its_rows(label, guesses):
    truth = ["publish", "service"] * 20
    data = label(
        account=["a"] * 30 + ["b"] * 10, year=[2019] * 15 + [2020] * 15 + [2019] * 10,
        truth=truth, p=guesses(truth), rows=range(0, 40, 2), chance=[0.5] * 20,
    )  # fmt: skip
    table = mix_table(data, by=("account", "year"))
    assert len(table) == 2 * 2 * 4
    rows = table[(table["account"] == "b") & (table["period"] == "2020")]
    assert set(rows["note"]) == {"no_posts"}
    assert set(rows["n_posts"]) == {0}
    assert rows[["share_raw", *NUMBERS]].isna().all(axis=None)


def test_undated_posts_do_not_vanish(label, guesses):
    truth = ["publish", "service"] * 20
    data = label(
        account=["a"] * 40, year=[2019] * 15 + [None] * 25, truth=truth, p=guesses(truth),
        rows=range(0, 40, 2), chance=[0.5] * 20,
    )  # fmt: skip
    table = mix_table(data, by=("account", "year"))
    posts = table.drop_duplicates(["account", "period"]).set_index("period")["n_posts"]
    assert posts.to_dict() == {"2019": 15, "undated": 25}
    assert one(table, period="undated", stage="publish")["status"] == "ok"


def test_groups_by_a_column_of_the_account_table(label, guesses):
    data = world(label, guesses)
    accounts = pd.DataFrame({"account": ["东篱发布"], "sector": ["综合"]})
    table = mix_table(data, by=("sector",), accounts=accounts)
    posts = table.drop_duplicates("account").set_index("account")["n_posts"]
    assert posts.to_dict() == {"—": 40, "综合": 40}


def test_a_column_that_is_not_there(label, guesses):
    with pytest.raises(DataError) as error:
        mix_table(world(label, guesses), by=("sector",))
    assert str(error.value) == (
        "--by sector: no such column; one can group by year, half, quarter, month, account"
    )


@pytest.mark.parametrize("by", [(), ("account",), ("account", "year"), ("quarter",)])
def test_everything_coded_gives_exact_shares_without_width(label, guesses, by):
    data = world(label, guesses, coded=20, weights=(15, 3, 2, 0))
    assert data.counts["cooperate"] == 0
    table = mix_table(data, by=by)
    assert set(table["status"]) == {"ok"}
    assert (table["low"] == table["share"]).all()
    assert (table["high"] == table["share"]).all()
    assert table["share"].tolist() == [15 / 20, 3 / 20, 2 / 20, 0] * (len(table) // 4)


def test_no_stage_has_zero_width_while_posts_are_uncoded(label):
    truth = ["publish"] * 17 + ["cooperate"] * 3 + ["publish"] * 30
    p = np.tile([1.0, 0.0, 0.0, 0.0], (80, 1))
    data = label(
        account=["a"] * 50 + ["b"] * 30, year=[2020] * 80, truth=truth + ["publish"] * 30, p=p,
        rows=[*range(20), *range(50, 62)], chance=[20 / 50] * 20 + [12 / 30] * 12,
    )  # fmt: skip
    row = one(mix_table(data, by=("account",)), account="b", stage="cooperate")
    assert (row["share"], row["low"], row["high"]) == (0.0, 0.0, 1 / 30)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_shares_where_none_is_refused_sum_to_one(label, guesses, seed):
    data = world(label, guesses, seed=seed, weights=(7, 5, 4, 4))
    for by in [(), ("account",), ("year",), ("account", "year")]:
        table = mix_table(data, by=by)
        kept = table[table["status"] != "refused"]
        assert ((kept["low"] >= 0) & (kept["high"] <= 1)).all()
        assert ((kept["low"] <= kept["share"]) & (kept["share"] <= kept["high"])).all()
        whole = table.groupby(["account", "period"])["share"].agg(["sum", "count"])
        sums = whole.loc[whole["count"] == 4, "sum"]
        assert sums.to_numpy() == pytest.approx(np.ones(len(sums)), abs=1e-12)
        raw = table.groupby(["account", "period"])["share_raw"].sum()
        assert raw.to_numpy() == pytest.approx(np.ones(len(raw)), abs=1e-12)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_of_posts_and_codes_changes_nothing(label, guesses, seed):
    draw = np.random.default_rng(seed)
    truth = draw.choice(STAGES[:3], 60).tolist()
    account, year = ["a", "b"] * 30, [2019 + i % 3 for i in range(60)]
    p, rows = guesses(truth), draw.choice(60, 36, replace=False).tolist()
    order = draw.permutation(60).tolist()
    tables = []
    for shuffled in (list(range(60)), order):
        place = {post: i for i, post in enumerate(shuffled)}
        data = label(
            account=[account[i] for i in shuffled], year=[year[i] for i in shuffled],
            truth=[truth[i] for i in shuffled], p=p[shuffled],
            rows=[place[i] for i in (rows if shuffled != order else rows[::-1])],
            chance=[0.6] * 36,
        )  # fmt: skip
        tables.append(mix_table(data, by=("account", "year")))
    pd.testing.assert_frame_equal(*tables, rtol=0, atol=1e-12)


def test_codes_take_a_built_in_bias_away(label):
    """A classifier that takes a fifth of publish for service; 25 simple random samples of 150."""
    draw = np.random.default_rng(0)
    truth = draw.choice(STAGES, 1500, p=[0.8, 0.1, 0.08, 0.02]).tolist()
    seen = [
        "service" if v == "publish" and bad else v
        for v, bad in zip(truth, draw.random(1500) < 0.2, strict=True)
    ]
    p = np.array([[0.88 if v == s else 0.04 for s in STAGES] for v in seen])
    true = np.array([truth.count(s) / 1500 for s in STAGES])
    assert abs(p.mean(axis=0)[2] - true[2]) > 0.13
    shares, held = [], []
    for _ in range(25):
        rows = draw.choice(1500, 150, replace=False).tolist()
        data = label(
            account=["a"] * 1500, year=[2020] * 1500, truth=truth, p=p, rows=rows, chance=None
        )
        table = mix_table(data, by=())
        assert table["share_raw"].iloc[2] == seen.count("service") / 1500
        shares.append(table["share"].to_numpy())
        held.append((table["low"] <= true) & (true <= table["high"]))
    assert np.mean(shares, axis=0) == pytest.approx(true, abs=0.015)
    assert np.mean(held) >= 0.9
