from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagemix.mix.borrowing import Coded, _draw, account_shares, cell_shares
from stagemix.mix.intercepts import (
    GRID,
    account_posterior,
    cell_posterior,
    evidence,
    from_others,
    kish_weights,
    log_likelihood,
)
from stagemix.mix.prior_shift import cell_shares_by_em, shares_by_em, shifts

BASE = np.array([0.72, 0.14, 0.1, 0.04])


def guesses(truth, draw, *, k=4, clear=1.2):
    """Probabilities around true values; the clearer, the nearer to them."""
    raw = draw.gamma(0.6, size=(len(truth), k)) + 0.02
    raw[np.arange(len(truth)), truth] += clear
    return raw / raw.sum(axis=1, keepdims=True)


def corpus(seed, *, accounts=10, posts=(30, 60), codes=300, k=4, without=(), clear=1.2):
    """Accounts with mixes of their own, a simple random sample coded; and the true values.

    The accounts WITHOUT codes are no part of the draw. The first account has the average mix.
    """
    draw = np.random.default_rng(seed)
    base = BASE[:k] / BASE[:k].sum()
    size = draw.integers(posts[0], posts[1] + 1, accounts)
    account = np.repeat(np.arange(accounts), size)
    mixes = draw.dirichlet(15 * base, size=accounts)
    mixes[0] = base
    truth = np.array([draw.choice(k, p=mixes[a]) for a in account])
    pool = np.flatnonzero(~np.isin(account, without))
    row = draw.choice(pool, min(codes, len(pool)), replace=False)
    data = Coded(
        p=guesses(truth, draw, k=k, clear=clear),
        account=account,
        row=row,
        y=np.eye(k)[truth[row]],
        chance=np.full(len(row), len(row) / len(pool)),
    )
    return data, truth


def shift_of(data):
    groups = int(data.account.max()) + 1
    shares = shares_by_em(data.p, data.account, groups=groups, pool=data.pool)
    return shifts(shares, data.pool)


def of_accounts(data, *, shift=None, seed=0):
    return account_shares(
        data, shift=shift_of(data) if shift is None else shift, rng=np.random.default_rng(seed)
    )


def halves(data, account_of, *, seed=0):
    """Shares of the cells that every account's posts fall into by turns."""
    groups = int(data.account.max()) + 1
    cell = 2 * data.account + np.arange(len(data.account)) % 2
    whole = shares_by_em(data.p, data.account, groups=groups, pool=data.pool)
    cells = cell_shares_by_em(data.p, cell, pool=data.pool, toward=whole[account_of])
    arguments = {
        "cell": cell, "account_of": account_of, "shift": shifts(whole, data.pool),
        "cell_shift": shifts(cells, data.pool),
    }  # fmt: skip
    return cell_shares(data, **arguments, rng=np.random.default_rng(seed)), arguments


def permuted(data, seed):
    """The same posts and codes in another order."""
    draw = np.random.default_rng(seed)
    posts, codes = draw.permutation(len(data.p)), draw.permutation(len(data.row))
    return Coded(
        p=data.p[posts],
        account=data.account[posts],
        row=np.argsort(posts)[data.row[codes]],
        y=data.y[codes],
        chance=data.chance[codes],
    ), posts


def logit(p):
    p = min(max(p, 0.0002), 0.9998)
    return np.log(p / (1 - p))


def plain_totals(data, posts, slopes, k, offset=0.0):
    """For every slope and intercept the chances of the uncoded POSTS, one by one; (b, E, posts)."""
    coded = set(data.row.tolist())
    o = np.array([logit(data.p[i, k]) for i in posts if i not in coded])
    return np.stack([1 / (1 + np.exp(-(b * o[None, :] + offset + GRID[:, None]))) for b in slopes])


def plain_shares(data, group, posteriors, slopes, offset):
    """Coded posts and predicted ones over all posts, the categories divided by their sum."""
    out = []
    for g in range(group.max() + 1):
        posts = np.flatnonzero(group == g)
        own = []
        for k, posterior in enumerate(posteriors):
            known = sum(data.y[i, k] for i, r in enumerate(data.row) if group[r] == g)
            chances = plain_totals(data, posts, slopes[k], k, offset[g, k])
            own.append((known + (posterior[:, g] * chances.sum(axis=2)).sum()) / len(posts))
        out.append(np.array(own) / sum(own))
    return np.stack(out)


