from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from stagemix.codes.accepting import codes_of
from stagemix.codes.codebook import Codebook, read_codebook_text
from stagemix.codes.rounds import Round
from stagemix.codes.sheets import write_sheet
from stagemix.codes.sheets_back import Sheet, is_sheet, read_sheet
from stagemix.errors import DataError, MissingError

TEXT = """
id = "stages"
version = "7"
title = "编码表"

[[variables]]
id = "stage"
label = "实践阶段"
level = "ordinal"
rules = ["取最高一级。"]
categories = [
  {id = "publish", label = "发布", definition = "单向告知：政府说，公众看。"},
  {id = "interact", label = "互动"},
  {id = "service", label = "服务"},
  {id = "cooperate", label = "合作"},
]
uncodable = {label = "无法编码"}

[[variables]]
id = "functions"
label = "同时含有的功能"
level = "multiple"
optional = true
categories = [
  {id = "also_publish", label = "兼有发布"},
  {id = "also_interact", label = "兼有互动"},
  {id = "also_service", label = "兼有服务"},
]

[[variables]]
id = "menu"
label = "菜单"
unit = "account"
level = "multiple"
categories = [{id = "pay", label = "缴费"}, {id = "ask", label = "咨询"}]

[[variables]]
id = "tone"
label = "语气"
unit = "account"
level = "nominal"
optional = true
categories = [{id = "plain"}, {id = "warm"}]

[[variables]]
id = "note"
label = "印象"
unit = "account"
level = "text"
optional = true
"""
BOOK = read_codebook_text(TEXT, where="c")
STAGE, SERVICE = "实践阶段（stage）", "兼有服务（functions.also_service）"
HEADER = [
    "编号", "标题", "发布时间", "正文", STAGE, "兼有发布（functions.also_publish）",
    "兼有互动（functions.also_interact）", SERVICE, "把握（1–3）", "备注",
]  # fmt: skip
LONG = "长" * 40_000
POSTS = pd.DataFrame(
    {
        "post_id": ["001", "p2", "p3", "p4"],
        "account": "某账号",
        "title": ["=1+1", None, "第三", "第四"],
        "text": ["http://a.cn/\n第二行", LONG, None, "x"],
        "published_at": pd.to_datetime(
            ["2021-03-05 10:20", None, "2021-03-06 00:00", "2021-03-07 09:00"]
        ),
    }
)
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
            "unit": ["p3", "001", "p2", "p4"],
            "stratum": "all",
            "inclusion_probability": 1 / 3,
            "coders": ["甲;乙", "甲;乙", "甲", "乙"],
        }
    ),
)


def sheet(path: Path, *, coder: str = "甲", codebook: Codebook = BOOK) -> Path:
    write_sheet(path, round_=ROUND, coder=coder, units=POSTS, codebook=codebook)
    return path


def back(path: Path, *books: Codebook) -> Sheet:
    return read_sheet(path, versions={book.version: book for book in books or (BOOK,)})


def fill(path: Path, cells: Mapping[tuple[int, str], object], *, tab: str = "编码") -> None:
    """Fill in cells, by row and heading, as a coder does in Excel."""
    with closing(openpyxl.load_workbook(path)) as book:
        for (row, heading), value in cells.items():
            names = [cell.value for cell in book[tab][1]]
            book[tab].cell(row, names.index(heading) + 1, value)
        book.save(path)


