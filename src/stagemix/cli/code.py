"""`stagemix code`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def command(
    to_excel: Annotated[
        Path | None, typer.Option(help="Write a workbook per coder; FILE-CODER.xlsx.")
    ] = None,
    from_excel: Annotated[
        list[Path] | None, typer.Option(help="Read back workbooks; repeatable.")
    ] = None,
    from_csv: Annotated[
        list[Path] | None,
        typer.Option(help="Read codes: post_id, coder, variable, value; repeatable."),
    ] = None,
    settle_: Annotated[
        Path | None,
        typer.Option("--settle", help="Settle disagreements: post_id, value, reason."),
    ] = None,
    round_: Annotated[
        str | None, typer.Option("--round", help="The round [study.toml: final].")
    ] = None,
    coder: Annotated[str | None, typer.Option(help="One coder's workbook only.")] = None,
    by: Annotated[str, typer.Option(help="Who settled the disagreements.")] = "consensus",
    variable: Annotated[
        str | None, typer.Option(help="The variable that is settled [the first].")
    ] = None,
) -> None:
    """Hand a round out for coding in Excel, take codes in, settle disagreements.

    Codes are stored append-only in coding/: a later code never replaces an earlier one.

    Example: stagemix code --to-excel sheets/coding.xlsx; stagemix code --from-excel
    sheets/coding-甲.xlsx --from-excel sheets/coding-乙.xlsx
    """
    from stagemix.study import coding
    from stagemix.study.folder import need_study
    from stagemix.study.standing import standing

    asked = [bool(option) for option in (to_excel, from_excel, from_csv, settle_)]
    if sum(asked) != 1:
        raise typer.BadParameter("give one of --to-excel, --from-excel, --from-csv, --settle")
    study = need_study(Path.cwd())
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    if to_excel:
        files = coding.hand_out(study, round_=round_ or study.round, to=to_excel, coder=coder)
        for path, n in files.items():
            print(f"{path}: {n} posts to code")
    elif settle_:
        name = study.codebook.variable(variable).id
        added = coding.settle(
            study, settle_, round_=round_ or study.round, variable=name, by=by, coded_at=now
        )
        print(f"{added} posts settled by {by}; the agreed codes are in {study.agreed}")
        now_at = standing(study, round_=round_ or study.round, variable=name)
        if now_at.changed_though_agreed:
            print(
                f"On {now_at.changed_though_agreed} posts of the round the coders had agreed, and "
                "the settled value is another"
            )
    else:
        rounds: set[str] = set()
        files_in = from_excel or from_csv or []
        name_of = round_ if from_excel else (round_ or study.round)
        for taken in coding.take_in(study, files_in, round_=name_of, coded_at=now):
            print(f"{taken.file}: {taken.codes} codes of round {taken.round}, {taken.new} new")
            rounds.add(taken.round)
        for name in sorted(rounds):
            left = standing(study, round_=name, variable=study.codebook.variable().id).remark
            if left is not None:
                print(f"Round {name}: {left.en}")
        print(f"The agreed codes are in {study.agreed}. Next: stagemix agree")
