"""The report's tables as one Excel workbook, for people: Chinese headers, shares in percent."""

from pathlib import Path

import pandas as pd

from stagemix.codes.reliability import AFTER, BEFORE
from stagemix.codes.saying import CHINESE
from stagemix.codes.tidy import tidy
from stagemix.merge.details import Details
from stagemix.merge.saying import on_alikeness, on_merging
from stagemix.mix.words import words
from stagemix.report.page import (
    LEVELS,
    MEASURES,
    METHODS,
    ROBUST,
    STATUS,
    VERDICTS,
    Report,
    named,
)
from stagemix.report.reached import sheets as sheets_of_reached

MIX = {
    "account": "账号",
    "period": "时段",
    "stage": "阶段",
    "n_posts": "推文",
    "n_codes": "编码",
    "n_codes_of_stage": "其中该阶段",
    "share_raw": "原始占比",
    "share": "校正占比",
    "low": "95% 下限",
    "high": "95% 上限",
    "status": "状态",
    "method": "方法",
    "note": "说明",
    "difference_share": "差分估计",
    "difference_low": "差分估计 95% 下限",
    "difference_high": "差分估计 95% 上限",
}
RELIABILITY = {
    "variable": "变量",
    "version": "编码表版本",
    "stage": "所用编码",
    "level": "测量水平",
    "coefficient": "系数",
    "category": "类别",
    "pair": "编码员",
    "units": "单位",
    "value": "值",
    "low": "95% 下限",
    "high": "95% 上限",
    "below_tentative": "低于 .667 的比例",
    "below_reliable": "低于 .800 的比例",
    "reason": "说明",
}
STAGES = {BEFORE: "讨论之前的独立编码", AFTER: "讨论之后各人最后的编码"}
COEFFICIENTS = {
    "percent_agreement": "一致率",
    "alpha_nominal": "Krippendorff α（定类）",
    "alpha_ordinal": "Krippendorff α（定序）",
    "scott_pi": "Scott π",
    "cohen_kappa": "Cohen κ",
    "kappa_linear": "Cohen κ（线性加权）",
    "kappa_quadratic": "Cohen κ（平方加权）",
    "fleiss_kappa": "Fleiss κ",
    "gwet_ac1": "Gwet AC1",
    "gwet_ac2": "Gwet AC2（定序加权）",
    "holsti": "Holsti R（不计偶然）",
    "composite_reliability": "综合信度 CR（不计偶然）",
    "prevalence": "类别所占比例",
    "category_agreement": "类别一致率",
    "category_alpha": "α（该类别对其余）",
}
CLASSIFIER = {
    "category": "阶段",
    "codes": "编码",
    "predicted": "判为",
    "precision": "精确率",
    "recall": "召回率",
    "f1": "F1",
}
MOVED = {
    "account": "账号",
    "n_codes_before": "前段编码",
    "n_codes_after": "后段编码",
    "before": "前段 u",
    "after": "后段 u",
    "change": "变化",
    "low": "95% 下限",
    "high": "95% 上限",
    "p_value": "p",
    "p_adjusted": "校正后 p（Holm）",
    "note": "说明",
}
ROBUSTNESS = {
    "what": "算法",
    "left_out": "去掉",
    "measure": "指标",
    "change": "变化",
    "low": "95% 下限",
    "high": "95% 上限",
    "accounts": "账号数",
}
REACHED = {
    "account": "账号",
    "period": "时段",
    "n_codes": "编码",
    "reached": "见到的阶段",
    "n_reached": "阶段数",
    "compared_at": "稀疏化到（篇）",
    "n_rarefied": "稀疏化后的阶段数",
    "missing": "未见到的",
    "at_most": "其占比至多",
}
SHARES = {
    "原始占比",
    "校正占比",
    "95% 下限",
    "95% 上限",
    "差分估计",
    "差分估计 95% 下限",
    "差分估计 95% 上限",
    "其占比至多",
    "占比",
}


