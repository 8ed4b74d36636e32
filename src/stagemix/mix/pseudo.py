"""Pseudo-outcomes: for each post and stage a value whose mean is unbiased for the stage's share."""

import numpy as np
import pandas as pd

from stagemix.mix.sample import Labelled


def pseudo_outcomes(data: Labelled) -> pd.DataFrame:
    """Return one row per post to regress on: `post_id`, `account`, `published_at`, `coded` ...

    Then `inclusion_probability` (of the coded posts), `label`, and for each stage `p_...`, the
    probability by a model that never saw the post, and

        z = p + coded (y - p)/chance

    (design-based supervised learning, Egami et al. 2023, eq. 5). Over the draws the mean of z is
    y, post by post, so a regression of z on columns of the posts or accounts estimates without
    bias what one of y would; the mean over any group of posts is the Horvitz-Thompson difference
    estimate of its share. Single values may well lie outside [0, 1].
    """
    n = len(data.posts)
    coded, chance = np.zeros(n, dtype="int64"), np.full(n, np.nan)
    coded[data.row], chance[data.row] = 1, data.chance
    p = data.p_held_out
    z = data.pseudo_outcomes
    table = data.posts[["post_id", "account", "published_at"]].assign(
        coded=coded, inclusion_probability=chance, label=data.posts["label"]
    )
    of_stages = {
        f"{kind}_{name}": values[:, k]
        for kind, values in (("p", p), ("z", z))
        for k, name in enumerate(data.categories)
    }
    return table.assign(**of_stages)
