"""A corpus is a folder of current posts, read as it is."""

import hashlib
from pathlib import Path

import pandas as pd

from stagemix.errors import DataError, MissingError, several
from stagemix.files import whole
from stagemix.posts.names import ALIASES
from stagemix.posts.post import posts_from
from stagemix.posts.tables import read_table, read_text
from stagemix.posts.values import texts

POSTS_FILE = "posts.parquet"
ACCOUNTS_FILE = "accounts.csv"


def read_corpus(folder: Path) -> pd.DataFrame:
    """Read the posts of a corpus folder, one row each, with the columns of `post.COLUMNS`.

    The folder holds `posts.parquet`, or several Parquet parts, or `posts.csv` or `posts.jsonl`
    with the canonical column names, or `.txt` files in one subfolder per account. The result's
    index is 0, 1, 2, ... in the order of the files. Raises MissingError where the folder holds
    none of these, DataError where a value does not fit.
    """
    if not folder.is_dir():
        raise MissingError(f"{folder}: no such folder; a corpus is a folder of posts")
    tables = [folder / name for name in ("posts.csv", "posts.jsonl") if (folder / name).is_file()]
    parts = sorted(folder.glob("*.parquet"))
    written = (p for p in folder.rglob("*") if p.suffix.lower() == ".txt" and p.is_file())
    # beside a table, a text in the folder itself is somebody's note
    files = sorted(p for p in written if p.parent != folder or not (tables or parts))
    forms = [*tables, *parts[:1], *files[:1]]
    if not forms:
        raise MissingError(
            f"{folder}: no posts there; import them with `stagemix import FILES --to {folder}`"
        )
    if len(forms) > 1 or (len(parts) > 1 and folder / POSTS_FILE in parts):
        found = [path.relative_to(folder).as_posix() for path in (*forms, *parts[1:])]
        raise DataError(f"{folder}: holds posts in several forms ({several(found)}); keep one")
    if tables:
        return _typed(read_table(tables[0]), where=str(tables[0]))
    if parts:
        return _joined(folder, parts)
    return _typed(_text_files(folder, files), where=str(folder))


def _typed(raw: pd.DataFrame, *, where: str) -> pd.DataFrame:
    return posts_from(raw, where=where).reset_index(drop=True)


def _joined(folder: Path, parts: list[Path]) -> pd.DataFrame:
    typed = {part.name: posts_from(read_table(part), where=str(part)) for part in parts}
    posts = pd.concat(typed)
    twice = posts.index[posts["post_id"].duplicated(keep=False)]
    if len(twice):
        first = posts.loc[twice[0], "post_id"]
        places = [f"{part}:{row}" for part, row in posts.index[posts["post_id"] == first]]
        raise DataError(
            f"{folder}: post_id {first} stands in {several(places)}; keep one row per post"
        )
    return posts.reset_index(drop=True)


def _text_files(folder: Path, files: list[Path]) -> pd.DataFrame:
    deep = [path for path in files if path.parent.parent != folder]
    if deep:
        found = several(path.relative_to(folder).as_posix() for path in deep)
        raise DataError(f"{folder}: {found} is not in a subfolder named after its account")
    rows = [
        {
            "post_id": f"{path.parent.name}/{path.stem}",
            "account": path.parent.name,
            "text": read_text(path),
            "source": path.relative_to(folder).as_posix(),
        }
        for path in files
    ]
    blank = [row["source"] for row in rows if not row["text"].strip()]
    if blank:
        raise DataError(f"{folder}: {several(blank)} holds no text; fill it in or remove it")
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1))


def write_corpus(posts: pd.DataFrame, folder: Path) -> Path:
    """Write a post table as `posts.parquet`, whole or not at all; returns the file."""
    path = folder / POSTS_FILE
    with whole(path) as part:
        posts.to_parquet(part, index=False)
    return path


def read_accounts(folder: Path) -> pd.DataFrame | None:
    """Read the account table of a corpus, one row per account, or None where there is none.

    All columns are text, blanks null; `account` may be called 公众号, 账号 or alike. Raises DataError where an account has no name or two rows.
    """
    path = folder / ACCOUNTS_FILE
    if not path.is_file():
        return None
    raw = read_table(path)
    called = [name for name in raw.columns if name in ALIASES["account"]]
    if "account" not in raw.columns and len(called) == 1:
        raw = raw.rename(columns={called[0]: "account"})
    if "account" not in raw.columns:
        raise DataError(f"{path}: no column account; found {several(raw.columns, most=20)}")
    table = raw.apply(texts)
    blank = table.index[table["account"].isna()]
    if len(blank):
        raise DataError(f"{path}: no account in row {several(blank)}; fill it in")
    twice = table.index[table["account"].duplicated(keep=False)]
    if len(twice):
        name = table.loc[twice[0], "account"]
        rows = table.index[table["account"] == name]
        more = table.loc[twice, "account"].nunique() - 1
        also = f" ({more} more accounts stand twice)" if more else ""
        raise DataError(f"{path}: account {name} stands in rows {several(rows)}{also}; keep one")
    return table.reset_index(drop=True)


def frame_hash(posts: pd.DataFrame) -> str:
    """Hash the ids of a sampling frame, whatever their order; 16 hexadecimal digits."""
    ids = "\n".join(sorted(posts["post_id"]))
    return hashlib.sha256(ids.encode()).hexdigest()[:16]
