"""The groups that posts fall into: accounts, periods, columns of the account table."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.errors import DataError, several

OF_POSTS = ("account", "form", "position", "original")
PARTS = {"year": 1, "half": 2, "quarter": 4, "month": 12}
"""Periods in a year."""
PERIODS = tuple(PARTS)


def grouping(posts: pd.DataFrame, name: str, *, accounts: pd.DataFrame | None = None) -> pd.Series:
    """Return the values by which posts are grouped: a period, a post or an account column."""
    if name in PERIODS:
        return period_of(posts["published_at"], name)
    if name in OF_POSTS and name in posts.columns:
        column: pd.Series = posts[name]
        return column
    if accounts is not None and name in accounts.columns:
        values = accounts.set_index("account")[name]
        return posts["account"].map(values)
    known = [*PERIODS, "account", *([] if accounts is None else accounts.columns.drop("account"))]
    raise DataError(f"--by {name}: no such column; one can group by {several(known, most=20)}")


def period_of(times: pd.Series, unit: str) -> pd.Series:
    """Name the period of each time: `2021`, `2021H1`, `2021Q1`, `2021-03`; null stays null.

    UNIT is one of `PERIODS`.
    """
    parts = PARTS[unit]
    number, first = pd.factorize(period_number(times, unit))
    names = [_period_name(int(n) // parts, int(n) % parts + 1, unit) for n in first]
    named = pd.Series(np.array([*names, None], dtype="object")[number], index=times.index)
    return named.where(times.notna(), None).astype("str")


def period_number(times: pd.Series, unit: str) -> NDArray[np.int64]:
    """Number the period of each time, successive ones by successive numbers; -1 for null."""
    parts = PARTS[unit]
    part = (times.dt.month.fillna(1).to_numpy("int64") - 1) * parts // 12
    number: NDArray[np.int64] = times.dt.year.fillna(0).to_numpy("int64") * parts + part
    return np.where(times.isna(), -1, number)


def _period_name(year: int, part: int, unit: str) -> str:
    if unit == "year":
        return f"{year}"
    return f"{year}-{part:02d}" if unit == "month" else f"{year}{unit[0].upper()}{part}"
