"""Importing: every row comes in, or the error names it and nothing is written."""

import datetime as dt

import pandas as pd
import pytest
import xlsxwriter

from stagemix.errors import DataError, MissingError, StagemixError
from stagemix.posts.corpus import read_corpus
from stagemix.posts.importing import import_files

HEADER = "编号,公众号,标题,发布时间,阅读数\n"
ONE = HEADER + "1,甲发布,题一,2021-03-05 10:20,10万+\n2,甲发布,题二,2021年3月6日,1.2万\n"
TWO = HEADER + "3,乙公安,题三,1614910800,-\n"


def written(folder, name, content, encoding="utf-8"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(content, encoding=encoding)
    return path


@pytest.fixture
def to(tmp_path):
    return tmp_path / "corpora" / "推文"


def untouched(folder):
    """What lies in a folder, byte by byte."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_files_of_several_encodings_become_one_corpus(tmp_path, to):
    one = written(tmp_path / "导出", "一.csv", ONE, "gb18030")
    two = written(tmp_path / "导出", "二.tsv", TWO.replace(",", "\t"), "utf-16")
    summary = import_files([one, two], to=to)
    posts = read_corpus(to).set_index("post_id")
    assert posts["reads"].tolist() == [100001, 12000, pd.NA]
    assert posts["reads_censored"].to_dict() == {"1": True, "2": False, "3": False}
    assert posts["source"].to_dict() == {"1": "一.csv:2", "2": "一.csv:3", "3": "二.tsv:2"}
    assert summary.files == {str(one): 2, str(two): 1}
    assert (summary.added, summary.already_there, summary.posts) == (3, 0, 3)
    assert summary.differing == 0
    assert summary.accounts == {"甲发布": 2, "乙公安": 1}
    assert (summary.first, summary.last) == (
        pd.Timestamp("2021-03-05 10:20"),
        pd.Timestamp("2021-03-06"),
    )
    assert (summary.missing["reads"], summary.missing["title"]) == (1, 0)
    assert summary.censored_reads == 1


def test_columns_that_are_not_used_are_named(tmp_path, to):
    path = written(tmp_path, "a.csv", "编号,公众号,标题,封面,所属合集\n1,甲,题,x,y\n")
    summary = import_files([path], to=to)
    assert summary.unused_columns == ("封面", "所属合集")
    assert (summary.first, summary.last) == (None, None)


def test_a_workbook_with_numeric_ids_and_times(tmp_path, to):
    path = tmp_path / "公众号文章.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["编号", "公众号", "标题", "发布时间", "阅读数"])
        sheet.write_row(1, 0, [2247503214, "甲发布", "题一"])
        sheet.write_datetime(
            1, 3, dt.datetime(2021, 3, 5, 10, 20), book.add_format({"num_format": "yyyy-m-d h:mm"})
        )
        sheet.write(1, 4, 100001)
    import_files([path], to=to)
    row = read_corpus(to).iloc[0]
    assert row["post_id"] == "2247503214"
    assert row["published_at"] == pd.Timestamp("2021-03-05 10:20")
    assert (row["reads"], row["reads_censored"]) == (100001, True)


def test_json_lines_with_half_an_emoji(tmp_path, to):
    path = written(
        tmp_path, "a.jsonl", '{"id": 4611686018427387905, "账号": "甲", "正文": "好\\ud83d"}\n'
    )
    import_files([path], to=to)
    row = read_corpus(to).iloc[0]
    assert (row["post_id"], row["text"]) == ("4611686018427387905", "好\ufffd")


@pytest.mark.parametrize("text", ['{"段": "好"}', '["好", "坏"]'])
def test_a_nested_text_is_refused(tmp_path, to, text):
    path = written(
        tmp_path,
        "a.jsonl",
        f'{{"id": 1, "账号": "甲", "正文": "好"}}\n{{"id": 2, "账号": "甲", "正文": {text}}}\n',
    )
    with pytest.raises(DataError) as error:
        import_files([path], to=to)
    assert str(error.value) == (
        f"{path}, column text: row 2 holds no text but a nested value; flatten it"
    )
    assert not to.exists()


def test_importing_again_adds_only_what_is_new(tmp_path, to):
    import_files([written(tmp_path, "一.csv", ONE)], to=to)
    changed = ONE.replace("题一", "改过") + "4,甲发布,题四,,\n"
    summary = import_files([written(tmp_path, "二.csv", changed)], to=to)
    assert (summary.added, summary.already_there, summary.posts) == (1, 2, 3)
    titles = read_corpus(to).set_index("post_id")["title"].to_dict()
    assert titles == {"1": "题一", "2": "题二", "4": "题四"}
    assert summary.differing == 1


def test_known_posts_with_another_text_are_counted_and_other_changes_are_not(tmp_path, to):
    head = "编号,公众号,标题,正文,阅读数\n"
    import_files([written(tmp_path, "一.csv", head + "1,甲,题,文,5\n2,甲,题,,5\n")], to=to)
    again = written(tmp_path, "二.csv", head + "1,甲,题,改,5\n2,甲,题,,9\n3,甲,新,,1\n")
    summary = import_files([again], to=to)
    assert (summary.added, summary.already_there, summary.differing) == (1, 2, 1)
    assert read_corpus(to)["text"].fillna("").tolist() == ["文", "", ""]


def test_importing_the_same_file_again_changes_nothing(tmp_path, to):
    path = written(tmp_path, "一.csv", ONE)
    import_files([path], to=to)
    before = read_corpus(to)
    summary = import_files([path], to=to)
    assert (summary.added, summary.already_there, summary.differing) == (0, 2, 0)
    pd.testing.assert_frame_equal(read_corpus(to), before)


def test_a_file_without_ids_and_account_gets_both(tmp_path, to):
    path = written(tmp_path, "a.csv", "标题,日期\n题一,2021-03-05\n题二,2021-03-06\n")
    import_files([path], to=to, account="甲发布")
    posts = read_corpus(to)
    assert posts["account"].tolist() == ["甲发布", "甲发布"]
    assert posts["post_id"].is_unique
    assert posts["post_id"].str.fullmatch("p[0-9a-f]{12}").all()


def test_a_post_without_an_id_is_the_same_post_in_another_format(tmp_path, to):
    one = written(tmp_path, "a.csv", "标题,日期\n题一,2021-03-05\n题二,2021-03-06 08:00\n")
    two = written(tmp_path, "b.jsonl", '{"标题": "题一", "日期": "2021年3月5日", "正文": null}\n')
    import_files([one], to=to, account="甲发布")
    summary = import_files([two], to=to, account="甲发布")
    assert (summary.added, summary.already_there) == (0, 1)


def test_a_column_named_by_hand(tmp_path, to):
    path = written(tmp_path, "a.csv", "编号,单位,题目\n1,甲发布,题\n")
    import_files([path], to=to, mapping={"单位": "account", "题目": "title"})
    assert read_corpus(to)[["account", "title"]].values.tolist() == [["甲发布", "题"]]


BAD = [
    (
        ONE.replace("1.2万", "许多"),
        {},
        "{path}, column reads: row 3 ('许多') is not a count; correct it or leave it blank",
    ),
    (
        ONE.replace("2021年3月6日", "上周"),
        {},
        "{path}, column published_at: row 3 ('上周') is not a time (write 2021-03-05 10:20); "
        "correct it or leave it blank",
    ),
    (
        ONE.replace("\n2,", "\n1,"),
        {},
        "{path}: post_id 1 stands in rows 2, 3; keep one row per post",
    ),
    (ONE.replace("\n2,", "\n,"), {}, "{path}: no post_id in row 3; fill it in or remove the row"),
    (
        ONE + "9,甲,题,多,出,来\n",
        {},
        "{path}: row 4 has 6 cells, the header 5; put quotes around the cell that holds a comma",
    ),
    (HEADER, {}, "{path}: holds no rows; export it again"),
    ("", {}, "{path}: the file is empty; export it again"),
    (
        "编号,标题\n9,题\n",
        {},
        "{path}: no column names the account; add --account NAME or --map 列名=account",
    ),
    (
        ONE,
        {"account": "甲发布"},
        "{path}: names its accounts itself; leave out --account",
    ),
    (
        "编号,标题\n9,题\n",
        {"account": "  "},
        "{path}: no account in row 2; fill it in or remove the row",
    ),
    (
        "编号,公众号\n9,甲\n",
        {},
        "{path}: no column is a title or a text; found 编号, 公众号; name one with --map 列名=text",
    ),
    (
        ONE + "9,甲发布\n",
        {},
        "{path}: row 4 has 2 cells, the header 5; the file may have been cut short, export it again",
    ),
    (
        "标题\n题\n另一题\n题\n",
        {"account": "甲"},
        "{path}: rows 2, 4 have the same account, time, title and text; "
        "keep one of them or give each a post_id",
    ),
    (
        ONE,
        {"mapping": {"题目": "title"}},
        "{path}: no column 题目 for --map; found 编号, 公众号, 标题, 发布时间, 阅读数",
    ),
    (
        ONE,
        {"mapping": {"标题": "headline"}},
        "--map 标题=headline: there is no field headline; the fields are post_id, account, title, "
        "text, published_at, position, form, reads, likes, wows, shares, comments, "
        "reads_censored, url, original",
    ),
    (
        "编号,公众号,标题,日期,时间\n9,甲,题,2021-03-05,10:20\n",
        {},
        "{path}: columns 日期, 时间 could each be published_at; "
        "say which with --map 日期=published_at",
    ),
]


@pytest.mark.parametrize(("content", "options", "said"), BAD)
def test_a_bad_file_is_told_in_one_line_and_nothing_is_written(
    tmp_path, to, content, options, said
):
    import_files([written(tmp_path, "先.csv", TWO)], to=to)
    before = untouched(to)
    path = written(tmp_path, "坏.csv", content)
    with pytest.raises(DataError) as error:
        import_files([path], to=to, **options)
    assert str(error.value) == said.format(path=path)
    assert untouched(to) == before


@pytest.mark.parametrize("order", [1, -1])
def test_one_bad_file_among_good_ones_leaves_no_folder(tmp_path, to, order):
    files = [
        written(tmp_path, "好.csv", ONE),
        written(tmp_path, "坏.csv", TWO.replace("1614910800", "从前")),
    ]
    with pytest.raises(DataError, match="从前"):
        import_files(files[::order], to=to)
    assert not to.exists()


def test_a_post_in_two_files_names_both_places(tmp_path, to):
    files = [written(tmp_path, "一.csv", ONE), written(tmp_path, "二.csv", ONE)]
    with pytest.raises(DataError) as error:
        import_files(files, to=to)
    assert str(error.value) == (
        "post_id 1 stands in 一.csv:2, 二.csv:2 (2 ids stand in two files); import each post once"
    )
    assert not to.exists()


def test_a_file_that_is_not_there(tmp_path, to):
    with pytest.raises(MissingError) as error:
        import_files([tmp_path / "没有.csv"], to=to)
    assert str(error.value) == f"{tmp_path / '没有.csv'}: no such file"
    assert not to.exists()


@pytest.mark.parametrize("name", ["posts.csv", "甲/一.txt"])
def test_a_corpus_of_another_form_is_not_imported_into(tmp_path, to, name):
    content = "post_id,account,title\n9,甲,题\n"
    (to / name).parent.mkdir(parents=True)
    (to / name).write_text(content, encoding="utf-8")
    before = untouched(to)
    with pytest.raises(DataError) as error:
        import_files([written(tmp_path, "一.csv", ONE)], to=to)
    assert str(error.value) == (
        f"{to}: holds posts that are not in posts.parquet; import into a new folder"
    )
    assert untouched(to) == before


def test_a_folder_with_only_an_account_table_is_imported_into(tmp_path, to):
    written(to, "accounts.csv", "account,sector\n甲发布,宣传\n")
    assert import_files([written(tmp_path, "一.csv", ONE)], to=to).posts == 2


def test_a_file_in_place_of_the_corpus_folder(tmp_path):
    path = written(tmp_path, "一.csv", ONE)
    with pytest.raises(StagemixError) as error:
        import_files([path], to=path)
    assert str(error.value) == f"{path}: a file; give a folder to import into, as corpora/NAME"
    assert path.read_text(encoding="utf-8") == ONE
