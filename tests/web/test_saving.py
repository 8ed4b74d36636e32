"""From answers to codes on disk: stored before the answer, once, and only what fits the study."""

import json
import sqlite3

from stagemix.codes.store import CodeStore


def on_disk(served) -> list[tuple[str, ...]]:
    """What another program sees of the codes at this moment."""
    db = sqlite3.connect(served.study.coding / "codes.sqlite")
    rows = db.execute("SELECT unit, coder, variable, value, kind FROM codes ORDER BY number")
    found = rows.fetchall()
    db.close()
    return found


def test_a_save_is_on_disk_when_it_is_answered_with_all_it_says(served, coder) -> None:
    unit = served.units("甲")[0]
    answers = {
        "stage": "service",
        "functions.also_interact": "1",
        "functions.also_service": "0",
        "why": "有“预约”入口",
    }
    body = coder.body(unit, answers, memo="第一行\r\n第二行\r第三行", confidence="2", seconds=12.34)
    answer = coder.send("save", body)
    assert (answer.status_code, answer.json()) == (200, {"saved": body["save_id"]})
    assert on_disk(served) == [
        (unit, "甲", name, value, "independent") for name, value in answers.items()
    ]
    first, *rest = served.room.store.record().to_dict("records")
    said = {
        "memo": "第一行\n第二行\n第三行",
        "confidence": "2",
        "seconds": "12.3",
        "round": "final",
    }
    assert {name: first[name] for name in said} == said
    for row in (first, *rest):
        assert row["codebook_version"] == "1.0"
        assert row["save_id"] == body["save_id"]
        assert row["coded_at"] == "2026-03-02T09:00:00.000+08:00"
    assert {row[name] for row in rest for name in ("memo", "confidence", "seconds")} == {""}


def test_sent_again_it_is_stored_once(served, coder) -> None:
    body = coder.body(served.units("甲")[0], {"stage": "publish"}, memo="a\r\nb")
    answers = [coder.send("save", body) for _ in range(3)]
    assert [a.json() for a in answers] == [{"saved": body["save_id"]}] * 3
    served.restart()
    again = served.again(coder)
    assert again.send("save", body).status_code == 200
    assert len(on_disk(served)) == 1


def test_the_same_id_with_anything_else_is_refused(served, coder) -> None:
    unit, elsewhere = served.units("甲")[:2]
    body = coder.body(unit, {"stage": "publish"})
    coder.send("save", body)
    more = {"stage": "publish", "why": "x"}
    for change in ({"answers": {"stage": "service"}}, {"unit": elsewhere}, {"answers": more}):
        answer = coder.send("save", body | change)
        assert (answer.status_code, answer.json()) == (409, {"word": "other_answers"})
    assert on_disk(served) == [(unit, "甲", "stage", "publish", "independent")]


def test_another_coder_may_have_the_same_id(served, coder, other) -> None:
    unit = served.units("甲", "乙")[0]
    body = coder.body(unit, {"stage": "publish"})
    assert coder.send("save", body).status_code == 200
    assert other.send("save", body | {"answers": {"stage": "service"}}).status_code == 200
    assert [row[1:4:2] for row in on_disk(served)] == [("甲", "publish"), ("乙", "service")]


def test_a_text_that_is_optional_can_be_taken_back(served, coder) -> None:
    mine = served.units("甲")[0]
    coder.save(mine, {"stage": "publish", "why": "x"})
    assert coder.save(mine, {"stage": "publish", "why": ""}).status_code == 200
    units = coder.get("work", round="final").json()["units"]
    held = next(unit for unit in units if unit["id"] == mine)
    assert held["answers"] == {"stage": "publish", "why": ""}


