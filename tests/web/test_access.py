"""Who gets in: only the holder of a link, and only to the page of that link."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts

from stagemix.errors import DataError
from stagemix.web.access import CODER, LEAD, Access, write_token

NOW = "2026-03-01T08:00:00+08:00"
STUDY_DATA = (
    "密",
    "甲",
    "乙",
    "p0",
    "p1",
    "publish",
    "编码表",
    "final",
    "javascript:",
    "e.example",
)


@pytest.fixture
def access(tmp_path: Path) -> Iterator[Access]:
    with closing(Access(tmp_path)) as found:
        yield found


def test_a_link_opens_sessions_of_its_person_and_of_nobody_else(access: Access) -> None:
    secrets = {name: access.new_link(name, role=CODER, now=NOW) for name in ("甲", "乙")}
    entered = access.enter(secrets["甲"], now=NOW)
    assert entered is not None
    person, session = entered
    assert (person.name, person.role, person.made_at) == ("甲", CODER, NOW)
    assert access.who(person.pid, session) == person
    other = next(p for p in access.people() if p.name == "乙")
    assert access.who(other.pid, session) is None
    assert access.who(person.pid, secrets["甲"]) is None
    assert access.enter("", now=NOW) is None
    assert access.enter(session, now=NOW) is None
    again = access.enter(secrets["甲"], now=NOW)
    assert again is not None
    assert again[1] != session
    assert access.who(person.pid, session) == person


def test_a_new_link_ends_the_old_one_and_its_sessions_and_keeps_the_place(access: Access) -> None:
    first = access.new_link("甲", role=CODER, now=NOW)
    person, session = access.enter(first, now=NOW) or pytest.fail("the link does not open")
    second = access.new_link("甲", role=CODER, now="2026-03-02")
    assert access.enter(first, now=NOW) is None
    assert access.who(person.pid, session) is None
    entered = access.enter(second, now=NOW)
    assert entered is not None
    assert entered[0].pid == person.pid
    assert [(p.name, p.made_at) for p in access.people()] == [("甲", "2026-03-02")]


def test_a_revoked_link_opens_nothing_and_others_stay(access: Access) -> None:
    kept, gone = (access.new_link(name, role=CODER, now=NOW) for name in ("甲", "乙"))
    person, session = access.enter(gone, now=NOW) or pytest.fail("the link does not open")
    access.revoke(person.pid)
    assert access.enter(gone, now=NOW) is None
    assert access.who(person.pid, session) is None
    assert [(p.name, p.made_at) for p in access.people()] == [("甲", NOW), ("乙", "")]
    assert access.enter(kept, now=NOW) is not None


def test_a_coder_and_the_lead_of_one_name_are_two(access: Access) -> None:
    access.new_link("lead", role=LEAD, now=NOW)
    access.new_link("lead", role=CODER, now=NOW)
    first, second = access.people()
    assert (first.role, second.role) == (LEAD, CODER)
    assert first.pid != second.pid


def test_who_reads_the_file_cannot_enter_with_it(access: Access, tmp_path: Path) -> None:
    secret = access.new_link("甲", role=CODER, now=NOW)
    _, session = access.enter(secret, now=NOW) or pytest.fail("the link does not open")
    held = b"".join(path.read_bytes() for path in tmp_path.glob("access.sqlite*"))
    assert "甲".encode() in held
    for known in (secret, session, write_token(session)):
        assert known.encode() not in held
    db = sqlite3.connect(tmp_path / "access.sqlite")
    hashes = [
        cell
        for row in db.execute("SELECT link FROM people UNION SELECT session FROM sessions")
        for cell in row
    ]
    db.close()
    assert len(hashes) == 2
    assert all(access.enter(one, now=NOW) is None for one in hashes)


def test_secrets_are_long_and_never_the_same(access: Access) -> None:
    secrets = {access.new_link("甲", role=CODER, now=NOW) for _ in range(20)}
    assert len(secrets) == 20
    assert min(map(len, secrets)) >= 43  # 256 bits
    assert len({write_token(one) for one in secrets}) == 20


def test_links_and_sessions_outlive_the_server(tmp_path: Path) -> None:
    with closing(Access(tmp_path)) as first:
        secret = first.new_link("甲", role=CODER, now=NOW)
        person, session = first.enter(secret, now=NOW) or pytest.fail("the link does not open")
    with closing(Access(tmp_path)) as second:
        assert second.who(person.pid, session) == person
        assert second.enter(secret, now=NOW) is not None


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "access.sqlite"
    path.write_bytes(b"no database at all " * 99)
    with pytest.raises(DataError) as caught:
        Access(tmp_path)
    assert str(caught.value) == (
        f"{path}: file is not a database; move the file away and run the command again, coders "
        "then need new links"
    )


def test_a_file_that_cannot_be_written_says_why(access: Access, tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "access.sqlite")
    db.execute("DROP TABLE sessions")
    db.close()
    secret = access.new_link("甲", role=CODER, now=NOW)
    with pytest.raises(DataError) as caught:
        access.enter(secret, now=NOW)
    assert str(caught.value) == (
        f"{tmp_path / 'access.sqlite'}: no such table: sessions; close other programs that use it, "
        "and see that it can be written and the disk has room"
    )


# -- every route ----------------------------------------------------------------------------


@pytest.fixture
def requests(served, coder, lead):
    """One request that fits for each route: by (method, path) who may make it, and its parts."""
    unit = served.units("甲", "乙")[0]
    code = coder.body(unit, {"stage": "publish"})
    done = coder.code(served.units("甲", "乙")[1], "publish")
    at = "/at/{pid}/"
    case = {"round": "final", "variable": "stage", "unit": served.units("甲", "乙")[1]}
    settled = {"value": "service", "reason": "x", "by": "consensus"}
    return {
        ("GET", "/enter/{secret}"): (None, {}),
        ("GET", at): (coder, {}),
        ("GET", f"{at}code"): (coder, {}),
        ("GET", f"{at}language/{{language}}"): (coder, {}),
        ("GET", f"{at}static/{{name}}"): (coder, {}),
        ("GET", f"{at}work"): (coder, {"params": {"round": "final"}}),
        ("GET", f"{at}units"): (coder, {"params": {"round": "final", "ids": f'["{unit}"]'}}),
        ("GET", f"{at}disagreements"): (lead, {"params": {"round": "final"}}),
        ("GET", f"{at}settle"): (lead, {"params": case}),
        ("POST", f"{at}settle"): (lead, {"data": {"token": lead.token, **case, **settled}}),
        ("GET", f"{at}drift"): (lead, {"params": {"round": "final"}}),
        ("POST", f"{at}people"): (lead, {"data": {"token": lead.token, "name": "乙", "do": "link"}}),
        ("POST", f"{at}check"): (lead, {"data": {"token": lead.token, "each": "x"}}),
        ("POST", f"{at}undo"): (coder, {"json": {"save_id": "u" * 16, "undoes": done}}),
        ("POST", f"{at}save"): (coder, {"json": code}),
    }  # fmt: skip


def address(path: str, *, pid: str) -> str:
    return path.format(pid=pid, secret="s" * 43, language="en", name="code.js")


def routes(app) -> set[tuple[str, str]]:
    found = iter_route_contexts(app.routes)
    return {(method, route.path) for route in found for method in route.methods}


def state(served) -> tuple[object, ...]:
    return served.record("coder", "unit", "value", "kind"), served.access.people()


def test_every_route_is_asked_below(served, requests) -> None:
    assert routes(served.app) == requests.keys()


def test_no_route_gives_or_does_anything_without_the_pages_own_cookie(
    served, requests, coder, lead
) -> None:
    before = state(served)
    strangers = [
        lambda own, another: {},
        lambda own, another: {f"stagemix_{own.pid}": "wrong"},
        lambda own, another: {f"stagemix_{own.pid}": ""},
        lambda own, another: {f"stagemix_{own.pid}": another.session},
        lambda own, another: {f"stagemix_{another.pid}": another.session},
        lambda own, another: {f"stagemix_{another.pid}": own.session},
    ]
    for (method, path), (own, parts) in requests.items():
        own = own or coder
        another = lead if own is coder else coder
        for cookies in strangers:
            for verb in {method, "GET", "POST"}:
                held = "; ".join(f"{k}={v}" for k, v in cookies(own, another).items())
                headers = {"x-write-token": own.token, **({"cookie": held} if held else {})}
                answer = served.client().request(
                    verb, address(path, pid=own.pid), headers=headers, **parts
                )
                allowed = {404, 405} if "secret" in path else {401, 405}
                assert answer.status_code in allowed, (verb, path, held)
                said = answer.text + str(answer.headers)
                assert not [data for data in STUDY_DATA if data in said], (verb, path)
    assert state(served) == before


def test_with_it_every_route_gives_what_it_should(served, requests) -> None:
    for (method, path), (own, parts) in requests.items():
        if own is None:
            continue
        answer = own.http.request(
            method, address(path, pid=own.pid), headers={"x-write-token": own.token}, **parts
        )
        wanted = {503} if path.endswith("check") else {200, 303}
        assert answer.status_code in wanted, (method, path, answer.text)


def test_a_coders_link_opens_no_page_of_the_lead_and_the_leads_no_page_of_a_coder(
    served, requests, coder, lead
) -> None:
    before = state(served)
    for (method, path), (own, parts) in requests.items():
        if own is None or path.endswith(("{pid}/", "{language}", "{name}")):
            continue
        crossing = lead if own is coder else coder
        if "data" in parts:
            parts = {"data": {**parts["data"], "token": crossing.token}}
        answer = crossing.http.request(
            method,
            address(path, pid=crossing.pid),
            headers={"x-write-token": crossing.token},
            **parts,
        )
        assert answer.status_code == 404, (method, path)
    assert state(served) == before


def test_a_page_without_its_last_slash_and_unknown_addresses_say_nothing(served, coder) -> None:
    for path in (f"/at/{coder.pid}", "/", "/at/", "/docs", "/openapi.json", "/at/x/y/z"):
        answer = served.client().get(path, follow_redirects=True)
        assert answer.status_code in {401, 404}, path
        assert not [data for data in STUDY_DATA if data in answer.text]


def test_a_link_that_is_revoked_or_replaced_ends_what_it_opened(served, coder, lead) -> None:
    assert coder.get().status_code == 200
    lead.form("people", name="甲", do="revoke")
    assert coder.get().status_code == 401
    assert coder.save(served.units("甲")[0], {"stage": "publish"}).status_code == 401
    assert served.record("unit") == []
    again = served.enter("甲")
    assert again.pid == coder.pid
    assert coder.get().status_code == 401
    assert again.get().status_code == 200
