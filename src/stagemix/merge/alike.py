"""Whether the accounts became alike (趋同), tested with the codes and the scores of all posts.

Differences between accounts shrink exactly when accounts far from the mean move towards it, so
the test is the slope of each account's change on its level (Morgan 1939; Pitman 1939;
statistics: section 4d). The level comes from the codes alone, which no error of the classifier
biases; the change mostly from the scores of all posts, where an account's constant error cancels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from stagemix.merge.scores import Scores

Floats = NDArray[np.float64]
LEVEL = 0.05
LEAST_GAP = -1.0
"""t of scores against codes; below it the classifier's drift may go with the accounts' level."""
LEAST_SIGNAL = 0.2
"""Least part of the observed variance of the levels that counts as differences of accounts."""
NOTHING = 1e-18
"""Rounding error of a sum of squared deviations of shares."""


@dataclass(frozen=True, kw_only=True)
class AlikeTest:
    """One-sided test that accounts far from the mean move towards it.

    `t` of the slope, negative where they do; `p_value` with t(A - 1), `p_value_strict` with `df`,
    the effective number of accounts that carry the level; `change` of the differences D over the
    study relative to their size (noisy: tell its sign, not its size); `share_of_codes` the weight
    of the codes, the rest the scores', in the accounts' change.
    """

    t: float
    p_value: float
    p_value_strict: float
    df: float
    change: float
    share_of_codes: float


@dataclass(frozen=True, kw_only=True)
class Alikeness:
    """The tests on shares and on odds-scaled shares, with the scores and with the codes alone.

    `t_gap` is the t of the slope from the scores alone minus that from the codes alone, below 0
    where the scores say more. `alike`: both tests reject at 5 %, and the scores do not say
    clearly more than the codes, or the codes alone reject in both versions.
    """

    share: AlikeTest
    odds: AlikeTest
    codes_share: AlikeTest
    codes_odds: AlikeTest
    t_gap: float
    alike: bool


@dataclass(frozen=True, kw_only=True)
class _Slopes:
    """Slopes of change on level (A + 1,): of all accounts, then without each one.

    `leverage` (A,) is what each account adds to the variance of the level; `signal` the part of
    the level's variance that is not its sampling noise.
    """

    scores: Floats
    codes: Floats
    leverage: Floats
    signal: float


def became_alike(scores: Scores) -> Alikeness:
    """Test whether the accounts became alike, by the rule of section 4d as amended on texts."""
    weight = _least_noise(scores)
    by_share, by_odds = _slopes(scores, odds=False), _slopes(scores, odds=True)
    share, odds = _test(by_share, weight), _test(by_odds, weight)
    codes_share, codes_odds = _test(by_share, 1.0), _test(by_odds, 1.0)
    t_gap = _t(by_share.scores - by_share.codes)
    both = max(share.p_value, odds.p_value) < LEVEL
    codes_alone = max(codes_share.p_value, codes_odds.p_value) < LEVEL
    return Alikeness(
        share=share,
        odds=odds,
        codes_share=codes_share,
        codes_odds=codes_odds,
        t_gap=t_gap,
        alike=both and (t_gap > LEAST_GAP or codes_alone),
    )


def alike(scores: Scores, *, odds: bool, share_of_codes: float | None) -> AlikeTest:
    """Test with the codes' weight SHARE_OF_CODES, 0 to 1; None is that of least noise.

    With ODDS, shares are counted per unit of m(1 - m), m the mean share of the period, so that
    differences which shrink only because the common mean moved do not count.
    """
    weight = _least_noise(scores) if share_of_codes is None else share_of_codes
    return _test(_slopes(scores, odds=odds), weight)


def _test(slopes: _Slopes, weight: float) -> AlikeTest:
    slope = (1 - weight) * slopes.scores + weight * slopes.codes
    t, h = _t(slope), slopes.leverage
    df = max(float(h.sum() ** 2 / max((h**2).sum(), NOTHING**2)), 1.0)
    return AlikeTest(
        t=t,
        p_value=float(stdtr(len(h) - 1, t)),
        p_value_strict=float(stdtr(df, t)),
        df=df,
        change=float(2 * slope[0] / slopes.signal),
        share_of_codes=weight,
    )


def _t(slope: Floats) -> float:
    """First of SLOPE (A + 1,) over its standard error by leaving out one account (Tukey 1958)."""
    left_out = slope[1:]
    a = len(left_out)
    error = np.sqrt((a - 1) / a * ((left_out - left_out.mean()) ** 2).sum())
    # Where nothing changes, slope and error are rounding and their ratio anything.
    return float(slope[0] / max(error, 1e-12))


def _slopes(scores: Scores, *, odds: bool) -> _Slopes:
    """Slopes of change on level, their common sampling noise taken out.

    b = sum_k sum_a g [(level - mean) change - (1 - g/sum g) own] / sum_k sum_a g (level - mean)^2
    with own = sum_t trend_t (co)variance_t / T. Rows r: all accounts, then without each one.
    """
    accounts, periods, _ = scores.share.shape
    kept = np.vstack([np.ones(accounts), 1 - np.eye(accounts)])
    sensitivity, mean = _sensitivity(scores, kept)
    unit = _odds_unit(mean) if odds else np.ones_like(mean)
    g = (kept * _weights(scores.size))[:, :, None]
    own_g = g * (1 - g / g.sum(axis=1, keepdims=True))
    level = _over_periods(1 / unit / periods, scores.share)
    level -= (g * level).sum(axis=1, keepdims=True) / g.sum(axis=1, keepdims=True)
    squares = (g * level**2).sum(axis=(1, 2))

    def slope(trend: Floats, value: Floats, own: Floats) -> Floats:
        moved = g * level * _over_periods(trend, value)
        noise = own_g * _over_periods(trend / unit / periods, own)
        top = (moved - noise).sum(axis=(1, 2))
        b: Floats = np.divide(top, squares, out=np.zeros_like(top), where=squares > NOTHING)
        return b

    by_codes, by_scores = _trends(scores.size)
    noise = own_g[0] * _over_periods((unit[:1] * periods) ** -2, scores.variance)[0]
    return _Slopes(
        scores=slope(by_scores / sensitivity / unit, scores.score, scores.covariance),
        codes=slope(by_codes / unit, scores.share, scores.variance),
        leverage=((g * level)[0] ** 2).sum(axis=1),
        signal=max(1 - noise.sum() / max(squares[0], NOTHING), LEAST_SIGNAL),
    )


def _over_periods(weight: Floats, value: Floats) -> Floats:
    """Sum over periods of WEIGHT (r, T, k) x VALUE (A, T, k): (r, A, k)."""
    out: Floats = np.einsum("rtk,atk->rak", weight, value)
    return out


def _halves(periods: int) -> Floats:
    """Weights (2, T) that take the means of the first and of the last half of the periods."""
    half, t = periods // 2, np.arange(periods)
    return np.stack([t < half, t >= periods - half]) / half


def _weights(size: Floats) -> Floats:
    """Weights of the accounts (A,), 1/(v + .3 mean v), v = 1/N_1 + 1/N_2, N_h posts in a half.

    The constant stands for the accounts' own movements.
    """
    v = (1 / (size @ _halves(size.shape[1]).T)).sum(axis=1)
    weights: Floats = v.mean() / (v + 0.3 * v.mean())
    return weights


def _trends(size: Floats) -> tuple[Floats, Floats]:
    """Weights (T, 1) that turn a series into its least-squares change over the study.

    For the shares, and for the scores weighted by the posts of each period: periods have codes
    in equal number, posts not.
    """

    def change(n: Floats) -> Floats:
        t = np.arange(len(n)) - np.average(np.arange(len(n)), weights=n)
        trend: Floats = n * t / (n * t * t).sum() * (len(n) - 1)
        return trend[:, None]

    posts = size.sum(axis=0)
    return change(np.ones_like(posts)), change(posts)


def _sensitivity(scores: Scores, kept: Floats) -> tuple[Floats, Floats]:
    """How far the mean score moves per unit of share, and the mean share, (r, T, k).

    In each half (product - share x score)/(share (1 - share)), the slope of the score on the
    code, over the accounts of each row of KEPT (r, A); a line through the two halves. Kept within
    bounds, as a rare stage has few codes in a half.
    """
    periods = scores.share.shape[1]
    half = _halves(periods)
    share, x, product = (
        np.tensordot(kept / kept.sum(axis=1, keepdims=True), half @ v, 1)
        for v in (scores.share, scores.score, scores.product)
    )
    slope = np.clip((product - share * x) / np.maximum(share * (1 - share), 1e-3), 0.08, 1.3)
    middle = half @ np.arange(periods)
    position = (np.arange(periods) - middle[0]) / (middle[1] - middle[0])
    line = np.stack([1 - position, position], axis=1)
    return np.clip(line @ slope, 0.06, 1.5), line @ share


def _odds_unit(mean: Floats) -> Floats:
    """m(1 - m) of the mean shares (r, T, k), divided by its mean over the periods."""
    m = np.clip(mean, np.maximum(mean.mean(axis=1, keepdims=True) / 4, 0.002), 0.998)
    unit: Floats = m * (1 - m)
    unit /= unit.mean(axis=1, keepdims=True)
    return unit


def _least_noise(scores: Scores) -> float:
    """Weight of the codes in the accounts' change, one for all categories.

    That of the least variance of the change between accounts, but never less than that of the
    least sampling variance.
    """
    by_codes, by_scores = _trends(scores.size)
    by_scores = by_scores / _sensitivity(scores, np.ones((1, len(scores.size))))[0][0]
    weight = _weights(scores.size)[:, None]
    weight = weight / weight.sum()
    x, share = (by_scores * scores.score).sum(axis=1), (by_codes * scores.share).sum(axis=1)
    x, share = x - (weight * x).sum(axis=0), share - (weight * share).sum(axis=0)
    between = [float((weight * v).sum()) for v in (x * x, share * share, x * share)]
    drawn = scores.spread / scores.size[:, :, None], scores.variance, scores.covariance
    trends = by_scores**2, by_codes**2, by_scores * by_codes
    sampling = [float((w * v.mean(axis=0)).sum()) for w, v in zip(trends, drawn, strict=True)]
    return max(_optimum(*between), _optimum(*sampling))


def _optimum(x: float, y: float, both: float) -> float:
    """Weight of y in the mixture of x and y of least variance, by their (co)variances, 0 to 1."""
    return min(max((x - both) / max(x + y - 2 * both, 1e-9), 0.0), 1.0)
