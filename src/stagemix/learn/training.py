"""Training: agreed codes and a corpus in, a cross-fitted model out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.pipeline import FeatureUnion

from stagemix.codes.codebook import Variable
from stagemix.errors import DataError, several
from stagemix.learn.crossfit import (
    LABEL_FROM,
    LEARN_FROM,
    CrossFit,
    cross_fit,
    duplicate_groups,
    mean_probabilities,
    training_weights,
)
from stagemix.learn.features import features
from stagemix.posts.post import full_text

Floats = NDArray[np.float64]
SPACE_POSTS = 4_000
"""Uncoded posts that the space of words is learned from, at most."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A trained model: texts to probabilities of every category of one variable.

    `categories` are all of the codebook's, in its order; `learned` those with a probability,
    `labelled` those that are given as a label; `counts` the codes of each category.
    """

    variable: str
    categories: tuple[str, ...]
    learned: tuple[str, ...]
    labelled: tuple[str, ...]
    counts: dict[str, int]
    features: FeatureUnion
    members: list[ClassifierMixin]

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return the probabilities of texts, (n, categories); rows sum to one."""
        X = self.features.transform(list(texts))
        return self.spread(mean_probabilities(self.members, X, categories=self.learned))

    def spread(self, learned: Floats) -> Floats:
        """Put probabilities of the learned categories in their columns of all categories."""
        out = np.zeros((len(learned), len(self.categories)))
        out[:, [self.categories.index(name) for name in self.learned]] = learned
        return out

    def labels(self, probabilities: Floats) -> NDArray[np.str_]:
        """Return the likeliest category that may be a label, per row of probabilities."""
        columns = [self.categories.index(name) for name in self.labelled]
        best = probabilities[:, columns].argmax(axis=1)
        named: NDArray[np.str_] = np.array(self.labelled)[best]
        return named


@dataclass(frozen=True, kw_only=True)
class Training:
    """A model and what its codes were given by members that never saw them.

    `out_of_fold` has one row per coded post: `post_id`, `account`, `value`,
    `inclusion_probability`, `fold`, and `p_...` per category; uncodable posts, which train
    nothing, are in it with `fold` -1.
    """

    model: Model
    out_of_fold: pd.DataFrame
    uncodable: int
    uncoded_posts: int
    space_posts: int


def train(
    codes: pd.DataFrame,
    posts: pd.DataFrame,
    *,
    variable: Variable,
    seed: int,
    fast: bool = False,
    where: str = "the codes",
    progress: Callable[[str], None] = lambda step: None,
) -> Training:
    """Train on agreed CODES (as `codes.agreed_file.read_agreed` gives them) of POSTS.

    The uncoded posts of the corpus help: the space of words is learned from them too. With FAST
    the settings are fixed; without, each member chooses its penalty within its own codes. WHERE
    names the codes' file in errors, their index its rows. Raises DataError where a coded post is not in the corpus or fewer than two categories can be learned.
    """
    coded, texts = _coded_posts(codes, posts, where=where)
    codable = coded["value"].isin(variable.values).to_numpy()
    counts = {name: int((coded["value"] == name).sum()) for name in variable.values}
    learned = tuple(name for name in variable.values if counts[name] >= LEARN_FROM)
    if len(learned) < 2:
        held = several(f"{name} {number}" for name, number in counts.items())
        raise DataError(
            f"{where}: {variable.id}: fewer than two categories have {LEARN_FROM} codes or more "
            f"({held}); code more posts before training"
        )
    labelled = tuple(name for name in learned if counts[name] >= LABEL_FROM)
    progress("learning the space of words")
    uncoded = posts.loc[~posts["post_id"].isin(codes["post_id"])]
    some = uncoded.sample(min(len(uncoded), SPACE_POSTS), random_state=seed)
    union = features(seed=seed)
    X = union.fit([*texts, *full_text(some)]).transform(list(texts))
    progress("cross-fitting the classifier")
    fit = cross_fit(
        X[codable],
        coded.loc[codable, "value"].to_numpy(dtype="str"),
        categories=learned,
        groups=duplicate_groups(texts[codable]),
        weights=training_weights(
            coded.loc[codable, "account"],
            coded.loc[codable, "inclusion_probability"],
        ),
        seed=seed,
        search=not fast,
    )
    model = Model(
        variable=variable.id,
        categories=variable.values,
        learned=learned,
        labelled=labelled or learned,
        counts=counts,
        features=union,
        members=fit.members,
    )
    return Training(
        model=model,
        out_of_fold=_out_of_fold(coded, fit, model=model, X=X, codable=codable),
        uncodable=int((~codable).sum()),
        uncoded_posts=len(uncoded),
        space_posts=len(some) + len(texts),
    )


def _out_of_fold(
    coded: pd.DataFrame, fit: CrossFit, *, model: Model, X: Floats, codable: NDArray[np.bool_]
) -> pd.DataFrame:
    """No member has seen an uncodable post, so it has the probabilities of all of them."""
    p = mean_probabilities(model.members, X, categories=model.learned)
    p[codable] = fit.probabilities
    table = coded[["post_id", "account", "value", "inclusion_probability"]].copy()
    table["fold"] = -1
    table.loc[codable, "fold"] = fit.fold
    for name, column in zip(model.categories, model.spread(p).T, strict=True):
        table[f"p_{name}"] = column
    return table


def _coded_posts(
    codes: pd.DataFrame, posts: pd.DataFrame, *, where: str
) -> tuple[pd.DataFrame, pd.Series]:
    absent = codes.loc[~codes["post_id"].isin(posts["post_id"]), "post_id"]
    if len(absent):
        rows = several(f"row {row} ({post})" for row, post in absent.items())
        raise DataError(
            f"{where}: {rows} is of a post that is not in the corpus; "
            "add their corpus with another --corpus, or take them out of the codes"
        )
    ordered = posts.set_index("post_id").loc[codes["post_id"]].reset_index()
    coded = codes.assign(account=ordered["account"].to_numpy()).reset_index(drop=True)
    return coded, full_text(ordered)
