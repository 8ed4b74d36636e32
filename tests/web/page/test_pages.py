"""The pages as people meet them: coder and lead, wide and narrow, by eye, ear and key."""

import pytest
from axe_core_python.sync_playwright import Axe

SIZES = [(390, 844), (390, 667), (1280, 720)]
INSIDE = """selector => [...document.querySelectorAll(selector)].map(one => {
    const box = one.getBoundingClientRect();
    const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return one.contains(hit) && box.top >= 0 && box.bottom <= innerHeight && box.right <= innerWidth
        && box.height >= 40 })"""
FOCUSED = """() => { const now = document.activeElement, style = getComputedStyle(now);
    return [now.id || now.textContent.trim(), style.outlineStyle + ' ' + style.outlineWidth] }"""


def violations(page):
    found = Axe().run(page)["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found]


@pytest.fixture(scope="module")
def coded(browser, served):
    """Both coders have coded the round `two`, and differ on the third post, where 乙 left a memo."""
    for name, keys in (("甲", "123123"), ("乙", "122123")):
        context = browser.new_context(locale="zh-CN")
        page = context.new_page()
        page.goto(served.links[name])
        page.goto(f"{page.url}code?round=two")
        page.wait_for_selector("button.choice")
        for n, key in enumerate(keys, 1):
            page.wait_for_selector(f"#place >> text=第 {n} / 6 条")
            page.wait_for_timeout(60)
            if n == 3 and name == "乙":
                page.keyboard.press("m")
                page.keyboard.insert_text("<script>window.__hacked = true</script>只是邀请留言")
                page.keyboard.press("Enter")
                third = page.text_content("#title")
            page.keyboard.press(key)
        page.wait_for_selector("#progress >> text=已编 6 / 6")
        page.wait_for_selector("#saved >> text=都已保存")
        context.close()
    return third


def test_the_lead_settles_what_two_coders_differ_on(visit, served, coded):
    window = visit("lead")
    page = window.page
    card = page.locator("section.card", has_text="two")
    assert card.locator("tbody").first.locator("tr").all_inner_texts()[0].split()[:4] == [
        "甲",
        "6",
        "6",
        "0",
    ]
    assert card.locator("tbody").first.locator("tr").all_inner_texts()[1].split()[:4] == [
        "乙",
        "6",
        "6",
        "0",
    ]
    assert "α" in card.inner_text()
    card.get_by_role("link", name="1 待裁定").click()
    page.locator("main a", has_text="裁定").click()
    assert page.text_content("h1") == coded
    rows = page.locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[:2] for row in rows] == [["甲", "服务"], ["乙", "互动"]]
    assert "<script>window.__hacked = true</script>只是邀请留言" in rows[1]
    assert page.evaluate("() => window.__hacked") is None
    page.get_by_label("互动").check()
    page.get_by_label("理由").fill("按第 4 条规则")
    page.get_by_role("button", name="裁定").click()
    assert page.text_content("main p") == "没有待裁定的分歧。"
    settled = [r for r in served.stored("two", coder="consensus") if r["kind"] == "settled"]
    assert [(r["value"], r["memo"]) for r in settled] == [("interact", "按第 4 条规则")]
    page.goto(f"{window.home}drift?round=two")
    assert page.locator("tbody tr").count() == 8
    coder = visit("乙")
    for address in ("", "code?round=two"):
        coder.page.goto(coder.home + address)
        shown = coder.page.inner_text("body")
        assert not [word for word in ("α", "一致率", "分歧", "裁定", "甲") if word in shown]


def test_a_script_in_a_post_is_text(visit):
    window = visit("甲").open("odd")
    seen = {}
    for place in (1, 2):
        window.at(place)
        seen[window.text("title")[:8]] = (
            window.page.inner_text("#text"),
            window.page.eval_on_selector_all("#meta a", "all => all.length"),
        )
        window.press("ArrowRight")
    text, links = seen["<script>"]
    assert text.split("\n\n") == [
        "<img src=x onerror='window.__hacked = true'>",
        "</script><script>window.__hacked = true</script>",
    ]
    assert links == 0
    assert seen["最长的一条，最长"][1] == 1
    assert window.page.evaluate("() => window.__hacked") is None


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_category_is_in_reach_beside_the_longest_post(visit, width, height):
    window = visit("甲", viewport={"width": width, "height": height}, has_touch=True).open("odd")
    page = window.page
    if not window.text("title").startswith("最长"):
        window.press("ArrowRight")
        window.at(2)
    assert page.eval_on_selector_all("#text p", "all => all.length") == 78
    assert len(window.text("text")) > 20_000
    assert (
        page.evaluate(INSIDE, "#questions button, .moves button, #memo, #confidence") == [True] * 12
    )
    assert page.evaluate("() => document.scrollingElement.scrollWidth") <= width
    assert page.evaluate("() => document.scrollingElement.scrollHeight") <= height
    assert page.evaluate("() => post.clientHeight") > height / 4
    page.tap("#post")
    page.evaluate("() => post.scrollTo(0, post.scrollHeight)")
    assert page.evaluate("() => post.scrollTop") > 1000
    last = page.locator("#text p").last.bounding_box()
    assert last["y"] + last["height"] <= page.locator("#post").bounding_box()["y"] + page.evaluate(
        "() => post.clientHeight"
    )


