"""Coding in Excel: one workbook per coder, with drop-downs and the codebook beside it."""

from pathlib import Path

import pandas as pd
import xlsxwriter

from stagemix.codes.codebook import POST, Codebook, Variable
from stagemix.codes.rounds import ID_COLUMN, Round
from stagemix.errors import DataError, several

CODING, CODEBOOK, ABOUT, LISTS = "编码", "编码表", "stagemix", "取值"
UNIT_HEADING = {"post": "编号", "account": "账号"}
OF_TABLE = "账号表："
"""Before the name of a column of the account table, which may be called like one of the sheet's."""
NOTES = {"confidence": "把握（1–3）", "memo": "备注"}
CELL_LIMIT = 32_000
_POST_SHOWN = {"post_id": "编号", "title": "标题", "published_at": "发布时间", "text": "正文"}
_POST_WIDTHS = [12, 30, 16, 90]
_ACCOUNT_WIDTH = 20


def write_sheet(
    path: Path, *, round_: Round, coder: str, units: pd.DataFrame, codebook: Codebook
) -> int:
    """Write the workbook in which CODER codes a round; returns the number of units in it.

    UNITS holds at least the units of the round: posts (post table), or accounts with the columns
    of their table, all of which are shown. A post's account is not shown, since it biases. Every
    variable that CODEBOOK asks of such units has its columns. Raises DataError where the coder
    has no unit in the round or a unit is not there.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    rows = _own(round_, coder=coder, units=units)
    variables = codebook.of_unit(round_.kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    about = {
        "round": round_.name,
        "coder": coder,
        "unit": round_.kind,
        "codebook": codebook.id,
        "version": codebook.version,
    }
    try:
        with xlsxwriter.Workbook(str(path), options) as book:
            _coding_sheet(book, rows=rows, variables=variables, kind=round_.kind)
            _codebook_sheet(book, codebook, variables=variables)
            _lists_sheet(book, variables)
            hidden = book.add_worksheet(ABOUT)
            hidden.write_column(0, 0, list(about))
            hidden.write_column(0, 1, list(about.values()))
            hidden.hide()
    except FileCreateError as error:
        raise DataError(f"{path}: cannot be written ({error}); close it in Excel") from None
    return len(rows)


def _own(round_: Round, *, coder: str, units: pd.DataFrame) -> pd.DataFrame:
    """The coder's units in coding order, with the columns that are shown under their headings."""
    ids = round_.units_of(coder)
    if not ids:
        raise DataError(
            f"round {round_.name} gives {coder} no {round_.kind}; its coders are "
            f"{several(round_.coders)}"
        )
    column = ID_COLUMN[round_.kind]
    known = set(units[column])
    absent = [unit for unit in ids if unit not in known]
    if absent:
        raise DataError(
            f"{round_.corpus}: {several(absent)} of round {round_.name} is not in the corpus"
        )
    if round_.kind == POST:
        shown = _POST_SHOWN
    else:
        others = [name for name in units.columns if name != column]
        shown = {column: UNIT_HEADING[round_.kind], **{name: OF_TABLE + name for name in others}}
    return units.set_index(column).loc[ids].reset_index()[list(shown)].rename(columns=shown)


