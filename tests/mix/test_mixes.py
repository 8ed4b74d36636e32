import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagemix.errors import DataError
from stagemix.mix.borrowing import account_shares, cell_shares
from stagemix.mix.mixes import coded_corpus, mix_table
from stagemix.mix.prior_shift import cell_shares_by_em, shares_by_em, shifts
from stagemix.mix.recalibration import recalibrate
from stagemix.mix.shares import (
    Shares,
    difference_estimate,
    difference_shares,
    dispersion,
    overall_share,
)
from stagemix.mix.table import COLUMNS

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
    mine = data.row < 40
    phi = dispersion(data.y, data.q, np.ones(48))
    both = difference_estimate(
        p[:40],
        np.zeros(40, dtype=np.intp),
        groups=1,
        row=data.row[mine],
        y=data.y[mine],
        chance=data.chance[mine],
        phi=phi,
        stratum=cell[:40],
    )
    expected = Shares(**{name: values[0] for name, values in vars(difference_shares(both)).items()})
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


@settings(max_examples=5, deadline=None)
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


OURS = tuple(f"账号{i:02}" for i in range(12))
CODED = (0, 4, 5, 45, *[31] * 8)
DIFFERENCES = [f"difference_{name}" for name in NUMBERS]


def many(label, guesses, *, rare=5, order=None):
    """Twelve accounts of 27 posts in 2019 and 18 in 2020, 302 coded: none, 4, 5, all, 31 of each.

    RARE posts are coded as cooperate, all in the last accounts; ORDER is that of the posts.
    """
    draw = np.random.default_rng(4)
    account = np.repeat(np.arange(12), 45)
    truth = np.array(STAGES)[draw.choice(3, 540, p=[0.6, 0.22, 0.18])]
    rows = np.concatenate([45 * a + draw.choice(45, n, replace=False) for a, n in enumerate(CODED)])
    truth[rows[-31 * 8 :: 31][:rare]] = "cooperate"
    p, q = guesses(truth.tolist(), seed=7), guesses(truth.tolist(), seed=8)
    order = np.arange(540) if order is None else order
    chance = np.array(CODED)[account[rows]] / 45
    place = np.argsort(order)[rows]
    return label(
        account=[OURS[a] for a in account[order]],
        year=[2019 + (i % 45 >= 27) for i in order.tolist()],
        truth=truth[order].tolist(), p=p[order], q=q[order], rows=place.tolist(),
        chance=chance.tolist(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(label, guesses):
    return many(label, guesses)


@pytest.fixture(scope="module")
def by_account(whole):
    return mix_table(whole, by=("account",))


@pytest.fixture(scope="module")
def by_cell(whole):
    return mix_table(whole, by=("account", "year"))


def test_accounts_borrow_from_ten_accounts_and_three_hundred_codes_on(label, guesses):
    truth = (["publish"] * 3 + ["service"]) * 100

    def method(accounts, codes, by=("account",)):
        data = label(
            account=[f"a{i % accounts}" for i in range(400)], year=[2020] * 400, truth=truth,
            p=guesses(truth), rows=range(codes), chance=[codes / 400] * codes,
        )  # fmt: skip
        (found,) = set(mix_table(data, by=by)["method"])
        return found

    assert method(10, 300) == "random intercepts"
    assert method(9, 300) == method(10, 299) == "difference"
    assert method(10, 300, by=()) == method(10, 300, by=("year",)) == "difference"


def test_methods_of_the_tables(whole, by_account, by_cell):
    assert len(whole.row) == 302
    assert set(by_account["method"]) == {"random intercepts"}
    assert set(by_cell["method"]) == {"nested random intercepts"}
    accounts = pd.DataFrame({"account": OURS, "sector": [f"行业{i}" for i in range(12)]})
    table = mix_table(whole, by=("sector",), accounts=accounts)
    assert set(table["method"]) == {"difference"}


def test_an_account_that_borrows_says_so_below_five_codes(by_account):
    found = by_account[by_account["stage"] == "service"].set_index("account")
    assert found["n_codes"].tolist() == list(CODED)
    assert found["status"].tolist() == ["borrowed"] * 2 + ["ok"] * 10
    assert found["note"].tolist() == ["borrowed"] * 2 + [""] * 10
    assert found[NUMBERS].notna().all(axis=None)


def test_a_stage_with_few_codes_is_few_though_it_is_borrowed(by_account):
    found = by_account[by_account["stage"] == "cooperate"].set_index("account")
    assert found["n_codes_of_stage"].sum() == 5
    for name in OURS[:2]:
        assert found["status"][name] == "few"
        assert found["note"][name] == "few_codes_of_stage;borrowed"
    assert (found["status"][OURS[2]], found["note"][OURS[2]]) == ("few", "few_codes_of_stage")
    # every post of this account is coded
    assert (found["status"][OURS[3]], found["note"][OURS[3]]) == ("ok", "")


def test_notes_of_cells_are_joined(by_cell):
    def notes(account, period, stage):
        row = one(by_cell, account=account, period=period, stage=stage)
        return row["status"], row["note"]

    assert notes(OURS[0], "2019", "publish") == ("borrowed", "borrowed")
    assert notes(OURS[0], "2020", "publish") == ("borrowed", "borrowed;small_cell")
    assert notes(OURS[0], "2020", "cooperate") == ("few", "few_codes_of_stage;borrowed;small_cell")
    assert notes(OURS[5], "2020", "publish") == ("ok", "small_cell")
    assert notes(OURS[5], "2019", "cooperate") == ("few", "few_codes_of_stage")
    assert notes(OURS[3], "2020", "cooperate") == ("ok", "")
    few = by_cell["n_codes"] < 5
    assert 0 < few.sum() < 48
    assert (by_cell["note"].str.contains("borrowed") == few).all()


def test_a_rare_stage_is_refused_where_accounts_borrow(label, guesses):
    table = mix_table(many(label, guesses, rare=2), by=("account",))
    found = table[table["stage"] == "cooperate"].set_index("account")
    assert (found["status"][OURS[3]], found["note"][OURS[3]]) == ("ok", "")
    assert found.loc[OURS[3], ["share", "difference_share"]].tolist() == [0, 0]
    rest = found.drop(OURS[3])
    assert set(rest["status"]) == {"refused"}
    assert set(rest["note"]) == {"rare_stage"}
    assert rest[[*NUMBERS, *DIFFERENCES]].isna().all(axis=None)
    assert rest["share_raw"].notna().all()
    assert table.loc[table["stage"] != "cooperate", NUMBERS].notna().all(axis=None)


def test_an_account_with_all_its_posts_coded_is_exact_among_those_that_borrow(
    whole, by_account, by_cell
):
    mine = whole.posts["account"].iloc[whole.row].to_numpy() == OURS[3]
    exact = whole.y[mine].mean(axis=0).tolist()
    found = by_account[by_account["account"] == OURS[3]]
    for name in [*NUMBERS, *DIFFERENCES]:
        assert found[name].tolist() == exact
    cells = by_cell[by_cell["account"] == OURS[3]]
    assert (cells["low"] == cells["high"]).all()
    assert (cells["low"] == cells["share"]).all()
    others = by_account[by_account["account"] != OURS[3]]
    assert (others["low"] < others["high"]).all()


def pieces(data):
    """What the borrowing estimators take, step by step (section 3d)."""
    account = data.posts["account"].map(OURS.index).to_numpy()
    weights = 1 / data.chance
    share = np.maximum((weights[:, None] * data.y).sum(axis=0) / weights.sum(), 0.002)
    pool = share / share.sum()
    p = recalibrate(data.p_held_out, data.q, data.y, weights / weights.mean())
    shares = shares_by_em(p, account, groups=12, pool=pool)
    return account, p, pool, shares


def test_shares_of_accounts_are_those_of_the_random_intercepts(whole, by_account):
    account, _, pool, shares = pieces(whole)
    expected = account_shares(
        coded_corpus(whole, account), shift=shifts(shares, pool), rng=np.random.default_rng(1)
    )
    for name in NUMBERS:
        assert by_account[name].to_numpy() == pytest.approx(
            getattr(expected, name).ravel(), abs=1e-12
        )


def test_shares_of_cells_are_those_of_the_nested_random_intercepts(whole, by_cell):
    account, p, pool, shares = pieces(whole)
    cell = 2 * account + (whole.posts["published_at"].dt.year.to_numpy() - 2019)
    account_of = np.repeat(np.arange(12), 2)
    cells = cell_shares_by_em(p, cell, pool=pool, toward=shares[account_of])
    expected = cell_shares(
        coded_corpus(whole, account), cell=cell, account_of=account_of,
        shift=shifts(shares, pool), cell_shift=shifts(cells, pool), rng=np.random.default_rng(1),
    )  # fmt: skip
    for name in NUMBERS:
        assert by_cell[name].to_numpy() == pytest.approx(getattr(expected, name).ravel(), abs=1e-12)


def test_the_difference_estimator_stands_beside_where_a_group_has_ten_codes(
    whole, by_account, by_cell
):
    account, *_ = pieces(whole)
    weights = np.ones(len(whole.row))
    estimate = difference_estimate(
        whole.p_held_out, account, groups=12, row=whole.row, y=whole.y, chance=whole.chance,
        phi=dispersion(whole.y, whole.q, weights), stratum=account,
    )  # fmt: skip
    expected = difference_shares(estimate)
    enough = np.repeat(np.array(CODED) >= 10, 4)
    for name in NUMBERS:
        found = by_account[f"difference_{name}"].to_numpy()
        assert found[enough] == pytest.approx(getattr(expected, name).ravel()[enough], abs=1e-12)
        assert np.isnan(found[~enough]).all()
    cells = by_cell["difference_share"].notna()
    assert (cells == (by_cell["n_codes"] >= 10)).all()
    plain = mix_table(whole, by=("year",))
    for name in NUMBERS:
        assert plain[f"difference_{name}"].tolist() == plain[name].tolist()


def test_borrowed_shares_sum_to_one_within_their_bounds(by_account, by_cell):
    for table in (by_account, by_cell):
        sums = table.groupby(["account", "period"])["share"].sum()
        assert sums.to_numpy() == pytest.approx(np.ones(len(sums)), abs=1e-12)
        assert (table["low"] >= 0).all()
        assert (table["high"] <= 1).all()
        assert (table["low"] <= table["share"]).all()
        assert (table["share"] <= table["high"]).all()


@pytest.mark.parametrize("by", [("account",), ("account", "year")])
def test_the_order_of_posts_changes_nothing_where_accounts_borrow(
    label, guesses, by_account, by_cell, by
):
    order = np.random.default_rng(0).permutation(540)
    again = mix_table(many(label, guesses, order=order), by=by)
    expected = by_account if by == ("account",) else by_cell
    pd.testing.assert_frame_equal(again, expected, rtol=0, atol=1e-9)


def test_a_cell_without_posts_is_refused_where_cells_borrow(label, guesses):
    truth = (["publish"] * 3 + ["service"]) * 100
    data = label(
        account=[f"a{i % 10}" for i in range(400)],
        year=[2019 if i % 10 == 3 or i < 200 else 2020 for i in range(400)], truth=truth,
        p=guesses(truth), rows=range(50, 360), chance=[310 / 400] * 310,
    )  # fmt: skip
    table = mix_table(data, by=("account", "year"))
    assert set(table["method"]) == {"nested random intercepts"}
    rows = table[(table["account"] == "a3") & (table["period"] == "2020")]
    assert set(rows["status"]) == {"refused"}
    assert set(rows["note"]) == {"no_posts"}
    assert rows[["share_raw", *NUMBERS, *DIFFERENCES]].isna().all(axis=None)
    rest = table.drop(rows.index)
    assert (rest["n_posts"] > 0).all()
    coded = rest[rest["stage"].isin(["publish", "service"])]
    assert coded[NUMBERS].notna().all(axis=None)
