"""Codes that come in from files: checked row by row, and stored all or none."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from stagemix.codes.codebook import Codebook, Variable
from stagemix.codes.rounds import Round
from stagemix.codes.store import SETTLED, Code
from stagemix.errors import DataError, several
from stagemix.posts.tables import read_table
from stagemix.posts.values import texts

LONG_COLUMNS = ("post_id", "coder", "variable", "value")
NOTES = ("confidence", "memo", "seconds")


_CHINESE = {
    "编号": "post_id",
    "编码员": "coder",
    "变量": "variable",
    "编码": "value",
    "取值": "value",
    "把握": "confidence",
    "备注": "memo",
    "理由": "reason",
    "入样概率": "inclusion_probability",
    "轮次": "round",
}


def in_english(table: pd.DataFrame, *, variables: Sequence[Variable], where: str) -> pd.DataFrame:
    """Rename Chinese columns of a table of codes; a variable's label stands for its id.

    Raises DataError where two columns would get the same name.
    """
    parts = [part for variable in variables for part in variable.parts]
    written = [part.label for part in parts]
    labels = {part.label: part.id for part in parts if written.count(part.label) == 1}
    names = {**labels, **_CHINESE}
    found = {n: names[n] for n in table.columns if n in names and names[n] not in table.columns}
    for name in found.values():
        same = [column for column, meant in found.items() if meant == name]
        if len(same) > 1:
            raise DataError(
                f"{where}: columns {several(same)} both mean {name}; rename one of them"
            )
    return table.rename(columns=found)


def read_long_codes(path: Path, *, codebook: Codebook) -> pd.DataFrame:
    """Read codes from a table with the columns `post_id, coder, variable, value` and check them.

    A wide table (`post_id, coder` and a column per variable) is taken too. Returns the columns
    `unit`, `coder`, `variable`, `value` (category ids; labels are turned into ids), `confidence`,
    `memo`, `seconds`, with the file's row numbers as index; a row without a value is not a code
    and left out. Raises DataError naming the rows with an unknown variable or value, or coded
    twice by one coder.
    """
    raw = in_english(read_table(path), variables=codebook.variables, where=str(path))
    table = _long(raw, codebook=codebook)
    missing = [name for name in LONG_COLUMNS if name not in table.columns]
    if missing:
        raise DataError(
            f"{path}: no column {several(missing)}; the columns are post_id, coder, variable, "
            "value, a row for each code (编号, 编码员, 变量, 编码)"
        )
    for name in (*LONG_COLUMNS, *NOTES):
        table[name] = texts(table[name]).fillna("") if name in table.columns else ""
    table = table[table["value"] != ""]
    if table.empty:
        raise DataError(f"{path}: holds no codes; fill in the column value")
    for name in ("post_id", "coder", "variable"):
        blank = table.index[table[name] == ""].unique()
        if len(blank):
            raise DataError(f"{path}: no {name} in row {several(blank)}; fill it in")
    table["value"] = category_ids(table, codebook=codebook, where=str(path))
    table = table.rename(columns={"post_id": "unit"})
    check_once(table, where=str(path))
    return table[["unit", "coder", "variable", "value", *NOTES]]


def check_once(table: pd.DataFrame, *, where: str) -> None:
    """Raise DataError naming the rows where one coder gives a unit two codes of a variable."""
    twice = table[table.duplicated(["unit", "coder", "variable"], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        same = twice[(twice["unit"] == first["unit"]) & (twice["variable"] == first["variable"])]
        raise DataError(
            f"{where}: rows {several(same.index)} hold more than one code of {first['unit']} by "
            f"{first['coder']} for {first['variable']}; keep one"
        )


def _long(raw: pd.DataFrame, *, codebook: Codebook) -> pd.DataFrame:
    if "variable" in raw.columns:
        return raw.copy()
    known = [part.id for variable in codebook.variables for part in variable.parts]
    wide = [name for name in raw.columns if name in known]
    if not wide:
        return raw.copy()
    keep = [name for name in ("post_id", "coder", *NOTES) if name in raw.columns]
    long = raw[[*keep, *wide]].melt(
        id_vars=keep, var_name="variable", value_name="value", ignore_index=False
    )
    long = long[texts(long["value"]).notna()]
    for name in NOTES:
        if name in long.columns:  # notes stand with the row's first code
            long[name] = long[name].where(~long.index.duplicated(), "")
    return long


def category_ids(table: pd.DataFrame, *, codebook: Codebook, where: str) -> pd.Series:
    """Turn the column `value` of TABLE into category ids by each row's `variable`.

    Raises DataError naming the rows whose variable or value is not in the codebook.
    """
    out: list[str] = []
    bad: list[str] = []
    known: dict[str, str] = {}
    for row, name, value in zip(table.index, table["variable"], table["value"], strict=True):
        try:
            variable = codebook.variable(name)
        except DataError as error:
            raise DataError(f"{where}: row {row}: {error}") from None
        try:
            out.append(variable.value_of(value))
        except ValueError:
            out.append("")
            bad.append(f"row {row} ({value!r})")
            known[name] = several(variable.labels, most=12)
    if bad:
        there = "; ".join(f"{name}: {values}" for name, values in known.items())
        raise DataError(
            f"{where}: not a value of the codebook in {several(bad)}; known are {there}"
        )
    return pd.Series(out, index=table.index, dtype="str")


def codes_of(
    table: pd.DataFrame, *, round_: Round, codebook: Codebook, coded_at: str, where: str
) -> list[Code]:
    """Make codes for the store of a checked long table.

    A column `codebook_version` says by which version a row was coded; without it, by CODEBOOK's.
    Raises DataError naming the rows whose post is not in the round or not given to that coder.
    """
    given = dict(zip(round_.units["post_id"], round_.units["coders"], strict=True))
    outside = table.index[~table["unit"].isin(given)].unique()
    if len(outside):
        raise DataError(
            f"{where}: row {several(outside)} codes a post that is not in the round "
            f"{round_.name}; remove it or name the right round with --round"
        )
    others = [
        f"{row} ({coder})"
        for row, unit, coder in zip(table.index, table["unit"], table["coder"], strict=True)
        if coder not in given[unit].split(";")
    ]
    if others:
        raise DataError(
            f"{where}: row {several(dict.fromkeys(others))} is by a coder to whom the round {round_.name} does "
            f"not give the post; its coders are {several(round_.coders)}"
        )
    return [
        Code(
            round=round_.name,
            unit=row["unit"],
            coder=row["coder"],
            variable=row["variable"],
            value=row["value"],
            confidence=row["confidence"],
            memo=row["memo"],
            seconds=row["seconds"],
            codebook_version=row.get("codebook_version", codebook.version),
            coded_at=coded_at,
        )
        for row in table.to_dict("records")
    ]


def without_known(codes: list[Code], held: pd.DataFrame) -> list[Code]:
    """Leave out the codes that repeat what their coder's current code in HELD says already."""
    keys = ["round", "unit", "coder", "variable", "kind"]
    current = held.drop_duplicates(keys, keep="last").set_index(keys)[["value", "memo"]]
    known = {
        key: (row.value, row.memo)
        for key, row in zip(current.index, current.itertuples(), strict=True)
    }
    return [
        code
        for code in codes
        if known.get((code.round, code.unit, code.coder, code.variable, code.kind))
        != (code.value, code.memo)
    ]


