"""The words for what a table marks, in English and Chinese: refusals, designs, remarks."""

from collections.abc import Mapping
from dataclasses import dataclass

from stagemix.mix.limits import (
    GROUP_ACCOUNTS,
    GROUP_CODES,
    HALF_CODES,
    LEAST_PERIODS,
    OWN_CODES,
    SMALL_CELL,
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
    "borrowed": {
        "en": f"fewer than {OWN_CODES} coded posts here: mostly borrowed from the other accounts and "
        "periods; holds on average over accounts",
        "zh": f"这里的编码推文不足 {OWN_CODES} 篇，主要借自其他账号和时段，只在平均意义上成立",
    },
    "small_cell": {
        "en": f"fewer than {SMALL_CELL} posts: not for ranking",
        "zh": f"不足 {SMALL_CELL} 篇推文，不宜排名",
    },
    "every_post": {
        "en": "every post is coded: the change itself, nothing to test",
        "zh": "每篇都已编码：变化本身，无需检验",
    },
    "few_codes_in_span": {
        "en": f"fewer than {GROUP_CODES} coded posts in one of the two spans",
        "zh": f"前后两段中有一段的编码推文不足 {GROUP_CODES} 篇",
    },
    "account_without_codes": {
        "en": "no post of an account here was in the draw: code a sample of its posts too, or leave "
        "the account out",
        "zh": "这一组有账号的推文不在抽样之内：请也抽样编码，或去掉该账号",
    },
    "few_accounts": {
        "en": f"fewer than {GROUP_ACCOUNTS} accounts: no interval, and no part in the tests",
        "zh": f"账号不足 {GROUP_ACCOUNTS} 个：不给区间，也不参加检验",
    },
    "no_spread": {
        "en": "the same share in every account here: no interval, and no test against another such "
        "group",
        "zh": "这一组各账号占比完全相同：不给区间，也不与另一个同样的组比较",
    },
    "no_group": {
        "en": "accounts without a value in this column: not in the tests",
        "zh": "账号表这一列没有填的账号：不参加检验",
    },
    "few_groups": {
        "en": f"nothing to test: needs two groups of {GROUP_ACCOUNTS} accounts or more with enough "
        "codes",
        "zh": f"没有可检验的：至少要有两组，每组 {GROUP_ACCOUNTS} 个账号以上且编码足够",
    },
    "by_halves": {
        "en": "fewer than two codes in some account and period: compared by halves of the study, from "
        "different periods only",
        "zh": "有的账号某时段编码不足两篇：只按前后两半、只用不同时段的乘积比较",
    },
    "one_sided": {
        "en": "p: one-sided, did accounts become alike; a rise is no claim of divergence",
        "zh": "p 为单侧检验：账号是否变得相似；上升不作趋异的结论",
    },
    "alike_not_tested": {
        "en": "alikeness not tested: see above",
        "zh": "趋同未检验，见上",
    },
    "no_pairs": {
        "en": "needs two coded posts or more in every account, period and stratum",
        "zh": "每个账号每个时段（及其中每一层）至少要有两篇编码推文",
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
    """Return the words for a note's keys, joined by `;`, in LANGUAGE (`en` or `zh`)."""
    joint = "; " if language == "en" else "；"
    return joint.join(NOTES[key][language] for key in note.split(";") if key)


_UNITS = {"account": "账号", "year": "年", "half": "半年", "quarter": "季度", "month": "月"}
_WITHIN = "simple random within "
_DESIGNS = {
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
    if not name.startswith(_WITHIN):
        return _DESIGNS[name]
    units = name.removeprefix(_WITHIN).split(" and ")
    return f"按{' × '.join(_UNITS.get(unit, unit) for unit in units)}简单随机"
