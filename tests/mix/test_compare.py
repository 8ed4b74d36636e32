import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution
from scipy.stats import ttest_ind

from stagemix.errors import DataError
from stagemix.mix.compare import (
    DIFFERENCES,
    TESTS,
    compare,
    holm,
    t_interval,
    unbiased_shares,
    welch_f,
    welch_t,
)

STAGES = ("publish", "interact", "service", "cooperate")
TWO = ("publish", "interact")
# R's InsectSprays: insects counted under six sprays
SPRAYS = [
    [10, 7, 20, 14, 14, 12, 10, 23, 17, 20, 14, 13],
    [11, 17, 21, 11, 16, 14, 17, 17, 19, 21, 7, 13],
    [0, 1, 7, 2, 3, 1, 2, 1, 3, 0, 1, 4],
    [3, 5, 12, 6, 4, 3, 5, 5, 5, 5, 2, 4],
    [3, 5, 3, 5, 3, 6, 1, 1, 3, 2, 6, 4],
    [11, 9, 15, 22, 15, 16, 13, 10, 26, 26, 24, 13],
]


def study(label, guesses, *, groups, posts=30, coded=10, seed=0, weights=(6, 5, 5, 4)):
    """GROUPS maps a group to its number of accounts; POSTS each, CODED of them coded.

    Returns the labelled corpus, its account table and the true values.
    """
    draw = np.random.default_rng(seed)
    names = [f"{g or '无'}{i}" for g, n in groups.items() for i in range(n)]
    sector = [g for g, n in groups.items() for _ in range(n)]
    account = [name for name in names for _ in range(posts)]
    shares = np.array(weights) / sum(weights)
    truth = draw.choice(STAGES, size=len(account), p=shares).tolist()
    rows = [posts * a + i for a in range(len(names)) for i in range(coded)]
    data = label(
        account=account, year=[2020] * len(account), truth=truth, p=guesses(truth, seed=seed),
        q=guesses(truth, seed=seed + 1), rows=rows, chance=[coded / posts] * len(rows),
    )  # fmt: skip
    return data, pd.DataFrame({"account": names, "sector": sector}), truth


def one(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def samples(seed, sizes):
    draw = np.random.default_rng(seed)
    return [draw.normal(draw.normal(), draw.uniform(0.2, 3), n) for n in sizes]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(2, 9))
def test_welch_t_is_scipys(seed, n, m):
    x, y = samples(seed, [n, m])
    known = ttest_ind(x, y, equal_var=False)
    ends = known.confidence_interval(0.95)
    expected = (x.mean() - y.mean(), ends.low, ends.high, known.pvalue)
    assert welch_t(x, y) == pytest.approx(expected, rel=1e-9)


def test_welch_t_with_one_sample_that_does_not_vary_tests_the_other_against_it():
    x, y = np.array([0.1, 0.4, 0.3]), np.full(5, 0.1)
    low, high = t_interval(x - 0.1)
    found = welch_t(x, y)
    assert found[:3] == pytest.approx((x.mean() - 0.1, low, high))
    t = (x.mean() - 0.1) / (x.std(ddof=1) / math.sqrt(3))
    assert found[3] == pytest.approx(2 * t_distribution.sf(t, 2))


def test_the_t_interval_is_students():
    x = np.array([0.2, 0.5, 0.3, 0.8])
    half = t_distribution.ppf(0.975, 3) * x.std(ddof=1) / 2
    assert t_interval(x) == pytest.approx((0.45 - half, 0.45 + half))


def brute_f(groups):
    k = len(groups)
    n = [len(x) for x in groups]
    mean = [sum(x) / len(x) for x in groups]
    s2 = [sum((v - m) ** 2 for v in x) / (len(x) - 1) for x, m in zip(groups, mean, strict=True)]
    w = [a / b for a, b in zip(n, s2, strict=True)]
    grand = sum(a * b for a, b in zip(w, mean, strict=True)) / sum(w)
    top = sum(a * (b - grand) ** 2 for a, b in zip(w, mean, strict=True)) / (k - 1)
    lack = sum((1 - a / sum(w)) ** 2 / (b - 1) for a, b in zip(w, n, strict=True))
    f = top / (1 + 2 * (k - 2) / (k * k - 1) * lack)
    df2 = (k * k - 1) / (3 * lack)
    return f, k - 1, df2, f_distribution.sf(f, k - 1, df2)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(2, 9), min_size=2, max_size=6))