def test_what_does_not_fit_the_study_is_refused_with_the_reason(served, coder) -> None:
    mine, theirs = served.units("甲")[0], served.units("乙")[0]
    whole = {"functions.also_interact": "1", "functions.also_service": "0"}
    cases = [
        ("not_yours", theirs, {"stage": "publish"}, {}),
        ("not_yours", "nobody", {"stage": "publish"}, {}),
        ("not_yours", mine, {"stage": "publish"}, {"round": "none"}),
        ("not_yours", served.units("乙", round_="读")[0], {"gist": "x"}, {"round": "读"}),
        ("other_version", mine, {"stage": "publish"}, {"version": "0.9"}),
        ("not_answered", mine, {"why": "x"}, {}),
        ("not_answered", mine, {"stage": "publish", "functions.also_interact": "1"}, {}),
        ("not_answered", mine, whole, {}),
        ("unknown_variable", mine, {"stage": "publish", "mood": "1"}, {}),
        ("unknown_variable", mine, {"stage": "publish", "gist": "not asked in this round"}, {}),
        ("unknown_variable", mine, {"stage": "publish", "functions": "1"}, {}),
        ("unknown_value", mine, {"stage": "cooperate"}, {}),
        ("unknown_value", mine, {"stage": ""}, {}),
        ("unknown_value", mine, {"stage": "发布"}, {}),
        ("unknown_value", mine, {"stage": "publish", **whole, "functions.also_service": "2"}, {}),
        ("unknown_value", mine, {"stage": "publish", "why": " \n "}, {}),
    ]  # fmt: skip
    for word, unit, answers, change in cases:
        answer = coder.save(unit, answers, **change)
        assert (answer.status_code, answer.json()) == (409, {"word": word}), (word, answers)
    assert on_disk(served) == []


def test_uncodable_and_optional_answers_may_be_given_or_not(served, coder) -> None:
    first, second = served.units("甲")[:2]
    whole = {"functions.also_interact": "0", "functions.also_service": "0"}
    assert coder.save(first, {"stage": "uncodable"}).status_code == 200
    assert coder.save(second, {"stage": "publish", **whole}).status_code == 200
    assert coder.save(second, {"stage": "publish", "why": "全是报道"}).status_code == 200


def test_texts_and_accounts_are_coded_too(served, coder, other) -> None:
    post, account = served.units("乙", round_="读")[0], served.units("甲", "乙", round_="账号")[0]
    assert other.save(post, {"gist": "通知停水"}, round="读").status_code == 200
    assert other.save(post, {"gist": ""}, round="读").json() == {"word": "unknown_value"}
    tools = {"tools.booking": "1", "tools.payment": "0"}
    assert coder.save(account, tools, round="账号").status_code == 200
    assert coder.save(account, {"tools.booking": "1"}, round="账号").json() == {
        "word": "not_answered"
    }
    assert served.record("round", "unit", "value") == [
        ("读", post, "通知停水"),
        ("账号", account, "1"),
        ("账号", account, "0"),
    ]


def test_a_correction_is_a_second_code(served, coder) -> None:
    unit = served.units("甲")[0]
    coder.code(unit, "publish", memo="先")
    coder.code(unit, "service", memo="后")
    assert served.record("value", "memo") == [("publish", "先"), ("service", "后")]
    held = next(u for u in coder.get("work", round="final").json()["units"] if u["id"] == unit)
    assert (held["answers"], held["memo"]) == ({"stage": "service"}, "后")


# -- undo -----------------------------------------------------------------------------------


def test_an_undone_code_stays_on_record_and_stands_no_more(served, coder) -> None:
    unit = served.units("甲")[0]
    saved = coder.save(unit, {"stage": "publish", "why": "x"}, memo="手滑").json()["saved"]
    answer = coder.undo(saved, save_id="undo" * 4)
    assert (answer.status_code, answer.json()) == (200, {"saved": "undo" * 4})
    assert on_disk(served) == [
        (unit, "甲", "stage", "publish", "independent"),
        (unit, "甲", "why", "x", "independent"),
        (unit, "甲", "stage", "publish", "withdrawn"),
        (unit, "甲", "why", "x", "withdrawn"),
    ]
    assert served.record("memo")[2:] == [(saved,), (saved,)]
    assert served.room.store.codes().empty
    held = next(u for u in coder.get("work", round="final").json()["units"] if u["id"] == unit)
    assert (held["done"], held["answers"]) == (False, {})
    coder.code(unit, "service")
    assert list(served.room.store.codes()["value"]) == ["service"]


def test_an_undo_sent_again_is_stored_once(served, coder) -> None:
    saved = coder.code(served.units("甲")[0], "publish")
    for _ in range(3):
        assert coder.undo(saved, save_id="undo" * 4).status_code == 200
    assert [row[4] for row in on_disk(served)] == ["independent", "withdrawn"]


def test_a_save_that_comes_again_after_it_was_undone_stays_undone(served, coder) -> None:
    body = coder.body(served.units("甲")[0], {"stage": "publish"})
    coder.send("save", body)
    coder.undo(body["save_id"])
    assert coder.send("save", body).status_code == 200
    assert served.room.store.codes().empty


