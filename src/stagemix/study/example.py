"""The example study: an invented one, copied into a folder and run from codes to report."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

import pandas as pd

from stagemix.codes.reliability import Reliability
from stagemix.errors import DataError
from stagemix.learn.evaluate import Evaluation
from stagemix.mix.converge import Convergence
from stagemix.posts.tables import read_table
from stagemix.study.coding import agreement_of_round
from stagemix.study.folder import SETTINGS, read_study
from stagemix.study.mixing import convergence_of, corrected, mix_of
from stagemix.study.modelling import classify_folder, evaluate_folder, train_files
from stagemix.study.reporting import write_report

TRUTH = "truth.csv"


@dataclass(frozen=True, kw_only=True)
class ExampleRun:
    """What the run found; `held` of `intervals` printed intervals hold the true share."""

    reliability: Reliability
    evaluation: Evaluation
    labels: dict[str, str]
    mix: pd.DataFrame
    convergence: Convergence
    report: Path
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
    agreement = agreement_of_round(study, round_=study.round)
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
    source = corrected(predictions, codebook=study.codebook, study=study)
    mix = mix_of(source, by="account")
    convergence = convergence_of(source, by=f"account,{study.period}")
    files = write_report(study, out=to / "reports", written_at=now, progress=progress)
    held, intervals = _holding_truth(mix, corpus, stage=variable.id, posts=source.data.posts)
    return ExampleRun(
        reliability=next(r for r in agreement.reliability if r.variable == variable.id),
        evaluation=evaluate_folder(model)[1],
        labels=variable.labels,
        mix=mix,
        convergence=convergence,
        report=files[0],
        held=held,
        intervals=intervals,
    )


def _holding_truth(
    mix: pd.DataFrame, corpus: Path, *, stage: str, posts: pd.DataFrame
) -> tuple[int, int]:
    """Count the intervals of a mix by account that hold the true share, and all of them."""
    truth = read_table(corpus / TRUTH).set_index("post_id")[stage]
    true = posts.assign(true=posts["post_id"].map(truth))
    share = pd.crosstab(true["account"], true["true"], normalize="index").stack()
    given = mix[mix["status"] != "refused"].set_index(["account", "stage"])
    value = share.reindex(given.index, fill_value=0.0).astype("float64")
    low, high = given["low"].astype("float64"), given["high"].astype("float64")
    held = (low <= value + 1e-9) & (value <= high + 1e-9)
    return int(held.to_numpy().sum()), len(given)
