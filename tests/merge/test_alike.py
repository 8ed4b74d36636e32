from dataclasses import asdict
from itertools import combinations, product
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from stagemix.errors import DataError
from stagemix.merge.alike import alike, became_alike
from stagemix.merge.scores import scores_of

ACCOUNTS, PERIODS = 16, 5


def world(
    *,
    seed,
    end,
    accounts=ACCOUNTS,
    periods=PERIODS,
    posts=80,
    codes=20,
    fade=1.0,
    rise=0.0,
    mix=(4, 3, 2),
):
    """Posts of accounts whose deviations from the mean mix go from 1 to END over the periods.

    FADE is how much of the classifier's separation is left in the last period, RISE the growth of
    the first category's log odds, CODES None codes every post. Returns `scores_of`'s arguments.
    """
    draw = np.random.default_rng(seed)
    k = len(mix)
    mixes = draw.dirichlet(mix, size=accounts)
    scale = np.linspace(1, end, periods)[None, :, None]
    mixes = mixes.mean(axis=0) + scale * (mixes - mixes.mean(axis=0))[:, None]
    mixes[:, :, 0] *= np.exp(np.linspace(0, rise, periods))
    mixes /= mixes.sum(axis=2, keepdims=True)
    cell = np.repeat(np.arange(accounts * periods), posts)
    truth = (draw.random(len(cell))[:, None] > mixes.reshape(-1, k)[cell].cumsum(axis=1)).sum(
        axis=1
    )
    one_hot = np.eye(k)[np.minimum(truth, k - 1)]
    separation = np.linspace(2.0, 2.0 * fade, periods)[cell % periods][:, None]
    p = np.exp(separation * one_hot + draw.normal(size=one_hot.shape))
    p /= p.sum(axis=1, keepdims=True)
    row = np.arange(len(cell))
    if codes is not None:
        row = np.concatenate([draw.choice(row[cell == c], codes, False) for c in np.unique(cell)])
    q = np.clip(p[row] + draw.normal(0, 0.01, size=(len(row), k)), 0, 1)
    return {
        "cell": cell, "p": p, "row": row, "y": one_hot[row], "q": q,
        "accounts": accounts, "periods": periods,
    }  # fmt: skip


def numbers(result):
    """All numbers of an `Alikeness` in one list."""
    tests = ("share", "odds", "codes_share", "codes_odds")
    found = asdict(result)
    return [v for name in tests for v in found[name].values()] + [result.t_gap]


# The test written out, with loops over accounts, periods and categories, for one set of accounts.


def cells_by_hand(w):
    """{(a, t): what section 4d says of the cell, one list per category}."""
    out = {}
    code = {r: i for i, r in enumerate(w["row"].tolist())}
    for a, t in product(range(w["accounts"]), range(w["periods"])):
        rows = np.flatnonzero(w["cell"] == a * w["periods"] + t).tolist()
        size, coded = len(rows), [r for r in rows if r in code]
        n, out[a, t] = len(coded), []
        for k in range(w["p"].shape[1]):
            p = [w["q"][code[r], k] if r in code else w["p"][r, k] for r in rows]
            y = [w["y"][code[r], k] for r in coded]
            q = [w["q"][code[r], k] for r in coded]
            e = [i - j for i, j in zip(y, q, strict=True)]
            x, r = sum(p) / size, sum(e) / n
            pairs = sum(e[i] * e[j] for i in range(n) for j in range(n) if i != j)
            s2 = sum(i * i for i in e) * size / n + pairs * size * (size - 1) / (n * (n - 1))
            share = x + r
            square = (size * (x * x + 2 * x * r + s2 / size**2) - share) / (size - 1)
            both = sum(v * v for v in p) / size + sum(i * j for i, j in zip(e, q, strict=True)) / n
            apart = x * share - (size * x * share - both) / (size - 1)
            spread = sum((v - x) ** 2 for v in p) / (size - 1)
            out[a, t].append((size, x, share, share**2 - square, apart, both, spread))
    return out