def test_welch_f_is_its_formula(seed, sizes):
    groups = samples(seed, sizes)
    assert welch_f(groups) == pytest.approx(brute_f(groups), rel=1e-9)


def test_welch_f_of_two_samples_is_the_square_of_welch_t():
    x, y = samples(3, [5, 8])
    known = ttest_ind(x, y, equal_var=False)
    assert welch_f([x, y]) == pytest.approx((known.statistic**2, 1, known.df, known.pvalue))


def test_welch_f_of_a_published_example():
    """`oneway.test(count ~ spray, InsectSprays)` of R prints these."""
    f, df1, df2, p_value = welch_f([np.array(x, dtype=float) for x in SPRAYS])
    assert (round(f, 3), df1, round(df2, 3)) == (36.065, 5, 30.043)
    assert p_value == pytest.approx(7.999e-12, rel=1e-3)


def test_welch_f_with_one_sample_that_does_not_vary_is_the_limit():
    x, y = samples(5, [4, 6])
    still = np.full(5, 0.2)
    nearly = still + 1e-6 * np.array([-1, 1, 0, 1, -1])
    assert welch_f([x, still, y]) == pytest.approx(brute_f([x, nearly, y]), rel=1e-6)


def test_holm_by_hand():
    found = holm(np.array([0.03, 0.01, 0.04, 0.005]))
    assert found == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert holm(np.array([0.6, 0.9])) == pytest.approx([1, 1])
    assert holm(np.array([])).tolist() == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_holm_rejects_what_its_step_down_rejects(p_values):
    adjusted = holm(np.array(p_values))
    for level in (0.01, 0.05, 0.2):
        rejected = set()
        for step, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
            if p_values[i] * (len(p_values) - step) > level:
                break
            rejected.add(i)
        assert {i for i, p in enumerate(adjusted) if p <= level} == rejected


def test_an_accounts_share_is_the_mean_of_its_pseudo_outcomes(label, guesses):
    data, _, truth = study(label, guesses, groups={"a": 2, "b": 1})
    found = unbiased_shares(data)
    assert found.index.tolist() == ["a0", "a1", "b0"]
    q = dict(zip(data.row.tolist(), data.q, strict=True))
    for a in range(3):
        for k, stage in enumerate(STAGES):
            posts = range(30 * a, 30 * a + 30)
            total = sum(q[i][k] if i in q else data.p[i, k] for i in posts)
            total += sum(((truth[i] == stage) - q[i][k]) * 3 for i in posts if i in q)
            assert found.iloc[a, k] == pytest.approx(total / 30, abs=1e-12)


def test_account_shares_are_unbiased_over_all_samples_of_the_corpus(label, guesses):
    """Two of six posts are coded, so that each account has 0 codes in some samples."""
    account, truth = ["a"] * 2 + ["b"] * 4, [TWO[i % 3 == 0] for i in range(6)]
    p = guesses(truth, stages=TWO)
    found = []
    for rows in combinations(range(6), 2):
        data = label(
            account=account, year=[2020] * 6, truth=truth, p=p, rows=rows, chance=[2 / 6] * 2,
            stages=TWO,
        )  # fmt: skip
        found.append(unbiased_shares(data).to_numpy())
    true = [[truth[:2].count(s) / 2 for s in TWO], [truth[2:].count(s) / 4 for s in TWO]]
    assert np.mean(found, axis=0) == pytest.approx(np.array(true), abs=1e-12)


