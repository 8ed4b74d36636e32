"""What a coder's page is given: rounds, questions, units, own codes, and what to look at again."""

import json
import re

from stagemix.codes.codebook import Category, Variable
from stagemix.codes.rounds import read_round
from stagemix.web.work import COMMANDS, _with_keys, overview, work

NEW_VERSION = (
    ('version = "1.0"', 'version = "1.1"\nnote = "互动从严"'),
    ('definition = "有来往。"', 'definition = "有来往，且能回应。"'),
)


def loaded(visit, **query: str) -> dict:
    answer = visit.get("work", **{"round": "final", **query})
    assert answer.status_code == 200
    return answer.json()


def test_a_coder_sees_the_rounds_that_give_them_something(served, coder, other) -> None:
    assert [r["name"] for r in overview(served.room, "甲")] == ["final", "账号"]
    assert [r["name"] for r in overview(served.room, "乙")] == ["final", "读", "账号"]
    assert overview(served.room, "丙") == []
    assert "读" not in coder.get().text
    assert "培训" in other.get().text
    coder.code(served.units("甲")[0], "publish")
    assert overview(served.room, "甲")[0] == {
        "name": "final", "purpose": "final", "kind": "post", "given": 6, "done": 1, "again": 0,
    }  # fmt: skip
    page = re.sub(r"\s+", " ", coder.get().text)
    assert "已编 1 / 6" in page
    assert 'href="code?round=final">继续<' in page
    assert 'href="code?round=%E8%B4%A6%E5%8F%B7">开始<' in page


def test_a_finished_round_can_be_looked_through(served, coder) -> None:
    for unit in [*served.units("甲"), *served.units("甲", "乙")]:
        coder.code(unit, "publish")
    assert 'href="code?round=final">查看和更正<' in coder.get().text


def test_somebody_whom_no_round_names_is_told_so(served) -> None:
    assert "现在没有分给你的编码任务。" in served.enter("丙").get().text


def test_the_units_are_the_coders_own_in_coding_order_with_their_own_codes(
    served, coder, other
) -> None:
    shared, mine = served.units("甲", "乙"), served.units("甲")
    coder.code(mine[0], "service", memo="备", confidence="3", seconds=8)
    other.code(shared[0], "interact", memo="乙的备注")
    given = loaded(coder)
    assert [u["id"] for u in given["units"]] == read_round("final", served.study.rounds).units_of(
        "甲"
    )
    assert {u["id"] for u in given["units"]} == {*shared, *mine}
    by_id = {u["id"]: u for u in given["units"]}
    assert by_id[mine[0]] == {
        "id": mine[0], "done": True, "answers": {"stage": "service"}, "memo": "备", "confidence": "3",
    }  # fmt: skip
    assert by_id[shared[0]] == {
        "id": shared[0], "done": False, "answers": {}, "memo": "", "confidence": "",
    }  # fmt: skip
    assert given["median_seconds"] == 8.0
    assert "乙" not in json.dumps({**given, "words": {}}, ensure_ascii=False)


def test_the_questions_are_those_of_the_round_with_ids_that_codes_are_stored_by(
    served, coder, other
) -> None:
    given = loaded(coder)
    assert (given["version"], given["again"], given["kind"]) == ("1.0", False, "post")
    stage, functions, why = given["variables"]
    assert (stage["id"], stage["optional"], functions["optional"]) == ("stage", False, True)
    assert stage["question"] == "哪一级？<script>q</script>"
    keys = {c["id"]: c["key"] for c in stage["choices"]}
    assert keys == {"publish": "1", "interact": "2", "service": "3", "uncodable": "9"}
    assert [c["id"] for c in functions["choices"]] == [
        "functions.also_interact",
        "functions.also_service",
    ]
    assert (why["level"], why["choices"]) == ("text", [])
    assert [v["id"] for v in loaded(other, round="读")["variables"]] == ["gist"]
    tools = loaded(coder, round="账号")
    assert (tools["kind"], [v["id"] for v in tools["variables"]]) == ("account", ["tools"])


def test_every_category_has_a_key_of_its_own_that_is_no_command() -> None:
    given = [Category(id=f"c{n}", label=f"c{n}", hotkey="2" if n == 3 else "") for n in range(40)]
    variable = Variable(id="v", label="v", level="nominal", categories=tuple(given))
    keys = {c.id: key for c, key in _with_keys(variable.choices)}
    assert keys["c3"] == "2"
    assert [keys[f"c{n}"] for n in (0, 1, 2, 4)] == ["1", "3", "4", "5"]
    used = [key for key in keys.values() if key]
    assert len(set(used)) == len(used) > 25
    assert not set(used) & COMMANDS
    assert keys["c39"] == ""


