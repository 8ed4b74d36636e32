"""Drawing probability samples of posts, so that every post's inclusion probability is known.

Each post gets one random number from the seed and its id (permanent random numbers, Ohlsson
1995), and a stratum's sample is its posts with the smallest numbers: the same seed and frame give
the same posts, whatever the order of the files, and a larger sample contains the smaller one.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stagemix.errors import DataError, several
from stagemix.posts.corpus import frame_hash
from stagemix.posts.grouping import grouping

DESIGNS = ("simple", "stratified")
ALLOCATIONS = ("proportional", "equal")
WHOLE = "all"


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One drawn sample and all that is needed to draw it again.

    `units` has one row per drawn post, in random order: `post_id`, `stratum`,
    `inclusion_probability`. `strata` has one row per stratum: `stratum`, `posts`, `drawn`.
    """

    design: str
    by: tuple[str, ...]
    allocation: str
    minimum: int
    seed: int
    frame: str
    units: pd.DataFrame
    strata: pd.DataFrame


def draw(
    posts: pd.DataFrame,
    *,
    n: int,
    seed: int,
    design: str,
    by: tuple[str, ...] = (),
    allocation: str = "proportional",
    minimum: int = 2,
    accounts: pd.DataFrame | None = None,
    taken: pd.Series | None = None,
) -> Draw:
    """Draw N posts of a post table without replacement, none of them in TAKEN (ids).

    TAKEN are the posts of earlier rounds drawn in the same way. Over both draws each post of a
    stratum has the same chance to be in this one, n/N of the whole stratum, so that is its
    inclusion probability.

    DESIGN `simple` gives every post the same chance; `stratified` draws within strata made of the
    columns BY (of the posts or of the account table; `year`, `half`, `quarter` and `month` come
    from the time), at least MINIMUM in each (all of a smaller one), shared out by ALLOCATION.
    Raises DataError where N does not fit, or a post has no value in a column of BY.
    """
    for option, value, known in (
        ("--design", design, DESIGNS),
        ("--allocation", allocation, ALLOCATIONS),
    ):
        if value not in known:
            raise DataError(f"{option} {value}: no such choice; known are {several(known)}")
    left = ~posts["post_id"].isin([] if taken is None else taken)
    if not 1 <= n <= left.sum():
        rest = "" if left.all() else f", {int(left.sum())} of them in no other round"
        raise DataError(
            f"--n {n}: the corpus has {len(posts)} posts{rest}; draw between 1 and that"
        )
    ordered = posts.assign(number=random_numbers(posts["post_id"], seed=seed))
    if design == "simple":
        by, minimum, strata = (), 0, pd.Series(WHOLE, index=posts.index)
    else:
        strata = strata_of(posts, by=by, accounts=accounts)
    ordered = ordered.assign(stratum=strata)[left].sort_values(["number", "post_id"])
    sizes = strata.value_counts().sort_index()
    room = ordered["stratum"].value_counts().reindex(sizes.index, fill_value=0)
    full = room.index[room == 0]
    if len(full):
        raise DataError(
            f"stratum {several(full)}: all its posts are in other rounds; group more coarsely"
        )
    drawn = allocate(sizes, n=n, allocation=allocation, minimum=minimum, room=room)
    rank = ordered.groupby("stratum").cumcount()
    units = ordered[rank < ordered["stratum"].map(drawn)]
    chance = drawn / sizes
    return Draw(
        design=design,
        by=by,
        allocation=allocation,
        minimum=minimum,
        seed=seed,
        frame=frame_hash(posts),
        units=pd.DataFrame(
            {
                "post_id": units["post_id"],
                "stratum": units["stratum"],
                "inclusion_probability": units["stratum"].map(chance).astype("float64"),
            }
        ).reset_index(drop=True),
        strata=pd.DataFrame({"posts": sizes, "drawn": drawn}).rename_axis("stratum").reset_index(),
    )


def random_numbers(post_ids: pd.Series, *, seed: int) -> pd.Series:
    """One number in [0, 1) per post, from SEED and the post's id alone."""

    def number(post_id: str) -> float:
        digest = hashlib.sha256(f"{seed}:{post_id}".encode()).digest()
        return int.from_bytes(digest[:7], "big") / 2.0**56

    return post_ids.map(number).astype("float64")


def strata_of(
    posts: pd.DataFrame, *, by: tuple[str, ...], accounts: pd.DataFrame | None = None
) -> pd.Series:
    """Name each post's stratum, its values in the columns BY joined by ` | `."""
    if not by:
        raise DataError("--design stratified needs --by, for example --by account,year")
    parts = [grouping(posts, name, accounts=accounts) for name in by]
    for name, values in zip(by, parts, strict=True):
        blank = posts.loc[values.isna(), "post_id"]
        if len(blank):
            raise DataError(
                f"--by {name}: {len(blank)} posts have no {name}, {several(blank, most=3)}; "
                "fill it in, remove them, or draw with --design simple"
            )
    return pd.concat(parts, axis=1).astype("str").agg(" | ".join, axis=1)


def allocate(
    sizes: pd.Series, *, n: int, allocation: str, minimum: int, room: pd.Series | None = None
) -> pd.Series:
    """Share N out over strata of SIZES posts: whole numbers that add up to N.

    Each stratum gets at least MINIMUM or all it has; the rest goes by size (`proportional`) or
    evenly (`equal`) as far as a stratum has posts left (ROOM, by default all), fractions by the
    largest remainder. Raises DataError where N is less than the minima.
    """
    size = (sizes if room is None else room).to_numpy(dtype="float64")
    floor = np.minimum(size, minimum)
    if floor.sum() > n:
        raise DataError(
            f"--n {n}: {len(sizes)} strata with at least {minimum} posts each need "
            f"{int(floor.sum())}; draw more, lower --minimum, or group more coarsely"
        )
    proportional = allocation == "proportional"
    weight = sizes.to_numpy(dtype="float64") if proportional else np.ones_like(size)
    low, high = 0.0, float(n) * (1 + 1 / weight.min())
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if np.clip(middle * weight, floor, size).sum() < n else (low, middle)
        )
    exact = np.clip(high * weight, floor, size)
    whole = np.floor(exact + 1e-9)
    order = np.argsort(-(exact - whole), kind="stable")
    order = order[whole[order] < size[order]]
    whole[order[: int(n - whole.sum())]] += 1
    return pd.Series(whole.astype("int64"), index=sizes.index)
