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
