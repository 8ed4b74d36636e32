"""How long a save takes on the coding page under load, and whether any code is ever lost.

`load`: coders at once, each a client with a connection of its own on this machine, all coding the
same posts; without thinking time, and at a pace that people may have. `kills`: the server's process
is killed (SIGKILL) at random moments under that load and started again on the same folder: a crash
of the program, not of the machine. `next_post`: in a browser, from a key to the next post on the
screen. Beside them the same on Potato, in the same run.
"""

import argparse
import json
import os
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from browsing import chromium_version, ours_pressed
from coders import SECONDS, Coder, Page, compared, in_file, stored, study_of, times

from stagemix.learn.model_file import versions

CORPUS = Path(__file__).parents[2] / "corpora" / "example"
CODERS, THINK = 20, 1.0
USUAL = {"posts": 200, "posts_at_pace": 30, "kills": 50, "between": 60, "presses": 100}
QUICK = {"posts": 20, "posts_at_pace": 5, "kills": 3, "between": 60, "presses": 20}
"""`between`: fewer saves than this, on average half of it, come before the next kill."""
MUST, AIM = 100, 30
"""Milliseconds that 95 of 100 saves must, and should, be below."""


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure all, print what is found, and return all that is stored."""
    numbers = QUICK if arguments.quick else USUAL
    found: dict[str, Any] = {"fsync_ms": fsync_measured(), "stagemix": ours(numbers)}
    if not arguments.without_potato:
        from potato import theirs

        found["potato"] = theirs(CORPUS, numbers, coders=CODERS, think=THINK)
    tell(found)
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": {"platform": platform.platform(), "processor": platform.machine(),
                    "cores": os.cpu_count()},
        "versions": versions() | {name: version(name) for name in ("fastapi", "uvicorn")}
        | {"sqlite": sqlite3.sqlite_version, "chromium": chromium_version()},
        "quick": arguments.quick,
        "coders": CODERS,
        "seconds_of_thinking_at_pace": THINK,
        "numbers": numbers,
        **found,
    }  # fmt: skip


def tell(found: dict[str, Any]) -> None:
    for name in ("stagemix", "potato"):
        for part, figures in found.get(name, {}).items():
            print(f"{name}, {part}: {figures}")
    p95 = {name: found[name]["load"]["p95_ms"] for name in ("stagemix", "potato") if name in found}
    kept = p95["stagemix"] < min(MUST, p95.get("potato", MUST))
    print(
        f"{'' if kept else 'MISSED '}95 of 100 saves take at most {p95['stagemix']:.1f} ms, to be below "
        f"{MUST} and Potato's {p95.get('potato', float('nan')):.1f}; the aim is {AIM}"
    )


def ours(numbers: dict[str, int]) -> dict[str, Any]:
    """Every part on stagemix."""
    found = {}
    with served(coders=CODERS, posts=numbers["posts"]) as page:
        found["load"] = load(page, think=0)
    with served(coders=CODERS, posts=numbers["posts_at_pace"]) as page:
        found["at_pace"] = load(page, think=THINK)
    with served(coders=CODERS, posts=numbers["posts"]) as page:
        found["kills"] = killed(
            page, coders_of(page), kills=numbers["kills"], between=numbers["between"], seed=1
        )
    with served(coders=1, posts=numbers["presses"] + 1) as page:
        found["next_post"] = times(ours_pressed(page.links["c01"], numbers["presses"]))
    return found


@contextmanager
def served(*, coders: int, posts: int) -> Iterator[Page]:
    """A new study whose page is served."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "study"
        study_of(root, CORPUS, coders=coders, posts=posts)
        page = Page(root)
        try:
            yield page
        finally:
            page.kill()


def coders_of(page: Page, *, seed: int = 1) -> list[Coder]:
    return [Coder(name, page, seed=seed) for name in page.links if name != "lead"]


def load(page: Page, *, think: float) -> dict[str, Any]:
    """All coders code all their posts at once; how long saves took, and what is then on disk."""
    coders = coders_of(page)
    busy = os.getloadavg()[0]
    began = time.perf_counter()
    with ThreadPoolExecutor(len(coders)) as pool:
        for one in [pool.submit(coder.code, think=think) for coder in coders]:
            one.result()
    seconds = time.perf_counter() - began
    rows, said = stored(page.root)
    return {
        **times([s for coder in coders for s in coder.seconds]),
        "per_second": sum(len(coder.seconds) for coder in coders) / seconds,
        **compared(coders, rows),
        "integrity": said,
        "load_average_before": busy,
    }


def fsync_measured(n: int = 200) -> float:
    """Median milliseconds that the disk takes for a page of a database: no save can be quicker."""
    found = []
    with tempfile.TemporaryFile() as file:
        for _ in range(n):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            found.append(time.perf_counter() - began)
    return statistics.median(found) * 1000


def killed(
    page: Page, coders: list[Coder], *, kills: int, between: int, seed: int
) -> dict[str, Any]:
    """Kill the page KILLS times while CODERS code, and look at what is on disk each time.

    Before each kill at least one and fewer than BETWEEN saves are waited for. Coders wait for the page and send again what was not acknowledged. `behind` are rows of the
    database that the CSV has not when the page is there again; `lost` and `doubled` are the worst
    of any time.
    """
    draw, seen, restarts = random.Random(seed), [], []
    with ThreadPoolExecutor(len(coders)) as pool:
        running = [pool.submit(coder.code) for coder in coders]
        try:
            for _ in range(kills):
                await_saves(coders, draw.randrange(1, between), running)
                # anywhere between two saves, or in the middle of one
                time.sleep(draw.uniform(0, 0.02))
                page.kill()
                seen.append(after_kill(page, coders, restarts))
        finally:
            page.there.set()
        for one in running:
            one.result()
    page.stop()
    rows, said = stored(page.root)
    last = compared(coders, rows) | {
        "integrity": said,
        "behind": (rows - in_file(page.root)).total(),
    }
    return {
        "kills": kills,
        "saves": sum(len(coder.acknowledged) for coder in coders),
        "stored": last["stored"],
        **{key: max(one[key] for one in [*seen, last]) for key in ("lost", "doubled", "behind")},
        "damaged": sum(one["integrity"] != "ok" for one in [*seen, last]),
        "sent_again": sum(coder.sent_again for coder in coders),
        "restart_s": statistics.median(restarts),
    }


def await_saves(coders: list[Coder], more: int, running: list[Future[None]]) -> None:
    """Wait until MORE saves are acknowledged than now."""
    began = time.monotonic()
    wanted = sum(len(coder.acknowledged) for coder in coders) + more
    while sum(len(coder.acknowledged) for coder in coders) < wanted:
        for one in running:
            if one.done():
                one.result()
        if all(one.done() for one in running) or time.monotonic() - began > SECONDS:
            raise RuntimeError("the coders were done before the last kill; give them more posts")
        time.sleep(0.001)


def after_kill(page: Page, coders: list[Coder], restarts: list[float]) -> dict[str, Any]:
    rows, said = stored(page.root)
    found = compared(coders, rows) | {"integrity": said}
    began = time.perf_counter()
    page.start()
    restarts.append(time.perf_counter() - began)
    return found | {"behind": (rows - in_file(page.root)).total()}


def write(found: dict[str, Any], arguments: argparse.Namespace) -> None:
    text = json.dumps(found, indent=2)
    arguments.out.write_text(text + "\n", encoding="utf-8")
    print(f"\n{arguments.out}")
