"""Which column of a plain table is which field."""

import pytest

from stagemix.errors import DataError
from stagemix.posts.names import ALIASES, FIELDS, field_of, fields_of

ALL_FIELDS = (
    "post_id, account, title, text, published_at, position, form, reads, likes, wows, shares, "
    "comments, reads_censored, url, original"
)


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("公众号", "account"),
        ("标题", "title"),
        ("文章内容", "text"),
        ("发布时间", "published_at"),
        ("阅读", "reads"),
        ("点赞", "likes"),
        ("在看", "wows"),
        ("分享", "shares"),
        ("留言", "comments"),
        ("是否原创", "original"),
        ("链接", "url"),
        ("微博id", "post_id"),
        ("ID", "post_id"),
        (" Title ", "title"),
        ("\ufeffpost_id", "post_id"),
        ("阅读截断", "reads_censored"),
        ("source", None),
        ("封面", None),
        ("", None),
    ],
)
def test_known_names_in_chinese_and_english(column, field):
    assert field_of(column) == field


def test_no_name_means_two_fields():
    names = [name for known in ALIASES.values() for name in known]
    assert len(names) == len(set(names))
    assert set(ALIASES) <= set(FIELDS)


def test_unknown_columns_are_left_out():
    assert fields_of(["封面", "标题"], where="a.csv") == {"标题": "title"}


def test_a_column_named_by_hand_wins_over_the_known_names():
    found = fields_of(["标题", "摘要", "正文"], mapping={"摘要": "text"}, where="a.csv")
    assert found == {"摘要": "text", "标题": "title"}


def test_a_known_column_can_be_given_another_meaning():
    assert fields_of(["标题", "id"], mapping={"标题": "text"}, where="a.csv") == {
        "标题": "text",
        "id": "post_id",
    }


@pytest.mark.parametrize(
    ("columns", "mapping", "message"),
    [
        (
            ["标题"],
            {"标题": "headline"},
            f"--map 标题=headline: there is no field headline; the fields are {ALL_FIELDS}",
        ),
        (
            ["标题"],
            {"标题": "source"},
            f"--map 标题=source: there is no field source; the fields are {ALL_FIELDS}",
        ),
        (
            ["标题", "公众号"],
            {"题目": "title"},
            "a.csv: no column 题目 for --map; found 标题, 公众号",
        ),
        (
            ["日期", "时间"],
            {},
            "a.csv: columns 日期, 时间 could each be published_at; "
            "say which with --map 日期=published_at",
        ),
        (
            ["reads", "阅读数"],
            None,
            "a.csv: columns reads, 阅读数 could each be reads; say which with --map reads=reads",
        ),
        (
            ["a", "b"],
            {"a": "text", "b": "text"},
            "a.csv: columns a, b could each be text; say which with --map a=text",
        ),
    ],
)
def test_a_column_or_field_that_does_not_fit_is_said(columns, mapping, message):
    with pytest.raises(DataError) as error:
        fields_of(columns, mapping=mapping, where="a.csv")
    assert str(error.value) == message


def test_saying_which_column_is_meant_settles_it():
    found = fields_of(["日期", "时间"], mapping={"日期": "published_at"}, where="a.csv")
    assert found == {"日期": "published_at"}