def test_every_figure_is_made_of_the_accounts_shares(label, guesses):
    data, accounts, _ = study(label, guesses, groups={"综合": 4, "税务": 3, "公安": 5})
    found = compare(data, by="sector", accounts=accounts)
    assert (found.by, found.note) == ("sector", "")
    assert found.differences.columns.tolist() == list(DIFFERENCES)
    assert found.tests.columns.tolist() == list(TESTS)
    theta = unbiased_shares(data)
    x = {g: theta[theta.index.str.startswith(g)] for g in ("公安", "税务", "综合")}
    assert list(dict.fromkeys(found.shares["group"])) == list(x)
    for group in x:
        for stage in STAGES:
            row = one(found.shares, group=group, stage=stage)
            values = x[group][stage].to_numpy()
            assert row["share"] == pytest.approx(values.mean())
            labels = data.posts[data.posts["account"].isin(x[group].index)]
            per_account = (labels["label"] == stage).groupby(labels["account"]).mean()
            assert row["share_raw"] == pytest.approx(per_account.mean())
            ends = np.clip(t_interval(values), 0, 1)
            assert [row["low"], row["high"]] == pytest.approx(ends.tolist())
            assert (row["accounts"], row["status"], row["note"]) == (len(values), "ok", "")
            assert (row["n_posts"], row["n_codes"]) == (30 * len(values), 10 * len(values))
    pairs = [(a, b, s) for a, b in combinations(x, 2) for s in STAGES]
    assert [tuple(r) for r in found.differences.iloc[:, :3].to_numpy()] == pairs
    expected = [welch_t(x[a][s].to_numpy(), x[b][s].to_numpy()) for a, b, s in pairs]
    assert found.differences.iloc[:, 3:7].to_numpy() == pytest.approx(np.array(expected))
    adjusted = holm(np.array([p for *_, p in expected])).tolist()
    assert found.differences["p_adjusted"].tolist() == pytest.approx(adjusted)
    over_all = [welch_f([x[g][s].to_numpy() for g in x]) for s in STAGES]
    assert found.tests["stage"].tolist() == list(STAGES)
    assert found.tests.iloc[:, 3:7].to_numpy() == pytest.approx(np.array(over_all))
    adjusted = holm(np.array([p for *_, p in over_all])).tolist()
    assert found.tests["p_adjusted"].tolist() == pytest.approx(adjusted)
    assert set(found.tests["groups"]) == {3}
    assert set(found.tests["accounts"]) == {12}


def test_the_raw_share_is_that_of_the_average_account_not_of_the_posts(label):
    truth = ["publish"] * 4 + ["interact"] * 16 + ["publish"] * 40
    account = ["a0"] * 4 + ["a1"] * 16 + [f"b{i % 3}" for i in range(40)]
    p = np.array([[0.9, 0.1] if v == "publish" else [0.2, 0.8] for v in truth])
    data = label(
        account=account, year=[2020] * 60, truth=truth, p=p, rows=range(60), chance=[1.0] * 60,
        stages=TWO,
    )  # fmt: skip
    accounts = pd.DataFrame({"account": ["a0", "a1"], "sector": ["a", "a"]})
    shares = compare(data, by="sector", accounts=accounts).shares
    row = one(shares, group="a", stage="publish")
    assert (row["share_raw"], row["share"]) == (0.5, pytest.approx(0.5, abs=1e-12))


def test_everything_coded_gives_the_exact_shares_of_accounts(label, guesses):
    data, accounts, truth = study(label, guesses, groups={"a": 3, "b": 4}, posts=12, coded=12)
    found = compare(data, by="sector", accounts=accounts)
    for stage in STAGES:
        per_account = [truth[12 * a : 12 * a + 12].count(stage) / 12 for a in range(7)]
        assert unbiased_shares(data)[stage].tolist() == pytest.approx(per_account, abs=1e-12)
        row = one(found.differences, stage=stage)
        known = ttest_ind(per_account[:3], per_account[3:], equal_var=False)
        assert row["p_value"] == pytest.approx(known.pvalue)
        assert one(found.tests, stage=stage)["p_value"] == pytest.approx(known.pvalue)


