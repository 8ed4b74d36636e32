"""The shares of a study: the mix table, and groups of accounts compared."""

import re

import pandas as pd

from stagemix.errors import DataError, several
from stagemix.mix.compare import Comparison, compare
from stagemix.mix.groups import group_names
from stagemix.mix.misfit import Misfit, misfit
from stagemix.mix.mixes import mix_table
from stagemix.posts.grouping import PERIODS
from stagemix.study.correcting import Corrected


def split_by(by: str) -> tuple[str, ...]:
    """Split `account,year` and check that it names at most one grouping and one period.

    `overall` alone stands for no grouping.
    """
    names = tuple(name.strip() for name in re.split("[,，、]", by) if name.strip())
    if names == ("overall",):
        return ()
    groups = [name for name in names if name not in PERIODS]
    if not names or len(groups) > 1 or len(names) - len(groups) > 1:
        raise DataError(
            f"--by {by}: at most one of account or a column of the account table, and one of "
            f"{several(PERIODS)}; or overall"
        )
    return names


def mix_of(source: Corrected, *, by: str) -> pd.DataFrame:
    """Compute the mix table of corrected predictions (`mix.table.COLUMNS`)."""
    return mix_table(source.data, by=split_by(by), accounts=source.accounts)


def errors_of(source: Corrected) -> Misfit:
    """Test whether the classifier errs differently by account or by year."""
    by = ("account", "year") if source.data.posts["published_at"].notna().any() else ("account",)
    account, period = group_names(source.data.posts, by=by)
    return misfit(source.data, account=account, period=period)


def comparison_of(source: Corrected, *, by: str) -> Comparison:
    """Compare the groups of accounts that the column BY of the account table makes."""
    return compare(source.data, by=by, accounts=source.accounts)
