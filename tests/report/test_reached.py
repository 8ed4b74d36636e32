"""The stages that accounts reach, as page and workbook show them."""

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stagemix.codes.codebook import default_codebook
from stagemix.report.page import Report, charts, render
from stagemix.report.reached import Reached, matrix_rows, profile_rows, several_rows, sheets
from stagemix.report.workbook import write_workbook
from stagemix.study.folder import read_study
from stagemix.study.reporting import gather

BOOK = default_codebook()
MATRIX = pd.DataFrame(
    [
        ["东", "publish", "seen", 5, 4, np.nan],
        ["东", "interact", "function", 5, 0, "inventory.community;inventory.opinion"],
        ["东", "service", "not_found", 5, 0, np.nan],
        ["东", "cooperate", "not_found", 5, 0, ""],
        ["西", "publish", "not_looked", 0, 0, np.nan],
        ["西", "interact", "not_looked", 0, 0, np.nan],
        ["西", "service", "not_looked", 0, 0, np.nan],
        ["西", "cooperate", "not_looked", 0, 0, np.nan],
    ],
    columns=["account", "stage", "state", "n_posts_coded", "n_posts_seen", "functions"],
)
PROFILES = pd.DataFrame(
    {
        "account": ["东", "西"],
        "n_posts_coded": [5, 0],
        "n_stages_posts": [1, 0],
        "n_stages_functions": pd.array([1, None], dtype="Int64"),
        "n_stages": [2, 0],
        "functions": ["inventory.community;inventory.opinion;inventory.payment", np.nan],
        "safeguards": ["", np.nan],
    }
)
SEVERAL = pd.DataFrame(
    [
        ["all", "several", 9, 3, 0.3, 0.1, 0.5],
        ["service", "functions.also_publish", 4, 1, 0.25, 0.05, 0.6],
    ],
    columns=["stage", "function", "n_codes", "n_yes", "share", "low", "high"],
)
ALL = Reached(matrix=MATRIX, profiles=PROFILES, several=SEVERAL)
BARE = Reached(
    matrix=MATRIX.assign(functions=np.nan, state=MATRIX["state"].replace("function", "not_found")),
    profiles=None,
    several=None,
)


def test_a_cell_says_its_state_its_posts_and_its_functions() -> None:
    first, second = matrix_rows(ALL, BOOK)
    assert (first["account"], first["n"], second["n"]) == ("东", 5, 0)
    cells = [(c["words"], c["seen"], c["open"], c["functions"]) for c in first["cells"]]
    assert cells == [
        ("贴文中见到", 4, False, "未编"),
        ("仅功能", 0, False, "微社区、投票征集"),
        ("未见", 0, True, "未编"),
        ("未见", 0, False, "无"),
    ]
    assert {c["words"] for c in second["cells"]} == {"未查"}


def test_a_profile_names_functions_by_stage_and_what_is_not_coded() -> None:
    rows = profile_rows(ALL, BOOK)
    assert rows["functions"].tolist() == ["互动：微社区、投票征集；服务：缴费", "未编"]
    assert rows["safeguards"].tolist() == ["无", "未编"]
    assert rows["n_stages_functions"].tolist() == [1, None]
    assert profile_rows(BARE, BOOK).empty


def test_shares_of_several_stages_are_named() -> None:
    rows = several_rows(ALL, BOOK)
    assert rows[["stage", "function"]].to_numpy().tolist() == [
        ["全部", "同时服务几个阶段"], ["服务", "兼有发布"],
    ]  # fmt: skip
    assert several_rows(BARE, BOOK).empty


def test_the_sheets_hold_what_there_is() -> None:
    full = sheets(ALL, BOOK)
    assert list(full) == ["账号×阶段", "账号功能", "兼有的功能"]
    assert full["账号×阶段"]["功能"].tolist()[:4] == ["", "微社区、投票征集", "未编", "无"]
    assert full["账号×阶段"]["状态"].tolist()[:3] == ["贴文中见到", "仅功能", "未见"]
    assert list(sheets(BARE, BOOK)) == ["账号×阶段"]


@pytest.fixture(scope="module")
def report(study_with_report: Path) -> Report:
    return gather(read_study(study_with_report), written_at=datetime(2026, 1, 1))


def page_of(report: Report, reached: Reached) -> str:
    page = render(replace(report, reached=reached), charts(report))
    return page[: page.index("<script>")]


def cells_of(page: str) -> list[str]:
    table = page[page.index('<table class="reached">') :].split("</table>")[0]
    return [re.sub(r"<[^>]+>|\s+", "", cell) for cell in re.findall(r"<td.*?</td>", table, re.S)]


def test_the_page_shows_the_matrix_the_profiles_and_the_share(report: Report) -> None:
    page = page_of(report, ALL)
    assert cells_of(page) == [
        "东", "5", "贴文中见到4/5篇", "仅功能0/5篇微社区、投票征集", "未见0/5篇功能未编", "未见0/5篇",
        "西", "0", "未查", "未查功能未编", "未查功能未编", "未查功能未编",
    ]  # fmt: skip
    assert "<summary>各账号的功能</summary>" in page
    assert "<td>互动：微社区、投票征集；服务：缴费</td>" in page
    assert "估计有 30.0%（95% 区间 10.0% – 50.0%）的推文" in page
    assert "（9 篇编码中有 3 篇）" in page
    assert "没有编账号的功能清单" not in page


def test_without_an_inventory_the_page_says_so_and_claims_nothing_of_functions(
    report: Report,
) -> None:
    page = page_of(report, BARE)
    assert cells_of(page)[2:6] == ["贴文中见到4/5篇", "未见0/5篇", "未见0/5篇", "未见0/5篇"]
    assert "本研究没有编账号的功能清单：“未见”只说编码的推文中没有" in page
    for absent in ("各账号的功能", "功能未编", "同时服务几个阶段的推文"):
        assert absent not in page


def test_the_report_of_a_study_has_the_matrix_of_its_codes(report: Report, worked) -> None:
    reached = report.reached
    assert reached.profiles is None
    assert reached.several is None
    assert len(reached.matrix) == 6 * 4
    codes = report.per_account.set_index(["account", "stage"])["n_codes_of_stage"]
    seen = reached.matrix.set_index(["account", "stage"])["n_posts_seen"]
    assert seen.to_dict() == codes.reindex(seen.index, fill_value=0).to_dict()


def test_the_workbook_has_shares_as_percent(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "报告.xlsx"
    write_workbook(replace(report, reached=ALL), path)
    book = pd.read_excel(path, sheet_name=None, engine="calamine")
    assert {"账号×阶段", "账号功能", "兼有的功能"} <= set(book)
    assert book["兼有的功能"]["占比"].tolist() == [0.3, 0.25]
    assert book["账号功能"]["有功能的阶段数"].tolist()[0] == 1