def _coding_sheet(
    book: xlsxwriter.Workbook, *, rows: pd.DataFrame, variables: tuple[Variable, ...], kind: str
) -> None:
    sheet = book.add_worksheet(CODING)
    wrap = {"text_wrap": True, "valign": "top"}
    fixed = book.add_format(wrap)
    free = book.add_format({**wrap, "locked": False, "bg_color": "#FFF8E1"})
    bold = book.add_format({**wrap, "bold": True})
    shown = rows.shape[1]
    parts = [part for variable in variables for part in variable.parts]
    headers = [*rows.columns, *(f"{part.label}（{part.id}）" for part in parts), *NOTES.values()]
    sheet.write_row(0, 0, headers, bold)
    for r, cells in enumerate(rows.itertuples(index=False, name=None), start=1):
        for c, value in enumerate(cells):
            sheet.write_string(r, c, _shown(value), fixed)
        for c in range(shown, len(headers)):
            sheet.write_blank(r, c, None, free)
    _drop_downs(sheet, variables, first=shown, rows=len(rows))
    widths = _POST_WIDTHS if kind == POST else [_ACCOUNT_WIDTH] * shown
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    sheet.set_column(shown, len(headers) - 2, 14)
    sheet.set_column(len(headers) - 1, len(headers) - 1, 40)
    sheet.freeze_panes(1, 2 if kind == POST else 1)
    sheet.protect("", {"format_columns": True, "format_rows": True, "autofilter": True})


def _drop_downs(
    sheet: xlsxwriter.worksheet.Worksheet,
    variables: tuple[Variable, ...],
    *,
    first: int,
    rows: int,
) -> None:
    """Let the columns from FIRST on take only the values of the codebook, a text any."""
    from xlsxwriter.utility import xl_col_to_name

    named = [(variable, part) for variable in variables for part in variable.parts]
    for n, (variable, part) in enumerate(named):
        if part.level == "text":
            continue
        letter = xl_col_to_name(n)
        rule = {
            "validate": "list",
            "source": f"='{LISTS}'!${letter}$2:${letter}${len(part.labels) + 1}",
            "error_title": "编码表里没有这个值",
            "error_message": "请从下拉列表中选择。",
        }
        if variable.level == "multiple":
            rule |= {
                "input_title": variable.label[:32],
                "input_message": "有就选“是”。填过这组任何一格以后，已编的行里空着的都算“否”；"
                "一项也没有的行，至少填一个“否”。",
            }
        sheet.data_validation(1, first + n, rows, first + n, rule)
    confidence = first + len(named)
    sheet.data_validation(
        1, confidence, rows, confidence,
        {"validate": "list", "source": [1, 2, 3], "error_title": "把握",
         "error_message": "1 拿不准，2 较有把握，3 很有把握。"},
    )  # fmt: skip


def _shown(value: object) -> str:
    if value is None or value != value or value is pd.NaT:
        return ""
    text = value.strftime("%Y-%m-%d %H:%M") if isinstance(value, pd.Timestamp) else str(value)
    if len(text) <= CELL_LIMIT:
        return text
    return text[:CELL_LIMIT] + f"……（正文共 {len(text)} 字，Excel 一格放不下，其余见原文）"


def _codebook_sheet(
    book: xlsxwriter.Workbook, codebook: Codebook, *, variables: tuple[Variable, ...]
) -> None:
    sheet = book.add_worksheet(CODEBOOK)
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    row = 0
    sheet.write_row(row, 0, [codebook.title, f"版本 {codebook.version}"], bold)
    for variable in variables:
        row += 2
        sheet.write_row(row, 0, [variable.label, variable.question], bold)
        for n, rule in enumerate(variable.rules, start=1):
            row += 1
            sheet.write_row(row, 0, [f"规则 {n}", rule], wrap)
        if not variable.choices:
            continue
        row += 1
        sheet.write_row(row, 0, ["类别", "定义", "包括", "不包括"], bold)
        for c in variable.choices:
            row += 1
            cells = [c.label, c.definition, "；".join(c.include), "；".join(c.exclude)]
            sheet.write_row(row, 0, cells, wrap)
    sheet.set_column(0, 0, 16)
    sheet.set_column(1, 3, 60)
    sheet.protect()


def _lists_sheet(book: xlsxwriter.Workbook, variables: tuple[Variable, ...]) -> None:
    sheet = book.add_worksheet(LISTS)
    parts = [part for variable in variables for part in variable.parts]
    for n, part in enumerate(parts):
        sheet.write_column(0, n, [part.id, *part.labels.values()])
    sheet.hide()
