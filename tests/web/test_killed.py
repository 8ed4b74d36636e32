"""The server is killed while people code: all that it acknowledged is on disk, and once.

Coders are programs that send again what was not acknowledged, as the page does.
"""

import importlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts" / "measure"


@pytest.fixture(scope="module")
def script() -> Callable[[str], ModuleType]:
    def load(name: str) -> ModuleType:
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(SCRIPTS)
            return importlib.import_module(name)

    return load


def test_what_was_acknowledged_outlives_kills(script: Callable[[str], ModuleType]) -> None:
    coding = script("coding")
    with coding.served(coders=4, posts=40) as page:
        coders = coding.coders_of(page)
        found = coding.killed(page, coders, kills=3, between=35, seed=7)
    restart, sent_again = found.pop("restart_s"), found.pop("sent_again")
    assert found == {
        "kills": 3, "saves": 160, "stored": 160, "lost": 0, "doubled": 0, "behind": 0, "damaged": 0,
    }  # fmt: skip
    assert restart > 0
    assert sent_again >= 3, "every kill breaks at least one coder's connection"


def test_coders_at_once_are_all_stored(script: Callable[[str], ModuleType]) -> None:
    coding = script("coding")
    with coding.served(coders=5, posts=8) as page:
        found = coding.load(page, think=0)
    assert {name: found[name] for name in ("n", "acknowledged", "stored", "lost", "doubled")} == {
        "n": 40, "acknowledged": 40, "stored": 40, "lost": 0, "doubled": 0,
    }  # fmt: skip
    assert found["integrity"] == "ok"
    assert 0 < found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"] <= found["max_ms"]


@pytest.mark.parametrize(
    ("rows", "lost", "doubled"),
    [
        ({("c1", "s1", "p1", "service"): 1, ("c2", "s1", "p1", "publish"): 1}, 0, 0),
        ({("c1", "s1", "p1", "service"): 1}, 1, 0),
        ({("c1", "s1", "p1", "publish"): 1, ("c2", "s1", "p1", "publish"): 1}, 1, 0),
        ({("c1", "s1", "p1", "service"): 2, ("c2", "s1", "p1", "publish"): 1}, 0, 1),
        ({("c1", "s1", "p1", "service"): 1, ("c1", "s1", "p2", "service"): 1}, 1, 1),
    ],
)
def test_lost_and_doubled_codes_are_seen(
    script: Callable[[str], ModuleType], rows: dict[tuple[str, ...], int], lost: int, doubled: int
) -> None:
    coders = script("coders")
    people = [
        SimpleNamespace(name="c1", acknowledged=[coders.Save(save_id="s1", unit="p1", value="service")]),
        SimpleNamespace(name="c2", acknowledged=[coders.Save(save_id="s1", unit="p1", value="publish")]),
    ]  # fmt: skip
    found = coders.compared(people, Counter(rows))
    assert found == {
        "acknowledged": 2, "stored": sum(rows.values()), "lost": lost, "doubled": doubled,
    }  # fmt: skip


def test_a_damaged_database_is_seen(script: Callable[[str], ModuleType], tmp_path: Path) -> None:
    coders = script("coders")
    names = coders.study_of(tmp_path, script("coding").CORPUS, coders=2, posts=4)
    assert names == ["c01", "c02"]
    store = importlib.import_module("stagemix.codes.store")
    codes = [
        store.Code(round="final", unit=f"p{n}", coder="c01", variable="stage", value="publish",
                   save_id=f"s{n}", memo="很长" * 500)
        for n in range(200)
    ]  # fmt: skip
    store.CodeStore(tmp_path / "coding").append(codes)
    rows, said = coders.stored(tmp_path)
    assert (rows.total(), said) == (200, "ok")
    path = tmp_path / "coding" / "codes.sqlite"
    pages = bytearray(path.read_bytes())
    place = pages.index(b"s150")
    pages[place : place + 4] = b"s999"
    path.write_bytes(bytes(pages))
    assert coders.stored(tmp_path)[1] != "ok"
