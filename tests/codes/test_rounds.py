from pathlib import Path

import pandas as pd
import pytest

from stagemix.codes.rounds import (
    Round,
    assign,
    check_name,
    read_round,
    round_names,
    round_of,
    write_round,
)
from stagemix.errors import DataError, MissingError
from stagemix.posts.sampling import draw

POSTS = pd.DataFrame(
    {
        "post_id": [f"{account}-{n}" for account in ("甲市", '乙"市\\') for n in range(7)],
        "account": [account for account in ("甲市", '乙"市\\') for _ in range(7)],
    }
)


def drawn(
    name: str = "final", *, coders: tuple[str, ...] = ("甲", "乙"), **options: float
) -> Round:
    draw_ = draw(POSTS, n=6, seed=3, design="stratified", by=("account",))
    return round_of(draw_, name=name, corpus="corpora/推文", coders=coders, **options)


@pytest.mark.parametrize(
    ("overlap", "cells"),
    [
        (1, ["甲;乙", "甲;乙", "甲;乙", "甲;乙", "甲;乙"]),
        (0.5, ["甲;乙", "甲;乙", "甲;乙", "甲", "乙"]),
        (0.4, ["甲;乙", "甲;乙", "甲", "乙", "甲"]),
        (0.01, ["甲;乙", "甲", "乙", "甲", "乙"]),
        (0, ["甲", "乙", "甲", "乙", "甲"]),
    ],
)
def test_the_first_share_goes_to_all_and_the_rest_in_turn(overlap: float, cells: list[str]) -> None:
    assert assign(list("12345"), coders=["甲", "乙"], overlap=overlap) == cells


def test_a_tenth_of_seventy_posts_is_seven() -> None:
    cells = assign(["p"] * 70, coders=["a", "b"], overlap=0.1)
    assert cells.count("a;b") == 7


@pytest.mark.parametrize("overlap", [-0.1, 1.5, float("nan")])
def test_an_overlap_that_is_no_share_is_refused(overlap: float) -> None:
    with pytest.raises(DataError) as caught:
        assign(["1"], coders=["a"], overlap=overlap)
    assert str(caught.value) == f"--overlap {overlap}: a share between 0 and 1"


@pytest.mark.parametrize("coders", [[], ["a", "b", "a"]])
def test_each_coder_is_named_once(coders: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        assign(["1"], coders=coders, overlap=1)
    assert str(caught.value) == "--coders: name each coder once, for example --coders a,b"


RULE = (
    "a name has 1 to 60 characters, no blanks, no dot at either end, and "
    'none of / \\ : * ? " < > | , ; ， ； 、'
)
RESERVED = "that name is reserved for other files; take another"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *((name, RULE) for name in ["", " ", "a b", "a\u3000b", "a\n", ".a", "a.", "..", "a\0", "x" * 61]),
        *((f"a{sign}b", RULE) for sign in '/\\:*?"<>|,;，；、'),
        *((name, RESERVED) for name in ["CON", "nul", "com1", "aux.1", "final.sample"]),
    ],
)  # fmt: skip
def test_names_that_no_file_system_takes_are_refused(name: str, said: str) -> None:
    for what in ("round", "coder"):
        with pytest.raises(DataError) as caught:
            check_name(name, what=what)
        assert str(caught.value) == f"{what} {name!r}: {said}"


@pytest.mark.parametrize("name", ["final", "试编-2", "v1.2", "a_b", "李明", "console"])
def test_names_that_every_file_system_takes_are_kept(name: str) -> None:
    assert check_name(name, what="round") == name


def test_a_bad_name_of_a_round_or_coder_stops_the_round() -> None:
    with pytest.raises(DataError, match=r"^round 'a/b': "):
        drawn("a/b")
    with pytest.raises(DataError, match=r"^coder '甲，乙': "):
        drawn(coders=("甲，乙",))


