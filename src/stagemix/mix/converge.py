"""What `converge` reports: the measures of merging and alikeness over the periods."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stagemix.errors import DataError, several
from stagemix.mix.limits import LEAST_ACCOUNTS, LEAST_CODES, LEAST_PERIODS
from stagemix.mix.merging import Cells, cell_estimates, evenness_by_halves, measures, slope_change
from stagemix.mix.mixes import UNDATED, group_names
from stagemix.mix.sample import Labelled

NAMES = ("above_publish", "within", "total", "evenness", "between")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure: its value per period (or half), and its change over the study.

    `values` maps a period, for `evenness` `first_half` and `last_half`, to the value; a measure
    that cannot be computed has none, and `note` says why (see `mix.words`).
    """

    name: str
    values: dict[str, float]
    change: float | None
    note: str


@dataclass(frozen=True, kw_only=True)
class Convergence:
    """The measures in the order of `NAMES`, and what they rest on.

    `left_out` are accounts without posts in every period; `too_small` says in words what the
    study has too little of for its changes to be tested, blank where it has enough.
    """

    measures: tuple[Measure, ...]
    accounts: tuple[str, ...]
    left_out: tuple[str, ...]
    periods: tuple[str, ...]
    codes: int
    smallest_cell: int
    design: str
    too_small: tuple[str, ...]


def converge(
    data: Labelled, *, by: tuple[str, ...], accounts: pd.DataFrame | None = None
) -> Convergence:
    """Compute, per period, how far the stages come together within accounts and how alike they are.

    BY names the grouping whose groups are compared (`account`) and the period. Raises DataError
    where there are fewer than two accounts with posts in every period, or fewer than two periods.
    """
    account, period = group_names(data.posts, by=by, accounts=accounts)
    dated = (period != UNDATED).to_numpy()
    if not dated.any():
        raise DataError(f"--by {','.join(by)}: no post has a time, so there are no periods")
    cells = cell_estimates(data, account=account, period=period, inside=dated)
    everyone = sorted(set(account[dated]))
    left_out = tuple(name for name in everyone if name not in cells.accounts)
    if len(cells.periods) < 2:
        raise DataError(
            f"--by {','.join(by)}: there is one period ({several(cells.periods)}); choose a shorter one"
        )
    if len(cells.accounts) < 2:
        raise DataError(
            f"--by {','.join(by)}: {len(cells.accounts)} accounts have two posts or more in each "
            f"of the {len(cells.periods)} periods, two are needed; choose a longer period"
        )
    return Convergence(
        measures=_measures(cells),
        accounts=cells.accounts,
        left_out=left_out,
        periods=cells.periods,
        codes=int(cells.codes.sum()),
        smallest_cell=int(cells.size.min()),
        design=data.design.name,
        too_small=_too_small(cells),
    )


def _measures(cells: Cells) -> tuple[Measure, ...]:
    per_period = measures(cells)
    out = []
    for name in NAMES:
        if name == "evenness":
            halves = evenness_by_halves(cells)
            values = dict(zip(("first_half", "last_half"), halves or (), strict=False))
            change = halves[1] - halves[0] if halves else None
        else:
            found = getattr(per_period, name)
            values = (
                {} if found is None else dict(zip(cells.periods, map(float, found), strict=True))
            )
            change = None if found is None else slope_change(found)
        note = "" if values else _why_not(cells)
        out.append(Measure(name=name, values=values, change=change, note=note))
    return tuple(out)


def _why_not(cells: Cells) -> str:
    if not cells.squares_hold:
        return "no_pairs"
    return "few_periods" if len(cells.periods) < LEAST_PERIODS else "few_higher"


def _too_small(cells: Cells) -> tuple[str, ...]:
    have = {
        "accounts": (len(cells.accounts), LEAST_ACCOUNTS),
        "periods": (len(cells.periods), LEAST_PERIODS),
        "codes": (int(cells.codes.sum()), LEAST_CODES),
    }
    return tuple(f"{n} {what} of {least}" for what, (n, least) in have.items() if n < least)


def effective_number(within: float) -> float:
    """Diversity as an effective number of stages, 1/(1 - W) (Hill 1973)."""
    return float(np.inf) if within >= 1 else 1 / (1 - within)
