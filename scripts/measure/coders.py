"""Coders that are programs, and the coding page that they code on, in a process of its own."""

import csv
import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from stagemix.codes.codebook import POST
from stagemix.study.coding import draw_round
from stagemix.study.folder import init_study, read_study

LOCAL, ROUND = "127.0.0.1", "final"
SECONDS, ATTEMPTS = 120, 100
"""How long anything is waited for, and how often a save is sent, before it counts as a fault."""
VALUES = ("publish", "interact", "service", "cooperate")
SERVE = """
import sys
from pathlib import Path
from stagemix.study.folder import read_study
from stagemix.web.serve import run, serving
with serving(read_study(Path(sys.argv[1])), port=int(sys.argv[2]), lan=False) as ready:
    for name, address in ready.links:
        print(name, address)
    print("ready", flush=True)
    run(ready, said=print)
"""
CODEBOOK = "\n".join(
    [
        'id = "load"\nversion = "1.0"\ntitle = "负载测试"',
        f'[[variables]]\nid = "stage"\nlabel = "阶段"\nunit = "{POST}"\nlevel = "ordinal"',
        *(
            f'[[variables.categories]]\nid = "{name}"\nlabel = "{name}"\nhotkey = "{n}"'
            f'\ndefinition = "{name}"'
            for n, name in enumerate(VALUES, start=1)
        ),
    ]
)


def study_of(root: Path, corpus: Path, *, coders: int, posts: int) -> list[str]:
    """Make a study with one round that gives every post to every coder; returns their names."""
    names = [f"c{n:02}" for n in range(1, coders + 1)]
    init_study(root)
    (root / "coding" / "codebook.toml").write_text(CODEBOOK, encoding="utf-8")
    place = root / "corpora" / "posts"
    shutil.copytree(corpus, place)
    draw_round(read_study(root), place, n=posts, name=ROUND, coders=names, design="simple")
    return names


class Page:
    """A study's coding page, which can be killed and started again on the same port."""

    def __init__(self, root: Path) -> None:
        self.root, self.port = root, 0
        self.links: dict[str, str] = {}
        self.there = threading.Event()
        self.start()

    def start(self) -> None:
        """Start the process, and wait until it can be asked."""
        command = [sys.executable, "-c", SERVE, str(self.root), str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
        for line in self.process.stdout:
            if line.strip() == "ready":
                break
            name, address = line.split()
            self.links[name] = address
        else:
            raise RuntimeError(f"the coding page did not start; it ended with {self.end()}")
        self.port = int(re.search(r":(\d+)/", self.links["lead"])[1])
        self.there.set()

    def kill(self) -> None:
        """End the process as a crash would, in the middle of whatever it does."""
        self.there.clear()
        self.process.kill()
        self.end()

    def stop(self) -> None:
        """End it as Ctrl+C does."""
        self.process.send_signal(signal.SIGINT)
        self.end()

    def end(self) -> int:
        """Wait for its end; returns its exit code."""
        self.process.stdout.close()
        return self.process.wait(SECONDS)


@dataclass(frozen=True, kw_only=True)
class Save:
    """What a coder sends for one unit."""

    save_id: str
    unit: str
    value: str


class Coder:
    """One coder: a session, a connection that is kept, and what the page has acknowledged."""

    def __init__(self, name: str, page: Page, *, seed: int) -> None:
        self.name, self.page = name, page
        self.draw = random.Random(f"{name} {seed}")
        self.acknowledged: list[Save] = []
        self.seconds: list[float] = []
        self.sent_again = 0
        self.connection = HTTPConnection(LOCAL, page.port, timeout=SECONDS)
        _, answer, _ = self.ask("GET", urlsplit(page.links[name]).path)
        self.place = answer["location"]
        self.headers = {"Cookie": answer["set-cookie"].split(";")[0]}
        _, _, text = self.ask("GET", f"{self.place}code?round={ROUND}")
        token = re.search(r'name="write-token" content="([^"]+)"', text)[1]
        self.work = json.loads(self.ask("GET", f"{self.place}work?round={ROUND}")[2])
        self.headers |= {"X-Write-Token": token, "Content-Type": "application/json"}

    def ask(self, method: str, address: str, body: str | None = None) -> tuple[int, Any, str]:
        """Return the status, headers and text of an answer."""
        headers = getattr(self, "headers", {})
        self.connection.request(method, address, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()

    def code(self, *, think: float = 0) -> None:
        """Code every unit, THINK seconds on average before each (exponentially distributed)."""
        for unit in self.work["units"]:
            if think:
                time.sleep(self.draw.expovariate(1 / think))
            save = Save(
                save_id=f"{self.draw.getrandbits(128):032x}",
                unit=unit["id"],
                value=self.draw.choice(VALUES),
            )
            began = time.perf_counter()
            self.send(save)
            self.seconds.append(time.perf_counter() - began)
            self.acknowledged.append(save)
        self.connection.close()

    def send(self, save: Save) -> None:
        """Send a save until it is acknowledged; while the page is gone, wait for it."""
        body = json.dumps(
            {"save_id": save.save_id, "round": ROUND, "unit": save.unit, "seconds": 1.0,
             "version": self.work["version"], "answers": {"stage": save.value}}
        )  # fmt: skip
        for _ in range(ATTEMPTS):
            try:
                status, _, text = self.ask("POST", f"{self.place}save", body)
            except (OSError, HTTPException):
                self.connection.close()
                self.sent_again += 1
                self.page.there.wait(SECONDS)
                continue
            if status != 200 or json.loads(text) != {"saved": save.save_id}:
                raise RuntimeError(f"{self.name}, {save}: {status} {text}")
            return
        raise RuntimeError(f"{self.name}, {save}: not acknowledged, sent {ATTEMPTS} times")


Row = tuple[str, str, str, str]
"""A coder, a save, a unit and a value."""


def stored(root: Path) -> tuple[Counter[Row], str]:
    """The rows of the database as it lies on disk, and what SQLite says of its integrity.

    A copy is read, so that whoever opens the database next finds it as it was left.
    """
    with tempfile.TemporaryDirectory() as folder:
        for path in (root / "coding").glob("codes.sqlite*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
        with closing(sqlite3.connect(Path(folder) / "codes.sqlite")) as db:
            (said,) = db.execute("PRAGMA integrity_check").fetchone()
            rows = db.execute("SELECT coder, save_id, unit, value FROM codes").fetchall()
    return Counter(rows), said


def in_file(root: Path) -> Counter[Row]:
    """The rows of the round's CSV."""
    path = root / "coding" / "rounds" / f"{ROUND}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return Counter((r["coder"], r["save_id"], r["unit"], r["value"]) for r in rows)


def compared(coders: list[Coder], rows: Counter[Row]) -> dict[str, int]:
    """How many acknowledged saves are lost, and how many of any are stored more than once.

    A save whose value or unit is not the one sent is lost.
    """
    acknowledged = [
        (c.name, s.save_id, s.unit, s.value) for c in coders for s in list(c.acknowledged)
    ]
    times = Counter((coder, save_id) for coder, save_id, _, _ in rows.elements())
    return {
        "acknowledged": len(acknowledged),
        "stored": rows.total(),
        "lost": sum(row not in rows for row in acknowledged),
        "doubled": sum(n > 1 for n in times.values()),
    }


def times(seconds: Sequence[float]) -> dict[str, float]:
    """Quantiles of durations, in milliseconds."""
    p50, p95, p99, most = np.percentile(np.array(seconds) * 1000, [50, 95, 99, 100]).tolist()
    return {"n": len(seconds), "p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "max_ms": most}
