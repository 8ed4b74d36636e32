"""`stagemix check`."""

from pathlib import Path
from typing import Annotated

import typer

from stagemix.cli.names import names_in
from stagemix.cli.output import Format, FormatOption


def command(
    predictions: Annotated[
        Path,
        typer.Argument(metavar="predictions/NAME", help="Predictions of a corpus of the study."),
    ],
    stage: Annotated[str, typer.Option(help="The stage, by id or label.")],
    coders: Annotated[str, typer.Option(help="Names of the coders, by comma (or 、).")],
    round_: Annotated[
        str | None, typer.Option("--round", help="The name of the round [check-STAGE].")
    ] = None,
    each: Annotated[int, typer.Option(help="How many posts of each account.", min=1)] = 3,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Also of accounts in which the stage was seen.")
    ] = False,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Have people confirm that accounts reach a stage: a round of its likeliest uncoded posts.

    These posts are picked, not drawn by chance: they enter no share and only show that a stage was
    seen.

    Example: stagemix check predictions/posts --stage cooperate --coders 甲,乙
    """
    from stagemix.cli.drawn import print_picked
    from stagemix.study.checking import draw_check
    from stagemix.study.folder import need_study

    study = need_study(Path.cwd())
    picked = draw_check(
        study,
        predictions,
        stage=stage,
        name=round_ or f"check-{stage}",
        coders=names_in(coders),
        per_account=each,
        everywhere=everywhere,
    )
    print_picked(picked, format_, study=study)
