"""The rows of a mix table: what was counted, and what is marked or refused."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.mix.groups import EVERY, Groups, sums
from stagemix.mix.limits import (
    GROUP_CODES,
    OWN_CODES,
    SMALL_CELL,
    STAGE_CODES,
    STAGE_CODES_SURE,
)
from stagemix.mix.sample import Labelled
from stagemix.mix.shares import Shares

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
    "difference_share",
    "difference_low",
    "difference_high",
)
OK, FEW, BORROWED, REFUSED = "ok", "few", "borrowed", "refused"

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def counted(data: Labelled, groups: Groups, *, number: Ints, weight: Floats) -> pd.DataFrame:
    """One row per account, period and stage of GROUPS, with what was counted for each.

    NUMBER (N,) are the groups of the posts of DATA, WEIGHT (N,) how much each counts in
    `share_raw`, the labels' share.
    """
    labels = data.posts["label"].to_numpy()[:, None] == np.array(data.categories)
    size = np.bincount(number, minlength=groups.count)[:, None].astype("float64")
    sample = sums(number[data.row], data.y, groups.count)
    with np.errstate(invalid="ignore"):
        raw = sums(number, weight[:, None] * labels, groups.count)
        raw /= raw.sum(axis=1, keepdims=True)
    whole = {
        "n_posts": np.broadcast_to(size, raw.shape),
        "n_codes": np.broadcast_to(sample.sum(axis=1, keepdims=True), raw.shape),
        "n_codes_of_stage": sample,
    }
    counts = {k: np.nan_to_num(laid_out(v, groups)).astype("int64") for k, v in whole.items()}
    names = [groups.accounts, groups.periods, data.categories]
    index = pd.MultiIndex.from_product(names, names=["account", "period", "stage"])
    table = pd.DataFrame(index=index).reset_index()
    return table.assign(share_raw=laid_out(raw, groups), **counts)


def with_shares(
    table: pd.DataFrame, groups: Groups, *, shares: Shares, plain: Shares
) -> pd.DataFrame:
    """Add SHARES as `share`, `low`, `high`, and PLAIN, the difference estimates, beside them."""
    columns = {name: laid_out(values, groups) for name, values in vars(shares).items()}
    beside = {f"difference_{k}": laid_out(v, groups) for k, v in vars(plain).items()}
    return table.assign(**columns, **beside)


def laid_out(values: NDArray[np.generic], groups: Groups) -> Floats:
    """Lay (G, k) out over every account x period x category; nan where a group has no posts."""
    out = np.full((len(groups.accounts), len(groups.periods), values.shape[1]), np.nan)
    out[groups.account, groups.period] = values
    return out.ravel()


def marked(
    table: pd.DataFrame, data: Labelled, *, whole: bool, borrowing: bool, least: int = GROUP_CODES
) -> pd.DataFrame:
    """Add `status` and `note`, and take away the shares that are refused (section 3).

    WHOLE tells that the one group is the corpus, BORROWING that accounts borrow from each other;
    where they do not, LEAST coded posts are needed in a group.
    """
    open_ = table["n_posts"] > table["n_codes"]
    of_study = table["stage"].map(data.counts)
    rare, few = open_ & (of_study < STAGE_CODES), open_ & (of_study < STAGE_CODES_SURE)
    refusals = {
        "no_posts": table["n_posts"] == 0,
        "few_codes_in_group": open_ & (table["n_codes"] < least) & (not borrowing),
        "rare_stage": rare & (not whole),
    }
    borrowed = open_ & (table["n_codes"] < OWN_CODES) & borrowing
    marks = {
        "very_few_codes_of_stage": rare,
        "few_codes_of_stage": few & ~rare,
        "borrowed": borrowed,
        "small_cell": open_ & (table["period"] != EVERY) & (table["n_posts"] < SMALL_CELL),
    }
    note = pd.Series("", index=table.index)
    for name, here in marks.items():
        note = note.mask(here, note + name + ";")
    refused = np.logical_or.reduce(list(refusals.values()))
    table["note"] = np.select(list(refusals.values()), list(refusals), note.str.rstrip(";"))
    table["status"] = np.select([refused, few, borrowed], [REFUSED, FEW, BORROWED], OK)
    numbers = [name for name in COLUMNS if name.endswith(("share", "low", "high"))]
    table.loc[refused, numbers] = np.nan
    return table[list(COLUMNS)]
