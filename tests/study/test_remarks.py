"""The sentences beside the figures, word by word."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stagemix.learn.model_file import load_card
from stagemix.mix.sample import labelled_corpus
from stagemix.mix.words import Remark
from stagemix.study.remarks import on_data, on_model

STAGES = ("publish", "service")
SOURCE = Remark(en="round final", zh="轮次 final")
FIRST = Remark(
    en="Corrected by 10 coded posts (round final); design: simple random over the corpus.",
    zh="由 10 篇编码推文校正（轮次 final）；抽样：全语料简单随机。",
)


def labelled(*, chance=0.5, undated=0, uncodable=0, size=20):
    """SIZE posts of two accounts in as many years, the first ten of which are coded."""
    years = [pd.Timestamp(2000 + n, 3, 5) if n >= undated else pd.NaT for n in range(size)]
    posts = pd.DataFrame(
        {
            "post_id": [str(n) for n in range(size)],
            "account": ["一" if n < 6 else "二" for n in range(size)],
            "published_at": pd.Series(years, dtype="datetime64[us]"),
            "label": "publish",
            "p_publish": 0.7,
            "p_service": 0.3,
        }
    )
    values = ["uncodable"] * uncodable + ["publish", "service"] * 5
    codes = pd.DataFrame(
        {"post_id": posts["post_id"][:10], "value": values[:10], "inclusion_probability": chance}
    )
    return labelled_corpus(posts, codes, posts, categories=STAGES)


def test_codes_that_fit_the_corpus_have_one_remark():
    assert on_data(labelled(), source=SOURCE, absent=0) == [FIRST]


def test_codes_without_probabilities():
    assert on_data(labelled(chance=np.nan), source=SOURCE, absent=0) == [
        FIRST,
        Remark(
            en="The codes have no inclusion_probability: taken as a simple random sample.",
            zh="编码没有入样概率（inclusion_probability），按简单随机样本处理。",
        ),
    ]


def test_weights_that_do_not_add_up_to_the_corpus():
    second = on_data(labelled(chance=0.1), source=SOURCE, absent=0)[1]
    assert second == Remark(
        en="By their inclusion probabilities the codes stand for 100 posts, "
        "the predictions are 20: are they a sample of this corpus?",
        zh="按入样概率，编码代表 100 篇推文，而预测有 20 篇：它们是这个语料的样本吗？",
    )


@pytest.mark.parametrize(
    ("stand_for", "said"), [(17.9, True), (18.1, False), (21.9, False), (22.1, True)]
)
def test_weights_may_be_off_by_a_tenth(stand_for, said):
    found = on_data(labelled(chance=10 / stand_for), source=SOURCE, absent=0)
    assert (len(found) == 2) == said
    assert any("stand for" in remark.en for remark in found) == said


def test_uncodable_posts_leave_no_gap_in_the_weights():
    assert on_data(labelled(uncodable=4), source=SOURCE, absent=0) == [
        Remark(
            en="Corrected by 6 coded posts (round final); design: simple random over the corpus.",
            zh="由 6 篇编码推文校正（轮次 final）；抽样：全语料简单随机。",
        ),
        Remark(
            en="4 coded posts are uncodable and left the sample; about 40.0% of the corpus is.",
            zh="4 篇无法编码，退出样本；估计占语料的 40.0%。",
        ),
    ]


def test_codes_of_other_corpora_and_undated_posts():
    assert on_data(labelled(undated=3), source=SOURCE, absent=2) == [
        FIRST,
        Remark(
            en="2 coded posts are of other corpora and were left out.",
            zh="另有 2 篇编码推文属于其他语料，未计入。",
        ),
        Remark(
            en="3 of 20 posts have no time: they are in no period.",
            zh="20 篇推文中有 3 篇没有时间，不属于任何时段。",
        ),
    ]


@pytest.fixture(scope="module")
def card(worked):
    """A card of the worked model with other counts of codes."""
    return replace(
        load_card(worked.model)[0],
        counts={"publish": 20, "interact": 8, "service": 5, "cooperate": 2},
        learned=["publish", "interact", "service"],
        labelled=["publish", "interact"],
    )


LABELS = {"publish": "发布", "interact": "互动", "service": "服务", "cooperate": "合作"}
CODES = pd.DataFrame({"post_id": ["a", "b", "c"], "value": ["publish", "service", "uncodable"]})


def test_what_a_model_cannot_do(card):
    assert on_model(card, CODES, CODES, labels=LABELS) == [
        Remark(
            en="service: 5 codes in training, too few to be a label.",
            zh="服务：训练时只有 5 篇编码，太少，不能给标签。",
        ),
        Remark(
            en="cooperate: 2 codes in training, too few to be predicted.",
            zh="合作：训练时只有 2 篇编码，太少，不能预测。",
        ),
    ]


def changed(card, codes, trained=CODES):
    return on_model(card, codes, trained, labels=LABELS)[2:]


def test_codes_that_are_new_or_changed_since_the_training(card):
    codes = pd.DataFrame(
        {"post_id": ["c", "a", "x", "y"], "value": ["service", "publish", "publish", "service"]}
    )
    assert changed(card, codes) == [
        Remark(
            en="3 codes are new or changed since the model was trained; "
            "train and classify again to learn from them.",
            zh="3 篇编码在训练之后新增或改动；重新训练和分类即可用上。",
        )
    ]


def test_codes_that_are_a_part_of_the_trained_ones_are_not_new(card):
    assert changed(card, CODES.iloc[[2, 0]]) == []


def test_codes_of_which_none_was_trained_on_are_no_change(card):
    assert changed(card, CODES.assign(post_id=["x", "y", "z"])) == []
