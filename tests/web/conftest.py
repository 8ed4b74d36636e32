"""A small study with two coders, served without a network; each person has a browser of their own."""

import asyncio
import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from fastapi import FastAPI

from stagemix.codes.rounds import read_round
from stagemix.study.agreement import agreement_of
from stagemix.study.coding import draw_accounts, draw_round
from stagemix.study.folder import Study, init_study, read_study
from stagemix.web.access import CODER, LEAD, Access, write_token
from stagemix.web.app import build_app
from stagemix.web.room import Room

HOST = "http://127.0.0.1:8765"
CODEBOOK = """
id = "small"
version = "1.0"
title = "小编码表<script>c</script>"

[[variables]]
id = "stage"
label = "阶段"
level = "ordinal"
question = "哪一级？<script>q</script>"
rules = ["取最高的<script>r</script>"]
[[variables.categories]]
id = "publish"
label = "发布<script>l</script>"
hotkey = "1"
definition = "只告知。"
[[variables.categories]]
id = "interact"
label = "互动"
definition = "有来往。"
[[variables.categories]]
id = "service"
label = "服务"
definition = "能办事。"
[variables.uncodable]
label = "无法编码"
hotkey = "9"

[[variables]]
id = "functions"
label = "同时含有"
level = "multiple"
optional = true
[[variables.categories]]
id = "also_interact"
label = "兼有互动"
[[variables.categories]]
id = "also_service"
label = "兼有服务"

[[variables]]
id = "why"
label = "理由"
level = "text"
optional = true

[[variables]]
id = "gist"
label = "大意"
level = "text"

[[variables]]
id = "tools"
label = "功能"
unit = "account"
level = "multiple"
[[variables.categories]]
id = "booking"
label = "预约"
[[variables.categories]]
id = "payment"
label = "缴费"
"""


def _posts(start: int, end: int) -> pd.DataFrame:
    rows = range(start, end)
    return pd.DataFrame(
        {
            "post_id": [f"p{n:02d}" for n in rows],
            "account": [f"密号{n % 3}<script>a</script>" for n in rows],
            "title": [f"密题{n}<script>t</script>" for n in rows],
            "text": [f"密文{n}<script>x</script>\n\nhttps://e.example/{n} 看" for n in rows],
            "published_at": [f"2024-03-{n:02d} 09:30" for n in rows],
            "url": ["javascript:alert(1)" if n % 2 else f"https://e.example/p{n}" for n in rows],
        }
    )


@pytest.fixture(scope="session")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study as it is before anybody codes; copied for each test."""
    root = tmp_path_factory.mktemp("研究")
    init_study(root)
    (root / "coding" / "codebook.toml").write_text(CODEBOOK, "utf-8")
    corpus = root / "corpora" / "posts"
    corpus.mkdir()
    _posts(1, 13).to_csv(corpus / "posts.csv", index=False)
    (corpus / "accounts.csv").write_text(
        "account,sector\n密号0<script>a</script>,卫生<script>s</script>\n", "utf-8"
    )
    study = read_study(root)
    asks = ("stage", "functions", "why")
    both = ["甲", "乙"]
    draw_round(
        study, corpus, n=8, name="final", coders=both, overlap=0.5, design="simple", asks=asks
    )
    draw_round(
        study,
        corpus,
        n=3,
        name="读",
        coders=["乙"],
        design="simple",
        purpose="training",
        asks=("gist",),
    )
    draw_accounts(study, corpus, name="账号", coders=both)
    return root  # fmt: skip


class _OverTheApp(httpx.BaseTransport):
    """Requests answered by the app in this process; what it raises is raised in the test."""

    def __init__(self, app: FastAPI) -> None:
        self._inner = httpx.ASGITransport(app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()

        async def answered() -> httpx.Response:
            answer = await self._inner.handle_async_request(request)
            content = await answer.aread()
            return httpx.Response(answer.status_code, headers=answer.headers, content=content)

        return asyncio.run(answered())


_ids = itertools.count(1)


def new_id() -> str:
    """A save id that no other save of the tests has."""
    return f"save-{next(_ids):012d}"


@dataclass(kw_only=True)
class Visit:
    """A person's browser at their page."""

    http: httpx.Client
    name: str
    pid: str
    session: str
    token: str

    def get(self, page: str = "", **query: str) -> httpx.Response:
        return self.http.get(f"/at/{self.pid}/{page}", params=query)

    def send(self, path: str, body: object, *, token: str | None = None) -> httpx.Response:
        """Post BODY as the coding page does."""
        headers = {"x-write-token": self.token if token is None else token}
        return self.http.post(f"/at/{self.pid}/{path}", json=body, headers=headers)

    def body(self, unit: str, answers: dict[str, str], **other: Any) -> dict[str, Any]:
        first = {"save_id": new_id(), "round": "final", "unit": unit, "version": "1.0"}
        rest = {"answers": answers, "memo": "", "confidence": "", "seconds": 5.0}
        return {**first, **rest, **other}

    def save(self, unit: str, answers: dict[str, str], **other: Any) -> httpx.Response:
        return self.send("save", self.body(unit, answers, **other))

    def code(self, unit: str, stage: str, **other: Any) -> str:
        """Save a stage, which must succeed, and return the save's id."""
        answer = self.save(unit, {"stage": stage}, **other)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["saved"])

    def undo(self, undoes: str, *, save_id: str = "") -> httpx.Response:
        return self.send("undo", {"save_id": save_id or new_id(), "undoes": undoes})

    def form(self, path: str, **fields: Any) -> httpx.Response:
        """Post a form of the lead's pages."""
        return self.http.post(f"/at/{self.pid}/{path}", data={"token": self.token, **fields})


