"""Codes of others, a language model say, compared with the coders' and with the agreed ones."""

import numpy as np
import pandas as pd

from stagemix.codes.agreed import agreed_codes, independent
from stagemix.codes.codebook import Variable
from stagemix.codes.figures import Pair, pair_of
from stagemix.codes.reliability import positions
from stagemix.codes.store import BESIDE

AGREED = "agreed"


def beside(codes: pd.DataFrame, *, variable: Variable) -> list[Pair]:
    """Compare codes of kind `beside`, each source by itself, with the agreed codes and each coder.

    CODES are as the store gives them, by one version of the codebook. A pair is named
    `source/agreed` or `source/coder`; its table has the source in rows. The source's latest codes
    and the coders' first independent ones are used. A text variable has none.
    """
    mine = codes[codes["variable"] == variable.id]
    others = mine[mine["kind"] == BESIDE].drop_duplicates(["unit", "coder"], keep="last")
    if variable.level == "text" or others.empty:
        return []
    own = independent(mine)
    against = {AGREED: agreed_codes(mine, variable=variable.id).codes}
    against |= {str(name): rows for name, rows in own.groupby("coder")}
    return [
        _compared(rows, theirs, name=f"{source}/{name}", variable=variable)
        for source, rows in others.groupby("coder")
        for name, theirs in against.items()
    ]


def _compared(source: pd.DataFrame, theirs: pd.DataFrame, *, name: str, variable: Variable) -> Pair:
    both = source[["unit", "value"]].merge(theirs[["unit", "value"]], on="unit")
    places = [positions(both[name], variable=variable) for name in ("value_x", "value_y")]
    matrix = np.column_stack([place.to_numpy(dtype="float64") for place in places])
    return pair_of(
        matrix,
        name=name,
        values=len(variable.values),
        choices=len(variable.labels),
        level=variable.level,
    )
