"""By which design the coded posts were drawn: as stored, or read off their probabilities."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.posts.grouping import PERIODS, grouping, period_number
from stagemix.posts.sampling import WHOLE, strata_of

Floats = NDArray[np.float64]
TOLERANCE = 1e-6
OVER_ALL = "simple random over the corpus"


@dataclass(frozen=True, kw_only=True)
class Design:
    """The strata of a sample of n coded posts out of N.

    `name` says in words how the posts were drawn. `chance` (n,) are inclusion probabilities,
    `stratum` (n,) numbers the strata of the coded posts, `pair` (n,) is the probability that a post and another of its stratum are both in the
    sample. `of_posts` (N,) numbers the strata of all posts in the same way, -1 where not known;
    `paired` (N,) tells whether the stratum of a post has at least two coded posts, or no other;
    `covered` (N,) whether it has any; where strata are not known, whether its account has.
    """

    name: str
    chance: Floats
    stratum: NDArray[np.intp]
    pair: Floats
    of_posts: NDArray[np.intp]
    paired: NDArray[np.bool_]
    covered: NDArray[np.bool_]

    def part(self, *, codes: NDArray[np.bool_], posts: NDArray[np.bool_]) -> "Design":
        """Return the design of some of the coded posts, CODES (n,), and of the POSTS (N,)."""
        return replace(
            self,
            chance=self.chance[codes],
            stratum=self.stratum[codes],
            pair=self.pair[codes],
            of_posts=self.of_posts[posts],
            paired=self.paired[posts],
            covered=self.covered[posts],
        )

    def without(self, gone: NDArray[np.bool_], *, row: NDArray[np.intp]) -> "Design":
        """Return the design without coded posts that are GONE (n,) from sample and corpus.

        ROW (n,) are the rows of the coded posts. Those left of a stratum stand for all of its
        posts that are left, so their chances are counted anew.
        """
        kept = np.ones(len(self.of_posts), dtype=bool)
        kept[row[gone]] = False
        if (self.of_posts >= 0).all():
            left = (np.cumsum(kept) - 1)[row[~gone]]
            return _of_strata(self.name, self.of_posts[kept], row=left)
        drawn = np.bincount(self.stratum).astype("float64")
        size = np.bincount(self.stratum, 1 / self.chance)
        lost = np.bincount(self.stratum, gone).astype("float64")
        part = self.part(codes=~gone, posts=kept)
        chance = np.minimum((drawn - lost)[part.stratum] / (size - lost)[part.stratum], 1.0)
        n = (drawn - lost)[part.stratum]
        alone = bool(((n < 2) & (chance < 1 - TOLERANCE)).any())
        return replace(
            part, chance=chance, pair=_pair(n, n / chance), paired=part.paired & (not alone)
        )


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A design as a round of coding keeps it.

    `by` are the columns of the strata, none for a simple draw; `strata` maps each stratum's name
    to the posts it had.
    """

    by: tuple[str, ...]
    strata: Mapping[str, int]


def stored_design(
    posts: pd.DataFrame,
    stored: Stored,
    *,
    row: NDArray[np.intp],
    accounts: pd.DataFrame | None = None,
) -> Design | None:
    """Return the design of the coded posts in the rows ROW of POSTS, or None if it is another's.

    The posts of a stratum that are still without a code are treated as if missing by chance in it:
    `chance` is its coded posts over its posts. None where POSTS are not those of the draw (a
    stratum is not there, or has more or fewer posts than it had), or strata cannot be told from
    what predictions hold (account, time and the account table).
    """
    known = {"account", *PERIODS, *([] if accounts is None else accounts.columns)}
    if not set(stored.by) <= known:
        return None
    names = pd.Series(WHOLE, index=posts.index)
    if stored.by:
        if any(grouping(posts, name, accounts=accounts).isna().any() for name in stored.by):
            return None
        names = strata_of(posts, by=stored.by, accounts=accounts)
    if names.value_counts().to_dict() != dict(stored.strata):
        return None
    stratum, _ = pd.factorize(names)
    name = f"simple random within {' and '.join(stored.by)}" if stored.by else OVER_ALL
    return _of_strata(name, stratum, row=row)


