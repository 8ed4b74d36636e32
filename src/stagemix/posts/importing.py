"""Importing: files of posts in, one corpus out, with a word on every row that is not there."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from stagemix.errors import DataError, MissingError, several
from stagemix.posts.corpus import POSTS_FILE, read_corpus, write_corpus
from stagemix.posts.names import fields_of
from stagemix.posts.post import COLUMNS, full_text, posts_from
from stagemix.posts.tables import read_table


@dataclass(frozen=True, kw_only=True)
class ImportSummary:
    """What an import did: rows per file, posts added and known already, what is missing."""

    corpus: Path
    files: dict[str, int]
    unused_columns: tuple[str, ...]
    added: int
    already_there: int
    differing: int
    posts: int
    accounts: dict[str, int]
    first: pd.Timestamp | None
    last: pd.Timestamp | None
    missing: dict[str, int] = field(default_factory=dict)
    censored_reads: int = 0


def import_files(
    files: Sequence[Path],
    *,
    to: Path,
    account: str | None = None,
    mapping: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> ImportSummary:
    """Read FILES and add their posts to the corpus folder TO.

    Columns are recognised by their Chinese or English names or by MAPPING (列名 -> field); ACCOUNT
    is the account of files that do not name one; PROGRESS is told which is read. A post without
    an id gets one from its account, time, title and text. A post whose id the corpus has already
    stays as it was. Raises StagemixError, having written nothing, where any file or row does not fit.
    """
    if to.exists() and not to.is_dir():
        raise DataError(f"{to}: a file; give a folder to import into, as corpora/NAME")
    tables = []
    for n, path in enumerate(files, start=1):
        progress(f"reading {path.name} ({n} of {len(files)})")
        tables.append(_read(path, account=account, mapping=mapping))
    incoming = pd.concat([posts for posts, _ in tables], ignore_index=True)
    _check_between_files(incoming)
    held = _held(to, like=incoming)
    new = incoming[~incoming["post_id"].isin(held["post_id"])]
    both = incoming.merge(held, on="post_id", suffixes=("", "_held"))
    same = full_text(both) == full_text(
        both[["title_held", "text_held"]].set_axis(["title", "text"], axis=1)
    )
    posts = pd.concat([held, new], ignore_index=True) if len(held) else new.reset_index(drop=True)
    write_corpus(posts, to)
    return ImportSummary(
        corpus=to,
        files={str(path): len(table) for path, (table, _) in zip(files, tables, strict=True)},
        unused_columns=tuple(sorted({name for _, unused in tables for name in unused})),
        added=len(new),
        already_there=len(both),
        differing=int((~same).sum()),
        posts=len(posts),
        accounts={str(k): int(v) for k, v in posts["account"].value_counts().items()},
        first=_or_none(posts["published_at"].min()),
        last=_or_none(posts["published_at"].max()),
        missing={name: int(posts[name].isna().sum()) for name in COLUMNS if name != "source"},
        censored_reads=int(posts["reads_censored"].sum()),
    )


def _or_none(stamp: pd.Timestamp) -> pd.Timestamp | None:
    return None if pd.isna(stamp) else stamp


def _held(folder: Path, *, like: pd.DataFrame) -> pd.DataFrame:
    """The posts that a corpus folder has, none LIKE these where it has none."""
    try:
        held = read_corpus(folder)
    except MissingError:
        return like.iloc[:0]
    if not (folder / POSTS_FILE).is_file():
        raise DataError(
            f"{folder}: holds posts that are not in {POSTS_FILE}; import into a new folder"
        )
    return held


def _read(
    path: Path, *, account: str | None, mapping: Mapping[str, str] | None
) -> tuple[pd.DataFrame, list[str]]:
    raw = read_table(path)
    fields = fields_of([str(name) for name in raw.columns], mapping=mapping, where=str(path))
    if not {"title", "text"} & set(fields.values()):
        raise DataError(
            f"{path}: no column is a title or a text; found {several(raw.columns, most=20)}; "
            "name one with --map 列名=text"
        )
    unused = [name for name in raw.columns if name not in fields]
    raw = raw[list(fields)].rename(columns=fields)
    raw["source"] = [f"{path.name}:{row}" for row in raw.index]
    if account is not None:
        if "account" in raw.columns:
            raise DataError(f"{path}: names its accounts itself; leave out --account")
        raw["account"] = account
    elif "account" not in raw.columns:
        raise DataError(
            f"{path}: no column names the account; add --account NAME or --map 列名=account"
        )
    if "post_id" in raw.columns:
        return posts_from(raw, where=str(path)), unused
    posts = posts_from(raw.assign(post_id=raw["source"]), where=str(path))
    return posts.assign(post_id=_made_ids(posts, where=str(path))), unused


def _made_ids(posts: pd.DataFrame, *, where: str) -> pd.Series:
    """An id per post from what the post says, so that it is the same in every file format."""
    time = posts["published_at"].dt.strftime("%Y-%m-%dT%H:%M:%S")
    parts = posts[["account", "title", "text"]].assign(time=time).fillna("").astype("str")
    joined = parts.agg("\x1f".join, axis=1)
    same = joined.index[joined == joined[joined.duplicated()].min()]
    if len(same):
        raise DataError(
            f"{where}: rows {several(same)} have the same account, time, title and text; "
            "keep one of them or give each a post_id"
        )
    return joined.map(lambda text: "p" + hashlib.sha256(text.encode()).hexdigest()[:12])


def _check_between_files(posts: pd.DataFrame) -> None:
    twice = posts[posts["post_id"].duplicated(keep=False)]
    if len(twice):
        first = twice["post_id"].iloc[0]
        places = twice.loc[twice["post_id"] == first, "source"]
        raise DataError(
            f"post_id {first} stands in {several(places)} "
            f"({twice['post_id'].nunique()} ids stand in two files); import each post once"
        )
