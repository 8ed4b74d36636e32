"""The same posts coded on Potato (`potato-annotation`), as its own pages would send them.

It is installed for this alone, into an environment under the system's folder for temporary files,
and started as its documentation says: `potato start`. A save is `POST /updateinstance`; then
`POST /annotate` asks for the next post, without which Potato gives no more. Its page loads that once
more, which the clients spare it. In the browser a key both answers and goes on (its review mode,
without a delay).
"""

import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from browsing import pressed
from coders import LOCAL, SECONDS, VALUES, times

from stagemix.posts.corpus import read_corpus

VERSION = "2.12.0"
SHOWN = """
  const text = document.getElementById("instance-text");
  return text?.checkVisibility() && text.textContent.trim()
    ? document.getElementById("instance_id").value : "";
"""
"""In its page: the id of the post that is on the screen."""


def theirs(corpus: Path, numbers: dict[str, int], *, coders: int, think: float) -> dict[str, Any]:
    """Every part that Potato has too."""
    command = installed()
    found: dict[str, Any] = {"version": VERSION}
    for part, posts, pause in (("load", "posts", 0.0), ("at_pace", "posts_at_pace", think)):
        with served(command, corpus, posts=numbers[posts]) as (port, folder):
            found[part] = load(port, folder, coders=coders, posts=numbers[posts], think=pause)
    with served(command, corpus, posts=numbers["presses"] + 1) as (port, _):
        seconds = pressed(lambda page: enter(page, port), shown=SHOWN, presses=numbers["presses"])
        found["next_post"] = times(seconds)
    return found


