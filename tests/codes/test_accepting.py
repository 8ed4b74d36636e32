from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from stagemix.codes.accepting import codes_of, join, without_known
from stagemix.codes.codebook import Codebook, default_codebook, read_codebook_text
from stagemix.codes.incoming import read_long_codes
from stagemix.codes.rounds import Round
from stagemix.codes.store import BESIDE, COLUMNS, INDEPENDENT, SETTLED, Code
from stagemix.errors import DataError

BOOK = default_codebook()
WHEN = "2024-03-01T09:00:00+08:00"
ROUND = Round(
    name="final",
    corpus="corpora/posts",
    design="simple",
    by=(),
    allocation="proportional",
    minimum=0,
    seed=1,
    frame="f",
    without=(),
    strata={"all": (9, 3)},
    units=pd.DataFrame(
        {
            "unit": ["p1", "p2", "p3"],
            "stratum": "all",
            "inclusion_probability": 1 / 3,
            "coders": ["a;b", "a", "b"],
        }
    ),
)


def long_codes(tmp_path: Path, *rows: str, header: str = "post_id,coder,variable,value") -> Path:
    path = tmp_path / "codes.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def taken(
    path: Path, *, round_: Round = ROUND, book: Codebook = BOOK, kind: str = INDEPENDENT
) -> list[Code]:
    table = read_long_codes(path, codebook=book, kind=round_.kind)
    return codes_of(table, round_=round_, codebook=book, coded_at=WHEN, where=str(path), kind=kind)


def test_codes_are_of_the_round_and_of_the_codebook_as_it_is(tmp_path: Path) -> None:
    assert taken(long_codes(tmp_path, "p1,b,stage,合作")) == [
        Code(
            round="final",
            unit="p1",
            coder="b",
            variable="stage",
            value="cooperate",
            codebook_version=BOOK.version,
            coded_at=WHEN,
        )
    ]


OUTSIDE = (
    "codes a post that is not in the round final; remove it or name the right round with --round"
)
UNKNOWN = (
    "is by a coder whom the round final does not name; its coders are a, b; --join lets a further "
    "coder code it, --beside keeps codes for comparison only"
)
NOT_GIVEN = "is by a coder to whom the round final does not give the post; its coders are a, b"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["p1,a,stage,publish", "p7,a,stage,publish", "p8,b,stage,publish"], f"row 3, 4 {OUTSIDE}"),
        (["p1,a,stage,publish", "p1,c,stage,publish"], f"row 3 (c) {UNKNOWN}"),
        (["p3,a,stage,publish", "p1,c,stage,publish"], f"row 3 (c) {UNKNOWN}"),
        (["p3,a,stage,publish", "p2,b,stage,publish"], f"row 2 (a), 3 (b) {NOT_GIVEN}"),
    ],
)
def test_codes_that_the_round_did_not_ask_for(tmp_path: Path, rows: list[str], said: str) -> None:
    path = long_codes(tmp_path, *rows)
    with pytest.raises(DataError) as caught:
        taken(path)
    assert str(caught.value) == f"{path}: {said}"


@pytest.mark.parametrize(
    ("row", "said"), [("p7,a,publish,1", f"row 2 {OUTSIDE}"), ("p1,c,publish,1", f"row 2 (c) {UNKNOWN}")]
)  # fmt: skip
def test_a_wide_row_is_named_once(tmp_path: Path, row: str, said: str) -> None:
    path = long_codes(tmp_path, row, header="post_id,coder,stage,functions.also_service")
    with pytest.raises(DataError) as caught:
        taken(path)
    assert str(caught.value) == f"{path}: {said}"


OWN = Code(round="final", unit="p1", coder="a", variable="stage", value="publish", coded_at=WHEN)


def held(*codes: Code) -> pd.DataFrame:
    return pd.DataFrame([vars(code) for code in codes], columns=list(COLUMNS), dtype="str")


@pytest.mark.parametrize(
    ("before", "code", "new"),
    [
        ([], OWN, True),
        ([OWN], replace(OWN, coded_at="later"), False),
        ([OWN], replace(OWN, value="service"), True),
        ([OWN], replace(OWN, memo="why"), True),
        ([OWN, replace(OWN, value="service")], replace(OWN, coded_at="later"), True),
        ([OWN], replace(OWN, coder="b"), True),
        ([OWN], replace(OWN, variable="functions.also_service"), True),
        ([OWN], replace(OWN, kind=SETTLED), True),
        ([OWN, replace(OWN, kind=SETTLED, value="service")], OWN, False),
        # by a new version it is a code of its own, even of the same value
        ([OWN], replace(OWN, codebook_version="2"), True),
        # what was corrected on the page is not undone by the same file read once more
        ([OWN, replace(OWN, value="service", save_id="s")], replace(OWN, coded_at="later"), False),
        ([replace(OWN, save_id="s")], OWN, False),
    ],
)
def test_only_what_the_coder_does_not_say_already_is_new(
    before: list[Code], code: Code, new: bool
) -> None:
    assert without_known([code], held(*before)) == ([code] if new else [])


OF_ACCOUNTS = read_codebook_text(
    """
    id = "c"
    version = "7"
    [[variables]]
    id = "stage"
    level = "nominal"
    categories = [{id = "x"}, {id = "y"}]
    [[variables]]
    id = "menu"
    unit = "account"
    level = "binary"
    """,
    where="c",
)
ACCOUNTS = replace(ROUND, name="all", kind="account")


