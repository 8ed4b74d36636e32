"""The words for what a table marks: why a share is refused, or read with care."""

from collections.abc import Mapping

NOTES: Mapping[str, Mapping[str, str]] = {
    "no_posts": {"en": "no posts", "zh": "没有推文"},
    "few_codes_in_group": {
        "en": "fewer than 10 coded posts here: code more of them, or group more coarsely",
        "zh": "这里的编码推文不足 10 篇，不给校正占比：请多编一些，或合并分组",
    },
    "rare_stage": {
        "en": "fewer than 3 coded posts of this stage in all: no share by group",
        "zh": "全部编码中这一阶段不足 3 篇，不分组给占比",
    },
    "few_codes_of_stage": {
        "en": "fewer than 10 coded posts of this stage in all: read with care",
        "zh": "全部编码中这一阶段不足 10 篇，请谨慎解读",
    },
    "no_pairs": {
        "en": "needs two coded posts or more in every account and period; only above_publish holds",
        "zh": "每个账号每个时段至少要有两篇编码推文；这里只有“高于发布的占比”成立",
    },
    "few_periods": {"en": "needs four periods or more", "zh": "至少要有四个时段"},
}


def words(note: str, *, language: str) -> str:
    """Return the words for a note's key in LANGUAGE (`en` or `zh`); blank for no note."""
    return NOTES[note][language] if note else ""
