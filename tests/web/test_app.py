"""The routes: sessions, languages, tokens, and what comes in that no page of ours sends."""

import json
import re

NOTHING = "这里没有可看的内容。请打开负责人发给你的个人链接"
BROKEN = {"word": "bad_request"}


def test_a_link_opens_the_page_with_a_cookie_that_scripts_and_other_sites_do_not_get(
    served,
) -> None:
    secret = served.access.new_link("甲", role="coder", now="2026-03-01")
    answer = served.client().get(f"/enter/{secret}")
    pid = served.access.people()[0].pid
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/at/{pid}/"
    name, *flags = answer.headers["set-cookie"].split("; ")
    assert name.startswith(f"stagemix_{pid}=")
    assert set(flags) == {
        "HttpOnly",
        f"Max-Age={365 * 24 * 3600}",
        f"Path=/at/{pid}/",
        "SameSite=lax",
    }
    assert secret not in answer.headers["set-cookie"]


def test_nobody_without_a_link_sees_more_than_where_to_get_one(served, coder) -> None:
    stranger = served.client()
    answer = stranger.get(f"/at/{coder.pid}/")
    assert answer.status_code == 401
    assert NOTHING in answer.text
    english = stranger.get(f"/at/{coder.pid}/", headers={"accept-language": "en-GB,en;q=0.9"})
    assert "There is nothing to see here. Open the personal link" in english.text
    assert "没有这个页面" in stranger.get("/enter/wrong").text


def test_one_browser_may_be_two_coders_and_the_lead(served) -> None:
    http = served.client()
    pages = []
    for name, role in (("甲", "coder"), ("乙", "coder"), ("lead", "lead")):
        secret = served.access.new_link(name, role=role, now="2026-03-01")
        pages.append(http.get(f"/enter/{secret}", follow_redirects=True).url.path)
    texts = [http.get(page).text for page in pages]
    assert ['class="name">甲<' in texts[0], 'class="name">乙<' in texts[1]] == [True, True]
    assert "编码进度" in texts[2]


def test_the_language_is_the_browsers_until_another_is_chosen(coder) -> None:
    assert "你的编码任务" in coder.get().text
    assert '<html lang="zh-CN">' in coder.get().text
    answer = coder.get("language/en")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/at/{coder.pid}/")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "Your rounds" in coder.get().text
    assert '<html lang="en">' in coder.get().text
    assert coder.get("work", round="final").json()["words"]["undo"] == "Undo"
    coder.get("language/zh")
    coder.http.headers["accept-language"] = "en"
    assert "你的编码任务" in coder.get().text
    assert coder.get("language/fr").status_code == 404


def test_without_a_choice_english_browsers_get_english(coder) -> None:
    coder.http.headers["accept-language"] = "en-US,en;q=0.5"
    assert "Your rounds" in coder.get().text
    coder.http.headers["accept-language"] = "fr,en;q=0.5"
    assert "你的编码任务" in coder.get().text


def test_every_page_holds_the_token_of_its_own_session(served, coder, lead) -> None:
    second = served.access.enter(served.access.new_link("甲", role="coder", now="x"), now="x")
    assert second is not None
    again = served.visit("甲", pid=coder.pid, session=second[1])
    tokens = [
        re.findall(r'name="write-token" content="(\w+)"', page.text)
        for page in (again.get(), again.get("code"), lead.get(), lead.get("drift", round="final"))
    ]
    assert tokens == [[again.token]] * 2 + [[lead.token]] * 2
    assert len({coder.token, again.token, lead.token}) == 3


def test_no_write_without_the_pages_token(served, coder, other, lead) -> None:
    unit = served.units("甲", "乙")[0]
    body = coder.body(unit, {"stage": "publish"})
    for token in ("", "x", "汉字", other.token, lead.token, coder.token[:-1], coder.session):
        headers = {"x-write-token": token.encode()}
        answer = coder.http.post(f"/at/{coder.pid}/save", json=body, headers=headers)
        assert answer.status_code == 403
    assert coder.http.post(f"/at/{coder.pid}/save", json=body).status_code == 403
    assert coder.http.post(f"/at/{coder.pid}/save", data=body).status_code == 422
    assert served.record("unit") == []
    coder.code(unit, "publish")
    undo = {"save_id": "u" * 16, "undoes": served.record("save_id")[0][0]}
    assert coder.send("undo", undo, token="x").status_code == 403
    assert coder.http.post(f"/at/{coder.pid}/undo", json=undo).status_code == 403
    assert served.record("kind") == [("independent",)]


