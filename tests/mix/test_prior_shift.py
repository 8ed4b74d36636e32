import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import digamma, gammaln, softmax

from stagemix.mix.prior_shift import (
    LEAST,
    MOST,
    _fixed_point,
    cell_shares_by_em,
    shares_by_em,
    shifts,
)

POOL = np.array([0.7, 0.2, 0.1])


def expected_counts(p, group, shares, pool):
    """Expected posts of each category in each group, post by post."""
    count = [[0.0] * len(pool) for _ in shares]
    for row, g in zip(p, group, strict=True):
        z = [row[k] * shares[g][k] / pool[k] for k in range(len(pool))]
        for k, value in enumerate(z):
            count[g][k] += value / sum(z)
    return count


def plain_em(p, group, pool, groups):
    """EM with the learnt Dirichlet pull, one post at a time; returns shares and the pull."""
    kinds = range(len(pool))
    size = [int((group == g).sum()) for g in range(groups)]
    prior = [20 * v for v in pool]
    shares = [list(pool) for _ in range(groups)]
    for _ in range(200):
        count = expected_counts(p, group, shares, pool)
        total = sum(prior)
        down = sum(digamma(n + total) - digamma(total) for n in size)
        up = [sum(digamma(c[k] + prior[k]) - digamma(prior[k]) for c in count) for k in kinds]
        prior = [max(prior[k] * up[k] / down, 1e-3) for k in kinds]
        bounded = min(max(sum(prior), 2.0), 200.0)
        prior = [v * bounded / sum(prior) for v in prior]
        new = [
            [(c[k] + prior[k]) / (n + sum(prior)) for k in kinds]
            for c, n in zip(count, size, strict=True)
        ]
        moved = max(abs(new[g][k] - shares[g][k]) for g in range(groups) for k in kinds)
        shares = new
        if moved < 1e-5:
            break
    return np.array(shares), prior


def plain_cell_em(p, cell, pool, toward):
    """EM pulled with twenty posts to the given shares, one post at a time."""
    shares = toward.tolist()
    for _ in range(200):
        count = expected_counts(p, cell, shares, pool)
        new = [
            [(c[k] + 20 * t[k]) / (sum(c) + 20) for k in range(len(pool))]
            for c, t in zip(count, toward.tolist(), strict=True)
        ]
        moved = np.abs(np.array(new) - np.array(shares)).max()
        shares = new
        if moved < 1e-5:
            break
    return np.array(shares)


