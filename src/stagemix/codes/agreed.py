"""From the codes of a round to one agreed code per unit, and to the list of disagreements."""

from dataclasses import dataclass

import pandas as pd

from stagemix.codes.store import INDEPENDENT, SETTLED

UNANIMOUS, SINGLE = "unanimous", "single"
_UNIT = ["round", "unit", "variable"]


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """The agreed codes of a variable, and what is still open.

    `codes` has one row per unit with an agreed value: `round`, `unit`, `value`, `how` (unanimous,
    single: only one coder so far, or settled). `open` has one row per unit on which coders
    disagree and nobody has settled it: `round`, `unit`, a column per coder.
    """

    codes: pd.DataFrame
    open: pd.DataFrame
    changed_though_agreed: int


def independent(codes: pd.DataFrame) -> pd.DataFrame:
    """Return the codes that reliability uses, of CODES as the store gives them.

    Each coder's first independent code per unit, variable and version of the codebook, if nobody
    had settled the unit by that version before.
    """
    key = [*_UNIT, "codebook_version"]
    placed = codes.assign(place=range(len(codes)))
    own = placed[placed["kind"] == INDEPENDENT].drop_duplicates([*key, "coder"], keep="first")
    settled = placed[placed["kind"] == SETTLED].drop_duplicates(key, keep="first")
    since = own[key].merge(settled[[*key, "place"]], on=key, how="left")["place"].to_numpy()
    return own[~(own["place"].to_numpy() > since)].drop(columns="place")


def current(codes: pd.DataFrame) -> pd.DataFrame:
    """Return each coder's latest independent code per round, unit and variable.

    CODES are as the store gives them.
    """
    own = codes[codes["kind"] == INDEPENDENT]
    return own.drop_duplicates([*_UNIT, "coder"], keep="last")


def agreed_codes(codes: pd.DataFrame, *, variable: str) -> Agreed:
    """Settle each unit of CODES (as the store gives them) for one variable.

    The latest settled value counts; without one, the coders' current values where they are the
    same.
    """
    mine = codes[codes["variable"] == variable]
    own = current(mine)
    settled = mine[mine["kind"] == SETTLED].drop_duplicates(_UNIT, keep="last")
    per_unit = own.groupby(_UNIT, sort=False).agg(
        first=("value", "first"), values=("value", "nunique"), coders=("coder", "nunique")
    )
    final = settled.set_index(_UNIT)["value"].reindex(
        per_unit.index.union(settled.set_index(_UNIT).index, sort=False)
    )
    per_unit = per_unit.reindex(final.index)
    same = per_unit["values"].eq(1)
    how = pd.Series(UNANIMOUS, index=final.index).where(per_unit["coders"] > 1, SINGLE)
    how = how.mask(final.notna(), SETTLED)
    value = final.where(final.notna(), per_unit["first"].where(same))
    table = pd.DataFrame({"value": value, "how": how}).reset_index()
    open_units = value.index[value.isna()]
    against = final.notna() & same & (per_unit["coders"] > 1) & (final != per_unit["first"])
    return Agreed(
        codes=table.dropna(subset="value")[["round", "unit", "value", "how"]].reset_index(
            drop=True
        ),
        open=_side_by_side(own, open_units),
        changed_though_agreed=int(against.sum()),
    )


def _side_by_side(own: pd.DataFrame, units: pd.Index) -> pd.DataFrame:
    rows = own.set_index(_UNIT).loc[lambda frame: frame.index.isin(units)].reset_index()
    wide = rows.pivot(index=["round", "unit"], columns="coder", values="value")
    memos = rows.pivot(index=["round", "unit"], columns="coder", values="memo")
    memos.columns = [f"memo_{name}" for name in memos.columns]
    wide.columns = [str(name) for name in wide.columns]
    return wide.join(memos).reset_index()
