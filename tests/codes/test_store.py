import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from stagemix.codes.store import COLUMNS, Code, CodeStore
from stagemix.errors import DataError

FIRST = Code(
    round="final",
    unit="p1",
    coder="甲",
    variable="stage",
    value="publish",
    confidence="3",
    memo='说"不准"，\n换行, 逗号',
    seconds="12.5",
    codebook_version="1.2",
    coded_at="2024-03-01T09:00:00+08:00",
)
SECOND = replace(FIRST, value="service", memo="改", coded_at="2024-03-02T09:00:00+08:00")
PILOT = replace(FIRST, round="试编", unit="p9")


def as_codes(store: CodeStore, round_: str | None = None) -> list[Code]:
    return [Code(**row) for row in store.codes(round_).to_dict("records")]


def test_an_empty_store_has_all_columns_and_no_rows(tmp_path: Path) -> None:
    codes = CodeStore(tmp_path / "coding").codes()
    assert tuple(codes.columns) == COLUMNS
    assert codes.empty


def test_a_second_code_by_the_same_coder_is_kept_beside_the_first(tmp_path: Path) -> None:
    store = CodeStore(tmp_path)
    assert store.add([FIRST]) == 1
    assert store.add([SECOND]) == 1
    assert as_codes(store) == [FIRST, SECOND]


def test_the_same_code_is_never_stored_twice(tmp_path: Path) -> None:
    store = CodeStore(tmp_path)
    assert store.add([FIRST, FIRST]) == 1
    assert store.add([FIRST, SECOND]) == 1
    assert as_codes(CodeStore(tmp_path)) == [FIRST, SECOND]


def test_codes_of_one_round_and_a_csv_per_round(tmp_path: Path) -> None:
    store = CodeStore(tmp_path)
    store.add([PILOT, FIRST])
    assert as_codes(store, "final") == [FIRST]
    assert as_codes(store) == [PILOT, FIRST]
    assert sorted(path.name for path in (tmp_path / "rounds").iterdir()) == [
        "final.csv",
        "试编.csv",
    ]
    assert (tmp_path / "rounds" / "final.csv").read_bytes().decode("utf-8") == (
        "round,unit,coder,variable,value,kind,confidence,memo,seconds,codebook_version,coded_at,save_id\n"
        'final,p1,甲,stage,publish,independent,3,"说""不准""，\n换行, 逗号",12.5,1.2,'
        "2024-03-01T09:00:00+08:00,\n"
    )


def test_a_missing_database_is_rebuilt_from_the_csv_files(tmp_path: Path) -> None:
    CodeStore(tmp_path).add([FIRST, PILOT, SECOND])
    for path in tmp_path.glob("codes.sqlite*"):
        path.unlink()
    store = CodeStore(tmp_path)
    assert as_codes(store, "final") == [FIRST, SECOND]
    assert as_codes(store, "试编") == [PILOT]
    assert store.add([FIRST, SECOND, PILOT]) == 0


