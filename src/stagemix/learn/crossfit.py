"""A cross-fitted classifier: every coded post gets probabilities from a model that never saw it.

The members are trained on all codes but one fold each; the model is their mean. So a coded post's
out-of-fold probability and an uncoded post's probability come from the same kind of model, which
the corrected shares rely on (`mix.shares`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold

from stagemix.errors import DataError

Floats = NDArray[np.float64]
FOLDS = 5
LEARN_FROM = 3
"""Codes from which on a category has a probability."""
LABEL_FROM = 8
"""Codes from which on a category is given as a label."""


@dataclass(frozen=True, kw_only=True)
class CrossFit:
    """The members, and what they say of the posts they never saw.

    `probabilities` is (n codes, categories), `fold` (n codes,): which member left the post out.
    """

    members: list[ClassifierMixin]
    probabilities: Floats
    fold: NDArray[np.intp]


def cross_fit(
    X: Floats,
    y: NDArray[np.str_],
    *,
    categories: Sequence[str],
    groups: NDArray[np.intp],
    weights: Floats,
    seed: int,
    search: bool,
) -> CrossFit:
    """Train one member per fold.

    X is (n, features), Y the n values, of which only CATEGORIES are learned; posts of one group
    (duplicates) stay in one fold. With SEARCH each member chooses its penalty by cross-validation
    within its own codes (so the choice is nested); without, it is fixed. A member whose codes are
    all of one category gives that category. Raises DataError where there is only one group.
    """
    splits = _folds(X, y, groups=groups, seed=seed)
    members = [
        _member(X[train], y[train], weights[train], categories, search, seed) for train, _ in splits
    ]
    probabilities = np.zeros((len(y), len(categories)))
    fold = np.zeros(len(y), dtype=np.intp)
    for number, (member, (_, test)) in enumerate(zip(members, splits, strict=True)):
        probabilities[test] = member_probabilities(member, X[test], categories=categories)
        fold[test] = number
    return CrossFit(members=members, probabilities=probabilities, fold=fold)


def _folds(
    X: Floats, y: NDArray[np.str_], *, groups: NDArray[np.intp], seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    counts = pd.Series(y).value_counts()
    common = counts.index[counts >= FOLDS]
    # a category with fewer codes than folds is spread as if it were the commonest one
    spread = np.where(np.isin(y, common), y, common[0] if len(common) else y[0])
    folds = min(FOLDS, len(np.unique(groups)))
    if folds < 2:
        raise DataError("the coded posts all have the same text; code other posts before training")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(X, spread, groups))


def _member(
    X: Floats,
    y: NDArray[np.str_],
    weights: Floats,
    categories: Sequence[str],
    search: bool,
    seed: int,
) -> ClassifierMixin:
    known = np.isin(y, categories)
    X, y, weights = X[known], y[known], weights[known]
    if len(np.unique(y)) == 1:  # every code of the other categories is in the fold left out
        return DummyClassifier(strategy="prior").fit(X, y, sample_weight=weights)
    model = LogisticRegression(C=20.0, max_iter=2_000)
    smallest = int(pd.Series(y).value_counts().min())
    if not search or smallest < 3:
        return model.fit(X, y, sample_weight=weights)
    tried = {"C": [2.0, 6.0, 20.0, 60.0]}
    inner = StratifiedGroupKFold(3, shuffle=True, random_state=seed)
    search_ = GridSearchCV(model, tried, scoring="neg_log_loss", cv=inner)
    return search_.fit(X, y, groups=np.arange(len(y)), sample_weight=weights).best_estimator_


def member_probabilities(
    member: ClassifierMixin, X: Floats, *, categories: Sequence[str]
) -> Floats:
    """Return one member's probabilities, (n, categories); 0 for what it never saw."""
    out = np.zeros((len(X), len(categories)))
    columns = [list(categories).index(str(value)) for value in member.classes_]
    out[:, columns] = member.predict_proba(X)
    return out


def mean_probabilities(
    members: Sequence[ClassifierMixin], X: Floats, *, categories: Sequence[str]
) -> Floats:
    """Return the model's probabilities, (n, categories): the mean of its members'."""
    each = [member_probabilities(member, X, categories=categories) for member in members]
    mean: Floats = np.mean(each, axis=0)
    return mean


def duplicate_groups(texts: pd.Series) -> NDArray[np.intp]:
    """Number texts so that the same text, but for blanks and punctuation, has the same number."""
    plain = texts.str.replace(r"[\W_]+", "", regex=True)
    codes, _ = pd.factorize(plain)
    return codes


def training_weights(accounts: pd.Series, probabilities: pd.Series) -> Floats:
    """Weights 1/pi divided by their mean within the account (statistics: section 1).

    Only unequal chances within an account count; between accounts, equal numbers of codes from
    very unequal numbers of posts would otherwise waste the codes of the small ones. A code whose
    chance is not known (nan) weighs as much as the mean of its account.
    """
    w = 1 / probabilities
    relative = (w / w.groupby(accounts).transform("mean")).fillna(1.0)
    weights: Floats = relative.to_numpy(dtype="float64")
    return weights
