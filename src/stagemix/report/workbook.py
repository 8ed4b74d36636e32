"""The report's tables as one Excel workbook."""

from pathlib import Path

import pandas as pd

from stagemix.mix.words import words
from stagemix.report.page import MEASURES, Report


def write_workbook(report: Report, path: Path) -> None:
    """Write the mix tables, the measures, reliability and the classifier's figures."""
    sheets = {
        "各账号": _mix(report.per_account, report),
        "账号×时段": _mix(report.per_period, report),
        "合计": _mix(report.overall, report),
        "信度": pd.DataFrame(
            [
                {k: v for k, v in vars(r).items() if k not in ("coders", "counts")}
                for r in report.reliability
            ]
        ),
        "分类器": report.evaluation.per_category,
        "混淆矩阵": report.evaluation.confusion.rename_axis("编码＼分类器").reset_index(),
    }
    if report.convergence is not None:
        rows = [
            {"度量": MEASURES.get(m.name, m.name), **m.values, "变化": m.change}
            for m in report.convergence.measures
        ]
        sheets["融合与趋同"] = pd.DataFrame(rows)
    notes = [line.zh for line in report.remarks]
    sheets["说明"] = pd.DataFrame({"说明": notes})
    with pd.ExcelWriter(path, engine="xlsxwriter") as writer:
        for name, frame in sheets.items():
            frame.to_excel(writer, sheet_name=name, index=False)
            writer.sheets[name].autofit()


def _mix(frame: pd.DataFrame, report: Report) -> pd.DataFrame:
    return frame.assign(
        stage_label=frame["stage"].map(report.labels),
        note=[words(str(note), language="zh") for note in frame["note"]],
    )
