"""The codes of a study: append-only, in `coding/codes.sqlite`, and round by round as CSV.

A code is never changed or removed; a later one by the same coder is the current one, and the
first stays on record. The CSV files are what a repository commits: a missing database is rebuilt
from them, and codes that came by version control are taken in when the store is opened.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import pandas as pd

from stagemix.errors import DataError, several
from stagemix.files import whole
from stagemix.posts.tables import read_table

INDEPENDENT, SETTLED = "independent", "settled"
KINDS = (INDEPENDENT, SETTLED)


@dataclass(frozen=True, kw_only=True)
class Code:
    """Who coded which unit, in which round, for which variable, with which value, and when.

    `kind` is `independent`, or `settled` for a value that settles a disagreement (`memo` is then
    the reason). `confidence` and `seconds` are blank where not given. `coded_at` is ISO 8601.
    """

    round: str
    unit: str
    coder: str
    variable: str
    value: str
    kind: str = INDEPENDENT
    confidence: str = ""
    memo: str = ""
    seconds: str = ""
    codebook_version: str = ""
    coded_at: str = ""

    @property
    def code_id(self) -> str:
        """An id made of all that the code says, so that the same code is never stored twice."""
        return hashlib.sha256("\x1f".join(astuple(self)).encode()).hexdigest()[:16]


COLUMNS = tuple(field.name for field in fields(Code))
_NOT_DAMAGE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
}


def _advice(error: sqlite3.DatabaseError) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _NOT_DAMAGE:
        return (
            "close other programs that use it, and see that it can be written and the disk has room"
        )
    return "move the file away and run the command again, it is rebuilt from coding/rounds/*.csv"


class CodeStore:
    """The codes of one study, in the folder `coding`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rounds = folder / "rounds"
        folder.mkdir(parents=True, exist_ok=True)
        with self._connect() as db:
            db.execute("PRAGMA journal_mode=WAL")
            columns = ", ".join(f"{name} TEXT NOT NULL" for name in COLUMNS)
            db.execute(
                "CREATE TABLE IF NOT EXISTS codes "
                f"(number INTEGER PRIMARY KEY, code_id TEXT UNIQUE NOT NULL, {columns})"
            )
        self._take_in_files()

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        path = self._folder / "codes.sqlite"
        try:
            with closing(sqlite3.connect(path, timeout=30)) as db, db:
                yield db
        except sqlite3.DatabaseError as error:
            raise DataError(f"{path}: {error}; {_advice(error)}") from None

    def add(self, codes: Iterable[Code]) -> int:
        """Store codes, all or none, and write the CSV of their rounds; returns how many are new."""
        codes = list(codes)
        added = self._insert(codes)
        for name in sorted({code.round for code in codes}):
            self._write_file(name)
        return added

    def _insert(self, codes: list[Code]) -> int:
        marks = ", ".join("?" * (len(COLUMNS) + 1))
        with self._connect() as db:
            before = db.total_changes
            db.executemany(
                f"INSERT OR IGNORE INTO codes (code_id, {', '.join(COLUMNS)}) VALUES ({marks})",
                [(code.code_id, *astuple(code)) for code in codes],
            )
            return db.total_changes - before

    def codes(self, round_: str | None = None) -> pd.DataFrame:
        """All codes (of one round) in the order stored, a column per field of `Code`."""
        where, values = ("WHERE round = ?", [round_]) if round_ else ("", [])
        query = f"SELECT {', '.join(COLUMNS)} FROM codes {where} ORDER BY number"
        with self._connect() as db:
            rows = db.execute(query, values).fetchall()
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")

    def _write_file(self, name: str) -> None:
        with whole(self._rounds / f"{name}.csv") as part:
            self.codes(name).to_csv(part, index=False, encoding="utf-8", lineterminator="\n")

    def _take_in_files(self) -> None:
        for path in sorted(self._rounds.glob("*.csv")):
            if path.name.endswith(".sample.csv"):
                continue
            table = read_table(path)
            missing = [name for name in COLUMNS if name not in table.columns]
            if missing:
                raise DataError(f"{path}: no column {several(missing)}; restore the file")
            odd = table.index[~table["kind"].isin(KINDS) | (table["round"] != path.stem)]
            if len(odd):
                raise DataError(f"{path}: row {several(odd)} is no code of this round; restore it")
            rows = table[list(COLUMNS)].astype("str").to_numpy()
            self._insert([Code(**dict(zip(COLUMNS, row, strict=True))) for row in rows])
