from pathlib import Path

import pytest

from stagemix.codes.codebook import default_codebook, read_codebook_text
from stagemix.codes.incoming import read_long_codes
from stagemix.errors import DataError, MissingError

BOOK = default_codebook()
PARTS = ", ".join(part.id for variable in BOOK.variables for part in variable.parts)
KNOWN = "stage: publish, interact, service, cooperate, uncodable"


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
    "seconds that are no number": (["p1,a,stage,发布,12 s", "p2,a,stage,发布,7"],
        "post_id,coder,variable,value,seconds", "seconds in row 2 is no number; write 12.5"),
    "nothing filled in": (["p1,a,stage,", "p2,a,stage, "], None,
        "holds no codes; fill in the column value"),
    "no post": (["p1,a,stage,publish", ",a,stage,publish"], None, "no post_id in row 3; fill it in"),
    "no coder": (["p1,,stage,publish"], None, "no coder in row 2; fill it in"),
    "no coder in two cells of a row": (["p1,,publish,1"], "post_id,coder,stage,functions.also_service",
        "no coder in row 2; fill it in"),
    "no variable": (["p1,a,,publish"], None, "no variable in row 2; fill it in"),
    "unknown variable": (["p1,a,stage,publish", "p1,a,tone,good"], None,
        f"row 3: the codebook has no variable tone; it has {PARTS}"),
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


MENU = read_codebook_text(
    """
    id = "c"
    version = "1"
    [[variables]]
    id = "menu"
    label = "菜单"
    unit = "account"
    level = "multiple"
    categories = [{id = "pay", label = "缴费"}, {id = "ask", label = "咨询"}]
    [[variables]]
    id = "note"
    label = "印象"
    unit = "account"
    level = "text"
    """,
    where="c",
)


@pytest.mark.parametrize("column", ["account", "账号", "公众号", " Account ", "post_id", "编号"])
def test_codes_of_accounts_name_the_account(tmp_path: Path, column: str) -> None:
    path = long_codes(tmp_path, "东篱发布,a,menu.pay,是", header=f"{column},coder,variable,value")
    table = read_long_codes(path, codebook=MENU, kind="account")
    assert table[["unit", "variable", "value"]].to_numpy().tolist() == [
        ["东篱发布", "menu.pay", "1"]
    ]


def test_the_account_is_meant_where_a_file_of_accounts_has_ids_too(tmp_path: Path) -> None:
    path = long_codes(
        tmp_path, "17,东篱发布,u,a,是,很全", header="编号,公众号,unit,coder,缴费,印象"
    )
    table = read_long_codes(path, codebook=MENU, kind="account")
    assert table[["unit", "variable", "value"]].to_numpy().tolist() == [
        ["东篱发布", "menu.pay", "1"],
        ["东篱发布", "note", "很全"],
    ]


@pytest.mark.parametrize(
    ("rows", "header", "said"),
    [
        (
            ["x,a,menu.pay,1"],
            "unit,coder,variable,value",
            "no column account; the columns are account, coder, variable, value, a row for each "
            "code (账号, 编码员, 变量, 编码)",
        ),
        ([",a,menu.pay,1"], "account,coder,variable,value", "no account in row 2; fill it in"),
        (
            ["x,y,a,menu.pay,1"],
            "账号,公众号,coder,variable,value",
            "columns 账号, 公众号 both mean account; rename one of them",
        ),
    ],
)
def test_what_is_wrong_with_codes_of_accounts(
    tmp_path: Path, rows: list[str], header: str, said: str
) -> None:
    path = long_codes(tmp_path, *rows, header=header)
    with pytest.raises(DataError) as caught:
        read_long_codes(path, codebook=MENU, kind="account")
    assert str(caught.value) == f"{path}: {said}"
