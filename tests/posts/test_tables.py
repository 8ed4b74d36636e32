"""Files of every format as users have them, read into the same table."""

import datetime as dt
import json

import pandas as pd
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from stagemix.errors import DataError, MissingError
from stagemix.posts.tables import read_sheets, read_table, read_text

HEADER = ["编号", "公众号", "标题"]
ROWS = [["1", "甲发布", "“通知”，请看"], ["2", "乙公安", "镕、𠮷、😀"]]
TABLE = "编号,公众号,标题\n1,甲发布,“通知”，请看\n2,乙公安,镕、𠮷、😀\n"


def workbook(path, **sheets):
    """Write sheets of rows as Excel does: numbers as numbers, times as formatted cells."""
    with xlsxwriter.Workbook(path) as book:
        time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for r, row in enumerate(rows):
                for c, cell in enumerate(row):
                    is_time = isinstance(cell, dt.datetime)
                    sheet.write(r, c, cell, *([time] if is_time else []))
    return path


def message(path, error=DataError):
    """The text of the error that reading PATH gives."""
    with pytest.raises(error) as raised:
        read_table(path)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t"), ("a.csv", ";")])
def test_text_tables_of_every_encoding_and_delimiter(tmp_path, encoding, name, delimiter):
    path = tmp_path / "导出 数据" / name
    path.parent.mkdir()
    path.write_bytes(TABLE.replace(",", delimiter).encode(encoding))
    table = read_table(path)
    assert list(table.columns) == HEADER
    assert table.values.tolist() == ROWS
    assert table.index.tolist() == [2, 3]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_line_ending(tmp_path, newline):
    path = tmp_path / "a.csv"
    path.write_bytes(TABLE.replace("\n", newline).encode())
    assert read_table(path).values.tolist() == ROWS


