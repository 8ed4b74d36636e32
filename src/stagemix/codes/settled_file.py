"""A file of settled disagreements, read and checked."""

from pathlib import Path

import pandas as pd

from stagemix.codes.accepting import ONE
from stagemix.codes.codebook import Codebook
from stagemix.codes.incoming import category_ids, in_english, with_units
from stagemix.codes.rounds import ID_COLUMN, Round
from stagemix.codes.store import BESIDE, SETTLED, Code
from stagemix.errors import DataError, several
from stagemix.posts.tables import read_table
from stagemix.posts.values import texts


def read_settled(
    path: Path,
    *,
    round_: Round,
    held: pd.DataFrame,
    codebook: Codebook,
    variable: str,
    by: str,
    coded_at: str,
) -> list[Code]:
    """Read a file of settled disagreements: `post_id` or `account`, `value`, and why (`reason`).

    HELD are the codes of the round; rows without a value stay open. Raises DataError naming rows
    whose unit nobody coded in the round, or whose value the codebook does not have.
    """
    raw = in_english(read_table(path), variables=codebook.variables, where=str(path))
    table = _settled(
        with_units(raw, kind=round_.kind, where=str(path)),
        id_column=ID_COLUMN[round_.kind],
        variable=variable,
        where=str(path),
    )
    own = held[(held["variable"] == variable) & (held["kind"] != BESIDE)]
    strange = table.index[~table["unit"].isin(own["unit"])]
    if len(strange):
        raise DataError(
            f"{path}: row {several(strange)} settles {ONE[round_.kind]} that nobody coded in the "
            "round"
        )
    twice = table.index[table["unit"].duplicated(keep=False)]
    if len(twice):
        raise DataError(f"{path}: rows {several(twice)} settle the same {round_.kind}; keep one")
    table["value"] = category_ids(table, codebook=codebook, where=str(path))
    return [
        Code(
            round=round_.name,
            unit=row["unit"],
            coder=by,
            variable=variable,
            value=row["value"],
            kind=SETTLED,
            memo=row["memo"],
            codebook_version=codebook.version,
            coded_at=coded_at,
        )
        for row in table.to_dict("records")
    ]


def _settled(raw: pd.DataFrame, *, id_column: str, variable: str, where: str) -> pd.DataFrame:
    """The rows with a value: `unit`, `value` as written, `memo`, `variable`."""
    shown = {"unit": id_column, "value": "value"}
    missing = [shown[name] for name in shown if name not in raw.columns]
    if missing:
        raise DataError(
            f"{where}: no column {several(missing)}; the columns are {id_column}, value, reason"
        )
    if "variable" in raw.columns:
        other = raw.index[texts(raw["variable"]).fillna(variable) != variable]
        if len(other):
            raise DataError(
                f"{where}: row {several(other)} is not about {variable}; "
                "name the variable with --variable and settle each in a file of its own"
            )
    table = pd.DataFrame(
        {
            "unit": texts(raw["unit"]).fillna(""),
            "value": texts(raw["value"]).fillna(""),
            "memo": texts(raw["reason"]).fillna("") if "reason" in raw.columns else "",
            "variable": variable,
        }
    )
    table = table[table["value"] != ""].copy()
    if table.empty:
        raise DataError(f"{where}: settles nothing; fill in the column value")
    return table
