"""`stagemix sample`."""

import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagemix.cli.output import Format, FormatOption, for_machines, progress_bar, remark, table

if TYPE_CHECKING:
    from stagemix.merge.planning import SmallestChange
    from stagemix.study.planning import Plan


class Purpose(StrEnum):
    """What a round's codes are for."""

    CONVERGE = "converge"


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
    for_: Annotated[
        Purpose | None,
        typer.Option(
            "--for",
            help="Spread the codes evenly over account and period, two or more in each, and say "
            "what change they will show.",
        ),
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="With --for converge: say it by simulation too.")
    ] = False,
    design: Annotated[
        Design | None,
        typer.Option(help="Without it: stratified where every post has a time, else simple."),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Columns of the strata [study.toml: account,year].")
    ] = None,
    allocation: Annotated[
        Allocation | None, typer.Option(help="Share out by size or evenly [proportional].")
    ] = None,
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

    Example: stagemix sample corpora/posts --n 600 --for converge --coders 甲,乙
    """
    from stagemix.study.coding import draw_round, posts_of_round
    from stagemix.study.folder import need_study
    from stagemix.study.planning import converge_design, plan_of

    if simulate and for_ is None:
        raise typer.BadParameter("--simulate goes with --for converge")
    study = need_study(Path.cwd())
    names = None if by is None else tuple(part.strip() for part in by.split(","))
    if for_ is not None:
        names, minimum = converge_design(
            study, design=design, by=names, allocation=allocation, minimum=minimum
        )
        design, allocation = Design.STRATIFIED, Allocation.EQUAL
    drawn = draw_round(
        study,
        corpus,
        n=n,
        name=round_,
        coders=[name.strip() for name in re.split("[,，、]", coders) if name.strip()],
        overlap=overlap,
        design=None if design is None else design.value,
        by=names,
        allocation=(allocation or Allocation.PROPORTIONAL).value,
        minimum=minimum,
        seed=seed,
        for_converge=for_ is not None,
    )
    plan = None if for_ is None else plan_of(drawn, posts=posts_of_round(study, round_=drawn.name))
    if format_ is not Format.TEXT:
        for_machines(drawn.units, format_)
        _tell(plan, say=remark, simulate=simulate, seed=drawn.seed)
        return
    table(["stratum", "posts", "drawn"], [[k, *v] for k, v in drawn.strata.items()])
    if plan is not None:
        print()
    _tell(plan, say=print, simulate=simulate, seed=drawn.seed)
    print(
        f"\n{len(drawn.units)} posts drawn ({drawn.design}, seed {drawn.seed}) as round "
        f"{drawn.name} for {', '.join(drawn.coders)}; kept in {study.rounds}"
    )
    if drawn.without:
        print(f"None of them is in the rounds drawn before: {', '.join(drawn.without)}")
    if design is None and names is None and drawn.design == "simple":
        print("Not every post has a time, so the draw is not stratified; --by account does that")
    print(f"Next: stagemix code --to-excel sheets/{drawn.name}.xlsx --round {drawn.name}")


def _tell(plan: "Plan | None", *, say: Callable[[str], None], simulate: bool, seed: int) -> None:
    """Say, line by line, what converge will have of the round and what it will see."""
    from stagemix.study.planning import STUDIES, expected_changes, simulated_changes

    if plan is None:
        return
    accounts, periods = plan.sizes.shape
    spread = sorted(set(plan.codes.to_numpy().ravel().tolist()))
    each = f"{spread[0]} to {spread[-1]}" if len(spread) > 1 else f"{spread[0] if spread else 0}"
    say(
        f"converge will compare {accounts} accounts over {periods} periods ({plan.period}), "
        f"{each} codes in each account and period."
    )
    if plan.tested:
        say(f"By rule, {_seen(expected_changes(plan), codes=plan.total)}")
        say("That is where accounts move alike; where each has its own course, less is seen.")
    if plan.tested and simulate:
        with progress_bar("simulating") as (started, progress):
            found = simulated_changes(plan, seed=seed, started=started, progress=progress)
        say(f"By {STUDIES:,} simulated studies with these cells, {_seen(found, codes=plan.total)}")
    for warning in plan.warnings:
        say(f"{warning}.")


def _seen(changes: "dict[str, SmallestChange]", *, codes: int) -> str:
    u = {mix: f"{found.above_publish.mdc80:.2f}" for mix, found in changes.items()}
    w = {mix: f"{found.within.mdc80:.2f}" for mix, found in changes.items()}
    return (
        f"a change of u below {u['rare']} or of W below {w['rare']} will probably not be seen with "
        f"{codes} codes; where higher stages are common (30% or more), below {u['mild']} or "
        f"{w['mild']}."
    )
