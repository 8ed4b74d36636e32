import pytest

from stagemix.mix.words import NOTES, design_in_chinese, words

UNITS = ("year", "half", "quarter", "month")


@pytest.mark.parametrize("note", NOTES)
def test_every_note_has_words_in_both_languages(note):
    assert words(note, language="en").isascii()
    assert any("一" <= letter <= "鿿" for letter in words(note, language="zh"))


def test_no_note_has_no_words():
    assert words("", language="en") == words("", language="zh") == ""


def test_words_of_a_refusal():
    assert words("rare_stage", language="en") == (
        "fewer than 3 coded posts of this stage in all: no share by group"
    )
    assert words("few_codes_in_group", language="zh") == (
        "这里的编码推文不足 10 篇，不给校正占比：请多编一些，或合并分组"
    )


@pytest.mark.parametrize(
    "design",
    [
        *(f"simple random within account and {unit}" for unit in UNITS),
        *(f"simple random within {unit}" for unit in UNITS),
        "simple random within account",
        "simple random over the corpus",
        "not one simple draw; posts of equal probability within an account and year are taken as a "
        "stratum",
    ],
)
def test_every_design_has_chinese_words(design):
    assert design_in_chinese(design)
    assert not any(letter.isascii() and letter.isalpha() for letter in design_in_chinese(design))


def test_several_keys_are_joined_in_their_order():
    assert words("few_codes_of_stage;small_cell", language="en") == (
        "fewer than 10 coded posts of this stage in all: read with care; "
        "fewer than 20 posts: not for ranking"
    )
    assert words("borrowed;small_cell", language="zh") == (
        "这里的编码推文不足 5 篇，主要借自其他账号和时段，只在平均意义上成立；"
        "不足 20 篇推文，不宜排名"
    )
    three = words("few_codes_of_stage;borrowed;small_cell", language="zh").split("；")
    assert three == [
        words(key, language="zh") for key in ("few_codes_of_stage", "borrowed", "small_cell")
    ]


@pytest.mark.parametrize(
    ("design", "chinese"),
    [
        ("simple random within account and year", "按账号 × 年简单随机"),
        ("simple random within quarter", "按季度简单随机"),
        ("simple random within sector and half", "按sector × 半年简单随机"),
        ("simple random over the corpus", "全语料简单随机"),
    ],
)
def test_designs_in_chinese(design, chinese):
    assert design_in_chinese(design) == chinese


def test_a_design_that_is_not_known_has_no_chinese_words():
    with pytest.raises(KeyError):
        design_in_chinese("drawn by hand")
