"""A corpus is a folder, in whichever form the posts lie there."""

import pandas as pd
import pytest

from stagemix.errors import DataError, MissingError
from stagemix.posts.corpus import frame_hash, read_accounts, read_corpus, write_corpus
from stagemix.posts.post import COLUMNS, posts_from

CSV = (
    "post_id,account,title,published_at,reads\n"
    "1,甲发布,题一,2021-03-05 10:20,10万+\n"
    "2,乙公安,题二,,\n"
)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "语料" / "推文"
    path.mkdir(parents=True)
    return path


def some_posts(*ids):
    rows = [{"post_id": n, "account": "甲发布", "title": f"题{n}"} for n in ids]
    return posts_from(pd.DataFrame(rows), where="test")


def error_of(read, folder, kind=DataError):
    with pytest.raises(kind) as raised:
        read(folder)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def check_both_posts(posts):
    assert [name for name in posts.columns if name in COLUMNS] == list(COLUMNS)
    assert posts.index.tolist() == [0, 1]
    assert posts["post_id"].tolist() == ["1", "2"]
    assert posts["published_at"].tolist() == [pd.Timestamp("2021-03-05 10:20"), pd.NaT]
    assert posts["reads"].tolist() == [100001, pd.NA]
    assert posts["reads_censored"].tolist() == [True, False]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_posts_csv(folder, encoding):
    (folder / "posts.csv").write_text(CSV, encoding=encoding)
    check_both_posts(read_corpus(folder))


def test_posts_jsonl(folder):
    (folder / "posts.jsonl").write_text(
        '{"post_id": 1, "account": "甲发布", "title": "题一",'
        ' "published_at": 1614910800, "reads": 100001}\n'
        '{"post_id": 2, "account": "乙公安", "title": "题二"}\n',
        encoding="utf-8",
    )
    check_both_posts(read_corpus(folder))


def test_posts_parquet_is_read_as_it_was_written(folder):
    (folder / "posts.csv").write_text(CSV, encoding="utf-8")
    posts = read_corpus(folder)
    assert write_corpus(posts, folder / "新") == folder / "新" / "posts.parquet"
    pd.testing.assert_frame_equal(read_corpus(folder / "新"), posts)
    assert [path.name for path in (folder / "新").iterdir()] == ["posts.parquet"]


def test_parquet_parts_of_different_types_are_one_corpus(folder):
    pd.DataFrame(
        {
            "post_id": ["1"],
            "account": ["甲发布"],
            "title": ["题一"],
            "published_at": [pd.Timestamp("2021-03-05T02:20Z")],
            "reads": [100001.0],
        }
    ).to_parquet(folder / "part-0.parquet")
    pd.DataFrame(
        {"post_id": [2], "account": ["乙公安"], "title": ["题二"], "published_at": [None]}
    ).to_parquet(folder / "part-1.parquet")
    check_both_posts(read_corpus(folder))


def test_text_files_in_a_folder_per_account(folder):
    for account, name, text, encoding in [
        ("甲发布", "通知", "\ufeff正文一", "utf-8"),
        ("乙公安", "通知", "正文二", "gb18030"),
    ]:
        (folder / account).mkdir()
        (folder / account / f"{name}.txt").write_text(text, encoding=encoding)
    posts = read_corpus(folder).set_index("post_id")
    assert posts["text"].to_dict() == {"甲发布/通知": "正文一", "乙公安/通知": "正文二"}
    assert posts["account"].to_dict() == {"甲发布/通知": "甲发布", "乙公安/通知": "乙公安"}
    assert posts.loc["甲发布/通知", "source"] == "甲发布/通知.txt"


def test_an_upper_case_ending_is_a_text_file_too(folder):
    (folder / "甲").mkdir()
    (folder / "甲" / "一.TXT").write_text("正文", encoding="utf-8")
    (folder / "甲" / "二.txt").write_text("正文", encoding="utf-8")
    assert read_corpus(folder)["post_id"].tolist() == ["甲/一", "甲/二"]


@pytest.mark.parametrize("name", ["说明.txt", "甲/2021/二.txt"])
def test_a_text_file_that_is_not_in_an_account_folder(folder, name):
    for path in (folder / "甲" / "一.txt", folder / name):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("正文", encoding="utf-8")
    assert error_of(read_corpus, folder) == (
        f"{folder}: {name} is not in a subfolder named after its account"
    )


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["posts.csv", "posts.jsonl"], "posts.csv, posts.jsonl"),
        (["posts.csv", "甲/一.txt"], "posts.csv, 甲/一.txt"),
        (["posts.parquet", "posts.csv"], "posts.csv, posts.parquet"),
        (["posts.parquet", "part.parquet"], "part.parquet, posts.parquet"),
        (["a.parquet", "b.parquet", "甲/一.txt"], "a.parquet, 甲/一.txt, b.parquet"),
    ],
)
def test_posts_in_several_forms_are_not_chosen_from(folder, names, found):
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".parquet":
            some_posts(name).to_parquet(path)
        else:
            path.write_text(CSV, encoding="utf-8")
    assert error_of(read_corpus, folder) == (
        f"{folder}: holds posts in several forms ({found}); keep one"
    )


