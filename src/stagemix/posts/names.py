"""The column names of plain tables, Chinese and English, and the post field each one means."""

from collections.abc import Mapping

from stagemix.errors import DataError, several
from stagemix.posts.post import COLUMNS

FIELDS = tuple(name for name in COLUMNS if name != "source")
ALIASES: dict[str, tuple[str, ...]] = {
    "post_id": ("id", "编号", "文章id", "微博id", "推文编号", "帖子id", "mid"),
    "account": ("公众号", "账号", "帐号", "公众号名称", "账号名称", "用户昵称", "昵称", "作者账号"),
    "title": ("标题", "文章标题", "推文标题"),
    "text": ("正文", "内容", "文章内容", "微博正文", "全文", "content", "body", "博文"),
    "published_at": (
        "发布时间",
        "发表时间",
        "发文时间",
        "推送时间",
        "日期",
        "文章日期",
        "发布日期",
        "时间",
        "published",
        "publish_time",
        "posttime",
        "date",
        "time",
        "created_at",
    ),
    "position": ("位置", "文章位置", "推送位置", "idx"),
    "form": ("文章类型", "类型", "形式", "体裁"),
    "reads": ("阅读", "阅读数", "阅读量", "read_num", "readnum", "views"),
    "likes": ("点赞", "点赞数", "点赞量", "like_num", "赞"),
    "wows": ("在看", "在看数", "喜欢"),
    "shares": ("分享", "分享数", "转发", "转发数", "share_num", "share_count"),
    "comments": ("留言", "留言数", "评论", "评论数", "comment_num", "comment_count"),
    "reads_censored": ("阅读截断",),
    "url": ("链接", "文章链接", "网址", "link"),
    "original": ("是否原创", "原创"),
}


def field_of(column: str) -> str | None:
    """Return the post field that a column name means, or None."""
    name = column.strip().strip("\ufeff").lower()
    if name in FIELDS:
        return name
    return next((field for field, known in ALIASES.items() if name in known), None)


def fields_of(
    columns: list[str], *, mapping: Mapping[str, str] | None = None, where: str
) -> dict[str, str]:
    """Match the columns of one file to post fields.

    MAPPING names columns by hand (列名 -> field) and wins over the known names. Returns column ->
    field for those that are known. Raises DataError where a mapped column or field does not
    exist, or two columns mean the same field.
    """
    mapping = dict(mapping or {})
    for column, named in mapping.items():
        if named not in FIELDS:
            raise DataError(
                f"--map {column}={named}: there is no field {named}; "
                f"the fields are {several(FIELDS, most=20)}"
            )
        if column not in columns:
            raise DataError(
                f"{where}: no column {column} for --map; found {several(columns, most=20)}"
            )
    found = dict(mapping)
    by_hand = set(mapping.values())
    for column in columns:
        field = field_of(column)
        if column not in found and field is not None and field not in by_hand:
            found[column] = field
    for name in FIELDS:
        same = [column for column, meant in found.items() if meant == name]
        if len(same) > 1:
            raise DataError(
                f"{where}: columns {several(same)} could each be {name}; "
                f"say which with --map {same[0]}={name}"
            )
    return found