def test_no_form_of_the_lead_without_the_pages_token(served, coder, other, lead) -> None:
    unit = served.units("甲", "乙")[0]
    coder.code(unit, "publish")
    other.code(unit, "service")
    case = {
        "round": "final",
        "variable": "stage",
        "unit": unit,
        "value": "publish",
        "reason": "x",
        "by": "consensus",
    }
    before = served.access.people()
    for token in ("", "x", "汉字", coder.token):
        assert lead.form("settle", **case, token=token).status_code == 403
        assert lead.form("people", name="甲", do="link", token=token).status_code == 403
        assert lead.form("people", name="甲", do="revoke", token=token).status_code == 403
        assert lead.form("check", each="1", token=token).status_code == 403
    assert lead.http.post(f"/at/{lead.pid}/people", json={"token": lead.token}).status_code == 403
    assert len(served.record("unit")) == 2
    assert served.access.people() == before
    assert lead.form("settle", **case).status_code == 303


CHANGES = [
    ({"seconds": float("nan")}, "not a number"),
    ({"seconds": float("inf")}, "endless"),
    ({"seconds": -1}, "negative"),
    ({"seconds": None}, "none"),
    ({"seconds": "soon"}, "a text"),
    ({"memo": 5}, "a number as memo"),
    ({"memo": "a\0b"}, "NUL in the memo"),
    ({"memo": "\ud800"}, "half a character"),
    ({"memo": "长" * 10_000}, "a memo of 10000 characters"),
    ({"memo": ["a"]}, "a list as memo"),
    ({"confidence": "4"}, "no such confidence"),
    ({"confidence": 1}, "a number as confidence"),
    ({"answers": {}}, "no answers"),
    ({"answers": []}, "a list of answers"),
    ({"answers": {"stage": 1}}, "a number as answer"),
    ({"answers": {"stage": None}}, "none as answer"),
    ({"answers": {"stage": "publish", "why": "a\0b"}}, "NUL in an answer"),
    ({"answers": {"\ud800": "publish"}}, "half a character as variable"),
    ({"answers": {"stage": "publish", "": "x"}}, "a blank variable"),
    ({"answers": {f"v{n}": "1" for n in range(201)}}, "too many answers"),
    ({"save_id": "short"}, "a short id"),
    ({"save_id": "x" * 65}, "a long id"),
    ({"save_id": "x" * 16 + "\n"}, "a line end in the id"),
    ({"save_id": "x' OR 1=1 --" + "x" * 8}, "SQL in the id"),
    ({"round": ""}, "a blank round"),
    ({"round": "r" * 501}, "a long round"),
    ({"unit": None}, "no unit"),
    ({"coder": "乙"}, "an unknown field"),
    ({"kind": "settled"}, "another unknown field"),
]


def test_a_save_of_another_form_is_refused_as_such_and_nothing_stored(served, coder) -> None:
    headers = {"x-write-token": coder.token, "content-type": "application/json"}
    for change, what in CHANGES:
        body = json.dumps(coder.body(served.units("甲")[0], {"stage": "publish"}) | change)
        answer = coder.http.post(f"/at/{coder.pid}/save", content=body, headers=headers)
        assert (answer.status_code, answer.json()) == (422, BROKEN), what
    assert served.record("unit") == []


def test_a_save_without_a_field_is_refused(served, coder) -> None:
    for field in ("save_id", "round", "unit", "version", "answers", "seconds"):
        body = coder.body(served.units("甲")[0], {"stage": "publish"})
        del body[field]
        answer = coder.send("save", body)
        assert (answer.status_code, answer.json()) == (422, BROKEN), field
    assert served.record("unit") == []