@dataclass(kw_only=True)
class Served:
    """A study being served; `restart` is what stopping and starting the server does."""

    root: Path
    study: Study = field(init=False)
    room: Room = field(init=False)
    access: Access = field(init=False)
    app: FastAPI = field(init=False)
    clients: list[httpx.Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.study = read_study(self.root)
        minutes = itertools.count()
        self.room, self.access = Room(self.study), Access(self.study.coding)
        self.app = build_app(
            self.room,
            self.access,
            hosts=["127.0.0.1", "localhost"],
            now=lambda: f"2026-03-02T09:{next(minutes) % 60:02d}:00.000+08:00",
        )

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.app.state.writer.shutdown()
        self.access.close()

    def restart(self) -> None:
        self.close()
        self.clients.clear()
        self.__post_init__()

    def client(self) -> httpx.Client:
        """A browser without any cookie."""
        made = httpx.Client(transport=_OverTheApp(self.app), base_url=HOST)
        made.headers["accept-language"] = "zh-CN"
        self.clients.append(made)
        return made

    def enter(self, name: str, *, role: str = CODER) -> Visit:
        """Make a new link for a person and open it."""
        secret = self.access.new_link(name, role=role, now="2026-03-01T08:00:00+08:00")
        entered = self.access.enter(secret, now="2026-03-01T08:00:00+08:00")
        assert entered is not None
        return self.visit(name, pid=entered[0].pid, session=entered[1])

    def again(self, visit: Visit) -> Visit:
        """The same browser after a restart: it still has its cookie."""
        return self.visit(visit.name, pid=visit.pid, session=visit.session)

    def visit(self, name: str, *, pid: str, session: str) -> Visit:
        http = self.client()
        http.cookies.set(f"stagemix_{pid}", session, path=f"/at/{pid}/")
        return Visit(http=http, name=name, pid=pid, session=session, token=write_token(session))

    def units(self, *coders: str, round_: str = "final") -> list[str]:
        """The units given to exactly these coders, in coding order."""
        units = read_round(round_, self.study.rounds).units
        return list(units.loc[units["coders"] == ";".join(coders), "unit"])

    def record(self, *columns: str) -> list[tuple[str, ...]]:
        """Every row on disk, read past the server."""
        record = self.room.store.record()
        return list(record[list(columns)].itertuples(index=False, name=None))

    def rewrite_codebook(self, *changes: tuple[str, str]) -> None:
        """Change the codebook in use, as an editor does while the server runs."""
        path = self.study.coding / "codebook.toml"
        text = path.read_text("utf-8")
        for old, new in changes:
            assert text.count(old) == 1
            text = text.replace(old, new)
        path.write_text(text, "utf-8")


@pytest.fixture
def served(small_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    # the intervals are tested elsewhere; here they would take most of the time
    monkeypatch.setattr("stagemix.web.lead.agreement_of", partial(agreement_of, resamples=50))
    root = tmp_path / "研究"
    shutil.copytree(small_study, root)
    with closing(Served(root=root)) as ready:
        yield ready


@pytest.fixture
def coder(served: Served) -> Visit:
    """甲, at their page."""
    return served.enter("甲")


@pytest.fixture
def other(served: Served) -> Visit:
    """乙, at their page."""
    return served.enter("乙")


@pytest.fixture
def lead(served: Served) -> Visit:
    return served.enter("lead", role=LEAD)


@pytest.fixture
def browse() -> Iterator[Callable[[FastAPI], httpx.Client]]:
    """Make a browser without cookies for any app."""
    with ExitStack() as opened:
        yield lambda app: opened.enter_context(
            httpx.Client(transport=_OverTheApp(app), base_url=HOST)
        )


@pytest.fixture
def add_posts() -> Callable[[Path, Iterable[int]], None]:
    """Put further posts into a corpus folder."""

    def add(folder: Path, numbers: Iterable[int]) -> None:
        wanted = list(numbers)
        more = _posts(min(wanted), max(wanted) + 1)
        table = pd.concat([pd.read_csv(folder / "posts.csv"), more])
        table.to_csv(folder / "posts.csv", index=False)

    return add