def test_codes_that_come_by_version_control_are_taken_in(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    CodeStore(mine).add([FIRST])
    other = replace(FIRST, coder="乙", value="interact")
    CodeStore(theirs).add([other, PILOT])
    for path in (theirs / "rounds").glob("*.csv"):
        (mine / "rounds" / path.name).write_bytes(path.read_bytes())
    assert as_codes(CodeStore(mine), "final") == [FIRST, other]
    assert as_codes(CodeStore(mine), "试编") == [PILOT]


def test_the_sample_of_a_round_is_no_file_of_codes(tmp_path: Path) -> None:
    (tmp_path / "rounds").mkdir()
    (tmp_path / "rounds" / "final.sample.csv").write_text("post_id\np1\n", encoding="utf-8")
    assert CodeStore(tmp_path).codes().empty


def test_a_damaged_database_says_what_to_do_and_doing_so_helps(tmp_path: Path) -> None:
    CodeStore(tmp_path).add([FIRST])
    path = tmp_path / "codes.sqlite"
    path.write_bytes(b"no database at all " * 99)
    with pytest.raises(DataError) as caught:
        CodeStore(tmp_path)
    assert str(caught.value) == (
        f"{path}: file is not a database; move the file away and run the command again, "
        "it is rebuilt from coding/rounds/*.csv"
    )
    path.rename(tmp_path / "damaged")
    assert as_codes(CodeStore(tmp_path)) == [FIRST]


def test_a_database_of_something_else_is_said_to_be_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "codes.sqlite"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE codes (a TEXT)")
    db.commit()
    db.close()
    with pytest.raises(DataError) as caught:
        CodeStore(tmp_path).codes()
    assert str(caught.value) == (
        f"{path}: no such column: coder; move the file away and run the command again, "
        "it is rebuilt from coding/rounds/*.csv"
    )


def test_a_database_that_cannot_be_opened_is_not_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "codes.sqlite"
    path.mkdir()
    with pytest.raises(DataError) as caught:
        CodeStore(tmp_path)
    assert str(caught.value) == (
        f"{path}: unable to open database file; close other programs that use it, and see that "
        "it can be written and the disk has room"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("coded_at", "when", "no column coded_at; restore the file"),
        ("final,p1", "other,p1", "row 2 is no code of this round; restore it"),
        ("independent", "guess", "row 2 is no code of this round; restore it"),
    ],
)
def test_a_damaged_csv_names_file_and_row(tmp_path: Path, old: str, new: str, said: str) -> None:
    CodeStore(tmp_path).add([FIRST])
    path = tmp_path / "rounds" / "final.csv"
    path.write_text(path.read_text("utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        CodeStore(tmp_path)
    assert str(caught.value) == f"{path}: {said}"


SAVED = replace(FIRST, save_id="s-1")


def test_what_a_page_sends_again_is_not_doubled_and_other_pages_may_have_the_same_id(
    tmp_path: Path,
) -> None:
    store = CodeStore(tmp_path)
    later = replace(SAVED, coded_at="2024-03-01T09:00:07+08:00")
    other = replace(SAVED, coder="乙")
    assert store.append([SAVED]) == 1
    assert store.append([later, replace(later, variable="functions.also_service", value="1")]) == 1
    assert store.append([other]) == 1
    assert as_codes(store)[0] == SAVED
    assert [code.variable for code in store.saved(coder="甲", save_id="s-1")] == [
        "stage",
        "functions.also_service",
    ]
    assert store.saved(coder="乙", save_id="s-1") == [other]


def test_an_undone_code_stays_on_record_and_stands_no_more(tmp_path: Path) -> None:
    store = CodeStore(tmp_path)
    again = replace(SAVED, value="service", save_id="s-3")
    undo = replace(SAVED, kind="withdrawn", memo="s-1", save_id="s-2")
    other = replace(SAVED, coder="乙", save_id="s-1")
    store.add([SAVED, other, undo, again])
    assert as_codes(store) == [other, again]
    record = [Code(**row) for row in store.record("final").to_dict("records")]
    assert record == [SAVED, other, undo, again]
    for path in tmp_path.glob("codes.sqlite*"):
        path.unlink()
    assert as_codes(CodeStore(tmp_path), "final") == [other, again]


def test_codes_that_a_killed_page_stored_are_written_when_the_store_is_opened(
    tmp_path: Path,
) -> None:
    CodeStore(tmp_path).append([SAVED, PILOT])
    assert not (tmp_path / "rounds").exists()
    CodeStore(tmp_path)
    for path in tmp_path.glob("codes.sqlite*"):
        path.unlink()
    assert as_codes(CodeStore(tmp_path)) == [SAVED, PILOT]


def test_codes_stored_together_are_on_disk_at_the_end_or_not_at_all(tmp_path: Path) -> None:
    store, other = CodeStore(tmp_path), CodeStore(tmp_path)
    with store.together():
        assert store.append([SAVED]) == 1
        assert store.append([SAVED]) == 0
        assert store.saved(coder="甲", save_id="s-1") == [SAVED]
        assert store.last_save("甲") == "s-1"
        assert other.codes().empty
    assert as_codes(other) == [SAVED]
    with contextlib.suppress(KeyError), store.together():
        store.append([PILOT])
        raise KeyError
    assert as_codes(other) == [SAVED]
    assert store.append([PILOT]) == 1


FULL_DISK = """
CREATE TRIGGER full_disk BEFORE INSERT ON codes WHEN NEW.value = 'too much'
BEGIN SELECT RAISE(ROLLBACK, 'disk is full'); END
"""
"""As SQLite does in the middle of a transaction: all that was stored before is gone."""


def test_an_error_of_the_database_undoes_all_that_was_stored_together(tmp_path: Path) -> None:
    store = CodeStore(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "codes.sqlite")) as db:
        db.execute(FULL_DISK)

    def store_three() -> None:
        with store.together():
            store.append([SAVED])
            with contextlib.suppress(DataError):
                store.append([replace(PILOT, value="too much")])
            store.append([PILOT])

    with pytest.raises(DataError) as caught:
        store_three()
    assert str(caught.value).startswith(f"{tmp_path / 'codes.sqlite'}: disk is full; ")
    assert store.codes().empty
    with store.together():
        store.append([SAVED])
    assert as_codes(store) == [SAVED]


def test_every_way_of_storing_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = 2  # of PRAGMA synchronous: the log is flushed at every commit
    used: list[sqlite3.Connection] = []
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *a, **k: used.append(connect(*a, **k)) or used[-1]
    )
    store = CodeStore(tmp_path)
    with store.together():
        store.append([SAVED])
        assert used[-1].execute("PRAGMA synchronous").fetchone() == (full,)
        assert used[-1].execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_codes_that_come_into_a_file_while_the_store_is_open_are_not_written_over(
    tmp_path: Path,
) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    store = CodeStore(mine)
    store.add([FIRST])
    other = replace(FIRST, coder="乙", value="interact")
    CodeStore(theirs).add([FIRST, other])
    (mine / "rounds" / "final.csv").write_bytes((theirs / "rounds" / "final.csv").read_bytes())
    store.append([SAVED])
    store.write_files(["final"])
    for path in mine.glob("codes.sqlite*"):
        path.unlink()
    assert set(as_codes(CodeStore(mine))) == {FIRST, other, SAVED}


def test_codes_stand_in_the_order_made_wherever_they_came_from(tmp_path: Path) -> None:
    store = CodeStore(tmp_path)
    settled = replace(SECOND, kind="settled", coder="丙", coded_at="2024-03-01T04:00:00Z")
    early = replace(FIRST, coder="乙", coded_at="2024-03-01T10:00:00.250+08:00")
    store.add([FIRST, settled])
    store.add([early])
    assert as_codes(store) == [FIRST, early, settled]
