"""By which design the coded posts were drawn, read off their inclusion probabilities."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.posts.grouping import PERIODS, period_of

Floats = NDArray[np.float64]
TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Design:
    """The strata of a sample of n coded posts out of N.

    `name` says in words how the posts were drawn. `stratum` (n,) numbers the strata of the coded
    posts, `pair` (n,) is the probability that a post and another of its stratum are both in the
    sample. `of_posts` (N,) numbers the strata of all posts in the same way, -1 where not known;
    `paired` (N,) tells whether the stratum of a post has at least two coded posts, or no other.
    """

    name: str
    stratum: NDArray[np.intp]
    pair: Floats
    of_posts: NDArray[np.intp]
    paired: NDArray[np.bool_]


def find_design(posts: pd.DataFrame, *, row: NDArray[np.intp], chance: Floats) -> Design:
    """Find the design of the coded posts in the rows ROW of POSTS, with probabilities CHANCE.

    Where every probability is n/M of its account x period cell the draw was by cell; else of its
    period; else of its account; else of the corpus; otherwise the posts of equal probability
    within an account and year are one stratum, and strata are independent.
    """
    for name, stratum in _candidates(posts):
        size = np.bincount(stratum).astype("float64")
        drawn = np.bincount(stratum[row], minlength=len(size)).astype("float64")
        if np.abs(drawn[stratum[row]] / size[stratum[row]] - chance).max() <= TOLERANCE:
            own = stratum[row]
            pair = _pair(drawn[own], size[own])
            paired = ((drawn >= 2) | (size == drawn))[stratum]
            return Design(name=name, stratum=own, pair=pair, of_posts=stratum, paired=paired)
    year = period_of(posts["published_at"], "year").fillna("")
    cell, _ = pd.factorize(pd.MultiIndex.from_arrays([posts["account"], year]))
    equal = pd.MultiIndex.from_arrays([cell[row], np.round(chance / TOLERANCE)])
    own, _ = pd.factorize(equal)
    drawn = np.bincount(own)[own].astype("float64")
    alone = np.isin(cell, cell[row[(drawn < 2) & (chance < 1)]])
    return Design(
        name="not one simple draw; posts of equal probability within an account and year are taken as a stratum",
        stratum=own,
        pair=_pair(drawn, drawn / chance),
        of_posts=np.full(len(posts), -1),
        paired=np.isin(cell, cell[row]) & ~alone,
    )


def _candidates(posts: pd.DataFrame) -> Iterator[tuple[str, NDArray[np.intp]]]:
    account = posts["account"]
    units = PERIODS if posts["published_at"].notna().any() else ()
    periods = {}
    for unit in units:
        period = periods[unit] = period_of(posts["published_at"], unit).fillna("")
        cells = pd.MultiIndex.from_arrays([account, period])
        yield f"simple random within account and {unit}", pd.factorize(cells)[0]
    for unit, period in periods.items():
        yield f"simple random within {unit}", pd.factorize(period)[0]
    yield "simple random within account", pd.factorize(account)[0]
    yield "simple random over the corpus", np.zeros(len(posts), dtype=np.intp)


def _pair(drawn: Floats, size: Floats) -> Floats:
    """Return n(n-1)/(M(M-1)); 1 where the stratum has one post, which has no pair."""
    pairs = size * (size - 1)
    out: Floats = np.divide(drawn * (drawn - 1), pairs, out=np.ones_like(size), where=pairs > 0)
    return out
