"""Files come whole or not at all."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stagemix.errors import DataError
from stagemix.files import check_folder, whole


def test_a_file_is_there_when_its_block_ends_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.csv"
    with whole(path) as part:
        part.write_text("all", encoding="utf-8")
        assert part.parent == path.parent
        assert not path.exists()
    assert path.read_text("utf-8") == "all"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("before", encoding="utf-8")
    with whole(path) as part:
        part.write_text("after", encoding="utf-8")
        assert path.read_text("utf-8") == "before"
    assert path.read_text("utf-8") == "after"


@pytest.mark.parametrize("before", [None, "before"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_goes_wrong_leaves_what_was_there(
    tmp_path: Path, before: str | None, error: type[BaseException]
) -> None:
    path = tmp_path / "a.csv"
    if before is not None:
        path.write_text(before, encoding="utf-8")

    def write() -> None:
        with whole(path) as part:
            part.write_text("half", encoding="utf-8")
            raise error

    with pytest.raises(error):
        write()
    assert [p.read_text("utf-8") for p in tmp_path.iterdir()] == ([before] if before else [])


def test_a_block_that_writes_nothing_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(FileNotFoundError), whole(path):
        pass
    assert path.read_text("utf-8") == "before"


@pytest.mark.parametrize(
    ("name", "part_name"),
    [
        ("final.csv", r"final\.csv\.\d+-\d+\.part"),
        ("posts.parquet", r"posts\.parquet\.\d+-\d+\.part"),
        ("report.xlsx", r"report\.xlsx\.\d+-\d+\.part\.xlsx"),
    ],
)
def test_what_a_killed_run_leaves_is_not_taken_for_data(
    tmp_path: Path, name: str, part_name: str
) -> None:
    with whole(tmp_path / name) as part:
        part.write_bytes(b"x")
        assert re.fullmatch(part_name, part.name)


def test_two_who_write_one_file_at_a_time_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with whole(path) as mine, ThreadPoolExecutor(1) as other:

        def write() -> None:
            with whole(path) as part:
                part.write_text("theirs", encoding="utf-8")

        mine.write_text("mine", encoding="utf-8")
        other.submit(write).result()
        assert path.read_text("utf-8") == "theirs"
    assert path.read_text("utf-8") == "mine"


def test_a_folder_that_is_there_or_can_be_made_is_fine(tmp_path: Path) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["", "b", "b/c"])
def test_a_file_in_place_of_a_folder_is_said(tmp_path: Path, below: str) -> None:
    (tmp_path / "a").write_text("mine", encoding="utf-8")
    path = tmp_path / "a" / below
    with pytest.raises(DataError) as caught:
        check_folder(path)
    assert str(caught.value) == f"{path}: a is a file, not a folder; name another --out"