def test_a_coder_gets_the_own_posts_in_the_order_of_the_round(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "甲.xlsx"
    assert write_sheet(path, round_=ROUND, coder="甲", units=POSTS, codebook=BOOK) == 3
    with closing(openpyxl.load_workbook(path)) as book:
        rows = [[cell.value for cell in row] for row in book["编码"].iter_rows()]
    assert rows[0] == HEADER
    assert [row[0] for row in rows[1:]] == ["p3", "001", "p2"]
    assert rows[2][:4] == ["001", "=1+1", "2021-03-05 10:20", "http://a.cn/\n第二行"]
    assert rows[1][2:4] == ["2021-03-06 00:00", ""]
    assert all(cell is None for row in rows[1:] for cell in row[4:])


def test_a_text_longer_than_a_cell_is_cut_and_says_so(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    with closing(openpyxl.load_workbook(path)) as book:
        text = book["编码"]["D4"].value
    assert text == "长" * 32_000 + "……（正文共 40000 字，Excel 一格放不下，其余见原文）"


def test_the_posts_are_protected_and_the_codes_are_drop_downs(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    with closing(openpyxl.load_workbook(path)) as book:
        coding = book["编码"]
        assert coding.protection.sheet
        assert [coding.cell(2, n).protection.locked for n in range(1, 11)] == [True] * 4 + [
            False
        ] * 6
        lists = {str(v.sqref): v.formula1 for v in coding.data_validations.dataValidation}
        assert lists == {
            "E2:E4": "'取值'!$A$2:$A$6",
            "F2:F4": "'取值'!$B$2:$B$3",
            "G2:G4": "'取值'!$C$2:$C$3",
            "H2:H4": "'取值'!$D$2:$D$3",
            "I2:I4": '"1,2,3"',
        }
        assert [cell.value for cell in book["取值"]["A"]] == [
            "stage", "发布", "互动", "服务", "合作", "无法编码",
        ]  # fmt: skip
        assert [book[name].sheet_state for name in book.sheetnames] == [
            "visible", "visible", "hidden", "hidden",
        ]  # fmt: skip
        shown = [cell.value for row in book["编码表"].iter_rows() for cell in row if cell.value]
    assert "单向告知：政府说，公众看。" in shown
    assert "版本 7" in shown
    assert "某账号" not in shown
    assert "缴费" not in shown


def test_more_variables_than_letters_still_have_their_drop_downs(tmp_path: Path) -> None:
    many = "".join(f'[[variables]]\nid = "v{n}"\nlevel = "binary"\n' for n in range(28))
    codebook = read_codebook_text('id = "c"\nversion = "1"\n' + many, where="c")
    path = sheet(tmp_path / "甲.xlsx", codebook=codebook)
    with closing(openpyxl.load_workbook(path)) as book:
        lists = [v.formula1 for v in book["编码"].data_validations.dataValidation]
    assert lists[25:] == [
        "'取值'!$Z$2:$Z$3", "'取值'!$AA$2:$AA$3", "'取值'!$AB$2:$AB$3", '"1,2,3"',
    ]  # fmt: skip


def test_codes_by_label_and_by_id_come_back(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {
        (2, STAGE): "服务", (2, SERVICE): "否", (2, "把握（1–3）"): 2, (2, "备注"): "拿不准",
        (3, STAGE): " publish ", (3, SERVICE): 1,
        (4, SERVICE): "是", (4, "备注"): "只编了功能",
    })  # fmt: skip
    sheet_ = back(path)
    assert (sheet_.round, sheet_.codebook) == ("final", BOOK)
    table = sheet_.codes
    columns = ["unit", "coder", "variable", "value", "confidence", "memo"]
    assert table[columns].reset_index().to_numpy().tolist() == [
        [2, "p3", "甲", "stage", "service", "2", "拿不准"],
        [3, "001", "甲", "stage", "publish", "", ""],
        *[
            [row, unit, "甲", f"functions.also_{name}", "0", "", memo]
            for name in ("publish", "interact")
            for row, unit, memo in [
                (2, "p3", ""),
                (3, "001", ""),
                (4, "p2", "只编了功能" if name == "publish" else ""),
            ]
        ],
        [2, "p3", "甲", "functions.also_service", "0", "", ""],
        [3, "001", "甲", "functions.also_service", "1", "", ""],
        [4, "p2", "甲", "functions.also_service", "1", "", ""],
    ]


def test_what_a_coder_did_not_tick_is_a_no_in_the_rows_they_coded(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "服务", (3, STAGE): "发布", (3, SERVICE): "是"})
    table = back(path).codes
    parts = table[table["variable"] != "stage"]
    assert sorted(parts[["unit", "variable", "value"]].itertuples(index=False, name=None)) == [
        ("001", "functions.also_interact", "0"),
        ("001", "functions.also_publish", "0"),
        ("001", "functions.also_service", "1"),
        ("p3", "functions.also_interact", "0"),
        ("p3", "functions.also_publish", "0"),
        ("p3", "functions.also_service", "0"),
    ]


def test_where_nobody_ticked_anything_blank_parts_are_no_codes(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "服务", (3, "备注"): "没有编"})
    table = back(path).codes
    assert table[["unit", "variable", "value"]].to_numpy().tolist() == [["p3", "stage", "service"]]


def test_an_untouched_workbook_holds_no_codes(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    with pytest.raises(DataError) as caught:
        back(path)
    assert (
        str(caught.value) == f"{path}: holds no codes; fill in the yellow cells of the sheet 编码"
    )


def without_column(path: Path, heading: str) -> None:
    with closing(openpyxl.load_workbook(path)) as book:
        names = [cell.value for cell in book["编码"][1]]
        book["编码"].delete_cols(names.index(heading) + 1)
        book.save(path)


def test_a_column_of_a_required_variable_that_is_gone_is_said(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "服务", (2, SERVICE): "是"})
    without_column(path, STAGE)
    with pytest.raises(DataError) as caught:
        back(path)
    assert str(caught.value) == (
        f"{path}: the column of 实践阶段 is gone; its header must read as it was written"
    )


def reworded(old: str, new: str, *, version: str = "2") -> Codebook:
    text = TEXT.replace('version = "7"', f'version = "{version}"')
    assert old in text
    return read_codebook_text(text.replace(old, new), where="c")


LATER = {
    "a label reworded": ('label = "实践阶段"', 'label = "最高阶段"'),
    "a variable that is new": (
        '[[variables]]\nid = "stage"',
        '[[variables]]\nid = "topic"\nlevel = "binary"\n\n[[variables]]\nid = "stage"',
    ),
    "a variable that is gone": ('id = "stage"', 'id = "phase"'),
    "a category that is gone": ('  {id = "service", label = "服务"},\n', ""),
}


@pytest.mark.parametrize("change", LATER.values(), ids=LATER)
def test_a_sheet_is_read_by_the_version_it_was_written_with(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "服务", (2, SERVICE): "是"})
    found = back(path, reworded(*change), BOOK)
    assert found.codebook is BOOK
    codes = codes_of(found.codes, round_=ROUND, codebook=found.codebook, coded_at="", where="x")
    assert [(c.variable, c.value, c.codebook_version) for c in codes] == [
        ("stage", "service", "7"),
        ("functions.also_publish", "0", "7"),
        ("functions.also_interact", "0", "7"),
        ("functions.also_service", "1", "7"),
    ]