def test_a_post_is_shown_without_its_account(served, coder) -> None:
    unit = served.units("甲")[0]
    number = int(unit[1:])
    answer = coder.get("units", round="final", ids=json.dumps([unit]))
    assert "密号" not in answer.text
    assert answer.json() == [
        {
            "id": unit,
            "title": f"密题{number}<script>t</script>",
            "time": f"2024-03-{number:02d} 09:30",
            "paragraphs": [f"密文{number}<script>x</script>", f"https://e.example/{number} 看"],
            "form": "",
            "links": 1,
            "url": "" if number % 2 else f"https://e.example/p{number}",
            "account": "",
            "details": [],
        }
    ]


def test_a_round_may_show_the_account(served, coder) -> None:
    path = served.study.rounds / "final.toml"
    text = path.read_text("utf-8")
    assert "account_shown = false" in text
    path.write_text(text.replace("account_shown = false", "account_shown = true"), "utf-8")
    unit = served.units("甲")[0]
    answer = coder.get("units", round="final", ids=json.dumps([unit]))
    assert answer.json()[0]["account"].startswith("密号")


def test_an_account_is_shown_with_what_is_known_of_it(served, coder) -> None:
    answer = coder.get("units", round="账号", ids='["密号0<script>a</script>"]').json()[0]
    assert (answer["title"], answer["time"], answer["url"]) == ("密号0<script>a</script>", "", "")
    assert answer["details"] == [["sector", "卫生<script>s</script>"], ["posts", "4"]]


def test_units_come_in_the_order_asked_and_only_if_all_are_ones_own(served, coder, other) -> None:
    mine, theirs = served.units("甲"), served.units("乙")
    ids = [mine[1], mine[0]]
    assert [u["id"] for u in coder.get("units", round="final", ids=json.dumps(ids)).json()] == ids
    for ids in (theirs[:1], [mine[0], theirs[0]], served.units("乙", round_="读")[:1]):
        answer = coder.get("units", round="final", ids=json.dumps(ids))
        assert answer.status_code == 404
        assert "密" not in answer.text
    assert coder.get("work", round="读").status_code == 404
    reading = served.units("乙", round_="读")[0]
    assert coder.get("units", round="读", ids=json.dumps([reading])).status_code == 404
    assert other.get("units", round="读", ids=json.dumps([reading])).status_code == 200


# -- second looks ---------------------------------------------------------------------------


def test_after_a_changed_definition_the_units_it_may_concern_are_offered_again(
    served, coder, other
) -> None:
    concerned, fine = served.units("甲", "乙")[:2]
    coder.code(concerned, "interact", memo="先")
    coder.code(fine, "publish")
    other.code(fine, "interact")
    assert "可以再看一遍" not in coder.get().text
    served.rewrite_codebook(*NEW_VERSION)
    assert "1 条可能受影响，可以再看一遍" in coder.get().text
    assert 'href="code?round=final&amp;again=true"' in coder.get().text
    given = loaded(coder, again="true")
    assert (given["version"], given["note"], given["again"]) == ("1.1", "互动从严", True)
    assert given["units"] == [
        {
            "id": concerned,
            "done": False,
            "answers": {"stage": "interact"},
            "memo": "先",
            "confidence": "",
        }
    ]
    assert [u["id"] for u in loaded(other, again="true")["units"]] == [fine]
    in_round = {u["id"]: u["done"] for u in loaded(coder)["units"]}
    assert (in_round[concerned], in_round[fine]) == (True, True)


def test_a_second_look_is_a_code_of_the_new_version_and_the_first_stays(served, coder) -> None:
    unit = served.units("甲", "乙")[0]
    coder.code(unit, "interact")
    served.rewrite_codebook(*NEW_VERSION)
    late = coder.save(unit, {"stage": "interact"})
    assert (late.status_code, late.json()) == (409, {"word": "other_version"})
    coder.code(unit, "interact", version="1.1")
    assert served.record("value", "codebook_version") == [("interact", "1.0"), ("interact", "1.1")]
    assert loaded(coder, again="true")["units"] == []
    assert "可以再看一遍" not in coder.get().text


def test_a_changed_rule_concerns_every_code_of_its_variable(served, coder) -> None:
    units = served.units("甲")[:2]
    coder.code(units[0], "publish")
    coder.code(units[1], "service")
    served.rewrite_codebook(NEW_VERSION[0], ('question = "哪一级？', 'question = "最高是哪一级？'))
    again = work(served.room, "甲", served.room.rounds()["final"], again=True)
    assert [u["id"] for u in again["units"]] == units
