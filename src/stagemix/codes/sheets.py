"""Coding in Excel: one workbook per coder, with drop-downs and the codebook beside it."""

import re
from pathlib import Path

import pandas as pd
import xlsxwriter

from stagemix.codes.codebook import NO, Codebook, Variable
from stagemix.codes.incoming import category_ids, check_once
from stagemix.codes.rounds import Round
from stagemix.errors import DataError, MissingError, several
from stagemix.posts.tables import read_sheets
from stagemix.posts.values import texts

CODING, CODEBOOK, ABOUT, LISTS = "编码", "编码表", "stagemix", "取值"
SHOWN = {"post_id": "编号", "title": "标题", "published_at": "发布时间", "text": "正文"}
NOTES = {"confidence": "把握（1–3）", "memo": "备注"}
CELL_LIMIT = 32_000
_HEADING = re.compile(r".*（([^（）]+)）", re.DOTALL)
_ABOUT_KEYS = {"round", "coder", "version"}


def write_sheet(
    path: Path, *, round_: Round, coder: str, posts: pd.DataFrame, codebook: Codebook
) -> int:
    """Write the workbook in which CODER codes a round; returns the number of posts in it.

    POSTS holds at least the round's posts (post table). The account is not shown, since it
    biases. Raises DataError where the coder has no post in the round or a post is not there.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    own = [coder in cell.split(";") for cell in round_.units["coders"]]
    ids = round_.units.loc[own, "post_id"]
    if ids.empty:
        raise DataError(
            f"round {round_.name} gives {coder} no post; its coders are {several(round_.coders)}"
        )
    absent = ids[~ids.isin(posts["post_id"])]
    if len(absent):
        raise DataError(
            f"{round_.corpus}: {several(absent)} of round {round_.name} is not in the corpus"
        )
    rows = posts.set_index("post_id").loc[ids].reset_index()
    parts = [part for variable in codebook.post_variables for part in variable.parts]
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    try:
        with xlsxwriter.Workbook(str(path), options) as book:
            _coding_sheet(book, rows=rows, parts=parts)
            _codebook_sheet(book, codebook)
            _lists_sheet(book, parts)
            about = book.add_worksheet(ABOUT)
            about.write_column(0, 0, ["round", "coder", "codebook", "version"])
            about.write_column(0, 1, [round_.name, coder, codebook.id, codebook.version])
            about.hide()
    except FileCreateError as error:
        raise DataError(f"{path}: cannot be written ({error}); close it in Excel") from None
    return len(rows)


def _coding_sheet(book: xlsxwriter.Workbook, *, rows: pd.DataFrame, parts: list[Variable]) -> None:
    from xlsxwriter.utility import xl_col_to_name

    sheet = book.add_worksheet(CODING)
    wrap = {"text_wrap": True, "valign": "top"}
    fixed = book.add_format(wrap)
    free = book.add_format({**wrap, "locked": False, "bg_color": "#FFF8E1"})
    bold = book.add_format({**wrap, "bold": True})
    shown = list(SHOWN)
    headers = [*SHOWN.values(), *map(_heading, parts), *NOTES.values()]
    sheet.write_row(0, 0, headers, bold)
    for r, row in enumerate(rows.to_dict("records"), start=1):
        for c in range(len(headers)):
            if c < len(shown):
                sheet.write_string(r, c, _shown(row[shown[c]]), fixed)
            else:
                sheet.write_blank(r, c, None, free)
    for n, part in enumerate(parts):
        if part.level != "text":
            letter = xl_col_to_name(n)
            source = f"='{LISTS}'!${letter}$2:${letter}${len(part.labels) + 1}"
            sheet.data_validation(
                1,
                len(SHOWN) + n,
                len(rows),
                len(SHOWN) + n,
                {
                    "validate": "list",
                    "source": source,
                    "error_title": "编码表里没有这个值",
                    "error_message": "请从下拉列表中选择。",
                },
            )
    sheet.data_validation(
        1, len(headers) - 2, len(rows), len(headers) - 2,
        {"validate": "list", "source": [1, 2, 3], "error_title": "把握",
         "error_message": "1 拿不准，2 较有把握，3 很有把握。"},
    )  # fmt: skip
    for column, width in enumerate([12, 30, 16, 90]):
        sheet.set_column(column, column, width)
    sheet.set_column(len(SHOWN), len(headers) - 2, 14)
    sheet.set_column(len(headers) - 1, len(headers) - 1, 40)
    sheet.freeze_panes(1, 2)
    sheet.protect("", {"format_columns": True, "format_rows": True, "autofilter": True})


def _heading(part: Variable) -> str:
    return f"{part.label}（{part.id}）"


def _shown(value: object) -> str:
    if value is None or value != value or value is pd.NaT:
        return ""
    text = value.strftime("%Y-%m-%d %H:%M") if isinstance(value, pd.Timestamp) else str(value)
    if len(text) <= CELL_LIMIT:
        return text
    return text[:CELL_LIMIT] + f"……（正文共 {len(text)} 字，Excel 一格放不下，其余见原文）"


def _codebook_sheet(book: xlsxwriter.Workbook, codebook: Codebook) -> None:
    sheet = book.add_worksheet(CODEBOOK)
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    row = 0
    sheet.write_row(row, 0, [codebook.title, f"版本 {codebook.version}"], bold)
    for variable in codebook.post_variables:
        row += 2
        sheet.write_row(row, 0, [variable.label, variable.question], bold)
        for n, rule in enumerate(variable.rules, start=1):
            row += 1
            sheet.write_row(row, 0, [f"规则 {n}", rule], wrap)
        row += 1
        sheet.write_row(row, 0, ["类别", "定义", "包括", "不包括"], bold)
        for c in variable.choices:
            row += 1
            cells = [c.label, c.definition, "；".join(c.include), "；".join(c.exclude)]
            sheet.write_row(row, 0, cells, wrap)
    sheet.set_column(0, 0, 16)
    sheet.set_column(1, 3, 60)
    sheet.protect()


def _lists_sheet(book: xlsxwriter.Workbook, parts: list[Variable]) -> None:
    sheet = book.add_worksheet(LISTS)
    for n, part in enumerate(parts):
        sheet.write_column(0, n, [part.id, *part.labels.values()])
    sheet.hide()


def is_sheet(path: Path) -> bool:
    """Tell whether a workbook is one that `write_sheet` wrote."""
    return path.is_file() and {CODING, ABOUT} <= set(read_sheets(path))


def read_sheet(path: Path, *, codebook: Codebook) -> tuple[str, pd.DataFrame]:
    """Read back a coder's workbook.

    Returns the round's name and the codes as `incoming.read_long_codes` gives them; cells left
    blank are no codes. Raises DataError naming rows whose value is not in the codebook.
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
    header, *rows = sheets[CODING] or [[]]
    names = [str(cell).strip() for cell in header]
    coded = _coded_columns(names, codebook=codebook, where=str(path))
    wanted = [*SHOWN.values(), *NOTES.values()]
    once = all(names.count(name) == 1 for name in (*wanted, *coded))
    if not once or len(set(coded.values())) < len(coded) or not _ABOUT_KEYS.issubset(about):
        raise DataError(f"{path}: its columns were changed; the header must read as it was written")
    absent = [
        variable.label
        for variable in codebook.post_variables
        if not variable.optional
        and not {part.id for part in variable.parts} <= set(coded.values())
        and about["version"] == codebook.version
    ]
    if absent:
        raise DataError(
            f"{path}: the column of {several(absent)} is gone; its header must read as it was written"
        )
    raw = pd.DataFrame(rows, columns=names, index=range(2, len(rows) + 2), dtype="object")
    notes = {label: name for name, label in NOTES.items()}
    table = raw.rename(columns={SHOWN["post_id"]: "unit", **notes, **coded})
    _fill_unticked(table, codebook=codebook)
    long = table[["unit", *NOTES, *coded.values()]].melt(
        id_vars=["unit", *NOTES], var_name="variable", value_name="value", ignore_index=False
    )
    for name in ("unit", "value", *NOTES):
        long[name] = texts(long[name]).fillna("")
    long = long[long["value"] != ""]
    if long.empty:
        raise DataError(f"{path}: holds no codes; fill in the yellow cells of the sheet {CODING}")
    for name in NOTES:  # they stand with the row's first code
        long[name] = long[name].where(~long.index.duplicated(), "")
    blank = long.index[long["unit"] == ""].unique()
    if len(blank):
        raise DataError(f"{path}: no {SHOWN['post_id']} in row {several(blank)}; fill it in")
    long["value"] = category_ids(long, codebook=codebook, where=str(path))
    long["coder"], long["seconds"] = about["coder"], ""
    long["codebook_version"] = about["version"]
    check_once(long, where=str(path))
    return about["round"], long


def _fill_unticked(table: pd.DataFrame, *, codebook: Codebook) -> None:
    """Where a coder ticked all that apply in any row, a blank in a row they coded is a no."""
    parts = [p.id for v in codebook.post_variables for p in v.parts if p.id in table.columns]
    filled = {name: texts(table[name]).notna() for name in parts}
    coded = pd.concat(filled, axis=1).any(axis=1)
    for variable in codebook.post_variables:
        ids = [part.id for part in variable.parts if part.id in filled]
        if variable.level == "multiple" and any(filled[name].any() for name in ids):
            for name in ids:
                table[name] = table[name].where(filled[name] | ~coded, NO)


def _coded_columns(names: list[str], *, codebook: Codebook, where: str) -> dict[str, str]:
    """Match headings to variables by the id in brackets, since labels may be reworded later."""
    parts = [part.id for variable in codebook.post_variables for part in variable.parts]
    found, strange = {}, []
    for name in names:
        match = _HEADING.fullmatch(name)
        if match is None or name in NOTES.values():
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
