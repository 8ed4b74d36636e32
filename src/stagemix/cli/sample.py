"""`stagemix sample`."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stagemix.cli.names import names_in
from stagemix.cli.output import Format, FormatOption


class Aim(StrEnum):
    """What a draw is laid out for."""

    CONVERGE = "converge"


class Purpose(StrEnum):
    """What a round's codes are for."""

    TRAINING = "training"
    PILOT = "pilot"
    RELIABILITY = "reliability"
    FINAL = "final"


class Unit(StrEnum):
    """What is coded."""

    POST = "post"
    ACCOUNT = "account"


class Design(StrEnum):
    """How posts are drawn."""

    SIMPLE = "simple"
    STRATIFIED = "stratified"


class Allocation(StrEnum):
    """How a sample is shared out over strata."""

    PROPORTIONAL = "proportional"
    EQUAL = "equal"


_OPTION = {"least": "--least-agreement"}


def command(
    corpus: Annotated[Path, typer.Argument(metavar="corpora/NAME", help="The corpus.")],
    coders: Annotated[str, typer.Option(help="Names of the coders, by comma (or 、).")],
    n: Annotated[int | None, typer.Option("--n", help="How many posts.", min=1)] = None,
    round_: Annotated[
        str | None,
        typer.Option("--round", help="The name of the round [final; of accounts: accounts]."),
    ] = None,
    purpose: Annotated[
        Purpose | None,
        typer.Option(help="What the round is for [its name where that is one, else final]."),
    ] = None,
    unit: Annotated[
        Unit, typer.Option(help="post, or account for every account of the corpus.")
    ] = Unit.POST,
    ask: Annotated[
        str | None,
        typer.Option(help="Variables that coders are asked, by comma [all that are not optional]."),
    ] = None,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Draw nothing; say how many posts and hours it takes."),
    ] = False,
    share: Annotated[
        float | None, typer.Option(help="With --plan: the rarest category's share [0.1].")
    ] = None,
    width: Annotated[
        float | None, typer.Option(help="With --plan: half the width of its 95% interval [0.05].")
    ] = None,
    agreement: Annotated[
        float | None, typer.Option(help="With --plan: the coders' assumed agreement [0.85].")
    ] = None,
    least_agreement: Annotated[
        float | None, typer.Option(help="With --plan: the least acceptable agreement [0.8].")
    ] = None,
    for_: Annotated[
        Aim | None,
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
    together: Annotated[
        bool,
        typer.Option(
            "--together", help="All posts of an account to one coder, but for the overlap."
        ),
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Seed of the draw [study.toml].")
    ] = None,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Draw a probability sample of posts as a round of coding, or take every account.

    The seed, the design and every post's inclusion probability are kept in coding/rounds/.

    Example: stagemix sample corpora/posts --n 600 --for converge --coders 甲,乙
    """
    from stagemix.cli.drawn import print_accounts, print_posts
    from stagemix.cli.sizes import print_sizes
    from stagemix.study.coding import draw_accounts, draw_round, posts_of_round
    from stagemix.study.folder import need_study
    from stagemix.study.planning import converge_design, plan_of
    from stagemix.study.sizes import plan_sizes

    choices = {
        "--n": n, "--purpose": purpose, "--plan": plan or None, "--for": for_, "--design": design,
        "--by": by, "--allocation": allocation, "--minimum": minimum,
        "--together": together or None, "--seed": seed,
    }  # fmt: skip
    planning = {"share": share, "width": width, "agreement": agreement, "least": least_agreement}
    _check_usage(
        choices,
        unit=unit,
        simulate=simulate,
        planning=[name for name, value in planning.items() if value is not None],
    )
    study = need_study(Path.cwd())
    people, asks = names_in(coders), names_in(ask or "")
    if plan:
        wanted = {name: value for name, value in planning.items() if value is not None}
        sizes = plan_sizes(study, corpus, coders=people, overlap=overlap, n=n, **wanted)
        print_sizes(sizes, format_)
        return
    if unit is Unit.ACCOUNT or n is None:
        every = draw_accounts(
            study, corpus, name=round_ or "accounts", coders=people, overlap=overlap, asks=asks
        )
        print_accounts(every, format_, study=study)
        return
    names = None if by is None else tuple(part.strip() for part in by.split(","))
    chosen = design
    if for_ is not None:
        names, minimum = converge_design(
            study, design=design, by=names, allocation=allocation, minimum=minimum
        )
        chosen, allocation = Design.STRATIFIED, Allocation.EQUAL
    drawn = draw_round(
        study,
        corpus,
        n=n,
        name=round_ or "final",
        coders=people,
        overlap=overlap,
        design=None if chosen is None else chosen.value,
        by=names,
        allocation=(allocation or Allocation.PROPORTIONAL).value,
        minimum=minimum,
        seed=seed,
        for_converge=for_ is not None,
        together=together,
        purpose=None if purpose is None else purpose.value,
        asks=asks,
    )
    seen = None if for_ is None else plan_of(drawn, posts=posts_of_round(study, round_=drawn.name))
    print_posts(
        drawn,
        format_,
        study=study,
        plan=seen,
        simulate=simulate,
        unstratified=chosen is None and names is None,
    )


def _check_usage(
    choices: Mapping[str, object], *, unit: Unit, simulate: bool, planning: list[str]
) -> None:
    """Raise BadParameter where options do not go together; CHOICES not made are None."""
    given = [name for name, value in choices.items() if value is not None]
    if unit is Unit.ACCOUNT and given:
        raise typer.BadParameter(
            f"--unit account takes every account; leave {', '.join(given)} out"
        )
    if unit is Unit.POST and not {"--n", "--plan"} & set(given):
        raise typer.BadParameter("--n: how many posts? --plan says how many it takes")
    if "--plan" in given and "--for" in given:
        raise typer.BadParameter("--plan draws nothing; --for converge says its own as it draws")
    if "--plan" not in given and planning:
        options = [_OPTION.get(name, f"--{name}") for name in planning]
        raise typer.BadParameter(f"{', '.join(options)}: goes with --plan")
    if simulate and "--for" not in given:
        raise typer.BadParameter("--simulate goes with --for converge")
