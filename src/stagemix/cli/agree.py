"""`stagemix agree`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from stagemix.cli.output import Format, FormatOption, as_csv, as_json

if TYPE_CHECKING:
    from stagemix.codes.codebook import Codebook
    from stagemix.codes.reliability import Reliability
    from stagemix.codes.saying import Sentence
    from stagemix.study.agreement import Agreement
    from stagemix.study.folder import Study


class Options(TypedDict):
    """What the figures are computed with."""

    coders: list[str]
    resamples: int
    seed: int | None


def command(
    round_: Annotated[
        str | None, typer.Option("--round", help="The round [study.toml: final].")
    ] = None,
    codes: Annotated[
        Path | None, typer.Option(help="A file of codes instead: post_id, coder, variable, value.")
    ] = None,
    coders: Annotated[
        str | None, typer.Option(help="Only these coders, as a,b [everyone].")
    ] = None,
    disagreements: Annotated[
        Path | None, typer.Option(help="Write the open disagreements as a table to settle.")
    ] = None,
    variable: Annotated[
        str | None, typer.Option(help="The variable of --disagreements [the first].")
    ] = None,
    drift: Annotated[
        bool, typer.Option("--drift", help="Show each coder over time, in four blocks of units.")
    ] = False,
    chart: Annotated[
        Path | None, typer.Option(help="Draw alpha by variable and round: .svg, .png or .html.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples of units.")] = 1000,
    seed: Annotated[int | None, typer.Option(min=0, help="Their seed [study.toml, or 1].")] = None,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Compute the coders' agreement: Krippendorff's alpha with intervals, others beside it.

    From each coder's first independent code, by version of the codebook; what was settled later
    never changes it.

    Example: stagemix agree --disagreements to-settle.csv
    """
    from stagemix.study.folder import codebook_at, find_study

    codebook = codebook_at(Path.cwd())
    study = None if codes else find_study(Path.cwd())
    options = Options(coders=_names(coders), resamples=resamples, seed=seed)
    found = _found(study, codes, round_, codebook, options)
    if disagreements:
        _write(disagreements, found, variable=variable, study=study, round_=round_, book=codebook)
    if chart:
        _draw(chart, found, study=study, name=codes, codebook=codebook, options=options)
    if format_ is Format.JSON:
        as_json([_object(r, found, codebook) for r in (*found.reliability, *found.after)])
    elif format_ is Format.CSV:
        as_csv(found.table)
    else:
        _print(found, codebook=codebook, drift=drift, study=study)
        _next(found, disagreements)


def _names(coders: str | None) -> list[str]:
    return [name.strip() for name in coders.split(",")] if coders else []


def _found(
    study: "Study | None",
    codes: Path | None,
    round_: str | None,
    codebook: "Codebook",
    options: "Options",
) -> "Agreement":
    from stagemix.errors import MissingError
    from stagemix.study.agreement import agreement_of_file, agreement_of_round

    if study is not None:
        return agreement_of_round(study, round_=round_ or study.round, **options)
    if codes is None:
        raise MissingError("not in a study: name a file of codes with --codes FILE")
    return agreement_of_file(codes, codebook=codebook, **options)


def _write(
    path: Path,
    found: "Agreement",
    *,
    variable: str | None,
    study: "Study | None",
    round_: str | None,
    book: "Codebook",
) -> None:
    from stagemix.errors import MissingError, several
    from stagemix.study.agreement import write_disagreements
    from stagemix.study.coding import posts_of_round

    part = book.variable(variable).id
    if part not in found.agreed:
        raise MissingError(f"nobody coded {part}; there is {several(found.agreed)}")
    posts = posts_of_round(study, round_=round_ or study.round) if study else None
    write_disagreements(path, variable=part, agreed=found.agreed[part], posts=posts)


def _draw(
    path: Path,
    found: "Agreement",
    *,
    study: "Study | None",
    name: Path | None,
    codebook: "Codebook",
    options: "Options",
) -> None:
    from stagemix.report.reliability_picture import save_alpha_chart
    from stagemix.study.agreement import agreement_of_rounds
    from stagemix.study.folder import INVENTED

    rounds = {name.stem: found} if name else {}
    if study is not None:
        rounds = agreement_of_rounds(study, **options)
    labels = {part.id: part.label for v in codebook.variables for part in v.parts}
    note = INVENTED.zh if study is not None and study.invented else ""
    drawn = {name: of.reliability for name, of in rounds.items()}
    save_alpha_chart(path, drawn, labels=labels, note=note)


def _object(r: "Reliability", found: "Agreement", codebook: "Codebook") -> dict[str, object]:
    from stagemix.codes.tidy import as_object

    agreed, key = found.agreed[r.variable], (r.variable, r.version)
    said = _said(r, codebook)
    return {
        **as_object(r),
        "open": len(agreed.open),
        "changed_though_agreed": agreed.changed_though_agreed,
        "settled": asdict(found.settled[r.variable]),
        "beside": [asdict(pair) for pair in found.beside[key]],
        "drift": [asdict(block) for block in found.drift[key]],
        "sentence": asdict(said),
    }


def _said(r: "Reliability", codebook: "Codebook") -> "Sentence":
    from stagemix.codes.saying import sentence

    labels = {part.id: part.label for v in codebook.variables for part in v.parts}
    return sentence(r, label=labels.get(r.variable, r.variable))


def _print(found: "Agreement", *, codebook: "Codebook", drift: bool, study: "Study | None") -> None:
    from stagemix.cli import agreement as tables
    from stagemix.codes.saying import CHANCE_IGNORED
    from stagemix.study.folder import INVENTED

    tables.print_overview(
        found.reliability, open_={name: len(x.open) for name, x in found.agreed.items()}
    )
    for r in (*found.reliability, *found.after):
        tables.print_details(r)
        said = _said(r, codebook)
        print(f"\n{said.en}\n{said.zh}")
    for (name, version), pairs in found.beside.items():
        for pair in pairs:
            tables.print_pair(pair, values=found.choices[name, version])
    for name, settled in found.settled.items():
        changed = found.agreed[name].changed_though_agreed
        tables.print_settling(name, settled, changed_though_agreed=changed)
    if drift:
        for (name, version), blocks in found.drift.items():
            tables.print_drift(name, version, blocks)
    print(f"\n{CHANCE_IGNORED.en}")
    if study is not None and study.invented:
        print(INVENTED.en)


def _next(found: "Agreement", disagreements: Path | None) -> None:
    if disagreements:
        print(
            f"\nThe open disagreements are in {disagreements}: fill in value and reason, then "
            f"stagemix code --settle {disagreements}"
        )
    elif any(len(agreed.open) for agreed in found.agreed.values()):
        print("\nList the open disagreements with --disagreements FILE.csv")
