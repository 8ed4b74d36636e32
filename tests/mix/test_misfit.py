from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from stagemix.mix.misfit import COLUMNS, misfit
from stagemix.mix.prior_shift import cell_shares_by_em
from stagemix.mix.recalibration import recalibrate

THREE = ("publish", "interact", "service")
CENTRES = np.array([[0.0, 0.0], [2.4, 0.0], [0.0, 2.4]])
MIX = np.array([0.7, 0.2, 0.1])


def scores(truth, moved, seed):
    """Calibrated probabilities from a score on two axes, which MOVED (N, 2) displaces."""
    draw = np.random.default_rng(seed)
    x = CENTRES[truth] + moved + draw.normal(size=(len(truth), 2))
    return softmax(x @ CENTRES.T - (CENTRES**2).sum(axis=1) / 2 + np.log(MIX), axis=1)


def world(label, *, accounts=6, posts=300, codes=40, mixes=None, shift=None, drift=0.0, seed=0):
    """Accounts of equal size over four years, CODES of each coded.

    MIXES (accounts, 3) are their true mixes, SHIFT (accounts,) and DRIFT (per year) displace their
    scores. Returns the labelled corpus and the names of account and year.
    """
    draw = np.random.default_rng(seed)
    number = np.repeat(np.arange(accounts), posts)
    year = draw.integers(2019, 2023, size=len(number))
    each = np.tile(MIX, (accounts, 1)) if mixes is None else mixes
    chance = each[number].cumsum(axis=1)
    truth = (draw.random(len(number))[:, None] > chance[:, :2]).sum(axis=1)
    along = (np.zeros(accounts) if shift is None else shift)[number] + drift * (year - 2020.5)
    p = scores(truth, along[:, None] * [1.0, 0.0], seed + 1)
    rows = np.concatenate(
        [np.sort(draw.choice(posts, codes, replace=False)) + a * posts for a in range(accounts)]
    )
    account = [f"a{a}" for a in number]
    data = label(
        account=account, year=year.tolist(), truth=[THREE[k] for k in truth], p=p,
        rows=rows.tolist(), chance=[codes / posts] * len(rows), stages=THREE,
    )  # fmt: skip
    return data, pd.Series(account), pd.Series(year).astype("str")


def by_hand(data, names, left_out=()):
    """Residual sums, their covariance and expected counts by group, post by post.

    The mixes are those of `cell_shares_by_em`; how the expected sums depend on them is found by
    moving them a little.
    """
    w = (1 / data.chance) / (1 / data.chance).mean()
    p = data.p.copy()
    p[data.row] = data.q
    p = recalibrate(p, data.q, data.y, w)
    groups = sorted(set(names))
    k, general = p.shape[1], p.mean(axis=0)
    number = np.array([groups.index(name) for name in names])
    mixes = cell_shares_by_em(
        p, number, pool=general, toward=np.array([general for _ in groups])
    )  # fmt: skip
    found = {}
    for g, name in enumerate(groups):
        if name in left_out:
            continue
        coded = [j for j, i in enumerate(data.row) if number[i] == g]

        def moved(i, mix):
            raw = p[i] * mix / general
            return raw / raw.sum()

        def expected(log_mix, coded=coded):
            rows = [w[j] * moved(data.row[j], np.exp(log_mix)) for j in coded]
            return np.sum(rows, axis=0) if rows else np.zeros(k)

        s = mixes[g]
        information = 20 * (np.diag(s) - np.outer(s, s))
        for i in np.flatnonzero(number == g):
            apart = moved(i, s) - s
            information += np.outer(apart, apart)
        up, down = ([expected(np.log(s) + h * row) for row in np.eye(k)] for h in (1e-5, -1e-5))
        slope = ((np.array(up) - down) / 2e-5).T
        inherited = slope @ np.linalg.pinv(information, rcond=1e-9) @ slope.T
        fitted = [moved(data.row[j], s) for j in coded]
        residual = sum((w[j] * (data.y[j] - f) for j, f in zip(coded, fitted, strict=True)), 0.0)
        variance = sum((w[j] ** 2 * f * (1 - f) for j, f in zip(coded, fitted, strict=True)), 0.0)
        found[name] = {
            "coded": coded, "fitted": fitted, "weights": w[coded], "residual": residual,
            "inherited": inherited, "sd": np.sqrt(variance + np.diag(inherited)),
            "expected": sum(fitted, np.zeros(k)),
        }  # fmt: skip
    return found


