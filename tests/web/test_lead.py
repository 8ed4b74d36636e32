"""The lead's pages: progress, agreement, disagreements settled, drift, links, versions."""

import re
from html import unescape

import pytest

from stagemix.codes.agreed import agreed_codes
from stagemix.study.coding import draw_round


def text_of(page: str) -> str:
    """What a reader sees of a page, in one line."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def rows_of(page: str) -> list[list[str]]:
    """The cells of every table row of a page."""
    return [
        [text_of(cell).strip() for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)]
        for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    ]


@pytest.fixture
def disputed(served, coder, other) -> list[str]:
    """Four shared units that both coded: they differ on the first two."""
    units = served.units("甲", "乙")
    for unit in units:
        coder.code(unit, "publish", memo=f"甲记{unit}<script>m</script>", confidence="1", seconds=4)
    for unit, stage in zip(units, ["service", "interact", "publish", "publish"], strict=True):
        other.code(unit, stage, seconds=10)
    return units


def test_the_page_says_how_far_each_coder_is(served, coder, lead, disputed) -> None:
    coder.undo(coder.code(served.units("甲")[0], "publish", seconds=9))
    coder.code(disputed[0], "interact", seconds=4)
    rows = rows_of(lead.get().text)
    first, second = (next(row for row in rows if row[0] == name) for name in ("甲", "乙"))
    assert first[:7] == ["甲", "6", "4", "2", "1", "1", "4"]
    assert second[:7] == ["乙", "6", "4", "2", "0", "0", "10"]
    assert "2026-03-02 09:05" < second[7] < first[7] < "2026-03-02 09:20"
    assert ["乙", "3", "0", "3", "0", "0", "–", ""] in rows
    text = text_of(lead.get().text)
    assert re.search("谁编什么: 4 条由全部编码员编.{1,3}4 条由一人编", text)
    assert "读 培训 · 推文 · 抽取 3" in text
    assert "账号 正式编码 · 账号 · 抽取 3" in text


def test_the_page_shows_agreement_from_first_codes_and_apart_from_it_after_discussion(
    served, coder, lead, disputed
) -> None:
    before = lead.get().text
    # four units, two agreed: nominal alpha = 1 - (n - 1) Do / De, worked out from the counts
    # publish 6, service 1, interact 1: Do = 4, pairs that differ 2 (6 + 6 + 1) = 26, alpha = 1 - 7 * 4 / 26
    row = next(row for row in rows_of(before) if row[0] == "stage" and "名义" in row)
    assert row[1:6] == ["1.0", "4", "50.0 %", "名义", f"{1 - 7 * 4 / 26:.3f}"]
    assert "讨论后" not in before
    coder.code(disputed[0], "service")
    after = lead.get().text
    assert next(row for row in rows_of(after) if row[0] == "stage" and "名义" in row) == row
    assert "讨论后（不是信度）" in after
    later = text_of(after.split("讨论后")[1])
    assert "75.0 %" in later
    assert "一致性" not in coder.get().text


def test_without_codes_there_is_no_agreement_and_no_disagreement(lead) -> None:
    page = text_of(lead.get().text)
    assert "一致率" not in page
    assert page.count("分歧: 0 待裁定") == 3
    assert "没有待裁定的分歧。" in lead.get("disagreements", round="final").text
    assert "无" in text_of(lead.get("drift", round="final").text)


def test_disagreements_are_listed_until_they_are_settled(served, lead, disputed) -> None:
    assert "分歧: 2 待裁定" in text_of(lead.get().text)
    page = lead.get("disagreements", round="final").text
    found = re.findall(r'href="(settle\?[^"]+)"', page)
    assert len(found) == 2
    for unit, address in zip(sorted(disputed[:2]), map(unescape, found), strict=True):
        assert address == f"settle?round=final&variable=stage&unit={unit}"
        assert lead.http.get(f"/at/{lead.pid}/{address}").status_code == 200
    assert settle(lead, disputed[0]).status_code == 303
    assert f"unit={disputed[0]}" not in lead.get("disagreements", round="final").text
    assert "分歧: 1 待裁定" in text_of(lead.get().text)


def settle(lead, unit: str, **change: str):
    fields = {"value": "interact", "reason": "正文可投票", "by": "consensus", "name": ""}
    case = {"round": "final", "variable": "stage", "unit": unit}
    return lead.form("settle", **case, **{**fields, **change})


def test_a_unit_is_shown_with_both_coders_codes_side_by_side(
    served, coder, other, lead, disputed
) -> None:
    unit = disputed[0]
    coder.code(unit, "interact", memo="改了", confidence="2")
    page = lead.get("settle", round="final", variable="stage", unit=unit).text
    head, *rows = rows_of(page)
    first, second = (dict(zip(head, row, strict=True)) for row in rows)
    assert first.pop("时间").startswith("2026-03-02 09:")
    assert first == {
        "编码员": "甲",
        "第一个编码": "发布<script>l</script>",
        "现在的编码": "互动",
        "把握": "2",
        "备注": f"甲记{unit}<script>m</script> 改了",
        "版本": "1.0",
    }
    assert [second[name] for name in ("编码员", "第一个编码", "现在的编码", "备注")] == [
        "乙",
        "服务",
        "",
        "",
    ]
    assert f"密文{int(unit[1:])}<script>x</script>" in unescape(page)
    assert "2 待裁定" in text_of(page)


def test_a_settled_value_is_stored_with_its_reason_and_who_settled(served, lead, disputed) -> None:
    answer = settle(lead, disputed[0], reason="第一行\r\n第二行")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"settle?round=final&variable=stage&unit={disputed[1]}"
    answer = settle(
        lead, disputed[1], by="third", name=" 第三人 ", value="service", reason="有入口"
    )
    assert answer.headers["location"] == "disagreements?round=final"
    columns = ("round", "unit", "coder", "variable", "value", "kind", "memo", "codebook_version")
    case = ("stage", "interact", "settled", "第一行\n第二行", "1.0")
    assert served.record(*columns)[-2:] == [
        ("final", disputed[0], "consensus", *case),
        ("final", disputed[1], "第三人", "stage", "service", "settled", "有入口", "1.0"),
    ]
    times = [when for (when,) in served.record("coded_at")[-3:]]
    assert times == sorted(set(times))
    agreed = agreed_codes(served.room.store.codes("final"), variable="stage").codes
    assert agreed.set_index("unit").loc[disputed[:2], "value"].tolist() == ["interact", "service"]
    page = text_of(lead.get("settle", round="final", variable="stage", unit=disputed[1]).text)
    assert "由谁裁定 第三人 服务 有入口" in page


def test_the_form_sent_twice_stores_once_and_sent_changed_the_change(
    served, lead, disputed
) -> None:
    for value in ("interact", "interact", "service", "service", "interact"):
        assert settle(lead, disputed[0], value=value).status_code == 303
    settled = [row for row in served.record("value", "kind") if row[1] == "settled"]
    assert [value for value, _ in settled] == ["interact", "service", "interact"]
    settle(lead, disputed[0], reason="另一个理由")
    settle(lead, disputed[0], reason="另一个理由", by="third", name="丙")
    assert len(served.record("kind")) == 8 + 5


def test_what_is_missing_is_said_and_what_was_typed_stays(served, lead, disputed) -> None:
    reason, name = "请选取值并写理由。", "请写裁定者的姓名。"
    for change, said in (
        ({"reason": ""}, reason),
        ({"reason": " \r\n "}, reason),
        ({"value": ""}, reason),
        ({"value": "cooperate"}, reason),
        ({"by": "third", "name": " "}, name),
    ):
        answer = settle(lead, disputed[0], **{"reason": "写<b>久", "value": "service", **change})
        assert answer.status_code == 200
        assert f'role="alert">{said}<' in answer.text
        assert ("写&lt;b&gt;久</textarea>" in answer.text) == ("reason" not in change)
        assert ('value="service" checked' in answer.text) == ("value" not in change)
    assert "settled" not in {kind for (kind,) in served.record("kind")}


def test_only_what_somebody_coded_in_the_round_can_be_settled(served, lead, disputed) -> None:
    uncoded = served.units("甲")[0]
    for change in ({"variable": "mood"}, {"variable": "why"}, {"round": "none"}, {"round": "读"}):
        case = {"round": "final", "variable": "stage", "unit": disputed[0], **change}
        assert lead.get("settle", **case).status_code == 404
        answer = lead.form("settle", **case, value="publish", reason="x", by="consensus")
        assert answer.status_code == 404
    for unit in (uncoded, "nobody", ""):
        assert settle(lead, unit).status_code == 404
    assert lead.form("settle").status_code == 404
    assert "settled" not in {kind for (kind,) in served.record("kind")}


def test_texts_parts_and_accounts_are_settled_too(served, coder, other, lead) -> None:
    account = served.units("甲", "乙", round_="账号")[0]
    coder.save(account, {"tools.booking": "1", "tools.payment": "0"}, round="账号")
    other.save(account, {"tools.booking": "0", "tools.payment": "0"}, round="账号")
    unit = served.units("甲", "乙")[0]
    coder.save(unit, {"stage": "publish", "why": "甲说"})
    other.save(unit, {"stage": "publish", "why": "乙说"})
    case = {"round": "账号", "variable": "tools.booking", "unit": account}
    assert account == "密号0<script>a</script>"
    assert "sector: 卫生<script>s</script>" in unescape(lead.get("settle", **case).text)
    assert (
        lead.form("settle", **case, value="1", reason="点开了", by="consensus").status_code == 303
    )
    case = {"round": "final", "variable": "why", "unit": unit}
    assert '<input name="value"' in lead.get("settle", **case).text
    assert (
        lead.form("settle", **case, value="合起来说", reason="并", by="consensus").status_code
        == 303
    )
    assert served.record("variable", "value")[-2:] == [("tools.booking", "1"), ("why", "合起来说")]


def test_drift_follows_each_coder_in_blocks(served, lead, disputed) -> None:
    rows = rows_of(lead.get("drift", round="final").text)
    assert rows[0][:3] == ["编码员", "段", "单位数"]
    # one unit a block: the coders differ on the first two
    assert [row[:4] for row in rows if row[0] == "乙"] == [
        ["乙", "1", "1", "0 %"], ["乙", "2", "1", "0 %"], ["乙", "3", "1", "100 %"], ["乙", "4", "1", "100 %"],
    ]  # fmt: skip


def test_links_are_made_and_ended_on_the_page(served, lead) -> None:
    page = lead.get().text
    assert [row[:2] for row in rows_of(page) if row[1:2] == ["没有链接"]] == [
        ["甲", "没有链接"],
        ["乙", "没有链接"],
    ]
    made = lead.form("people", name="甲", do="link")
    assert "甲 的新链接，只显示这一次：" in made.text
    link = re.search(r"http://127\.0\.0\.1:8765(/enter/[\w-]{43})<", made.text)
    assert link is not None
    assert link[1] not in lead.get().text
    assert "有链接，生成于 2026-03-02 09:" in lead.get().text
    assert served.client().get(link[1], follow_redirects=True).status_code == 200
    again = lead.form("people", name="甲", do="link")
    assert served.client().get(link[1]).status_code == 404
    newer = re.search(r"(/enter/[\w-]{43})<", again.text)
    assert newer is not None
    lead.form("people", name="甲", do="revoke")
    assert served.client().get(newer[1]).status_code == 404
    assert "有链接，" not in lead.get().text


def test_links_are_made_for_coders_alone(served, lead) -> None:
    before = served.access.people()
    for name in ("lead", "丁", ""):
        for do in ("link", "revoke"):
            assert lead.form("people", name=name, do=do).status_code == 404
    assert served.access.people() == before
    assert lead.get().status_code == 200


def test_versions_stand_with_their_codes_and_what_has_changed_since(served, coder, lead) -> None:
    units = served.units("甲")[:2]
    coder.code(units[0], "interact")
    coder.code(units[1], "service")
    served.rewrite_codebook(
        ('version = "1.0"', 'version = "1.1"\nnote = "互动<script>n</script>从严"'),
        ('definition = "有来往。"', 'definition = "有来往，且能回应。"'),
        ('label = "大意"', 'label = "大意"\nquestion = "说什么？"'),
    )
    coder.code(units[1], "service", version="1.1")
    page = text_of(lead.get().text)
    assert (
        "版本 1.0 2 个编码 与现行版本不同之处: stage: 定义改过的取值：interact gist: 问题、规则或类别改过"
        in page
    )
    assert (
        "版本 1.1 1 个编码 互动<script>n</script>从严 可再看一遍 : final 1".replace(" :", ":")
        in page
    )


def test_both_languages_have_every_page(served, lead, disputed) -> None:
    lead.http.headers["accept-language"] = "en"
    assert "From each coder's first independent code" in unescape(lead.get().text)
    assert "Disagreements: 2 Open" in text_of(lead.get().text)
    assert "Agree with other coders" in lead.get("drift", round="final").text
    page = lead.get("settle", round="final", variable="stage", unit=disputed[0]).text
    assert "a third person (name)" in page
    assert "Choose a value and give the reason." in settle(lead, disputed[0], reason="").text


def test_a_check_needs_predictions(served, lead) -> None:
    assert "check" not in lead.get().text.split("<h2")[1]
    answer = lead.form("check", each="3", stage="service", coder=["甲"])
    assert answer.status_code == 503
    assert "predictions" in text_of(answer.text)
    answer = lead.form("check", each="²", stage="service", coder=["甲"])
    assert "²: the posts of each account are a whole number" in text_of(answer.text)
    assert len(list(served.study.rounds.glob("*.toml"))) == 3


ODD = "a&b='%23{0}+#é"


def test_odd_names_of_rounds_and_coders_are_names_like_any_other(served, lead) -> None:
    draw_round(
        served.study, served.root / "corpora" / "posts", n=1, name=ODD, coders=[ODD, "甲"],
        design="simple", asks=("stage",),
    )  # fmt: skip
    served.restart()
    lead = served.again(lead)
    assert f"{ODD} 的新链接" in unescape(lead.form("people", name=ODD, do="link").text)
    people = {name: served.enter(name) for name in (ODD, "甲")}
    unit = served.units(ODD, "甲", round_=ODD)[0]
    for (name, visit), stage in zip(people.items(), ["publish", "service"], strict=True):
        address = re.search(r'href="code(\?round=a[^"]*)"', visit.get().text)
        assert address is not None
        work = visit.http.get(f"/at/{visit.pid}/work{address[1]}")
        assert work.json()["round"] == ODD, name
        visit.code(unit, stage, round=ODD)
    for page in ("disagreements", "drift"):
        address = re.search(rf'href="({page}\?round=a[^"]*)"', lead.get().text)
        assert address is not None
        found = lead.http.get(f"/at/{lead.pid}/{unescape(address[1])}")
        assert ODD in unescape(found.text)
    case = {"round": ODD, "variable": "stage", "unit": unit}
    answer = lead.form("settle", **case, value="publish", reason="x", by="third", name=ODD)
    assert answer.status_code == 303
    following = lead.http.get(f"/at/{lead.pid}/{answer.headers['location']}")
    assert (following.status_code, "没有待裁定的分歧。" in following.text) == (200, True)
    served.room.store.write_files([ODD])
    assert served.record("round", "coder", "kind")[-1] == (ODD, ODD, "settled")