@pytest.mark.parametrize("few", [1, 2])
def test_a_group_of_few_accounts_has_a_point_and_no_part_in_tests(label, guesses, few):
    data, accounts, _ = study(label, guesses, groups={"a": 3, "b": few, "c": 3})
    found = compare(data, by="sector", accounts=accounts)
    rows = found.shares[found.shares["group"] == "b"]
    assert set(rows["status"]) == {"few"}
    assert set(rows["note"]) == {"few_accounts"}
    assert rows["share"].notna().all()
    assert rows[["low", "high"]].isna().all(axis=None)
    assert set(zip(found.differences["group"], found.differences["other"], strict=True)) == {
        ("a", "c")
    }
    assert set(found.tests["groups"]) == {2}
    assert set(found.tests["accounts"]) == {6}


@pytest.mark.parametrize("groups", [{"a": 3, "b": 2}, {"a": 5, None: 5}])
def test_one_group_that_is_large_enough_has_no_test(label, guesses, groups):
    data, accounts, _ = study(label, guesses, groups=groups)
    found = compare(data, by="sector", accounts=accounts)
    assert found.note == "few_groups"
    assert found.differences.empty
    assert found.tests.empty
    assert found.differences.columns.tolist() == list(DIFFERENCES)
    assert found.tests.columns.tolist() == list(TESTS)
    assert one(found.shares, group="a", stage="publish")["status"] == "ok"


def test_accounts_without_a_value_are_shown_and_not_tested(label, guesses):
    data, accounts, _ = study(label, guesses, groups={"a": 3, "b": 3, None: 4})
    found = compare(data, by="sector", accounts=accounts)
    rows = found.shares[found.shares["group"] == "—"]
    assert set(rows["note"]) == {"no_group"}
    assert set(rows["status"]) == {"ok"}
    assert set(rows["accounts"]) == {4}
    assert rows[["low", "share", "high"]].notna().all(axis=None)
    assert "—" not in {*found.differences["group"], *found.differences["other"]}
    assert set(found.tests["accounts"]) == {6}


@pytest.mark.parametrize(
    ("codes", "status", "note"),
    [
        (2, "refused", "rare_stage"),
        (3, "few", "few_codes_of_stage"),
        (9, "few", "few_codes_of_stage"),
        (10, "ok", ""),
    ],
)
def test_a_stage_follows_its_codes(label, guesses, codes, status, note):
    draw = np.random.default_rng(0)
    names = [f"{g}{i}" for g in "ab" for i in range(3)]
    truth = draw.permutation(["cooperate"] * codes + ["service"] * (60 - codes)).tolist()
    account = [name for name in names for _ in range(10)]
    data = label(
        account=account * 2, year=[2020] * 120, truth=truth * 2, p=guesses(truth * 2),
        rows=range(60), chance=[0.5] * 60,
    )  # fmt: skip
    accounts = pd.DataFrame({"account": names, "sector": list("aaabbb")})
    found = compare(data, by="sector", accounts=accounts)
    row = one(found.shares, group="a", stage="cooperate")
    assert (row["status"], row["note"]) == (status, note)
    assert row[["share", "low", "high"]].isna().tolist() == [codes < 3] * 3
    tested = set(found.tests["stage"])
    assert tested == set(found.differences["stage"])
    assert tested == ({"service"} if codes < 3 else {"service", "cooperate"})


@pytest.mark.parametrize(("coded", "note"), [(3, "few_codes_in_group"), (4, "")])
def test_a_group_of_few_codes_is_refused(label, guesses, coded, note):
    data, accounts, _ = study(label, guesses, groups={"a": 3, "b": 4, "c": 9}, coded=coded)
    found = compare(data, by="sector", accounts=accounts)
    row = one(found.shares, group="a", stage="publish")
    assert row["note"] == note
    assert row[["share", "low", "high"]].isna().tolist() == [bool(note)] * 3
    assert pd.notna(row["share_raw"])
    assert set(found.tests["groups"]) == {2 if note else 3}


