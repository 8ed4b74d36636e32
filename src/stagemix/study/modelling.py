"""The steps of the classifier: train a model, read its figures, label a corpus."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from stagemix.codes.agreed_file import read_agreed
from stagemix.codes.codebook import Codebook
from stagemix.errors import DataError, several
from stagemix.files import check_folder
from stagemix.learn.classify import check_predictions_folder, predict, write_predictions
from stagemix.learn.evaluate import Evaluation, evaluate
from stagemix.learn.model_file import Card, load_card, load_model, save_model
from stagemix.learn.training import train
from stagemix.posts.corpus import read_corpus

PARALLEL_FROM = 5_000
"""Posts from which on a second process pays for its start."""


def train_files(
    codes: Path,
    corpora: Sequence[Path],
    *,
    out: Path,
    codebook: Codebook,
    variable: str | None,
    seed: int,
    fast: bool,
    trained_at: str,
    progress: Callable[[str], None] = lambda step: None,
) -> Card:
    """Train on a file of agreed codes and the corpora they are from; write the model folder OUT."""
    check_folder(out)
    chosen = codebook.variable(variable)
    if chosen.level == "text":
        raise DataError(f"{chosen.id}: free text cannot be learned; name another --variable")
    agreed = read_agreed(codes, variable=chosen)
    progress("reading the posts")
    posts = pd.concat([read_corpus(folder) for folder in corpora], ignore_index=True)
    twice = posts.loc[posts["post_id"].duplicated(), "post_id"]
    if len(twice):
        raise DataError(f"post_id {several(twice)} stands in two corpora; ids must differ")
    training = train(
        agreed,
        posts,
        variable=chosen,
        seed=seed,
        fast=fast,
        where=str(codes),
        progress=progress,
    )
    progress("writing the model")
    return save_model(
        training,
        out,
        labels=chosen.labels,
        codebook=codebook.id,
        codebook_version=codebook.version,
        corpora=[folder.as_posix() for folder in corpora],
        seed=seed,
        fast=fast,
        trained_at=trained_at,
    )


def evaluate_folder(folder: Path) -> tuple[Card, Evaluation]:
    """Read a model's card and compute its cross-validated figures."""
    card, table = load_card(folder)
    return card, evaluate(table, categories=list(card.counts), labelled=card.labelled)


def classify_folder(
    corpus: Path,
    *,
    model: Path,
    out: Path,
    jobs: int | None = None,
    started: Callable[[int], None] = lambda total: None,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[str, pd.DataFrame]:
    """Label every post of a corpus and write the folder of predictions OUT.

    STARTED is told the number of posts, PROGRESS how many more are done. Without JOBS, one
    process for a small corpus and all cores for a large one. Returns the variable's id and the
    table as written.
    """
    check_predictions_folder(out)
    posts = read_corpus(corpus)
    started(len(posts))
    stored = load_model(model)
    jobs = jobs or (-1 if len(posts) >= PARALLEL_FROM else 1)
    table = predict(posts, model=stored.model, jobs=jobs, progress=progress)
    write_predictions(table, out, stored=stored, corpus=corpus)
    return stored.model.variable, table