SIZE, X, SHARE, VARIANCE, COVARIANCE, PRODUCT, SPREAD = range(7)


def slopes_of(series, weights):
    return np.polyfit(range(len(series)), series, 1, w=np.sqrt(weights))[0] * (len(series) - 1)


class ByHand:
    """The slope of change on level of the accounts KEPT; weights of accounts and periods use all."""

    def __init__(self, w, cells, kept, *, odds):
        self.cells, self.accounts, self.periods = cells, kept, w["periods"]
        self.all, self.k = range(w["accounts"]), w["p"].shape[1]
        half = self.periods // 2
        self.half = [range(half), range(self.periods - half, self.periods)]
        self.posts = [sum(self.cells[a, t][0][SIZE] for a in self.all) for t in range(self.periods)]
        v = []
        for a in self.all:
            v.append(sum(1 / sum(self.cells[a, t][0][SIZE] for t in h) for h in self.half))
        self.g = [np.mean(v) / (i + 0.3 * np.mean(v)) for i in v]
        self.unit = [self.odds_unit(k) if odds else [1.0] * self.periods for k in range(self.k)]

    def line(self, halves):
        middle = [np.mean(h) for h in self.half]
        step = (halves[1] - halves[0]) / (middle[1] - middle[0])
        return [halves[0] + step * (t - middle[0]) for t in range(self.periods)]

    def half_mean(self, what, k, h):
        return np.mean([self.cells[a, t][k][what] for a in self.accounts for t in self.half[h]])

    def sensitivity(self, k):
        halves = []
        for h in (0, 1):
            share, x = self.half_mean(SHARE, k, h), self.half_mean(X, k, h)
            slope = self.half_mean(PRODUCT, k, h) - share * x
            halves.append(min(max(slope / max(share * (1 - share), 0.001), 0.08), 1.3))
        return [min(max(v, 0.06), 1.5) for v in self.line(halves)]

    def odds_unit(self, k):
        mean = self.line([self.half_mean(SHARE, k, h) for h in (0, 1)])
        m = [min(max(v, max(np.mean(mean) / 4, 0.002)), 0.998) for v in mean]
        return [v * (1 - v) / np.mean([i * (1 - i) for i in m]) for v in m]

    def trend(self, what):
        """Weight of each period in the change of the score or of the share, unscaled."""
        weights = self.posts if what == X else [1.0] * self.periods
        basis = np.eye(self.periods)
        return [slopes_of(basis[t], weights) for t in range(self.periods)]

    def series(self, what, a, k):
        return [self.cells[a, t][k][what] for t in range(self.periods)]

    def parts(self, weight):
        """Numerator, denominator, noise in the denominator, leverage."""
        top = bottom = noise = 0.0
        leverage = dict.fromkeys(self.accounts, 0.0)
        total = sum(self.g[a] for a in self.accounts)
        for k in range(self.k):
            unit, periods = self.unit[k], range(self.periods)
            f = [
                (1 - weight) * w / s / u
                for w, s, u in zip(self.trend(X), self.sensitivity(k), unit, strict=True)
            ]
            h = [weight * w / u for w, u in zip(self.trend(SHARE), unit, strict=True)]
            level, change = {}, {}
            for a in self.accounts:
                x, share = self.series(X, a, k), self.series(SHARE, a, k)
                level[a] = np.mean([share[t] / unit[t] for t in periods])
                change[a] = sum(f[t] * x[t] + h[t] * share[t] for t in periods)
            mean = sum(self.g[a] * level[a] for a in self.accounts) / total
            mean_change = sum(self.g[a] * change[a] for a in self.accounts) / total
            for a in self.accounts:
                c, v = self.series(COVARIANCE, a, k), self.series(VARIANCE, a, k)
                own = np.mean([(f[t] * c[t] + h[t] * v[t]) / unit[t] for t in periods])
                rest = 1 - self.g[a] / total
                top += self.g[a] * ((level[a] - mean) * (change[a] - mean_change) - rest * own)
                bottom += self.g[a] * (level[a] - mean) ** 2
                own_level = sum(v[t] / unit[t] ** 2 for t in periods) / self.periods**2
                noise += self.g[a] * rest * own_level
                leverage[a] += self.g[a] ** 2 * (level[a] - mean) ** 2
        return top, bottom, noise, list(leverage.values())


