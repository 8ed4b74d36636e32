"""The overall shares if other codes were the true ones: how far coder error can move them.

The corrected shares take the agreed codes for the truth. Here the same estimator is given what
coders coded alone, post by post. The model's probabilities stay as they are, also where it learned
from the agreed codes: the difference estimator is right on average whatever they are, a model
trained on the other codes would only make the intervals a little shorter.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.codes.codebook import UNCODABLE
from stagemix.errors import DataError, several
from stagemix.learn.crossfit import training_weights
from stagemix.mix.sample import Labelled
from stagemix.mix.shares import (
    OverallEstimate,
    Shares,
    dispersion,
    overall_estimate,
    wilson_interval,
)

COLUMNS = ("scenario", "stage", "share", "low", "high", "codes_changed")
UPWARD, DOWNWARD = "doubts upward", "doubts downward"
MEASURED = "measured disagreement"
DRAWS = 200
SEED = 1

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
_UNCODABLE = -1


def shares_if(data: Labelled, values: pd.DataFrame) -> pd.DataFrame:
    """Compute the overall shares in every scenario of VALUES, with the columns `COLUMNS`.

    VALUES has a row per coded post (index `post_id`; posts that are not coded are left alone) and
    a column per scenario: a category, `uncodable`, or blank where the post keeps its agreed code.
    An uncodable post leaves the sample and the posts, as in `Labelled`; posts agreed to be
    uncodable are not in DATA and stay away. `codes_changed` counts coded posts whose value is not
    the agreed one. Raises DataError where a value is not the model's, or no codable post is left.
    """
    numbers = _numbers(_of_coded(data, values), categories=data.categories)
    own = data.y.argmax(axis=1)
    tables = []
    for name, column in zip(values.columns, numbers.T, strict=True):
        codes = np.where(np.isnan(column), own, column).astype(np.intp)
        shares = wilson_interval(_estimate(data, codes, scenario=name))
        tables.append(_table(data, shares, scenario=name, changed=float((codes != own).sum())))
    return pd.concat(tables, ignore_index=True)


def shares_redrawn(data: Labelled, given: pd.DataFrame) -> pd.DataFrame:
    """Compute the overall shares with the truth drawn from what coders said, as `COLUMNS`.

    GIVEN has a row per coded post (index `post_id`) and a column per coder, blank where the coder
    did not code the post. In each of `DRAWS` draws (seed `SEED`) every post has the value of one
    of its coders, all equally likely; a post without coders keeps its agreed code. Shares and
    intervals are those of `combined`; `codes_changed` is the mean over the draws. The share is
    about that of the coders' codes: how coders err on average, alike or each alone, stays in it,
    and the interval need not hold the true share. Raises DataError as `shares_if` does.
    """
    drawn = _draw(data, given)
    own = data.y.argmax(axis=1)
    shares = wilson_interval(combined([_estimate(data, c, scenario=MEASURED) for c in drawn]))
    changed = float((drawn != own).sum(axis=1).mean())
    return _table(data, shares, scenario=MEASURED, changed=changed)


def combined(estimates: Sequence[OverallEstimate]) -> OverallEstimate:
    """Combine the estimates of M >= 2 draws of the truth (Rubin 1987, ch. 3).

    theta is the mean over the draws; variance T = W + (1 + 1/M) B with W the mean variance within
    a draw and B the variance of theta over the draws, divisor M - 1. At 200 draws Rubin's t
    distribution has 199 degrees of freedom or more, and the normal quantile stands for its own.
    What coders scatter is in the residuals of each draw too, so T is rather too large (the standard error by up to a third).
    """
    theta = np.array([e.theta for e in estimates])
    within = np.mean([e.variance for e in estimates], axis=0)
    # from the first, so that draws which are the same differ by nothing and not by a rounding
    moved = theta - theta[0]
    between = moved.var(axis=0, ddof=1)
    return OverallEstimate(
        theta=theta[0] + moved.mean(axis=0),
        variance=within + (1 + 1 / len(theta)) * between,
        spread=np.mean([e.spread for e in estimates], axis=0),
        unseen=float(np.mean([e.unseen for e in estimates])),
    )


def doubts(given: pd.DataFrame, *, categories: tuple[str, ...]) -> pd.DataFrame:
    """Resolve every doubt one way: for each post the highest and the lowest of its coders' stages.

    GIVEN is as in `shares_redrawn`, CATEGORIES in ascending order. Returns the columns `UPWARD`
    and `DOWNWARD`: blank where nobody coded a post, `uncodable` where no coder gave it a stage.
    """
    numbers = _numbers(given, categories=categories)
    k = len(categories)
    highest = np.where(np.isnan(numbers), _UNCODABLE - 1, numbers).max(axis=1)
    below = np.where(numbers == _UNCODABLE, k, numbers)
    lowest = np.where(np.isnan(below), k + 1, below).min(axis=1)
    names = pd.Series({_UNCODABLE: UNCODABLE, k: UNCODABLE} | dict(enumerate(categories)))
    found = {UPWARD: highest, DOWNWARD: lowest}
    return pd.DataFrame(
        {name: names.reindex(v).to_numpy() for name, v in found.items()}, index=given.index
    )


def _of_coded(data: Labelled, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.loc[data.posts["post_id"].iloc[data.row]]


def _numbers(values: pd.DataFrame, *, categories: tuple[str, ...]) -> Floats:
    """Positions among the categories, -1 for uncodable, nan for blank, in the shape of VALUES."""
    positions = {UNCODABLE: _UNCODABLE} | {name: i for i, name in enumerate(categories)}
    strange = set(values.melt()["value"].dropna()) - set(positions)
    if strange:
        raise DataError(
            f"the model does not know {several(sorted(strange))}, which a coder's codes hold; "
            "train it again, and classify the corpus with it"
        )
    numbers = [values[name].map(positions).to_numpy("float64") for name in values.columns]
    return np.column_stack(numbers)


def _draw(data: Labelled, given: pd.DataFrame) -> Ints:
    """Draw codes (DRAWS, n) of the coded posts, the same whatever the order of rows and coders."""
    coders = _of_coded(data, given).sort_index(axis=1)
    numbers = _numbers(coders, categories=data.categories)
    there = ~np.isnan(numbers)
    count = there.sum(axis=1)
    first = np.argsort(~there, axis=1, kind="stable")
    by_name = np.argsort(coders.index.to_numpy().astype("str"))
    u = np.empty((DRAWS, len(numbers)))
    u[:, by_name] = np.random.default_rng(SEED).random(u.shape)
    nth = (u * count).astype(np.intp)
    n = np.arange(len(numbers))
    value = numbers[n, first[n, nth]]
    drawn: Ints = np.where(np.isnan(value), data.y.argmax(axis=1), value).astype(np.intp)
    return drawn


def _estimate(data: Labelled, codes: Ints, *, scenario: str) -> OverallEstimate:
    """Estimate the overall shares with CODES (n,), -1 for uncodable, instead of the agreed ones."""
    kept = codes != _UNCODABLE
    if not kept.any():
        raise DataError(f"{scenario}: no coded post can be used: every one is uncodable")
    chance = data.chance
    if not kept.all():
        chance = data.design.without(~kept, row=data.row).chance
    y, q = np.eye(len(data.categories))[codes[kept]], data.q[kept]
    account = data.posts["account"].iloc[data.row[kept]].reset_index(drop=True)
    phi = dispersion(y, q, training_weights(account, pd.Series(chance)))
    p = np.delete(data.p_held_out, data.row[~kept], axis=0)
    return overall_estimate(p, y, q, chance, phi)


def _table(data: Labelled, shares: Shares, *, scenario: str, changed: float) -> pd.DataFrame:
    columns = {"scenario": scenario, "stage": list(data.categories)}
    table = pd.DataFrame(columns | vars(shares) | {"codes_changed": changed})
    return table[list(COLUMNS)]
