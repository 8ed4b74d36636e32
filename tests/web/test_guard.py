"""What holds for every answer and request, whatever the route."""

import asyncio
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from urllib.parse import unquote

from stagemix.web.guard import LARGEST_BODY, POLICY


def ask(
    app,
    path: str,
    *,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (("host", "127.0.0.1:8765"),),
    chunks: Iterable[bytes] = (b"",),
) -> tuple[int, dict[str, str], str]:
    """Send a request just as it is to the app: the path is not tidied, the body comes in chunks."""
    sent: list[dict] = []
    waiting = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8765),
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    said = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    body = b"".join(m.get("body", b"") for m in sent[1:])
    return sent[0]["status"], said, body.decode()


def test_every_kind_of_answer_has_the_policy(served, coder, lead) -> None:
    unit = served.units("甲")[0]
    answers = [
        (200, coder.get()),
        (200, coder.get("work", round="final")),
        (200, coder.get("static/code.js")),
        (303, coder.get("language/en")),
        (401, served.client().get(f"/at/{coder.pid}/")),
        (404, served.client().get("/enter/x")),
        (405, served.client().put(f"/at/{coder.pid}/save")),
        (403, coder.send("save", coder.body(unit, {"stage": "publish"}), token="x")),
        (409, coder.save(unit, {"stage": "other"})),
        (413, coder.http.post(f"/at/{coder.pid}/save", content=b"x" * (LARGEST_BODY + 1))),
        (421, coder.http.get(f"/at/{coder.pid}/", headers={"host": "evil.example"})),
        (422, coder.send("save", {})),
        (503, lead.form("check", each="x")),
    ]
    for status, answer in answers:
        assert answer.status_code == status
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        static = answer.url.path.endswith("code.js")
        assert answer.headers["cache-control"] == ("no-cache" if static else "no-store")
        assert "server" not in answer.headers


def test_the_policy_lets_nothing_run_that_stands_in_a_page() -> None:
    rules = dict(part.strip().split(" ", 1) for part in POLICY.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert set(rules.values()) == {"'none'", "'self'"}
    assert rules["script-src"] == rules["style-src"] == rules["form-action"] == "'self'"


class Parts(HTMLParser):
    """The tags of a page with their attributes, and the text of its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


def test_pages_need_nothing_that_the_policy_forbids(served, coder, other, lead) -> None:
    unit = served.units("甲", "乙")[0]
    coder.code(unit, "publish", memo="<script>m</script><img src=x onerror=alert(1)>")
    other.code(unit, "service")
    pages = [
        coder.get(),
        coder.get("code", round="final"),
        lead.get(),
        lead.get("disagreements", round="final"),
        lead.get("drift", round="final"),
        lead.get("settle", round="final", variable="stage", unit=unit),
        lead.form("people", name="甲", do="link"),
    ]
    for page in pages:
        assert page.status_code == 200
        found = Parts(page.text).tags
        assert len(found) > 15
        for tag, attributes in found:
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            assert tag not in {"style", "img", "iframe", "object", "base"}
            if tag == "script":
                assert re.fullmatch(r"/at/\w+/static/\w+\.js", attributes["src"])
            for name in ("href", "src", "action"):
                assert not re.match(r"(?!https://e\.example/)\w+:|//", attributes.get(name, ""))


def test_another_name_that_points_here_is_refused(served, coder) -> None:
    cookie = ("cookie", f"stagemix_{coder.pid}={coder.session}")
    names = ["evil.example", "127.0.0.1.evil.example", "", "127.0.0.1@evil.example", "[::1]"]
    for name in names:
        for host in (name, f"{name}:8765"):
            status, _, said = ask(served.app, f"/at/{coder.pid}/", headers=[("host", host), cookie])
            assert status == 421, host
            assert said.startswith("not served under the name ")
    for host in ("127.0.0.1:8765", "127.0.0.1", "localhost:80", "localhost"):
        assert ask(served.app, f"/at/{coder.pid}/", headers=[("host", host), cookie])[0] == 200
    assert ask(served.app, f"/at/{coder.pid}/", headers=[cookie])[0] == 421


def writing(coder) -> list[tuple[str, str]]:
    return [
        ("host", "127.0.0.1"),
        ("cookie", f"stagemix_{coder.pid}={coder.session}"),
        ("x-write-token", coder.token),
        ("content-type", "application/json"),
    ]


def test_a_length_that_is_too_large_or_no_number_is_refused(served, coder) -> None:
    for length in (str(LARGEST_BODY + 1), "-1", "", "²", "1e3", "0x10", "9" * 40):
        headers = [*writing(coder), ("content-length", length)]
        status, _, said = ask(served.app, f"/at/{coder.pid}/save", method="POST", headers=headers)
        assert (status, said) == (413, "too large"), length


def test_a_body_that_does_not_say_its_length_or_lies_is_cut_off(served, coder, lead) -> None:
    chunk = b"x" * 60_000
    for lie in ([], [("content-length", "10")]):
        for path in (f"/at/{coder.pid}/save", f"/at/{coder.pid}/undo"):
            headers = [*writing(coder), *lie]
            status, _, _ = ask(served.app, path, method="POST", headers=headers, chunks=[chunk] * 5)
            assert status == 413
        form = [("host", "127.0.0.1"), ("cookie", f"stagemix_{lead.pid}={lead.session}"), *lie]
        status, _, _ = ask(
            served.app, f"/at/{lead.pid}/people", method="POST", headers=form, chunks=[chunk] * 5
        )
        assert status == 413
    assert served.record("unit") == []


def test_a_body_in_chunks_that_is_small_enough_is_read(served, coder) -> None:
    unit = served.units("甲")[0]
    whole = coder.http.build_request(
        "POST", "/", json=coder.body(unit, {"stage": "publish"})
    ).read()
    status, _, said = ask(
        served.app,
        f"/at/{coder.pid}/save",
        method="POST",
        headers=writing(coder),
        chunks=[whole[:9], whole[9:20], whole[20:]],
    )
    assert status == 200, said
    assert served.record("unit") == [(unit,)]


NO_FILES = [
        "../words.py", "..%2fwords.py", "..%2f..%2f..%2fcoding%2faccess.sqlite", "%2e%2e/words.py",
        "..\\words.py", "..%5cwords.py", "/etc/passwd", "%2fetc%2fpasswd", "code.js%00", "code.js\0.css",
        "code.js/", "CODE.JS", ".", "..", "__init__.py", "code", "code.js.map", "",
]  # fmt: skip


def test_only_the_files_of_the_page_are_given(served, coder) -> None:
    cookie = ("cookie", f"stagemix_{coder.pid}={coder.session}")
    for path in {*NO_FILES, *map(unquote, NO_FILES)}:
        asked = f"/at/{coder.pid}/static/{path}"
        status, _, said = ask(served.app, asked, headers=[("host", "localhost"), cookie])
        assert status in {404, 307}, path
        assert not [leak for leak in ("root:", "SQLite", "import", "const ") if leak in said]


def test_the_files_of_the_page_have_their_types(coder) -> None:
    types = {"code.js": "text/javascript", "outbox.js": "text/javascript", "draw.js": "text/javascript",
             "style.css": "text/css", "icon.svg": "image/svg+xml", "font.otf": "font/otf"}  # fmt: skip
    for name, kind in types.items():
        answer = coder.get(f"static/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == kind
        assert len(answer.content) > 100