def test_a_group_coded_whole_needs_no_number_of_codes(label, guesses):
    data, accounts, _ = study(label, guesses, groups={"a": 3, "b": 6}, posts=3, coded=3)
    row = one(compare(data, by="sector", accounts=accounts).shares, group="a", stage="service")
    assert (row["n_codes"], row["n_posts"]) == (9, 9)
    assert row["status"] != "refused"


def test_a_group_with_an_account_that_was_never_drawn_is_refused(label, guesses):
    names = [f"{g}{i}" for g in "abc" for i in range(3)]
    account = [name for name in names for _ in range(20)]
    draw = np.random.default_rng(1)
    truth = draw.choice(STAGES, 180).tolist()
    rows = [20 * a + i for a in range(8) for i in range(5 + a % 2)]
    chance = [(5 + a % 2) / 20 for a in range(8) for _ in range(5 + a % 2)]
    data = label(
        account=account, year=[None] * 180, truth=truth, p=guesses(truth), rows=rows, chance=chance
    )
    assert data.design.name == "simple random within account"
    accounts = pd.DataFrame({"account": names, "sector": list("aaabbbccc")})
    found = compare(data, by="sector", accounts=accounts)
    rows_of = found.shares[found.shares["group"] == "c"]
    assert set(rows_of["note"]) == {"account_without_codes"}
    assert rows_of[["share", "low", "high"]].isna().all(axis=None)
    assert set(found.tests["groups"]) == {2}


def alike(label, *, cooperating):
    """Groups a, b, c of three accounts, all posts coded; COOPERATING gives each account's posts.

    Their chances are rounded, as a file may hold them.
    """
    names = [f"{g}{i}" for g in "abc" for i in range(3)]
    truth = [v for n in cooperating for v in ["cooperate"] * n + ["publish"] * (7 - n)]
    p = np.random.default_rng(0).dirichlet([1] * 4, size=63)
    data = label(
        account=[name for name in names for _ in range(7)], year=[2020] * 63, truth=truth, p=p,
        rows=range(63), chance=[1 - 1e-11] * 63,
    )  # fmt: skip
    accounts = pd.DataFrame({"account": names, "sector": list("aaabbbccc")})
    return compare(data, by="sector", accounts=accounts)


def test_a_group_of_accounts_that_are_all_the_same_has_no_width(label):
    found = alike(label, cooperating=[3, 3, 3, 1, 2, 6, 0, 1, 2])
    row = one(found.shares, group="a", stage="cooperate")
    assert (row["status"], row["note"]) == ("few", "no_spread")
    assert row["share"] == pytest.approx(3 / 7)
    assert row[["low", "high"]].isna().all()
    pair = one(found.differences, group="a", other="b", stage="cooperate")
    values = np.array([1, 2, 6]) / 7
    low, high = t_interval(3 / 7 - values)
    assert [pair["low"], pair["high"]] == pytest.approx([low, high])
    assert one(found.tests, stage="cooperate")["groups"] == 3


def test_two_such_groups_are_not_tested_against_each_other(label):
    found = alike(label, cooperating=[3, 3, 3, 1, 1, 1, 0, 1, 2])
    pairs = found.differences[found.differences["stage"] == "cooperate"]
    assert list(zip(pairs["group"], pairs["other"], strict=True)) == [("a", "c"), ("b", "c")]
    assert found.tests.empty
    assert found.note == ""