def models(data, shift, offset):
    account, n = data.account[data.row], len(shift)
    weight = kish_weights(1 / data.chance, account, accounts=n)
    codes = [data.codes(k, weight) for k in range(data.y.shape[1])]
    found = [evidence(c, account, shift[:, k], offset=offset[:, k]) for k, c in enumerate(codes)]
    return codes, found


def test_shares_of_accounts_are_codes_and_predictions_over_posts():
    data, _ = corpus(1, accounts=4, posts=(12, 25), codes=40, k=3)
    # posts that came twice as often to be drawn as others
    data = replace(data, chance=np.where(np.arange(40) % 3 == 0, 0.8, 0.4))
    shift = shift_of(data)
    _, found = models(data, shift, np.zeros_like(data.y))
    posteriors = [
        account_posterior(model, others=others)[0]
        for model, others in zip(found, from_others(found), strict=True)
    ]
    slopes = [model.slopes for model in found]
    expected = plain_shares(data, data.account, posteriors, slopes, np.zeros((4, 3)))
    assert of_accounts(data).share == pytest.approx(expected, abs=2e-4)


def test_shares_of_cells_are_codes_and_predictions_over_posts():
    data, _ = corpus(2, accounts=3, posts=(20, 30), codes=36, k=3)
    account_of, cell = np.repeat(np.arange(3), 2), 2 * data.account + np.arange(len(data.p)) % 2
    shift = shift_of(data)
    cell_shift = shift[account_of] + np.random.default_rng(2).normal(0, 1.5, (6, 3))
    estimate = cell_shares(
        data, cell=cell, account_of=account_of, shift=shift, cell_shift=cell_shift,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    _, first = models(data, shift, np.zeros_like(data.y))
    others = from_others(first)
    trust = [account_posterior(m, others=o)[1] for m, o in zip(first, others, strict=True)]
    offset = np.array(trust) * (cell_shift - shift[account_of])
    assert np.abs(offset).max() > 0.2
    codes, found = models(data, shift, offset[cell[data.row]])
    posteriors = []
    for k, model in enumerate(found):
        log_l = log_likelihood(
            codes[k],
            cell[data.row],
            groups=6,
            slopes=model.slopes,
            offset=offset[cell[data.row], k],
        )
        posterior, _ = account_posterior(model, others=others[k])
        posteriors.append(cell_posterior(posterior, log_l, account_of))
    expected = plain_shares(data, cell, posteriors, [m.slopes for m in found], offset)
    assert estimate.share == pytest.approx(expected, abs=2e-4)


def test_intervals_are_those_of_posts_drawn_one_by_one():
    data, _ = corpus(3, accounts=5, posts=(60, 60), codes=100, k=3, without=(4,))
    found = of_accounts(data)
    _, fitted = models(data, shift_of(data), np.zeros_like(data.y))
    draw = np.random.default_rng(1)
    for k, others in enumerate(from_others(fitted)):
        posterior, _ = account_posterior(fitted[k], others=others)
        for a in range(5):
            chances = plain_totals(data, np.flatnonzero(data.account == a), fitted[k].slopes, k)
            weight = posterior[:, a].ravel()
            at = draw.choice(len(weight), 4000, p=weight / weight.sum())
            drawn = draw.random((4000, chances.shape[2])) < chances.reshape(len(weight), -1)[at]
            known = data.y[data.account[data.row] == a, k].sum()
            counts = known + drawn.sum(axis=1)
            assert found.low[a, k] * 60 == pytest.approx(np.quantile(counts, 0.025), abs=1.6)
            assert found.high[a, k] * 60 == pytest.approx(np.quantile(counts, 0.975), abs=1.6)
            assert found.high[a, k] > found.low[a, k]


@pytest.mark.parametrize(
    "chances",
    [[0.5] * 30, [0.9] * 10 + [0.05] * 40, [0.999] * 20 + [0.3] * 4, [0.01] * 12, [0.4], [1.0] * 6],
    ids=["alike", "apart", "sure", "rare", "one", "certain"],
)
def test_drawn_counts_have_the_moments_of_the_poisson_binomial(chances):
    q = np.array(chances)
    mean, variance = q.sum(), (q * (1 - q)).sum()
    counts = _draw(
        np.full(200_000, mean), np.full(200_000, variance), most=len(q),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert counts.min() >= 0
    assert counts.max() <= len(q)
    assert counts.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / 200_000) + 1e-9)
    # the number of trials is a whole one: n' to n' +- 1/2 (or up to the mean)
    trials = mean**2 / (mean - variance)
    slack = mean**2 * abs(1 / trials - 1 / max(trials - 0.5, np.ceil(mean)))
    assert counts.var() == pytest.approx(variance, abs=slack + 0.02 * variance + 1e-9)


