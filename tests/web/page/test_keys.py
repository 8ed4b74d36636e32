"""Coding by key: what is stored is what was pressed while the post was on the screen."""

import itertools

VALUES = {"1": "publish", "2": "interact", "3": "service", "4": "cooperate", "9": "uncodable"}
DISPATCH = """keys => keys.forEach(([key, code, more]) =>
    document.getElementById('post').dispatchEvent(
        new KeyboardEvent('keydown', { key, code, bubbles: true, cancelable: true, ...more })))"""


def values(rows, variable="stage"):
    return [(row["unit"], row["value"]) for row in rows if row["variable"] == variable]


def test_a_hundred_posts_are_coded_by_key_alone(visit, served):
    window = visit("甲").open("hundred")
    keys = itertools.islice(itertools.cycle("12314921"), 100)
    wanted = []
    for n, key in enumerate(keys, 1):
        assert window.text("place") == f"第 {n} / 100 条"
        wanted.append((window.code(key, then=n + 1 if n < 100 else 0), VALUES[key]))
        assert window.text("progress") == f"已编 {n} / 100"
        assert bool(window.text("pace")) is (5 <= n < 100)
    assert window.text("title") == "这一轮都编完了，谢谢！"
    assert window.page.query_selector("button.choice") is None
    window.saved()
    assert values(served.stored("hundred")) == wanted
    assert len({unit for unit, _ in wanted}) == 100
    assert all(float(row["seconds"]) < 60 for row in served.stored("hundred"))
    window.page.goto(window.home)
    assert "已编 100 / 100" in window.page.text_content("main")


def test_a_slip_is_undone_and_a_correction_is_a_second_code(visit, served):
    window = visit("甲").open("slips")
    window.press("m")
    window.page.keyboard.insert_text("像是商业推广，见 2.3 条")
    window.press("Enter", "c", "2")
    slip = window.code("4", then=2)
    assert window.text("said") == "上一条: 合作"
    window.press("u")
    window.at(1)
    assert window.text("said") == "已撤销，请重新编码"
    assert window.page.input_value("#memo") == "像是商业推广，见 2.3 条"
    assert window.code("1", then=2) == slip
    window.press("u")
    window.at(1)
    window.press("u")
    assert window.text("said") == "只能撤销刚才的一次；更早的请返回那一条更正"
    assert window.code("2", then=2) == slip
    second = window.code("3", then=3)
    window.press("ArrowLeft")
    window.at(2)
    assert window.text("said").startswith("这一条你编过，再编一次会作为更正存下")
    assert window.page.get_attribute("[aria-pressed=true]", "id") == "q-stage-service"
    assert window.code("1", then=3) == second
    window.press("ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowLeft")
    window.at(1)
    window.press("e")
    window.at(3)
    window.saved()
    rows = served.stored("slips")
    assert [(row["kind"], row["value"]) for row in rows] == [
        ("independent", "cooperate"), ("withdrawn", "cooperate"), ("independent", "publish"),
        ("withdrawn", "publish"), ("independent", "interact"), ("independent", "service"),
        ("independent", "publish"),
    ]  # fmt: skip
    assert [row["unit"] for row in rows] == [slip] * 5 + [second] * 2
    assert rows[1]["memo"] == rows[0]["save_id"]
    assert rows[4]["memo"] == "像是商业推广，见 2.3 条"
    assert rows[4]["confidence"] == "2"


def test_a_key_pressed_before_the_next_post_is_shown_is_not_for_it(visit, served):
    window = visit("甲").open("early")
    keys = [[key, f"Digit{key}", {}] for key in "2134"]
    window.page.evaluate(DISPATCH, keys)
    window.at(2)
    window.page.keyboard.down("3")
    for _ in range(5):
        window.page.keyboard.down("3")
        window.page.evaluate("new Promise(done => setTimeout(done, 30))")
    window.page.keyboard.up("3")
    window.at(3)
    window.saved()
    coded = values(served.stored("early"))
    assert [value for _, value in coded] == ["interact", "service"]
    assert len({unit for unit, _ in coded}) == 2


def test_keys_without_waiting_code_only_what_was_shown(visit, served):
    window = visit("甲").open("mouse")
    window.page.evaluate(
        """() => {
            const title = document.getElementById('title');
            window.pressed = []; window.painted = { [title.textContent]: 0 };
            addEventListener('keydown', event => pressed.push([event.key, event.timeStamp]), true);
            new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
                painted[title.textContent] ??= performance.now(); })))
                .observe(title, { childList: true }); }"""
    )
    window.press(*"12341")
    window.page.wait_for_timeout(100)
    window.saved()
    pressed, painted = window.page.evaluate("pressed"), window.page.evaluate("painted")
    assert len(pressed) == 5
    coded = values(served.stored("mouse"))
    assert 1 <= len(coded) == len({unit for unit, _ in coded})
    keys = iter(pressed)
    for unit, value in coded:
        title = f"第 {int(unit[1:])} 号：物业管理条例修订"
        key, time = next(one for one in keys if VALUES[one[0]] == value)
        assert time > painted[title] - 2, (key, title)


