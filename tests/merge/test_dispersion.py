from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stagemix.errors import DataError
from stagemix.merge.dispersion import (
    beta,
    converging,
    counts_of,
    gini_within,
    period_weights,
    sigma,
    sigma_odds,
    unbiased_dispersion,
)

TESTS = (sigma, sigma_odds, beta, gini_within)


def conclusion(counts):
    return converging(sigma(counts), sigma_odds(counts))


ALIKE = (0.86, 0.08, 0.054, 0.006)


def corpus(seed, *, accounts=11, periods=5, posts=40, apart=0.8):
    """Counts of accounts whose log odds differ by sd APART (a number, or one per period)."""
    draw = np.random.default_rng(seed)
    eta = np.zeros((accounts, periods, 4)) + np.log(ALIKE)
    eta[:, :, 1:] += (
        draw.normal(size=(accounts, 1, 3)) * np.broadcast_to(apart, periods)[None, :, None]
    )
    p = np.exp(eta) / np.exp(eta).sum(axis=2, keepdims=True)
    n = draw.integers(posts // 2, 2 * posts, size=(accounts, periods)) + posts // 2
    return draw.multinomial(n, p)


# ---- the formulas of section 4 once more, with plain loops


def loop_weights(c):
    out = []
    for t in range(len(c[0])):
        inverse = [1 / (sum(row[t]) - 1) for row in c]
        out.append(1 / (sum(inverse) / len(c) + 0.01))
    return out


def loop_dispersion(c):
    out = []
    for t in range(len(c[0])):
        shares = [[v / sum(row[t]) for v in row[t]] for row in c]
        mean = [sum(x[k] for x in shares) / len(c) for k in range(len(shares[0]))]
        apart = sum((x[k] - mean[k]) ** 2 for x in shares for k in range(len(mean)))
        noise = 0.0
        for row, x in zip(c, shares, strict=True):
            # the mean of squares of a 0/1 code is its share
            noise += sum(v - v**2 for v in x) / (sum(row[t]) - 1)
        out.append(apart / (len(c) - 1) - noise / len(c))
    return out


def loop_mean_slope(values, h, times):
    mean = sum(w * v for w, v in zip(h, values, strict=True)) / sum(h)
    middle = sum(w * t for w, t in zip(h, times, strict=True)) / sum(h)
    up = sum(w * (t - middle) * v for w, v, t in zip(h, values, times, strict=True))
    return mean, up / sum(w * (t - middle) ** 2 for w, t in zip(h, times, strict=True))


def loop_sigma(c):
    mean, slope = loop_mean_slope(loop_dispersion(c), loop_weights(c), range(len(c[0])))
    return slope / mean


def loop_odds(c):
    d = []
    for t in range(len(c[0])):
        z = [1 - row[t][0] / sum(row[t]) for row in c]
        noise = [x * (1 - x) / (sum(row[t]) - 1) for x, row in zip(z, c, strict=True)]
        mean = sum(z) / len(z)
        variance = sum((x - mean) ** 2 for x in z) / (len(z) - 1) - sum(noise) / len(z)
        d.append(variance / (mean * (1 - mean)) ** 2)
    mean, slope = loop_mean_slope(d, loop_weights(c), range(len(d)))
    return slope / mean


def covariance(a, b):
    return float(np.cov(a, b)[0, 1])


def loop_beta(c):
    h = loop_weights(c)
    found = {}
    for part in (0, 1):
        times = list(range(part, len(h), 2))
        for a, row in enumerate(c):
            z = [1 - row[t][0] / sum(row[t]) for t in times]
            found[part, a] = loop_mean_slope(z, [h[t] for t in times], times)
    m0, g0, m1, g1 = ([found[part, a][i] for a in range(len(c))] for part in (0, 1) for i in (0, 1))
    return (covariance(m0, g1) + covariance(m1, g0)) / (2 * covariance(m0, m1))


def loop_jackknife(statistic, c):
    without = [statistic(c[:a] + c[a + 1 :]) for a in range(len(c))]
    mean = sum(without) / len(c)
    return sqrt((len(c) - 1) / len(c) * sum((b - mean) ** 2 for b in without))


@pytest.mark.parametrize("seed", range(3))
def test_dispersion_and_weights_are_their_formulas(seed):
    counts = corpus(seed)
    assert unbiased_dispersion(counts) == pytest.approx(loop_dispersion(counts.tolist()), rel=1e-10)
    assert period_weights(counts) == pytest.approx(loop_weights(counts.tolist()), rel=1e-12)


@pytest.mark.parametrize("periods", [4, 5])
@pytest.mark.parametrize(
    ("test", "loop"), [(sigma, loop_sigma), (sigma_odds, loop_odds), (beta, loop_beta)]
)
def test_tests_are_their_formulas(test, loop, periods):
    counts = corpus(3, periods=periods)
    found, c = test(counts), counts.tolist()
    assert found.name == test.__name__
    assert found.estimate == pytest.approx(loop(c), rel=1e-9)
    assert found.se == pytest.approx(loop_jackknife(loop, c), rel=1e-9)
    assert found.t == pytest.approx(loop(c) / found.se, rel=1e-9)
    assert found.p_value == pytest.approx(stats.t(10).cdf(found.t), rel=1e-9)
    assert (found.accounts, found.periods, found.status) == (11, periods, "ok")
    assert found.smallest_cell == counts.sum(axis=2).min()


def test_gini_is_the_t_test_of_the_accounts_slopes():
    counts = corpus(4)
    slopes = []
    for row in counts.tolist():
        g = []
        for cell in row:
            posts = [k for k, v in enumerate(cell) for _ in range(v)]
            pairs = [(i, j) for i in range(len(posts)) for j in range(len(posts)) if i != j]
            g.append(sum(posts[i] != posts[j] for i, j in pairs) / len(pairs))
        slopes.append(stats.linregress(range(len(g)), g).slope)
    expected = stats.ttest_1samp(slopes, 0)
    found = gini_within(counts)
    assert found.estimate == pytest.approx(np.mean(slopes), rel=1e-9)
    assert found.se == pytest.approx(stats.sem(slopes), rel=1e-9)
    assert found.t == pytest.approx(expected.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def two_camps(gap):
    """Ten accounts, 101 posts each: those above publish are 50 +- GAP[t], up in the first five."""
    above = np.array([[50 + g for g in gap]] * 5 + [[50 - g for g in gap]] * 5)
    return np.stack([101 - above, above], axis=2)


def test_a_case_by_hand():
    # shares 50/101 +- g/101: variance 10/9 (g/101)^2 per category, two of them; sampling variance
    # of a cell (101^2 - c^2 - (101 - c)^2) / 101^2 / 100 = 2 c (101 - c) / (101^2 100), over the
    # two camps on average 2 (2550 - g^2) / (101^2 100)
    gap = (40, 30, 20, 10)
    counts = two_camps(gap)
    d = [(20 / 9 * g**2 - 2 * (2550 - g**2) / 100) / 101**2 for g in gap]
    assert unbiased_dispersion(counts) == pytest.approx(d, rel=1e-12)
    assert d[0] == pytest.approx((3555.5555556 - 19) / 10201)
    assert period_weights(counts) == pytest.approx([1 / (0.01 + 0.01)] * 4)
    # weights are equal, so b is the plain slope over the mean: (-3 d0 - d1 + d2 + 3 d3)/10
    slope = (-3 * d[0] - d[1] + d[2] + 3 * d[3]) / 10
    assert sigma(counts).estimate == pytest.approx(slope / (sum(d) / 4), rel=1e-12)
    # all means are 50/101, so the scale of the odds is the same in every period
    assert sigma_odds(counts).estimate == pytest.approx(slope / (sum(d) / 4), rel=1e-12)
    # camps at +-g: odd periods 40, 20 (mean 30, slope -10), even ones 30, 10 (mean 20, slope -10);
    # b = (30 (-10) + 20 (-10)) / (2 x 30 x 20)
    assert beta(counts).estimate == pytest.approx(-500 / 1200, rel=1e-12)
    # pairs of unlike posts: 2 c (101 - c)/(101 x 100) = 2 (2550 -+ g - g^2)/10100
    slope = 2 / 10100 * (3 * (1600 - 100) + (900 - 400)) / 10
    camp = 2 / 10100 * 10
    found = gini_within(counts)
    assert found.estimate == pytest.approx(slope, rel=1e-12)
    assert found.se == pytest.approx(camp * sqrt(10 / 9) / sqrt(10), rel=1e-9)
    assert found.rejects
    assert found.direction == "rising"


def test_dispersion_is_free_of_sampling_error():
    # accounts of 6 and 9 posts with known propensities: the mean over every outcome is exact
    p, n = (0.2, 0.6), (6, 9)
    expected = 0.0
    for c0 in range(n[0] + 1):
        for c1 in range(n[1] + 1):
            chance = stats.binom.pmf(c0, n[0], p[0]) * stats.binom.pmf(c1, n[1], p[1])
            counts = np.array([[[n[0] - c0, c0]], [[n[1] - c1, c1]]])
            expected += chance * unbiased_dispersion(counts)[0]
    assert expected == pytest.approx(2 * (0.6 - 0.2) ** 2 / 2, rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_the_order_of_accounts_and_of_higher_categories_is_nothing(seed, random):
    counts = corpus(seed)
    accounts = random.sample(range(11), 11)
    higher = [0, *random.sample([1, 2, 3], 3)]
    for test in TESTS:
        one, other = test(counts), test(counts[accounts][:, :, higher])
        assert other.estimate == pytest.approx(one.estimate, rel=1e-6, abs=1e-12)
        assert other.se == pytest.approx(one.se, rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_a_category_without_posts_is_nothing_and_time_backwards_turns_the_sign(seed):
    counts = corpus(seed)
    wider = np.concatenate([counts, np.zeros((11, 5, 1), dtype=counts.dtype)], axis=2)
    for test in TESTS:
        assert test(wider).estimate == pytest.approx(test(counts).estimate, rel=1e-9)
        back = test(counts[:, ::-1])
        assert back.estimate == pytest.approx(-test(counts).estimate, rel=1e-6, abs=1e-12)
        assert back.se == pytest.approx(test(counts).se, rel=1e-6)


def test_counts_are_the_posts_of_each_cell_in_any_order():
    draw = np.random.default_rng(0)
    cell, code = draw.integers(-1, 6, size=80), draw.integers(0, 3, size=80)
    counts = counts_of(cell=cell, y=np.eye(3)[code], accounts=2, periods=4)
    assert counts.shape == (2, 4, 3)
    for a in range(2):
        for t in range(4):
            for k in range(3):
                posts = [c for c, v in zip(cell, code, strict=True) if c == a * 4 + t and v == k]
                assert counts[a, t, k] == len(posts)
    order = draw.permutation(80)
    again = counts_of(cell=cell[order], y=np.eye(3)[code[order]], accounts=2, periods=4)
    assert (again == counts).all()


def test_a_post_outside_the_cells_need_not_be_coded():
    y = np.array([[1.0, 0.0], [0.0, 0.0]])
    counts = counts_of(cell=np.array([1, -1]), y=y, accounts=1, periods=2)
    assert counts.tolist() == [[[0, 0], [1, 0]]]


@pytest.mark.parametrize("row", [[0.0, 0.0], [1.0, 1.0], [0.5, 0.5], [2.0, -1.0], [1.0, np.nan]])
def test_a_post_has_one_category(row):
    with pytest.raises(DataError) as error:
        counts_of(cell=np.array([0, 1]), y=np.array([[0.0, 1.0], row]), accounts=1, periods=2)
    assert str(error.value) == "post 1: has not exactly one category; code it, or leave it out"


@pytest.mark.parametrize("cell", [-2, 6])
def test_a_cell_exists(cell):
    with pytest.raises(DataError) as error:
        counts_of(cell=np.array([5, cell]), y=np.eye(2), accounts=2, periods=3)
    assert str(error.value) == (
        "post 1: its cell is outside 2 accounts x 3 periods; number the cells from 0, or -1 for none"
    )


@pytest.mark.parametrize("test", TESTS)
def test_each_cell_needs_two_posts(test):
    counts = corpus(5)
    counts[2, 3] = (1, 0, 0, 0)
    counts[7, 0] = 0
    with pytest.raises(DataError) as error:
        test(counts)
    assert str(error.value) == (
        "counts[2, 3], [7, 0]: two posts of an account are needed in each period; "
        "leave the account out, or choose longer periods"
    )


def few_posts(mean):
    """Ten accounts and four periods; the second has MEAN posts per account, 10 less in one."""
    counts = np.full((10, 4, 4), 10)
    counts[:, 1] = (mean - 3, 1, 1, 1)
    counts[0, 1, 0] -= 10
    counts[1, 1, 0] += 10
    return counts


@pytest.mark.parametrize("test", TESTS)
def test_too_few_is_refused(test):
    enough = corpus(6, accounts=10, periods=4)
    assert test(enough).status == "ok"
    assert test(few_posts(20)).status == "ok"
    for counts in (enough[:9], enough[:, :3], few_posts(19), np.zeros((1, 1, 4), dtype=int)):
        found = test(counts)
        assert found.status == "too_few"
        assert (found.accounts, found.periods) == counts.shape[:2]
        assert found.smallest_cell == counts.sum(axis=2).min()
        assert all(map(isnan, (found.estimate, found.se, found.t, found.p_value)))
        assert not found.rejects
        assert found.direction == "none"
        assert conclusion(counts) == "too_few"


@pytest.mark.parametrize("test", TESTS)
def test_accounts_that_do_not_differ_are_not_tested(test):
    # posts fall, so D, all of it sampling error, falls too, in the same way without any account
    counts = np.array([[[8 * n, 2 * n, n] for n in (9, 7, 5, 3)]] * 12)
    found = test(counts)
    assert found.status == "ok"
    assert isnan(found.t)
    assert isnan(found.p_value)
    assert not found.rejects
    assert conclusion(counts) == "cannot_tell"


def test_a_mean_dispersion_below_zero_keeps_the_sign_of_the_slope():
    counts = np.array([[[8 * n, 2 * n, n] for n in (9, 7, 5, 3)]] * 12)
    d = loop_dispersion(counts.tolist())
    mean, slope = loop_mean_slope(d, loop_weights(counts.tolist()), range(4))
    assert mean < 0
    assert slope < 0
    assert sigma(counts).estimate == pytest.approx(slope / 1e-5, rel=1e-9)


def test_a_period_of_the_first_category_alone_has_odds_that_do_not_differ():
    counts = corpus(7)
    counts[:, 0] = (60, 0, 0, 0)
    rest = loop_odds(counts[:, 1:].tolist())
    assert np.isfinite(rest)
    found = sigma_odds(counts)
    assert np.isfinite([found.estimate, found.se]).all()
    assert found.direction == "rising"


def exact(z):
    """Counts of 10,000 posts per cell with shares Z (A, T) above publish."""
    above = np.round(10_000 * np.asarray(z)).astype(int)
    return np.stack([10_000 - above, above], axis=2)


def odds(eta):
    return 1 / (1 + np.exp(-np.asarray(eta)))


SPREAD = np.random.default_rng(8).normal(0, 0.6, size=(20, 1))
YEARS = np.arange(6.0)[None, :]
NOISE = np.random.default_rng(9).normal(0, 0.02, size=(20, 6))


def test_accounts_that_come_together_converge():
    counts = exact(odds(-1.5 + SPREAD * (1 - 0.12 * YEARS) + NOISE))
    assert all(test(counts).rejects for test in (sigma, sigma_odds, beta))
    assert sigma(counts).direction == "falling"
    assert conclusion(counts) == "yes"


def test_a_common_fall_of_the_mean_is_not_convergence():
    counts = exact(odds(-1.5 - 0.25 * YEARS + SPREAD + NOISE))
    assert sigma(counts).rejects
    assert beta(counts).rejects
    assert not sigma_odds(counts).rejects
    assert conclusion(counts) == "common_mean_moved"


def test_the_odds_alone_say_nothing():
    # all rise from few: shares go apart while odds come a little closer
    counts = exact(odds(-4 + 0.5 * YEARS + SPREAD * (1 - 0.05 * YEARS) + NOISE))
    assert sigma_odds(counts).rejects
    assert not sigma(counts).rejects
    assert sigma(counts).direction == "rising"
    assert conclusion(counts) == "cannot_tell"


def test_beta_alone_says_nothing():
    # what lasts in an account shrinks, what is of one period grows: the accounts stay as far apart
    draw = np.random.default_rng(10)
    lasting = 1 - 0.14 * YEARS
    level, passing = draw.normal(size=(40, 1)), draw.normal(size=(40, 6))
    counts = exact(0.35 + 0.08 * (level * lasting + passing * np.sqrt(1 - lasting**2)))
    assert beta(counts).rejects
    assert not sigma(counts).rejects
    assert conclusion(counts) == "cannot_tell"


def test_divergence_is_not_claimed():
    counts = exact(odds(-1.5 + SPREAD * (1 + 0.12 * YEARS) + NOISE))
    found = sigma(counts)
    assert found.t > 2
    assert found.direction == "rising"
    assert not found.rejects
    assert conclusion(counts) == "cannot_tell"


def test_gini_is_two_sided():
    rising = exact(odds(-2 + 0.3 * YEARS + SPREAD + NOISE))
    falling = rising[:, ::-1]
    assert (gini_within(rising).rejects, gini_within(rising).direction) == (True, "rising")
    assert (gini_within(falling).rejects, gini_within(falling).direction) == (True, "falling")
