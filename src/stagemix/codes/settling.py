"""What became of the codes after the coders had coded: changed, settled, and by whom."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from stagemix.codes.agreed import independent
from stagemix.codes.store import INDEPENDENT, SETTLED

_UNIT = ["round", "unit", "variable"]
_CODE = [*_UNIT, "codebook_version", "coder"]


def latest(codes: pd.DataFrame) -> pd.DataFrame:
    """Return each coder's latest code per unit, variable and version, of those in `independent`.

    CODES are as the store gives them.
    """
    own = codes[codes["kind"] == INDEPENDENT].drop_duplicates(_CODE, keep="last")
    first = pd.MultiIndex.from_frame(independent(codes)[_CODE])
    return own[pd.MultiIndex.from_frame(own[_CODE]).isin(first)]


@dataclass(frozen=True, kw_only=True)
class Settling:
    """How a variable was settled: the `units`, `by` whom how many, and what that changed.

    `coders_changed` are the codes that their own coder changed later. `overruled` are the coders'
    first independent codes, per coder, that differ from the settled value. `late` are first codes
    that came after the unit was settled, which count nowhere.
    """

    units: int
    by: Mapping[str, int]
    coders_changed: int
    overruled: Mapping[str, int]
    late: int


def settling(codes: pd.DataFrame, *, variable: str) -> Settling:
    """Count what was settled on a variable, from CODES as the store gives them."""
    mine = codes[codes["variable"] == variable]
    settled = mine[mine["kind"] == SETTLED].drop_duplicates(_UNIT, keep="last")
    own = mine[mine["kind"] == INDEPENDENT]
    first = independent(mine)
    now = latest(mine).set_index(_CODE)["value"].reindex(pd.MultiIndex.from_frame(first[_CODE]))
    both = first.merge(settled[[*_UNIT, "value"]], on=_UNIT, suffixes=("", "_settled"))
    against = both[both["value"] != both["value_settled"]]
    return Settling(
        units=len(settled),
        by=_counted(settled["coder"]),
        coders_changed=int((now.to_numpy() != first["value"].to_numpy()).sum()),
        overruled=_counted(against["coder"]),
        late=len(own.drop_duplicates(_CODE)) - len(first),
    )


def _counted(names: pd.Series) -> dict[str, int]:
    return {str(name): int(n) for name, n in names.value_counts().sort_index().items()}
