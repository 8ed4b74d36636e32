"""The server as it runs: its port, its links, the files it keeps, a full disk, and the end of it."""

import errno
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import httpx
import pandas as pd
import pytest

from stagemix.codes.rounds import read_round
from stagemix.codes.store import CodeStore
from stagemix.errors import DataError, MissingError
from stagemix.study.folder import Study, read_study
from stagemix.web import serve
from stagemix.web.access import Access
from stagemix.web.serve import _own_address, link_for, run, serving, time_now

ADVICE = "close other programs that use it, and see that it can be written and the disk has room"


@pytest.fixture
def study(small_study: Path, tmp_path: Path) -> Study:
    root = tmp_path / "研究"
    shutil.copytree(small_study, root)
    return read_study(root)


def test_a_port_that_is_taken_is_said_to_be(study: Study) -> None:
    with serving(study, port=0, lan=False) as first:
        port = first.socket.getsockname()[1]
        people = (study.coding / "access.sqlite").read_bytes()
        with pytest.raises(DataError) as caught, serving(study, port=port, lan=False):
            pass
        assert str(caught.value) == (
            f"--port {port}: {os.strerror(errno.EADDRINUSE)}; close the program that uses it, or "
            "give another --port"
        )
        assert (study.coding / "access.sqlite").read_bytes() == people
    with serving(study, port=port, lan=False) as again:
        assert again.socket.getsockname() == ("127.0.0.1", port)


def test_a_study_that_does_not_fit_leaves_no_port_taken(study: Study) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    (study.coding / "access.sqlite").write_bytes(b"no database " * 99)
    with pytest.raises(DataError), serving(study, port=port, lan=False):
        pass
    (study.coding / "access.sqlite").unlink()
    with serving(study, port=port, lan=False):
        pass


def test_the_links_of_the_lead_and_of_coders_who_have_none(study: Study, browse: Callable) -> None:
    with serving(study, port=0, lan=False) as first:
        port = first.socket.getsockname()[1]
        assert [name for name, _ in first.links] == ["lead", "甲", "乙"]
        assert first.known == ()
        for _, link in first.links:
            assert re.fullmatch(rf"http://127\.0\.0\.1:{port}/enter/[\w-]{{43}}", link)
            assert browse(first.app).get(link, follow_redirects=True).status_code == 200
    with serving(study, port=0, lan=False) as second:
        assert [name for name, _ in second.links] == ["lead"]
        assert second.known == ("甲", "乙")
        paths = [httpx.URL(link).path for _, link in first.links]
        codes = [browse(second.app).get(path).status_code for path in paths]
        assert codes == [404, 303, 303]  # the lead's is new at each start


def test_a_revoked_coder_gets_no_link_unasked(study: Study) -> None:
    with serving(study, port=0, lan=False):
        pass
    with closing(Access(study.coding)) as access:
        access.revoke(next(p.pid for p in access.people() if p.name == "甲"))
    with serving(study, port=0, lan=False) as ready:
        assert [name for name, _ in ready.links] == ["lead"]
        assert ready.known == ("乙",)


def test_only_with_lan_do_others_in_the_network_reach_it(
    study: Study, browse: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "_own_address", lambda: "192.0.2.7")
    with serving(study, port=0, lan=False) as ready:
        assert ready.socket.getsockname()[0] == "127.0.0.1"
        assert ready.links[0][1].startswith("http://127.0.0.1:")
        assert browse(ready.app).get("/", headers={"host": "192.0.2.7"}).status_code == 421
    with serving(study, port=0, lan=True) as ready:
        assert ready.socket.getsockname()[0] == "0.0.0.0"
        assert ready.links[0][1].startswith("http://192.0.2.7:")
        for host, status in (("192.0.2.7", 404), ("127.0.0.1", 404), ("192.0.2.8", 421)):
            assert browse(ready.app).get("/", headers={"host": host}).status_code == status


