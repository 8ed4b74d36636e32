"""A part of a corpus: the posts that a question is about, with their part of the sample."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.errors import DataError
from stagemix.learn.crossfit import duplicate_groups
from stagemix.mix.sample import Labelled
from stagemix.posts.post import full_text


def without(data: Labelled, kept: NDArray[np.bool_]) -> Labelled:
    """Return DATA without the posts that are not KEPT (N,): the sample of a domain.

    Coded posts outside the domain leave the sample. Inclusion probabilities, single and of pairs,
    are those of the draw and stay, so that Horvitz-Thompson sums over the domain are unbiased
    (Särndal, Swensson & Wretman 1992, section 10.3); how many of the coded posts are in it is
    chance. What DATA says of uncodable posts and of suggested codes stays that of the whole corpus.
    Raises DataError where no coded post is kept.
    """
    coded = kept[data.row]
    if not coded.any():
        raise DataError(
            f"none of the {len(coded)} coded posts is among the {int(kept.sum())} posts that are "
            "counted; code some of these"
        )
    return replace(
        data,
        posts=data.posts[kept].reset_index(drop=True),
        p=data.p[kept],
        row=(np.cumsum(kept) - 1)[data.row[coded]],
        y=data.y[coded],
        q=data.q[coded],
        chance=data.chance[coded],
        design=data.design.part(codes=coded, posts=kept),
    )


def first_posts(posts: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell, for each of N posts of a post table, whether its account had not posted its text yet.

    The text is title and body but for blanks and punctuation. The earliest post is the first; at
    one time that of the lowest position, then of the lowest id; an undated post comes last. Posts
    without a letter or digit have no text to repeat. Returns (N,).
    """
    text = full_text(posts)
    order = posts.reset_index(drop=True).assign(text=duplicate_groups(text))
    order = order.sort_values(["published_at", "position", "post_id"], na_position="last")
    again = order.duplicated(["account", "text"]).sort_index().to_numpy()
    first: NDArray[np.bool_] = ~again | ~text.str.contains(r"[^\W_]").to_numpy(dtype=bool)
    return first