def test_shares_and_intervals_are_within_0_and_1(label):
    """Half of an account's posts seem to be interact; two of those are coded, and are not."""
    names = [f"{g}{i}" for g in "ab" for i in range(5)]
    truth = ["publish"] * 50 + ["interact"] * 50
    likely = [0.1, 0.3, 0.1, 0.2, 0.8]
    seen = [likely[i // 10 % 5] if i % 10 < 5 else 0.0 for i in range(100)]
    data = label(
        account=[name for name in names for _ in range(10)], year=[2020] * 100, truth=truth,
        p=np.array([[1 - v, v] for v in seen]), rows=[10 * a + i for a in range(10) for i in (0, 1)],
        chance=[0.2] * 20, stages=TWO,
    )  # fmt: skip
    accounts = pd.DataFrame({"account": names, "sector": list("aaaaabbbbb")})
    values = unbiased_shares(data)["interact"].to_numpy()[:5]
    assert values == pytest.approx(-np.array(likely) / 2)
    found = compare(data, by="sector", accounts=accounts)
    row = one(found.shares, group="a", stage="interact")
    low, high = t_interval(values)
    assert low < 0 < high
    assert row[["share", "low", "high"]].tolist() == [0, 0, pytest.approx(high)]
    row = one(found.shares, group="a", stage="publish")
    assert row[["share", "low", "high"]].tolist() == [1, pytest.approx(1 - high), 1]
    pair = one(found.differences, stage="interact")
    assert pair["difference"] == pytest.approx(-0.15 - 0.85)


@pytest.mark.parametrize("by", ["year", "account", "form", "region"])
def test_what_is_no_column_of_the_account_table(label, guesses, by):
    data, accounts, _ = study(label, guesses, groups={"a": 3, "b": 3})
    accounts["level"] = "市"
    with pytest.raises(DataError) as error:
        compare(data, by=by, accounts=accounts)
    assert str(error.value) == (
        f"--by {by}: not a column of the account table (accounts.csv); one can compare by sector, "
        "level"
    )


def test_no_account_table(label, guesses):
    data, accounts, _ = study(label, guesses, groups={"a": 3, "b": 3})
    for table in (None, accounts[["account"]]):
        with pytest.raises(DataError) as error:
            compare(data, by="sector", accounts=table)
        assert str(error.value) == (
            "--by sector: not a column of the account table (accounts.csv); write one with it"
        )


@pytest.mark.parametrize(("value", "group"), [("综合", "综合"), (None, "—")])
def test_everything_in_one_group(label, guesses, value, group):
    data, accounts, _ = study(label, guesses, groups={"a": 3, "b": 3})
    with pytest.raises(DataError) as error:
        compare(data, by="sector", accounts=accounts.assign(sector=value))
    assert str(error.value) == (
        f"--by sector: every account is in the group {group}; choose another column, or fill in "
        "the account table (accounts.csv)"
    )


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_of_posts_codes_and_accounts_changes_nothing(label, guesses, seed):
    draw = np.random.default_rng(seed)
    names = [f"{g}{i}" for g in "abc" for i in range(3)]
    account = [name for name in names for _ in range(12)]
    truth = draw.choice(STAGES, len(account)).tolist()
    p, rows = guesses(truth, seed=seed), draw.choice(len(account), 70, replace=False).tolist()
    accounts = pd.DataFrame({"account": names, "sector": list("aaabbbccc")})
    order = draw.permutation(len(account)).tolist()
    place = {post: i for i, post in enumerate(order)}
    first = label(
        account=account, year=[2020] * 108, truth=truth, p=p, rows=rows, chance=[70 / 108] * 70
    )
    second = label(
        account=[account[i] for i in order], year=[2020] * 108, truth=[truth[i] for i in order],
        p=p[order], rows=[place[i] for i in rows[::-1]], chance=[70 / 108] * 70,
    )  # fmt: skip
    one_way = compare(first, by="sector", accounts=accounts)
    other_way = compare(second, by="sector", accounts=accounts[::-1])
    for name in ("shares", "differences", "tests"):
        pd.testing.assert_frame_equal(getattr(one_way, name), getattr(other_way, name), rtol=1e-9)


def test_an_account_of_the_table_without_posts_changes_nothing(label, guesses):
    data, accounts, _ = study(label, guesses, groups={"a": 3, "b": 3})
    more = pd.concat([accounts, pd.DataFrame({"account": ["x"], "sector": ["c"]})])
    found = compare(data, by="sector", accounts=more).shares
    pd.testing.assert_frame_equal(found, compare(data, by="sector", accounts=accounts).shares)
