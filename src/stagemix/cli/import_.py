"""`stagemix import`."""

from pathlib import Path
from typing import Annotated

import typer

from stagemix.cli.output import Format, FormatOption, as_csv, as_json, steps, table


def command(
    files: Annotated[list[Path], typer.Argument(help="CSV, TSV, Excel, JSON lines, Parquet.")],
    to: Annotated[Path, typer.Option(help="The corpus folder, corpora/NAME.")],
    account: Annotated[
        str | None, typer.Option(help="The account, for files that do not name it.")
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="列名=field", help="Name a column by hand; repeatable."),
    ] = None,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Read posts from files into a corpus.

    Column names are recognised in Chinese and English. Nothing is written unless every file fits.

    Example: stagemix import 导出/*.xlsx --to corpora/posts --map 推送日=published_at
    """
    import pandas as pd

    from stagemix.posts.importing import import_files

    mapping = dict(_pair(item) for item in map_ or [])
    with steps() as progress:
        summary = import_files(files, to=to, account=account, mapping=mapping, progress=progress)
    per_file = [{"file": name, "rows": rows} for name, rows in summary.files.items()]
    if format_ is Format.JSON:
        as_json(vars(summary))
        return
    if format_ is Format.CSV:
        as_csv(pd.DataFrame(per_file))
        return
    table(["file", "rows"], [list(item.values()) for item in per_file])
    print(
        f"\n{summary.added} posts added, {summary.already_there} were there already; "
        f"{summary.posts} posts of {len(summary.accounts)} accounts in {summary.corpus}"
    )
    if summary.differing:
        print(
            f"Of those there already, {summary.differing} have another title or text in the file; "
            "the corpus keeps what it had"
        )
    if summary.first is not None and summary.last is not None:
        print(f"Period: {summary.first:%Y-%m-%d} to {summary.last:%Y-%m-%d}")
    missing = {k: n for k, n in summary.missing.items() if n}
    if missing:
        print("Missing: " + ", ".join(f"{name} {n}" for name, n in missing.items()))
    if summary.censored_reads:
        print(f"Reads known only to be above 100,000 (10万+): {summary.censored_reads}")
    if summary.unused_columns:
        print(f"Columns not used: {', '.join(summary.unused_columns)}")


def _pair(text: str) -> tuple[str, str]:
    column, sign, field = text.rpartition("=")
    if not sign:
        raise typer.BadParameter(f"{text!r} is not 列名=field", param_hint="--map")
    return column, field