def _of_strata(name: str, stratum: NDArray[np.intp], *, row: NDArray[np.intp]) -> Design:
    """The design of a simple random draw, the rows ROW (n,), within known strata (N,)."""
    size = np.bincount(stratum).astype("float64")
    drawn = np.bincount(stratum[row], minlength=len(size)).astype("float64")
    own = stratum[row]
    return Design(
        name=name,
        chance=drawn[own] / size[own],
        stratum=own,
        pair=_pair(drawn[own], size[own]),
        of_posts=stratum,
        paired=((drawn >= 2) | (size == drawn))[stratum],
        covered=(drawn > 0)[stratum],
    )


def find_design(posts: pd.DataFrame, *, row: NDArray[np.intp], chance: Floats) -> Design:
    """Find the design of the coded posts in the rows ROW of POSTS, with probabilities CHANCE.

    Where every probability is n/M of its account x period cell the draw was by cell, the shortest
    period that fits; else of its period; else of its account; else of the corpus; otherwise the
    posts of equal probability within an account and year are one stratum, and strata are
    independent; codes that stand for fewer posts than there are in the accounts and years they
    are of, as in unfinished coding, then stand for all of these.
    """
    for family in _candidates(posts):
        all_ = (_of_strata(name, stratum, row=row) for name, stratum in family)
        fitting = [x for x in all_ if np.abs(x.chance - chance).max() <= TOLERANCE]
        if fitting:
            return max(fitting, key=lambda x: int(x.of_posts.max()))
    year = period_number(posts["published_at"], "year")
    cell, _ = pd.factorize(pd.MultiIndex.from_arrays([posts["account"], year]))
    # where the codes stand for fewer posts than their cells have, such as while coding is not
    # finished, what is missing counts as missing by chance
    chance = chance * min(1.0, (1 / chance).sum() / np.isin(cell, cell[row]).sum())
    equal = pd.MultiIndex.from_arrays([cell[row], np.round(chance / TOLERANCE)])
    own, _ = pd.factorize(equal)
    drawn = np.bincount(own)[own].astype("float64")
    alone = np.isin(cell, cell[row[(drawn < 2) & (chance < 1 - TOLERANCE)]])
    return Design(
        name="not one simple draw; posts of equal probability within an account and year are taken as a stratum",
        chance=chance,
        stratum=own,
        pair=_pair(drawn, drawn / chance),
        of_posts=np.full(len(posts), -1),
        paired=np.isin(cell, cell[row]) & ~alone,
        covered=posts["account"].isin(posts["account"].iloc[row].unique()).to_numpy(),
    )


def _candidates(posts: pd.DataFrame) -> Iterator[list[tuple[str, NDArray[np.intp]]]]:
    """Kinds of strata, each with its names and numbers (N,), from long to short periods."""
    account, accounts = pd.factorize(posts["account"])
    times = posts["published_at"]
    units = PERIODS if times.notna().any() else ()
    periods = {unit: pd.factorize(period_number(times, unit))[0] for unit in units}
    yield [
        (f"simple random within account and {unit}", pd.factorize(x * len(accounts) + account)[0])
        for unit, x in periods.items()
    ]
    yield [(f"simple random within {unit}", x) for unit, x in periods.items()]
    yield [("simple random within account", account)]
    yield [(OVER_ALL, np.zeros(len(posts), dtype=np.intp))]


def _pair(drawn: Floats, size: Floats) -> Floats:
    """Return n(n-1)/(M(M-1)); 1 where the stratum has one post, which has no pair."""
    pairs = size * (size - 1)
    out: Floats = np.divide(drawn * (drawn - 1), pairs, out=np.ones_like(size), where=pairs > 0)
    return out