def write_workbook(report: Report, path: Path) -> None:
    """Write the mix tables, the measures, reliability and the classifier's figures."""
    per_category = report.evaluation.per_category
    classifier = per_category.assign(category=per_category["category"].map(report.labels))
    confusion = report.evaluation.confusion.rename(index=report.labels, columns=report.labels)
    sheets = {
        "各账号": _mix(report.per_account, report),
        "账号×时段": _mix(report.per_period, report),
        "合计": _mix(report.overall, report),
        "信度": _reliability(report),
        "分类器": classifier.rename(columns=CLASSIFIER),
        "混淆矩阵": confusion.rename_axis("编码＼分类器").reset_index(),
        **_merging(report),
        **sheets_of_reached(report.reached, report.codebook),
        "说明": pd.DataFrame({"说明": [line.zh for line in report.remarks]}),
    }
    with pd.ExcelWriter(path, engine="xlsxwriter") as writer:
        percent = writer.book.add_format({"num_format": "0.0%"})
        number = writer.book.add_format({"num_format": "0.000"})
        for name, frame in sheets.items():
            frame.to_excel(writer, sheet_name=name, index=False)
            sheet = writer.sheets[name]
            sheet.autofit()
            sheet.freeze_panes(1, 0)
            for n, column in enumerate(frame.columns):
                if pd.api.types.is_float_dtype(frame[column]):
                    sheet.set_column(n, n, 11, percent if column in SHARES else number)


def _mix(frame: pd.DataFrame, report: Report) -> pd.DataFrame:
    shown = frame.assign(
        stage=frame["stage"].map(report.labels),
        status=frame["status"].map(STATUS),
        method=frame["method"].map(METHODS),
        note=[words(str(note), language="zh") for note in frame["note"]],
    )
    return shown[list(MIX)].rename(columns=MIX)


def _reliability(report: Report) -> pd.DataFrame:
    table = tidy([*report.reliability, *report.after])
    shown = table.assign(
        stage=table["stage"].map(STAGES),
        level=table["level"].map(LEVELS),
        coefficient=table["coefficient"].map(COEFFICIENTS),
        reason=[CHINESE.get(reason, reason) for reason in table["reason"]],
    )
    return shown[list(RELIABILITY)].rename(columns=RELIABILITY)


def _merging(report: Report) -> dict[str, pd.DataFrame]:
    if report.convergence is None:
        return {}
    rows = [
        {
            "度量": MEASURES.get(m.name, "高阶段之间的均衡度 Q（前半、后半）"),
            **m.values,
            "变化": m.change,
            "变化 95% 下限": m.low,
            "变化 95% 上限": m.high,
            "p": m.p_value,
            "可察觉的变化": m.mdc,
            "判断": VERDICTS[m.verdict],
            "说明": words(m.note, language="zh"),
        }
        for m in report.convergence.measures
    ]
    said = [on_merging(report.convergence).zh, on_alikeness(report.convergence).zh]
    sheets = {
        "融合与趋同": pd.DataFrame(rows),
        "结论": pd.DataFrame({"结论": said}),
        "每月推文": report.convergence.per_month.rename(columns=report.labels).reset_index(),
    }
    if report.details is not None:
        sheets |= _details(report, report.details)
    return sheets


def _details(report: Report, details: Details) -> dict[str, pd.DataFrame]:
    noted = [words(str(note), language="zh") for note in details.moved["note"]]
    other = details.robustness.assign(
        what=details.robustness["what"].map(ROBUST),
        measure=details.robustness["measure"].map(MEASURES),
    )
    reached = details.reached.assign(
        reached=[named(names, report.labels) for names in details.reached["reached"]],
        missing=[named(names, report.labels) for names in details.reached["missing"]],
    )
    return {
        "账号变化": details.moved.assign(note=noted)[list(MOVED)].rename(columns=MOVED),
        "换算法": other.rename(columns=ROBUSTNESS),
        "达到的阶段": reached[list(REACHED)].rename(columns=REACHED),
    }
