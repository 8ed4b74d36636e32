from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from stagemix.codes.codebook import Codebook, default_codebook, read_codebook_text
from stagemix.codes.incoming import codes_of
from stagemix.codes.rounds import Round
from stagemix.codes.sheets import is_sheet, read_sheet, write_sheet
from stagemix.errors import DataError, MissingError

BOOK = default_codebook()
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
            "post_id": ["p3", "001", "p2", "p4"],
            "stratum": "all",
            "inclusion_probability": 1 / 3,
            "coders": ["甲;乙", "甲;乙", "甲", "乙"],
        }
    ),
)


def sheet(path: Path, *, coder: str = "甲", codebook: Codebook = BOOK) -> Path:
    write_sheet(path, round_=ROUND, coder=coder, posts=POSTS, codebook=codebook)
    return path


def fill(path: Path, cells: Mapping[tuple[int, str], object], *, tab: str = "编码") -> None:
    """Fill in cells, by row and heading, as a coder does in Excel."""
    with closing(openpyxl.load_workbook(path)) as book:
        for (row, heading), value in cells.items():
            names = [cell.value for cell in book[tab][1]]
            book[tab].cell(row, names.index(heading) + 1, value)
        book.save(path)


def test_a_coder_gets_the_own_posts_in_the_order_of_the_round(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "甲.xlsx"
    assert write_sheet(path, round_=ROUND, coder="甲", posts=POSTS, codebook=BOOK) == 3
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
    assert "版本 1.2" in shown
    assert "某账号" not in shown


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
    name, table = read_sheet(path, codebook=BOOK)
    assert name == "final"
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
    _, table = read_sheet(path, codebook=BOOK)
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
    _, table = read_sheet(path, codebook=BOOK)
    assert table[["unit", "variable", "value"]].to_numpy().tolist() == [["p3", "stage", "service"]]


def test_an_untouched_workbook_holds_no_codes(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    with pytest.raises(DataError) as caught:
        read_sheet(path, codebook=BOOK)
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
        read_sheet(path, codebook=BOOK)
    assert str(caught.value) == (
        f"{path}: the column of 实践阶段 is gone; its header must read as it was written"
    )


def test_a_variable_that_came_into_the_codebook_later_has_no_column(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "服务"})
    later = reworded(
        '[[variables]]\nid = "stage"',
        '[[variables]]\nid = "tone"\nlevel = "binary"\n\n[[variables]]\nid = "stage"',
    )
    _, table = read_sheet(path, codebook=later)
    assert table[["variable", "value"]].to_numpy().tolist() == [["stage", "service"]]


def reworded(old: str, new: str) -> Codebook:
    from stagemix.codes.codebook import default_codebook_text

    text = default_codebook_text().replace('version = "1.2"', 'version = "2"')
    assert old in text
    return read_codebook_text(text.replace(old, new), where="c")


def test_a_label_reworded_meanwhile_loses_no_codes_and_the_old_version_is_kept(
    tmp_path: Path,
) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "服务", (2, SERVICE): "是"})
    later = reworded('label = "实践阶段"', 'label = "最高阶段"')
    _, table = read_sheet(path, codebook=later)
    codes = codes_of(table, round_=ROUND, codebook=later, coded_at="", where="x")
    assert [(c.variable, c.value, c.codebook_version) for c in codes] == [
        ("stage", "service", "1.2"),
        ("functions.also_publish", "0", "1.2"),
        ("functions.also_interact", "0", "1.2"),
        ("functions.also_service", "1", "1.2"),
    ]


def test_a_variable_that_left_the_codebook_is_said(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "服务"})
    later = reworded('id = "stage"', 'id = "phase"')
    with pytest.raises(DataError) as caught:
        read_sheet(path, codebook=later)
    assert str(caught.value) == (
        f"{path}: column {STAGE} is of no variable in the codebook; it has phase, "
        "functions.also_publish, functions.also_interact, functions.also_service"
    )


def test_an_unknown_value_names_its_row(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "发布", (3, STAGE): "发步", (4, SERVICE): 2})
    with pytest.raises(DataError) as caught:
        read_sheet(path, codebook=BOOK)
    assert str(caught.value) == (
        f"{path}: not a value of the codebook in row 3 ('发步'), row 4 ('2'); known are "
        "stage: publish, interact, service, cooperate, uncodable; functions.also_service: 1, 0"
    )


def test_a_post_that_stands_in_two_rows_is_said(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(2, STAGE): "发布", (5, "编号"): "p3", (5, STAGE): "服务"})
    with pytest.raises(DataError) as caught:
        read_sheet(path, codebook=BOOK)
    assert str(caught.value) == (
        f"{path}: rows 2, 5 hold more than one code of p3 by 甲 for stage; keep one"
    )


def test_a_code_without_its_post_is_said(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, {(6, STAGE): "服务", (6, SERVICE): "是"})
    with pytest.raises(DataError) as caught:
        read_sheet(path, codebook=BOOK)
    assert str(caught.value) == f"{path}: no 编号 in row 6; fill it in"


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
        ("stagemix", {(1, "round"): "x"}, CHANGED),
        ("编码", {(1, name): "x" for name in HEADER[4:8]}, NO_VARIABLE),
    ],
)
def test_changed_columns_are_said(
    tmp_path: Path, tab: str, cells: dict[tuple[int, str], object], said: str
) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    fill(path, cells, tab=tab)
    with pytest.raises(DataError) as caught:
        read_sheet(path, codebook=BOOK)
    assert str(caught.value) == f"{path}: {said}"


def test_an_emptied_sheet_is_said(tmp_path: Path) -> None:
    path = sheet(tmp_path / "甲.xlsx")
    with closing(openpyxl.load_workbook(path)) as book:
        book["编码"].delete_rows(1, 9)
        book.save(path)
    with pytest.raises(DataError) as caught:
        read_sheet(path, codebook=BOOK)
    assert str(caught.value) == f"{path}: {NO_VARIABLE}"


def test_a_workbook_that_is_not_ours_is_said(tmp_path: Path) -> None:
    path = tmp_path / "other.xlsx"
    with closing(openpyxl.Workbook()) as book:
        book.save(path)
    assert not is_sheet(path)
    with pytest.raises(DataError) as caught:
        read_sheet(path, codebook=BOOK)
    assert str(caught.value) == (
        f"{path}: not a workbook that `stagemix code --to-excel` wrote (no sheet 编码 or stagemix); "
        "read other tables with --from-csv"
    )


def test_a_file_that_is_no_workbook_and_one_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with pytest.raises(MissingError) as missing:
        read_sheet(path, codebook=BOOK)
    assert str(missing.value) == f"{path}: no such file"
    path.write_text("post_id,value\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_sheet(path, codebook=BOOK)
    assert str(caught.value).startswith(f"{path}: not a readable Excel workbook")
    assert "\n" not in str(caught.value)


def test_what_cannot_be_handed_out(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with pytest.raises(DataError) as caught:
        sheet(path, coder="丙")
    assert str(caught.value) == "round final gives 丙 no post; its coders are 甲, 乙"
    with pytest.raises(DataError) as caught:
        write_sheet(path, round_=ROUND, coder="甲", posts=POSTS.iloc[:1], codebook=BOOK)
    assert str(caught.value) == "corpora/posts: p3, p2 of round final is not in the corpus"
    assert not path.exists()
    path.mkdir()
    with pytest.raises(DataError, match=r"x\.xlsx: cannot be written \(.*\); close it in Excel$"):
        sheet(path)
