"""Reading back the workbooks of `sheets`, each by the version of the codebook it was coded by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stagemix.codes.codebook import NO, POST, UNITS, Codebook, Variable
from stagemix.codes.incoming import category_ids, check_once
from stagemix.codes.sheets import ABOUT, CODING, NOTES, OF_TABLE, UNIT_HEADING
from stagemix.errors import DataError, MissingError, several
from stagemix.posts.tables import read_sheets
from stagemix.posts.values import texts

_HEADING = re.compile(r".*（([^（）]+)）", re.DOTALL)
_ABOUT_KEYS = {"round", "coder", "version"}


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A coder's workbook read back: of which round, and by which version of the codebook.

    `codes` are as `incoming.read_long_codes` gives them.
    """

    round: str
    codebook: Codebook
    codes: pd.DataFrame


def is_sheet(path: Path) -> bool:
    """Tell whether a workbook is one that `write_sheet` wrote."""
    return path.is_file() and {CODING, ABOUT} <= set(read_sheets(path))


def read_sheet(path: Path, *, versions: Mapping[str, Codebook]) -> Sheet:
    """Read back a coder's workbook by the one of VERSIONS that it was written with.

    Cells left blank are no codes. Raises DataError naming rows whose value that version does not
    have, or the version where it is none of VERSIONS.
    """
    if not path.is_file():
        raise MissingError(f"{path}: no such file")
    sheets = read_sheets(path)
    if CODING not in sheets or ABOUT not in sheets:
        raise DataError(
            f"{path}: not a workbook that `stagemix code --to-excel` wrote "
            f"(no sheet {CODING} or {ABOUT}); read other tables with --from-csv"
        )
    about = {str(row[0]): str(row[1]) for row in sheets[ABOUT] if len(row) > 1}
    kind = about.get("unit", POST)
    if not _ABOUT_KEYS.issubset(about) or kind not in UNITS:
        raise DataError(
            f"{path}: its sheet {ABOUT} was changed; move the codes into a workbook as "
            "`stagemix code --to-excel` writes it"
        )
    codebook = versions.get(about["version"])
    if codebook is None:
        raise DataError(
            f"{path}: was coded by version {about['version']} of the codebook, which is not kept; "
            f"known are {several(versions)}; put it back into coding/codebooks"
        )
    table = _coded_rows(
        sheets[CODING], variables=codebook.of_unit(kind), kind=kind, where=str(path)
    )
    table["value"] = category_ids(table, codebook=codebook, where=str(path))
    table["coder"], table["seconds"] = about["coder"], ""
    check_once(table, where=str(path))
    return Sheet(round=about["round"], codebook=codebook, codes=table)


def _coded_rows(
    cells: list[list[object]], *, variables: tuple[Variable, ...], kind: str, where: str
) -> pd.DataFrame:
    """The coded cells, one per row: `unit`, `variable`, `value` as written, and the notes."""
    header, *rows = cells or [[]]
    names = [str(cell).strip() for cell in header]
    coded = _coded_columns(names, variables=variables, where=where)
    _check_header(names, coded, variables=variables, kind=kind, where=where)
    raw = pd.DataFrame(rows, columns=names, index=range(2, len(rows) + 2), dtype="object")
    notes = {label: name for name, label in NOTES.items()}
    table = raw.rename(columns={UNIT_HEADING[kind]: "unit", **notes, **coded})
    table = table[["unit", *NOTES, *coded.values()]].copy()
    _fill_unticked(table, variables=variables)
    long = table.melt(
        id_vars=["unit", *NOTES], var_name="variable", value_name="value", ignore_index=False
    )
    for name in ("unit", "value", *NOTES):
        long[name] = texts(long[name]).fillna("")
    long = long[long["value"] != ""]
    if long.empty:
        raise DataError(f"{where}: holds no codes; fill in the yellow cells of the sheet {CODING}")
    for name in NOTES:  # they stand with the row's first code
        long[name] = long[name].where(~long.index.duplicated(), "")
    blank = long.index[long["unit"] == ""].unique()
    if len(blank):
        raise DataError(f"{where}: no {UNIT_HEADING[kind]} in row {several(blank)}; fill it in")
    return long


def _coded_columns(
    names: list[str], *, variables: tuple[Variable, ...], where: str
) -> dict[str, str]:
    """Match headings to variables by the id in brackets."""
    parts = [part.id for variable in variables for part in variable.parts]
    found, strange = {}, []
    for name in names:
        match = _HEADING.fullmatch(name)
        if match is None or name in NOTES.values() or name.startswith(OF_TABLE):
            continue
        if match[1] in parts:
            found[name] = match[1]
        else:
            strange.append(name)
    if strange or not found:
        what = f"column {several(strange)} is of no" if strange else "no column is of a"
        raise DataError(
            f"{where}: {what} variable in the codebook; it has {several(parts, most=20)}"
        )
    return found


def _check_header(
    names: list[str],
    coded: dict[str, str],
    *,
    variables: tuple[Variable, ...],
    kind: str,
    where: str,
) -> None:
    once = all(names.count(name) == 1 for name in (UNIT_HEADING[kind], *NOTES.values(), *coded))
    if not once or len(set(coded.values())) < len(coded):
        raise DataError(
            f"{where}: its columns were changed; the header must read as it was written"
        )
    absent = [
        variable.label
        for variable in variables
        if not variable.optional and not {part.id for part in variable.parts} <= set(coded.values())
    ]
    if absent:
        raise DataError(
            f"{where}: the column of {several(absent)} is gone; its header must read as it was "
            "written"
        )


def _fill_unticked(table: pd.DataFrame, *, variables: tuple[Variable, ...]) -> None:
    """Where a coder ticked all that apply in any row, a blank in a row they coded is a no."""
    parts = [p.id for v in variables for p in v.parts if p.id in table.columns]
    filled = {name: texts(table[name]).notna() for name in parts}
    coded = pd.concat(filled, axis=1).any(axis=1)
    for variable in variables:
        ids = [part.id for part in variable.parts if part.id in filled]
        if variable.level == "multiple" and any(filled[name].any() for name in ids):
            for name in ids:
                table[name] = table[name].where(filled[name] | ~coded, NO)
