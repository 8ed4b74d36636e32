"""`stagemix classify`, which is also the command `classify`."""

from pathlib import Path
from typing import Annotated

import typer

from stagemix.cli.output import (
    Format,
    FormatOption,
    for_machines,
    progress_bar,
    records,
    table,
)


def command(
    corpus: Annotated[Path, typer.Argument(metavar="corpora/NAME", help="The corpus.")],
    model: Annotated[Path | None, typer.Option(help="The model folder [models/stage].")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder of predictions [predictions/NAME].")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Processes; -1 for every core.")] = None,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Label every post of a corpus.

    Writes post_id, account, published_at, the label and a probability per category.

    Example: classify corpora/posts
    """
    from stagemix.study.folder import codebook_at, find_study
    from stagemix.study.modelling import classify_folder

    study = find_study(Path.cwd())
    root = Path() if study is None else study.root
    variable = codebook_at(Path.cwd()).variable().id
    folder = out or root / "predictions" / corpus.resolve().name
    with progress_bar("classifying") as (started, progress):
        label, found = classify_folder(
            corpus,
            model=model or root / "models" / variable,
            out=folder,
            jobs=jobs,
            started=started,
            progress=progress,
        )
    counts = found[label].value_counts().rename_axis(label).rename("n_posts").reset_index()
    counts["share_raw"] = counts["n_posts"] / len(found)
    if format_ is not Format.TEXT:
        for_machines(counts, format_)
        return
    table(list(counts.columns), [list(row.values()) for row in records(counts)])
    print(
        f"\n{len(found)} posts labelled: {folder}. Raw shares hold the classifier's errors; "
        f"next: stagemix mix {folder}"
    )