def test_a_new_link_works_at_once_and_ends_the_earlier_one(study: Study, browse: Callable) -> None:
    with serving(study, port=0, lan=False) as ready:
        old = httpx.URL(dict(ready.links)["甲"]).path
        link = link_for(study, name="甲", port=8765, lan=False)
        assert link.startswith("http://127.0.0.1:8765/enter/")
        assert browse(ready.app).get(httpx.URL(link).path).status_code == 303
        assert browse(ready.app).get(old).status_code == 404


def test_a_link_for_nobody_names_those_there_are(study: Study) -> None:
    with pytest.raises(MissingError) as caught:
        link_for(study, name="丁", port=8765, lan=False)
    assert str(caught.value) == (
        "--new-link 丁: no round has a coder of that name; there are 甲, 乙"
    )
    for path in study.rounds.iterdir():
        path.unlink()
    with pytest.raises(MissingError, match="draw one with `stagemix sample`"):
        link_for(study, name="甲", port=8765, lan=False)


def test_the_machines_own_address_is_one_that_a_link_can_hold() -> None:
    assert not ip_address(_own_address()).is_unspecified


def test_the_time_has_its_zone() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", time_now())
    assert pd.Timestamp(time_now()).tzinfo is not None


# -- the files ------------------------------------------------------------------------------


def test_the_csv_and_what_is_agreed_are_written_when_there_are_new_codes(
    served, coder, other
) -> None:
    unit = served.units("甲", "乙")[0]
    csv, agreed = served.study.rounds / "final.csv", served.study.agreed
    save_files = serve._files_of(served.room)
    save_files()
    assert not csv.exists()
    assert not agreed.exists()
    coder.code(unit, "publish", memo="备注")
    other.code(unit, "publish")
    save_files()
    assert list(pd.read_csv(csv)["coder"]) == ["甲", "乙"]
    table = pd.read_csv(agreed)
    assert table[["post_id", "round", "stage", "stage_how"]].to_numpy().tolist() == [
        [unit, "final", "publish", "unanimous"]
    ]
    before = csv.stat().st_mtime_ns
    save_files()
    assert csv.stat().st_mtime_ns == before
    coder.code(served.units("甲")[0], "service")
    save_files()
    assert len(pd.read_csv(csv)) == 3
    assert len(pd.read_csv(agreed)) == 2


def test_what_a_killed_server_left_undone_is_made_up_for(served, coder) -> None:
    coder.code(served.units("甲")[0], "publish")
    served.restart()
    serve._files_of(served.room)()
    assert list(pd.read_csv(served.study.agreed)["stage"]) == ["publish"]


def test_files_are_kept_up_while_it_runs_and_hindrances_said_once(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "EVERY", 0.001)
    calls, enough = iter(["full", "full", "", "full", "gone"]), threading.Event()
    ended: list[bool] = []

    def save_files() -> None:
        why = next(calls, None)
        if why is None:
            ended.append(enough.is_set())
            enough.set()
        elif why:
            raise DataError(why)

    class Server:
        def __init__(self, config: object) -> None: ...

        def run(self, *, sockets: list[socket.socket]) -> None:
            assert sockets == [ready.socket]
            assert enough.wait(20)

    monkeypatch.setattr(serve.uvicorn, "Server", Server)
    said: list[str] = []
    with serving(study, port=0, lan=False) as ready:
        run(replace(ready, save_files=save_files), said=said.append)
    behind = "the CSV files are behind the database: "
    assert said == [f"{behind}full", f"{behind}full", f"{behind}gone"]
    assert ended[-1] is True  # written once more at the end


# -- a server of its own --------------------------------------------------------------------

PROGRAM = """
import sys
from pathlib import Path
from stagemix.study.folder import read_study
from stagemix.web.serve import run, serving
with serving(read_study(Path(sys.argv[1])), port=0, lan=False) as ready:
    print(dict(ready.links)["甲"], flush=True)
    run(ready, said=print)
"""