def test_a_sheet_of_a_version_that_is_not_kept_is_said(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "服务"})
    books = [reworded("单向", "单向", version=v) for v in ("6", "2")]
    with pytest.raises(DataError) as caught:
        back(path, *books)
    assert str(caught.value) == (
        f"{path}: was coded by version 7 of the codebook, which is not kept; known are 6, 2; "
        "put it back into coding/codebooks"
    )


def test_a_column_of_no_variable_is_said(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "服务", (1, SERVICE): "语气（tone）"})
    with pytest.raises(DataError) as caught:
        back(path)
    assert str(caught.value) == (
        f"{path}: column 语气（tone） is of no variable in the codebook; it has stage, "
        "functions.also_publish, functions.also_interact, functions.also_service"
    )


def test_an_unknown_value_names_its_row(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "发布", (3, STAGE): "发步", (4, SERVICE): 2})
    with pytest.raises(DataError) as caught:
        back(path)
    assert str(caught.value) == (
        f"{path}: not a value of the codebook in row 3 ('发步'), row 4 ('2'); known are "
        "stage: publish, interact, service, cooperate, uncodable; functions.also_service: 1, 0"
    )


def test_a_post_that_stands_in_two_rows_is_said(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "发布", (5, "编号"): "p3", (5, STAGE): "服务"})
    with pytest.raises(DataError) as caught:
        back(path)
    assert str(caught.value) == (
        f"{path}: rows 2, 5 hold more than one code of p3 by 甲 for stage; keep one"
    )


def test_a_code_without_its_post_is_said(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(6, STAGE): "服务", (6, SERVICE): "是"})
    with pytest.raises(DataError) as caught:
        back(path)
    assert str(caught.value) == f"{path}: no 编号 in row 6; fill it in"


ABOUT_CHANGED = (
    "its sheet stagemix was changed; move the codes into a workbook as `stagemix code --to-excel` "
    "writes it"
)
CHANGED = "its columns were changed; the header must read as it was written"
NO_VARIABLE = (
    "no column is of a variable in the codebook; it has stage, functions.also_publish, "
    "functions.also_interact, functions.also_service"
)


