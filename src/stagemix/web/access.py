"""Who may see and do what on the coding page: personal links and the sessions they open.

Kept in `coding/access.sqlite`, apart from the codes. Only hashes of links and sessions are stored:
who reads the file cannot open a page with it.
"""

import hashlib
import secrets
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

from stagemix.errors import DataError

CODER, LEAD = "coder", "lead"
FILE = "access.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS people (
    pid TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, link TEXT UNIQUE,
    made_at TEXT NOT NULL, UNIQUE (name, role));
CREATE TABLE IF NOT EXISTS sessions (
    session TEXT PRIMARY KEY, pid TEXT NOT NULL, made_at TEXT NOT NULL);
"""


@dataclass(frozen=True, kw_only=True)
class Person:
    """A coder or the lead; `pid` stands in the address of their page and is no secret.

    `made_at` is when the present link was made, blank where it was revoked.
    """

    pid: str
    name: str
    role: str
    made_at: str


class Access:
    """The people of one study, their links and sessions, in the folder `coding`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(
                self._path, check_same_thread=False, isolation_level=None, timeout=5
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.executescript(_TABLES)
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"{self._path}: {error}; move the file away and run the command again, coders then "
                "need new links"
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _ask(self, query: str, *values: str) -> list[tuple[str, ...]]:
        try:
            with self._lock:
                return self._db.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            raise DataError(
                f"{self._path}: {error}; close other programs that use it, and see that it can be "
                "written and the disk has room"
            ) from None

    def new_link(self, name: str, *, role: str, now: str) -> str:
        """Make a person's link and return its secret; their earlier link and sessions end."""
        secret = secrets.token_urlsafe(32)
        pid = self._ask("SELECT pid FROM people WHERE name = ? AND role = ?", name, role)
        if pid:
            self.revoke(pid[0][0])
            self._ask(
                "UPDATE people SET link = ?, made_at = ? WHERE pid = ?",
                _hash(secret),
                now,
                pid[0][0],
            )
        else:
            self._ask(
                "INSERT INTO people (pid, name, role, link, made_at) VALUES (?, ?, ?, ?, ?)",
                secrets.token_hex(4),
                name,
                role,
                _hash(secret),
                now,
            )
        return secret

    def revoke(self, pid: str) -> None:
        """End a person's link and every session that it opened."""
        self._ask("DELETE FROM sessions WHERE pid = ?", pid)
        self._ask("UPDATE people SET link = NULL, made_at = '' WHERE pid = ?", pid)

    def people(self) -> list[Person]:
        """Everybody who has or had a link, in the order first made."""
        rows = self._ask("SELECT pid, name, role, made_at FROM people ORDER BY rowid")
        return [
            Person(pid=pid, name=name, role=role, made_at=made) for pid, name, role, made in rows
        ]

    def enter(self, secret: str, *, now: str) -> tuple[Person, str] | None:
        """Open a session by a link's secret; returns the person and the session's secret."""
        rows = self._ask(
            "SELECT pid, name, role, made_at FROM people WHERE link = ?", _hash(secret)
        )
        if not rows:
            return None
        pid, name, role, made_at = rows[0]
        session = secrets.token_urlsafe(32)
        # by the link once more, which may have been revoked meanwhile
        self._ask(
            "INSERT INTO sessions SELECT ?, pid, ? FROM people WHERE link = ?",
            _hash(session),
            now,
            _hash(secret),
        )
        return Person(pid=pid, name=name, role=role, made_at=made_at), session

    def who(self, pid: str, session: str) -> Person | None:
        """The person whose page PID is, where SESSION is one of theirs."""
        rows = self._ask(
            "SELECT p.pid, p.name, p.role, p.made_at FROM sessions s JOIN people p USING (pid) "
            "WHERE s.session = ? AND p.pid = ?",
            _hash(session),
            pid,
        )
        if not rows:
            return None
        pid, name, role, made_at = rows[0]
        return Person(pid=pid, name=name, role=role, made_at=made_at)


def write_token(session: str) -> str:
    """What a page sends with every write, made from its session; other sites cannot know it."""
    return _hash(f"write:{session}")


def _hash(secret: str) -> str:
    # links are 256 random bits, so that a plain hash cannot be turned back
    return hashlib.sha256(secret.encode()).hexdigest()
