"""Labels that were not made here, by a language model or a colleague's classifier, from a file.

Hard labels say nothing of how sure they are: the coded posts say it, cross-fitted, so that no
coded post's own code enters the probabilities it is compared with (`mix.shares` relies on it).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from stagemix.codes.codebook import Codebook, Variable
from stagemix.codes.incoming import in_english
from stagemix.errors import DataError, several
from stagemix.learn.crossfit import FOLDS
from stagemix.posts.tables import read_table
from stagemix.posts.values import texts

Floats = NDArray[np.float64]
SUM_WITHIN = 0.01
"""How far a row's probabilities may be from 1 in sum, for rounding."""
SEED = 0
PSEUDO_CODES = 1.0
"""Codes of the pooled mix that are added to those of each label."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """Labels of a corpus as a file gives them.

    `table` has one row per post, in the corpus's order: `post_id`, `account`, `published_at`,
    `label`, and `p_...` per category where the file has `probabilities`.
    """

    table: pd.DataFrame
    variable: Variable
    probabilities: bool


def read_labels(path: Path, *, posts: pd.DataFrame, codebook: Codebook) -> Given:
    """Read the labels of POSTS: `post_id`, and the variable's column, `p_...` per category, or both.

    The variable is the one of CODEBOOK whose columns the file has; its labels may stand for ids.
    Without hard labels a post's label is its most probable category. Probabilities are divided by
    their sum, which rounding moves. Raises DataError naming the rows that do not fit, and the
    posts that have no row.
    """
    _check_not_ours(path)
    raw = read_table(path)
    table = in_english(raw, variables=codebook.post_variables, where=str(path))
    if "value" in table.columns and codebook.variable().id not in table.columns:
        table = table.rename(columns={"value": codebook.variable().id})
    variable = _variable(table, codebook=codebook, where=str(path))
    columns = _columns(variable)
    ids = _ids(table, where=str(path))
    _check_posts(ids, posts["post_id"], where=str(path))
    probabilities = columns[0] in table.columns
    out = pd.DataFrame(index=table.index)
    if probabilities:
        p = _probabilities(table, columns, where=str(path))
        out["label"] = np.array(variable.values)[p.argmax(axis=1)]
        out[columns] = p
    if variable.id in table.columns:
        out["label"] = _hard(table[variable.id], variable=variable, where=str(path))
    ordered = out.set_axis(ids).loc[posts["post_id"]].reset_index(drop=True)
    about = posts[["post_id", "account", "published_at"]].reset_index(drop=True)
    return Given(
        table=pd.concat([about, ordered], axis=1), variable=variable, probabilities=probabilities
    )


def with_probabilities(given: Given, codes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return GIVEN's table with `p_...`, and `post_id`, `p_...` of coded posts without their code.

    CODES is as `codes.agreed_file.read_agreed` gives it. Probabilities that were given are used as
    they are, since no code made them: the second table is then empty. For hard labels they are
    P(category | label), estimated from the codes drawn by chance (see `category_shares`) in 5
    folds; every post has the mean of the folds' estimates, a coded one in the second table that
    of the others' codes.
    """
    columns = _columns(given.variable)
    if given.probabilities:
        return given.table, given.table.loc[[], ["post_id", *columns]]
    numbers = pd.Index(given.variable.values)
    label = numbers.get_indexer(pd.Index(given.table["label"]))
    coded = _usable(codes, given)
    row = pd.Index(given.table["post_id"]).get_indexer(pd.Index(coded["post_id"]))
    fold = np.random.default_rng(SEED).permutation(len(coded)) % FOLDS
    shares = category_shares(
        label[row],
        numbers.get_indexer(pd.Index(coded["value"])),
        weights=_weights(coded["inclusion_probability"]),
        fold=fold,
        categories=len(numbers),
    )
    table = given.table.copy()
    table[columns] = shares.mean(axis=0)[label]
    held_out = pd.DataFrame(shares[fold, label[row]], columns=columns)
    held_out.insert(0, "post_id", coded["post_id"].to_numpy())
    return table, held_out


def category_shares(
    label: NDArray[np.intp],
    value: NDArray[np.intp],
    *,
    weights: Floats,
    fold: NDArray[np.intp],
    categories: int,
) -> Floats:
    """Return P(category | label) by the codes outside each fold, (folds, labels, categories).

    LABEL, VALUE (n,) number the category a coded post is labelled and coded as, FOLD (n,) its
    fold, WEIGHTS (n,) have mean 1. The double sample of Tenenbein 1972: shares of the codes
    among those of a label, with the pooled shares added as `PSEUDO_CODES` codes per label, so
    that a label without a code has the pooled shares; where no code is left, all are equal.
    """
    count = np.zeros((FOLDS, categories, categories))
    np.add.at(count, (fold, label, value), weights)
    # a sum of the other folds, not a difference: that would leave rounding below zero
    others = np.tensordot(1.0 - np.eye(FOLDS), count, axes=1)
    pool = others.sum(axis=1)
    total = pool.sum(axis=1, keepdims=True)
    pool = np.where(total > 0, pool / np.where(total > 0, total, 1.0), 1 / categories)
    shares: Floats = (others + PSEUDO_CODES * pool[:, None]) / (
        others.sum(axis=2, keepdims=True) + PSEUDO_CODES
    )
    return shares


