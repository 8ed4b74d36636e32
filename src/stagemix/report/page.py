"""The report as one HTML file that opens without a network."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from stagemix.codes.codebook import Codebook
from stagemix.codes.figures import Figure
from stagemix.codes.reliability import Reliability
from stagemix.codes.saying import CHINESE, THRESHOLDS
from stagemix.learn.evaluate import Evaluation
from stagemix.learn.model_file import Card
from stagemix.merge.converge import Convergence
from stagemix.merge.details import Details
from stagemix.merge.saying import on_alikeness, on_merging
from stagemix.mix.words import Remark, words
from stagemix.report import pictures
from stagemix.report.font import font_for
from stagemix.report.reached import Reached, for_page


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that a report shows. `invented` puts a banner over an example's figures.

    `settled` are the posts that were settled, `overruled_all` those of them on which every coder
    had the same other value. `of_accounts` is the reliability of the rounds of accounts.
    """

    title: str
    written_at: datetime
    invented: bool
    codebook: Codebook
    labels: dict[str, str]
    overall: pd.DataFrame
    per_account: pd.DataFrame
    per_period: pd.DataFrame
    convergence: Convergence | None
    details: Details | None
    reached: Reached
    reliability: list[Reliability]
    after: list[Reliability]
    settled: int
    overruled_all: int
    of_accounts: list[Reliability]
    coder_error: pd.DataFrame | None
    on_coders: tuple[Remark, ...]
    on_errors: Remark
    evaluation: Evaluation
    card: Card
    remarks: tuple[Remark, ...]


MEASURES = {
    "above_publish": "高于发布的占比 u",
    "within": "账号之内的多样性 W",
    "total": "平均构成的多样性 Tot",
    "between": "账号之间的差异 D",
}

LEVELS = {
    "nominal": "定类",
    "ordinal": "定序",
    "binary": "是非",
    "multiple": "多选",
    "text": "文字",
}
OVER_TIME = {name: MEASURES[name] for name in ("above_publish", "within")}
VERDICTS = {
    "up": "上升",
    "down": "下降",
    "cannot_tell": "尚不能判断",
    "too_few": "数据太少",
    "not_tested": "未检验",
}
ROBUST = {
    "balanced panel": "平衡面板（上表）",
    "every account": "所有账号（不平衡面板）",
    "labels, uncorrected": "只数标签，未校正",
    "without an account": "去掉一个账号",
    "without a period": "去掉一个时段",
}
METHODS = {
    "difference": "差分估计",
    "random intercepts": "随机截距再校准",
    "nested random intercepts": "嵌套随机截距再校准",
}
STATUS = {"ok": "可用", "borrowed": "借自其他账号", "few": "编码少", "refused": "不给"}


def charts(report: Report) -> dict[str, dict[str, object]]:
    """Return the report's pictures as Vega-Lite specifications, by name."""
    labels = report.labels
    out = {
        "account_by_stage": pictures.account_by_stage(report.per_account, labels=labels),
        "mix_per_account": pictures.mix_per_account(report.per_account, labels=labels),
        "accounts_over_time": pictures.accounts_over_time(report.per_period, labels=labels),
        "confusion": pictures.confusion_matrix(report.evaluation.confusion, labels=labels),
    }
    parts = None if report.convergence is None else _parts(report.convergence)
    if parts is not None:
        out["within_and_between"] = pictures.within_and_between(parts)
    if report.details is not None:
        out["over_time"] = pictures.over_time(report.details.lines, titles=OVER_TIME)
        if (report.details.moved["status"] != "refused").any():
            out["changes_of_accounts"] = pictures.changes_of_accounts(report.details.moved)
    note = "虚构的示例 invented example" if report.invented else ""
    return {name: pictures.spec(chart, note=note) for name, chart in out.items()}


