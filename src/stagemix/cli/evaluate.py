"""`stagemix evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from stagemix.cli.output import Format, FormatOption, as_csv, as_json, records, table


def command(
    model: Annotated[Path, typer.Argument(metavar="models/NAME", help="The model folder.")],
    format_: FormatOption = Format.TEXT,
) -> None:
    """Say how good a model is: cross-validated precision, recall, F1 and the confusion matrix.

    Each coded post is judged by a model that never saw it, nor a copy of it.

    Example: stagemix evaluate models/stage
    """
    from stagemix.study.folder import INVENTED, find_study
    from stagemix.study.modelling import evaluate_folder

    card, found = evaluate_folder(model)
    study = find_study(model)
    if format_ is Format.JSON:
        confusion = {str(k): row.to_dict() for k, row in found.confusion.iterrows()}
        as_json(
            {
                **vars(found),
                "variable": card.variable,
                "model_hash": card.hash,
                "per_category": records(found.per_category),
                "confusion": confusion,
            }
        )
        return
    if format_ is Format.CSV:
        as_csv(found.per_category)
        return
    keys = ["category", "codes", "predicted", "precision", "recall", "f1"]
    table(
        keys,
        [[row[key] for key in keys] for row in records(found.per_category)],
        title=f"{card.variable}: {found.codes} codes, cross-validated",
    )
    print(
        f"\nmacro-F1 {found.macro_f1:.3f}, accuracy {found.accuracy:.3f}; always "
        f"{found.baseline_category}: macro-F1 {found.baseline_macro_f1:.3f}, accuracy "
        f"{found.baseline_accuracy:.3f}\n"
    )
    names = [str(name) for name in found.confusion.columns]
    rows = [[str(name), *row.tolist()] for name, row in found.confusion.iterrows()]
    table(["coded \\ predicted", *names], rows)
    for value, n in card.counts.items():
        if value not in card.labelled:
            print(f"{value}: {n} codes, too few to be given as a label")
    if study is not None and study.invented:
        print(INVENTED.en)
