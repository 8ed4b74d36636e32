"""`stagemix train`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from stagemix.cli.output import Format, FormatOption, as_csv, as_json, steps


def command(
    codes: Annotated[
        Path | None,
        typer.Option(
            help="Agreed codes: post_id, a column per variable, inclusion_probability "
            "if known [coding/agreed.csv]."
        ),
    ] = None,
    corpus: Annotated[
        list[Path] | None,
        typer.Option(help="The corpus of the coded posts; repeatable [study.toml]."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The model folder [models/VARIABLE].")] = None,
    variable: Annotated[
        str | None, typer.Option(help="The variable to learn [the codebook's first].")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Fixed settings, without search.")] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Seed [study.toml].")
    ] = None,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Train a classifier on the agreed codes, cross-fitted.

    The uncoded posts of the corpus help. The model folder keeps, beside the model and its card,
    what each coded post was given by a model that never saw it.

    Example: stagemix train --codes coding/agreed.csv --corpus corpora/posts --out models/stage
    """
    import pandas as pd

    from stagemix.errors import MissingError
    from stagemix.study.folder import codebook_at, find_study
    from stagemix.study.modelling import train_files
    from stagemix.study.standing import standing

    study = find_study(Path.cwd())
    if codes is None and study is not None:
        codes = study.agreed
    if not corpus and study is not None:
        corpus = [study.root / "corpora" / study.corpus]
    if codes is None or not corpus:
        raise MissingError("not in a study: name --codes FILE and --corpus DIR")
    codebook = codebook_at(Path.cwd())
    name = codebook.variable(variable).id
    root = Path() if study is None else study.root
    with steps() as progress:
        card = train_files(
            codes,
            corpus,
            out=out or root / "models" / name,
            codebook=codebook,
            variable=variable,
            seed=seed if seed is not None else (study.seed if study else 1),
            fast=fast,
            trained_at=datetime.now().astimezone().isoformat(timespec="seconds"),
            progress=progress,
        )
    if format_ is not Format.TEXT:
        counts = pd.DataFrame([{"category": k, "codes": n} for k, n in card.counts.items()])
        as_json(vars(card)) if format_ is Format.JSON else as_csv(counts)
        return
    print(
        f"Trained on {card.codes} codes of {name} and {card.uncoded_posts} uncoded posts: "
        f"{out or root / 'models' / name} (hash {card.hash})"
    )
    for value, n in card.counts.items():
        if value not in card.learned:
            print(f"{value}: {n} codes, too few to be learned; it stays in every table with 0")
        elif value not in card.labelled:
            print(f"{value}: {n} codes, learned, but too few to be given as a label")
    if study is not None and codes == study.agreed:
        left = standing(study, round_=study.round, variable=name).remark
        if left is not None:
            print(left.en)
    print(f"Next: stagemix evaluate {out or root / 'models' / name}")
