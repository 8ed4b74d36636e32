"""Shares of the categories, corrected by the coded posts: difference estimators.

Arrays: `p` (N, k) probabilities of all posts of the group; `y`, `q` (n, k) the codes of its coded
posts and their out-of-fold probabilities; `chance` (n,) their inclusion probabilities.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stagemix.mix.groups import sums

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Z = 1.959963984540054
LEAST = 0.0002 * 0.9998
"""The least p(1 - p) of a post: probabilities are clipped to [0.0002, 0.9998] (section 1)."""


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Shares of k categories with the ends of their 95% intervals; arrays (k,)."""

    share: Floats
    low: Floats
    high: Floats


def dispersion(y: Floats, q: Floats, weights: Floats) -> Floats:
    """phi_k: how much larger squared residuals are than p(1 - p) says, kept within [0.7, 3].

    WEIGHTS (n,) are 1/chance, divided by their mean within the account. Returns (k,).
    """
    w = weights[:, None]
    expected = (w * q * (1 - q)).sum(axis=0)
    squared = (w * (y - q) ** 2).sum(axis=0)
    ratio = np.divide(squared, expected, out=np.ones_like(squared), where=expected > 0)
    clipped: Floats = np.clip(ratio, 0.7, 3.0)
    return clipped


@dataclass(frozen=True, kw_only=True)
class OverallEstimate:
    """Difference estimates of the k shares over all posts: `theta`, `variance`, `spread` (k,).

    `spread` is the share by which a variance is turned into a number of posts; `unseen` is that
    number for a stage without variance, infinite where every post is coded.
    """

    theta: Floats
    variance: Floats
    spread: Floats
    unseen: float


def overall_share(p: Floats, y: Floats, q: Floats, chance: Floats, phi: Floats) -> Shares:
    """Share over all posts: the estimate of `overall_estimate` with its Wilson interval."""
    return wilson_interval(overall_estimate(p, y, q, chance, phi))


def overall_estimate(
    p: Floats, y: Floats, q: Floats, chance: Floats, phi: Floats
) -> OverallEstimate:
    """Estimate the shares over all posts by the difference (GREG, DSL) estimator.

    Särndal, Swensson & Wretman 1992, eq. 6.3.4, weights normed (Hájek); Egami et al. 2023.
    P holds the coded posts' out-of-fold probabilities in their rows. The variance is floored by
    the model's, so that a stage whose few residuals are alike does not seem certain. Where every
    post is coded the share is exact.
    """
    size, n = len(p), len(y)
    if size == n:
        mean = y.mean(axis=0)
        return OverallEstimate(
            theta=mean, variance=np.zeros_like(mean), spread=mean, unseen=float("inf")
        )
    w = (1 / chance)[:, None]
    e = y - q
    mean_e = (w * e).sum(axis=0) / w.sum()
    direct = (w**2 * (e - mean_e) ** 2).sum(axis=0)
    model = phi * (w**2 * q * (1 - q)).sum(axis=0)
    kish = w.sum() ** 2 / (w**2).sum() / max(1 - n / size, 1 / size)
    return OverallEstimate(
        theta=p.mean(axis=0) + mean_e,
        variance=(1 - n / size) * np.maximum(direct, model) / w.sum() ** 2,
        spread=p.mean(axis=0),
        unseen=float(kish),
    )