@pytest.fixture
def process(study: Study) -> Iterator[tuple[subprocess.Popen[str], httpx.Client, str]]:
    """A real server, and 甲 at their page; skipped where processes cannot be limited from outside."""
    if sys.platform != "linux":
        pytest.skip("limits of another process are set on Linux alone")
    environment = {**os.environ, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(study.root)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    ) as running:  # fmt: skip
        try:
            link = running.stdout.readline().strip() if running.stdout else ""
            with httpx.Client(trust_env=False, timeout=30) as http:
                page = http.get(link, follow_redirects=True)
                token = re.search(r'name="write-token" content="(\w+)"', page.text)
                assert token is not None
                yield running, http, f"{page.url}|{token[1]}"
        finally:
            running.kill()


def sent(http: httpx.Client, page: str, body: dict) -> httpx.Response:
    place, token = page.split("|")
    return http.post(f"{place}save", json=body, headers={"x-write-token": token})


def rows(study: Study) -> list[tuple[str, str]]:
    db = sqlite3.connect(study.coding / "codes.sqlite")
    found = db.execute("SELECT save_id, variable FROM codes ORDER BY number").fetchall()
    db.close()
    return found


def test_on_a_full_disk_a_save_is_whole_or_not_at_all_and_nothing_needs_repair(
    study: Study, process
) -> None:
    import resource

    running, http, page = process
    unit = read_round("final", study.rounds).units_of("甲")[0]
    answers = {"stage": "publish", "why": "长" * 5000}
    body = {"round": "final", "unit": unit, "version": "1.0", "answers": answers, "seconds": 1.0}
    bodies = [{**body, "save_id": f"save-{n:012d}"} for n in range(9)]
    assert sent(http, page, bodies[0]).status_code == 200
    log = study.coding / "codes.sqlite-wal"
    soft, hard = resource.prlimit(running.pid, resource.RLIMIT_FSIZE)
    room = log.stat().st_size + 70_000
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (room, hard))
    stored = [bodies[0]["save_id"]]
    for refused in bodies[1:]:
        answer = sent(http, page, refused)
        if answer.status_code != 200:
            break
        stored.append(refused["save_id"])
    assert 1 < len(stored) < len(bodies)
    assert answer.status_code == 503
    assert answer.json()["word"] == "disk"
    why = answer.json()["why"]
    assert why.startswith(f"{study.coding / 'codes.sqlite'}: ")
    assert why.endswith(f"; {ADVICE}")
    assert sent(http, page, refused).status_code == 503
    whole = [(save, variable) for save in stored for variable in ("stage", "why")]
    assert rows(study) == whole
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (soft, hard))
    assert sent(http, page, refused).status_code == 200
    running.kill()
    running.wait()
    last = refused["save_id"]
    assert rows(study) == [*whole, (last, "stage"), (last, "why")]
    with closing(sqlite3.connect(study.coding / "codes.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert len(CodeStore(study.coding).codes("final")) == len(whole) + 2


def test_stopped_it_leaves_every_code_in_the_files(study: Study, process) -> None:
    running, http, page = process
    unit = read_round("final", study.rounds).units_of("甲")[0]
    answers = {"stage": "publish"}
    body = {"round": "final", "unit": unit, "version": "1.0", "answers": answers, "seconds": 1.0}
    assert sent(http, page, {**body, "save_id": "s" * 16}).status_code == 200
    assert not (study.rounds / "final.csv").exists()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert "Traceback" not in said or said.rstrip().endswith("KeyboardInterrupt")
    assert list(pd.read_csv(study.rounds / "final.csv")["unit"]) == [unit]
    assert list(pd.read_csv(study.agreed)["post_id"]) == [unit]
    assert not list(study.coding.glob("*-wal"))


def test_a_small_answer_waits_for_no_other(study: Study) -> None:
    with serving(study, port=0, lan=False) as ready:
        # by this asyncio knows that it may turn Nagle's algorithm off
        assert ready.socket.proto == socket.IPPROTO_TCP