def test_a_tap_codes(visit, served):
    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    window = visit("甲", **options).open("tab")
    window.page.wait_for_timeout(350)
    window.page.tap("#q-stage-cooperate")
    window.at(2)
    window.saved()
    assert [row["value"] for row in served.stored("tab")] == ["cooperate"]
    window.page.tap("#undo")
    window.at(1)
    window.saved()
    assert [row["kind"] for row in served.stored("tab")] == ["independent", "withdrawn"]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_rules_are_searched_by_key(visit, width):
    window = visit("甲", viewport={"width": width, "height": 720}).open("look")
    page = window.page
    assert page.is_visible("#rules-text") is (width > 800)
    window.press("/")
    page.keyboard.insert_text("有奖竞答")
    assert page.locator("#rules-text .rule:visible").all_inner_texts()[0].startswith("2 互动")
    assert page.locator("#rules-text li:visible").count() == 0
    window.press("Escape")
    assert page.evaluate("() => document.activeElement.id") == "post"
    window.press("/")
    page.keyboard.insert_text("没有这样的规则")
    assert page.is_visible("#nothing-found")
    assert page.locator("#rules-text > :visible").count() == 0
    page.fill("#search", "")
    assert page.locator("#rules-text li:visible").count() == 14


def test_the_tab_key_goes_through_in_order_and_is_seen(visit):
    window = visit("甲").open("look")
    window.page.focus("header a")
    order = []
    for _ in range(17):
        window.press("Tab")
        name, outline = window.page.evaluate(FOCUSED)
        assert outline == "solid 3px", name
        order.append(name)
    choices = [name for name in order if name.startswith("q-")]
    assert choices[0] == "q-stage-publish"
    assert len(choices) == 8
    rest = order[order.index(choices[-1]) + 1 :]
    assert rest == ["memo", "confidence", "next", "next-open", "save", "规则与示例 /", "search"]
    assert order[:3] == ["English", "查看原文", "q-stage-publish"]


def test_what_was_done_is_said(visit):
    window = visit("甲").open("look")
    assert (
        window.page.eval_on_selector("#said", "one => one.closest('[aria-live=polite]').id")
        == "post"
    )
    assert window.page.get_attribute("#trouble", "role") == "alert"
    assert window.text("said") == ""
    window.page.wait_for_timeout(350)
    window.press("2", "Enter")
    window.at(2)
    assert window.text("said") == "上一条: 互动"
    window.press("u")
    window.at(1)
    assert window.text("said") == "已撤销，请重新编码"


SAID = {
    "lead": ("编码进度 已编 Krippendorff 更正", "The coding, Coded, Krippendorff, Corrected"),
    "disagreements": ("分歧", "Disagreements"),
    "drift": ("编码漂移 与其他编码员一致", "Drift, Agree with other coders"),
    "settle": ("第一个编码 理由 由谁裁定", "First code, Reason, Settled by"),
    "rounds": ("你的编码任务 开始", "Your rounds, Begin, of 14 coded"),
    "accounts": ("可多选 推文数 规则与示例", "tick all that apply, posts, Rules and examples"),
    "code": (
        "连接断了。1 已编 撤销 备注 按键：数字编码",
        "The connection is lost. 1, of 3 coded, Undo, Next uncoded, Memo, Keys: digits code",
    ),
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_in_both_languages_with_nothing_to_hinder_anybody(
    visit, coded, served, language
):
    """Each page has its words, and axe finds nothing; the narrow page in both, the wide in one."""
    chinese = language == "zh"
    violated, unsaid = {}, {}

    def look(window, what):
        shown = window.page.inner_text("body")
        words = SAID[what][0].split(" ") if chinese else SAID[what][1].split(", ")
        unsaid[what] = [word for word in words if word not in shown]
        for width in (1280, 390) if chinese else (390,):
            window.page.set_viewport_size({"width": width, "height": 844})
            violated[what, width] = violations(window.page)
        window.page.set_viewport_size({"width": 1280, "height": 844})

    lead, coder = visit("lead"), visit("甲")
    coder.expected = "ERR_INTERNET_DISCONNECTED"
    if not chinese:
        for window in (lead, coder):
            window.page.click("text=English")
            window.page.wait_for_selector("text=中文")
            assert window.page.get_attribute("html", "lang") == "en"
    look(lead, "lead")
    unit = served.stored("two")[2]["unit"]
    for page in ("disagreements", "drift", "settle"):
        lead.page.goto(f"{lead.home}{page}?round=two&variable=stage&unit={unit}")
        look(lead, page)
    look(coder, "rounds")
    look(coder.open("accounts"), "accounts")
    coder.open(language).page.context.set_offline(True)
    coder.page.wait_for_timeout(350)
    coder.press("2", "Enter")
    coder.page.wait_for_selector("#trouble:visible")
    look(coder, "code")
    assert {what: words for what, words in unsaid.items() if words} == {}
    assert {where: some for where, some in violated.items() if some} == {}


def test_the_policy_lets_nothing_out_and_the_font_is_here(visit, served):
    window = visit("甲", locale="zh-CN").open("look")
    window.expected = "Content Security Policy"
    window.page.evaluate("() => fetch('http://127.0.0.2:9/').catch(() => {})")
    assert any("connect-src" in said for said in window.complaints)
    window.page.context.unroute("**/font.otf")
    window.page.reload()
    window.page.evaluate("() => document.fonts.load('16px stagemix', '发')")
    assert window.page.evaluate("() => document.fonts.check('16px stagemix', '发')")
    window.asked = [url for url in window.asked if "127.0.0.2" not in url]