def least_noise_by_hand(w):
    hand = ByHand(w, cells_by_hand(w), range(w["accounts"]), odds=False)
    between, drawn = np.zeros((2, 2)), np.zeros((2, 2))
    for k in range(hand.k):
        by_scores = np.array(hand.trend(X)) / hand.sensitivity(k)
        by_codes = np.array(hand.trend(SHARE))
        change = [[by_scores @ hand.series(X, a, k) for a in hand.all]]
        change.append([by_codes @ hand.series(SHARE, a, k) for a in hand.all])
        between += np.cov(change, aweights=hand.g, ddof=0)
        for a in hand.all:
            score = np.divide(hand.series(SPREAD, a, k), hand.series(SIZE, a, k))
            both = by_scores * by_codes @ hand.series(COVARIANCE, a, k)
            own = [[by_scores**2 @ score, both], [both, by_codes**2 @ hand.series(VARIANCE, a, k)]]
            drawn += np.array(own) / w["accounts"]
    candidates = np.linspace(0, 1, 100_001)
    mix = np.stack([1 - candidates, candidates])
    best = [(mix * (m @ mix)).sum(axis=0).argmin() for m in (between, drawn)]
    return candidates[max(best)]


def result_by_hand(w, weight, *, odds):
    a = w["accounts"]
    kept = [list(range(a))] + [[i for i in range(a) if i != j] for j in range(a)]
    cells = cells_by_hand(w)
    parts = [ByHand(w, cells, accounts, odds=odds).parts(weight) for accounts in kept]
    b = [top / bottom for top, bottom, _, _ in parts]
    error = sqrt((a - 1) / a * sum((v - sum(b[1:]) / a) ** 2 for v in b[1:]))
    top, bottom, noise, h = parts[0]
    df = sum(h) ** 2 / sum(v * v for v in h)
    t = b[0] / error
    return {
        "t": t, "p_value": stats.t.cdf(t, a - 1), "p_value_strict": stats.t.cdf(t, df), "df": df,
        "change": 2 * top / max(bottom - noise, 0.2 * bottom), "share_of_codes": weight,
    }, b  # fmt: skip


def uneven(w, *, seed):
    """Leave some posts of W, coded ones too, out of every cell."""
    draw = np.random.default_rng(seed)
    out = draw.random(len(w["cell"])) < np.linspace(0.25, 0, len(w["cell"]))
    return w | {"cell": np.where(out, -1, w["cell"])}


SMALL = {
    "codes of some posts": {"seed": 1, "end": 0.5, "posts": 14, "codes": 5},
    "odd periods": {"seed": 2, "end": 1, "posts": 12, "codes": 6, "accounts": 6, "periods": 5},
    "four categories, rare": {"seed": 3, "end": 1, "posts": 20, "codes": 8, "mix": (9, 1, 1, 0.2)},
    "every post coded": {"seed": 4, "end": 0.5, "posts": 9, "codes": None},
}


@pytest.fixture(params=SMALL.values(), ids=list(SMALL))
def small(request):
    return uneven(
        world(**{"accounts": 5, "periods": 4} | request.param), seed=request.param["seed"]
    )


def test_cells_are_their_formulas(small):
    found = scores_of(**small)
    assert found.size.min() < found.size.max()
    for (a, t), categories in cells_by_hand(small).items():
        for k, expected in enumerate(categories):
            cell = [found.size[a, t]] + [
                getattr(found, name)[a, t, k]
                for name in ("score", "share", "variance", "covariance", "product", "spread")
            ]
            assert cell == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("odds", [False, True])
