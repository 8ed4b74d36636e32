"""Tables of codes from people's files, in long or wide form, checked row by row."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from stagemix.codes.codebook import ACCOUNT, POST, Codebook, Variable
from stagemix.codes.rounds import ID_COLUMN
from stagemix.errors import DataError, several
from stagemix.posts.names import field_of
from stagemix.posts.tables import read_table
from stagemix.posts.values import texts

CODE_COLUMNS = ("coder", "variable", "value")
NOTES = ("confidence", "memo", "seconds")
_ID_CHINESE = {POST: "编号", ACCOUNT: "账号"}


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
        _one_column([column for column, meant in found.items() if meant == name], name, where=where)
    return table.rename(columns=found)


def _one_column(columns: Sequence[str], name: str, *, where: str) -> None:
    if len(columns) > 1:
        raise DataError(f"{where}: columns {several(columns)} both mean {name}; rename one of them")


def with_units(table: pd.DataFrame, *, kind: str, where: str) -> pd.DataFrame:
    """Name the column of a table of codes that says the unit `unit`, where there is one.

    It is `post_id`; for codes of accounts `account`, 账号 or 公众号, else `post_id`. TABLE has its
    columns as `in_english` gives them.
    """
    column = ID_COLUMN[kind]
    if kind == ACCOUNT and column not in table.columns:
        called = [name for name in table.columns if field_of(name) == "account"]
        _one_column(called, column, where=where)
        column = called[0] if called else ID_COLUMN[POST]
    return table.drop(columns="unit", errors="ignore").rename(columns={column: "unit"})


def read_long_codes(path: Path, *, codebook: Codebook, kind: str = POST) -> pd.DataFrame:
    """Read codes from a table with the columns `post_id, coder, variable, value` and check them.

    Codes of accounts (KIND) have `account` in place of `post_id`. A wide table (`post_id, coder`
    and a column per variable) is taken too. Returns the columns `unit`, `coder`, `variable`,
    `value` (category ids; labels are turned into ids), `confidence`, `memo`, `seconds`, with the
    file's row numbers as index; a row without a value is not a code and left out. Raises DataError
    naming the rows with an unknown variable or value, or coded twice by one coder.
    """
    raw = in_english(read_table(path), variables=codebook.variables, where=str(path))
    table = _long(with_units(raw, kind=kind, where=str(path)), codebook=codebook)
    shown = {"unit": ID_COLUMN[kind]}
    needed = ("unit", *CODE_COLUMNS)
    missing = [shown.get(name, name) for name in needed if name not in table.columns]
    if missing:
        raise DataError(
            f"{path}: no column {several(missing)}; the columns are {ID_COLUMN[kind]}, coder, "
            f"variable, value, a row for each code ({_ID_CHINESE[kind]}, 编码员, 变量, 编码)"
        )
    for name in (*needed, *NOTES):
        table[name] = texts(table[name]).fillna("") if name in table.columns else ""
    table = table[table["value"] != ""]
    if table.empty:
        raise DataError(f"{path}: holds no codes; fill in the column value")
    told = table["seconds"] != ""
    wrong = table.index[told & pd.to_numeric(table["seconds"], errors="coerce").isna()]
    if len(wrong):
        raise DataError(
            f"{path}: seconds in row {several(wrong.unique())} is no number; write 12.5"
        )
    for name in ("unit", "coder", "variable"):
        blank = table.index[table[name] == ""].unique()
        if len(blank):
            raise DataError(
                f"{path}: no {shown.get(name, name)} in row {several(blank)}; fill it in"
            )
    table["value"] = category_ids(table, codebook=codebook, where=str(path))
    check_once(table, where=str(path))
    return table[[*needed, *NOTES]]


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
    keep = [name for name in ("unit", "coder", *NOTES) if name in raw.columns]
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
