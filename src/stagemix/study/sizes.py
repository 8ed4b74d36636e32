"""How much there is to code, said before a round is drawn: posts, reliability posts, hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stagemix.codes.assignment import assign, shared_units
from stagemix.codes.codebook import POST
from stagemix.codes.rounds import read_round, round_names
from stagemix.codes.sizes import half_width_of, size_for_reliability, size_for_share
from stagemix.codes.store import INDEPENDENT, CodeStore
from stagemix.errors import DataError
from stagemix.posts.corpus import read_corpus
from stagemix.study.folder import Study

_SAVE = ["round", "unit", "coder", "coded_at", "save_id"]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many posts to draw and what coding them takes.

    `overall` posts estimate a share of `share` of all posts within `width` (half of a 95%
    interval); `accounts` has a row per account: `account`, `posts`, `needed` for its own share.
    Of `planned` posts, the N asked for or else `overall`, `half_width` is the precision, at least
    `reliability` are to be coded by every coder, `shared` are, and `codings` is how often a coder
    codes a post in all. `seconds` is the median time of a post so far, of `timed` posts coded,
    and None where no code says its time; then `hours`, of all coders together, is None too.
    """

    posts: int
    share: float
    width: float
    overall: int
    accounts: pd.DataFrame
    planned: int
    half_width: float
    agreement: float
    least: float
    reliability: int
    coders: int
    overlap: float
    shared: int
    codings: int
    timed: int
    seconds: float | None
    hours: float | None

    @property
    def every_account(self) -> int:
        """The posts needed for the share of every account."""
        return int(self.accounts["needed"].sum())


def plan_sizes(
    study: Study,
    corpus: Path,
    *,
    coders: Sequence[str],
    overlap: float = 1.0,
    n: int | None = None,
    share: float = 0.1,
    width: float = 0.05,
    agreement: float = 0.85,
    least: float = 0.8,
) -> Sizes:
    """Say how many posts of a CORPUS to draw, how many every coder should code, and the hours.

    SHARE is that of the rarest category of interest, WIDTH half of the interval's width, N how
    many posts are planned, AGREEMENT the percent agreement that is assumed, LEAST the least that
    is acceptable. Nothing is drawn. Raises DataError where a number does not fit.
    """
    counts = read_corpus(corpus)["account"].value_counts().sort_index()
    posts = int(counts.sum())
    if n is not None and n > posts:
        raise DataError(f"--n {n}: the corpus has {posts} posts; plan between 1 and that")
    needed = size_for_share(counts.to_numpy(dtype="int64"), share=share, half_width=width)
    overall = int(size_for_share(np.array([posts]), share=share, half_width=width)[0])
    planned = overall if n is None else n
    given = [cell.count(";") + 1 for cell in assign([""] * planned, coders=coders, overlap=overlap)]
    codings = sum(given)
    times = seconds_of_posts(study)
    seconds = float(times.median()) if len(times) else None
    return Sizes(
        posts=posts,
        share=share,
        width=width,
        overall=overall,
        accounts=pd.DataFrame({"account": counts.index, "posts": counts.array, "needed": needed}),
        planned=planned,
        half_width=half_width_of(planned, population=posts, share=share),
        agreement=agreement,
        least=least,
        reliability=size_for_reliability(planned, agreement=agreement, least=least),
        coders=len(coders),
        overlap=overlap,
        shared=shared_units(planned, overlap=overlap),
        codings=codings,
        timed=len(times),
        seconds=seconds,
        hours=None if seconds is None else codings * seconds / 3600,
    )


def seconds_of_posts(study: Study) -> pd.Series:
    """The seconds that a coder spent on a post each time one was coded, where codes say it."""
    rounds = [read_round(name, study.rounds) for name in round_names(study.rounds)]
    of_posts = [round_.name for round_ in rounds if round_.kind == POST]
    codes = CodeStore(study.coding).codes()
    own = codes[(codes["kind"] == INDEPENDENT) & codes["round"].isin(of_posts)]
    spent = pd.to_numeric(own["seconds"], errors="coerce")
    said = own[_SAVE].assign(seconds=spent)[spent > 0]
    return said.groupby(_SAVE)["seconds"].sum()