def test_every_number_is_its_formula(small, odds):
    found = became_alike(scores_of(**small))
    of_codes, codes_slopes = result_by_hand(small, 1.0, odds=odds)
    assert asdict(found.codes_odds if odds else found.codes_share) == pytest.approx(of_codes)
    weight = found.share.share_of_codes
    assert weight == pytest.approx(least_noise_by_hand(small), abs=2e-5)
    mixed, _ = result_by_hand(small, weight, odds=odds)
    assert asdict(found.odds if odds else found.share) == pytest.approx(mixed)
    if not odds:
        _, scores_slopes = result_by_hand(small, 0.0, odds=False)
        gap = np.subtract(scores_slopes, codes_slopes)
        a = small["accounts"]
        error = sqrt((a - 1) / a * sum((v - gap[1:].mean()) ** 2 for v in gap[1:]))
        assert found.t_gap == pytest.approx(gap[0] / error)


def test_one_test_alone_takes_a_weight_or_finds_it():
    scores = scores_of(**world(seed=1, end=0.5, accounts=5, posts=14, codes=5))
    found = became_alike(scores)
    assert alike(scores, odds=False, share_of_codes=None) == found.share
    assert alike(scores, odds=True, share_of_codes=None) == found.odds
    assert alike(scores, odds=False, share_of_codes=1.0) == found.codes_share
    assert alike(scores, odds=True, share_of_codes=1.0) == found.codes_odds


def test_cells_are_unbiased_over_all_samples():
    w = world(seed=5, end=1, accounts=3, periods=2, posts=6, codes=None)
    w["q"] = w["p"]
    y, p = w["y"][:6], w["p"][:6]
    means = dict.fromkeys(("share", "variance", "covariance", "product", "square"), 0.0)
    samples = list(combinations(range(6), 3))
    for sample in samples:
        row = np.array([*sample, *range(6, 36)])
        found = scores_of(**w | {"row": row, "y": w["y"][row], "q": w["q"][row]})
        for name in means:
            value = found.share**2 if name == "square" else getattr(found, name)
            means[name] += value[0, 0] / len(samples)
    i, j = np.array([(i, j) for i in range(6) for j in range(6) if i != j]).T
    assert means["share"] == pytest.approx(y.mean(axis=0))
    assert means["product"] == pytest.approx((y * p).mean(axis=0))
    # Products of two different posts are free of the noise that a post shares with itself.
    assert means["variance"] == pytest.approx(means["square"] - (y[i] * y[j]).mean(axis=0))
    apart = y.mean(axis=0) * p.mean(axis=0) - (y[i] * p[j]).mean(axis=0)
    assert means["covariance"] == pytest.approx(apart)


