"""The codes of a study: append-only, in `coding/codes.sqlite`, and round by round as CSV.

A code is never changed or removed; a later one by the same coder is the current one, and the
first stays on record. The CSV files are what a repository commits: a missing database is rebuilt
from them, and codes that came by version control are taken in when the store is opened.
"""

import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import pandas as pd

from stagemix.errors import DataError, several
from stagemix.files import whole
from stagemix.posts.tables import read_table

INDEPENDENT, SETTLED, WITHDRAWN, BESIDE = "independent", "settled", "withdrawn", "beside"
KINDS = (INDEPENDENT, SETTLED, WITHDRAWN, BESIDE)


@dataclass(frozen=True, kw_only=True)
class Code:
    """Who coded which unit, in which round, for which variable, with which value, and when.

    `kind` is `independent`; `settled` for a value that settles a disagreement (`memo` is then the
    reason); `withdrawn` for a key press undone before the next unit (`memo` is then the `save_id`
    that is undone); `beside` for codes by others, a language model say, that are compared and
    count nowhere. `confidence` and `seconds` are blank where not given. `coded_at` is ISO 8601.
    `save_id` is made by the coding page, one for each time it saves, and blank elsewhere.
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
    save_id: str = ""

    @property
    def code_id(self) -> str:
        """An id, so that the same code is never stored twice.

        It is made of the coder's `save_id` and the variable, which stay when a page sends again
        what it does not know to have arrived; without one, of all that the code says.
        """
        said = (self.coder, self.variable, self.save_id) if self.save_id else astuple(self)
        return hashlib.sha256("\x1f".join(said).encode()).hexdigest()[:16]


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


def standing(record: pd.DataFrame) -> pd.DataFrame:
    """The rows of RECORD that were not undone, without those that undid them."""
    undone = record.loc[record["kind"] == WITHDRAWN, ["coder", "memo"]]
    if undone.empty:
        return record
    keys = pd.MultiIndex.from_frame(record[["coder", "save_id"]])
    gone = keys.isin(pd.MultiIndex.from_frame(undone)) | (record["kind"] == WITHDRAWN)
    return record[~gone].reset_index(drop=True)


def _state(path: Path) -> tuple[int, int, int]:
    """What changes where somebody writes a file: which it is, its time, its size."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _code(row: Iterable[str]) -> Code:
    return Code(**dict(zip(COLUMNS, row, strict=True)))


def _advice(error: sqlite3.DatabaseError) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _NOT_DAMAGE:
        return (
            "close other programs that use it, and see that it can be written and the disk has room"
        )
    return "move the file away and run the command again, it is rebuilt from coding/rounds/*.csv"


class _Group(threading.local):
    """What one thread stores together: its connection, and what went wrong."""

    db: sqlite3.Connection | None = None
    error: DataError | None = None


