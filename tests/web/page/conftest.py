"""A study served by a process of its own, and its pages in the system's browser."""

import csv
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stagemix.study.coding import draw_accounts, draw_round
from stagemix.study.folder import init_study, read_study

SERVER = """
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
TOPIC = """
[[variables]]
id = "topic"
label = "主题"
level = "text"
optional = true
question = "这条推送说的是什么事？"
"""
ACCOUNTS = """account,sector,links,notes
东篱发布,综合,https://example.invalid/menu；javascript:alert(1),2023-12-18 菜单记录：话题圈、随手拍
"""
LONG = "\n".join(["各区要把便民服务落到实处。" * 20] * 77 + [""] * 300 + ["长文到此为止。"])
HACK = "window.__hacked = true"
COLUMNS = ("post_id", "account", "title", "text", "published_at", "url")
PAINTED = "new Promise(done => requestAnimationFrame(() => setTimeout(() => setTimeout(done), 0)))"


def post(n: int, **other: str) -> dict[str, str]:
    """An invented post; its number stands in its title."""
    return {
        "post_id": f"p{n:03}",
        "account": "东篱发布",
        "title": f"第 {n} 号：物业管理条例修订",
        "text": f"这是 {n} 号推文。\n请带身份证到二号窗口办理，网址 https://example.invalid/{n}。",
        "published_at": "2023-01-05 09:00",
        "url": f"https://example.invalid/{n}",
        **other,
    }


def write_posts(folder: Path, posts: list[dict[str, str]]) -> None:
    folder.mkdir(parents=True)
    with (folder / "posts.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(posts)


def make_study(root: Path) -> None:
    """A round for each test, named as what it is for, so that none meets another's codes."""
    init_study(root)
    book = root / "coding" / "codebook.toml"
    book.write_text(book.read_text("utf-8") + TOPIC, "utf-8")
    posts, odd = root / "corpora" / "posts", root / "corpora" / "odd"
    write_posts(posts, [post(n) for n in range(240)])
    (posts / "accounts.csv").write_text(ACCOUNTS, "utf-8")
    write_posts(
        odd,
        [
            post(900, title=f"<script>{HACK}</script>", url="javascript:alert(1)",
                 text=f"<img src=x onerror='{HACK}'>\n</script><script>{HACK}</script>"),
            post(901, title="最长的一条，" * 10, text=LONG),
        ],
    )  # fmt: skip
    study = read_study(root)
    for name, n, asks in (
        ("hundred", 100, ()), ("slips", 6, ()), ("early", 8, ()), ("ime", 6, ()), ("offline", 14, ()),
        ("killed", 12, ()), ("several", 4, ("stage", "functions")), ("texts", 4, ("stage", "topic")),
        ("mouse", 6, ()), ("refused", 4, ()), ("look", 8, ("stage", "functions")), ("zh", 3, ("stage", "functions")), ("en", 3, ("stage", "functions")), ("tab", 3, ()),
    ):  # fmt: skip
        draw_round(study, posts, n=n, name=name, coders=["甲"], design="simple", asks=asks)
    draw_round(study, posts, n=6, name="two", coders=["甲", "乙"], design="simple")
    draw_round(study, odd, n=2, name="odd", coders=["甲"], design="simple")
    draw_accounts(study, posts, name="accounts", coders=["甲"])


class Served:
    """A study and the process that serves it."""

    def __init__(self, root: Path) -> None:
        self.root, self.links, self.port = root, {}, 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", SERVER, str(self.root), str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
        for line in self.process.stdout:
            if line.strip() == "ready":
                break
            name, address = line.split()
            self.links[name] = address
        self.port = int(re.search(r":(\d+)/", self.links["lead"])[1])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stored(self, round_: str, *, coder: str = "甲") -> list[dict[str, str]]:
        """Every row on disk of a coder in a round, in the order stored."""
        with sqlite3.connect(self.root / "coding" / "codes.sqlite") as db:
            db.row_factory = sqlite3.Row
            rows = db.execute(
                "SELECT * FROM codes WHERE round = ? AND coder = ? ORDER BY number", (round_, coder)
            ).fetchall()
        db.close()
        return [dict(row) for row in rows]


@pytest.fixture(scope="session")
def study_to_serve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("研究")
    make_study(root)
    return root


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Path], Served]]:
    """Serve a study; the process ends with the tests of the module."""
    running: list[Served] = []

    def start(root: Path) -> Served:
        running.append(Served(root))
        return running[-1]

    yield start
    for one in running:
        one.kill()


@pytest.fixture(scope="module")
def served(
    study_to_serve: Path, serve: Callable[[Path], Served], tmp_path_factory: pytest.TempPathFactory
) -> Served:
    root = tmp_path_factory.mktemp("开着的") / "研究"
    shutil.copytree(study_to_serve, root)
    return serve(root)


class Visit:
    """A person's browser window; all that it asks for and complains of is written down."""

    def __init__(self, page: Any, served: Served) -> None:
        self.page, self.served = page, served
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.expected = "nothing"
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))

    def enter(self, name: str) -> "Visit":
        self.page.goto(self.served.links[name])
        self.home = self.page.url
        return self

    def open(self, round_: str) -> "Visit":
        """Open a round, and wait until its first post can be coded."""
        self.page.goto(f"{self.home}code?round={round_}")
        self.page.wait_for_selector("button.choice, #questions textarea")
        self.page.evaluate(PAINTED)
        return self

    def text(self, id_: str) -> str:
        return self.page.text_content(f"#{id_}").strip()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def at(self, place: int) -> None:
        """Wait until the post at a place (0: the end) is on the screen and takes keys."""
        words = f"第 {place} / " if place else ""
        self.page.wait_for_function(
            "w => { const now = document.getElementById('place').textContent;"
            "return (w ? now.startsWith(w) : !now) && post.getAttribute('aria-busy') === 'false' }",
            arg=words,
        )
        self.page.evaluate(PAINTED)

    def code(self, key: str, *, then: int) -> str:
        """Code the post that is shown by a key; returns its id, read off the screen."""
        number = int(re.search(r"第 (\d+) 号", self.text("title"))[1])
        self.press(key)
        self.at(then)
        return f"p{number:03}"

    def saved(self) -> None:
        self.page.wait_for_function(
            "() => saved.textContent.includes('都已保存') && trouble.hidden", timeout=30000
        )


@pytest.fixture
def visit(browser: Any, served: Served) -> Iterator[Callable[..., Visit]]:
    """Open a window for a coder or the lead; no page may ask for anything outside the machine."""
    visits: list[Visit] = []

    def open_window(name: str, *, at: Served = served, **options: Any) -> Visit:
        context = browser.new_context(**{"locale": "zh-CN", **options})
        context.set_default_timeout(20000)
        # it is large, and only one test is about it
        context.route("**/font.otf", lambda route: route.fulfill(status=204))
        visits.append(Visit(context.new_page(), at))
        return visits[-1].enter(name)

    yield open_window
    for one in visits:
        one.page.context.close()
        assert [url for url in one.asked if not url.startswith(one.served.address)] == []
        assert [said for said in one.complaints if one.expected not in said] == []
