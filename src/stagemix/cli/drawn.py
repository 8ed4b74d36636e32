"""How what `stagemix sample` drew is printed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from stagemix.cli.output import Format, for_machines, progress_bar, remark, table

if TYPE_CHECKING:
    from stagemix.codes.rounds import Round
    from stagemix.merge.planning import SmallestChange
    from stagemix.study.folder import Study
    from stagemix.study.planning import Plan


def print_accounts(every: "Round", format_: Format, *, study: "Study") -> None:
    """Print a round in which every account is coded."""
    if format_ is not Format.TEXT:
        for_machines(every.units.rename(columns={"unit": "account"}), format_)
        return
    print(
        f"{len(every.units)} accounts, all there are, as round {every.name} for "
        f"{', '.join(every.coders)}; kept in {study.rounds}"
    )
    _tell_next(every)


def print_posts(
    drawn: "Round",
    format_: Format,
    *,
    study: "Study",
    plan: "Plan | None",
    simulate: bool,
    unstratified: bool,
) -> None:
    """Print a drawn round, and what converge will have of it by PLAN.

    UNSTRATIFIED tells that the design was left open.
    """
    if format_ is not Format.TEXT:
        for_machines(drawn.units.rename(columns={"unit": "post_id"}), format_)
        _tell(plan, say=remark, simulate=simulate, seed=drawn.seed)
        return
    table(["stratum", "posts", "drawn"], [[k, *v] for k, v in drawn.strata.items()])
    if plan is not None:
        print()
    _tell(plan, say=print, simulate=simulate, seed=drawn.seed)
    purpose = "" if drawn.purpose == drawn.name else f" ({drawn.purpose})"
    print(
        f"\n{len(drawn.units)} posts drawn ({drawn.design}, seed {drawn.seed}) as round "
        f"{drawn.name}{purpose} for {', '.join(drawn.coders)}; kept in {study.rounds}"
    )
    if drawn.without:
        print(f"None of them is in the rounds drawn before: {', '.join(drawn.without)}")
    if unstratified and drawn.design == "simple":
        print("Not every post has a time, so the draw is not stratified; --by account does that")
    _tell_next(drawn)


def print_picked(picked: "Round", format_: Format, *, study: "Study") -> None:
    """Print a round of posts that were picked."""
    if format_ is not Format.TEXT:
        for_machines(picked.units.rename(columns={"unit": "post_id"}), format_)
        return
    table(["account", "posts left", "picked"], [[name, *n] for name, n in picked.strata.items()])
    print(
        f"\n{len(picked.units)} posts picked, not drawn by chance, as round {picked.name} for "
        f"{', '.join(picked.coders)}; kept in {study.rounds}"
    )
    print("They enter no share; they show whether the stage is seen.")
    _tell_next(picked)


def _tell_next(round_: "Round") -> None:
    print(
        "Next: stagemix code, which serves the coding page; or in Excel: "
        f"stagemix code --to-excel sheets/{round_.name}.xlsx --round {round_.name}"
    )


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
