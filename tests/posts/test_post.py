"""How a raw table becomes a post table."""

import numpy as np
import pandas as pd
import pytest

from stagemix.errors import DataError
from stagemix.posts.post import COLUMNS, full_text, posts_from


def raw(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Rows of a file, the first on row 2."""
    return pd.DataFrame(rows, index=pd.RangeIndex(2, 2 + len(rows)), dtype="object")


def post(number: object, **more: object) -> dict[str, object]:
    return {"post_id": number, "account": "甲发布", "title": f"题{number}", **more}


def test_a_post_table_has_every_column_in_order_and_type():
    posts = posts_from(raw([post("1")]), where="a.csv")
    assert {name: str(dtype) for name, dtype in posts.dtypes.items()} == COLUMNS
    assert posts["title"].tolist() == ["题1"]


def test_what_a_file_does_not_say_is_null_and_censoring_is_false():
    row = posts_from(raw([post("1")]), where="a.csv").loc[2]
    said = {"post_id": "1", "account": "甲发布", "title": "题1", "reads_censored": False}
    assert {name: row[name] for name in COLUMNS if pd.notna(row[name])} == said


def test_reads_of_more_than_100000_are_a_lower_bound():
    posts = posts_from(
        raw([post("1", reads="10万+"), post("2", reads="1.2万"), post("3", reads="-")]),
        where="a.csv",
    )
    assert posts["reads"].tolist() == [100001, 12000, pd.NA]
    assert posts["reads_censored"].tolist() == [True, False, False]


def test_censoring_that_the_file_says_is_kept():
    rows = [post("1", reads=100001, reads_censored="否"), post("2", reads=7, reads_censored="是")]
    assert posts_from(raw(rows), where="a.csv")["reads_censored"].tolist() == [True, True]


def test_other_columns_come_after_the_known_ones_as_they_were():
    rows = [post("1", **{f"c{n}": n for n in range(150)})]
    posts = posts_from(raw(rows), where="a.csv")
    assert list(posts.columns) == [*COLUMNS, *(f"c{n}" for n in range(150))]
    assert posts.loc[2, "c149"] == 149


def test_row_numbers_stay_the_file_s():
    assert posts_from(raw([post("1"), post("2")]), where="a.csv").index.tolist() == [2, 3]


def test_text_alone_or_title_alone_is_enough():
    rows = [
        {"post_id": "1", "account": "甲", "title": "题", "text": ""},
        {"post_id": "2", "account": "甲", "title": "", "text": "文"},
    ]
    assert len(posts_from(raw(rows), where="a.csv")) == 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"账号": "甲", "题目": "题"}],
            "a.csv: no column post_id, account, text (or title); found 账号, 题目; "
            "name a column with --map 列名=field in `stagemix import`",
        ),
        (
            [post("1"), post(" "), post(None)],
            "a.csv: no post_id in row 3, 4; fill it in or remove the row",
        ),
        (
            [post("1"), post("2", account="")],
            "a.csv: no account in row 3; fill it in or remove the row",
        ),
        (
            [post("1"), post("2", title="\u3000", text="")],
            "a.csv: neither title nor text in row 3; fill one in or remove the row",
        ),
        (
            [post("1"), post("2"), post(1.0)],
            "a.csv: post_id 1 stands in rows 2, 4; keep one row per post",
        ),
        (
            [post("1"), post("2"), post("1"), post("2")],
            "a.csv: post_id 1 stands in rows 2, 4 (1 more ids stand twice); keep one row per post",
        ),
        (
            [post("1", reads="7"), post("2", reads="许多")],
            "a.csv, column reads: row 3 ('许多') is not a count; correct it or leave it blank",
        ),
        (
            [post("1", position="头条")],
            "a.csv, column position: row 2 ('头条') is not a count; correct it or leave it blank",
        ),
        (
            [post("1", published_at="去年")],
            "a.csv, column published_at: row 2 ('去年') is not a time (write 2021-03-05 10:20); "
            "correct it or leave it blank",
        ),
        (
            [
                post("1"),
                post("2", text={"段": "好"}),
                post("3", text=["好"]),
                post("4", text=np.array(["好"])),
            ],
            "a.csv, column text: row 3, 4, 5 holds no text but a nested value; flatten it",
        ),
        (
            [post("1", title=b"x")],
            "a.csv, column title: row 2 holds no text but a nested value; flatten it",
        ),
        (
            [post("1", original="大概")],
            "a.csv, column original: row 2 ('大概') is not yes or no; correct it or leave it blank",
        ),
    ],
)
def test_a_row_that_does_not_fit_is_named(rows, message):
    with pytest.raises(DataError) as error:
        posts_from(raw(rows), where="a.csv")
    assert str(error.value) == message


def test_full_text_is_title_then_body_and_leaves_no_blank_line():
    rows = [
        {"post_id": "1", "account": "甲", "title": "题", "text": "文"},
        {"post_id": "2", "account": "甲", "title": "题", "text": None},
        {"post_id": "3", "account": "甲", "title": None, "text": "文"},
    ]
    assert full_text(posts_from(raw(rows), where="a.csv")).tolist() == ["题\n文", "题", "文"]
