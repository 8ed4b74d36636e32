"""Making a round: who codes which of the drawn posts, or of a corpus' accounts."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from stagemix.codes.codebook import ACCOUNT
from stagemix.codes.rounds import BY_NAME, CENSUS, FINAL, Round, check_name
from stagemix.errors import DataError
from stagemix.posts.sampling import WHOLE, Draw


def assign(
    units: Sequence[str],
    *,
    coders: Sequence[str],
    overlap: float,
    groups: Sequence[str] | None = None,
) -> list[str]:
    """Say who codes which unit: names joined by `;`, one cell per unit.

    The first OVERLAP share of the (randomly ordered) units goes to every coder, each other unit
    to one coder in turn; with GROUPS, one per unit (its account), all of a group to one coder.
    """
    for coder in coders:
        check_name(coder, what="coder")
    if not coders or len(set(coders)) < len(coders):
        raise DataError("--coders: name each coder once, for example --coders a,b")
    if not 0 <= overlap <= 1:
        raise DataError(f"--overlap {overlap}: a share between 0 and 1")
    shared = shared_units(len(units), overlap=overlap)
    turns = list(range(len(units) - shared))
    if groups is not None:
        names = list(dict.fromkeys(sorted(groups)))
        turns = [names.index(group) for group in groups[shared:]]
    everyone = ";".join(coders)
    return [everyone] * shared + [coders[turn % len(coders)] for turn in turns]


def shared_units(n: int, *, overlap: float) -> int:
    """How many of N units every coder codes: their OVERLAP share, rounded up."""
    return math.ceil(n * overlap - 1e-9)


def round_of(
    draw: Draw,
    *,
    name: str,
    corpus: str,
    coders: Sequence[str],
    overlap: float = 1.0,
    groups: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
    purpose: str | None = None,
    asks: Sequence[str] = (),
) -> Round:
    """Make a round of a drawn sample: its name, its coders, and the corpus it is from.

    WITHOUT names the rounds whose posts the draw left out; GROUPS maps posts to what is kept
    together for one coder. PURPOSE is one of `PURPOSES`; without it the round's name where that is
    one, else final.
    """
    ids = [str(unit) for unit in draw.units["post_id"]]
    together = None if groups is None else [groups[unit] for unit in ids]
    cells = assign(ids, coders=coders, overlap=overlap, groups=together)
    return Round(
        name=check_name(name, what="round"),
        corpus=corpus,
        design=draw.design,
        by=draw.by,
        allocation=draw.allocation,
        minimum=draw.minimum,
        seed=draw.seed,
        frame=draw.frame,
        without=tuple(without),
        strata={
            str(name): (int(posts), int(drawn))
            for name, posts, drawn in draw.strata[["stratum", "posts", "drawn"]].to_numpy()
        },
        units=draw.units.rename(columns={"post_id": "unit"}).assign(coders=cells),
        purpose=purpose or (name if name in BY_NAME else FINAL),
        asks=tuple(asks),
    )


def every_account(
    accounts: Sequence[str],
    *,
    name: str,
    corpus: str,
    coders: Sequence[str],
    overlap: float = 1.0,
    asks: Sequence[str] = (),
) -> Round:
    """Make a round in which every one of ACCOUNTS is coded, in the order of their names."""
    names = sorted(accounts)
    return Round(
        name=check_name(name, what="round"),
        corpus=corpus,
        design=CENSUS,
        by=(),
        allocation="proportional",
        minimum=0,
        seed=0,
        frame="",
        without=(),
        strata={WHOLE: (len(names), len(names))},
        units=pd.DataFrame(
            {
                "unit": names,
                "stratum": WHOLE,
                "inclusion_probability": 1.0,
                "coders": assign(names, coders=coders, overlap=overlap),
            }
        ),
        kind=ACCOUNT,
        purpose=name if name in BY_NAME else FINAL,
        asks=tuple(asks),
    )