def test_counts_vary_less_than_those_of_posts_with_one_chance():
    q = np.array([0.98] * 20 + [0.02] * 80)
    counts = _draw(
        np.full(20_000, q.sum()), np.full(20_000, (q * (1 - q)).sum()), most=100,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert counts.var() < 0.25 * 100 * q.mean() * (1 - q.mean())


def test_the_pool_weighs_codes_by_their_chance_and_loses_no_category():
    data = Coded(
        p=np.full((6, 3), 1 / 3),
        account=np.zeros(6, dtype=np.intp),
        row=np.array([5, 0, 2]),
        y=np.array([[1.0, 0, 0], [0, 1, 0], [1, 0, 0]]),
        chance=np.array([0.5, 0.25, 1.0]),
    )
    assert data.pool == pytest.approx(np.array([3 / 7, 4 / 7, 0.002]) / 1.002)
    codes = data.codes(1, np.ones(3))
    assert codes.y.tolist() == [0, 1, 0]
    assert codes.o == pytest.approx([np.log(0.5)] * 3)


def test_an_account_with_all_its_posts_coded_is_exact():
    data, truth = corpus(4, accounts=10, codes=200)
    whole = np.flatnonzero(data.account == 3)
    row = np.concatenate([data.row[data.account[data.row] != 3], whole])
    data = replace(data, row=row, y=np.eye(4)[truth[row]], chance=np.full(len(row), 0.5))
    exact = [float((truth[whole] == k).mean()) for k in range(4)]
    found = of_accounts(data)
    assert found.share[3].tolist() == found.low[3].tolist() == found.high[3].tolist() == exact
    others = np.arange(10) != 3
    assert (found.low < found.high)[others].all()
    account_of = np.repeat(np.arange(10), 2)
    estimate, given_ = halves(data, account_of)
    for cell in (6, 7):
        mine = truth[given_["cell"] == cell]
        expected = [float((mine == k).mean()) for k in range(4)]
        assert estimate.share[cell].tolist() == expected
        assert estimate.low[cell].tolist() == estimate.high[cell].tolist() == expected


def within(found, size):
    """What holds of every answer: the order, the sum, the whole posts."""
    assert found.share.sum(axis=1) == pytest.approx(np.ones(len(size)), abs=1e-12)
    assert (found.low >= 0).all()
    assert (found.high <= 1).all()
    assert ((found.low <= found.share) & (found.share <= found.high)).all()
    for bound in (found.low, found.high):
        posts = bound * size[:, None]
        whole = np.abs(posts - np.round(posts)) < 1e-9
        # a share that lies outside of its interval takes the bound along
        assert (whole | (bound == found.share)).all()
        assert whole.mean() > 0.7


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10**6), st.integers(10, 12))
def test_shares_of_accounts_sum_to_one_within_bounds_whatever_the_order(seed, accounts):
    data, _ = corpus(seed, accounts=accounts, without=(1,))
    found = of_accounts(data)
    within(found, np.bincount(data.account))
    again = of_accounts(permuted(data, seed)[0])
    assert again.share == pytest.approx(found.share, abs=1e-9)
    assert again.low == pytest.approx(found.low, abs=1e-9)
    assert again.high == pytest.approx(found.high, abs=1e-9)


