"""The mix table: one row per account, period and stage, raw and corrected, with its status."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.learn.crossfit import training_weights
from stagemix.mix.limits import GROUP_CODES, STAGE_CODES, STAGE_CODES_SURE
from stagemix.mix.sample import Labelled
from stagemix.mix.shares import Shares, account_share, dispersion, overall_share
from stagemix.posts.grouping import PERIODS, grouping

EVERY = "all"
UNDATED = "undated"
COLUMNS = (
    "account",
    "period",
    "stage",
    "n_posts",
    "share_raw",
    "share",
    "low",
    "high",
    "status",
    "method",
    "n_codes",
    "n_codes_of_stage",
    "note",
)
OK, FEW, REFUSED = "ok", "few", "refused"
DIFFERENCE = "difference"


def mix_table(
    data: Labelled, *, by: tuple[str, ...], accounts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Shares of every stage in every group of posts, with the columns `COLUMNS`.

    BY names at most one grouping of posts (`account` or a column of the account table) and at
    most one period (`year`, `half`, `quarter`, `month`); a group that is not asked for is `all`,
    so `()` gives the overall shares. `share_raw` counts labels; `share`, `low`, `high` are
    corrected by the codes and null where `status` is `refused`; `note` is a reason's key (see
    `mix.words`), blank where there is none.
    """
    frame = data.posts
    account, period = group_names(frame, by=by, accounts=accounts)
    number, names = pd.factorize(pd.MultiIndex.from_arrays([account, period]))
    context = _Context.of(data)
    rows: list[dict[str, object]] = []
    for name in pd.MultiIndex.from_product([sorted(set(account)), sorted(set(period))]):
        inside = number == names.get_loc(name) if name in names else np.zeros(len(frame), bool)
        whole = not by
        rows += _rows(data, inside, context=context, whole=whole, account=name[0], period=name[1])
    numbers = dict.fromkeys(("share_raw", "share", "low", "high"), "float64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(numbers)


def group_names(
    posts: pd.DataFrame, *, by: tuple[str, ...], accounts: pd.DataFrame | None = None
) -> tuple[pd.Series, pd.Series]:
    """Return each post's group and period by BY; `all` for what is not asked, `undated` posts."""
    groups = [name for name in by if name not in PERIODS]
    periods = [name for name in by if name in PERIODS]
    account = _group(posts, groups[0] if groups else None, accounts)
    return account, _group(posts, periods[0] if periods else None, None)


def _group(posts: pd.DataFrame, name: str | None, accounts: pd.DataFrame | None) -> pd.Series:
    if name is None:
        return pd.Series(EVERY, index=posts.index)
    values = grouping(posts, name, accounts=accounts)
    return values.astype("str").where(values.notna(), UNDATED if name in PERIODS else "—")


@dataclass(frozen=True, kw_only=True)
class _Context:
    """What every group needs of the whole: phi, and p with out-of-fold rows."""

    p: NDArray[np.float64]
    phi: NDArray[np.float64]
    counts: NDArray[np.intp]

    @classmethod
    def of(cls, data: Labelled) -> "_Context":
        account = data.posts["account"].iloc[data.row].reset_index(drop=True)
        weights = training_weights(account, pd.Series(data.chance))
        p = data.p.copy()
        p[data.row] = data.q
        return cls(
            p=p,
            phi=dispersion(data.y, data.q, weights),
            counts=data.y.sum(axis=0).astype("int64"),
        )


def _rows(
    data: Labelled,
    inside: NDArray[np.bool_],
    *,
    context: _Context,
    whole: bool,
    account: str,
    period: str,
) -> list[dict[str, object]]:
    size = int(inside.sum())
    coded = inside[data.row]
    n = int(coded.sum())
    labels = data.posts["label"].to_numpy()[inside]
    refusal = _refusal(size=size, n=n, whole=whole)
    shares = None
    if not refusal:
        p, y, q = context.p[inside], data.y[coded], data.q[coded]
        chance = data.chance[coded]
        if whole:
            shares = overall_share(p, y, q, chance, context.phi)
        else:
            spread = _spread(data, context, inside=inside, coded=coded)
            shares = account_share(p, y, q, chance, context.phi, spread)
    rows = []
    for k, stage in enumerate(data.categories):
        raw = float((labels == stage).mean()) if size else None
        row = {"account": account, "period": period, "stage": stage, "n_posts": size}
        row |= {"share_raw": raw, "n_codes": n, "method": DIFFERENCE}
        row["n_codes_of_stage"] = int(data.y[coded, k].sum())
        codes = int(context.counts[k])
        exact = n == size
        row |= _corrected(shares, k, codes=codes, whole=whole, exact=exact, refusal=refusal)
        rows.append(row)
    return rows


def _refusal(*, size: int, n: int, whole: bool) -> str:
    if size == 0:
        return "no_posts"
    if n < GROUP_CODES and not (whole or n == size):
        return "few_codes_in_group"
    return ""


def _corrected(
    shares: Shares | None, k: int, *, codes: int, whole: bool, exact: bool, refusal: str
) -> dict[str, object]:
    rare = codes < STAGE_CODES and not (whole or exact)
    reason = refusal or ("rare_stage" if rare else "")
    if shares is None or reason:
        return {"share": None, "low": None, "high": None, "status": REFUSED, "note": reason}
    few = codes < STAGE_CODES_SURE and not exact
    note = "few_codes_of_stage" if codes >= STAGE_CODES else "very_few_codes_of_stage"
    return {
        "share": float(shares.share[k]),
        "low": float(shares.low[k]),
        "high": float(shares.high[k]),
        "status": FEW if few else OK,
        "note": note if few else "",
    }


def _spread(
    data: Labelled, context: _Context, *, inside: NDArray[np.bool_], coded: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """For each coded post of a group, the mean of p(1 - p) over the group's posts in its stratum.

    Where the strata of uncoded posts are not known, over all posts of the group.
    """
    p = context.p[inside]
    strata = data.design.of_posts[inside]
    mean = pd.DataFrame(p * (1 - p)).groupby(strata).mean()
    own = data.design.of_posts[data.row[coded]]
    return mean.loc[own].to_numpy("float64")
