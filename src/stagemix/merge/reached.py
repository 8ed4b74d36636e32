"""Which categories (stages) each account has reached, by the posts that people coded alone."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.errors import DataError
from stagemix.mix.groups import UNDATED, group_names
from stagemix.mix.sample import Labelled
from stagemix.posts.grouping import PERIODS

COMPARED_CODES = 5
"""Coded posts that a row needs to be compared with others in its number of categories."""
COLUMNS = (
    "account",
    "period",
    "n_codes",
    "reached",
    "n_reached",
    "highest",
    "compared_at",
    "n_rarefied",
    "missing",
    "at_most",
)


def rarefied(counts: NDArray[np.intp], m: int) -> float:
    """Expected number of categories among M codes drawn without replacement (Hurlbert 1971).

    COUNTS (k,) are the codes of each category, n in all: the sum over categories of
    1 - C(n - c, m) / C(n, m), the ratio as the product of 1 - c/(n - i) over i < m. Raises
    DataError where M is not between 0 and n.
    """
    n = int(counts.sum())
    if not 0 <= m <= n:
        raise DataError(f"{m} codes cannot be drawn from {n}; draw between 0 and {n}")
    # with fewer than m other codes a category is in every draw, and the product would pass 0
    avoidable = counts[n - counts >= m]
    still = n - np.arange(m, dtype=np.float64)
    absent = np.log1p(-avoidable / still[:, None]).sum(axis=0)
    return float(len(counts) - len(avoidable) - np.expm1(absent).sum())


def upper_bound(m: int) -> float:
    """Upper end of the 95 % interval of the share of a category not found among M random codes.

    The rule of three, 3/m, at most 1 (Hanley & Lippman-Hand 1983): at a share s nothing is found
    with probability (1 - s)^m, which at s = 3/m is below e^-3, 0.0498.
    """
    return 3 / max(m, 3)


def reached_table(
    data: Labelled, *, by: tuple[str, ...], accounts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Categories found in every group and period, with the columns `COLUMNS`.

    BY and the rows are those of `mix.mixes.mix_table`. Predicted labels count nowhere: a category
    is `reached` where a coded post has it. `reached` and `missing` are ids joined by `;` in the
    order of `data.categories`, `highest` the last one reached, which means something for an
    ordinal variable only; each is blank where there is none.

    More codes find more categories, so `n_reached` of rows with unlike `n_codes` must not be
    compared. `n_rarefied` may be: the number of categories expected among `compared_at` codes of
    the row (`rarefied`). Where BY has a period, the periods of one group are compared, else the
    groups. Compared are rows with at least `COMPARED_CODES` codes, never `undated` ones;
    `compared_at` is the least `n_codes` of those compared with each other. Both are null in other
    rows, and where fewer than two could be compared.

    `at_most` bounds the share of each `missing` category by itself, among the group's posts in the
    period: 0 where every post is coded, 1 where none is, else `upper_bound` of `n_codes`; null
    where nothing is missing or there are no posts. Rarefaction and bound take the codes of a row
    for a simple random sample of its posts; where some were likelier to be drawn than others,
    neither holds. Uncodable posts are not coded posts.
    """
    account, period = group_names(data.posts, by=by, accounts=accounts)
    names = pd.MultiIndex.from_product(
        [sorted(set(account)), sorted(set(period))], names=["account", "period"]
    )
    number = names.get_indexer(pd.MultiIndex.from_arrays([account, period]))
    size = np.bincount(number, minlength=len(names))
    counts = np.zeros((len(names), len(data.categories)), dtype=np.intp)
    np.add.at(counts, number[data.row], data.y.astype(np.intp))
    table = names.to_frame(index=False).assign(n_codes=counts.sum(axis=1))
    m = _compared_at(table, over_periods=any(name in PERIODS for name in by))
    expected = [rarefied(row, at) if at else np.nan for row, at in zip(counts, m, strict=True)]
    found = counts > 0
    reached = [_ids(data, row) for row in found]
    return table.assign(
        reached=[";".join(ids) for ids in reached],
        n_reached=found.sum(axis=1),
        highest=["".join(ids[-1:]) for ids in reached],
        compared_at=pd.array(m, dtype="Int64"),
        n_rarefied=np.array(expected, dtype=np.float64),
        missing=[";".join(_ids(data, ~row)) for row in found],
        at_most=_at_most(counts, size=size),
    )[list(COLUMNS)]


def _ids(data: Labelled, which: NDArray[np.bool_]) -> list[str]:
    return [name for name, one in zip(data.categories, which, strict=True) if one]


def _compared_at(table: pd.DataFrame, *, over_periods: bool) -> list[int | None]:
    """For each row, the number of codes at which it is compared; None where it is not."""
    compared = (table["n_codes"] >= COMPARED_CODES) & (table["period"] != UNDATED)
    # without a period in BY, every row has the same one
    codes = table["n_codes"].where(compared).groupby(table["account" if over_periods else "period"])
    least = codes.transform("min").where(compared & (codes.transform("count") >= 2))
    return [None if np.isnan(m) else int(m) for m in least]


def _at_most(counts: NDArray[np.intp], *, size: NDArray[np.intp]) -> NDArray[np.float64]:
    codes = counts.sum(axis=1)
    bound = np.array([upper_bound(int(n)) for n in codes], dtype=np.float64)
    bound[codes == size] = 0
    bound[(counts > 0).all(axis=1) | (size == 0)] = np.nan
    return bound
