from dataclasses import replace

import pandas as pd
import pytest

from stagemix.codes import bootstrap, coefficients, figures
from stagemix.codes import reliability as reliability_module
from stagemix.codes.codebook import Variable, default_codebook
from stagemix.codes.reliability import AFTER, Reliability, reliability
from stagemix.codes.saying import CHINESE, sentence

STAGE = default_codebook().variable()


def coded(*coders: str, version: str = "1.2") -> Reliability:
    rows = [
        [f"p{n}", f"c{i}", STAGE.values["abcd".index(x)]]
        for i, letters in enumerate(coders)
        for n, x in enumerate(letters)
        if x != "."
    ]
    codes = pd.DataFrame(rows, columns=["unit", "coder", "value"])
    return reliability(codes, variable=STAGE, version=version, resamples=1000, seed=1)


def test_the_sentence_has_all_that_a_reviewer_asks_for() -> None:
    found = coded("abcdabcdabcdabcdabcd", "abcdabcdabcdabcdabca")
    nominal, ordinal = found.alphas
    said = sentence(found, label="阶段")
    between = nominal.interval
    assert between is not None
    assert said.en == (
        "阶段 (codebook 1.2): 2 coders, independent codes made before discussion, 20 units with two "
        f"codes or more, Krippendorff's alpha (nominal) = {nominal.value:.3f} (95% interval "
        f"{between.low:.3f} to {between.high:.3f}, 1000 bootstrap resamples of units; alpha is below "
        f".667 in {between.below_tentative:.1%} of them, below .800 in {between.below_reliable:.1%}), "
        f"Krippendorff's alpha (ordinal) = {ordinal.value:.3f} (95% interval "
        f"{ordinal.interval.low:.3f} to {ordinal.interval.high:.3f}, 1000 bootstrap resamples of "
        f"units; alpha is below .667 in {ordinal.interval.below_tentative:.1%} of them, below .800 "
        f"in {ordinal.interval.below_reliable:.1%}), agreement 95.0%. Krippendorff (2004, 2018) asks "
        "for alpha of .800 or more, and allows tentative conclusions from .667 on."
    )
    assert said.zh.startswith(
        "“阶段”（编码表 1.2）：2 名编码员，讨论之前的独立编码，20 个单位由两人以上编码，"
        f"Krippendorff α（定类）= {nominal.value:.3f}（95% 自助法区间 {between.low:.3f} 至 "
        f"{between.high:.3f}，重抽单位 1000 次；"
    )
    assert said.zh.endswith(
        "一致率 95.0%。Krippendorff（2004, 2018）对 α 的要求：.800 以上可以依靠，"
        ".667 至 .800 只支持暂时的结论。"
    )


def test_an_undefined_alpha_is_said_so_and_no_threshold_beside_it() -> None:
    said = sentence(coded("aaa", "aaa", version=""), label="阶段")
    assert said.en == (
        "阶段 (codebook of no stated version): 2 coders, independent codes made before discussion, 3 "
        "units with two codes or more; Krippendorff's alpha is undefined: no variation, all codes "
        "are of one category."
    )
    assert said.zh == (
        "“阶段”（编码表未注明版本）：2 名编码员，讨论之前的独立编码，3 个单位由两人以上编码；"
        "Krippendorff α 未定义：编码没有变化，全部属于同一类别。"
    )


def test_full_agreement_has_no_interval_and_says_why() -> None:
    said = sentence(coded("abcd", "abcd"), label="阶段")
    assert "(nominal) = 1.000 (no two codes differ, so resampling cannot show how far" in said.en
    assert "（定类）= 1.000（没有一处不一致，重抽样显示不出 α 的不确定性）" in said.zh


def test_the_figure_after_discussion_is_called_so() -> None:
    said = sentence(replace(coded("abca", "abcb"), stage=AFTER), label="阶段")
    assert "their latest codes, after discussion" in said.en
    assert "各自最后的编码（讨论之后）" in said.zh


def test_text_has_no_alpha_to_speak_of() -> None:
    codes = pd.DataFrame([["p", "x", "好"]], columns=["unit", "coder", "value"])
    found = reliability(codes, variable=Variable(id="why", label="why", level="text"))
    assert sentence(found, label="理由").en == (
        "理由 (codebook of no stated version): 1 coders; free text, for which there is no coefficient."
    )
    assert sentence(found, label="理由").zh == (
        "“理由”（编码表未注明版本）：1 名编码员；文字变量，没有系数。"
    )


@pytest.mark.parametrize(
    "reason",
    [coefficients.NO_PAIRS, coefficients.NO_VARIATION, bootstrap.PERFECT, bootstrap.NONE_DEFINED,
     figures.ABSENT, figures.EVERY, reliability_module.TEXT],
)  # fmt: skip
def test_every_reason_has_chinese_words(reason: str) -> None:
    assert CHINESE[reason]
