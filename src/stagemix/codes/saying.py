"""Reliability in a sentence for the paper, Chinese and English; the thresholds by their source."""

from dataclasses import dataclass

from stagemix.codes.bootstrap import NONE_DEFINED, PERFECT, Interval
from stagemix.codes.coefficients import NO_PAIRS, NO_VARIATION
from stagemix.codes.figures import ABSENT, EVERY, Figure
from stagemix.codes.reliability import AFTER, BEFORE, TEXT, Reliability

CHINESE = {
    NO_PAIRS: "未定义：没有两人都给出编码的单位",
    NO_VARIATION: "未定义：编码没有变化，全部属于同一类别",
    TEXT: "文字变量：只计数，不算系数",
    PERFECT: "没有一处不一致，重抽样显示不出 α 的不确定性",
    NONE_DEFINED: "没有一次重抽样的编码有变化",
    ABSENT: "未定义：没有人用过这一类别",
    EVERY: "未定义：编码没有变化，全部属于这一类别",
}
"""The reasons why a figure is not given, in Chinese."""
LEVEL = {"alpha_nominal": ("定类", "nominal"), "alpha_ordinal": ("定序", "ordinal")}


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """The same in Chinese and English."""

    zh: str
    en: str


WHEN = {
    BEFORE: Sentence(zh="讨论之前的独立编码", en="independent codes made before discussion"),
    AFTER: Sentence(zh="各自最后的编码（讨论之后）", en="their latest codes, after discussion"),
}
THRESHOLDS = Sentence(
    zh="Krippendorff（2004, 2018）对 α 的要求：.800 以上可以依靠，.667 至 .800 只支持暂时的结论。",
    en="Krippendorff (2004, 2018) asks for alpha of .800 or more, and allows tentative conclusions "
    "from .667 on.",
)
CHANCE_IGNORED = Sentence(
    zh="Holsti R 与综合信度 CR 都不考虑偶然一致，不能代替 α。",
    en="Holsti's R and composite reliability (CR) ignore agreement by chance and do not replace "
    "alpha.",
)


def sentence(found: Reliability, *, label: str) -> Sentence:
    """Say the reliability of a variable called LABEL as a paper would, or why it is undefined."""
    coders = len(found.coders)
    zh = f"“{label}”（编码表{f' {found.version}' if found.version else '未注明版本'}）：{coders} 名编码员"
    en = f"{label} (codebook {found.version or 'of no stated version'}): {coders} coders"
    if found.reason == TEXT:
        return Sentence(
            zh=f"{zh}；文字变量，没有系数。",
            en=f"{en}; free text, for which there is no coefficient.",
        )
    zh += f"，{WHEN[found.stage].zh}，{found.units} 个单位由两人以上编码"
    en += f", {WHEN[found.stage].en}, {found.units} units with two codes or more"
    if found.reason:
        return Sentence(
            zh=f"{zh}；Krippendorff α {CHINESE[found.reason]}。",
            en=f"{en}; Krippendorff's alpha is {found.reason}.",
        )
    percent = found.value("percent_agreement") or 0.0
    said = [_alpha(figure) for figure in found.alphas]
    return Sentence(
        zh="，".join([zh, *(x.zh for x in said), f"一致率 {percent:.1%}。"]) + THRESHOLDS.zh,
        en=", ".join([en, *(x.en for x in said), f"agreement {percent:.1%}. "]) + THRESHOLDS.en,
    )


def _alpha(figure: Figure) -> Sentence:
    zh, en = LEVEL[figure.coefficient]
    value = f"{figure.value:.3f}"
    after = Sentence(zh="", en="")
    if figure.interval is not None:
        after = _interval(figure.interval)
    return Sentence(
        zh=f"Krippendorff α（{zh}）= {value}{after.zh}",
        en=f"Krippendorff's alpha ({en}) = {value}{after.en}",
    )


def _interval(found: Interval) -> Sentence:
    if found.low is None:
        return Sentence(zh=f"（{CHINESE[found.note]}）", en=f" ({found.note})")
    drawn = found.resamples - found.undefined
    tentative, reliable = (_share(x) for x in (found.below_tentative, found.below_reliable))
    return Sentence(
        zh=f"（95% 自助法区间 {found.low:.3f} 至 {found.high:.3f}，重抽单位 {drawn} 次；"
        f"重抽样中 α 低于 .667 的占 {tentative}，低于 .800 的占 {reliable}）",
        en=f" (95% interval {found.low:.3f} to {found.high:.3f}, {drawn} bootstrap resamples of "
        f"units; alpha is below .667 in {tentative} of them, below .800 in {reliable})",
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
