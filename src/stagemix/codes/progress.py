"""How far each coder has come in a round."""

from dataclasses import dataclass
from statistics import median

import pandas as pd

from stagemix.codes.agreed import current
from stagemix.codes.codebook import Variable
from stagemix.codes.rounds import Round
from stagemix.codes.store import INDEPENDENT, WITHDRAWN


def own_codes(codes: pd.DataFrame, *, coder: str) -> pd.DataFrame:
    """A coder's current codes, of a round's CODES as the store gives them: one per unit and variable."""
    return current(codes[codes["coder"] == coder])


def done_units(own: pd.DataFrame, *, asked: tuple[Variable, ...]) -> set[str]:
    """The units for which every variable that is not optional has a code among OWN."""
    needed = [part.id for v in asked if not v.optional for part in v.parts]
    if not needed:
        return set(own["unit"])
    coded = own[own["variable"].isin(needed)].groupby("unit")["variable"].nunique()
    return {str(unit) for unit in coded.index[coded == len(needed)]}


def median_seconds(codes: pd.DataFrame) -> float | None:
    """The median of the seconds that CODES say; None where none does."""
    seconds = [float(s) for s in codes["seconds"] if s]
    return median(seconds) if seconds else None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A coder's units of a round: `given` and, of those, `done`.

    `corrected` are units whose code the coder changed later, `undone` the saves withdrawn at once;
    `seconds` is the median per unit, None where it is not known; `last` when the last code was made.
    """

    coder: str
    given: int
    done: int
    corrected: int
    undone: int
    seconds: float | None
    last: str


def progress_of(
    round_: Round, record: pd.DataFrame, *, codes: pd.DataFrame, asked: tuple[Variable, ...]
) -> list[Progress]:
    """Say how far each coder of ROUND_ has come.

    RECORD and CODES are the round's as `CodeStore.record` and `CodeStore.codes` give them; ASKED
    are the variables of the round.
    """
    found = []
    for coder in round_.coders:
        given = round_.units_of(coder)
        mine = codes[(codes["kind"] == INDEPENDENT) & (codes["coder"] == coder)]
        done = done_units(own_codes(codes, coder=coder), asked=asked)
        values = mine.groupby(["unit", "variable"])["value"].nunique()
        undone = record[(record["kind"] == WITHDRAWN) & (record["coder"] == coder)]
        found.append(
            Progress(
                coder=coder,
                given=len(given),
                done=sum(unit in done for unit in given),
                corrected=values[values > 1].index.get_level_values("unit").nunique(),
                undone=undone["memo"].nunique(),
                seconds=median_seconds(mine),
                last=max(mine["coded_at"], default=""),
            )
        )
    return found
