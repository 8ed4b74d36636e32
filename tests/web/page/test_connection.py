"""What happens to codes while the network or the server is away: nothing is lost, none stored twice."""

import re
import shutil

import pytest


@pytest.fixture(scope="module")
def own(study_to_serve, serve, tmp_path_factory):
    """A server that a test may kill, over a study that it may change."""
    root = tmp_path_factory.mktemp("自己的") / "研究"
    shutil.copytree(study_to_serve, root)
    return serve(root)


def units(rows):
    return [(row["unit"], row["value"]) for row in rows]


def test_codes_made_offline_wait_in_the_browser(visit, served):
    window = visit("甲").open("offline")
    window.expected = "ERR_INTERNET_DISCONNECTED"
    window.page.context.set_offline(True)
    wanted = []
    for n in range(1, 11):
        wanted.append((window.code("12"[n % 2], then=n + 1), ["publish", "interact"][n % 2]))
    window.page.wait_for_function("() => trouble.textContent.includes('10 条编码暂存在本机')")
    assert window.text("saved") == ""
    assert served.stored("offline") == []
    window.page.context.set_offline(False)
    window.saved()
    assert units(served.stored("offline")) == wanted
    window.open("offline")
    assert window.text("place") == "第 11 / 14 条"


def test_a_killed_server_loses_nothing_that_was_coded_meanwhile(visit, own):
    window = visit("甲", at=own).open("killed")
    window.expected = "ERR_CONNECTION"
    wanted = [(window.code("3", then=n + 1), "service") for n in range(1, 4)]
    window.saved()
    own.kill()
    wanted += [(window.code("1", then=n + 1), "publish") for n in range(4, 8)]
    slip = window.code("4", then=9)
    window.press("u")
    window.at(8)
    window.press("m")
    window.page.keyboard.insert_text("半句")
    window.press("Escape")
    window.page.wait_for_function("() => trouble.textContent.includes('6 条编码暂存在本机')")
    with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
        window.page.reload()
    own.start()
    window.open("killed")
    assert window.text("place") == "第 8 / 12 条"
    assert slip == f"p{int(re.search('第 ([0-9]+) 号', window.text('title'))[1]):03}"
    assert window.page.input_value("#memo") == "半句"
    wanted.append((window.code("2", then=9), "interact"))
    window.saved()
    rows = own.stored("killed")
    withdrawn = {row["memo"] for row in rows if row["kind"] == "withdrawn"}
    assert len(withdrawn) == 1
    kept = [r for r in rows if r["kind"] == "independent" and r["save_id"] not in withdrawn]
    assert units(kept) == wanted
    assert kept[-1]["memo"] == "半句"
    assert len(rows) == len(wanted) + 2


def test_the_rounds_page_sends_what_waits(visit, own):
    window = visit("甲", at=own).open("offline")
    window.expected = "ERR_CONNECTION"
    own.kill()
    wanted = [(window.code("9", then=n + 1), "uncodable") for n in range(1, 3)]
    window.page.goto("about:blank")
    own.start()
    window.page.goto(window.home)
    window.page.wait_for_selector("main >> text=已编 2 / 14")
    assert window.page.is_hidden("#waiting")
    assert units(own.stored("offline")) == wanted


def test_a_save_by_an_old_codebook_is_told_and_its_notes_are_kept(visit, own):
    window = visit("甲", at=own).open("early")
    window.expected = "409"
    book = own.root / "coding" / "codebook.toml"
    book.write_text(
        re.sub("(?m)^version = .*", 'version = "2.0"', book.read_text("utf-8")), "utf-8"
    )
    window.press("m")
    window.page.keyboard.insert_text("见第三段")
    window.press("Enter")
    first = window.code("1", then=2)
    window.page.wait_for_selector("#trouble button")
    assert window.text("trouble") == (
        "有 1 条编码没有被接受：编码表有了新版本，请按新规则再编一次 回到那一条"
    )
    with window.page.expect_navigation():
        window.page.click("#trouble button")
    window.at(1)
    assert window.page.input_value("#memo") == "见第三段"
    assert window.code("2", then=2) == first
    window.saved()
    rows = own.stored("early")
    assert [(r["value"], r["codebook_version"], r["memo"]) for r in rows] == [
        ("interact", "2.0", "见第三段")
    ]