def read_settled(
    path: Path, *, held: pd.DataFrame, codebook: Codebook, variable: str, by: str, coded_at: str
) -> list[Code]:
    """Read a file of settled disagreements: `post_id`, `value`, and why (`reason`).

    HELD are the codes of one round; rows without a value stay open. Raises DataError naming rows
    whose post nobody coded in the round, or whose value the codebook does not have.
    """
    raw = in_english(read_table(path), variables=codebook.variables, where=str(path))
    missing = [name for name in ("post_id", "value") if name not in raw.columns]
    if missing:
        raise DataError(
            f"{path}: no column {several(missing)}; the columns are post_id, value, reason"
        )
    table = pd.DataFrame(
        {
            "unit": texts(raw["post_id"]).fillna(""),
            "value": texts(raw["value"]).fillna(""),
            "memo": texts(raw["reason"]).fillna("") if "reason" in raw.columns else "",
            "variable": variable,
        }
    )
    if "variable" in raw.columns:
        other = raw.index[texts(raw["variable"]).fillna(variable) != variable]
        if len(other):
            raise DataError(
                f"{path}: row {several(other)} is not about {variable}; "
                "name the variable with --variable and settle each in a file of its own"
            )
    table = table[table["value"] != ""]
    if table.empty:
        raise DataError(f"{path}: settles nothing; fill in the column value")
    mine = held[held["variable"] == variable]
    strange = table.index[~table["unit"].isin(mine["unit"])]
    if len(strange):
        raise DataError(
            f"{path}: row {several(strange)} settles a post that nobody coded in the round"
        )
    twice = table.index[table["unit"].duplicated(keep=False)]
    if len(twice):
        raise DataError(f"{path}: rows {several(twice)} settle the same post; keep one")
    table["value"] = category_ids(table, codebook=codebook, where=str(path))
    return [
        Code(
            round=str(mine["round"].iloc[0]),
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
