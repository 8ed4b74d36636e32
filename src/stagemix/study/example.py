"""The example study: an invented one, copied into a folder and run from codes to report."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

import pandas as pd

from stagemix.errors import DataError
from stagemix.posts.corpus import read_corpus
from stagemix.posts.tables import read_table
from stagemix.report.page import Report
from stagemix.study.folder import SETTINGS, read_study
from stagemix.study.modelling import classify_folder, train_files
from stagemix.study.reporting import gather, write_files

TRUTH = "truth.csv"


@dataclass(frozen=True, kw_only=True)
class ExampleRun:
    """What the run found; `held` of `intervals` intervals by account hold the true share."""

    report: Report
    page: Path
    held: int
    intervals: int


def copy_example(to: Path) -> None:
    """Copy the example study into the folder TO, which is empty or not there.

    Raises DataError where TO holds something else than the example.
    """
    if (to / SETTINGS).is_file():
        if not read_study(to).invented:
            raise DataError(f"{to}: holds a study of yours; run the demo in another folder")
        return
    if to.is_dir() and any(to.iterdir()):
        raise DataError(f"{to}: the folder is not empty; run the demo in another folder")
    with resources.as_file(resources.files("stagemix") / "example") as source:
        if not source.is_dir():
            raise DataError(
                "the example study is in the wheel and in the repository, not in this "
                "installation; run the demo inside the repository"
            )
        shutil.copytree(source, to, dirs_exist_ok=True)


def run_example(
    to: Path, *, now: datetime, progress: Callable[[str], None] = lambda step: None
) -> ExampleRun:
    """Run the main job on the example study in the folder TO: train, classify, mix, report."""
    copy_example(to)
    study = read_study(to)
    corpus = to / "corpora" / study.corpus
    variable = study.codebook.variable()
    model, predictions = to / "models" / variable.id, to / "predictions" / study.corpus
    train_files(
        study.agreed,
        [corpus],
        out=model,
        codebook=study.codebook,
        variable=variable.id,
        seed=study.seed,
        fast=False,
        trained_at=now.isoformat(timespec="seconds"),
        progress=progress,
    )
    progress("classifying")
    classify_folder(corpus, model=model, out=predictions)
    progress("correcting the shares")
    report = gather(study, written_at=now)
    progress("drawing")
    files = write_files(report, to / "reports")
    held, intervals = _holding_truth(report.per_account, corpus, stage=variable.id)
    return ExampleRun(report=report, page=files[0], held=held, intervals=intervals)


def _holding_truth(mix: pd.DataFrame, corpus: Path, *, stage: str) -> tuple[int, int]:
    """Count the intervals of a mix by account that hold the true share, and all of them."""
    truth = read_table(corpus / TRUTH).set_index("post_id")[stage]
    posts = read_corpus(corpus)
    true = posts.assign(true=posts["post_id"].map(truth))
    share = pd.crosstab(true["account"], true["true"], normalize="index").stack()
    given = mix[mix["status"] != "refused"].set_index(["account", "stage"])
    value = share.reindex(given.index, fill_value=0.0).astype("float64")
    low, high = given["low"].astype("float64"), given["high"].astype("float64")
    held = (low <= value + 1e-9) & (value <= high + 1e-9)
    return int(held.to_numpy().sum()), len(given)