@pytest.mark.parametrize(
    ("tab", "cells", "said"),
    [
        ("编码", {(1, "编号"): "id"}, CHANGED),
        ("编码", {(1, "备注"): "memo"}, CHANGED),
        ("编码", {(1, "标题"): "备注"}, CHANGED),
        ("编码", {(1, SERVICE): STAGE}, CHANGED),
        ("编码", {(1, SERVICE): "又一个（stage）"}, CHANGED),
        ("stagemix", {(1, "round"): "x"}, ABOUT_CHANGED),
        ("编码", {(1, name): "x" for name in HEADER[4:8]}, NO_VARIABLE),
    ],
)
def test_changed_columns_are_said(
    tmp_path: Path, tab: str, cells: dict[tuple[int, str], object], said: str
) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, cells, tab=tab)
    with pytest.raises(DataError) as caught:
        back(path)
    assert str(caught.value) == f"{path}: {said}"


def test_an_emptied_sheet_is_said(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    with closing(openpyxl.load_workbook(path)) as book:
        book["编码"].delete_rows(1, 9)
        book.save(path)
    with pytest.raises(DataError) as caught:
        back(path)
    assert str(caught.value) == f"{path}: {NO_VARIABLE}"


def test_a_workbook_that_is_not_ours_is_said(tmp_path: Path) -> None:
    path = tmp_path / "other.xlsx"
    with closing(openpyxl.Workbook()) as book:
        book.save(path)
    assert not is_sheet(path)
    with pytest.raises(DataError) as caught:
        back(path)
    assert str(caught.value) == (
        f"{path}: not a workbook that `stagemix code --to-excel` wrote (no sheet 编码 or stagemix); "
        "read other tables with --from-csv"
    )


def test_a_file_that_is_no_workbook_and_one_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with pytest.raises(MissingError) as missing:
        back(path)
    assert str(missing.value) == f"{path}: no such file"
    path.write_text("post_id,value\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        back(path)
    assert str(caught.value).startswith(f"{path}: not a readable Excel workbook")
    assert "\n" not in str(caught.value)


def test_what_cannot_be_handed_out(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with pytest.raises(DataError) as caught:
        sheet(path, coder="丙")
    assert str(caught.value) == "round final gives 丙 no post; its coders are 甲, 乙"
    with pytest.raises(DataError) as caught:
        write_sheet(path, round_=ROUND, coder="甲", units=POSTS.iloc[:1], codebook=BOOK)
    assert str(caught.value) == "corpora/posts: p3, p2 of round final is not in the corpus"
    assert not path.exists()
    path.mkdir()
    with pytest.raises(DataError, match=r"x\.xlsx: cannot be written \(.*\); close it in Excel$"):
        sheet(path)


ACCOUNTS = pd.DataFrame(
    {
        "account": ["东篱发布", "听潮公安", "柚江税务"],
        "level": ["市", None, "县"],
        "备注": ["=SUM(1)", "菜单：缴费", None],
        "等级（stage）": ["一", "二", "三"],
    }
)
OF_ACCOUNTS = Round(
    name="accounts",
    corpus="corpora/posts",
    design="census",
    by=(),
    allocation="proportional",
    minimum=0,
    seed=0,
    frame="",
    without=(),
    strata={"all": (3, 3)},
    units=pd.DataFrame(
        {
            "unit": ["东篱发布", "听潮公安", "柚江税务"],
            "stratum": "all",
            "inclusion_probability": 1.0,
            "coders": ["甲;乙", "甲", "甲"],
        }
    ),
    kind="account",
)
PAY, ASK, TONE, NOTE = "缴费（menu.pay）", "咨询（menu.ask）", "语气（tone）", "印象（note）"


def sheet_of_accounts(path: Path) -> Path:
    write_sheet(path, round_=OF_ACCOUNTS, coder="甲", units=ACCOUNTS, codebook=BOOK)
    return path


def test_accounts_are_shown_with_all_that_their_table_says(tmp_path: Path) -> None:
    path = tmp_path / "甲.xlsx"
    done = write_sheet(path, round_=OF_ACCOUNTS, coder="乙", units=ACCOUNTS, codebook=BOOK)
    assert done == 1
    with closing(openpyxl.load_workbook(sheet_of_accounts(path))) as book:
        coding = book["编码"]
        rows = [[cell.value for cell in row] for row in coding.iter_rows()]
        assert coding.protection.sheet
        locked = [coding.cell(2, n).protection.locked for n in range(1, 11)]
        lists = {str(v.sqref): v.formula1 for v in coding.data_validations.dataValidation}
        hints = {str(v.sqref): v.promptTitle for v in coding.data_validations.dataValidation}
        shown = [cell.value for row in book["编码表"].iter_rows() for cell in row if cell.value]
        about = dict([cell.value for cell in row] for row in book["stagemix"].iter_rows())
    assert rows[0] == [
        "账号", "账号表：level", "账号表：备注", "账号表：等级（stage）",
        PAY, ASK, TONE, NOTE, "把握（1–3）", "备注",
    ]  # fmt: skip
    assert [row[:4] for row in rows[1:]] == [
        ["东篱发布", "市", "=SUM(1)", "一"],
        ["听潮公安", "", "菜单：缴费", "二"],
        ["柚江税务", "县", "", "三"],
    ]
    assert locked == [True] * 4 + [False] * 6
    assert lists == {
        "E2:E4": "'取值'!$A$2:$A$3",
        "F2:F4": "'取值'!$B$2:$B$3",
        "G2:G4": "'取值'!$C$2:$C$3",
        "I2:I4": '"1,2,3"',
    }
    assert hints == {"E2:E4": "菜单", "F2:F4": "菜单", "G2:G4": None, "I2:I4": None}
    assert "印象" in shown
    assert "实践阶段" not in shown
    assert about == {
        "round": "accounts", "coder": "甲", "unit": "account", "codebook": "stages",
        "version": "7",
    }  # fmt: skip


def test_codes_of_accounts_come_back(tmp_path: Path) -> None:
    path = sheet_of_accounts(tmp_path / "甲.xlsx")
    fill(path, {
        (2, PAY): "是", (2, TONE): "warm", (2, "备注"): "3 月 5 日看的",
        (3, ASK): "否", (3, NOTE): "入口很全", (3, "把握（1–3）"): 1,
    })  # fmt: skip
    found = back(path)
    assert found.round == "accounts"
    columns = ["unit", "coder", "variable", "value", "confidence", "memo"]
    assert found.codes[columns].reset_index().to_numpy().tolist() == [
        [2, "东篱发布", "甲", "menu.pay", "1", "", "3 月 5 日看的"],
        [3, "听潮公安", "甲", "menu.pay", "0", "1", ""],
        [2, "东篱发布", "甲", "menu.ask", "0", "", ""],
        [3, "听潮公安", "甲", "menu.ask", "0", "", ""],
        [2, "东篱发布", "甲", "tone", "warm", "", ""],
        [3, "听潮公安", "甲", "note", "入口很全", "", ""],
    ]


def test_what_is_wrong_with_a_sheet_of_accounts(tmp_path: Path) -> None:
    path = sheet_of_accounts(tmp_path / "甲.xlsx")
    fill(path, {(2, PAY): "有"})
    with pytest.raises(DataError) as caught:
        back(path)
    assert str(caught.value) == (
        f"{path}: not a value of the codebook in row 2 ('有'); known are menu.pay: 1, 0"
    )
    fill(path, {(2, PAY): "是", (6, PAY): "是"})
    with pytest.raises(DataError) as caught:
        back(path)
    assert str(caught.value) == f"{path}: no 账号 in row 6; fill it in"
    fill(path, {(6, PAY): None, (1, "账号"): "名称"})
    with pytest.raises(DataError) as caught:
        back(path)
    assert str(caught.value) == f"{path}: {CHANGED}"
    with pytest.raises(DataError) as caught:
        write_sheet(path, round_=OF_ACCOUNTS, coder="丁", units=ACCOUNTS, codebook=BOOK)
    assert str(caught.value) == "round accounts gives 丁 no account; its coders are 甲, 乙"
    with pytest.raises(DataError) as caught:
        write_sheet(path, round_=OF_ACCOUNTS, coder="甲", units=ACCOUNTS[:2], codebook=BOOK)
    assert str(caught.value) == "corpora/posts: 柚江税务 of round accounts is not in the corpus"


def test_a_sheet_handed_out_before_units_were_said_is_of_posts(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "服务"})
    with closing(openpyxl.load_workbook(path)) as book:
        assert book["stagemix"]["A3"].value == "unit"
        book["stagemix"].delete_rows(3)
        book.save(path)
    assert back(path).codes["value"].tolist() == ["service"]