def test_codes_of_accounts(tmp_path: Path) -> None:
    path = long_codes(tmp_path, "p1,a,menu,是", header="公众号,编码员,变量,编码")
    (code,) = taken(path, round_=ACCOUNTS, book=OF_ACCOUNTS)
    assert (code.round, code.unit, code.value, code.codebook_version) == ("all", "p1", "1", "7")


@pytest.mark.parametrize(
    ("rows", "round_", "said"),
    [
        (
            ["p1,a,menu,1", "p9,a,menu,1"],
            ACCOUNTS,
            "row 3 codes an account that is not in the round all; remove it or name the right "
            "round with --round",
        ),
        (
            ["p3,a,menu,1"],
            ACCOUNTS,
            "row 2 (a) is by a coder to whom the round all does not give the account; its coders "
            "are a, b",
        ),
        (
            ["p1,a,menu,1", "p1,a,stage,x"],
            ACCOUNTS,
            "row 3 codes stage, a variable of posts, and the round all is of accounts; "
            "remove it or name the right round with --round",
        ),
        (
            ["p1,a,menu,1", "p1,b,menu,1", "p1,a,stage,x"],
            ROUND,
            "row 2, 3 codes menu, a variable of accounts, and the round final is of posts; "
            "remove it or name the right round with --round",
        ),
    ],
)
def test_codes_of_another_kind_of_unit(
    tmp_path: Path, rows: list[str], round_: Round, said: str
) -> None:
    path = long_codes(tmp_path, *rows)
    with pytest.raises(DataError) as caught:
        taken(path, round_=round_, book=OF_ACCOUNTS)
    assert str(caught.value) == f"{path}: {said}"


def test_codes_beside_are_by_somebody_whom_the_round_does_not_name(tmp_path: Path) -> None:
    path = long_codes(tmp_path, "p1,model-1,stage,服务", "p2,model-1,stage,发布")
    found = taken(path, kind=BESIDE)
    assert [(c.unit, c.coder, c.value, c.kind) for c in found] == [
        ("p1", "model-1", "service", "beside"),
        ("p2", "model-1", "publish", "beside"),
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            ["p1,m,stage,publish", "p2,a,stage,publish"],
            "row 3 (a) is by a coder of the round final, whose codes count; leave --beside out, or "
            "give whoever coded this another name",
        ),
        (
            ["p1,m,stage,publish", "p8,m,stage,publish"],
            "row 3 codes a post that is not in the round final; remove it or name the right round "
            "with --round",
        ),
    ],
)
def test_codes_that_cannot_stand_beside(tmp_path: Path, rows: list[str], said: str) -> None:
    path = long_codes(tmp_path, *rows)
    with pytest.raises(DataError) as caught:
        taken(path, kind=BESIDE)
    assert str(caught.value) == f"{path}: {said}"


@pytest.mark.parametrize("name", ["a/b", "model 1"])
def test_a_name_that_cannot_be_one_is_said(tmp_path: Path, name: str) -> None:
    path = long_codes(tmp_path, f"p1,{name},stage,publish")
    table = read_long_codes(path, codebook=BOOK)
    with pytest.raises(DataError) as beside:
        taken(path, kind=BESIDE)
    with pytest.raises(DataError) as joining:
        join(ROUND, table, held=held(), where=str(path))
    rule = f"{path}: coder {name!r}: a name has 1 to 60 characters"
    assert str(beside.value).startswith(rule)
    assert str(joining.value).startswith(rule)


def joined(round_: Round, tmp_path: Path, *rows: str, before: tuple[Code, ...] = ()) -> Round:
    path = long_codes(tmp_path, *rows)
    table = read_long_codes(path, codebook=BOOK)
    return join(round_, table, held=held(*before), where=str(path))


def test_a_coder_joins_a_round_for_what_they_coded_and_may_go_on(tmp_path: Path) -> None:
    first = joined(ROUND, tmp_path, "p3,c,stage,publish", "p1,c,stage,publish")
    assert list(first.units["coders"]) == ["a;b;c", "a", "b;c"]
    assert (first.joined, first.coders) == (("c",), ("a", "b", "c"))
    assert list(ROUND.units["coders"]) == ["a;b", "a", "b"]
    again = joined(first, tmp_path, "p3,c,stage,publish", "p2,c,stage,publish", "p2,d,stage,服务")
    assert list(again.units["coders"]) == ["a;b;c", "a;c;d", "b;c"]
    assert again.joined == ("c", "d")
    assert taken(long_codes(tmp_path, "p2,d,stage,服务"), round_=again)[0].kind == INDEPENDENT


def test_coders_whom_a_round_names_keep_the_units_they_were_given(tmp_path: Path) -> None:
    assert joined(ROUND, tmp_path, "p3,a,stage,publish", "p1,b,stage,publish") is ROUND
    mixed = joined(ROUND, tmp_path, "p3,a,stage,publish", "p2,c,stage,publish")
    assert list(mixed.units["coders"]) == ["a;b", "a;c", "b"]


def test_codes_that_stand_beside_and_codes_that_count_have_two_names(tmp_path: Path) -> None:
    before = replace(OWN, coder="m", kind=BESIDE)
    with pytest.raises(DataError) as caught:
        joined(ROUND, tmp_path, "p1,m,stage,publish", before=(before,))
    assert str(caught.value) == (
        f"{tmp_path / 'codes.csv'}: codes by m stand beside those of the round final already; "
        "--join needs another name"
    )
    elsewhere = replace(before, round="other")
    assert joined(ROUND, tmp_path, "p1,m,stage,publish", before=(elsewhere,)).joined == ("m",)
