"""Shares of the categories, corrected by the coded posts: difference estimators.

Arrays: `p` (N, k) probabilities of all posts of the group; `y`, `q` (n, k) the codes of its coded
posts and their out-of-fold probabilities; `chance` (n,) their inclusion probabilities.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
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


def overall_share(p: Floats, y: Floats, q: Floats, chance: Floats, phi: Floats) -> Shares:
    """Share over all posts: the difference (GREG, DSL) estimator with a Wilson interval.

    Särndal, Swensson & Wretman 1992, eq. 6.3.4, weights normed (Hájek); Egami et al. 2023.
    P holds the coded posts' out-of-fold probabilities in their rows. The variance is floored by
    the model's, so that a stage whose few residuals are alike does not seem certain. Where every
    post is coded the share is exact.
    """
    size, n = len(p), len(y)
    if size == n:
        return _exact(y)
    w = (1 / chance)[:, None]
    e = y - q
    mean_e = (w * e).sum(axis=0) / w.sum()
    theta = p.mean(axis=0) + mean_e
    direct = (w**2 * (e - mean_e) ** 2).sum(axis=0)
    model = phi * (w**2 * q * (1 - q)).sum(axis=0)
    variance = (1 - n / size) * np.maximum(direct, model) / w.sum() ** 2
    kish = w.sum() ** 2 / (w**2).sum() / max(1 - n / size, 1 / size)
    return _sum_to_one(_wilson(theta, variance, spread=p.mean(axis=0), unseen=kish))


def _wilson(theta: Floats, variance: Floats, *, spread: Floats, unseen: float) -> Shares:
    """Wilson interval (Wilson 1927) around THETA, n_eff = spread (1 - spread) / variance.

    A stage that neither the model nor a coder saw has no variance: UNSEEN is its n_eff, so that
    its upper bound is that of a stage not found among so many posts.
    """
    centre = np.clip(theta, 0.0, 1.0)
    base = np.where(spread * (1 - spread) > 0, spread, centre)
    with np.errstate(divide="ignore", invalid="ignore"):
        n = np.where(variance > 0, base * (1 - base) / variance, unseen)
    n = np.where(n > 0, n, unseen)
    shrink = Z**2 / n
    middle = (centre + shrink / 2) / (1 + shrink)
    half = np.sqrt(centre * (1 - centre) * shrink + shrink**2 / 4) / (1 + shrink)
    low, high = np.clip(middle - half, 0, centre), np.clip(middle + half, centre, 1)
    return Shares(share=centre, low=low, high=high)


def account_share(
    p: Floats, y: Floats, q: Floats, chance: Floats, phi: Floats, spread: Floats
) -> Shares:
    """Share of one account (or cell): the difference estimator with the floored variance.

    P is (N, k) of all posts of the account, the coded ones' rows included and holding Q; SPREAD
    is (n, k), for each coded post the mean of p(1 - p) over the account's posts in its stratum.
    The coded posts enter with their codes; the bounds are whole posts, rounded outward, and no
    stage has zero width while posts are uncoded.
    """
    size, n = len(p), len(y)
    rest = size - n
    if rest == 0:
        return _exact(y)
    u = np.maximum(1 / chance - 1, 0)[:, None]
    u = u if u.sum() > 0 else np.ones_like(u)
    e = y - q
    mean_e = (u * e).sum(axis=0) / u.sum()
    uncoded = 1 - n / size
    theta = (y.sum(axis=0) + p.sum(axis=0) - q.sum(axis=0)) / size + uncoded * mean_e
    direct = n / max(n - 1, 1) * (u**2 * (e - mean_e) ** 2).sum(axis=0) / u.sum() ** 2
    model = phi * (u**2 * np.maximum(spread, LEAST)).sum(axis=0) / u.sum() ** 2
    own = (p * (1 - p)).sum(axis=0) - (q * (1 - q)).sum(axis=0)
    predicted = phi * np.maximum(own, rest * LEAST) / rest**2
    half = Z * uncoded * np.sqrt(np.maximum(direct, model) + predicted)
    low = np.floor(np.clip(theta - half, 0, 1) * size + 1e-9) / size
    high = np.ceil(np.clip(theta + half, 0, 1) * size - 1e-9) / size
    return _sum_to_one(Shares(share=np.clip(theta, 0, 1), low=low, high=high))


def _exact(y: Floats) -> Shares:
    share = y.mean(axis=0)
    return Shares(share=share, low=share, high=share)


def _sum_to_one(shares: Shares) -> Shares:
    share = shares.share / shares.share.sum()
    low, high = np.minimum(shares.low, share), np.maximum(shares.high, share)
    return Shares(share=share, low=low, high=high)
