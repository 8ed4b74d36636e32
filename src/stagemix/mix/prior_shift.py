"""What the uncoded posts of an account tell of its mix: a share by EM on the scores alone.

The shift of that share against the pool is no estimate; it is the covariate by which
`mix.intercepts` centres an account's intercept, as far as the codes bear it out (section 3d).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, logit

Floats = NDArray[np.float64]
STEP = 1.0
"""Width of the bins of log p_k/p_1 that stand for their posts."""
ROUNDS = 200
LEAST, MOST = 2.0, 200.0
"""Bounds of the learnt weight of the pool, in posts."""
CELL_PULL = 20.0
"""Posts by which a cell's share is pulled to its account's (section 3c)."""


@dataclass(frozen=True, kw_only=True)
class Bins:
    """Posts that have nearly the same probabilities, taken together.

    `group` (b,) numbers the group of a bin, `weight` (b,) counts its posts, `p` (b, k) are their
    mean probabilities divided by the pooled shares.
    """

    group: NDArray[np.intp]
    weight: Floats
    p: Floats


def shifts(shares: Floats, pool: Floats) -> Floats:
    """Return m = logit share - logit pool, (G, k), shares kept within [0.0001, 0.9999]."""
    shift: Floats = logit(np.clip(shares, 1e-4, 1 - 1e-4)) - logit(pool)
    return shift


def shares_by_em(p: Floats, group: NDArray[np.intp], *, groups: int, pool: Floats) -> Floats:
    """Return each group's shares (G, k) by EM on its posts' probabilities P (N, k).

    Saerens, Latinne & Decaestecker 2002, shrunk: s = (C + a)/(N + sum of a), C the expected
    counts, a the Dirichlet parameter over groups by the fixed point of Minka 2000, eq. 55, its
    sum kept within [2, 200]. POOL (k,) are the shares that the probabilities were trained on.
    """
    bins = _bins(p, group, pool)
    size = np.bincount(group, minlength=groups).astype("float64")[:, None]
    prior = 20.0 * pool
    shares = np.tile(pool, (groups, 1))
    for _ in range(ROUNDS):
        count = _expected(bins, shares)
        prior = _fixed_point(prior, count, size)
        new = (count + prior) / (size + prior.sum())
        done = np.abs(new - shares).max() < 1e-5
        shares = new
        if done:
            break
    return shares


def cell_shares_by_em(p: Floats, cell: NDArray[np.intp], *, pool: Floats, toward: Floats) -> Floats:
    """Return each cell's shares (C, k), pulled with `CELL_PULL` posts to those TOWARD (C, k)."""
    bins = _bins(p, cell, pool)
    size = np.bincount(cell, minlength=len(toward)).astype("float64")[:, None]
    shares = toward
    for _ in range(ROUNDS):
        new = (_expected(bins, shares) + CELL_PULL * toward) / (size + CELL_PULL)
        done = np.abs(new - shares).max() < 1e-5
        shares = new
        if done:
            break
    return shares


def _bins(p: Floats, group: NDArray[np.intp], pool: Floats) -> Bins:
    # the cost of EM no longer grows with the posts, and their order cannot matter
    score = np.log(p[:, 1:] / p[:, :1])
    step = np.clip(np.rint(score / STEP), -50, 50).astype(np.int64) + 50
    key = group.astype(np.int64)
    for column in step.T:
        key = key * 101 + column
    _, first, number, weight = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True
    )
    mean = np.stack([np.bincount(number, column) for column in p.T], axis=1) / weight[:, None]
    return Bins(group=group[first], weight=weight.astype("float64"), p=mean / pool)


def _expected(bins: Bins, shares: Floats) -> Floats:
    z = bins.p * shares[bins.group]
    z *= (bins.weight / z.sum(axis=1))[:, None]
    return np.stack([np.bincount(bins.group, column, len(shares)) for column in z.T], axis=1)


def _fixed_point(prior: Floats, count: Floats, size: Floats) -> Floats:
    total = prior.sum()
    up = (digamma(count + prior) - digamma(prior)).sum(axis=0)
    down = (digamma(size + total) - digamma(total)).sum()
    new = np.maximum(prior * up / down, 1e-3) if down > 0 else prior
    scaled: Floats = new * (np.clip(new.sum(), LEAST, MOST) / new.sum())
    return scaled