def test_what_is_no_json_object_is_refused(served, coder) -> None:
    headers = {"x-write-token": coder.token, "content-type": "application/json"}
    nested = [b'{"save_id":' * 900, b"[" * 200_000]
    for content in (b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", *nested):
        for path in ("save", "undo"):
            answer = coder.http.post(f"/at/{coder.pid}/{path}", content=content, headers=headers)
            assert answer.status_code in {400, 422}, content[:20]
            assert answer.json()["word"] in {"", "bad_request"}
    assert served.record("unit") == []


SQL = "x'); DROP TABLE codes; --"


def test_sql_is_a_text_like_any_other(served, coder, other, lead) -> None:
    unit = served.units("甲", "乙")[0]
    for field in ("round", "unit", "version"):
        body = coder.body(unit, {"stage": "publish"}) | {field: SQL}
        assert coder.send("save", body).status_code == 409
    assert coder.save(unit, {SQL: "publish"}).json() == {"word": "unknown_variable"}
    assert coder.save(unit, {"stage": SQL}).json() == {"word": "unknown_value"}
    assert coder.save(unit, {"stage": "publish", "why": SQL}, memo=SQL).status_code == 200
    other.code(unit, "service")
    answer = lead.form(
        "settle", round="final", variable="stage", unit=unit, value="publish", reason=SQL, by="third", name=SQL,
    )  # fmt: skip
    assert answer.status_code == 303
    assert lead.form("people", name=SQL, do="link").status_code == 404
    assert coder.get("work", round=SQL).status_code == 404
    assert coder.get("units", round="final", ids=json.dumps([SQL])).status_code == 404
    assert lead.get("settle", round="final", variable=SQL, unit=SQL).status_code == 404
    assert served.client().get(f"/enter/{SQL}").status_code == 404
    assert served.record("coder", "variable", "value", "memo") == [
        ("甲", "stage", "publish", SQL),
        ("甲", "why", SQL, ""),
        ("乙", "stage", "service", ""),
        (SQL, "stage", "publish", SQL),
    ]


def test_texts_are_asked_for_by_a_short_list_of_ids(served, coder) -> None:
    many = json.dumps([served.units("甲")[0]] * 51)
    for ids in ("[", "{}", '"p01"', "1", "NaN", "[" * 5000, many):
        assert coder.get("units", round="final", ids=ids).status_code == 400, ids
    for ids in ("[null]", "[[]]", '["\\ud800"]', '["nobody"]'):
        assert coder.get("units", round="final", ids=ids).status_code == 404, ids
    assert coder.get("units", round="final", ids="[]").json() == []


def test_what_is_asked_without_a_round_or_with_an_unknown_one_is_not_there(coder, lead) -> None:
    assert coder.get("work").status_code == 400
    assert coder.get("work", round="final", again="perhaps").status_code == 400
    assert coder.get("work", round="none").status_code == 404
    assert coder.get("units", round="none", ids="[]").status_code == 404
    for page in ("disagreements", "drift"):
        assert lead.get(page).status_code == 400
        assert lead.get(page, round="none").status_code == 404
    assert "没有这个页面" in lead.get("drift", round="none").text


def test_what_is_no_form_is_refused(served, lead) -> None:
    for content, status in ((b"\xff", 400), (b"a=1&" * 300, 400), (b"token=%00", 403), (b"", 403)):
        for path in ("settle", "people", "check"):
            answer = lead.http.post(f"/at/{lead.pid}/{path}", content=content)
            assert answer.status_code == status, content[:20]
    assert served.access.people()[0].name == "lead"
    assert served.record("unit") == []


def test_a_nul_in_a_form_is_refused(served, coder, other, lead) -> None:
    unit = served.units("甲", "乙")[0]
    coder.code(unit, "publish")
    other.code(unit, "service")
    case = {
        "round": "final",
        "variable": "stage",
        "unit": unit,
        "value": "publish",
        "by": "consensus",
    }
    assert lead.form("settle", **case, reason="a\0b").status_code == 400
    assert len(served.record("unit")) == 2
