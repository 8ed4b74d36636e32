"""Reliability in the report: the table in the page and the sheet in the workbook."""

import re

import pandas as pd

from stagemix.cli.agreement import TITLES
from stagemix.report.workbook import COEFFICIENTS, STAGES
from stagemix.study.agreement import agreement_of_round
from stagemix.study.folder import read_study


def test_the_page_has_alpha_with_its_interval_and_names_the_threshold(study_with_report) -> None:
    page = (study_with_report / "reports" / "report.html").read_text("utf-8")
    (r,) = agreement_of_round(read_study(study_with_report), round_="final").reliability
    text = page[page.index("五、编码员信度") : page.index("若编码有误")]
    for figure in r.alphas:
        between = figure.interval
        assert between is not None
        assert f"{figure.value:.3f}（{between.low:.3f} – {between.high:.3f}）" in text
    assert f">{100 * r.value('percent_agreement'):.1f}%<" in text
    assert "Krippendorff（2004, 2018）对 α 的要求" in text
    assert "讨论之后" not in text
    assert not re.search("✓|✔|合格", text)


def test_the_workbook_has_every_figure_in_chinese(study_with_report) -> None:
    book = pd.read_excel(
        study_with_report / "reports" / "report.xlsx", sheet_name="信度", engine="calamine"
    )
    found = agreement_of_round(read_study(study_with_report), round_="final")
    assert len(book) == len(found.table)
    assert set(book["系数"]) == set(COEFFICIENTS.values())
    assert set(book["所用编码"]) == {"讨论之前的独立编码"}
    alpha = book[(book["系数"] == "Krippendorff α（定序）") & book["编码员"].isna()].iloc[0]
    (r,) = found.reliability
    assert alpha["值"] == r.value("alpha_ordinal")
    assert (alpha["95% 下限"], alpha["95% 上限"]) == (
        r.alphas[1].interval.low, r.alphas[1].interval.high,
    )  # fmt: skip
    assert set(STAGES) == {"before discussion", "after discussion"}


def test_every_coefficient_of_all_coders_has_a_title_in_both_languages() -> None:
    per_category = {"prevalence", "category_agreement", "category_alpha"}
    assert set(COEFFICIENTS) - per_category == set(TITLES)
