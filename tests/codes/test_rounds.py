import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagemix.codes.assignment import assign, every_account, round_of
from stagemix.codes.codebook import read_codebook_text
from stagemix.codes.rounds import (
    Round,
    check_name,
    read_round,
    round_names,
    write_joined,
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
        "kind",
        "purpose",
        "asks",
        "joined",
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


@given(
    accounts=st.lists(st.sampled_from("甲乙丙丁"), max_size=30),
    coders=st.integers(1, 4),
    overlap=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
)
def test_posts_of_an_account_stay_with_one_coder_but_for_the_overlap(
    accounts: list[str], coders: int, overlap: float
) -> None:
    names = [f"c{n}" for n in range(coders)]
    units = [f"p{n}" for n in range(len(accounts))]
    cells = assign(units, coders=names, overlap=overlap, groups=accounts)
    shared = math.ceil(len(units) * overlap)
    assert cells[:shared] == [";".join(names)] * shared
    alone = list(zip(accounts[shared:], cells[shared:], strict=True))
    owner = dict(alone)
    assert all(owner[account] == cell and cell in names for account, cell in alone)
    among = sorted(set(accounts))
    assert all(owner[a] == names[among.index(a) % coders] for a in owner)


def test_a_round_keeps_posts_together_by_the_groups_it_is_given() -> None:
    groups = dict(zip(POSTS["post_id"], POSTS["account"], strict=True))
    made = drawn(overlap=0.3, groups=groups)
    cells = dict(zip(made.units["unit"], made.units["coders"], strict=True))
    shared = [unit for unit, cell in cells.items() if cell == "甲;乙"]
    assert shared == list(made.units["unit"][:2])
    alone = {(groups[unit], cell) for unit, cell in cells.items() if unit not in shared}
    assert alone == {('乙"市\\', "甲"), ("甲市", "乙")}


@pytest.mark.parametrize(
    ("name", "purpose", "found"),
    [
        ("final", None, "final"),
        ("pilot", None, "pilot"),
        ("training", None, "training"),
        ("试编", None, "final"),
        ("试编", "pilot", "pilot"),
        ("pilot", "reliability", "reliability"),
    ],
)
def test_a_round_is_for_what_it_says_or_is_called(
    tmp_path: Path, name: str, purpose: str | None, found: str
) -> None:
    made = drawn(name, purpose=purpose)
    design, _ = write_round(made, tmp_path)
    assert made.purpose == read_round(name, tmp_path).purpose == found
    assert f'purpose = "{found}"\n' in design.read_text("utf-8")


def test_a_coder_has_the_own_units_in_coding_order() -> None:
    made = drawn(overlap=0.5)
    units = list(made.units["unit"])
    assert made.units_of("甲") == [*units[:3], units[3], units[5]]
    assert made.units_of("乙") == [*units[:3], units[4]]
    assert made.units_of("丙") == []


def accounts_round(**options: float) -> Round:
    names = ["汐川发布", "001", "东篱"]
    return every_account(
        names, name="accounts", corpus="corpora/推文", coders=["甲", "乙"], **options
    )


def test_a_round_of_accounts_is_read_as_it_was_written(tmp_path: Path) -> None:
    before = accounts_round(overlap=0.3, asks=["inventory"])
    design, sample = write_round(before, tmp_path)
    assert sample.read_text("utf-8") == (
        "account,stratum,inclusion_probability,coders\n"
        "001,all,1.0,甲;乙\n东篱,all,1.0,甲\n汐川发布,all,1.0,乙\n"
    )
    assert "# stratum = [accounts in the frame, drawn]\n" in design.read_text("utf-8")
    after = read_round("accounts", tmp_path)
    pd.testing.assert_frame_equal(after.units, before.units.astype({"stratum": "str"}))
    assert (after.kind, after.design, after.purpose, after.asks, after.strata) == (
        "account", "census", "final", ("inventory",), {"all": (3, 3)},
    )  # fmt: skip
    assert (before.kind, before.asks) == ("account", ("inventory",))


def test_a_round_of_before_there_were_kinds_is_of_posts_and_final(tmp_path: Path) -> None:
    design, _ = write_round(drawn("试编", purpose="pilot", asks=["stage"]), tmp_path)
    lines = design.read_text("utf-8").splitlines(keepends=True)
    new = ("purpose", "unit", "asks", "joined", "# what", "# the variables", "# coders")
    design.write_text("".join(x for x in lines if not x.startswith(new)), encoding="utf-8")
    after = read_round("试编", tmp_path)
    assert (after.kind, after.purpose, after.asks, after.joined) == ("post", "final", (), ())


def test_picked_posts_have_no_chance(tmp_path: Path) -> None:
    units = drawn().units.assign(inclusion_probability=float("nan"))
    _, sample = write_round(replace(drawn(), design="chosen", units=units), tmp_path)
    assert sample.read_text("utf-8").splitlines()[1].split(",")[2] == ""
    after = read_round("final", tmp_path)
    assert after.design == "chosen"
    assert after.units["inclusion_probability"].isna().all()


def test_a_coder_who_joins_is_written_whole_and_on_record(tmp_path: Path) -> None:
    before = drawn(overlap=0)
    design, sample = write_round(before, tmp_path)
    cells = [f"{before.units['coders'][0]};丙", *before.units["coders"][1:]]
    write_joined(replace(before, units=before.units.assign(coders=cells), joined=("丙",)), tmp_path)
    assert 'joined = ["丙"]\n' in design.read_text("utf-8")
    after = read_round("final", tmp_path)
    assert (after.joined, after.coders) == (("丙",), ("甲", "丙", "乙"))
    assert after.units_of("丙") == [before.units["unit"][0]]
    pd.testing.assert_frame_equal(
        after.units.drop(columns="coders"),
        before.units.drop(columns="coders").astype({"stratum": "str"}),
        check_exact=True,
    )
    assert after.strata == before.strata
    assert len(sample.read_text("utf-8").splitlines()) == 7


BOOK = read_codebook_text(
    """
    id = "c"
    version = "1"
    [[variables]]
    id = "stage"
    level = "binary"
    [[variables]]
    id = "functions"
    level = "multiple"
    optional = true
    categories = [{id = "x"}]
    [[variables]]
    id = "tone"
    level = "binary"
    [[variables]]
    id = "inventory"
    unit = "account"
    level = "multiple"
    categories = [{id = "pay"}]
    [[variables]]
    id = "note"
    unit = "account"
    level = "text"
    optional = true
    """,
    where="c",
)


@pytest.mark.parametrize(
    ("round_", "asks", "found"),
    [
        (drawn(), (), ["stage", "tone"]),
        (drawn(), ("functions", "stage"), ["stage", "functions"]),
        (accounts_round(), (), ["inventory"]),
        (accounts_round(), ("note",), ["note"]),
    ],
)
def test_what_a_round_asks_is_of_its_units(
    round_: Round, asks: tuple[str, ...], found: list[str]
) -> None:
    assert [v.id for v in replace(round_, asks=asks).asked(BOOK)] == found


@pytest.mark.parametrize(
    ("round_", "asks", "said"),
    [
        (
            drawn(),
            ("stage", "mood", "inventory"),
            "round final asks inventory, mood, which the codebook does not ask of posts; it asks "
            "stage, functions, tone",
        ),
        (
            accounts_round(),
            ("stage",),
            "round accounts asks stage, which the codebook does not ask of accounts; it asks "
            "inventory, note",
        ),
    ],
)
def test_a_variable_that_cannot_be_asked_is_said(
    round_: Round, asks: tuple[str, ...], said: str
) -> None:
    with pytest.raises(DataError) as caught:
        replace(round_, asks=asks).asked(BOOK)
    assert str(caught.value) == said