@settings(max_examples=2, deadline=None)
@given(st.integers(0, 10**6))
def test_shares_of_cells_sum_to_one_within_bounds_whatever_the_order(seed):
    data, _ = corpus(seed, codes=300, without=(1,))
    account_of = np.repeat(np.arange(10), 2)
    found, given_ = halves(data, account_of)
    within(found, np.bincount(given_["cell"]))
    other, posts = permuted(data, seed)
    again = cell_shares(
        other, **given_ | {"cell": given_["cell"][posts]}, rng=np.random.default_rng(0)
    )
    assert again.share == pytest.approx(found.share, abs=1e-9)
    assert again.low == pytest.approx(found.low, abs=1e-9)
    assert again.high == pytest.approx(found.high, abs=1e-9)


def test_the_same_generator_gives_the_same_intervals():
    data, _ = corpus(5)
    first, second, other = (of_accounts(data, seed=seed) for seed in (1, 1, 2))
    assert first.low.tolist() == second.low.tolist()
    assert first.high.tolist() == second.high.tolist()
    assert first.share.tolist() == other.share.tolist()
    assert (first.high != other.high).any()


def test_an_account_without_codes_is_predicted_and_wider():
    """The same account with codes, and with them taken away; 4 corpora."""
    wider, errors, pooled = [], [], []
    for seed in range(4):
        data, truth = corpus(seed, posts=(60, 60), codes=330)
        kept = data.account[data.row] != 2
        less = replace(data, row=data.row[kept], y=data.y[kept], chance=data.chance[kept])
        found, without = of_accounts(data), of_accounts(less)
        true = (truth[data.account == 2][:, None] == range(4)).mean(axis=0)
        assert without.share[2].sum() == pytest.approx(1)
        wider.append((without.high - without.low)[2] - (found.high - found.low)[2])
        errors.append(np.abs(without.share[2] - true).mean())
        pooled.append(np.abs(less.y.mean(axis=0) - true).mean())
    wider = np.array(wider)
    assert (wider.mean(axis=1) > 0).all()
    assert wider[:, 0].min() > 0
    assert np.mean(errors) < 0.75 * np.mean(pooled)


def test_without_errors_of_the_classifier_the_interval_holds_the_truth():
    for seed in range(2):
        data, truth = corpus(seed, accounts=12, without=(0,))
        sure = np.where(np.eye(4)[truth] == 1, 0.9997, 0.0001)
        found = of_accounts(replace(data, p=sure))
        true = np.stack(
            [(truth[data.account == a][:, None] == range(4)).mean(axis=0) for a in range(12)]
        )
        assert ((found.low <= true) & (true <= found.high)).all()
        assert found.share == pytest.approx(true, abs=0.01)


def biased(seed, *, coded):
    """In account 0 two fifths of publish look like service; it is coded as much as all, or not."""
    data, truth = corpus(seed, accounts=12, posts=(150, 150), codes=600, clear=2.5)
    draw = np.random.default_rng(seed)
    seen = np.where((data.account == 0) & (truth == 0) & (draw.random(len(truth)) < 0.4), 2, truth)
    kept = coded | (data.account[data.row] != 0)
    data = replace(
        data, p=guesses(seen, draw, clear=2.5), row=data.row[kept], y=data.y[kept],
        chance=data.chance[kept],
    )  # fmt: skip
    true = (truth[data.account == 0][:, None] == range(4)).mean(axis=0)
    return data, true


def test_the_codes_of_an_account_where_the_classifier_errs_move_its_share():
    for seed in range(2):
        data, true = biased(seed, coded=True)
        codes = data.y[data.account[data.row] == 0].mean(axis=0)
        assert 30 < (data.account[data.row] == 0).sum() < 70
        with_codes = of_accounts(data).share[0]
        without = of_accounts(biased(seed, coded=False)[0]).share[0]
        assert without[2] - true[2] > 0.12
        assert abs(with_codes[2] - codes[2]) < 0.5 * abs(without[2] - codes[2])
        assert np.abs(with_codes - true).mean() < 0.5 * np.abs(without - true).mean()


def test_intervals_are_narrow_and_hold_the_true_shares():
    held, width = [], []
    for seed in range(4):
        data, truth = corpus(seed, accounts=12, without=(5,))
        true = np.stack(
            [(truth[data.account == a][:, None] == range(4)).mean(axis=0) for a in range(12)]
        )
        found = of_accounts(data)
        held.append((found.low <= true) & (true <= found.high))
        width.append(found.high - found.low)
    assert np.mean(held) > 0.92
    assert np.mean(width) < 0.15