def test_a_double_click_codes_one_post_and_the_space_bar_none(visit, served):
    window = visit("甲").open("refused")
    box = window.page.locator("#q-stage-publish").bounding_box()
    window.page.wait_for_timeout(350)
    for _ in range(2):
        window.page.mouse.click(box["x"] + 5, box["y"] + 5)
        window.at(2)
    window.page.wait_for_timeout(350)
    window.press("Space")
    window.at(2)
    window.saved()
    assert [value for _, value in values(served.stored("refused"))] == ["publish"]


def test_digits_under_an_input_method(visit, served):
    window = visit("甲").open("ime")
    for keys, then in (
        (["2", "Digit2", {"isComposing": True}], 1),
        (["Process", "Digit2", {}], 2),
        (["２", "Digit2", {}], 3),
        (["Process", "Numpad4", {}], 4),
    ):
        window.page.evaluate(DISPATCH, [keys])
        window.page.evaluate("new Promise(done => setTimeout(done, 50))")
        window.at(then)
    window.saved()
    coded = [value for _, value in values(served.stored("ime"))]
    assert coded == ["interact", "interact", "cooperate"]


def test_commands_under_an_input_method(visit):
    window = visit("甲").open("ime")
    window.page.evaluate(DISPATCH, [["、", "Slash", {}]])
    assert window.page.evaluate("document.activeElement.id") == "search"
    window.press("Escape")
    window.page.evaluate(DISPATCH, [["Process", "KeyM", {}]])
    assert window.page.evaluate("document.activeElement.id") == "memo"
    window.press("Escape")
    window.page.evaluate(DISPATCH, [["ArrowLeft", "Numpad4", {}]])
    assert window.page.evaluate("document.activeElement.id") == "post"


def test_several_variables_by_key(visit, served):
    window = visit("甲").open("several")
    window.page.wait_for_timeout(350)
    window.press("3", "1", "2", "1")
    assert window.page.evaluate(
        "[...document.querySelectorAll('[aria-pressed=true]')].map(b => b.id)"
    ) == ["q-stage-service", "q-functions-functions.also_interact"]
    first = window.code("Enter", then=2)
    assert window.text("said") == "上一条: 服务 · 兼有互动"
    window.page.wait_for_timeout(350)
    window.press("Enter")
    assert window.text("said") == "请先回答：实践阶段"
    second = window.code("Enter", then=2)
    window.page.wait_for_timeout(350)
    window.press("1", "Enter")
    window.at(3)
    window.saved()
    parts = {(row["unit"], row["variable"]): row["value"] for row in served.stored("several")}
    names = ("stage", *(f"functions.also_{name}" for name in ("publish", "interact", "service")))
    assert parts == {
        **dict(zip([(first, name) for name in names], ["service", "0", "1", "0"], strict=True)),
        **dict(zip([(second, name) for name in names], ["publish", "0", "0", "0"], strict=True)),
    }


def test_a_text_is_typed_and_its_letters_are_no_commands(visit, served):
    window = visit("甲").open("texts")
    window.press("2")
    assert window.page.evaluate("document.activeElement.id") == "q-topic"
    window.page.keyboard.type("1u em物业c")
    first = window.code("Enter", then=2)
    assert window.page.evaluate("document.activeElement.id") == "post"
    window.press("1", "Control+Enter")
    window.at(3)
    assert window.page.evaluate("document.activeElement.id") == "post"
    window.saved()
    rows = served.stored("texts")
    assert [(row["variable"], row["value"]) for row in rows] == [
        ("stage", "interact"), ("topic", "1u em物业c"), ("stage", "publish"),
    ]  # fmt: skip
    assert [row["unit"] == first for row in rows] == [True, True, False]


def test_an_account_is_coded_with_what_is_known_of_it(visit, served):
    window = visit("甲").open("accounts")
    details = window.page.inner_text("#details")
    for words in (
        "sector",
        "综合",
        "2023-12-18 菜单记录：话题圈、随手拍",
        "javascript:alert(1)",
        "推文数",
        "240",
    ):
        assert words in details
    links = window.page.eval_on_selector_all("#details a", "all => all.map(a => [a.href, a.rel])")
    assert links == [["https://example.invalid/menu", "noopener noreferrer"]]
    window.page.wait_for_timeout(350)
    window.press("1", "a", "Enter")
    window.at(0)
    window.saved()
    rows = served.stored("accounts")
    assert {row["unit"] for row in rows} == {"东篱发布"}
    assert len(rows) == 16
    ticked = [row["variable"] for row in rows if row["value"] == "1"]
    assert ticked == ["inventory.community", "inventory.quick_claim"]
