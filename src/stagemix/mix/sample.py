"""The coded posts beside the predictions they correct."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.codes.codebook import UNCODABLE
from stagemix.errors import DataError, several
from stagemix.learn.crossfit import training_weights
from stagemix.mix.design import Design, Stored, find_design, stored_design

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A labelled corpus of N posts and the n coded posts of a probability sample of it.

    `posts` has a row per post: `post_id`, `account`, `published_at`, `label`; `p` (N, k) are the
    model's probabilities. About the coded posts: `row` (n,) their rows in `posts`, `y` (n, k) 1
    for the coded category, `q` (n, k) the probabilities by members that never saw them, `chance`
    (n,) their inclusion probabilities, `design` how they were drawn. `uncodable` posts were drawn
    too and are not among the N, since shares are about codable posts; `uncodable_share` is the
    estimated share of such posts in the corpus. `suggested` codes were not drawn by chance and
    correct nothing. `stand_for` is the number of posts that the drawn codes stand for by the
    probabilities they came with.
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
    suggested: int
    stand_for: float

    @cached_property
    def p_held_out(self) -> Floats:
        """`p` with the out-of-fold probabilities in the coded posts' rows, (N, k)."""
        p = self.p.copy()
        p[self.row] = self.q
        return p

    @cached_property
    def relative_weights(self) -> Floats:
        """1/chance of each coded post divided by its mean within the account, (n,)."""
        account = self.posts["account"].iloc[self.row].reset_index(drop=True)
        return training_weights(account, pd.Series(self.chance))

    @cached_property
    def pseudo_outcomes(self) -> Floats:
        """z = p + coded (y - q)/chance (Egami et al. 2023, eq. 5), in the mean y whatever p; (N, k)."""
        z = self.p_held_out.copy()
        z[self.row] += (self.y - self.q) / self.chance[:, None]
        return z

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
    stored: Stored | None = None,
    accounts: pd.DataFrame | None = None,
) -> Labelled:
    """Bring predictions, agreed codes and out-of-fold probabilities together.

    PREDICTIONS has `post_id`, `account`, `published_at`, `label`, `p_...`; CODES is as
    `codes.agreed_file.read_agreed` gives it; OUT_OF_FOLD has `post_id`, `p_...` of the posts that
    the model was trained on. A coded post that the model never saw takes the prediction's
    probabilities. Codes without an inclusion probability were not drawn by chance and are left
    out; where no code has one, they count as a simple random sample. The design is the STORED one
    of the round where the corpus still is the one it was drawn from, else it is read off the
    probabilities. WHERE names the codes' file in errors, their index its rows. Raises DataError
    where codes are of posts that have no prediction, have values that the model does not know, or
    none can be used.
    """
    posts = predictions.reset_index(drop=True)
    rows = pd.Index(posts["post_id"].astype("object")).get_indexer(
        codes["post_id"].astype("object")
    )
    _check(rows, codes, categories=categories, where=where)
    known = codes["inclusion_probability"].notna()
    chance_known = bool(known.any())
    drawn = codes[known] if chance_known else codes
    row = rows[known] if chance_known else rows
    chance = drawn["inclusion_probability"].fillna(len(drawn) / len(posts)).to_numpy("float64")
    design = None
    if stored is not None:
        design = stored_design(posts, stored, row=row, accounts=accounts)
    if design is None:
        design = find_design(posts, row=row, chance=chance)
    columns = [f"p_{name}" for name in categories]
    p = posts[columns].to_numpy(dtype="float64")
    seen = out_of_fold.set_index("post_id")[columns].reindex(drawn["post_id"])
    codable = drawn["value"].isin(categories).to_numpy()
    if not codable.any():
        raise DataError("no coded post can be used: every one is uncodable")
    kept = np.ones(len(posts), dtype=bool)
    kept[row[~codable]] = False
    weights = 1 / design.chance
    left = design.without(~codable, row=row)
    return Labelled(
        posts=posts.loc[kept, ["post_id", "account", "published_at", "label"]].reset_index(
            drop=True
        ),
        categories=categories,
        p=p[kept],
        row=(np.cumsum(kept) - 1)[row[codable]],
        y=(drawn["value"].to_numpy()[codable, None] == np.array(categories)).astype("float64"),
        q=np.where(seen.notna(), seen, p[row]).astype("float64")[codable],
        chance=left.chance,
        design=left,
        chance_known=chance_known,
        uncodable=int((~codable).sum()),
        uncodable_share=float(weights[~codable].sum() / weights.sum()),
        suggested=len(codes) - len(drawn),
        stand_for=float((1 / chance).sum()),
    )


def _check(
    rows: NDArray[np.intp], codes: pd.DataFrame, *, categories: tuple[str, ...], where: str
) -> None:
    absent = codes.loc[rows < 0, "post_id"]
    if len(absent):
        named = several(f"row {row} ({post})" for row, post in absent.items())
        raise DataError(
            f"{where}: {named} is of a post that has no prediction; "
            "classify the corpus they are from, or leave them out of the codes"
        )
    strange = set(codes["value"]) - {*categories, UNCODABLE}
    if strange:
        raise DataError(
            f"the model does not know {several(sorted(strange))}, which the codes hold; "
            "train it again, and classify the corpus with it"
        )
