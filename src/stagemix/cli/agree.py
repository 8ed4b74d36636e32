"""`stagemix agree`."""

from pathlib import Path
from typing import Annotated

import typer

from stagemix.cli.output import Format, FormatOption, as_csv, as_json, table

SHOWN = (
    "variable", "level", "units", "percent_agreement", "alpha_nominal", "alpha_ordinal",
    "uncodable", "disagreements", "open",
)  # fmt: skip


def command(
    round_: Annotated[
        str | None, typer.Option("--round", help="The round [study.toml: final].")
    ] = None,
    codes: Annotated[
        Path | None, typer.Option(help="A file of codes instead: post_id, coder, variable, value.")
    ] = None,
    disagreements: Annotated[
        Path | None, typer.Option(help="Write the open disagreements as a table to settle.")
    ] = None,
    variable: Annotated[
        str | None, typer.Option(help="The variable of --disagreements [the first].")
    ] = None,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Compute the coders' agreement: percent, Krippendorff's alpha.

    From each coder's first independent code; what was settled later never changes it.

    Example: stagemix agree --disagreements to-settle.csv
    """
    import pandas as pd

    from stagemix.errors import MissingError, several
    from stagemix.study import coding
    from stagemix.study.folder import INVENTED, codebook_at, find_study

    codebook = codebook_at(Path.cwd())
    study = None if codes else find_study(Path.cwd())
    if study is None and codes is None:
        raise MissingError("not in a study: name a file of codes with --codes FILE")
    if study is None:
        found = coding.agreement_of_file(Path(str(codes)), codebook=codebook)
    else:
        round_ = round_ or study.round
        found = coding.agreement_of_round(study, round_=round_)
    if disagreements:
        part = codebook.variable(variable).id
        if part not in found.agreed:
            raise MissingError(f"nobody coded {part}; there is {several(found.agreed)}")
        posts = coding.posts_of_round(study, round_=round_) if study and round_ else None
        coding.write_disagreements(
            disagreements, variable=part, agreed=found.agreed[part], posts=posts
        )
    rows = []
    for r in found.reliability:
        row = {k: v for k, v in vars(r).items() if k not in ("counts", "coders")}
        agreed = found.agreed[r.variable]
        row |= {"open": len(agreed.open), "changed_though_agreed": agreed.changed_though_agreed}
        rows.append({**row, "coders": list(r.coders), "counts": r.counts})
    if format_ is Format.JSON:
        as_json(rows)
        return
    if format_ is Format.CSV:
        as_csv(pd.DataFrame(rows).drop(columns=["coders", "counts"]))
        return
    table([key.replace("_", " ") for key in SHOWN], [[row[key] for key in SHOWN] for row in rows])
    for row in rows:
        print(
            f"\n{row['variable']}: coded by {', '.join(row['coders'])}"
            + (f"; {row['reason']}" if row["reason"] else "")
        )
        print(pd.DataFrame(row["counts"]).to_string())
    if study is not None and study.invented:
        print(f"\n{INVENTED.en}")
    _next(rows, disagreements)


def _next(rows: list[dict[str, object]], disagreements: Path | None) -> None:
    if disagreements:
        print(
            f"\nThe open disagreements are in {disagreements}: fill in value and reason, then "
            f"stagemix code --settle {disagreements}"
        )
    elif any(row["open"] for row in rows):
        print("\nList the open disagreements with --disagreements FILE.csv")
