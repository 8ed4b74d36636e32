"""Coder error as a band: the overall shares if what the coders coded alone were the truth."""

import pandas as pd

from stagemix.codes.agreed import independent
from stagemix.codes.store import CodeStore
from stagemix.errors import DataError
from stagemix.mix.coder_error import doubts, shares_if, shares_redrawn
from stagemix.mix.words import Remark
from stagemix.study.correcting import Corrected
from stagemix.study.folder import Study

AGREED = "agreed"
HALF = 0.5
NOT_TRUTH = Remark(
    en="The scenarios show how far the shares move with whose codes are taken; what coders get wrong "
    "in one direction stays in all of them.",
    zh="各种情形显示换用谁的编码会使占比移动多少；编码员朝同一方向的错误，在每种情形里都还在。",
)
NOT_LEARNED_AGAIN = Remark(
    en="The probabilities were learned from the agreed codes and are not learned again in any "
    "scenario.",
    zh="概率是从裁定后的编码学得的，各种情形下都没有重新学习。",
)


def coder_error(source: Corrected, study: Study) -> pd.DataFrame:
    """Compute the overall shares under what is known of coder error (`mix.coder_error.COLUMNS`).

    Scenarios, in this order: `agreed`; `as CODER coded` for every coder with independent codes on
    at least half of the coded posts; for an ordinal variable `doubts upward` and `doubts downward`,
    the highest and the lowest stage that any coder gave a post; `measured disagreement`, the truth
    redrawn from the coders of each post. SOURCE is corrected by the codes of the study's round; its
    posts without an agreed code, or agreed to be uncodable, are in no scenario. A post keeps its
    agreed code where nobody asked coded it independently, so where few posts have two coders the
    band shows little of the disagreement (`on_coders` says so). The model's out-of-fold
    probabilities stay those learned from the agreed codes. Raises DataError where no post has the
    independent codes of two coders.
    """
    data = source.data
    given = _given(source, study)
    values = pd.DataFrame({AGREED: None}, index=given.index, dtype="object")
    for coder in given.columns[given.notna().mean() >= HALF]:
        values[f"as {coder} coded"] = given[coder]
    if source.level == "ordinal":
        values = values.join(doubts(given, categories=data.categories))
    return pd.concat([shares_if(data, values), shares_redrawn(data, given)], ignore_index=True)


def on_coders(source: Corrected, study: Study) -> tuple[Remark, ...]:
    """Say what belongs beside the table of `coder_error`; raises DataError as it does."""
    given = _given(source, study)
    n, twice = len(given), int((given.notna().sum(axis=1) > 1).sum())
    if twice == n:
        return NOT_TRUTH, NOT_LEARNED_AGAIN
    few = Remark(
        en=f"{twice} of {n} coded posts have the independent codes of two coders; the others keep "
        "the one code they have, so the band shows less than the whole disagreement.",
        zh=f"{n} 篇编码推文中有 {twice} 篇由两位编码员独立编码；其余只有一个编码，照用不变，"
        "因此区间没有反映全部分歧。",
    )
    return few, NOT_TRUTH, NOT_LEARNED_AGAIN


def _given(source: Corrected, study: Study) -> pd.DataFrame:
    """Independent codes of the coded posts: a row per post, a column per coder, by name."""
    codes = independent(CodeStore(study.coding).codes(study.round))
    mine = codes[codes["variable"] == source.variable]
    # by several versions of the codebook a coder has a first code of each
    mine = mine.drop_duplicates(["unit", "coder"], keep="last")
    coders = mine["coder"].nunique()
    if coders < 2:
        raise DataError(
            f"round {study.round}: {'only one' if coders else 'no'} coder coded the round; "
            "a band needs the independent codes of two"
        )
    wide = mine.pivot(index="unit", columns="coder", values="value")
    posts = source.data.posts["post_id"].iloc[source.data.row]
    given = wide.reindex(pd.Index(posts, name="post_id")).dropna(axis=1, how="all")
    if not (given.notna().sum(axis=1) > 1).any():
        raise DataError(
            f"round {study.round}: no coded post was coded by two coders; "
            "a band needs the independent codes of two"
        )
    ordered: pd.DataFrame = given.sort_index(axis=1)
    return ordered
