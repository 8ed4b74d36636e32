from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from stagemix.codes.codebook import default_codebook
from stagemix.codes.incoming import codes_of, read_long_codes, read_settled, without_known
from stagemix.codes.rounds import Round
from stagemix.codes.store import COLUMNS, SETTLED, Code
from stagemix.errors import DataError, MissingError

BOOK = default_codebook()
WHEN = "2024-03-01T09:00:00+08:00"
KNOWN = "stage: publish, interact, service, cooperate, uncodable"
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
            "post_id": ["p1", "p2", "p3"],
            "stratum": "all",
            "inclusion_probability": 1 / 3,
            "coders": ["a;b", "a", "b"],
        }
    ),
)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def long_codes(tmp_path: Path, *rows: str, header: str = "post_id,coder,variable,value") -> Path:
    return written(tmp_path / "codes.csv", "\n".join([header, *rows]) + "\n")


def test_a_long_table_by_id_and_by_label(tmp_path: Path) -> None:
    path = long_codes(
        tmp_path,
        "p1,a,stage,publish,3,备注 1",
        "p1,b,stage,服务,,",
        "p2,a,stage,,,没有编",
        "p1,a,functions.also_service,是,,",
        "p1,b,functions.also_service,0,,",
        header="post_id,coder,variable,value,confidence,memo",
    )
    table = read_long_codes(path, codebook=BOOK)
    assert table.reset_index().to_numpy().tolist() == [
        [2, "p1", "a", "stage", "publish", "3", "备注 1", ""],
        [3, "p1", "b", "stage", "service", "", "", ""],
        [5, "p1", "a", "functions.also_service", "1", "", "", ""],
        [6, "p1", "b", "functions.also_service", "0", "", "", ""],
    ]


def test_a_wide_table_has_a_column_per_variable_and_a_note_stands_once(tmp_path: Path) -> None:
    path = long_codes(
        tmp_path,
        "p1,a,发布,1,备注 1,x",
        "p2,a,,0,备注 2,x",
        "p3,a,service,,备注 3,x",
        "p4,a,,,没有编,x",
        header="post_id,coder,stage,functions.also_service,memo,其他",
    )
    table = read_long_codes(path, codebook=BOOK)
    found = table[["unit", "variable", "value", "memo"]].reset_index().to_numpy().tolist()
    assert found == [
        [2, "p1", "stage", "publish", "备注 1"],
        [4, "p3", "stage", "service", "备注 3"],
        [2, "p1", "functions.also_service", "1", ""],
        [3, "p2", "functions.also_service", "0", "备注 2"],
    ]


def test_chinese_columns_mean_the_english_ones(tmp_path: Path) -> None:
    path = long_codes(
        tmp_path, "p1,a,stage,发布,2,拿不准", header="编号,编码员,变量,编码,把握,备注"
    )
    table = read_long_codes(path, codebook=BOOK)
    assert table.reset_index().to_numpy().tolist() == [
        [2, "p1", "a", "stage", "publish", "2", "拿不准", ""]
    ]


def test_a_column_may_be_named_after_its_variables_label(tmp_path: Path) -> None:
    path = long_codes(tmp_path, "p1,a,发布,是", header="编号,编码员,实践阶段,兼有服务")
    table = read_long_codes(path, codebook=BOOK)
    assert table[["variable", "value"]].to_numpy().tolist() == [
        ["stage", "publish"],
        ["functions.also_service", "1"],
    ]


def test_an_english_name_wins_over_a_chinese_one(tmp_path: Path) -> None:
    path = long_codes(tmp_path, "p1,7,a,stage,发布", header="post_id,编号,coder,variable,value")
    assert read_long_codes(path, codebook=BOOK)["unit"].tolist() == ["p1"]


COLUMNS_ARE = "the columns are post_id, coder, variable, value, a row for each code (编号, 编码员, 变量, 编码)"
WRONG = {
    "no columns": (["x"], "post", "no column post_id, coder, variable, value; " + COLUMNS_ARE),
    "no coder in a wide table": (["p1,publish"], "post_id,stage",
        "no column coder; " + COLUMNS_ARE),
    "two columns of one meaning": (["p1,a,stage,发布,服务"], "编号,编码员,变量,编码,取值",
        "columns 编码, 取值 both mean value; rename one of them"),
    "nothing filled in": (["p1,a,stage,", "p2,a,stage, "], None,
        "holds no codes; fill in the column value"),
    "no post": (["p1,a,stage,publish", ",a,stage,publish"], None, "no post_id in row 3; fill it in"),
    "no coder": (["p1,,stage,publish"], None, "no coder in row 2; fill it in"),
    "no coder in two cells of a row": (["p1,,publish,1"], "post_id,coder,stage,functions.also_service",
        "no coder in row 2; fill it in"),
    "no variable": (["p1,a,,publish"], None, "no variable in row 2; fill it in"),
    "unknown variable": (["p1,a,stage,publish", "p1,a,tone,good"], None,
        "row 3: the codebook has no variable tone; it has stage, functions.also_publish, "
        "functions.also_interact, functions.also_service"),
    "unknown value": (["p1,a,stage,publish", "p2,a,stage,发部", "p3,a,stage,Service"], None,
        f"not a value of the codebook in row 3 ('发部'), row 4 ('Service'); known are {KNOWN}"),
    "unknown value of a part": (["p1,a,functions.also_service,yes"], None,
        "not a value of the codebook in row 2 ('yes'); known are functions.also_service: 1, 0"),
    "coded twice": (
        ["p1,a,stage,publish", "p1,b,stage,publish", "p1,a,stage,publish", "p1,a,functions.also_service,1"],
        None, "rows 2, 4 hold more than one code of p1 by a for stage; keep one"),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "header", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_names_file_and_row(
    tmp_path: Path, rows: list[str], header: str | None, said: str
) -> None:
    path = long_codes(tmp_path, *rows, header=header or "post_id,coder,variable,value")
    with pytest.raises(DataError) as caught:
        read_long_codes(path, codebook=BOOK)
    assert str(caught.value) == f"{path}: {said}"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingError) as caught:
        read_long_codes(tmp_path / "codes.csv", codebook=BOOK)
    assert str(caught.value) == f"{tmp_path / 'codes.csv'}: no such file"


