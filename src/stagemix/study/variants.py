"""The mix table counted otherwise: without reposts or by reads; and its posts as a file."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.errors import DataError, several
from stagemix.files import whole
from stagemix.learn.classify import read_predictions
from stagemix.mix.domain import first_posts, without
from stagemix.mix.pseudo import pseudo_outcomes
from stagemix.mix.weighted import reads_table
from stagemix.mix.words import Remark
from stagemix.posts.corpus import read_corpus
from stagemix.posts.values import CENSORED_READS
from stagemix.study.correcting import Corrected
from stagemix.study.mixing import mix_of, split_by

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Predictions with their codes, and how much each of their N posts counts.

    `reads` (N,) are nan or 0 where a post does not count; where they are None all count the same.
    """

    source: Corrected
    reads: Floats | None


def check_choices(*, by_reads: bool, coder_error: bool, pseudo: Path | None) -> None:
    """Raise DataError where choices contradict each other, or PSEUDO is no new CSV file."""
    if by_reads and coder_error:
        raise DataError(
            "--coder-error --weight reads: what errors of coding do is worked out for shares of "
            "posts; leave one of the two out"
        )
    if by_reads and pseudo is not None:
        raise DataError(
            "--pseudo-outcomes --weight reads: pseudo-outcomes are values of posts, whatever "
            "their reads; leave --weight out, and weight the regression"
        )
    if pseudo is not None:
        _check_new(pseudo)


def _check_new(path: Path) -> None:
    if path.suffix.lower() != ".csv":
        raise DataError(f"--pseudo-outcomes {path}: the file is CSV; name it NAME.csv")
    if path.exists():
        raise DataError(f"{path}: is there already and is not overwritten; name another file")


def variant(
    source: Corrected,
    *,
    predictions: Path,
    without_duplicates: bool,
    by_reads: bool,
) -> Variant:
    """Return SOURCE counted otherwise, its remarks saying what was left out.

    WITHOUT_DUPLICATES, of the posts of an account with one text only the earliest counts
    (`mix.domain.first_posts`); BY_READS, each post counts as often as it was read. For either the
    corpus of PREDICTIONS is read. Raises DataError where it lacks posts, or no post has reads.
    """
    if not (without_duplicates or by_reads):
        return Variant(source=source, reads=None)
    posts = _posts(source, predictions)
    if without_duplicates:
        source = _without_duplicates(source, posts)
    if not by_reads:
        return Variant(source=source, reads=None)
    return _by_reads(source, posts, source.corpus)


def mix_of_variant(counted: Variant, *, by: str) -> pd.DataFrame:
    """Compute the mix table of a variant (`mix.table.COLUMNS`)."""
    source = counted.source
    if counted.reads is None:
        return mix_of(source, by=by)
    return reads_table(source.data, counted.reads, by=split_by(by), accounts=source.accounts)


def _posts(source: Corrected, predictions: Path) -> pd.DataFrame:
    """The posts that were labelled, as their corpus has them."""
    posts = read_corpus(source.corpus)
    if predictions.is_file():
        # a file of labels from elsewhere has every post of its corpus
        return posts
    ids = read_predictions(predictions).table["post_id"]
    gone = ids[~ids.isin(posts["post_id"])]
    if len(gone):
        raise DataError(
            f"{source.corpus}: {len(gone)} posts of {predictions} are not there any more "
            f"({several(gone, most=3)}); classify the corpus again"
        )
    return posts[posts["post_id"].isin(ids)].reset_index(drop=True)


def _without_duplicates(source: Corrected, posts: pd.DataFrame) -> Corrected:
    data = source.data
    first = pd.Series(first_posts(posts), index=posts["post_id"])
    kept = first.loc[data.posts["post_id"]].to_numpy(dtype=bool)
    left, n = int((~kept).sum()), len(kept)
    codes, coded = int((~kept[data.row]).sum()), len(data.row)
    said = Remark(
        en=f"Without duplicates: {left} of {n} posts ({codes} of the {coded} coded ones) repeat an "
        "earlier text of their account and are not counted.",
        zh=f"去重：{n} 篇推文中有 {left} 篇（{coded} 篇编码推文中有 {codes} 篇）与同一账号更早的推文"
        "文字相同，不计入。",
    )
    return replace(source, data=without(data, kept), remarks=(*source.remarks, said))


def _by_reads(source: Corrected, posts: pd.DataFrame, where: Path) -> Variant:
    own = posts.set_index("post_id").loc[source.data.posts["post_id"]]
    reads = own["reads"].to_numpy(dtype="float64", na_value=np.nan)
    censored = own["reads_censored"].to_numpy(dtype=bool)
    reads = np.where(censored, np.fmax(reads, CENSORED_READS), reads)
    none = int((~(reads > 0)).sum())
    if none == len(reads):
        raise DataError(
            f"{where}: no post has reads, which --weight reads needs; import them, or leave it out"
        )
    said = [
        Remark(
            en=f"Shares of reads, not of posts: {none} of {len(reads)} posts have no reads (0 or "
            "not known) and are not counted.",
            zh=f"占比按阅读数计算，不按篇数：{len(reads)} 篇推文中有 {none} 篇没有阅读数（为 0 "
            "或未知），不计入。",
        )
    ]
    if censored.any():
        said.append(
            Remark(
                en=f"{censored.sum()} posts have 10万+ reads: each counts as {CENSORED_READS:,}, a "
                "lower bound.",
                zh=f"{censored.sum()} 篇阅读数为 10万+，各按 {CENSORED_READS:,} 计，这是下限。",
            )
        )
    return Variant(source=replace(source, remarks=(*source.remarks, *said)), reads=reads)


def write_pseudo_outcomes(source: Corrected, path: Path) -> str:
    """Write `mix.pseudo.pseudo_outcomes` as the new CSV file PATH; returns how to use it.

    Raises DataError where PATH is there, or does not end in .csv.
    """
    _check_new(path)
    with whole(path) as part:
        table = pseudo_outcomes(source.data)
        table.to_csv(part, index=False, encoding="utf-8-sig", lineterminator="\n")
    names = source.data.categories
    stage = "service" if "service" in names else names[-1]
    return (
        f"{path}: one row per post; regress z_{stage} on your columns with standard errors "
        f"clustered by account (R: fixest::feols(z_{stage} ~ x, cluster = ~account)), values "
        "outside 0 to 1 included."
    )