def test_a_round_is_read_as_it_was_written(tmp_path: Path) -> None:
    before = drawn("试编", overlap=0.5)
    design, sample = write_round(before, tmp_path / "rounds")
    assert (design.name, sample.name) == ("试编.toml", "试编.sample.csv")
    after = read_round("试编", tmp_path / "rounds")
    pd.testing.assert_frame_equal(
        after.units, before.units.astype({"stratum": "str"}), check_exact=True
    )
    assert after.coders == before.coders == ("甲", "乙")
    assert after.strata == before.strata == {"甲市": (7, 3), '乙"市\\': (7, 3)}
    for field in (
        "name",
        "corpus",
        "design",
        "by",
        "allocation",
        "minimum",
        "seed",
        "frame",
        "without",
    ):
        assert getattr(after, field) == getattr(before, field)
    assert list(after.units["inclusion_probability"]) == [3 / 7] * 6


def test_a_round_keeps_the_rounds_whose_posts_it_left_out(tmp_path: Path) -> None:
    draw_ = draw(POSTS, n=6, seed=3, design="simple")
    made = round_of(draw_, name="final", corpus="c", coders=["a"], without=["试编", "pilot-2"])
    design, _ = write_round(made, tmp_path)
    assert 'without = ["试编", "pilot-2"]\n' in design.read_text("utf-8")
    assert read_round("final", tmp_path).without == made.without == ("试编", "pilot-2")
    other, _ = write_round(drawn("b"), tmp_path)
    assert "without = []\n" in other.read_text("utf-8")
    assert read_round("b", tmp_path).without == ()


def test_a_sample_that_a_killed_draw_left_behind_is_replaced(tmp_path: Path) -> None:
    design, sample = write_round(drawn(), tmp_path)
    design.unlink()
    sample.write_text("half a", encoding="utf-8")
    write_round(drawn(), tmp_path)
    assert len(read_round("final", tmp_path).units) == 6


def test_a_round_is_never_written_over(tmp_path: Path) -> None:
    design, sample = write_round(drawn(), tmp_path)
    text = design.read_text("utf-8"), sample.read_text("utf-8")
    with pytest.raises(DataError) as caught:
        write_round(drawn(coders=("x",)), tmp_path)
    assert str(caught.value) == f"{design}: the round final is there already; give another --round"
    assert (design.read_text("utf-8"), sample.read_text("utf-8")) == text


def test_an_unknown_round_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(MissingError) as caught:
        read_round("final", tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'final.toml'}: no round final; draw one with `stagemix sample`"
    )
    write_round(drawn("b"), tmp_path)
    write_round(drawn("a"), tmp_path)
    assert round_names(tmp_path) == ["a", "b"]
    with pytest.raises(MissingError) as caught:
        read_round("final", tmp_path)
    assert str(caught.value) == f"{tmp_path / 'final.toml'}: no round final; there are a, b"


def test_without_a_folder_there_are_no_rounds(tmp_path: Path) -> None:
    assert round_names(tmp_path / "rounds") == []


RESTORE = "restore it from your backup or version control"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (0, "seed = 3", "seed = ", "TOMLDecodeError: Invalid value (at line 7, column 8)"),
        (0, "seed = 3\n", "", "KeyError: 'seed'"),
        (0, "without = []\n", "", "KeyError: 'without'"),
        (0, "[7, 3]", "[7]", "IndexError: list index out of range"),
        (1, "coders", "who", "KeyError: 'coders'"),
    ],
)
def test_a_damaged_round_says_to_restore_it(
    tmp_path: Path, file: int, old: str, new: str, said: str
) -> None:
    paths = write_round(drawn(), tmp_path)
    text = paths[file].read_text("utf-8")
    paths[file].write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_round("final", tmp_path)
    assert str(caught.value) == f"{paths[0]}: the round cannot be read ({said}); {RESTORE}"


def test_a_round_without_its_sample_says_so(tmp_path: Path) -> None:
    _, sample = write_round(drawn(), tmp_path)
    sample.unlink()
    with pytest.raises(MissingError) as caught:
        read_round("final", tmp_path)
    assert str(caught.value) == f"{sample}: no such file"