def test_order_changes_nothing():
    w = uneven(world(seed=6, end=0.6, accounts=7), seed=6)
    draw = np.random.default_rng(0)
    account, category = draw.permutation(7), draw.permutation(3)
    post, code = draw.permutation(len(w["cell"])), draw.permutation(len(w["row"]))
    moved = account[w["cell"] // PERIODS] * PERIODS + w["cell"] % PERIODS
    other = w | {
        "cell": np.where(w["cell"] < 0, -1, moved)[post],
        "p": w["p"][post][:, category],
        "row": np.argsort(post)[w["row"]][code],
        "y": w["y"][code][:, category],
        "q": w["q"][code][:, category],
    }
    expected = numbers(became_alike(scores_of(**w)))
    assert numbers(became_alike(scores_of(**other))) == pytest.approx(expected, rel=1e-9)


CALLED = [(seed, 0.3, 1.0) for seed in range(3)] + [(3, 0.3, 0.6)]
NOT_CALLED = [(seed, 1.0, fade) for seed in range(4) for fade in (1.0, 0.6, 1.5)] + [(5, 1.3, 1.0)]


@pytest.mark.parametrize(("seed", "end", "fade"), CALLED)
def test_accounts_that_became_alike_are_called_so(seed, end, fade):
    found = became_alike(scores_of(**world(seed=seed, end=end, fade=fade)))
    assert found.alike
    assert max(found.share.p_value, found.odds.p_value) < 0.05
    assert found.share.change < 0


@pytest.mark.parametrize(("seed", "end", "fade"), NOT_CALLED)
def test_accounts_that_stayed_as_they_were_or_parted_are_not(seed, end, fade):
    assert not became_alike(scores_of(**world(seed=seed, end=end, fade=fade))).alike


@pytest.mark.parametrize(("end", "called"), [(0.3, True), (1.0, False)])
def test_every_post_coded(end, called):
    w = world(seed=7, end=end, codes=None)
    scores = scores_of(**w)
    by_cell = w["y"].reshape(ACCOUNTS, PERIODS, -1, 3).mean(axis=2)
    assert scores.share == pytest.approx(by_cell)
    assert became_alike(scores).alike == called


@pytest.mark.parametrize(("end", "called"), [(0.3, True), (1.0, False)])
def test_an_account_whose_scores_are_always_off_changes_no_conclusion(end, called):
    w = world(seed=1, end=end)
    off = np.random.default_rng(1).normal(0, 0.05, size=(ACCOUNTS, 3))
    account = w["cell"] // PERIODS
    wrong = w | {"p": w["p"] + off[account], "q": w["q"] + off[account[w["row"]]]}
    right, found = became_alike(scores_of(**w)), became_alike(scores_of(**wrong))
    assert (right.alike, found.alike) == (called, called)
    assert np.sign(found.share.t) == np.sign(right.share.t)
    assert np.sign(found.odds.t) == np.sign(right.odds.t)
    # The codes alone are free of it to the last digit.
    assert asdict(found.codes_share) == pytest.approx(asdict(right.codes_share))
    assert asdict(found.codes_odds) == pytest.approx(asdict(right.codes_odds))


def pulled(w, strength):
    """The scores of W drifting towards the mean, the more the farther an account is from it."""
    level = scores_of(**w).share.mean(axis=1)
    away = (level - level.mean(axis=0))[w["cell"] // PERIODS]
    pull = -strength * away * (w["cell"] % PERIODS)[:, None] / (PERIODS - 1)
    return w | {"p": w["p"] + pull, "q": w["q"] + pull[w["row"]]}


def test_scores_that_say_more_than_the_codes_are_not_believed():
    found = became_alike(scores_of(**pulled(world(seed=1, end=1, codes=8), 0.5)))
    assert max(found.share.p_value, found.odds.p_value) < 0.001
    assert found.t_gap < -4
    assert min(found.codes_share.p_value, found.codes_odds.p_value) > 0.3
    assert not found.alike


def test_scores_that_say_more_are_believed_where_the_codes_reject_alone():
    found = became_alike(scores_of(**pulled(world(seed=1, end=0.3, codes=8), 0.5)))
    assert found.t_gap < -3
    assert max(found.codes_share.p_value, found.codes_odds.p_value) < 0.001
    assert found.alike


def test_the_codes_alone_must_reject_in_both_versions():
    found = became_alike(scores_of(**pulled(world(seed=24, end=1, rise=1), 0.2)))
    assert max(found.share.p_value, found.odds.p_value) < 0.01
    assert found.t_gap < -2
    assert found.codes_share.p_value < 0.01
    assert found.codes_odds.p_value > 0.2
    assert not found.alike


def test_differences_that_shrink_with_the_common_mean_are_not_alikeness():
    found = became_alike(scores_of(**world(seed=0, end=1, rise=2)))
    assert found.share.p_value < 0.05 < found.odds.p_value
    assert found.t_gap > -1
    assert not found.alike


def test_a_category_that_is_nowhere_changes_nothing():
    w = world(seed=8, end=0.5)
    more = w | {name: np.pad(w[name], ((0, 0), (0, 1))) for name in ("p", "y", "q")}
    expected = numbers(became_alike(scores_of(**w)))
    assert numbers(became_alike(scores_of(**more))) == pytest.approx(expected)


def test_posts_in_no_cell_change_nothing():
    w = world(seed=9, end=0.5)
    more = w | {
        "cell": np.append(w["cell"], [-1, -1]),
        "p": np.append(w["p"], [[1.0, 0, 0], [0, 1.0, 0]], axis=0),
        "row": np.append(w["row"], len(w["cell"])),
        "y": np.append(w["y"], [[0, 0, 1.0]], axis=0),
        "q": np.append(w["q"], [[1.0, 0, 0]], axis=0),
    }
    assert numbers(became_alike(scores_of(**more))) == numbers(became_alike(scores_of(**w)))


def test_the_arguments_stay_as_they_are():
    w = world(seed=9, end=0.5)
    before = w["p"].copy()
    scores_of(**w)
    assert (w["p"] == before).all()


@pytest.mark.parametrize("codes", [4, None])
@pytest.mark.parametrize("levels", [(1, 1, 1), (1, 2, 4)], ids=["all alike", "always as far apart"])
def test_where_nothing_changes_nothing_is_found(levels, codes):
    """Every period has the same posts; those of an account are of the first category or not."""
    periods, posts = 4, 7
    first = (np.arange(posts) < np.repeat(levels, periods)[:, None]).ravel()
    y = np.stack([first, ~first, np.zeros_like(first)], axis=1).astype(float)
    p = y * 0.7 + 0.1
    cell = np.repeat(np.arange(3 * periods), posts)
    row = np.flatnonzero(np.tile(np.arange(posts), 3 * periods) < (codes or posts))
    w = {"cell": cell, "p": p, "row": row, "y": y[row], "q": p[row]}
    found = became_alike(scores_of(**w, accounts=3, periods=periods))
    for test in (found.share, found.odds, found.codes_share, found.codes_odds):
        assert test.t == pytest.approx(0, abs=0.01)
        assert test.p_value == pytest.approx(0.5, abs=0.01)
        assert test.p_value_strict == pytest.approx(0.5, abs=0.01)
        assert test.change == pytest.approx(0, abs=1e-9)
    assert not found.alike


@pytest.mark.parametrize("mix", [(4, 3, 2), (9, 0.3, 0.01)])
@pytest.mark.parametrize("seed", range(5))
def test_three_accounts_and_two_periods_give_numbers(seed, mix):
    w = world(seed=seed, end=1, accounts=3, periods=2, posts=4, codes=2, mix=mix)
    found = became_alike(scores_of(**w))
    assert np.isfinite(numbers(found)).all()
    for test in (found.share, found.odds, found.codes_share, found.codes_odds):
        assert 0 <= test.p_value <= 1
        assert 1 <= test.df <= 3
        assert 0 <= test.share_of_codes <= 1


def test_too_few_codes_in_a_cell_is_said():
    w = world(seed=0, end=1)
    dropped = w["cell"][w["row"]] == 2 * PERIODS + 1
    kept = ~dropped | (np.cumsum(dropped) == 1)
    w |= {name: w[name][kept] for name in ("row", "y", "q")}
    with pytest.raises(DataError) as error:
        scores_of(**w)
    assert str(error.value) == (
        "account 3 has 1 coded posts in period 2, two are needed in each; code more posts or "
        "choose a longer period"
    )


@pytest.mark.parametrize(("accounts", "periods"), [(2, 5), (3, 1)])
def test_too_few_accounts_or_periods_are_said(accounts, periods):
    with pytest.raises(DataError) as error:
        scores_of(**world(seed=0, end=1, accounts=accounts, periods=periods))
    assert str(error.value) == (
        "whether accounts became alike needs three accounts and two periods, here are "
        f"{accounts} and {periods}; add accounts or choose a shorter period"
    )
