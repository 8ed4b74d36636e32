"""A file of agreed codes, which trains a model and corrects shares, read and checked."""

from pathlib import Path

import pandas as pd

from stagemix.codes.codebook import Variable
from stagemix.codes.incoming import in_english
from stagemix.errors import DataError, several
from stagemix.posts.tables import read_table
from stagemix.posts.values import texts


def read_agreed(path: Path, *, variable: Variable) -> pd.DataFrame:
    """Read `post_id`, the column named after VARIABLE and, if there, `inclusion_probability`.

    Returns the columns `post_id`, `value` (category ids; labels are turned into ids), `round`
    (blank where the file has none), `inclusion_probability` (nan where the post was not drawn by
    chance, or in every row where the file has no such column: simple random); rows without a
    value are left out. The index is the row in the file. Raises DataError naming the rows that do
    not fit.
    """
    written = read_table(path)
    raw = in_english(written, variables=(variable,), where=str(path))
    if "value" in raw.columns and variable.id not in raw.columns:
        raw = raw.rename(columns={"value": variable.id})
    missing = [name for name in ("post_id", variable.id) if name not in raw.columns]
    if missing:
        raise DataError(
            f"{path}: no column {several(missing)}; found {several(written.columns, most=20)}; the "
            f"columns are post_id, {variable.id} and, if known, inclusion_probability"
        )
    table = pd.DataFrame(
        {
            "post_id": texts(raw["post_id"]),
            "value": texts(raw[variable.id]),
            "round": texts(raw["round"]).fillna("") if "round" in raw.columns else "",
        }
    )
    table["inclusion_probability"] = _chances(raw, where=str(path))
    table = table[table["value"].notna()]
    _check(table, where=str(path), variable=variable)
    table["value"] = table["value"].map(variable.value_of)
    return table


def _chances(raw: pd.DataFrame, *, where: str) -> pd.Series:
    if "inclusion_probability" not in raw.columns:
        return pd.Series(float("nan"), index=raw.index)
    written = texts(raw["inclusion_probability"])
    chances = pd.to_numeric(written, errors="coerce").astype("float64")
    bad = raw.index[written.notna() & ~((chances > 0) & (chances <= 1))]
    if len(bad):
        raise DataError(
            f"{where}: inclusion_probability in row {several(bad)} is not above 0 and at most 1"
        )
    return chances


def _check(table: pd.DataFrame, *, where: str, variable: Variable) -> None:
    if table.empty:
        raise DataError(f"{where}: holds no codes in the column {variable.id}")
    blank = table.index[table["post_id"].isna()]
    if len(blank):
        raise DataError(f"{where}: no post_id in row {several(blank)}")
    twice = table.index[table["post_id"].duplicated(keep=False)]
    if len(twice):
        raise DataError(
            f"{where}: rows {several(twice)} code post {table.loc[twice[0], 'post_id']}; keep one agreed code per post"
        )
    known = {*variable.labels, *variable.labels.values()}
    odd = table.index[~table["value"].isin(known)]
    if len(odd):
        found = [f"row {row} ({table.loc[row, 'value']!r})" for row in odd]
        raise DataError(
            f"{where}: not a value of {variable.id} in the codebook: {several(found)}; "
            f"known are {several(variable.labels, most=12)}"
        )
