"""Printing: tables for people, JSON and CSV for machines, remarks and progress on stderr."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd


class Format(StrEnum):
    """How a result is printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


FormatOption = Annotated[
    Format, typer.Option("--format", help="text for people; json or csv for machines.")
]


def remark(text: str) -> None:
    """Print one line on stderr."""
    print(text, file=sys.stderr)


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """Print a table for people; no cell is ever cut or folded, whatever the width."""
    from rich.cells import cell_len

    texts = [[_shown(cell) for cell in row] for row in rows]
    right = [
        bool(rows) and all(isinstance(row[i], (int, float)) or row[i] is None for row in rows)
        for i in range(len(headers))
    ]
    lines = [list(headers), *texts]
    width = [max(cell_len(line[i]) for line in lines) for i in range(len(headers))]

    def padded(line: Sequence[str]) -> str:
        cells = []
        for cell, size, to_right in zip(line, width, right, strict=True):
            blanks = " " * (size - cell_len(cell))
            cells.append(blanks + cell if to_right else cell + blanks)
        return "  ".join(cells).rstrip()

    if title:
        print(title)
    print(padded(lines[0]))
    print("  ".join("─" * size for size in width))
    for line in texts:
        print(padded(line))


def _shown(cell: object) -> str:
    if _missing(cell):
        return "–"
    if isinstance(cell, float):
        return f"{cell:.3f}"
    return str(cell).replace("\n", " ")


def percent(value: object) -> str:
    """Write a share for people: 12.3%."""
    if _missing(value):
        return "–"
    return f"{100 * float(value):.1f}%"  # type: ignore[arg-type]


def p_value(value: object) -> str:
    """Write a p-value for people: 0.012, < 0.001."""
    if _missing(value):
        return "–"
    return "< 0.001" if float(value) < 0.001 else f"{float(value):.3f}"  # type: ignore[arg-type]


def as_json(value: object) -> None:
    """Print a value as JSON, numbers at full precision, what is missing as null."""
    print(json.dumps(_plain(value), ensure_ascii=False, indent=2))


def as_csv(frame: "pd.DataFrame") -> None:
    """Print a frame as CSV, numbers at full precision, what is missing as an empty cell."""
    print(frame.to_csv(index=False, lineterminator="\n"), end="")


def for_machines(frame: "pd.DataFrame", format_: Format) -> None:
    """Print a frame as JSON, a list of its rows as objects, or as CSV."""
    as_json(records(frame)) if format_ is Format.JSON else as_csv(frame)


def records(frame: "pd.DataFrame") -> list[dict[str, object]]:
    """Turn a frame into objects for `as_json`."""
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _missing(value: object) -> bool:
    # pandas' NA is no number and compares to nothing; this file does not import pandas
    return value is None or type(value).__name__ == "NAType" or value != value


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if _missing(value):
        return None
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "item"):
        return _plain(value.item())
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


@contextmanager
def progress_bar(what: str) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Show a bar on stderr where it is a terminal: yields (set the total, say how many more)."""
    if not sys.stderr.isatty():
        yield lambda total: None, lambda more: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda n: bar.update(task, total=n), lambda n: bar.advance(task, n)


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Show, where stderr is a terminal, which step of a longer work is under way."""
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield lambda step: status.update(step)
