"""Each account's change in the share above the first category, and which accounts moved."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from stagemix.errors import DataError, several
from stagemix.mix.groups import BLANK, UNDATED, Groups
from stagemix.mix.limits import GROUP_CODES
from stagemix.mix.multiplicity import holm
from stagemix.mix.sample import Labelled
from stagemix.mix.shares import Z, difference_estimate, dispersion
from stagemix.mix.table import OK, REFUSED

COLUMNS = (
    "account",
    "n_codes_before",
    "n_codes_after",
    "before",
    "after",
    "change",
    "low",
    "high",
    "p_value",
    "p_adjusted",
    "status",
    "note",
)
Floats = NDArray[np.float64]


def spans(groups: Groups, between: tuple[str, str] | None) -> tuple[set[str], set[str]]:
    """Return the periods that are compared: those BETWEEN names, else the two halves.

    The middle period of an odd number is in neither half. Raises DataError where a period is not
    there.
    """
    periods = [name for name in groups.periods if name != UNDATED]
    if between is None:
        h = len(periods) // 2
        return set(periods[:h]), set(periods[len(periods) - h :])
    known = all(name in periods for name in between)
    if not known or periods.index(between[0]) >= periods.index(between[1]):
        raise DataError(
            f"--between {','.join(between)}: name two different periods, the earlier first; there "
            f"are {several(periods, most=12)}"
        )
    return {between[0]}, {between[1]}


def account_changes(
    data: Labelled, groups: Groups, *, between: tuple[str, str] | None = None
) -> pd.DataFrame:
    """Return each account's change in u, the share above the first category (`COLUMNS`).

    Every account is looked at, so each stands on its own posts: the difference estimator with the
    floored variance in both spans (section 3), nothing borrowed; the two spans hold other posts
    and codes, so the variances add. `p_adjusted` is Holm's (1979) over the accounts. An account
    with fewer than 10 coded posts in a span that is not wholly coded is `refused`; where every
    post is coded the change is exact, and there is nothing to test.
    """
    early, late = spans(groups, between)
    named = np.array([name != BLANK for name in groups.accounts])
    change, n, whole = [], [], []
    for periods in (early, late):
        inside = np.array([name in periods for name in groups.periods])[groups.period]
        theta, variance, coded, size = _above(data, groups, inside[groups.number])
        change.append((theta, variance))
        n.append(coded)
        whole.append(coded == size)
    (before, v0), (after, v1) = change
    few = [(c < GROUP_CODES) & ~w for c, w in zip(n, whole, strict=True)]
    refused = few[0] | few[1] | np.isnan(before + after) | ~named
    half = Z * np.sqrt(v0 + v1)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stats.norm.sf(np.abs(after - before) / np.sqrt(v0 + v1))
    tested = ~refused & (half > 0)
    p = np.where(tested, p, np.nan)
    adjusted = np.full(len(p), np.nan)
    adjusted[tested] = holm(p[tested])
    table = pd.DataFrame(
        {
            "account": groups.accounts,
            "n_codes_before": n[0].astype("int64"),
            "n_codes_after": n[1].astype("int64"),
            "before": np.clip(before, 0, 1),
            "after": np.clip(after, 0, 1),
            "change": after - before,
            "low": np.clip(after - before - half, -1, 1),
            "high": np.clip(after - before + half, -1, 1),
            "p_value": p,
            "p_adjusted": adjusted,
            "status": np.where(refused, REFUSED, OK),
            "note": np.select([refused, ~tested], ["few_codes_in_span", "every_post"], ""),
        }
    )
    table.loc[refused, list(COLUMNS[3:10])] = np.nan
    return table[named].reset_index(drop=True)


def _above(
    data: Labelled, groups: Groups, inside: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Share above the first category of the posts INSIDE (N,), its variance, codes, posts (A,)."""
    count = len(groups.accounts)
    above = data.p_held_out[:, 1:].sum(axis=1)[:, None]
    y, q = data.y[:, 1:].sum(axis=1)[:, None], data.q[:, 1:].sum(axis=1)[:, None]
    found = difference_estimate(
        above,
        np.where(inside, groups.account_of_posts, count),
        groups=count + 1,
        row=data.row,
        y=y,
        chance=data.chance,
        phi=dispersion(y, q, data.relative_weights),
        stratum=data.design.of_posts,
    )
    parts = (found.theta, found.variance, found.coded, found.size)
    theta, variance, coded, size = (part[:count, 0] for part in parts)
    return theta, variance, coded, size
