"""`stagemix mix`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagemix.cli.output import (
    Format,
    FormatOption,
    for_machines,
    percent,
    records,
    remark,
    table,
)

if TYPE_CHECKING:
    import pandas as pd

ModelOption = Annotated[
    Path | None, typer.Option("--model", help="Where the model lies, if not where it lay.")
]
CodesOption = Annotated[
    Path | None,
    typer.Option(
        "--codes", help="Agreed codes that correct the shares [the study's, or the model's]."
    ),
]

HEADERS = [
    "account",
    "period",
    "stage",
    "posts",
    "codes",
    "raw",
    "share",
    "95% interval",
    "status",
    "",
]


def command(
    predictions: Annotated[
        Path, typer.Argument(metavar="predictions/NAME", help="The folder of predictions.")
    ],
    by: Annotated[
        str,
        typer.Option(
            help="account, a column of the account table, year, half, quarter, month, "
            "one of each by comma, or overall."
        ),
    ] = "account",
    codes: CodesOption = None,
    model: ModelOption = None,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Print the share of each stage, raw and corrected by the coded posts, with 95% intervals.

    share_raw counts the classifier's labels; share, low and high are corrected. A refused share
    says why.

    Example: stagemix mix predictions/posts --by account,year --format csv
    """
    from stagemix.study.folder import codebook_at, find_study
    from stagemix.study.mixing import corrected, mix_of

    here = Path.cwd()
    source = corrected(
        predictions, codebook=codebook_at(here), model=model, codes=codes, study=find_study(here)
    )
    found = mix_of(source, by=by)
    if format_ is not Format.TEXT:
        for line in source.remarks:
            remark(line.en)
        for_machines(found, format_)
        return
    headers, rows = _for_people(found, source.labels)
    table(headers, rows)
    if by != "overall":
        print()
        table(*_for_people(mix_of(source, by="overall"), source.labels), title="All posts together")
    print()
    for line in source.remarks:
        print(line.en)


def _for_people(
    found: "pd.DataFrame", labels: dict[str, str]
) -> tuple[list[str], list[list[object]]]:
    from stagemix.mix.words import words

    rows: list[list[object]] = [
        [
            row["account"],
            row["period"],
            labels[str(row["stage"])],
            row["n_posts"],
            row["n_codes"],
            percent(row["share_raw"]),
            percent(row["share"]),
            "–"
            if row["status"] == "refused"
            else f"{percent(row['low'])} – {percent(row['high'])}",
            row["status"],
            words(str(row["note"]), language="en"),
        ]
        for row in records(found)
    ]
    if all(row[1] == "all" for row in rows):
        return HEADERS[:1] + HEADERS[2:], [row[:1] + row[2:] for row in rows]
    return HEADERS, rows
