"""Shares of reads: what readers saw, each post weighing as much as it was read.

The target is theta_k = sum_U r y / sum_U r over the posts U of a group, r their reads. With v = r u,
u = 1/chance - 1, R and R_S the reads of all and of the coded posts, e = y - p:

    rho = sum_S v e / sum_S v
    theta = (sum_S r y + sum_{U-S} r p)/R + (1 - R_S/R) rho

the difference estimator of `mix.shares`, every sum over posts being one over reads. Its error is
(1 - R_S/R) (rho - sum_{U-S} r e/(R - R_S)); with independent e of variance phi p(1 - p),

    V = (1 - R_S/R)^2 [max(direct, model) + phi sum_{U-S} r^2 p(1 - p)/(R - R_S)^2]
    direct = n/(n - 1) sum_S v^2 (e - rho)^2/(sum_S v)^2,  model = phi sum_S v^2 g/(sum_S v)^2

g being the mean of p(1 - p) over the group's posts in the stratum. With equal reads all of it is
what `mix.shares.difference_shares` does, but for whole posts.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.mix.domain import without
from stagemix.mix.groups import group_names, groups_of, sums
from stagemix.mix.sample import Labelled
from stagemix.mix.shares import LEAST, Shares, Z, dispersion
from stagemix.mix.table import counted, marked, with_shares

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
BY_READS = "difference, weighted by reads"


def reads_table(
    data: Labelled,
    reads: Floats,
    *,
    by: tuple[str, ...],
    accounts: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Shares of reads of every stage in every group of posts, as `mix.mixes.mix_table` has posts.

    READS (N,) are those of the posts of DATA. Posts without (0 or nan) are not counted: `n_posts`
    and `n_codes` are posts with reads, `share_raw` is the labels' share of their reads. Accounts
    do not borrow from each other, which was not measured; a group with fewer than 10 coded posts
    is refused. Raises DataError where BY is not known or no coded post has reads.
    """
    groups = groups_of(*group_names(data.posts, by=by, accounts=accounts))
    read = reads > 0
    posts, number, weight = without(data, read), groups.number[read], reads[read]
    shares = weighted_shares(
        posts.p_held_out,
        number,
        groups=groups.count,
        row=posts.row,
        y=posts.y,
        chance=posts.chance,
        phi=dispersion(posts.y, posts.q, posts.relative_weights),
        stratum=posts.design.of_posts,
        weight=weight,
    )
    table = counted(posts, groups, number=number, weight=weight)
    table = with_shares(table, groups, shares=shares, plain=shares).assign(method=BY_READS)
    return marked(table, posts, whole=not by, borrowing=False)


def weighted_shares(
    p: Floats,
    group: Ints,
    *,
    groups: int,
    row: Ints,
    y: Floats,
    chance: Floats,
    phi: Floats,
    stratum: Ints,
    weight: Floats,
) -> Shares:
    """Shares of every group's WEIGHT (N,), which is above 0, with Wald intervals within [0, 1].

    P is (N, k) of all posts, out of fold in the coded posts' rows ROW (n,); GROUP and STRATUM (N,)
    number groups 0..GROUPS-1 and strata; Y (n, k), CHANCE (n,), PHI (k,) are of the coded posts.
    Särndal, Swensson & Wretman 1992, eq. 6.3.4, weights normed (Hájek); derived above. Arrays
    (GROUPS, k), nan where a group has no codes; a group that is all coded has its exact shares.
    """
    own, q, r = group[row], p[row], weight[row]
    u = np.maximum(1 / chance - 1, 0)
    # where every post was sure to be drawn, and some are not coded, all weigh the same
    v = r * np.where(sums(own, u, groups)[own] > 0, u, 1.0)
    n = np.bincount(own, minlength=groups)[:, None]
    whole, coded = _total(group, weight, groups), _total(own, r, groups)
    rest, total = whole - coded, _total(own, v, groups)
    r, v, e = r[:, None], v[:, None], y - q
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = sums(own, v * e, groups) / total
        uncoded = rest / whole
        of_posts = sums(group, weight[:, None] * p, groups)
        theta = (of_posts + sums(own, r * e, groups)) / whole + uncoded * rho
        direct = sums(own, v**2 * (e - rho[own]) ** 2, groups) * n / np.maximum(n - 1, 1)
        spread = _mean_within(p * (1 - p), group, stratum)[row]
        model = phi * sums(own, v**2 * np.maximum(spread, LEAST), groups)
        left = _of_uncoded(p, group, groups=groups, row=row, weight=weight)
        variance = np.maximum(direct, model) / total**2 + phi * left / rest**2
        half = Z * uncoded * np.sqrt(variance)
        exact = sums(own, r * y, groups) / whole
    complete = n == np.bincount(group, minlength=groups)[:, None]
    theta, half = np.where(complete, exact, theta), np.where(complete, 0.0, half)
    return _sum_to_one(theta, half)


def _total(group: Ints, values: Floats, groups: int) -> Floats:
    return sums(group, values, groups)[:, None]


def _mean_within(values: Floats, group: Ints, stratum: Ints) -> Floats:
    """For every post the mean of VALUES (N, k) over the posts of its group and stratum."""
    means = pd.DataFrame(values).groupby([group, stratum]).transform("mean")
    return means.to_numpy("float64")


def _of_uncoded(p: Floats, group: Ints, *, groups: int, row: Ints, weight: Floats) -> Floats:
    """Sum of r^2 p(1 - p) over the uncoded posts of every group, (GROUPS, k)."""
    squares = weight[:, None] ** 2
    squares[row] = 0
    least = LEAST * sums(group, squares, groups)
    return np.maximum(sums(group, squares * p * (1 - p), groups), least)


def _sum_to_one(theta: Floats, half: Floats) -> Shares:
    share = np.clip(theta, 0, 1)
    share /= share.sum(axis=1, keepdims=True)
    low, high = np.clip(theta - half, 0, 1), np.clip(theta + half, 0, 1)
    return Shares(share=share, low=np.minimum(low, share), high=np.maximum(high, share))
