"""Reading a table from a file as it is: CSV, TSV, Excel, JSON lines and arrays, Parquet.

Every reader returns a frame whose index is the row number that the user sees in the file (the
header is row 1), and raises DataError in one line where the file cannot be read.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pandas as pd

from stagemix.errors import DataError, MissingError, several

_MAGIC = {
    b"PK\x03\x04": ("an Excel workbook (or another zip)", (".xlsx", ".xlsm")),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", (".xls",)),
    b"PAR1": ("a Parquet file", (".parquet",)),
    b"%PDF": ("a PDF", ()),
}
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def read_table(path: Path) -> pd.DataFrame:
    """Read one file into a frame of what its cells hold; text formats give text.

    Raises MissingError where there is no such file, DataError where it is empty, is not what its
    name says, or has rows that do not fit its header.
    """
    if not path.is_file():
        raise MissingError(f"{path}: no such file")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"{path}: cannot read {path.suffix or 'a file without an ending'}; "
            f"known are {several(READERS, most=20)}"
        )
    _check_kind(path)
    frame = reader(path)
    if frame.empty:
        raise DataError(f"{path}: holds no rows; export it again")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise DataError(f"{path}: column {several(twice)} stands twice; rename one of them")
    return frame


def _check_kind(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise DataError(f"{path}: the file is empty; export it again")
    suffix = path.suffix.lower()
    for magic, (kind, endings) in _MAGIC.items():
        if head.startswith(magic) and suffix not in endings:
            ending = (
                f"; rename it to {path.stem}{endings[0]}"
                if endings
                else "; export the table itself"
            )
            raise DataError(f"{path}: not {suffix} but {kind}{ending}")
    expected = [kind for kind, endings in _MAGIC.values() if suffix in endings]
    if expected and not any(head.startswith(m) for m, (_, e) in _MAGIC.items() if suffix in e):
        raise DataError(f"{path}: not {expected[0]}, whatever its name says; export it again")


def read_text(path: Path) -> str:
    """Read a text file in UTF-8 (with or without BOM), UTF-16 with BOM, or GB18030."""
    data = path.read_bytes()
    encodings = [name for bom, name in _BOMS.items() if data.startswith(bom)]
    for encoding in encodings or ["utf-8", "gb18030"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DataError(f"{path}: neither UTF-8, UTF-16 nor GB18030; save it as UTF-8")


def _read_delimited(path: Path) -> pd.DataFrame:
    text = read_text(path)
    if "\0" in text:
        raise DataError(f"{path}: holds NUL bytes, so it is not a text table; export it again")
    header: list[str] = []
    rows: list[list[str]] = []
    numbers: list[int] = []
    for number, cells in _delimited_rows(path, text):
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = [cell.strip() for cell in cells]
            while not header[-1]:
                header.pop()
            continue
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            raise DataError(
                f"{path}: row {number} has {len(cells)} cells, the header {len(header)}; "
                "put quotes around the cell that holds a comma"
            )
        if len(cells) < len(header):
            raise DataError(
                f"{path}: row {number} has {len(cells)} cells, the header {len(header)}; "
                "the file may have been cut short, export it again"
            )
        rows.append(cells[: len(header)])
        numbers.append(number)
    return _frame(header, rows, numbers)


def _delimited_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the line it begins on; a stray quotation mark must not eat rows."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(",\t;", key=first.count), strict=True
    )
    start = 1
    try:
        for cells in reader:
            yield start, cells
            start = reader.line_num + 1
    except csv.Error:
        raise DataError(
            f"{path}: row {start} has a quotation mark that is not closed or not doubled; "
            'put quotes around the cell and write each " inside it as ""'
        ) from None


def _read_excel(path: Path) -> pd.DataFrame:
    sheets = read_sheets(path)
    filled = {
        name: numbered
        for name, rows in sheets.items()
        if (numbered := [(n, row) for n, row in enumerate(rows, 1) if any(c != "" for c in row)])
    }
    if not filled:
        raise DataError(f"{path}: holds no rows; export it again")
    if len(filled) > 1:
        raise DataError(
            f"{path}: has {len(filled)} sheets with rows ({several(filled)}); "
            "keep the one that holds the table"
        )
    (_, header), *numbered = next(iter(filled.values()))
    frame = _frame(
        [str(cell).strip() for cell in header],
        [row for _, row in numbered],
        [n for n, _ in numbered],
    )
    _check_long_numbers(path, frame)
    return frame


def _check_long_numbers(path: Path, frame: pd.DataFrame) -> None:
    """Raise where Excel, which keeps 15 digits, put a 0 for the last digits of long numbers."""
    for n, name in enumerate(frame.columns):
        cells = frame.iloc[:, n]
        long = cells[[isinstance(c, float) and abs(c) >= 10**15 for c in cells]]
        lost = long[abs(long) >= 2**53] if (long % 10).any() else long
        if len(lost):
            raise DataError(
                f"{path}: row {lost.index[0]}, column {name}: Excel stored a long number and lost "
                "its last digits; format the column as text and export it again"
            )


def read_sheets(path: Path) -> dict[str, list[list[object]]]:
    """Read every sheet of an Excel workbook as rows of cells; an empty cell is ''."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        return {
            name: [
                list(row) for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            ]
            for name in book.sheet_names
        }
    except CalamineError as error:
        raise DataError(
            f"{path}: not a readable Excel workbook ({_first_line(error)}); export it again"
        ) from None


def _read_json_lines(path: Path) -> pd.DataFrame:
    lines = [(n, line) for n, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]
    records = [(n, _json(line, where=f"{path}: line {n}")) for n, line in lines]
    return _records(path, records)


def _read_json(path: Path) -> pd.DataFrame:
    value = _json(read_text(path), where=str(path))
    if not isinstance(value, list):
        raise DataError(
            f"{path}: not a JSON array of posts; write [{{...}}, {{...}}], or JSON lines as .jsonl"
        )
    return _records(path, list(enumerate(value, start=1)))


def _json(text: str, *, where: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{where} is not JSON ({error.msg}, column {error.colno}); export it again"
        ) from None
    except RecursionError:
        raise DataError(f"{where} is nested too deep for a table; export it again") from None


def _records(path: Path, records: Iterable[tuple[int, object]]) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    numbers: list[int] = []
    for number, record in records:
        if not isinstance(record, dict):
            raise DataError(
                f"{path}: row {number} is not an object with named values; export it again"
            )
        rows.append(record)
        numbers.append(number)
    return pd.DataFrame(rows, index=pd.Index(numbers), dtype="object")


def _read_parquet(path: Path) -> pd.DataFrame:
    from pyarrow import ArrowException

    try:
        frame = pd.read_parquet(path)
    except (ArrowException, OSError) as error:
        raise DataError(
            f"{path}: not a readable Parquet file ({_first_line(error)}); export it again"
        ) from None
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    return frame.set_axis(range(1, len(frame) + 1), axis="index")


def _frame(
    header: list[str], rows: list[list[object]] | list[list[str]], numbers: list[int]
) -> pd.DataFrame:
    frame = pd.DataFrame(
        rows, columns=header, index=pd.Index(numbers, dtype="int64"), dtype="object"
    )
    nameless = [name for name in header if not name]
    return frame.drop(columns=nameless) if nameless else frame


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _read_delimited,
    ".tsv": _read_delimited,
    ".xlsx": _read_excel,
    ".xlsm": _read_excel,
    ".xls": _read_excel,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json,
    ".parquet": _read_parquet,
}