def test_only_the_last_save_of_ones_own_can_be_undone(served, coder, other) -> None:
    shared = served.units("甲", "乙")[0]
    earlier = coder.code(shared, "publish")
    theirs = other.code(shared, "service")
    last = coder.code(served.units("甲")[0], "publish")
    refused = (409, {"word": "not_the_last"})
    undone = coder.undo(last, save_id="undo" * 4)
    assert undone.status_code == 200
    for undoes, save_id in (
        (earlier, "n" * 16),
        (theirs, "n" * 16),
        ("none" * 4, "n" * 16),
        ("undo" * 4, "n" * 16),  # an undo is not undone
        (earlier, "undo" * 4),  # an id that another undo has
        (last, last),
    ):
        answer = coder.undo(undoes, save_id=save_id)
        assert (answer.status_code, answer.json()) == refused, (undoes, save_id)
    assert len(served.room.store.codes()) == 2
    assert len(on_disk(served)) == 4


def test_an_id_that_an_undo_has_is_none_for_a_save(served, coder) -> None:
    unit = served.units("甲")[0]
    coder.undo(coder.code(unit, "publish"), save_id="undo" * 4)
    answer = coder.save(unit, {"stage": "publish"}, save_id="undo" * 4)
    assert (answer.status_code, answer.json()) == (409, {"word": "other_answers"})


# -- the machine ----------------------------------------------------------------------------


def test_after_a_restart_the_session_works_and_nothing_is_lost(served, coder, other) -> None:
    unit = served.units("甲", "乙")[0]
    saved = coder.code(unit, "publish")
    other.code(unit, "service")
    before = on_disk(served)
    served.restart()
    assert on_disk(served) == before
    again = served.again(coder)
    assert again.token == coder.token
    assert again.undo(saved).status_code == 200
    again.code(unit, "interact")
    assert [row[3] for row in on_disk(served)] == ["publish", "service", "publish", "interact"]


def test_whatever_a_coder_writes_the_csv_of_the_round_gives_it_back(served, coder) -> None:
    texts = [
        "a\rb",
        "a\r\nb\n",
        '"',
        '",',
        "'",
        "=1+1",
        "NA",
        "a\u2028",
        "\ufeff",
        "\x1a\x1b",
        "🀄",
        " x ",
    ]
    unit = served.units("甲")[0]
    for text in texts:
        assert coder.save(unit, {"stage": "publish", "why": text}, memo=text).status_code == 200
    served.room.store.write_files(["final"])
    before = served.record("value", "memo", "save_id")
    assert len(before) == 2 * len(texts)
    served.close()
    for path in served.study.coding.glob("codes.sqlite*"):
        path.unlink()
    rebuilt = CodeStore(served.study.coding).record()[["value", "memo", "save_id"]]
    assert list(rebuilt.itertuples(index=False, name=None)) == before


def test_while_another_program_writes_a_save_is_told_to_wait_and_succeeds_after(
    served, coder, monkeypatch
) -> None:
    monkeypatch.setattr("stagemix.web.room.PATIENCE", 0.1)
    served.restart()
    coder = served.again(coder)
    body = coder.body(served.units("甲")[0], {"stage": "publish"})
    path = served.study.coding / "codes.sqlite"
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        assert coder.get("work", round="final").status_code == 200
        answer = coder.send("save", body)
    finally:
        db.execute("ROLLBACK")
        db.close()
    assert answer.status_code == 503
    assert answer.json() == {
        "word": "disk",
        "why": f"{path}: database is locked; close other programs that use it, and see that it can "
        "be written and the disk has room",
    }
    assert on_disk(served) == []
    assert coder.send("save", body).status_code == 200
    assert len(on_disk(served)) == 1


def test_a_round_that_cannot_be_read_is_told_as_what_hinders(served, coder) -> None:
    body = coder.body(served.units("甲")[0], {"stage": "publish"})
    sample = served.study.rounds / "final.sample.csv"
    kept = sample.read_bytes()
    sample.write_text("post_id\n", "utf-8")
    answer = coder.send("save", body)
    assert (answer.status_code, answer.json()["word"]) == (503, "disk")
    assert str(sample) in answer.json()["why"]
    assert coder.get().status_code == 503
    sample.write_bytes(kept)
    assert coder.send("save", body).status_code == 200


def test_answers_are_plain_json(coder) -> None:
    answer = coder.save("nobody", {"stage": "publish"})
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.content) == {"word": "not_yours"}
