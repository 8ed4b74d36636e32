"""Every text of the page is there in both languages, and every text that a page asks for is there."""

import re
import string
from importlib import resources

import pytest

from stagemix.codes.codebook import UNITS
from stagemix.codes.figures import ALPHAS
from stagemix.codes.rounds import PURPOSES
from stagemix.web.saving import RefusedError
from stagemix.web.words import LANGUAGES, WORDS, words_in

TEMPLATES = resources.files("stagemix.web").joinpath("templates")
STATIC = resources.files("stagemix.web").joinpath("static")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("key", WORDS)
def test_a_text_is_there_in_both_languages_with_the_same_places_to_fill(key: str) -> None:
    zh, en = WORDS[key]
    assert zh.strip()
    assert en.strip()
    assert fields(zh) == fields(en)


def test_the_two_languages_are_the_two_columns() -> None:
    zh, en = (words_in(language) for language in LANGUAGES)
    assert zh.keys() == en.keys() == WORDS.keys()
    assert (zh["undo"], en["undo"]) == ("撤销", "Undo")


def named_in(folder: object, ending: str, pattern: str) -> dict[str, set[str]]:
    """The keys that files ask for, by file."""
    return {
        file.name: set(re.findall(pattern, file.read_text("utf-8")))
        for file in folder.iterdir()
        if file.name.endswith(ending)
    }


def test_templates_ask_for_texts_that_are_there() -> None:
    asked = named_in(TEMPLATES, ".html", r"\bw\.(?!get\b)(\w+)")
    assert {"agreement", "undo", "settle", "your_rounds"} <= set().union(*asked.values())
    assert {name: keys - WORDS.keys() for name, keys in asked.items() if keys - WORDS.keys()} == {}


def test_scripts_ask_for_texts_that_are_there() -> None:
    pattern = r"\b(?:w|words|words\(\)|work\.words)\.(\w+)|words\(\)\[\"(\w+)\"\]"
    asked = {
        name: {key for pair in found for key in pair if key}
        for name, found in named_in(STATIC, ".js", pattern).items()
    }
    assert {"finished", "no_text", "include", "offline"} <= set().union(*asked.values())
    assert {name: keys - WORDS.keys() for name, keys in asked.items() if keys - WORDS.keys()} == {}


def test_what_templates_fill_in_is_what_the_text_has_places_for() -> None:
    calls = named_in(TEMPLATES, ".html", r"w\.(\w+)\.format\(((?:[^()]|\([^()]*\))*)\)")
    filled = [
        (key, set(re.findall(r"(\w+)=", given))) for found in calls.values() for key, given in found
    ]
    assert len(filled) > 5
    for key, given in filled:
        assert given == fields(WORDS[key][0]), key


def test_what_scripts_fill_in_is_what_the_text_has_places_for() -> None:
    calls = named_in(STATIC, ".js", r"fill\((?:w|words|words\(\))\.(\w+), \{([^}]*)\}\)")
    filled = [
        (key, set(re.findall(r"(?:^|,)\s*(\w+)\s*(?=:|,|$)", given)))
        for found in calls.values()
        for key, given in found
    ]
    assert len(filled) > 5
    for key, given in filled:
        assert given == fields(WORDS[key][0]), key


def test_every_reason_to_refuse_a_save_can_be_said() -> None:
    source = resources.files("stagemix.web").joinpath("saving.py").read_text("utf-8")
    said = set(re.findall(r'RefusedError\("(\w+)"\)', source))
    assert "not_yours" in said
    assert said <= WORDS.keys()
    assert RefusedError("not_yours").word == "not_yours"


def test_purposes_kinds_and_coefficients_can_be_said() -> None:
    alphas = {f"alpha_{name}" for names in ALPHAS.values() for name in names}
    assert {*PURPOSES, *UNITS, *alphas} <= WORDS.keys()