def _usable(codes: pd.DataFrame, given: Given) -> pd.DataFrame:
    """The codes that are of these posts, codable and drawn by chance, whatever their rows' order."""
    known = codes["inclusion_probability"].notna()
    drawn = codes[known] if known.any() else codes
    mine = drawn["post_id"].isin(given.table["post_id"])
    return drawn[mine & drawn["value"].isin(given.variable.values)].sort_values("post_id")


def _weights(chance: pd.Series) -> Floats:
    weights = 1 / chance.fillna(1.0).to_numpy("float64")
    relative: Floats = weights / weights.mean() if len(weights) else weights
    return relative


def _check_not_ours(path: Path) -> None:
    """Raise where the file is the classifier's: its probabilities have seen the codes."""
    if path.suffix.lower() != ".parquet" or not path.is_file():
        return
    try:
        about = pq.read_schema(path).metadata or {}
    except (ValueError, OSError):
        return  # read_table says what is wrong with it
    if b"stagemix.model_hash" in about:
        raise DataError(
            f"{path}: written by `stagemix classify`, not labels from elsewhere; "
            f"name its folder, {path.parent}"
        )


def _variable(table: pd.DataFrame, *, codebook: Codebook, where: str) -> Variable:
    """The one variable of posts whose labels, or else whose probabilities, the table has."""
    parts = [part for variable in codebook.post_variables for part in variable.parts]
    asked = [part for part in parts if part.values]
    columns = set(table.columns)
    found = [variable for variable in asked if variable.id in columns]
    found = found or [variable for variable in asked if columns & set(_columns(variable))]
    if not found:
        first = codebook.variable()
        raise DataError(
            f"{where}: no column {first.id}; found {several(table.columns, most=20)}; the columns "
            f"are post_id and {first.id}, or {several(_columns(first), most=20)}, or both"
        )
    if len(found) > 1:
        raise DataError(
            f"{where}: labels of several variables ({several(v.id for v in found)}); "
            "keep the column of one"
        )
    missing = [name for name in _columns(found[0]) if name not in columns]
    if 0 < len(missing) < len(found[0].values):
        raise DataError(
            f"{where}: no column {several(missing, most=20)}; give a probability of every category"
        )
    return found[0]


def _columns(variable: Variable) -> list[str]:
    return [f"p_{name}" for name in variable.values]


def _ids(table: pd.DataFrame, *, where: str) -> pd.Series:
    if "post_id" not in table.columns:
        raise DataError(
            f"{where}: no column post_id; found {several(table.columns, most=20)}; "
            "name the column of the posts' ids post_id (编号)"
        )
    ids = texts(table["post_id"])
    blank = ids.index[ids.isna()]
    if len(blank):
        raise DataError(f"{where}: no post_id in row {several(blank)}; fill it in")
    twice = ids[ids.duplicated(keep=False)]
    if len(twice):
        first = twice.iloc[0]
        more = twice.nunique() - 1
        also = f" ({more} more posts stand twice)" if more else ""
        rows = several(twice.index[twice == first])
        raise DataError(f"{where}: post {first} stands in rows {rows}{also}; keep one row per post")
    return ids


def _check_posts(ids: pd.Series, posts: pd.Series, *, where: str) -> None:
    """Raise where the file and the corpus are not of the same posts."""
    strange = ids[~ids.isin(posts)]
    if len(strange):
        named = several(f"row {row} ({post})" for row, post in strange.items())
        raise DataError(
            f"{where}: {len(strange)} of {len(ids)} rows are of posts that are not in the corpus: "
            f"{named}; name the corpus that was labelled with --corpus, or remove them"
        )
    missing = posts[~posts.isin(ids)]
    if len(missing):
        raise DataError(
            f"{where}: {len(missing)} of {len(posts)} posts of the corpus have no row: "
            f"{several(missing)}; label them too"
        )


def _hard(column: pd.Series, *, variable: Variable, where: str) -> pd.Series:
    written = texts(column)
    blank = written.index[written.isna()]
    if len(blank):
        raise DataError(f"{where}: no {variable.id} in row {several(blank)}; label every post")
    meant = {c.label: c.id for c in variable.categories} | {v: v for v in variable.values}
    found = written.map(meant).fillna(written.str.lower().map(meant))
    odd = written[found.isna()]
    if len(odd):
        named = several(f"row {row} ({value!r})" for row, value in odd.items())
        raise DataError(
            f"{where}: not a category of {variable.id}: {named}; "
            f"known are {several(variable.values, most=12)}"
        )
    return found


def _probabilities(table: pd.DataFrame, columns: list[str], *, where: str) -> Floats:
    p = table[columns].apply(lambda column: pd.to_numeric(texts(column), errors="coerce"))
    odd = p.index[~((p >= 0) & (p <= 1)).all(axis=1)]
    if len(odd):
        raise DataError(
            f"{where}: a probability in row {several(odd)} is not a number from 0 to 1; correct it"
        )
    total = p.sum(axis=1)
    off = total[(total - 1).abs().round(9) > SUM_WITHIN]
    if len(off):
        rows = several(f"row {row} ({value:.3f})" for row, value in off.items())
        raise DataError(
            f"{where}: the probabilities of {len(off)} posts do not sum to 1: {rows}; correct them"
        )
    scaled: Floats = p.div(total, axis=0).to_numpy("float64")
    return scaled