def uneven(label, guesses, *, seed=0):
    """Few posts with probabilities of two kinds, coded with unequal chances."""
    draw = np.random.default_rng(seed)
    account = ["a"] * 40 + ["b"] * 60 + ["c"] * 50
    year = (["2019", "2020", "2021"] * 50)[:150]
    truth = [THREE[k] for k in draw.choice(3, size=150, p=[0.5, 0.3, 0.2])]
    rows = sorted(draw.choice(150, 60, replace=False).tolist())
    data = label(
        account=account, year=[int(y) for y in year], truth=truth,
        p=guesses(truth, stages=THREE, seed=seed), q=guesses(truth, stages=THREE, seed=seed + 1),
        rows=rows, chance=draw.uniform(0.2, 0.9, 60).round(2).tolist(), stages=THREE,
    )  # fmt: skip
    return data, pd.Series(account), pd.Series(year)


def draws(hand, size, seed):
    """Simulated residual sums (size, groups, k) where errors do not differ."""
    rng = np.random.default_rng(seed)
    out = []
    for own in hand.values():
        sums = rng.multivariate_normal(np.zeros(3), own["inherited"], size=size)
        for w, fitted in zip(own["weights"], own["fitted"], strict=True):
            sums += w * (rng.multinomial(1, fitted, size=size) - fitted)
        out.append(sums)
    return np.stack(out, axis=1)


@pytest.mark.parametrize("which", ["account", "period"])
def test_residuals_are_their_formulas_and_p_values_those_of_a_simulation(label, guesses, which):
    data, account, period = uneven(label, guesses)
    found = misfit(data, account=account, period=period)
    table = getattr(found, f"by_{which}")
    hand = by_hand(data, account if which == "account" else period)
    assert list(table.columns) == list(COLUMNS)
    assert table["group"].unique().tolist() == list(hand)
    assert table["stage"].tolist() == list(THREE) * 3
    assert table["n_codes"].tolist() == [len(own["coded"]) for own in hand.values() for _ in THREE]
    total = np.repeat([own["weights"].sum() for own in hand.values()], 3)
    residual = np.concatenate([own["residual"] for own in hand.values()])
    sd = np.concatenate([own["sd"] for own in hand.values()])
    assert table["error"].to_numpy() == pytest.approx(100 * residual / total, abs=1e-6)
    assert table["z"].to_numpy() == pytest.approx(residual / sd, abs=1e-6)
    null = np.abs(draws(hand, 4000, seed=3).reshape(4000, -1) / sd).max(axis=1)
    expected = [(null >= abs(z)).mean() for z in residual / sd]
    assert table["p_adjusted"].to_numpy() == pytest.approx(expected, abs=0.06)
    half = 100 * np.quantile(null, 0.95) * sd / total
    assert (table["high"] - table["error"]).to_numpy() == pytest.approx(half, rel=0.08)
    assert (table["error"] - table["low"]).to_numpy() == pytest.approx(half, rel=0.08)
    assert getattr(found, f"p_{which}") == table["p_adjusted"].min()


@pytest.mark.parametrize("seed", range(3))
def test_the_trend_is_the_weighted_slope_of_the_first_category(label, guesses, seed):
    data, account, period = uneven(label, guesses, seed=seed)
    hand = by_hand(data, period)
    weight = np.array([own["weights"].sum() for own in hand.values()])
    number = np.arange(3) - (weight * np.arange(3)).sum() / weight.sum()
    slope = sum(t * own["residual"][0] for t, own in zip(number, hand.values(), strict=True))
    null = np.abs(draws(hand, 4000, seed=4)[:, :, 0] @ number)
    found = misfit(data, account=account, period=period)
    assert found.p_trend == pytest.approx((null >= abs(slope)).mean(), abs=0.06)


