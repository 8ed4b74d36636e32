"""`stagemix mix`."""

from enum import StrEnum
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
    steps,
    table,
)

if TYPE_CHECKING:
    import pandas as pd

    from stagemix.study.correcting import Corrected
    from stagemix.study.variants import Variant

ModelOption = Annotated[
    Path | None, typer.Option("--model", help="Where the model lies, if not where it lay.")
]
CodesOption = Annotated[
    Path | None,
    typer.Option(
        "--codes", help="Agreed codes that correct the shares [the study's, or the model's]."
    ),
]
CorpusOption = Annotated[
    Path | None,
    typer.Option(
        "--corpus",
        help="The corpus of labels from elsewhere, a file in place of predictions/NAME [the study's].",
    ),
]


class Weight(StrEnum):
    """How much a post counts."""

    POSTS = "posts"
    READS = "reads"


IF = "What the overall shares would be if ..."
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
    "alone",
    "",
]


def command(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="predictions/NAME", help="The folder of predictions, or a file of labels."
        ),
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
    corpus: CorpusOption = None,
    without_duplicates: Annotated[
        bool,
        typer.Option(
            "--without-duplicates",
            help="Of the posts of an account with the same text (but for blanks and punctuation) "
            "count only the earliest.",
        ),
    ] = False,
    weight: Annotated[
        Weight, typer.Option(help="reads: shares of reads, what readers saw, not of posts.")
    ] = Weight.POSTS,
    coder_error: Annotated[
        bool,
        typer.Option(
            "--coder-error",
            help="Print too what the overall shares would be if each coder were right; with "
            "--format json or csv print that instead.",
        ),
    ] = False,
    pseudo_outcomes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Write a row per post with values z_... whose means are unbiased, to regress on "
            "in R or Stata.",
        ),
    ] = None,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Print the share of each stage, raw and corrected by the coded posts, with 95% intervals.

    share_raw counts the classifier's labels; share, low and high are corrected. A refused share
    says why.

    Example: stagemix mix predictions/posts --by account,year --format csv
    """
    from stagemix.study.correcting import corrected_at
    from stagemix.study.variants import (
        check_choices,
        mix_of_variant,
        variant,
        write_pseudo_outcomes,
    )

    if coder_error and codes is not None:
        raise typer.BadParameter("--coder-error is about the study's round; leave --codes out")
    by_reads = weight is Weight.READS
    check_choices(by_reads=by_reads, coder_error=coder_error, pseudo=pseudo_outcomes)
    machines = format_ is not Format.TEXT
    with steps() as progress:
        progress("reading predictions and codes")
        source = corrected_at(Path.cwd(), predictions, model=model, codes=codes, corpus=corpus)
        counted = variant(
            source,
            predictions=predictions,
            without_duplicates=without_duplicates,
            by_reads=by_reads,
        )
        progress("estimating the shares")
        band, lines = _coder_error(counted.source) if coder_error else (None, [])
        lines = [line.en for line in counted.source.remarks] + lines
        found = band if band is not None and machines else mix_of_variant(counted, by=by)
    if pseudo_outcomes is not None:
        lines.append(write_pseudo_outcomes(counted.source, pseudo_outcomes))
    if machines:
        for line in lines:
            remark(line)
        for_machines(found, format_)
        return
    _print_for_people(counted, found, by=by)
    lines += _said_beside(counted.source, found)
    if band is not None:
        print()
        table(*_band_for_people(band, source.labels), title=IF)
    print()
    for line in lines:
        print(line)


def _said_beside(source: "Corrected", found: "pd.DataFrame") -> list[str]:
    from stagemix.study.mixing import errors_of
    from stagemix.study.remarks import BORROWING, on_errors

    borrowing = [BORROWING.en] if _borrows(found) else []
    return [*borrowing, on_errors(errors_of(source)).en]


def _coder_error(source: "Corrected") -> tuple["pd.DataFrame", list[str]]:
    from stagemix.study import sensitivity
    from stagemix.study.folder import need_study

    study = need_study(Path.cwd())
    lines = [line.en for line in sensitivity.on_coders(source, study)]
    return sensitivity.coder_error(source, study), lines


def _print_for_people(counted: "Variant", found: "pd.DataFrame", *, by: str) -> None:
    from stagemix.study.variants import mix_of_variant

    labels, of_posts = counted.source.labels, counted.reads is None
    table(*_for_people(found, labels), title="" if of_posts else "Shares of reads, not of posts")
    if by != "overall":
        print()
        whole = mix_of_variant(counted, by="overall")
        together = "All posts together" if of_posts else "All reads together"
        table(*_for_people(whole, labels), title=together)


def _band_for_people(
    band: "pd.DataFrame", labels: dict[str, str]
) -> tuple[list[str], list[list[object]]]:
    rows: list[list[object]] = [
        [
            row["scenario"],
            labels[str(row["stage"])],
            percent(row["share"]),
            f"{percent(row['low'])} – {percent(row['high'])}",
        ]
        for row in records(band)
    ]
    return ["scenario", "stage", "share", "95% interval"], rows


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
            _alone(row),
            words(str(row["note"]), language="en"),
        ]
        for row in records(found)
    ]
    dropped = {1} if all(row[1] == "all" for row in rows) else set()
    if not _borrows(found):
        dropped.add(HEADERS.index("alone"))
    kept = [i for i in range(len(HEADERS)) if i not in dropped]
    return [HEADERS[i] for i in kept], [[row[i] for i in kept] for row in rows]


def _borrows(found: "pd.DataFrame") -> bool:
    return bool(found["method"].str.endswith("random intercepts").any())


def _alone(row: dict[str, object]) -> str:
    if percent(row["difference_share"]) == "–":
        return "–"
    ends = f"{percent(row['difference_low'])} – {percent(row['difference_high'])}"
    return f"{percent(row['difference_share'])} [{ends}]"