def test_a_utf_16_file_with_the_big_end_first(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xfe\xff" + TABLE.encode("utf-16-be"))
    assert read_table(path).values.tolist() == ROWS


def test_a_cell_with_line_breaks_keeps_the_row_and_the_line_number_of_the_next(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('编号,正文\n1,"一\n二，""三"""\n\n2,四\n', encoding="utf-8")
    table = read_table(path)
    assert table["正文"].to_dict() == {2: '一\n二，"三"', 5: "四"}


def test_blank_lines_and_blank_rows_are_no_posts(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("\n编号\t标题\n\n1\t甲\n\t\n", encoding="utf-8")
    assert read_table(path).to_dict("index") == {4: {"编号": "1", "标题": "甲"}}


def test_blank_cells_beyond_the_header_are_dropped(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("编号,标题\n1,\n2,乙,, \n", encoding="utf-8")
    assert read_table(path).values.tolist() == [["1", ""], ["2", "乙"]]


def test_a_column_without_a_name_is_left_out(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",编号,标题\n0,1,甲\n1,2,乙\n", encoding="utf-8")
    assert read_table(path).values.tolist() == [["1", "甲"], ["2", "乙"]]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "the file is empty; export it again"),
        ("a.xlsx", "", "the file is empty; export it again"),
        ("a.parquet", "", "the file is empty; export it again"),
        ("a.csv", "编号,标题\n", "holds no rows; export it again"),
        ("a.csv", "\n\n", "holds no rows; export it again"),
        ("a.jsonl", "\n", "holds no rows; export it again"),
        ("a.json", "[]", "holds no rows; export it again"),
        (
            "a.csv",
            "编号,标题\n1,甲\n2,乙,丙\n",
            "row 3 has 3 cells, the header 2; put quotes around the cell that holds a comma",
        ),
        (
            "a.csv",
            "编号,标题,正文\n1,甲,文\n2,乙",
            "row 3 has 2 cells, the header 3; the file may have been cut short, export it again",
        ),
        (
            "a.csv",
            '编号,标题\n1,甲\n2,"乙\n3,丙\n',
            "row 3 has a quotation mark that is not closed or not doubled; "
            'put quotes around the cell and write each " inside it as ""',
        ),
        (
            "a.csv",
            '编号,标题\n1,"甲\n2,"乙"\n3,丙\n',
            "row 2 has a quotation mark that is not closed or not doubled; "
            'put quotes around the cell and write each " inside it as ""',
        ),
        (
            "a.csv",
            "编号,标题,标题\n1,甲,乙\n",
            "column 标题 stands twice; rename one of them",
        ),
        (
            "a.csv",
            "编\0号,标题\n1,甲\n",
            "holds NUL bytes, so it is not a text table; export it again",
        ),
        (
            "a.xlsx",
            TABLE,
            "not an Excel workbook (or another zip), whatever its name says; export it again",
        ),
        (
            "a.xls",
            "<table></table>",
            "not an old Excel workbook, whatever its name says; export it again",
        ),
        (
            "a.parquet",
            TABLE,
            "not a Parquet file, whatever its name says; export it again",
        ),
        ("a.csv", "%PDF-1.7", "not .csv but a PDF; export the table itself"),
        (
            "a.docx",
            "x",
            "cannot read .docx; known are "
            ".csv, .tsv, .xlsx, .xlsm, .xls, .jsonl, .ndjson, .json, .parquet",
        ),
        (
            "推文",
            "x",
            "cannot read a file without an ending; known are "
            ".csv, .tsv, .xlsx, .xlsm, .xls, .jsonl, .ndjson, .json, .parquet",
        ),
        (
            "a.jsonl",
            '{"编号": 1}\n{"编号": \n',
            "line 2 is not JSON (Expecting value, column 8); export it again",
        ),
        ("a.jsonl", "3\n", "row 1 is not an object with named values; export it again"),
        ("a.json", '[{"a": 1}, 2]', "row 2 is not an object with named values; export it again"),
        (
            "a.json",
            '{"posts": []}',
            "not a JSON array of posts; write [{...}, {...}], or JSON lines as .jsonl",
        ),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_told_in_one_line(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert message(path) == f"{path}: {said}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not json", " is not JSON (Expecting value, column 1); export it again"),
        ("[" * 100_000, " is nested too deep for a table; export it again"),
    ],
    ids=["words", "deep"],
)
def test_a_json_file_that_is_none(tmp_path, content, said):
    path = tmp_path / "a.json"
    path.write_text(content, encoding="utf-8")
    assert message(path) == f"{path}{said}"


def test_bytes_of_no_known_encoding(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n\x81\xff\xff,1\n")
    assert message(path) == f"{path}: neither UTF-8, UTF-16 nor GB18030; save it as UTF-8"


def test_a_file_that_is_not_there(tmp_path):
    assert message(tmp_path / "没有.csv", MissingError) == f"{tmp_path / '没有.csv'}: no such file"


@pytest.mark.parametrize("name", ["推文.csv", "推文.xls", "推文.parquet"])
def test_a_workbook_under_another_name_is_to_be_renamed_to_xlsx(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(workbook(tmp_path / "b.xlsx", Sheet1=[HEADER, *ROWS]).read_bytes())
    assert message(path) == (
        f"{path}: not {path.suffix} but an Excel workbook (or another zip); rename it to 推文.xlsx"
    )


@pytest.mark.parametrize(
    ("start", "kind", "name"),
    [
        (b"PAR1", "a Parquet file", "推文.parquet"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "推文.xls"),
    ],
)
def test_other_files_named_csv(tmp_path, start, kind, name):
    path = tmp_path / "推文.csv"
    path.write_bytes(start + b"....")
    assert message(path) == f"{path}: not .csv but {kind}; rename it to {name}"


@pytest.mark.parametrize(
    ("name", "start", "kind"),
    [("a.xlsx", b"PK\x03\x04", "Excel workbook"), ("a.parquet", b"PAR1", "Parquet file")],
)
def test_a_file_that_was_cut_off(tmp_path, name, start, kind):
    path = tmp_path / name
    path.write_bytes(start + b"cut off")
    said = message(path)
    assert said.startswith(f"{path}: not a readable {kind} (")
    assert said.endswith("); export it again")


def test_a_workbook_with_chinese_headers_numbers_and_times(tmp_path):
    moment = dt.datetime(2021, 3, 5, 10, 20, 30)
    rows = [["编号", "标题", "发布时间", "阅读数"], [2247503214, "甲", moment, 1234], [], [2, "乙"]]
    table = read_table(workbook(tmp_path / "公众号文章.xlsx", 文章=rows))
    assert table.to_dict("index") == {
        2: {"编号": 2247503214.0, "标题": "甲", "发布时间": moment, "阅读数": 1234.0},
        4: {"编号": 2.0, "标题": "乙", "发布时间": "", "阅读数": ""},
    }


def test_empty_sheets_and_empty_rows_above_the_header_do_not_matter(tmp_path):
    path = workbook(tmp_path / "a.xlsx", Sheet1=[], 文章=[[], HEADER, *ROWS], Sheet3=[])
    table = read_table(path)
    assert table.values.tolist() == ROWS
    assert table.index.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("sheets", "said"),
    [
        ({"Sheet1": []}, "holds no rows; export it again"),
        ({"Sheet1": [HEADER]}, "holds no rows; export it again"),
        (
            {"一月": [HEADER, *ROWS], "二月": [HEADER, *ROWS]},
            "has 2 sheets with rows (一月, 二月); keep the one that holds the table",
        ),
        ({"Sheet1": [["标题", "标题"], [1, 2]]}, "column 标题 stands twice; rename one of them"),
    ],
)
def test_a_workbook_that_is_no_table(tmp_path, sheets, said):
    path = workbook(tmp_path / "a.xlsx", **sheets)
    assert message(path) == f"{path}: {said}"


@pytest.mark.parametrize(
    ("ids", "row"),
    [
        ([1, 46116860184273879050], 3),
        ([1, 4612345678901230, 4612345678901240], 3),
        ([4612345678901234, 2**53], 3),
        ([46116860184273879050], 2),
    ],
)
def test_a_long_number_that_lost_digits_in_excel_is_refused(tmp_path, ids, row):
    path = workbook(tmp_path / "微博.xlsx", Sheet1=[["标题", "微博id"], *[["题", n] for n in ids]])
    assert message(path) == (
        f"{path}: row {row}, column 微博id: Excel stored a long number and lost its last digits; "
        "format the column as text and export it again"
    )


@pytest.mark.parametrize("ids", [["4612345678901234"], [4612345678901234, 4612345678901230]])
def test_long_ids_that_kept_their_digits_are_read(tmp_path, ids):
    path = workbook(tmp_path / "微博.xlsx", Sheet1=[["微博id"], *[[n] for n in ids]])
    assert [int(cell) for cell in read_table(path)["微博id"]] == [int(n) for n in ids]


def test_read_sheets_gives_every_sheet(tmp_path):
    path = workbook(tmp_path / "a.xlsx", 一=[["a", 1]], 二=[["b"]])
    assert read_sheets(path) == {"一": [["a", 1.0]], "二": [["b"]]}


def test_json_lines_keep_long_ids_and_unusual_line_separators(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        '{"编号": 4611686018427387905, "标题": "甲\u2028乙\x85丙"}\r\n\n{"标题": "丁"}\n'.encode()
    )
    table = read_table(path)
    assert table.loc[1].tolist() == [4611686018427387905, "甲\u2028乙\x85丙"]
    assert table.index.tolist() == [1, 3]
    assert pd.isna(table.loc[3, "编号"])


def test_a_json_array_and_ndjson_and_upper_case_endings(tmp_path):
    records = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
    (tmp_path / "a.json").write_text(json.dumps(records), encoding="utf-8")
    (tmp_path / "a.NDJSON").write_text(
        "\n".join(json.dumps(record, ensure_ascii=False) for record in records), encoding="gb18030"
    )
    assert read_table(tmp_path / "a.json").values.tolist() == ROWS
    assert read_table(tmp_path / "a.NDJSON").values.tolist() == ROWS


def test_parquet_with_and_without_a_named_index(tmp_path):
    frame = pd.DataFrame(ROWS, columns=HEADER)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.set_index("编号").to_parquet(tmp_path / "b.parquet")
    for name in ("a.parquet", "b.parquet"):
        table = read_table(tmp_path / name)
        assert list(table.columns) == HEADER
        assert table.values.tolist() == ROWS
        assert table.index.tolist() == [1, 2]


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=2, max_size=2)
        .filter(lambda row: any(cell.strip() for cell in row)),
        min_size=1,
    ),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
)  # fmt: skip
def test_no_row_of_a_written_csv_vanishes(tmp_path_factory, rows, encoding):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    text = pd.DataFrame(rows, columns=["编号", "标题"]).to_csv(index=False)
    path.write_bytes(text.encode(encoding))
    if encoding == "gb18030" and read_text(path) != text:
        return  # bytes that are good UTF-8 too are read as that
    assert read_table(path).values.tolist() == rows
