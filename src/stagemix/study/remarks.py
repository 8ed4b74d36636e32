"""The sentences that belong beside every figure made from predictions and codes."""

import pandas as pd

from stagemix.learn.model_file import Card
from stagemix.mix.misfit import Misfit
from stagemix.mix.sample import Labelled
from stagemix.mix.words import Remark, design_in_chinese

ODD_WEIGHTS = 0.1


def on_data(data: Labelled, *, source: Remark, absent: int) -> list[Remark]:
    """What corrects the shares: how many codes, from where, by which design, what was left out.

    SOURCE names the codes; ABSENT of them are of posts without a prediction.
    """
    n, design = len(data.row), data.design.name
    out = [
        Remark(
            en=f"Corrected by {n} coded posts ({source.en}); design: {design}.",
            zh=f"由 {n} 篇编码推文校正（{source.zh}）；抽样：{design_in_chinese(design)}。",
        )
    ]
    posts = len(data.posts) + data.uncodable
    if not data.chance_known:
        out.append(
            Remark(
                en="The codes have no inclusion_probability: taken as a simple random sample.",
                zh="编码没有入样概率（inclusion_probability），按简单随机样本处理。",
            )
        )
    elif abs(data.stand_for / posts - 1) > ODD_WEIGHTS:
        out.append(
            Remark(
                en=f"By their inclusion probabilities the codes stand for {data.stand_for:.0f} posts, "
                f"the predictions are {posts}: are they a sample of this corpus?",
                zh=f"按入样概率，编码代表 {data.stand_for:.0f} 篇推文，而预测有 {posts} 篇："
                "它们是这个语料的样本吗？",
            )
        )
    bare = int((~data.design.covered).sum())
    if bare:
        out.append(
            Remark(
                en=f"{bare} posts are in strata of the draw without a coded post: what is said of "
                "them rests on the classifier alone.",
                zh=f"有 {bare} 篇推文所在的抽样层没有一篇编码：对它们的估计只靠分类器。",
            )
        )
    if data.suggested:
        out.append(
            Remark(
                en=f"{data.suggested} codes were not drawn by chance (no inclusion_probability): they "
                "train the model and correct nothing.",
                zh=f"{data.suggested} 篇编码不是随机抽取的（没有入样概率）：只用于训练，不用于校正。",
            )
        )
    if absent:
        out.append(
            Remark(
                en=f"{absent} coded posts are of other corpora and were left out.",
                zh=f"另有 {absent} 篇编码推文属于其他语料，未计入。",
            )
        )
    if data.uncodable:
        out.append(
            Remark(
                en=f"{data.uncodable} coded posts are uncodable and left the sample; "
                f"about {data.uncodable_share:.1%} of the corpus is.",
                zh=f"{data.uncodable} 篇无法编码，退出样本；估计占语料的 {data.uncodable_share:.1%}。",
            )
        )
    undated = int(data.posts["published_at"].isna().sum())
    if undated:
        out.append(
            Remark(
                en=f"{undated} of {posts} posts have no time: they are in no period.",
                zh=f"{posts} 篇推文中有 {undated} 篇没有时间，不属于任何时段。",
            )
        )
    return out


def on_model(
    card: Card, codes: pd.DataFrame, out_of_fold: pd.DataFrame, *, labels: dict[str, str]
) -> list[Remark]:
    """What the model cannot do, and whether codes have changed since it was trained."""
    out = []
    for stage, n in card.counts.items():
        if stage not in card.labelled:
            what = ("predicted", "预测") if stage not in card.learned else ("a label", "给标签")
            out.append(
                Remark(
                    en=f"{stage}: {n} codes in training, too few to be {what[0]}.",
                    zh=f"{labels[stage]}：训练时只有 {n} 篇编码，太少，不能{what[1]}。",
                )
            )
    trained = out_of_fold.set_index("post_id")["value"]
    now = codes.set_index("post_id")["value"]
    changed = int((now != trained.reindex(now.index)).sum())
    if changed and now.index.isin(trained.index).any():
        out.append(
            Remark(
                en=f"{changed} codes are new or changed since the model was trained; "
                "train and classify again to learn from them.",
                zh=f"{changed} 篇编码在训练之后新增或改动；重新训练和分类即可用上。",
            )
        )
    return out


BORROWING = Remark(
    en="The accounts' shares borrow from each other: how alike accounts are cannot be read off them "
    "(`stagemix converge` tests it). What is said of one account because it looks unusual rests on "
    "its own posts and codes, the column 'alone'.",
    zh="各账号的占比相互借力：不能由它们看账号之间有多相似（`stagemix converge` 会检验）。"
    "因为显得特别而单独谈一个账号时，请用只凭它自己的推文和编码的“差分估计”。",
)


def on_errors(found: Misfit) -> Remark:
    """Say whether the classifier errs differently by account or period, and what stands then."""
    account, period = (
        _found(found.p_account, found.differs_by_account),
        _found(found.p_period, found.differs_by_period),
    )
    if not (found.differs_by_account or found.differs_by_period):
        stands = Remark(
            en="What is corrected stands either way; labels alone show their errors too.",
            zh="校正后的结果都成立；只数标签则含有标签的误差。",
        )
    else:
        what = [
            (found.differs_by_account, "differences between accounts", "账号之间的差别"),
            (found.differs_by_period, "trends", "走势"),
        ]
        stands = Remark(
            en=f"So {' and '.join(en for yes, en, _ in what if yes)} in labels alone (raw) show its "
            "errors and do not stand; the corrected ones do.",
            zh=f"因此只数标签的{'和'.join(zh for yes, _, zh in what if yes)}含有误差的差别，不能成立；"
            "校正后的成立。",
        )
    return Remark(
        en=f"Among posts of one stage, do the labels err differently by account? {account.en}. By "
        f"period? {period.en}. " + stands.en,
        zh=f"同一阶段的推文，标签的误差是否因账号而异？{account.zh}。是否因时段而异？{period.zh}。"
        + stands.zh,
    )


def _found(p: float | None, differs: bool) -> Remark:
    if p is None:
        return Remark(en="Too few codes to look", zh="编码太少，无法检验")
    word = ("Yes", "是") if differs else ("Not shown", "未证明")
    return Remark(en=f"{word[0]} (p = {p:.3f})", zh=f"{word[1]}（p = {p:.3f}）")