class CodeStore:
    """The codes of one study, in the folder `coding`."""

    def __init__(self, folder: Path, *, patience: float = 30) -> None:
        """Open the codes in FOLDER; wait PATIENCE seconds for another program that writes."""
        self._patience = patience
        self._folder = folder
        self._group = _Group()
        self._rounds = folder / "rounds"
        self._known: dict[str, tuple[int, int, int]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        with self._connect() as db:
            db.execute("PRAGMA journal_mode=WAL")
            columns = ", ".join(f"{name} TEXT NOT NULL" for name in COLUMNS)
            db.execute(
                "CREATE TABLE IF NOT EXISTS codes "
                f"(number INTEGER PRIMARY KEY, code_id TEXT UNIQUE NOT NULL, {columns})"
            )
            db.execute("CREATE INDEX IF NOT EXISTS by_save ON codes (coder, save_id)")
        self._take_in_files()

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        path = self._folder / "codes.sqlite"
        held = self._group.db
        try:
            if held is not None:
                yield held
                return
            with closing(sqlite3.connect(path, timeout=self._patience)) as db, db:
                # a code that was acknowledged must outlive a power cut
                db.execute("PRAGMA synchronous=FULL")
                yield db
        except sqlite3.DatabaseError as error:
            told = DataError(f"{path}: {error}; {_advice(error)}")
            if held is not None:
                self._group.error = told
            raise told from None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Store what this thread appends in the block at once: on disk when it ends, or nothing is.

        Raises DataError at the end where any of it could not be stored, even if that was caught.
        """
        with self._connect() as db:
            # what is looked up in the block is then what the next lines append to
            db.execute("BEGIN IMMEDIATE")
            self._group.db, self._group.error = db, None
            try:
                yield
            finally:
                self._group.db = None
            # SQLite may have rolled back what was stored before the error
            if self._group.error is not None:
                raise self._group.error

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Keep the database open: who closes it last tidies its log away, at every code."""
        with self._connect() as db:
            db.execute("SELECT COUNT(*) FROM codes").fetchone()
            yield

    def add(self, codes: Iterable[Code]) -> int:
        """Store codes, all or none, and write the CSV of their rounds; returns how many are new."""
        codes = list(codes)
        added = self.append(codes)
        self.write_files({code.round for code in codes})
        return added

    def append(self, codes: Iterable[Code]) -> int:
        """Store codes on disk, all or none, and leave the CSV for later; returns how many are new."""
        marks = ", ".join("?" * (len(COLUMNS) + 1))
        with self._connect() as db:
            before = db.total_changes
            db.executemany(
                f"INSERT OR IGNORE INTO codes (code_id, {', '.join(COLUMNS)}) VALUES ({marks})",
                [(code.code_id, *astuple(code)) for code in codes],
            )
            return db.total_changes - before

    def codes(self, round_: str | None = None) -> pd.DataFrame:
        """The codes that stand (of one round) in the order made, a column per field of `Code`.

        Those that were undone, and the rows that undid them, are left out; `record` has them.
        """
        return standing(self.record(round_))

    def record(self, round_: str | None = None) -> pd.DataFrame:
        """All that was ever stored (of one round), in the order made: codes may come in later."""
        where, values = ("WHERE round = ?", [round_]) if round_ else ("", [])
        query = f"SELECT {', '.join(COLUMNS)} FROM codes {where} ORDER BY number"
        with self._connect() as db:
            rows = db.execute(query, values).fetchall()
        found = pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")
        made = pd.to_datetime(found["coded_at"], utc=True, errors="coerce", format="ISO8601")
        return found.loc[made.ffill().sort_values(kind="stable").index].reset_index(drop=True)

    def saved(self, *, coder: str, save_id: str) -> list[Code]:
        """What one save of a coder's page stored, as it is on disk."""
        query = f"SELECT {', '.join(COLUMNS)} FROM codes WHERE save_id = ? AND coder = ?"
        with self._connect() as db:
            return [_code(row) for row in db.execute(query, (save_id, coder))]

    def last_save(self, coder: str) -> str:
        """The id of the last save of a coder's page, blank where there is none."""
        query = "SELECT save_id FROM codes WHERE coder = ? AND save_id <> '' ORDER BY number DESC LIMIT 1"
        with self._connect() as db:
            rows = db.execute(query, (coder,)).fetchall()
        return str(rows[0][0]) if rows else ""

    def count(self) -> dict[str, int]:
        """How many rows each round has."""
        with self._connect() as db:
            return dict(db.execute("SELECT round, COUNT(*) FROM codes GROUP BY round"))

    def write_files(self, rounds: Iterable[str]) -> None:
        """Write the CSV of ROUNDS, after taking in what came into them by version control."""
        for name in sorted(rounds):
            path = self._rounds / f"{name}.csv"
            if path.exists() and self._known.get(name) != _state(path):
                self._take_in(path)
            with whole(path) as part:
                record = self.record(name)
                record.to_csv(part, index=False, encoding="utf-8", lineterminator="\n")
                written = _state(part)
            self._known[name] = written

    def _take_in_files(self) -> None:
        written: dict[str, int] = {}
        for path in sorted(self._rounds.glob("*.csv")):
            if path.name.endswith(".sample.csv"):
                continue
            written[path.stem] = self._take_in(path)
        # a page that was killed has stored codes that no file has yet
        behind = {name for name, n in self.count().items() if n > written.get(name, 0)}
        self.write_files(behind)

    def _take_in(self, path: Path) -> int:
        """Store the codes of a round's CSV; returns how many it holds."""
        state, table = _state(path), read_table(path)
        missing = [name for name in COLUMNS if name not in table.columns]
        if missing:
            raise DataError(f"{path}: no column {several(missing)}; restore the file")
        odd = table.index[~table["kind"].isin(KINDS) | (table["round"] != path.stem)]
        if len(odd):
            raise DataError(f"{path}: row {several(odd)} is no code of this round; restore it")
        codes = [_code(row) for row in table[list(COLUMNS)].astype("str").to_numpy()]
        self.append(codes)
        self._known[path.stem] = state
        return len({code.code_id for code in codes})
