"""Planning a round for `converge`: its design, whether it fits, and what it will let one see."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stagemix.codes.rounds import Round
from stagemix.errors import DataError, several
from stagemix.merge.planning import (
    MILD,
    PAIR,
    RARE,
    SmallestChange,
    joined,
    least_codes,
    simulated_change,
    smallest_change,
)
from stagemix.mix.limits import (
    ALIKE_CODES,
    ALIKE_CODES_RARE,
    LEAST_ACCOUNTS,
    LEAST_CODES,
    LEAST_PERIODS,
    MERGING_CODES,
)
from stagemix.posts.grouping import PERIODS, period_of
from stagemix.study.folder import Study

STUDIES = 1000
MIXES = {"rare": (0.86, 0.08, 0.054, 0.006), "mild": (0.60, 0.20, 0.14, 0.06)}
"""The mixes that the rule was measured with (statistics: section 4c)."""
_ERROR_VARIANCE = {"rare": 0.08, "mild": 0.11}
"""Mean squared residuals of publish at which the simulation agrees with the rule for u."""


def converge_design(
    study: Study,
    *,
    design: str | None,
    by: tuple[str, ...] | None,
    allocation: str | None,
    minimum: int | None,
) -> tuple[tuple[str, str], int]:
    """Return the strata, account and a period, and the least number in each, of a round for converge.

    What is None was not chosen. Raises DataError where a choice contradicts codes spread evenly
    over account x period, two or more in each.
    """
    if design == "simple":
        raise DataError(
            "--design simple: --for converge draws within account and period; leave it out"
        )
    if allocation == "proportional":
        raise DataError(
            "--allocation proportional: --for converge draws evenly from every account and "
            "period; leave it out"
        )
    if minimum is not None and minimum < PAIR:
        raise DataError(
            f"--minimum {minimum}: --for converge draws two or more in every account and period; "
            "leave it out"
        )
    names = ("account", study.period) if by is None else by
    periods = [name for name in names if name in PERIODS]
    if len(periods) != 1 or set(names) != {"account", *periods}:
        raise DataError(
            f"--by {','.join(names)}: --for converge needs account and one of {several(PERIODS)}, "
            "such as --by account,year"
        )
    return ("account", periods[0]), max(PAIR, study.minimum) if minimum is None else minimum


def posts_by_period(posts: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Count dated posts: for each of `PERIODS` a table, a row per account, a column per period."""
    return {unit: _count(posts, unit) for unit in PERIODS}


def _count(posts: pd.DataFrame, unit: str) -> pd.DataFrame:
    return pd.crosstab(posts["account"], period_of(posts["published_at"], unit))


def check_room(
    posts: pd.DataFrame, *, by: tuple[str, ...], n: int, taken: pd.Series | None
) -> None:
    """Raise DataError, with the periods to join, where two codes a cell do not fit into N.

    BY is account and a period; TAKEN are ids of posts that cannot be drawn.
    """
    counts = posts_by_period(posts)
    table, needs = counts[by[1]], least_codes(counts[by[1]])
    if needs > n:
        found = joined(counts, codes=n)
        instead = (
            f"draw {needs}, for {found.why}"
            if found.period is None
            else f"use --by account,{found.period}, which needs {found.needs}, or draw {needs}"
        )
        raise DataError(
            f"--n {n}: --by {','.join(by)} needs {needs}, two in every account and period; {instead}"
        )
    left = posts[~posts["post_id"].isin([] if taken is None else taken)]
    scarce = (_like(left, table, unit=by[1]) < PAIR) & (table >= PAIR)
    if scarce.to_numpy().any():
        raise DataError(
            f"stratum {several(_cells(scarce))}: fewer than two of its posts are in no other "
            "round; group more coarsely"
        )


def _like(posts: pd.DataFrame, table: pd.DataFrame, *, unit: str) -> pd.DataFrame:
    """Count POSTS in the rows and columns of TABLE."""
    return _count(posts, unit).reindex(index=table.index, columns=table.columns, fill_value=0)


def _cells(table: pd.DataFrame) -> list[str]:
    """Name the cells of a table of truths that hold, as strata are named."""
    rows, columns = np.nonzero(table.to_numpy())
    return [
        f"{table.index[a]} | {table.columns[t]}"
        for a, t in zip(rows.tolist(), columns.tolist(), strict=True)
    ]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `converge` will have of a round.

    `sizes` and `codes` are posts and drawn posts, a row per account that has two posts or more in
    every period, a column per period; `warnings` are sentences, `tested` tells whether changes
    will be tested at all.
    """

    period: str
    sizes: pd.DataFrame
    codes: pd.DataFrame
    tested: bool
    warnings: tuple[str, ...]

    @property
    def total(self) -> int:
        """The codes that converge will use."""
        return int(self.codes.to_numpy().sum())


def plan_of(round_: Round, *, posts: pd.DataFrame) -> Plan:
    """Say what `converge` will have of a round drawn from POSTS by account and period."""
    counts = posts_by_period(posts)
    unit = round_.by[1]
    table = counts[unit]
    drawn = _like(posts[posts["post_id"].isin(round_.units["unit"])], table, unit=unit)
    sparse = table < PAIR
    kept = table.index[~sparse.any(axis=1)]
    codes = drawn.loc[kept]
    have = {
        "accounts": (len(kept), LEAST_ACCOUNTS),
        "periods": (table.shape[1], LEAST_PERIODS),
        "codes": (int(codes.to_numpy().sum()), LEAST_CODES),
    }
    lacking = [f"{n} {what} of {least}" for what, (n, least) in have.items() if n < least]
    warnings = []
    if sparse.to_numpy().any():
        longer = joined(counts, codes=len(round_.units)).period
        out = table.index.difference(kept)
        warnings.append(
            f"Fewer than two posts: {several(_cells(sparse))}. converge will leave out "
            f"{several(out)}" + (f"; with --by account,{longer} it would not" if longer else "")
        )
    if lacking:
        warnings.append(f"No change will be tested: {', '.join(lacking)}")
    if have["codes"][0] < MERGING_CODES:
        warnings.append(f"Fewer than {MERGING_CODES} codes: merging will be 'too few'")
    if have["codes"][0] < ALIKE_CODES:
        warnings.append(f"Fewer than {ALIKE_CODES} codes: alikeness will not be tested")
    elif have["codes"][0] < ALIKE_CODES_RARE:
        warnings.append(
            f"Fewer than {ALIKE_CODES_RARE:,} codes: alikeness will often be 'cannot tell'"
        )
    return Plan(
        period=unit,
        sizes=table.loc[kept],
        codes=codes,
        tested=not lacking,
        warnings=tuple(warnings),
    )


def expected_changes(plan: Plan) -> dict[str, SmallestChange]:
    """Say by rule, for `rare` and `mild` mixes, which changes a tested plan lets one see."""
    accounts, periods = plan.sizes.shape
    return {
        name: smallest_change(codes=plan.total, accounts=accounts, periods=periods, above=above)
        for name, above in (("rare", RARE), ("mild", MILD))
    }


def simulated_changes(
    plan: Plan,
    *,
    seed: int,
    started: Callable[[int], None] = lambda total: None,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, SmallestChange]:
    """Say the same by simulation with the plan's own cells; STARTED is given the studies in all."""
    started(STUDIES * len(MIXES))
    return {
        name: simulated_change(
            sizes=plan.sizes.to_numpy(),
            codes=plan.codes.to_numpy(),
            mix=mix,
            error_variance=_ERROR_VARIANCE[name],
            seed=seed,
            studies=STUDIES,
            progress=progress,
        )
        for name, mix in MIXES.items()
    }
