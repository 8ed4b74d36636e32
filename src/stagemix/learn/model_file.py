"""A model as a folder: the model itself, its card, and the probabilities of its coded posts.

The model is stored by skops, so that opening one never runs code from it.
"""

import hashlib
import json
import zlib
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.pipeline import FeatureUnion

from stagemix import __version__
from stagemix.errors import DataError, MissingError, several
from stagemix.files import whole
from stagemix.learn import segment
from stagemix.learn.training import Model, Training

FORMAT = 1
FIXED, SEARCHED = "fixed", "penalty chosen by nested cross-validation"
MODEL, CARD, OUT_OF_FOLD = "model.skops", "card.json", "out_of_fold.parquet"
_TRUSTED = [
    "stagemix.learn.features.SurfaceCues",
    "stagemix.learn.features.WordSpace",
    "stagemix.learn.segment.words",
]
# what a member has learned: the last two, or the first where its codes are all of one category
_FITTED = ("class_prior_", "coef_", "intercept_")
_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, BadZipFile, zlib.error)
_PACKAGES = ("scikit-learn", "numpy", "scipy", "pandas", "skops")


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a reader needs to know of a model (line 15 of a reviewer's checklist)."""

    format: int
    variable: str
    labels: dict[str, str]
    codebook: str
    codebook_version: str
    corpora: list[str]
    codes: int
    uncodable: int
    counts: dict[str, int]
    learned: list[str]
    labelled: list[str]
    uncoded_posts: int
    space_posts: int
    settings: str
    seed: int
    trained_at: str
    versions: dict[str, str]
    hash: str
    codes_hash: str


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """A model as read from its folder."""

    folder: Path
    model: Model
    card: Card
    out_of_fold: pd.DataFrame


def versions() -> dict[str, str]:
    """Versions of all that a model's numbers depend on."""
    packages = {name: version(name) for name in _PACKAGES}
    return {"stagemix": __version__, **segment.versions(), **packages}


def save_model(
    training: Training,
    folder: Path,
    *,
    labels: dict[str, str],
    codebook: str,
    codebook_version: str,
    corpora: list[str],
    seed: int,
    fast: bool,
    trained_at: str,
) -> Card:
    """Write a model folder, replacing the model that was there; returns the card."""
    from skops.io import dump

    model = training.model
    table = training.out_of_fold
    card = Card(
        format=FORMAT,
        variable=model.variable,
        labels=labels,
        codebook=codebook,
        codebook_version=codebook_version,
        corpora=corpora,
        codes=sum(model.counts.values()),
        uncodable=training.uncodable,
        counts=model.counts,
        learned=list(model.learned),
        labelled=list(model.labelled),
        uncoded_posts=training.uncoded_posts,
        space_posts=training.space_posts,
        settings=FIXED if fast else SEARCHED,
        seed=seed,
        trained_at=trained_at,
        versions=versions(),
        hash=_hash(model.features, model.members, table),
        codes_hash=_codes_hash(table),
    )
    with whole(folder / MODEL) as part:
        dump({"features": model.features, "members": model.members}, part)
    with whole(folder / OUT_OF_FOLD) as part:
        table.to_parquet(part, index=False)
    with whole(folder / CARD) as part:
        text = json.dumps(asdict(card), ensure_ascii=False, indent=2)
        part.write_text(text + "\n", encoding="utf-8", newline="\n")
    return card


def _hash(features: FeatureUnion, members: list[ClassifierMixin], table: pd.DataFrame) -> str:
    """Hash what a model says and of which codes; the same training gives the same hash."""
    words = dict(features.transformer_list)["words"]
    svd, scaler = words.space_[0], dict(features.transformer_list)["cues"][-1]
    digest = hashlib.sha256("\n".join(sorted(words.words_.vocabulary_)).encode())
    arrays = [words.words_.idf_, svd.components_, scaler.mean_, scaler.scale_]
    for member in members:
        digest.update("\n".join(map(str, member.classes_)).encode())
        arrays += [vars(member)[name] for name in _FITTED if name in vars(member)]
    for array in arrays:
        digest.update(np.ascontiguousarray(array, dtype="float64").tobytes())
    digest.update(_codes_hash(table).encode())
    return digest.hexdigest()[:16]


def _codes_hash(table: pd.DataFrame) -> str:
    text = table.to_csv(index=False, lineterminator="\n", float_format="%.12g")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_model(folder: Path) -> StoredModel:
    """Read a model folder.

    Raises MissingError where it is not there, DataError where it is damaged, was written by a
    newer stagemix, or holds types that no stagemix model has.
    """
    from skops.io import get_untrusted_types, load

    card, table = load_card(folder)
    path = folder / MODEL
    try:
        strange = set(get_untrusted_types(file=path)) - set(_TRUSTED)
        if strange:
            raise DataError(
                f"{path}: holds {several(sorted(strange))}, which no stagemix model does; do not use it"
            )
        stored = load(path, trusted=_TRUSTED)
        if _hash(stored["features"], stored["members"], table) != card.hash:
            raise DataError(f"{path}: not the model that {CARD} describes; train the model again")
    except _DAMAGE as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path}: cannot be read ({type(error).__name__}); train the model again"
        ) from None
    model = Model(
        variable=card.variable,
        categories=tuple(card.counts),
        learned=tuple(card.learned),
        labelled=tuple(card.labelled),
        counts=card.counts,
        features=stored["features"],
        members=stored["members"],
    )
    return StoredModel(folder=folder, model=model, card=card, out_of_fold=table)


def load_card(folder: Path) -> tuple[Card, pd.DataFrame]:
    """Read the card and the out-of-fold probabilities of a model folder, not the model."""
    path = folder / CARD
    if not path.is_file():
        raise MissingError(
            f"{folder}: no model there; make one with `stagemix train --out {folder}`"
        )
    try:
        raw = json.loads(path.read_text("utf-8"))
        if int(raw["format"]) != FORMAT:
            raise DataError(
                f"{path}: format {raw['format']}, this stagemix reads {FORMAT}; train the model again"
            )
        card = Card(**raw)
        table = pd.read_parquet(folder / OUT_OF_FOLD)
        if _codes_hash(table) != card.codes_hash:
            raise DataError(
                f"{folder / OUT_OF_FOLD}: not the codes that {CARD} describes; train the model again"
            )
    except DataError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder}: the model is damaged ({type(error).__name__}); train it again"
        ) from None
    return card, table
