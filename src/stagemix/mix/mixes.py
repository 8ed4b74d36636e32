"""The mix table: one row per account, period and stage, raw and corrected, with its status."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.mix.borrowing import Coded, account_shares, cell_shares
from stagemix.mix.groups import Groups, group_names, groups_of
from stagemix.mix.limits import BORROWING_ACCOUNTS, BORROWING_CODES, GROUP_CODES
from stagemix.mix.prior_shift import cell_shares_by_em, shares_by_em, shifts
from stagemix.mix.recalibration import recalibrate
from stagemix.mix.sample import Labelled
from stagemix.mix.shares import (
    Shares,
    difference_estimate,
    difference_shares,
    dispersion,
    overall_share,
)
from stagemix.mix.table import counted, marked, with_shares

DIFFERENCE, INTERCEPTS, NESTED = "difference", "random intercepts", "nested random intercepts"
SEED = 1

Floats = NDArray[np.float64]


def mix_table(
    data: Labelled, *, by: tuple[str, ...], accounts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Shares of every stage in every group of posts, with the columns `mix.table.COLUMNS`.

    BY names at most one grouping of posts (`account` or a column of the account table) and at
    most one period (`year`, `half`, `quarter`, `month`); a group that is not asked for is `all`,
    so `()` gives the overall shares. `share_raw` counts labels; `share`, `low`, `high` are
    corrected by the codes and null where `status` is `refused`. `method`: accounts borrow from
    each other (`mix.borrowing`) where there are enough of both accounts and codes; every other
    group has the difference estimator, which in columns of its own stands beside all (what is
    said of one account singled out as unusual rests on it). `note` is reasons' keys (see
    `mix.words`), joined by `;`, blank where there is none.
    """
    groups = groups_of(*group_names(data.posts, by=by, accounts=accounts))
    phi = dispersion(data.y, data.q, data.relative_weights)
    method = _method(data, groups, by)
    plain = _difference(data, groups, phi) if by else _overall(data, phi)
    shares = plain if method == DIFFERENCE else _borrowing(data, groups, method=method)
    table = counted(data, groups, number=groups.number, weight=np.ones(len(data.posts)))
    table = with_shares(table, groups, shares=shares, plain=plain).assign(method=method)
    least = GROUP_CODES if by else 0
    return marked(table, data, whole=not by, borrowing=method != DIFFERENCE, least=least)


def coded_corpus(data: Labelled, account: NDArray[np.intp]) -> Coded:
    """Return what `mix.borrowing` needs of a labelled corpus; ACCOUNT (N,) numbers."""
    return Coded(p=data.p_held_out, account=account, row=data.row, y=data.y, chance=data.chance)


def _overall(data: Labelled, phi: Floats) -> Shares:
    found = overall_share(data.p_held_out, data.y, data.q, data.chance, phi)
    return Shares(share=found.share[None], low=found.low[None], high=found.high[None])


def _difference(data: Labelled, groups: Groups, phi: Floats) -> Shares:
    estimate = difference_estimate(
        data.p_held_out,
        groups.number,
        groups=groups.count,
        row=data.row,
        y=data.y,
        chance=data.chance,
        phi=phi,
        stratum=data.design.of_posts,
    )
    found = difference_shares(estimate)
    few = (estimate.coded < GROUP_CODES) & (estimate.coded < estimate.size)
    return Shares(**{name: np.where(few, np.nan, x) for name, x in vars(found).items()})


def _method(data: Labelled, groups: Groups, by: tuple[str, ...]) -> str:
    enough = len(groups.accounts) >= BORROWING_ACCOUNTS and len(data.row) >= BORROWING_CODES
    if "account" not in by or not enough:
        return DIFFERENCE
    return INTERCEPTS if len(by) == 1 else NESTED


def _borrowing(data: Labelled, groups: Groups, *, method: str) -> Shares:
    account = groups.account_of_posts
    coded = coded_corpus(data, account)
    rng = np.random.default_rng(SEED)
    weights = 1 / data.chance
    p = recalibrate(coded.p, data.q, data.y, weights / weights.mean())
    pool = coded.pool
    of_accounts = shares_by_em(p, account, groups=len(groups.accounts), pool=pool)
    shift = shifts(of_accounts, pool)
    if method == INTERCEPTS:
        return account_shares(coded, shift=shift, rng=rng)
    toward = of_accounts[groups.account]
    of_cells = cell_shares_by_em(p, groups.number, pool=pool, toward=toward)
    return cell_shares(
        coded,
        cell=groups.number,
        account_of=groups.account,
        shift=shift,
        cell_shift=shifts(of_cells, pool),
        rng=rng,
    )
