"""`stagemix sample`."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stagemix.cli.output import Format, FormatOption, for_machines, table


class Design(StrEnum):
    """How posts are drawn."""

    SIMPLE = "simple"
    STRATIFIED = "stratified"


class Allocation(StrEnum):
    """How a sample is shared out over strata."""

    PROPORTIONAL = "proportional"
    EQUAL = "equal"


def command(
    corpus: Annotated[Path, typer.Argument(metavar="corpora/NAME", help="The corpus.")],
    n: Annotated[int, typer.Option("--n", help="How many posts.", min=1)],
    coders: Annotated[str, typer.Option(help="Names of the coders, by comma (or 、).")],
    round_: Annotated[str, typer.Option("--round", help="The name of the round.")] = "final",
    design: Annotated[
        Design | None,
        typer.Option(help="Without it: stratified where every post has a time, else simple."),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Columns of the strata [study.toml: account,year].")
    ] = None,
    allocation: Annotated[
        Allocation, typer.Option(help="Share out by size or evenly.")
    ] = Allocation.PROPORTIONAL,
    minimum: Annotated[
        int | None, typer.Option(help="At least so many in each stratum [study.toml].", min=0)
    ] = None,
    overlap: Annotated[
        float, typer.Option(help="Share of the posts that every coder codes.")
    ] = 1.0,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Seed of the draw [study.toml].")
    ] = None,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Draw a probability sample of posts as a round of coding.

    The seed, the design and every post's inclusion probability are kept in coding/rounds/.

    Example: stagemix sample corpora/posts --n 600 --by account,year --coders 甲,乙
    """
    from stagemix.study.coding import draw_round
    from stagemix.study.folder import need_study

    study = need_study(Path.cwd())
    drawn = draw_round(
        study,
        corpus,
        n=n,
        name=round_,
        coders=[name.strip() for name in re.split("[,，、]", coders) if name.strip()],
        overlap=overlap,
        design=None if design is None else design.value,
        by=None if by is None else tuple(part.strip() for part in by.split(",")),
        allocation=allocation.value,
        minimum=minimum,
        seed=seed,
    )
    if format_ is not Format.TEXT:
        for_machines(drawn.units, format_)
        return
    table(["stratum", "posts", "drawn"], [[k, *v] for k, v in drawn.strata.items()])
    print(
        f"\n{len(drawn.units)} posts drawn ({drawn.design}, seed {drawn.seed}) as round "
        f"{drawn.name} for {', '.join(drawn.coders)}; kept in {study.rounds}"
    )
    if drawn.without:
        print(f"None of them is in the rounds drawn before: {', '.join(drawn.without)}")
    if design is None and by is None and drawn.design == "simple":
        print("Not every post has a time, so the draw is not stratified; --by account does that")
    print(f"Next: stagemix code --to-excel sheets/{drawn.name}.xlsx --round {drawn.name}")