def _parts(convergence: Convergence) -> pd.DataFrame | None:
    values = {m.name: m.values for m in convergence.measures}
    if not set(convergence.periods) <= values["within"].keys():
        return None
    share = (len(convergence.accounts) - 1) / len(convergence.accounts)
    rows = [
        # of the accounts in hand: B = D (A - 1)/A, so that the bars add up to the mean mix's
        {"period": period, "part": part, "value": value * factor}
        for name, part, factor in (("within", "账号之内", 1.0), ("between", "账号之间", share))
        for period, value in values[name].items()
    ]
    return pd.DataFrame(rows)


def render(report: Report, specs: dict[str, dict[str, object]]) -> str:
    """Render the page with its pictures; scripts and data are inside."""
    environment = Environment(
        loader=PackageLoader("stagemix.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    environment.filters["number"] = _number
    environment.filters["level"] = LEVELS.__getitem__
    environment.filters["reason"] = lambda reason: CHINESE.get(reason, reason)
    environment.filters["alpha"] = _alpha
    environment.filters["chance"] = _chance
    environment.filters["too_small"] = _too_small
    environment.filters["verdict"] = VERDICTS.__getitem__
    environment.filters["robust"] = ROBUST.__getitem__
    environment.filters["scenario"] = _scenario
    environment.filters["on_merging"] = lambda found: on_merging(found).zh
    environment.filters["on_alikeness"] = lambda found: on_alikeness(found).zh
    environment.filters["stages"] = lambda names: named(names, report.labels)
    environment.filters["p"] = _p
    environment.filters["signed"] = _signed
    environment.filters["status"] = STATUS.__getitem__
    environment.filters["words"] = lambda note: words(note, language="zh")
    template = environment.get_template("report.html")
    spec_texts = {name: _in_script(value) for name, value in specs.items()}
    shown = {"r": report, "measures": MEASURES, "charts": spec_texts, "thresholds": THRESHOLDS.zh}
    shown |= for_page(report.reached, report.codebook)
    characters = "".join(sorted(set(template.render(**shown, scripts="", font=""))))
    return template.render(**shown, scripts=_scripts(), font=font_for(characters))


def _too_small(text: str) -> str:
    found, what, _, least = text.split()
    names = {"accounts": "个账号", "periods": "个时段", "codes": "条编码"}
    return f"{found} {names[what]}（至少 {least}）"


def _percent(value: object) -> str:
    return "–" if value is None or value != value else f"{100 * float(value):.1f}%"  # type: ignore[arg-type]


def _number(value: object) -> str:
    return "未定义" if value is None or value != value else f"{float(value):.3f}"  # type: ignore[arg-type]


def _alpha(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    if figure.interval is None or figure.interval.low is None:
        return _number(figure.value)
    return f"{_number(figure.value)}（{figure.interval.low:.3f} – {figure.interval.high:.3f}）"


def _chance(figures: tuple[Figure, ...], name: str) -> str:
    """How often alpha at the variable's own level is below a threshold, among resamples."""
    between = figures[-1].interval if figures else None
    return "–" if between is None else _percent(getattr(between, name))


def _scenario(name: str) -> str:
    known = {
        "agreed": "裁定后的编码（正文所用）",
        "doubts upward": "凡有分歧都取最高阶段",
        "doubts downward": "凡有分歧都取最低阶段",
        "measured disagreement": "按实测的分歧重抽",
    }
    return known.get(name) or f"只用{name.removeprefix('as ').removesuffix(' coded')}的编码"


def named(names: str, labels: dict[str, str]) -> str:
    """Write category ids joined by `;` as their labels."""
    return "、".join(labels.get(name, name) for name in names.split(";") if name) or "–"


def _p(value: object) -> str:
    if value is None or value != value:
        return "–"
    return "< 0.001" if float(value) < 0.001 else f"{float(value):.3f}"  # type: ignore[arg-type]


def _signed(value: object) -> str:
    return "–" if value is None or value != value else f"{float(value):+.3f}"  # type: ignore[arg-type]


def _in_script(value: object) -> str:
    """JSON that cannot close the script element it stands in."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


@cache
def _scripts() -> str:
    import vl_convert

    # the stub asks for a snippet, which is optional
    bundle = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return str(bundle).replace("</script", "<\\/script")
