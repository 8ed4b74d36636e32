"""The coded posts beside the predictions they correct."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.codes.codebook import UNCODABLE
from stagemix.errors import DataError, several
from stagemix.mix.design import Design, find_design

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A labelled corpus of N posts and the n coded posts of a probability sample of it.

    `posts` has a row per post: `post_id`, `account`, `published_at`, `label`; `p` (N, k) are the
    model's probabilities. About the coded posts: `row` (n,) their rows in `posts`, `y` (n, k) 1
    for the coded category, `q` (n, k) the probabilities by members that never saw them, `chance`
    (n,) their inclusion probabilities, `design` how they were drawn. `uncodable` posts were drawn
    too and left the sample; `uncodable_share` is their estimated share of the corpus.
    """

    posts: pd.DataFrame
    categories: tuple[str, ...]
    p: Floats
    row: NDArray[np.intp]
    y: Floats
    q: Floats
    chance: Floats
    design: Design
    chance_known: bool
    uncodable: int
    uncodable_share: float

    @property
    def counts(self) -> dict[str, int]:
        """Coded posts per category."""
        return {k: int(n) for k, n in zip(self.categories, self.y.sum(axis=0), strict=True)}


def labelled_corpus(
    predictions: pd.DataFrame,
    codes: pd.DataFrame,
    out_of_fold: pd.DataFrame,
    *,
    categories: tuple[str, ...],
    where: str = "the codes",
) -> Labelled:
    """Bring predictions, agreed codes and out-of-fold probabilities together.

    PREDICTIONS has `post_id`, `account`, `published_at`, `label`, `p_...`; CODES is as
    `codes.agreed_file.read_agreed` gives it; OUT_OF_FOLD has `post_id`, `p_...` of the posts that
    the model was trained on. A coded post that the model never saw takes the prediction's
    probabilities. Without inclusion probabilities the codes count as a simple random sample. WHERE
    names the codes' file in errors, their index its rows. Raises DataError where codes are of posts that have no prediction, have values that the model
    does not know, or none can be used.
    """
    posts = predictions.reset_index(drop=True)
    row_of = pd.Series(posts.index, index=posts["post_id"])
    absent = codes.loc[~codes["post_id"].isin(row_of.index), "post_id"]
    if len(absent):
        rows = several(f"row {row} ({post})" for row, post in absent.items())
        raise DataError(
            f"{where}: {rows} is of a post that has no prediction; "
            "classify the corpus they are from, or leave them out of the codes"
        )
    strange = set(codes["value"]) - {*categories, UNCODABLE}
    if strange:
        raise DataError(
            f"the model does not know {several(sorted(strange))}, which the codes hold; "
            "train it again, and classify the corpus with it"
        )
    codable = codes["value"].isin(categories).to_numpy()
    if not codable.any():
        raise DataError("no coded post can be used: every one is uncodable")
    row = row_of.loc[codes["post_id"]].to_numpy(dtype="int64")
    chance = codes["inclusion_probability"].fillna(len(codes) / len(posts)).to_numpy("float64")
    design = find_design(posts, row=row, chance=chance)
    columns = [f"p_{name}" for name in categories]
    p = posts[columns].to_numpy(dtype="float64")
    seen = out_of_fold.set_index("post_id")[columns].reindex(codes["post_id"])
    q = np.where(seen.notna(), seen, p[row]).astype("float64")
    y = (codes["value"].to_numpy()[:, None] == np.array(categories)).astype("float64")
    weights = 1 / chance
    return Labelled(
        posts=posts[["post_id", "account", "published_at", "label"]],
        categories=categories,
        p=p,
        row=row[codable],
        y=y[codable],
        q=q[codable],
        chance=chance[codable],
        design=replace(design, stratum=design.stratum[codable], pair=design.pair[codable]),
        chance_known=bool(codes["inclusion_probability"].notna().all()),
        uncodable=int((~codable).sum()),
        uncodable_share=float(weights[~codable].sum() / weights.sum()),
    )
