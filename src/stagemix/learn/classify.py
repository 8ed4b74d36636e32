"""Labelling every post of a corpus, and reading such labels back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from joblib import Parallel, delayed

from stagemix.errors import DataError, MissingError, several
from stagemix.files import check_folder, whole
from stagemix.learn.model_file import StoredModel
from stagemix.learn.training import Model
from stagemix.posts.post import full_text

CHUNK = 500
PREDICTIONS = "predictions.parquet"


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Labels of a corpus as stored.

    `table` has one row per post: `post_id`, `account`, `published_at`, `label`, and `p_...` per
    category. `model` and `model_hash` tell which model gave them.
    """

    table: pd.DataFrame
    variable: str
    categories: tuple[str, ...]
    model: Path
    model_hash: str
    corpus: Path


def predict(
    posts: pd.DataFrame,
    *,
    model: Model,
    jobs: int = 1,
    progress: Callable[[int], None] = lambda done: None,
) -> pd.DataFrame:
    """Label POSTS: `post_id`, `account`, `published_at`, the variable's column, `p_...`.

    PROGRESS is told the number of posts labelled after each chunk.
    """
    texts = full_text(posts)
    chunks = [texts.iloc[i : i + CHUNK].tolist() for i in range(0, len(texts), CHUNK)]
    work = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(model.probabilities)(chunk) for chunk in chunks
    )
    parts = []
    for part in work:
        parts.append(part)
        progress(len(part))
    probabilities = np.vstack(parts)
    out = posts[["post_id", "account", "published_at"]].reset_index(drop=True)
    out[model.variable] = model.labels(probabilities)
    for name, column in zip(model.categories, probabilities.T, strict=True):
        out[f"p_{name}"] = column
    return out


def check_predictions_folder(folder: Path) -> None:
    """Raise DataError where FOLDER is a file or holds other Parquet files than predictions."""
    check_folder(folder)
    others = [path for path in folder.rglob("*.parquet") if path != folder / PREDICTIONS]
    if others:
        found = several(path.relative_to(folder).as_posix() for path in others)
        raise DataError(f"{folder}: holds {found} beside {PREDICTIONS}; move it away")


def write_predictions(
    table: pd.DataFrame, folder: Path, *, stored: StoredModel, corpus: Path
) -> Path:
    """Write labels as the only Parquet file of FOLDER; its metadata name the model and corpus."""
    check_predictions_folder(folder)
    path = folder / PREDICTIONS
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    about = {
        "stagemix.variable": stored.card.variable,
        "stagemix.categories": "\n".join(stored.model.categories),
        "stagemix.model": stored.folder.resolve().as_posix(),
        "stagemix.model_hash": stored.card.hash,
        "stagemix.corpus": corpus.resolve().as_posix(),
    }
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **about})
    with whole(path) as part:
        pq.write_table(arrow, part)
    return path


def read_predictions(folder: Path, *, model: Path | None = None) -> Predictions:
    """Read the labels of a folder of predictions; MODEL says where the model lies now.

    Raises MissingError where there are none, DataError where a file is damaged, or they do not come
    from one model or hold a post twice.
    """
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise MissingError(
            f"{folder}: no predictions there; make them with `stagemix classify corpora/NAME --out {folder}`"
        )
    tables = [_read(path) for path in files]
    about = [_about(table, path) for table, path in zip(tables, files, strict=True)]
    if len({item["stagemix.model_hash"] for item in about}) > 1:
        raise DataError(f"{folder}: predictions of two models are mixed; classify the corpus again")
    variable = about[0]["stagemix.variable"]
    table = pd.concat([table.to_pandas() for table in tables], ignore_index=True)
    twice = table.loc[table["post_id"].duplicated(), "post_id"]
    if len(twice):
        raise DataError(
            f"{folder}: post {several(twice)} has two predictions; classify the corpus again"
        )
    return Predictions(
        table=table.rename(columns={variable: "label"}),
        variable=variable,
        categories=tuple(about[0]["stagemix.categories"].split("\n")),
        model=model or Path(about[0]["stagemix.model"]),
        model_hash=about[0]["stagemix.model_hash"],
        corpus=Path(about[0]["stagemix.corpus"]),
    )


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path}: cannot be read ({type(error).__name__}); classify the corpus again"
        ) from None


def _about(table: pa.Table, path: Path) -> dict[str, str]:
    raw = table.schema.metadata or {}
    about = {k.decode(): v.decode() for k, v in raw.items() if k.startswith(b"stagemix.")}
    if not {"stagemix.model_hash", "stagemix.corpus"} <= about.keys():
        raise DataError(f"{path}: not written by `stagemix classify`; classify the corpus again")
    return about
