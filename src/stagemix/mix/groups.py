"""The groups of posts that tables have rows for: an account or a kind of account, and a period."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.posts.grouping import PERIODS, grouping

EVERY = "all"
UNDATED = "undated"
BLANK = "—"


@dataclass(frozen=True, kw_only=True)
class Groups:
    """The groups that N posts fall into, by account (or a column of accounts) and period.

    `number` (N,) numbers the groups that have posts, 0..G-1; `account` and `period` (G,) number
    their names in `accounts` and `periods`, which are sorted.
    """

    number: NDArray[np.intp]
    account: NDArray[np.intp]
    period: NDArray[np.intp]
    accounts: tuple[str, ...]
    periods: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many groups have posts."""
        return len(self.account)

    @property
    def account_of_posts(self) -> NDArray[np.intp]:
        """The number of every post's account in `accounts`, (N,)."""
        return self.account[self.number]


def groups_of(account: pd.Series, period: pd.Series) -> Groups:
    """Number the groups of posts from their names (see `group_names`)."""
    first, accounts = pd.factorize(account.astype("object"), sort=True)
    second, periods = pd.factorize(period.astype("object"), sort=True)
    pair, number = np.unique(first * len(periods) + second, return_inverse=True)
    return Groups(
        number=number,
        account=pair // len(periods),
        period=pair % len(periods),
        accounts=tuple(str(name) for name in accounts),
        periods=tuple(str(name) for name in periods),
    )


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
    return values.astype("str").where(values.notna(), UNDATED if name in PERIODS else BLANK)


def sums(group: NDArray[np.intp], values: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    """Sum VALUES (n,) or (n, k) within groups 0..GROUPS-1."""
    columns = values.reshape(len(values), -1).T
    out = np.stack([np.bincount(group, column, groups) for column in columns], axis=-1)
    return out.astype("float64").reshape(groups, *values.shape[1:])
