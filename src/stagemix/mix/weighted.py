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
from stagemix.mix.groups import group_names, groups_of
from stagemix.mix.sample import Labelled
from stagemix.mix.shares import difference_estimate, difference_shares, dispersion
from stagemix.mix.table import counted, marked, with_shares

Floats = NDArray[np.float64]
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
    estimate = difference_estimate(
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
    shares = difference_shares(estimate, posts=False)
    table = counted(posts, groups, number=number, weight=weight)
    table = with_shares(table, groups, shares=shares, plain=shares).assign(method=BY_READS)
    return marked(table, posts, whole=not by, borrowing=False)