def installed() -> Path:
    """Potato's command; installed once."""
    folder = Path(tempfile.gettempdir()) / f"stagemix-bench-potato-{VERSION}"
    command = folder / "bin" / "potato"
    if not command.exists():
        print(f"Installing Potato {VERSION} into {folder} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        wanted = f"potato-annotation=={VERSION}"
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", wanted], check=True)
    return command


@contextmanager
def served(command: Path, corpus: Path, *, posts: int) -> Iterator[tuple[int, Path]]:
    """A new task with the first POSTS of a corpus; its port and its folder of annotations."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_task(folder, corpus, posts=posts)
        port = free_port()
        line = [command, "start", "config.yaml", "-p", str(port), "--host", LOCAL]
        with (folder / "log.txt").open("w") as log:
            process = subprocess.Popen(line, cwd=folder, stdout=log, stderr=log)
        try:
            await_answer(port, process)
            yield port, folder / "annotation_output"
        finally:
            process.terminate()
            process.wait(SECONDS)


def write_task(folder: Path, corpus: Path, *, posts: int) -> None:
    """One question of four categories with the keys 1 to 4, and everybody codes every post."""
    chosen = read_corpus(corpus).head(posts)
    rows = [
        {"id": id_, "text": f"{title}\n{text}"}
        for id_, title, text in zip(chosen["post_id"], chosen["title"], chosen["text"], strict=True)
    ]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "posts.jsonl").write_text(lines, encoding="utf-8")
    labels = [{"name": value, "key_value": str(n)} for n, value in enumerate(VALUES, start=1)]
    config = {
        "annotation_task_name": "load",
        "task_dir": ".",
        "output_annotation_dir": "annotation_output",
        "data_files": ["posts.jsonl"],
        "item_properties": {"id_key": "id", "text_key": "text"},
        "require_password": False,
        "user_config": {"allow_all_users": True, "users": []},
        "max_annotations_per_user": -1,
        "max_annotations_per_item": -1,
        "assignment_strategy": "fixed_order",
        "annotation_schemes": [
            {"annotation_type": "radio", "name": "stage", "description": "stage",
             "labels": labels, "sequential_key_binding": True}
        ],
        "review_mode": {"enabled": True, "auto_advance": True, "delay_ms": 0},
    }  # fmt: skip
    # it takes no other name; JSON is YAML
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


def await_answer(port: int, process: subprocess.Popen[bytes]) -> None:
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < SECONDS:
        try:
            socket.create_connection((LOCAL, port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("Potato did not start")


def enter(page: Any, port: int) -> None:
    """Log a browser in and open the first post."""
    home = f"http://{LOCAL}:{port}"
    page.request.post(f"{home}/auth", form={"email": "c01", "pass": "", "action": "login"})
    page.goto(f"{home}/annotate")


class Coder:
    """One coder; `sent` are the values by post, all of which Potato said that it stored."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.draw = name, random.Random(name)
        self.sent: dict[str, str] = {}
        self.save_seconds: list[float] = []
        self.next_seconds: list[float] = []
        self.connection = HTTPConnection(LOCAL, port, timeout=SECONDS)
        form = urlencode({"email": name, "pass": "", "action": "login"})
        self.headers = {"Content-Type": "application/x-www-form-urlencoded"}
        _, headers, _ = self.ask("POST", "/auth", form)
        cookie = headers["set-cookie"].split(";")[0]
        self.headers = {"Cookie": cookie}
        self.post = self.shown("GET", None)
        self.headers["Content-Type"] = "application/json"

    def ask(self, method: str, address: str, body: str | None) -> tuple[int, Any, str]:
        """Return the status, headers and text of an answer."""
        self.connection.request(method, address, body, self.headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()

    def shown(self, method: str, body: str | None) -> str:
        """Ask for the page, and return the id of the post on it."""
        status, _, text = self.ask(method, "/annotate", body)
        found = re.search(r'id="instance_id"[^>]*value="([^"]*)"', text)
        if status != 200 or found is None:
            raise RuntimeError(f"Potato gave {self.name} no post: {status}")
        return found[1]

    def code(self, posts: int, *, think: float) -> None:
        """Code so many posts, THINK seconds on average before each (exponentially distributed)."""
        for n in range(posts):
            if think:
                time.sleep(self.draw.expovariate(1 / think))
            self.save(self.draw.choice(VALUES))
            if n + 1 < posts:
                began = time.perf_counter()
                body = json.dumps({"action": "next_instance", "instance_id": self.post})
                self.post = self.shown("POST", body)
                self.next_seconds.append(time.perf_counter() - began)
        self.connection.close()

    def save(self, value: str) -> None:
        """Save a value of the post on the page."""
        body = {"instance_id": self.post, "annotations": {f"stage:{value}": value},
                "cleared_schemas": [], "span_annotations": []}  # fmt: skip
        began = time.perf_counter()
        status, _, text = self.ask("POST", "/updateinstance", json.dumps(body))
        self.save_seconds.append(time.perf_counter() - began)
        if status != 200 or json.loads(text)["status"] != "success":
            raise RuntimeError(f"Potato stored nothing for {self.name}: {status} {text}")
        self.sent[self.post] = value


def load(port: int, folder: Path, *, coders: int, posts: int, think: float) -> dict[str, Any]:
    """All coders code all posts at once; how long saves took, and what is then on disk."""
    people = [Coder(f"c{n:02}", port) for n in range(1, coders + 1)]
    busy = os.getloadavg()[0]
    began = time.perf_counter()
    with ThreadPoolExecutor(coders) as pool:
        for one in [pool.submit(person.code, posts, think=think) for person in people]:
            one.result()
    seconds = time.perf_counter() - began
    return {
        **times([s for person in people for s in person.save_seconds]),
        "next": times([s for person in people for s in person.next_seconds]),
        "per_second": coders * posts / seconds,
        "acknowledged": sum(len(person.sent) for person in people),
        "lost": sum(held(folder, person.name).get(post) != value
                    for person in people for post, value in person.sent.items()),
        "load_average_before": busy,
    }  # fmt: skip


def held(folder: Path, name: str) -> dict[str, str]:
    """What lies on disk of one coder, by post."""
    state = json.loads((folder / name / "user_state.json").read_text("utf-8"))
    found = state["instance_id_to_label_to_value"]
    return {post: pairs[0][1] for post, pairs in found.items() if pairs}
