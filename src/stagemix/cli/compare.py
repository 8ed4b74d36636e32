"""`stagemix compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagemix.cli.mix import CodesOption, CorpusOption, ModelOption
from stagemix.cli.output import (
    Format,
    FormatOption,
    as_csv,
    as_json,
    p_value,
    percent,
    records,
    remark,
    table,
)

if TYPE_CHECKING:
    from stagemix.mix.compare import Comparison


def command(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="predictions/NAME", help="The folder of predictions, or a file of labels."
        ),
    ],
    by: Annotated[str, typer.Option(help="A column of the account table, such as sector.")],
    codes: CodesOption = None,
    model: ModelOption = None,
    corpus: CorpusOption = None,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Compare the stages of groups of accounts: corrected shares, differences, tests.

    Accounts are the units: a group's share is that of its average account. p-values are adjusted
    for the number of comparisons (Holm 1979). With --format csv only the differences are printed.

    Example: stagemix compare predictions/posts --by sector
    """
    from stagemix.study.correcting import corrected_at
    from stagemix.study.mixing import comparison_of

    source = corrected_at(Path.cwd(), predictions, model=model, codes=codes, corpus=corpus)
    found = comparison_of(source, by=by)
    if format_ is Format.TEXT:
        _print_for_people(found, source.labels)
    for line in source.remarks:
        print(line.en) if format_ is Format.TEXT else remark(line.en)
    if format_ is Format.JSON:
        parts = {name: records(getattr(found, name)) for name in ("shares", "differences", "tests")}
        as_json({"by": found.by, **parts, "note": found.note})
    elif format_ is Format.CSV:
        as_csv(found.differences)


def _print_for_people(found: "Comparison", labels: dict[str, str]) -> None:
    from stagemix.mix.words import words

    table(
        [found.by, "stage", "accounts", "posts", "codes", "raw", "share", "95% interval", ""],
        [
            [
                x["group"],
                labels[str(x["stage"])],
                x["accounts"],
                x["n_posts"],
                x["n_codes"],
                percent(x["share_raw"]),
                percent(x["share"]),
                _interval(x),
                words(str(x["note"]), language="en"),
            ]
            for x in records(found.shares)
        ],
        title="The average account of each group",
    )
    if found.note:
        print(f"\n{words(found.note, language='en')}\n")
        return
    print()
    table(
        ["stage", "groups", "accounts", "F", "df", "p", "p adjusted"],
        [
            [
                labels[str(x["stage"])],
                x["groups"],
                x["accounts"],
                x["f"],
                f"{x['df1']:.0f}, {x['df2']:.1f}",
                p_value(x["p_value"]),
                p_value(x["p_adjusted"]),
            ]
            for x in records(found.tests)
        ],
        title="Do the groups differ at all? (Welch 1951)",
    )
    print()
    table(
        ["stage", "group", "other", "difference", "95% interval", "p", "p adjusted"],
        [
            [
                labels[str(x["stage"])],
                x["group"],
                x["other"],
                percent(x["difference"]),
                _interval(x),
                p_value(x["p_value"]),
                p_value(x["p_adjusted"]),
            ]
            for x in records(found.differences)
        ],
        title="Differences",
    )
    print()


def _interval(x: dict[str, object]) -> str:
    shown = f"{percent(x['low'])} – {percent(x['high'])}"
    return "–" if shown == "– – –" else shown
