"""The report as a reader gets it: the page in a real browser, the pictures, the workbook."""

import re
from pathlib import Path

import pandas as pd
import pytest

from stagemix.codes.store import CodeStore


def page_of(study: Path) -> str:
    return (study / "reports" / "report.html").read_text("utf-8")


def test_the_page_names_nothing_outside_the_machine(study_with_report):
    page = page_of(study_with_report)
    head = page[: page.index("<script>")]
    assert not re.findall(r'(?:src|href)="(?!data:)[^"#]', head)
    assert "url(" not in head.replace('url("data:font/woff;base64,', "")


def test_the_page_tells_what_a_reviewer_asks(study_with_report):
    page = page_of(study_with_report)
    for words in (
        "Krippendorff α",
        "编码表",
        "宏平均 F1",
        "抽样：",
        "融合",
        "趋同",
        "可察觉的变化",
        "尚不能判断",
        "标签的误差是否因账号而异",
        "每个账号每月的推文（校正）",
        "哪些账号变了",
        "只数人工编码",
    ):
        assert words in page
    assert "虚构的示例" not in page


def test_every_account_and_every_refusal_is_in_the_tables(study_with_report, worked):
    page = page_of(study_with_report)
    for account in worked.posts["account"].unique():
        assert f"<td>{account}</td>" in page
    assert "全部编码中这一阶段不足 3 篇，不分组给占比" in page


def test_the_page_draws_its_pictures_without_a_network(study_with_report, browser):
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((study_with_report / "reports" / "report.html").as_uri())
    page.wait_for_selector("#accounts_over_time svg")
    page.wait_for_selector("#confusion svg")
    drawn = page.eval_on_selector_all(".chart svg.marks", "all => all.length")
    matrix = page.text_content("#account_by_stage svg")
    fonts = page.evaluate("document.fonts.check('16px stagemix', '发')")
    context.close()
    assert drawn == 7
    assert "东篱发布" in matrix
    assert "互动" in matrix
    assert fonts
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_the_page_fits_a_phone(study_with_report, browser):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto((study_with_report / "reports" / "report.html").as_uri())
    page.wait_for_selector("#confusion svg")
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    assert wide <= 390


@pytest.mark.parametrize("name", ["account_by_stage", "mix_per_account", "accounts_over_time",
                                  "within_and_between", "over_time",
                                  "changes_of_accounts", "confusion"])  # fmt: skip
def test_each_picture_is_a_png_and_an_svg(study_with_report, name):
    pictures = study_with_report / "reports" / "pictures"
    assert (pictures / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    svg = (pictures / f"{name}.svg").read_text("utf-8")
    assert svg.startswith("<svg")
    assert "NaN" not in svg


def test_the_workbook_holds_the_same_numbers(study_with_report):
    book = pd.read_excel(
        study_with_report / "reports" / "report.xlsx", sheet_name=None, engine="calamine"
    )
    assert list(book) == [
        "各账号", "账号×时段", "合计", "信度", "分类器", "混淆矩阵", "融合与趋同", "结论",
        "每月推文", "账号变化", "换算法", "达到的阶段", "账号×阶段", "说明",
    ]  # fmt: skip
    accounts = book["各账号"]
    assert len(accounts) == 6 * 4
    assert set(accounts["状态"]) == {"可用", "不给"}
    given = accounts[accounts["状态"] == "可用"]
    assert (given["95% 下限"] <= given["校正占比"]).all()
    assert (given["校正占比"] <= given["95% 上限"]).all()
    assert book["合计"]["校正占比"].sum() == pytest.approx(1.0)
    assert "平衡面板（上表）" in set(book["换算法"]["算法"])
    assert len(book["账号变化"]) == 6
    assert book["结论"]["结论"].str.contains("尚不能判断").any()
    assert book["信度"].loc[0, "测量水平"] == "定序"


def test_the_page_counts_what_was_settled_against_all_coders(study_with_report):
    page = (study_with_report / "reports" / "report.html").read_text("utf-8")
    record = CodeStore(study_with_report / "coding").codes("final")
    first = record[record["kind"] == "independent"].groupby("unit")["value"]
    settled = record[record["kind"] == "settled"].set_index("unit")["value"]
    same = first.nunique().reindex(settled.index).eq(1)
    against = int((same & (first.first().reindex(settled.index) != settled)).sum())
    assert (
        f"经讨论或第三人裁定的推文 {len(settled)} 篇，其中各编码员原本一致、裁定后仍改动的 {against} 篇。"
        in page
    )