def test_further_columns_of_a_corpus_are_kept(folder):
    (folder / "posts.csv").write_text("post_id,account,text,主题\n1,甲,文,防疫\n", encoding="utf-8")
    assert read_corpus(folder)["主题"].tolist() == ["防疫"]


def test_a_folder_that_is_not_there(folder):
    missing = folder / "没有"
    assert error_of(read_corpus, missing, MissingError) == (
        f"{missing}: no such folder; a corpus is a folder of posts"
    )


def test_a_folder_without_posts(folder):
    (folder / "accounts.csv").write_text("account\n甲\n", encoding="utf-8")
    assert error_of(read_corpus, folder, MissingError) == (
        f"{folder}: no posts there; import them with `stagemix import FILES --to {folder}`"
    )


def test_a_text_file_without_text(folder):
    (folder / "甲").mkdir()
    (folder / "甲" / "一.txt").write_text(" \n", encoding="utf-8")
    (folder / "甲" / "二.txt").write_text("正文", encoding="utf-8")
    assert error_of(read_corpus, folder) == (
        f"{folder}: 甲/一.txt holds no text; fill it in or remove it"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "编号,公众号,标题\n1,甲,题\n",
            ": no column post_id, account, text (or title); found 编号, 公众号, 标题; "
            "name a column with --map 列名=field in `stagemix import`",
        ),
        (
            CSV.replace("10万+", "多"),
            ", column reads: row 2 ('多') is not a count; correct it or leave it blank",
        ),
        (
            CSV.replace("\n2,", "\n1,"),
            ": post_id 1 stands in rows 2, 3; keep one row per post",
        ),
        ("post_id,account,title\n", ": holds no rows; export it again"),
    ],
)
def test_a_posts_csv_that_does_not_fit_names_the_file_and_the_row(folder, content, said):
    (folder / "posts.csv").write_text(content, encoding="utf-8")
    assert error_of(read_corpus, folder) == f"{folder / 'posts.csv'}{said}"


def test_a_bad_value_in_a_part_names_the_part_and_its_row(folder):
    some_posts("1", "2").to_parquet(folder / "a.parquet")
    some_posts("3").assign(reads="多").to_parquet(folder / "b.parquet")
    assert error_of(read_corpus, folder) == (
        f"{folder / 'b.parquet'}, column reads: row 1 ('多') is not a count; "
        "correct it or leave it blank"
    )


def test_a_post_in_two_parts_names_both(folder):
    some_posts("1", "2").to_parquet(folder / "a.parquet")
    some_posts("2").to_parquet(folder / "b.parquet")
    assert error_of(read_corpus, folder) == (
        f"{folder}: post_id 2 stands in a.parquet:2, b.parquet:1; keep one row per post"
    )


def test_no_account_table_is_none(folder):
    assert read_accounts(folder) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_the_account_table_is_text_with_blanks_null(folder, encoding):
    (folder / "accounts.csv").write_text(
        "account,sector,level\n甲发布,宣传,2\n乙公安,,\n", encoding=encoding
    )
    table = read_accounts(folder)
    assert table.loc[0].tolist() == ["甲发布", "宣传", "2"]
    assert table.loc[1].isna().tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("单位,sector\n甲,宣传\n", "no column account; found 单位, sector"),
        ("账号,公众号\n甲,宣传\n", "no column account; found 账号, 公众号"),
        ("account,sector\n甲,宣传\n,公安\n", "no account in row 3; fill it in"),
        (
            "account,sector\n甲,宣传\n乙,公安\n甲 ,税务\n",
            "account 甲 stands in rows 2, 4; keep one",
        ),
        (
            "account,sector\n甲,宣传\n甲,宣传\n乙,公安\n乙,税务\n",
            "account 甲 stands in rows 2, 3 (1 more accounts stand twice); keep one",
        ),
        ("account,sector\n", "holds no rows; export it again"),
    ],
)
def test_an_account_table_that_does_not_fit(folder, content, said):
    path = folder / "accounts.csv"
    path.write_text(content, encoding="utf-8")
    assert error_of(read_accounts, folder) == f"{path}: {said}"


def test_the_hash_of_a_frame_knows_its_posts_and_not_their_order():
    one, same, other = some_posts("1", "2"), some_posts("2", "1"), some_posts("1", "3")
    assert frame_hash(one) == frame_hash(same) != frame_hash(other)
    assert len(frame_hash(one)) == 16
