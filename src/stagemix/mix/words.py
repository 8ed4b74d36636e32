"""The words for what a table marks, in English and Chinese: refusals, designs, remarks."""

from collections.abc import Mapping
from dataclasses import dataclass

from stagemix.mix.limits import (
    GROUP_CODES,
    HALF_CODES,
    LEAST_PERIODS,
    STAGE_CODES,
    STAGE_CODES_SURE,
)

NOTES: Mapping[str, Mapping[str, str]] = {
    "no_posts": {"en": "no posts", "zh": "没有推文"},
    "few_codes_in_group": {
        "en": f"fewer than {GROUP_CODES} coded posts here: code more of them, or group more coarsely",
        "zh": f"这里的编码推文不足 {GROUP_CODES} 篇，不给校正占比：请多编一些，或合并分组",
    },
    "rare_stage": {
        "en": f"fewer than {STAGE_CODES} coded posts of this stage in all: no share by group",
        "zh": f"全部编码中这一阶段不足 {STAGE_CODES} 篇，不分组给占比",
    },
    "few_codes_of_stage": {
        "en": f"fewer than {STAGE_CODES_SURE} coded posts of this stage in all: read with care",
        "zh": f"全部编码中这一阶段不足 {STAGE_CODES_SURE} 篇，请谨慎解读",
    },
    "very_few_codes_of_stage": {
        "en": f"fewer than {STAGE_CODES} coded posts of this stage in all: known only roughly",
        "zh": f"全部编码中这一阶段不足 {STAGE_CODES} 篇，只能粗略估计",
    },
    "no_pairs": {
        "en": "needs two coded posts or more in every account, period and stratum; only above_publish "
        "holds",
        "zh": "每个账号每个时段（及其中每一层）至少要有两篇编码推文；这里只有“高于发布的占比”成立",
    },
    "few_higher": {
        "en": f"needs {HALF_CODES} posts coded above publish in each half of the periods",
        "zh": f"前后两半各至少要有 {HALF_CODES} 篇编为高于发布的推文",
    },
    "few_periods": {
        "en": f"needs {LEAST_PERIODS} periods or more",
        "zh": f"至少要有 {LEAST_PERIODS} 个时段",
    },
}


def words(note: str, *, language: str) -> str:
    """Return the words for a note's key in LANGUAGE (`en` or `zh`); blank for no note."""
    return NOTES[note][language] if note else ""


_UNITS = {"year": "年", "half": "半年", "quarter": "季度", "month": "月"}
_DESIGNS = {
    **{
        f"simple random within account and {u}": f"按账号 × {zh}简单随机"
        for u, zh in _UNITS.items()
    },
    **{f"simple random within {u}": f"按{zh}简单随机" for u, zh in _UNITS.items()},
    "simple random within account": "按账号简单随机",
    "simple random over the corpus": "全语料简单随机",
    "not one simple draw; posts of equal probability within an account and year are taken as a "
    "stratum": "不是单一的简单抽样；同一账号同一年内概率相等的推文视为一层",
}


@dataclass(frozen=True, kw_only=True)
class Remark:
    """One sentence that belongs beside a figure, in English and in Chinese."""

    en: str
    zh: str


def design_in_chinese(name: str) -> str:
    """Return the Chinese words for a design's name (see `mix.design`)."""
    return _DESIGNS[name]
