"""Merging and alikeness of a study: verdicts, what stands beside them, fully coded corpora."""

from collections.abc import Callable

import numpy as np

from stagemix.errors import DataError, several
from stagemix.merge.converge import Convergence, converge
from stagemix.merge.details import Details, details_of
from stagemix.merge.dispersion import (
    Conclusion,
    Counts,
    Test,
    beta,
    converging,
    counts_of,
    gini_within,
    sigma,
    sigma_odds,
)
from stagemix.mix.groups import BLANK, UNDATED, group_names, groups_of
from stagemix.study.correcting import Corrected
from stagemix.study.mixing import split_by

METHODS: dict[str, tuple[Callable[[Counts], Test], ...]] = {
    "sigma": (sigma, sigma_odds),
    "beta": (beta,),
    "gini": (gini_within,),
}


def convergence_of(source: Corrected, *, by: str) -> Convergence:
    """Compute merging and alikeness over the periods of BY (`account,year`).

    Raises DataError where the variable is not ordinal: nothing is above its first category.
    """
    if source.level != "ordinal":
        raise DataError(
            f"{source.variable}: {source.level}, but merging is about the stages of an ordinal "
            "variable; classify by one and name its predictions"
        )
    names = split_by(by)
    if len(names) != 2:
        raise DataError(f"--by {by}: converge needs an account and a period, such as account,year")
    return converge(source.data, by=names, accounts=source.accounts)


def details_of_study(source: Corrected, *, by: str, between: str | None = None) -> Details:
    """Compute what stands beside the verdicts; BETWEEN is two periods, `2019,2023`, or None."""
    pair = None
    if between is not None:
        names = [name.strip() for name in between.split(",") if name.strip()]
        if len(names) != 2:
            raise DataError(f"--between {between}: name two periods, such as 2019,2023")
        pair = (names[0], names[1])
    return details_of(source.data, by=split_by(by), accounts=source.accounts, between=pair)


def fully_coded_tests(
    source: Corrected, *, by: str, method: str
) -> tuple[tuple[Test, ...], Conclusion | None]:
    """Run the tests of one of the `METHODS` of section 4, which need every post to be coded.

    Returns them and, of `sigma`, what both versions say together. Accounts without two posts in every period are left out. Raises DataError where a post is not
    coded, or fewer than three accounts are left.
    """
    data = source.data
    if len(data.row) < len(data.posts):
        raise DataError(
            f"--method {method}: needs every post coded, {len(data.row)} of {len(data.posts)} are; "
            "leave --method out"
        )
    groups = groups_of(*group_names(data.posts, by=split_by(by), accounts=source.accounts))
    dated = [t for t, name in enumerate(groups.periods) if name != UNDATED]
    shape = (len(groups.accounts), len(groups.periods))
    size = np.zeros(shape, dtype=np.intp)
    size[groups.account, groups.period] = np.bincount(groups.number)
    named = np.array([name != BLANK for name in groups.accounts])
    kept = np.flatnonzero((size[:, dated] >= 2).all(axis=1) & named)
    if len(kept) < 3 or len(dated) < 2:
        raise DataError(
            f"--by {by}: {len(kept)} accounts have two posts or more in each of the {len(dated)} "
            f"periods ({several([groups.periods[t] for t in dated])}), three are needed; choose a "
            "longer period"
        )
    place = np.full(shape, -1)
    place[np.ix_(kept, np.array(dated))] = np.arange(len(kept) * len(dated)).reshape(len(kept), -1)
    y = np.empty_like(data.y)
    y[data.row] = data.y
    cell = place[groups.account, groups.period][groups.number]
    counts = counts_of(cell=cell, y=y, accounts=len(kept), periods=len(dated))
    tests = tuple(test(counts) for test in METHODS[method])
    return tests, converging(*tests) if method == "sigma" else None