def alone(seed, groups=4, each=6):
    """Posts of which no two of a group are near each other: whole steps apart, and a little."""
    draw = np.random.default_rng(seed)
    steps = np.concatenate(
        [draw.choice(49, each, replace=False) for _ in range(groups)]
    )  # a 7 x 7 square of the two log ratios
    scores = np.column_stack([np.zeros(len(steps)), steps // 7 - 4, steps % 7 - 4])
    scores[:, 1:] += draw.uniform(-0.4, 0.4, size=(len(steps), 2))
    return softmax(scores, axis=1), np.repeat(np.arange(groups), each)


def crowd(seed, *, groups=6, most=400, base=POOL, spread=4.0):
    """Posts with calibrated probabilities for POOL, of groups whose mixes differ; and the mixes."""
    draw = np.random.default_rng(seed)
    mixes = draw.dirichlet(spread * base, size=groups)
    group = np.repeat(np.arange(groups), draw.integers(most // 2, most, size=groups))
    truth = np.array([draw.choice(len(base), p=mixes[g]) for g in group])
    x = draw.normal(size=(len(group), len(base))) + 1.8 * np.eye(len(base))[truth]
    p = softmax(1.8 * x + np.log(base), axis=1)
    true = np.stack([(truth[group == g][:, None] == range(len(base))).mean(axis=0)
                     for g in range(groups)])  # fmt: skip
    return p, group, true


@pytest.mark.parametrize("seed", range(4))
def test_em_is_the_plain_loop_where_every_post_is_alone_in_its_bin(seed):
    p, group = alone(seed)
    expected, _ = plain_em(p, group, POOL, groups=5)
    found = shares_by_em(p, group, groups=5, pool=POOL)
    assert found == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_em_of_cells_is_the_plain_loop(seed):
    p, cell = alone(seed)
    toward = np.random.default_rng(seed).dirichlet([4, 2, 1], size=5)
    found = cell_shares_by_em(p, cell, pool=POOL, toward=toward)
    assert found == pytest.approx(plain_cell_em(p, cell, POOL, toward), abs=1e-10)
    assert found[4] == pytest.approx(toward[4], abs=1e-15)


def test_a_group_without_posts_has_the_shares_of_the_learnt_prior():
    p, group = alone(0)
    _, prior = plain_em(p, group, POOL, groups=5)
    found = shares_by_em(p, group, groups=5, pool=POOL)
    assert found[4] == pytest.approx(np.array(prior) / sum(prior), abs=1e-10)


def test_binning_changes_little():
    p, group, _ = crowd(0, most=150)
    expected, _ = plain_em(p, group, POOL, groups=6)
    found = shares_by_em(p, group, groups=6, pool=POOL)
    assert np.abs(expected - p.mean(axis=0)).max() > 0.2
    assert found == pytest.approx(expected, abs=0.01)
    toward = np.tile(POOL, (6, 1))
    of_cells = cell_shares_by_em(p, group, pool=POOL, toward=toward)
    assert of_cells == pytest.approx(plain_cell_em(p, group, POOL, toward), abs=0.01)


def test_em_comes_nearer_to_the_mixes_than_the_mean_of_the_probabilities():
    p, group, true = crowd(3)
    mean = np.stack([p[group == g].mean(axis=0) for g in range(6)])
    found = shares_by_em(p, group, groups=6, pool=POOL)
    assert np.abs(found - true).mean() < 0.6 * np.abs(mean - true).mean()


def log_likelihood(a, counts):
    """The Dirichlet-multinomial's, up to what does not depend on A."""
    size = counts.sum(axis=1)
    each = gammaln(counts + a) - gammaln(a)
    return float(each.sum() + (gammaln(a.sum()) - gammaln(size + a.sum())).sum())


def learnt(counts, rounds=4000):
    size = counts.sum(axis=1, keepdims=True)
    prior = np.full(counts.shape[1], 5.0)
    for _ in range(rounds):
        prior = _fixed_point(prior, counts, size)
    return prior


@pytest.mark.parametrize("seed", range(3))
def test_the_fixed_point_maximises_the_likelihood_of_the_counts(seed):
    draw = np.random.default_rng(seed)
    mixes = draw.dirichlet([12, 4, 2, 0.5], size=25)
    counts = np.stack([draw.multinomial(200, mix) for mix in mixes]).astype("float64")
    best = minimize(
        lambda x: -log_likelihood(np.exp(x), counts), np.zeros(4), method="BFGS",
        options={"gtol": 1e-3},
    )  # fmt: skip
    assert LEAST < np.exp(best.x).sum() < MOST
    found = learnt(counts)
    assert found == pytest.approx(np.exp(best.x), rel=1e-3)
    assert log_likelihood(found, counts) >= -best.fun - 1e-6


def test_the_sum_of_the_prior_stays_within_its_bounds():
    alike = np.tile([140.0, 40.0, 20.0], (12, 1))
    assert learnt(alike, rounds=2000).sum() == pytest.approx(MOST)
    apart = np.tile(np.eye(3) * 200, (4, 1))
    found = learnt(apart, rounds=2000)
    assert found == pytest.approx([LEAST / 3] * 3)


def test_no_category_loses_its_prior():
    counts = np.array([[90.0, 10.0, 0.0], [50.0, 50.0, 0.0], [99.0, 1.0, 0.0]])
    found = learnt(counts, rounds=500)
    assert 0 < found[2] < 0.01
    assert np.isfinite(found).all()


def test_shifts_are_differences_of_logits():
    shares = np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])
    found = shifts(shares, POOL)
    logit = [np.log(v / (1 - v)) for v in POOL]
    assert found[0] == pytest.approx([0 - logit[0], *(np.log(1 / 3) - v for v in logit[1:])])
    assert found[1, 0] == pytest.approx(np.log(1e-4 / 0.9999) - logit[0])
    assert found[1, 2] == pytest.approx(np.log(0.9999 / 1e-4) - logit[2])
    assert shifts(POOL[None], POOL) == pytest.approx(np.zeros((1, 3)), abs=1e-15)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_shares_sum_to_one_and_do_not_depend_on_the_order_of_posts(seed):
    p, group, _ = crowd(seed, groups=4, most=80)
    order = np.random.default_rng(seed).permutation(len(p))
    found = shares_by_em(p, group, groups=4, pool=POOL)
    assert (found > 0).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-12)
    again = shares_by_em(p[order], group[order], groups=4, pool=POOL)
    assert again == pytest.approx(found, abs=1e-12)
    cells = cell_shares_by_em(p, group, pool=POOL, toward=found)
    assert cells.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-12)
    again = cell_shares_by_em(p[order], group[order], pool=POOL, toward=found)
    assert again == pytest.approx(cells, abs=1e-12)