def wilson_interval(estimate: OverallEstimate) -> Shares:
    """Wilson interval (Wilson 1927) around theta, n_eff = spread (1 - spread) / variance.

    A stage that neither the model nor a coder saw has no variance: `unseen` is its n_eff, so that
    its upper bound is that of a stage not found among so many posts. Shares sum to 1.
    """
    theta, variance, spread = estimate.theta, estimate.variance, estimate.spread
    unseen = estimate.unseen
    if np.isinf(unseen) and not variance.any():
        return Shares(share=theta, low=theta, high=theta)
    centre = np.clip(theta, 0.0, 1.0)
    base = np.where(spread * (1 - spread) > 0, spread, centre)
    with np.errstate(divide="ignore", invalid="ignore"):
        n = np.where(variance > 0, base * (1 - base) / variance, unseen)
    n = np.where(n > 0, n, unseen)
    shrink = Z**2 / n
    middle = (centre + shrink / 2) / (1 + shrink)
    half = np.sqrt(centre * (1 - centre) * shrink + shrink**2 / 4) / (1 + shrink)
    low, high = np.clip(middle - half, 0, centre), np.clip(middle + half, centre, 1)
    return _sum_to_one(Shares(share=centre, low=low, high=high))


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Difference estimates of G groups: `theta` and `variance` (G, k), `size` (G, 1) posts.

    `coded` (G, 1) are the coded posts; where they are all the posts, theta is exact.
    """

    theta: Floats
    variance: Floats
    size: Floats
    coded: Floats


def difference_estimate(
    p: Floats,
    group: Ints,
    *,
    groups: int,
    row: Ints,
    y: Floats,
    chance: Floats,
    phi: Floats,
    stratum: Ints,
    weight: Floats | None = None,
) -> Estimate:
    """Estimate every group's shares by the difference estimator with the floored variance.

    P is (N, k) of all posts, out of fold in the coded posts' rows ROW (n,); GROUP and STRATUM (N,)
    number groups 0..GROUPS-1 and strata (section 3; Särndal, Swensson & Wretman 1992, ch. 6). The
    coded posts enter with their codes; nan where a group has none. With WEIGHT (N,), above 0, the
    shares are of weight instead of posts (see `mix.weighted`).
    """
    own, q = group[row], p[row]
    r = np.ones(len(p)) if weight is None else weight
    whole, n = sums(group, r, groups)[:, None], sums(own, np.ones(len(row)), groups)[:, None]
    rest = whole - sums(own, r[row], groups)[:, None]
    u = np.maximum(1 / chance - 1, 0)
    # where every post was sure to be drawn, and some are not coded, all weigh the same
    v = (r[row] * np.where(sums(own, u, groups)[own] > 0, u, 1.0))[:, None]
    size = np.bincount(group, minlength=groups)[:, None].astype("float64")
    with np.errstate(divide="ignore", invalid="ignore"):
        total = sums(own, v[:, 0], groups)[:, None]
        e = y - q
        mean_e = sums(own, v * e, groups) / total
        of_codes = sums(own, r[row, None] * e, groups)
        theta = (of_codes + sums(group, r[:, None] * p, groups)) / whole + rest / whole * mean_e
        direct = sums(own, v**2 * (e - mean_e[own]) ** 2, groups) * n / np.maximum(n - 1, 1)
        spread = np.maximum(_spread(p * (1 - p), group, stratum)[row], LEAST)
        model = phi * sums(own, v**2 * spread, groups)
        left = _of_uncoded(p, group, groups=groups, row=row, weight=r)
        variance = np.maximum(direct, model) / total**2 + phi * left / rest**2
        variance *= (rest / whole) ** 2
        exact = sums(own, r[row, None] * y, groups) / whole
    return Estimate(
        theta=np.where(n == size, exact, theta),
        variance=np.where(n == size, 0.0, variance),
        size=size,
        coded=n,
    )


def _of_uncoded(p: Floats, group: Ints, *, groups: int, row: Ints, weight: Floats) -> Floats:
    """Sum of r^2 p(1 - p) over the uncoded posts of every group, (GROUPS, k)."""
    squares = weight[:, None] ** 2
    squares[row] = 0
    least = LEAST * sums(group, squares, groups)
    return np.maximum(sums(group, squares * p * (1 - p), groups), least)


def difference_shares(found: Estimate, *, posts: bool = True) -> Shares:
    """Return the shares of every group and their 95% intervals, arrays (G, k).

    The bounds are whole posts, rounded outward, unless the shares are not of POSTS; each row of
    shares sums to one.
    """
    half = Z * np.sqrt(found.variance)
    low, high = np.clip(found.theta - half, 0, 1), np.clip(found.theta + half, 0, 1)
    shares = _sum_to_one(Shares(share=np.clip(found.theta, 0, 1), low=low, high=high))
    shares = whole_posts(shares, found.size) if posts else shares
    exact = found.coded == found.size
    return Shares(**{k: np.where(exact, found.theta, v) for k, v in vars(shares).items()})


def whole_posts(shares: Shares, size: Floats) -> Shares:
    """Round the bounds of SHARES outward to whole posts; SIZE (G, 1) posts of each group."""
    low = np.floor(shares.low * size + 1e-9) / size
    high = np.ceil(shares.high * size - 1e-9) / size
    return Shares(
        share=shares.share,
        low=np.minimum(low, shares.share),
        high=np.maximum(high, shares.share),
    )


def _spread(values: Floats, group: Ints, stratum: Ints) -> Floats:
    """For every post the mean of VALUES (N, k) over the posts of its group and stratum."""
    key = group * (stratum.max() + 2) + stratum + 1
    _, number = np.unique(key, return_inverse=True)
    count = np.bincount(number)
    mean: Floats = (sums(number, values, len(count)) / count[:, None])[number]
    return mean


def _sum_to_one(shares: Shares) -> Shares:
    share = shares.share / shares.share.sum(axis=-1, keepdims=True)
    low, high = np.minimum(shares.low, share), np.maximum(shares.high, share)
    return Shares(share=share, low=low, high=high)