def taken(path: Path) -> list[Code]:
    table = read_long_codes(path, codebook=BOOK)
    return codes_of(table, round_=ROUND, codebook=BOOK, coded_at=WHEN, where=str(path))


def test_codes_are_of_the_round_and_of_the_codebook_as_it_is(tmp_path: Path) -> None:
    assert taken(long_codes(tmp_path, "p1,b,stage,合作")) == [
        Code(
            round="final",
            unit="p1",
            coder="b",
            variable="stage",
            value="cooperate",
            codebook_version="1.2",
            coded_at=WHEN,
        )
    ]


OUTSIDE = (
    "codes a post that is not in the round final; remove it or name the right round with --round"
)
NOT_GIVEN = "is by a coder to whom the round final does not give the post; its coders are a, b"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["p1,a,stage,publish", "p7,a,stage,publish", "p8,b,stage,publish"], f"row 3, 4 {OUTSIDE}"),
        (["p1,a,stage,publish", "p1,c,stage,publish"], f"row 3 (c) {NOT_GIVEN}"),
        (["p3,a,stage,publish", "p2,b,stage,publish"], f"row 2 (a), 3 (b) {NOT_GIVEN}"),
    ],
)
def test_codes_that_the_round_did_not_ask_for(tmp_path: Path, rows: list[str], said: str) -> None:
    path = long_codes(tmp_path, *rows)
    with pytest.raises(DataError) as caught:
        taken(path)
    assert str(caught.value) == f"{path}: {said}"


@pytest.mark.parametrize(
    ("row", "said"), [("p7,a,publish,1", f"row 2 {OUTSIDE}"), ("p1,c,publish,1", f"row 2 (c) {NOT_GIVEN}")]
)  # fmt: skip
def test_a_wide_row_is_named_once(tmp_path: Path, row: str, said: str) -> None:
    path = long_codes(tmp_path, row, header="post_id,coder,stage,functions.also_service")
    with pytest.raises(DataError) as caught:
        taken(path)
    assert str(caught.value) == f"{path}: {said}"


OWN = Code(round="final", unit="p1", coder="a", variable="stage", value="publish", coded_at=WHEN)
NO_CODES = pd.DataFrame(columns=list(COLUMNS), dtype="str")


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
    ],
)
def test_only_what_the_coder_does_not_say_already_is_new(
    before: list[Code], code: Code, new: bool
) -> None:
    assert without_known([code], held(*before)) == ([code] if new else [])


HELD = held(OWN, replace(OWN, coder="b", value="service"), replace(OWN, unit="p2"))


def settled(path: Path, *, variable: str = "stage", codes: pd.DataFrame = HELD) -> list[Code]:
    return read_settled(
        path, held=codes, codebook=BOOK, variable=variable, by="consensus", coded_at=WHEN
    )


def test_settled_values_come_with_their_reason_and_blank_ones_stay_open(tmp_path: Path) -> None:
    path = written(
        tmp_path / "s.csv",
        "post_id,title,a,b,value,reason\np1,题,publish,service,服务,照着能办\np2,题,publish,,,\n",
    )
    assert settled(path) == [
        Code(
            round="final",
            unit="p1",
            coder="consensus",
            variable="stage",
            value="service",
            kind="settled",
            memo="照着能办",
            codebook_version="1.2",
            coded_at=WHEN,
        )
    ]


def test_a_settled_table_may_have_chinese_columns(tmp_path: Path) -> None:
    path = written(tmp_path / "s.csv", "编号,编码,理由\np1,服务,能办\n")
    assert [(c.unit, c.value, c.memo) for c in settled(path)] == [("p1", "service", "能办")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("post_id,code\np1,x\n", "no column value; the columns are post_id, value, reason"),
        ("post_id,value\np1,\n", "settles nothing; fill in the column value"),
        (
            "post_id,value\np1,service\np9,service\n",
            "row 3 settles a post that nobody coded in the round",
        ),
        (
            "post_id,value\np1,service\np2,service\np1,publish\n",
            "rows 2, 4 settle the same post; keep one",
        ),
        (
            "post_id,value\np1,good\n",
            f"not a value of the codebook in row 2 ('good'); known are {KNOWN}",
        ),
    ],
)
def test_a_file_that_settles_wrongly(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path / "s.csv", text)
    with pytest.raises(DataError) as caught:
        settled(path)
    assert str(caught.value) == f"{path}: {said}"


def test_a_variable_that_nobody_coded_cannot_be_settled(tmp_path: Path) -> None:
    path = written(tmp_path / "s.csv", "post_id,value\np1,1\n")
    with pytest.raises(DataError, match=r"row 2 settles a post that nobody coded in the round$"):
        settled(path, variable="functions.also_service")
    with pytest.raises(DataError, match=r"row 2 settles a post that nobody coded in the round$"):
        settled(path, codes=NO_CODES)
