"""The post table: its columns, their types, and how a raw table becomes one."""

import pandas as pd

from stagemix.errors import DataError, several
from stagemix.posts import values

COLUMNS = {
    "post_id": "str",
    "account": "str",
    "title": "str",
    "text": "str",
    "published_at": "datetime64[us]",
    "position": "Int64",
    "form": "str",
    "reads": "Int64",
    "likes": "Int64",
    "wows": "Int64",
    "shares": "Int64",
    "comments": "Int64",
    "reads_censored": "bool",
    "url": "str",
    "original": "boolean",
    "source": "str",
}
COUNTS = ("reads", "likes", "wows", "shares", "comments")
REQUIRED = ("post_id", "account")


def posts_from(raw: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """Make a post table of a raw one.

    RAW has canonical column names, of any type; its index is the row number in the file, and
    WHERE is the file's name for errors. Returns one row per row of RAW with the columns of
    `COLUMNS` in their order and types, then any other column as it was. What a file does not
    say is null. Raises DataError, naming rows, where a value cannot be read or an id is missing
    or stands twice.
    """
    missing = [name for name in REQUIRED if name not in raw.columns]
    if "title" not in raw.columns and "text" not in raw.columns:
        missing.append("text (or title)")
    if missing:
        found = several(raw.columns, most=20)
        raise DataError(
            f"{where}: no column {several(missing)}; found {found}; "
            "name a column with --map 列名=field in `stagemix import`"
        )
    out = pd.DataFrame(
        {name: _column(raw, name, dtype, where=where) for name, dtype in COLUMNS.items()},
        index=raw.index,
    )
    if "reads" in raw.columns:
        out["reads_censored"] |= values.censored(raw["reads"])
    _check_ids(out, where=where)
    others = [name for name in raw.columns if name not in COLUMNS]
    return pd.concat([out, raw[others]], axis=1) if others else out


def _column(raw: pd.DataFrame, name: str, dtype: str, *, where: str) -> pd.Series:
    if name not in raw.columns:
        empty: object = False if dtype == "bool" else None
        return pd.Series([empty] * len(raw), index=raw.index, dtype=dtype)
    at = f"{where}, column {name}"
    column = raw[name]
    if name == "published_at":
        return values.times(column, where=at)
    if name == "position" or name in COUNTS:
        return values.counts(column, where=at)
    if dtype in ("bool", "boolean"):
        flags = values.flags(column, where=at)
        return flags.fillna(False).astype("bool") if dtype == "bool" else flags
    if not isinstance(column.dtype, pd.StringDtype):
        _check_flat(column, where=at)
    return values.texts(column)


def _check_flat(column: pd.Series, *, where: str) -> None:
    nested = column.index[column.map(_is_nested).astype("bool")]
    if len(nested):
        raise DataError(
            f"{where}: row {several(nested)} holds no text but a nested value; flatten it"
        )


def _is_nested(value: object) -> bool:
    return isinstance(value, bytes) or bool(pd.api.types.is_list_like(value))


def _check_ids(posts: pd.DataFrame, *, where: str) -> None:
    for name in REQUIRED:
        blank = posts.index[posts[name].isna()]
        if len(blank):
            raise DataError(
                f"{where}: no {name} in row {several(blank)}; fill it in or remove the row"
            )
    empty = posts.index[posts["title"].isna() & posts["text"].isna()]
    if len(empty):
        raise DataError(
            f"{where}: neither title nor text in row {several(empty)}; "
            "fill one in or remove the row"
        )
    twice = posts[posts["post_id"].duplicated(keep=False)]
    if len(twice):
        first = twice["post_id"].iloc[0]
        rows = twice.index[twice["post_id"] == first]
        more = twice["post_id"].nunique() - 1
        also = f" ({more} more ids stand twice)" if more else ""
        raise DataError(
            f"{where}: post_id {first} stands in rows {several(rows)}{also}; keep one row per post"
        )


def full_text(posts: pd.DataFrame) -> pd.Series:
    """Title and body of each post as one text, the title on a line of its own."""
    title = posts["title"].fillna("")
    body = posts["text"].fillna("")
    return (title + "\n" + body).str.strip()
