"""The groups that posts fall into: accounts, periods, columns of the account table."""

import numpy as np
import pandas as pd

from stagemix.errors import DataError, several

OF_POSTS = ("account", "form", "position", "original")
PERIODS = ("year", "half", "quarter", "month")


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
    year = times.dt.year.astype("Int64").astype("str")
    month = times.dt.month
    if unit == "year":
        name = year
    elif unit == "half":
        name = year + "H" + np.where(month <= 6, "1", "2")
    elif unit == "quarter":
        name = year + "Q" + times.dt.quarter.astype("Int64").astype("str")
    elif unit == "month":
        name = times.dt.strftime("%Y-%m").astype("str")
    else:
        raise ValueError(unit)
    named: pd.Series = name.where(times.notna())
    return named