def test_the_order_of_the_posts_changes_nothing(label, guesses):
    data, account, period = uneven(label, guesses)
    first = misfit(data, account=account, period=period)
    order = np.random.default_rng(1).permutation(len(account))
    place = np.argsort(order)
    codes = np.random.default_rng(2).permutation(len(data.row))
    other = replace(
        data, posts=data.posts.iloc[order].reset_index(drop=True), p=data.p[order],
        row=place[data.row[codes]], y=data.y[codes], q=data.q[codes], chance=data.chance[codes],
    )  # fmt: skip
    second = misfit(
        other,
        account=account.iloc[order].reset_index(drop=True),
        period=period.iloc[order].reset_index(drop=True),
    )
    pd.testing.assert_frame_equal(first.by_account, second.by_account)
    pd.testing.assert_frame_equal(first.by_period, second.by_period)
    assert (first.p_account, first.p_period, first.p_trend) == (
        second.p_account, second.p_period, second.p_trend,
    )  # fmt: skip


def test_an_account_whose_codes_contradict_the_classifier_is_named(label):
    data, account, period = world(label, seed=2)
    y = data.y.copy()
    contrary = (account[data.row] == "a3").to_numpy()
    y[contrary] = y[contrary][:, [1, 0, 2]]
    found = misfit(replace(data, y=y), account=account, period=period)
    assert found.differs_by_account
    assert found.p_account == 0.001
    worst = found.by_account.loc[found.by_account["z"].abs().idxmax()]
    assert worst["group"] == "a3"
    a3 = found.by_account.set_index(["group", "stage"]).loc["a3"]
    assert a3.loc["publish", "error"] < -30
    assert a3.loc["publish", "high"] < 0 < a3.loc["interact", "low"]


def test_a_world_without_differences_is_not_flagged(label):
    data, account, period = world(label, seed=3)
    found = misfit(data, account=account, period=period)
    assert not found.differs_by_account
    assert not found.differs_by_period
    assert found.p_trend > 0.05
    looked = found.by_account.dropna()
    assert len(looked) == 18
    assert ((looked["low"] < 0) & (looked["high"] > 0)).all()


def test_accounts_that_differ_in_their_mix_alone_are_not_flagged(label):
    often, seldom = [0.45, 0.45, 0.1], [0.9, 0.05, 0.05]
    data, account, period = world(
        label, posts=1000, codes=100, mixes=np.array([often, seldom] * 3), seed=4
    )
    found = misfit(data, account=account, period=period)
    assert not found.differs_by_account
    # as the model gives them the probabilities are clearly off in these accounts
    raw = pd.Series((data.y - data.q)[:, 0]).groupby(account[data.row].to_numpy()).mean()
    assert raw.abs().min() > 0.03


def test_accounts_whose_posts_look_otherwise_are_flagged(label):
    shift = np.array([0.8, -0.8, 0.4, 0.0, -0.4, 0.0])
    data, account, period = world(label, shift=shift, seed=5)
    found = misfit(data, account=account, period=period)
    assert found.differs_by_account
    assert not found.differs_by_period


def test_a_steady_change_of_the_errors_is_found_by_period_and_by_trend(label):
    data, account, period = world(label, drift=0.5, seed=6)
    found = misfit(data, account=account, period=period)
    assert found.differs_by_period
    assert found.p_trend <= 0.01
    assert not found.differs_by_account
    publish = found.by_period[found.by_period["stage"] == "publish"]["error"].to_numpy()
    assert publish[0] < 0 < publish[-1]


