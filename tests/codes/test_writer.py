import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stagemix.codes.store import Code, CodeStore
from stagemix.codes.writer import Writer
from stagemix.errors import DataError

FIRST = Code(round="final", unit="p1", coder="甲", variable="stage", value="publish", save_id="s-1")
SECOND = replace(FIRST, unit="p2", save_id="s-2")
THIRD = replace(FIRST, coder="乙", save_id="s-3")


@pytest.fixture
def store(tmp_path: Path) -> CodeStore:
    return CodeStore(tmp_path)


@pytest.fixture
def writer(store: CodeStore) -> Iterator[Writer]:
    writer = Writer(store)
    yield writer
    writer.shutdown()


FULL_DISK = """
CREATE TRIGGER full_disk BEFORE INSERT ON codes WHEN NEW.value = 'too much'
BEGIN SELECT RAISE(ROLLBACK, 'disk is full'); END
"""
"""As SQLite does in the middle of a transaction: all that was stored before is gone."""


class Held:
    """Keeps the writer at one task, so that those behind it wait and are stored together."""

    def __init__(self, writer: Writer) -> None:
        self._reached, self._go = threading.Event(), threading.Event()
        self.done = writer.submit(self._hold)
        assert self._reached.wait(10)

    def _hold(self) -> None:
        self._reached.set()
        assert self._go.wait(10)

    def release(self) -> None:
        self._go.set()
        assert self.done.result(10) is None


def on_disk(folder: Path) -> list[str]:
    """The saves that another program finds."""
    with closing(sqlite3.connect(folder / "codes.sqlite")) as db:
        return [save for (save,) in db.execute("SELECT save_id FROM codes ORDER BY number")]


def test_a_task_is_done_when_its_codes_are_on_disk(
    store: CodeStore, writer: Writer, tmp_path: Path
) -> None:
    seen = []
    done = writer.submit(store.append, [FIRST])
    done.add_done_callback(lambda _: seen.append(on_disk(tmp_path)))
    assert done.result(10) == 1
    writer.shutdown()
    assert seen == [["s-1"]]


def test_what_waits_is_stored_in_one_transaction_in_its_order(
    store: CodeStore, writer: Writer, tmp_path: Path
) -> None:
    held = Held(writer)
    seen: list[object] = []

    def look() -> None:
        seen.append([code.save_id for code in store.saved(coder="甲", save_id="s-1")])
        seen.append(on_disk(tmp_path))

    waiting: list[Future[Any]] = [writer.submit(store.append, [FIRST]), writer.submit(look)]
    waiting.append(writer.submit(store.append, codes=[SECOND, FIRST]))
    assert not any(done.done() for done in waiting)
    held.release()
    assert [done.result(10) for done in waiting] == [1, None, 1]
    # a task sees what those before it stored, others only what is on disk
    assert seen == [["s-1"], []]
    assert on_disk(tmp_path) == ["s-1", "s-2"]


def test_a_task_that_is_refused_hinders_no_other(
    store: CodeStore, writer: Writer, tmp_path: Path
) -> None:
    held = Held(writer)

    def refuse() -> None:
        raise DataError("not yours")

    def slip() -> None:
        raise ZeroDivisionError

    one = writer.submit(store.append, [FIRST])
    refused, slipped = writer.submit(refuse), writer.submit(slip)
    other = writer.submit(store.append, [THIRD])
    held.release()
    with pytest.raises(DataError, match=r"^not yours$"):
        refused.result(10)
    with pytest.raises(ZeroDivisionError):
        slipped.result(10)
    assert (one.result(10), other.result(10)) == (1, 1)
    assert on_disk(tmp_path) == ["s-1", "s-3"]


def test_where_the_disk_fails_nobody_is_told_that_it_is_stored(
    store: CodeStore, writer: Writer, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "codes.sqlite")) as db:
        db.execute(FULL_DISK)
    held = Held(writer)
    codes = [FIRST, replace(SECOND, value="too much"), THIRD]
    waiting = [writer.submit(store.append, [code]) for code in codes]
    held.release()
    for done in waiting:
        error = done.exception(10)
        assert isinstance(error, DataError)
        assert str(error).startswith(f"{tmp_path / 'codes.sqlite'}: disk is full; ")
    assert on_disk(tmp_path) == []
    assert writer.submit(store.append, [FIRST]).result(10) == 1
    assert on_disk(tmp_path) == ["s-1"]


def test_another_program_that_writes_is_waited_for_and_then_told_of(tmp_path: Path) -> None:
    store = CodeStore(tmp_path, patience=0.05)
    with Writer(store) as writer, closing(sqlite3.connect(store_path(tmp_path))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DataError) as caught:
            writer.submit(store.append, [FIRST]).result(10)
        assert str(caught.value) == (
            f"{store_path(tmp_path)}: database is locked; close other programs that use it, and see "
            "that it can be written and the disk has room"
        )
        other.rollback()
        assert writer.submit(store.append, [FIRST]).result(10) == 1
    assert on_disk(tmp_path) == ["s-1"]


def store_path(folder: Path) -> Path:
    return folder / "codes.sqlite"


def test_a_task_whose_sender_left_before_it_began_stores_nothing(
    store: CodeStore, writer: Writer, tmp_path: Path
) -> None:
    held = Held(writer)
    left = writer.submit(store.append, [FIRST])
    stayed = writer.submit(store.append, [SECOND])
    assert left.cancel()
    held.release()
    assert stayed.result(10) == 1
    assert on_disk(tmp_path) == ["s-2"]


def test_what_waits_when_it_is_closed_is_stored(
    store: CodeStore, writer: Writer, tmp_path: Path
) -> None:
    waiting = [writer.submit(store.append, [code]) for code in (FIRST, SECOND)]
    writer.shutdown()
    assert [done.done() for done in waiting] == [True, True]
    assert on_disk(tmp_path) == ["s-1", "s-2"]


def test_what_waits_can_be_given_up_when_it_is_closed(
    store: CodeStore, writer: Writer, tmp_path: Path
) -> None:
    held = Held(writer)
    waiting = writer.submit(store.append, [FIRST])
    writer.shutdown(wait=False, cancel_futures=True)
    assert waiting.cancelled()
    held.release()
    writer.shutdown()
    assert on_disk(tmp_path) == []


def test_many_senders_are_all_answered_and_stored(
    store: CodeStore, writer: Writer, tmp_path: Path
) -> None:
    def send(coder: str) -> list[int]:
        codes = [replace(FIRST, coder=coder, save_id=f"{coder}-{n}") for n in range(100)]
        return [writer.submit(store.append, [code]).result(10) for code in codes]

    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(send, "abcdefgh"))
    assert answers == [[1] * 100] * 8
    assert sorted(on_disk(tmp_path)) == sorted(f"{c}-{n}" for c in "abcdefgh" for n in range(100))
