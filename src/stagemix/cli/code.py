"""`stagemix code`."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stagemix.study.coding import TakenIn
    from stagemix.study.folder import Study


def command(
    port: Annotated[
        int, typer.Option(help="The port of the coding page.", min=0, max=65535)
    ] = 8000,
    lan: Annotated[
        bool,
        typer.Option("--lan", help="Let others in your network open the page, by their links."),
    ] = False,
    new_link_: Annotated[
        str | None, typer.Option("--new-link", help="Make this coder's new link; the old one ends.")
    ] = None,
    to_excel: Annotated[
        Path | None, typer.Option(help="Write a workbook per coder; FILE-CODER.xlsx.")
    ] = None,
    from_excel: Annotated[
        list[Path] | None, typer.Option(help="Read back workbooks; repeatable.")
    ] = None,
    from_csv: Annotated[
        list[Path] | None,
        typer.Option(help="Read codes: post_id (or account), coder, variable, value; repeatable."),
    ] = None,
    join: Annotated[
        bool,
        typer.Option(
            "--join",
            help="With --from-csv: coders whom the round does not name join it, and count.",
        ),
    ] = False,
    beside: Annotated[
        bool,
        typer.Option(
            "--beside",
            help="With --from-csv: codes of others, a language model say, are compared by `agree` "
            "and count nowhere.",
        ),
    ] = False,
    settle_: Annotated[
        Path | None,
        typer.Option("--settle", help="Settle disagreements: post_id (or account), value, reason."),
    ] = None,
    round_: Annotated[
        str | None, typer.Option("--round", help="The round [study.toml: final].")
    ] = None,
    coder: Annotated[str | None, typer.Option(help="One coder's workbook only.")] = None,
    by: Annotated[str, typer.Option(help="Who settled the disagreements.")] = "consensus",
    variable: Annotated[
        str | None, typer.Option(help="The variable that is settled [the round's first].")
    ] = None,
) -> None:
    """Serve the coding page; or code in Excel, take codes in, settle disagreements.

    Each coder has a personal link; the lead's page shows progress, agreement and disagreements.
    Codes are stored append-only in coding/: a later code never replaces an earlier one.

    Example: stagemix code; stagemix code --to-excel sheets/coding.xlsx; stagemix code --from-excel
    sheets/coding-甲.xlsx --from-excel sheets/coding-乙.xlsx
    """
    from stagemix.cli.serving import print_new_link, serve
    from stagemix.codes.rounds import read_round
    from stagemix.study import coding
    from stagemix.study.folder import need_study

    asked = [bool(option) for option in (to_excel, from_excel, from_csv, settle_, new_link_)]
    if sum(asked) > 1:
        raise typer.BadParameter(
            "give one of --to-excel, --from-excel, --from-csv, --settle, --new-link, or none of "
            "them to serve the coding page"
        )
    if (join or beside) and not from_csv:
        raise typer.BadParameter("--join and --beside go with --from-csv")
    if join and beside:
        raise typer.BadParameter("--join lets codes count, --beside does not; give one")
    study = need_study(Path.cwd())
    if new_link_:
        print_new_link(study, name=new_link_, port=port, lan=lan)
        return
    if not any(asked):
        serve(study, port=port, lan=lan)
        return
    now = datetime.now().astimezone().isoformat(timespec="milliseconds")
    name = round_ or study.round
    if to_excel:
        kind = read_round(name, study.rounds).kind
        for path, n in coding.hand_out(study, round_=name, to=to_excel, coder=coder).items():
            print(f"{path}: {n} {kind}s to code")
    elif settle_:
        _settle(study, settle_, round_=name, variable=variable, by=by, now=now)
    else:
        taken = coding.take_in(
            study,
            from_excel or from_csv or [],
            round_=round_ if from_excel else name,
            coded_at=now,
            join_round=join,
            beside=beside,
        )
        _tell_taken(study, taken, beside=beside)


def _settle(
    study: "Study", file: Path, *, round_: str, variable: str | None, by: str, now: str
) -> None:
    from stagemix.codes.rounds import read_round
    from stagemix.study import coding
    from stagemix.study.standing import standing

    kind = read_round(round_, study.rounds).kind
    name = coding.variable_of(study, round_=round_, name=variable).id
    added = coding.settle(study, file, round_=round_, variable=name, by=by, coded_at=now)
    agreed = _agreed(study, kind)
    where = f"; the agreed codes are in {agreed}" if agreed.is_file() else ""
    print(f"{added} {kind}s settled by {by}{where}")
    now_at = standing(study, round_=round_, variable=name)
    if now_at.changed_though_agreed:
        print(
            f"On {now_at.changed_though_agreed} {kind}s of the round the coders had agreed, and "
            "the settled value is another"
        )


def _tell_taken(study: "Study", taken: "Sequence[TakenIn]", *, beside: bool) -> None:
    from stagemix.codes.rounds import read_round

    for one in taken:
        print(f"{one.file}: {one.codes} codes of round {one.round}, {one.new} new")
        if one.joined:
            print(f"{', '.join(one.joined)} joined the round {one.round} for what they coded")
    if beside:
        print("They stand beside the coders' and count nowhere. Next: stagemix agree")
        return
    rounds = sorted({one.round for one in taken})
    for name in rounds:
        _tell_standing(study, name)
    kinds = dict.fromkeys(read_round(name, study.rounds).kind for name in rounds)
    files = [path for path in (_agreed(study, kind) for kind in kinds) if path.is_file()]
    where = f"The agreed codes are in {' and '.join(map(str, files))}. " if files else ""
    print(f"{where}Next: stagemix agree")


def _tell_standing(study: "Study", round_: str) -> None:
    from stagemix.codes.codebook import POST
    from stagemix.codes.rounds import read_round
    from stagemix.study.coding import variable_of
    from stagemix.study.standing import standing

    at = standing(study, round_=round_, variable=variable_of(study, round_=round_).id)
    if at.remark is None:
        return
    if read_round(round_, study.rounds).kind == POST:
        print(f"Round {round_}: {at.remark.en}")
        return
    print(
        f"Round {round_}: of {at.drawn} accounts {at.agreed} have a code, {at.uncoded} have none, "
        f"{at.open} disagreements are open, {at.waiting} wait for another coder."
    )


def _agreed(study: "Study", kind: str) -> Path:
    from stagemix.codes.codebook import ACCOUNT

    return study.agreed_accounts if kind == ACCOUNT else study.agreed