def test_groups_of_few_codes_and_rare_stages_are_shown_but_not_looked_at(label):
    data, account, period = world(label, seed=7)
    account = account.copy()
    moved = data.row[(account[data.row] == "a5").to_numpy()][:36]
    account[moved] = "a4"  # leaves a5 four codes
    account[np.setdiff1d(np.flatnonzero(account == "a0"), data.row)[:20]] = "none coded"
    few = np.flatnonzero(data.y[:, 2])[2:]
    y = data.y.copy()
    y[few] = [1.0, 0.0, 0.0]
    found = misfit(replace(data, y=y), account=account, period=period)
    table = found.by_account.set_index(["group", "stage"])
    rest = ["low", "high", "z", "p_adjusted"]
    assert (table.loc["a5", "n_codes"] == 4).all()
    assert table.loc["a5", "error"].notna().all()
    assert table.loc["a5", rest].isna().all(axis=None)
    assert (table.loc["none coded", "n_codes"] == 0).all()
    assert table.loc["none coded", ["error", *rest]].isna().all(axis=None)
    service = table.xs("service", level="stage")
    assert service[rest].isna().all(axis=None)
    assert table.loc[("a4", "publish"), rest].notna().all()


def test_a_stage_that_is_hardly_expected_in_a_group_is_not_looked_at(label, guesses):
    data, account, period = uneven(label, guesses)
    p, q = data.p.copy(), data.q.copy()
    in_a, coded_a = (account == "a").to_numpy(), (account[data.row] == "a").to_numpy()
    y = data.y.copy()
    p[in_a] = q[coded_a] = [0.994, 0.003, 0.003]
    y[coded_a] = [1.0, 0.0, 0.0]
    data = replace(data, p=p, q=q, y=y)
    hand = by_hand(data, account)
    found = misfit(data, account=account, period=period).by_account
    expected = np.concatenate([own["expected"] for own in hand.values()])
    others = np.repeat([len(own["coded"]) for own in hand.values()], 3) - expected
    assert found["z"].notna().tolist() == ((expected >= 1) & (others >= 1)).tolist()
    assert expected[0] >= 5
    assert found["z"].isna().tolist() == [True] * 3 + [False] * 6


def test_undated_posts_are_in_no_period(label, guesses):
    data, account, period = uneven(label, guesses)
    period = period.replace("2020", "undated")
    found = misfit(data, account=account, period=period)
    assert found.by_period["group"].unique().tolist() == ["2019", "2021"]
    hand = by_hand(data, period, left_out=("undated",))
    sums = np.concatenate([own["residual"] for own in hand.values()])
    sd = np.concatenate([own["sd"] for own in hand.values()])
    assert found.by_period["z"].to_numpy() == pytest.approx(sums / sd, abs=1e-6)


@pytest.mark.parametrize("name", ["2020", "undated"])
def test_one_period_or_none_is_not_tested(label, guesses, name):
    data, account, _ = uneven(label, guesses)
    found = misfit(data, account=account, period=pd.Series(name, index=account.index))
    assert (found.p_period, found.p_trend) == (None, None)
    assert not found.differs_by_period
    assert found.p_account is not None
    assert len(found.by_period) == (3 if name == "2020" else 0)
    assert found.by_period["p_adjusted"].isna().all()


def test_no_trend_without_codes_of_the_first_category(label, guesses):
    data, account, period = uneven(label, guesses)
    y = data.y.copy()
    y[np.flatnonzero(y[:, 0])[2:]] = [0.0, 1.0, 0.0]
    found = misfit(replace(data, y=y), account=account, period=period)
    assert found.p_period is not None
    assert found.p_trend is None


@pytest.mark.parametrize(("p", "differs"), [(0.05, True), (0.051, False), (None, False)])
def test_differing_is_decided_at_five_per_cent(label, guesses, p, differs):
    data, account, period = uneven(label, guesses)
    found = replace(misfit(data, account=account, period=period), p_account=p, p_period=p)
    assert found.differs_by_account is differs
    assert found.differs_by_period is differs
