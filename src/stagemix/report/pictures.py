"""The pictures of the report: Altair charts, the same in the page, as PNG and as SVG."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import altair as alt
import pandas as pd

from stagemix.mix.groups import UNDATED
from stagemix.report.font import chinese_font

COLOURS = ("#b8c4d6", "#e9a84c", "#3a86a8", "#8b3a62", "#5b8c5a", "#c0504d", "#7f7f7f", "#4f4f9d")
FONT = "Noto Sans SC, Microsoft YaHei, PingFang SC, Source Han Sans SC, stagemix, sans-serif"
CORRECTED, RAW = "校正", "原始（编码太少，未校正）"
LABELS = "只数标签（含分类器误差）"
MOVED, NOT_SHOWN = "变化（多重比较校正后）", "未证明变化"


def account_by_stage(mix: pd.DataFrame, *, labels: Mapping[str, str]) -> alt.LayerChart:
    """Account x stage: the corrected share in each field, the raw one in brackets if refused."""
    data = _shown(mix, labels)
    data["text"] = [
        f"{value:.0%}" if kind == CORRECTED else f"({value:.0%})"
        for value, kind in zip(data["value"], data["kind"], strict=True)
    ]
    base = alt.Chart(data).encode(
        x=alt.X(
            "stage:N",
            sort=list(labels.values()),
            title=None,
            axis=alt.Axis(orient="top", labelAngle=0),
        ),
        y=alt.Y("account:N", title=None),
    )
    fields = base.mark_rect().encode(
        color=alt.Color("value:Q", scale=alt.Scale(scheme="blues", domain=[0, 1]), legend=None),
        tooltip=_tooltip(),
    )
    text = base.mark_text().encode(
        text="text:N",
        color=alt.condition("datum.value > 0.55", alt.value("white"), alt.value("#222")),
    )
    return (fields + text).properties(width=90 * len(labels), height=alt.Step(26))


def mix_per_account(mix: pd.DataFrame, *, labels: Mapping[str, str]) -> alt.Chart:
    """One stacked bar per account."""
    data = _shown(mix, labels)
    return (
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=alt.X("value:Q", stack="normalize", title="占比", axis=alt.Axis(format="%")),
            y=alt.Y("account:N", title=None),
            color=_stage_colour(labels),
            order=alt.Order("order:Q"),
            opacity=_opacity(data),
            tooltip=_tooltip(),
        )
        .properties(width=560, height=alt.Step(26))
    )


def accounts_over_time(mix: pd.DataFrame, *, labels: Mapping[str, str]) -> alt.Chart:
    """Small multiples: a stacked bar per period, one panel per account; undated posts are out."""
    data = _shown(mix[mix["period"] != UNDATED], labels)
    return (
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=alt.X("period:N", title=None, axis=alt.Axis(labelAngle=-45)),
            y=alt.Y("value:Q", stack="normalize", title=None, axis=alt.Axis(format="%")),
            color=_stage_colour(labels),
            order=alt.Order("order:Q"),
            opacity=_opacity(data),
            tooltip=_tooltip(),
            facet=alt.Facet("account:N", columns=4, title=None),
        )
        .properties(width=170, height=110)
    )


def within_and_between(values: pd.DataFrame) -> alt.Chart:
    """Diversity of the mean mix as within accounts plus between them, per period.

    VALUES has the columns `period`, `part` (账号之内, 账号之间), `value`.
    """
    return (
        alt.Chart(values)
        .mark_bar()
        .encode(
            x=alt.X("period:N", title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("value:Q", title="多样性"),
            color=alt.Color("part:N", title=None, scale=alt.Scale(range=["#3a86a8", "#e9a84c"])),
            tooltip=["period:N", "part:N", alt.Tooltip("value:Q", format=".3f")],
        )
        .properties(width=420, height=220)
    )


def over_time(lines: pd.DataFrame, *, titles: Mapping[str, str]) -> alt.FacetChart:
    """u and W per period, corrected and from labels alone, so that a reader sees what was faked.

    LINES are `merge.details.Details.lines`; TITLES names the measures that are drawn.
    """
    long = lines.melt(
        id_vars=["measure", "period"],
        value_vars=["corrected", "labels"],
        var_name="kind",
        value_name="value",
    ).dropna(subset="value")
    long = long[long["measure"].isin(titles)]
    long["measure"] = long["measure"].map(titles)
    long["kind"] = long["kind"].map({"corrected": CORRECTED, "labels": LABELS})
    base = alt.Chart(long).encode(
        x=alt.X("period:N", title=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=True)),
        color=alt.Color(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=[CORRECTED, LABELS], range=["#3a86a8", "#b0b0b0"]),
        ),
        strokeDash=alt.StrokeDash("kind:N", sort=[CORRECTED, LABELS], legend=None),
        tooltip=["period:N", "kind:N", alt.Tooltip("value:Q", format=".3f")],
    )
    both = base.mark_line(point=True).properties(width=300, height=200)
    return both.facet(column=alt.Column("measure:N", title=None, sort=list(titles.values())))


def changes_of_accounts(moved: pd.DataFrame) -> alt.LayerChart:
    """Forest plot: every account's change in u with its interval (`merge.moved.account_changes`)."""
    data = moved[moved["status"] != "refused"].assign(
        shown=lambda x: x["p_adjusted"].lt(0.05).map({True: MOVED, False: NOT_SHOWN})
    )
    base = alt.Chart(data).encode(
        y=alt.Y("account:N", sort=alt.EncodingSortField("change"), title=None),
        color=alt.Color(
            "shown:N",
            title=None,
            scale=alt.Scale(domain=[MOVED, NOT_SHOWN], range=["#8b3a62", "#9aa5b1"]),
        ),
        tooltip=[
            alt.Tooltip("account:N", title="账号"),
            alt.Tooltip("change:Q", title="变化", format="+.3f"),
            alt.Tooltip("low:Q", title="95% 区间下限", format="+.3f"),
            alt.Tooltip("high:Q", title="95% 区间上限", format="+.3f"),
            alt.Tooltip("p_adjusted:Q", title="校正后 p", format=".3f"),
        ],
    )
    axis = alt.Axis(format="+%")
    ends = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title="高于发布的占比：前后两段之差", axis=axis), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=70).encode(x=alt.X("change:Q", axis=axis))
    zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(color="#888").encode(x="x:Q")
    return (zero + ends + points).properties(width=520, height=alt.Step(24))


def confusion_matrix(confusion: pd.DataFrame, *, labels: Mapping[str, str]) -> alt.LayerChart:
    """Codes (rows) by cross-validated labels (columns), shaded by the share of the row."""
    long = confusion.rename(index=labels, columns=labels).rename_axis("code").reset_index()
    long = long.melt(id_vars="code", var_name="label", value_name="posts")
    total = long.groupby("code")["posts"].transform("sum")
    long["share"] = (long["posts"] / total.where(total > 0)).fillna(0.0)
    order = list(labels.values())
    base = alt.Chart(long).encode(
        x=alt.X("label:N", sort=order, title="分类器", axis=alt.Axis(orient="top", labelAngle=0)),
        y=alt.Y("code:N", sort=order, title="编码员"),
    )
    fields = base.mark_rect().encode(
        color=alt.Color("share:Q", scale=alt.Scale(scheme="blues", domain=[0, 1]), legend=None)
    )
    text = base.mark_text().encode(
        text="posts:Q",
        color=alt.condition("datum.share > 0.55", alt.value("white"), alt.value("#222")),
    )
    return (fields + text).properties(width=80 * len(order), height=alt.Step(34))


def _shown(mix: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    corrected = mix["status"] != "refused"
    value = mix["share"].where(corrected, mix["share_raw"])
    return pd.DataFrame(
        {
            "account": mix["account"],
            "period": mix["period"],
            "stage": mix["stage"].map(labels),
            "order": mix["stage"].map({name: i for i, name in enumerate(labels)}),
            "value": value.astype("float64"),
            "low": mix["low"].astype("float64"),
            "high": mix["high"].astype("float64"),
            "posts": mix["n_posts"],
            "kind": pd.Series(CORRECTED, index=mix.index).where(corrected, RAW),
        }
    ).dropna(subset="value")


def _stage_colour(labels: Mapping[str, str]) -> alt.Color:
    names = list(labels.values())
    return alt.Color(
        "stage:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=[COLOURS[i % len(COLOURS)] for i in range(len(names))]),
    )


def _opacity(data: pd.DataFrame) -> alt.Opacity:
    legend = alt.Legend() if (data["kind"] == RAW).any() else None
    scale = alt.Scale(domain=[CORRECTED, RAW], range=[1.0, 0.35])
    return alt.Opacity("kind:N", title=None, scale=scale, legend=legend)


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("account:N", title="账号"),
        alt.Tooltip("period:N", title="时段"),
        alt.Tooltip("stage:N", title="阶段"),
        alt.Tooltip("value:Q", title="占比", format=".1%"),
        alt.Tooltip("low:Q", title="95% 区间下限", format=".1%"),
        alt.Tooltip("high:Q", title="95% 区间上限", format=".1%"),
        alt.Tooltip("posts:Q", title="推文"),
        alt.Tooltip("kind:N", title="口径"),
    ]


def spec(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart, *, note: str = ""
) -> dict[str, object]:
    """Return a chart as a Vega-Lite specification with a Chinese font and NOTE above it."""
    if note:
        title = alt.TitleParams(
            note, anchor="start", fontSize=11, fontWeight="normal", color="#666"
        )
        chart = chart.properties(title=title)
    styled = chart.configure(font=FONT).configure_view(stroke=None)
    out: dict[str, object] = styled.to_dict()
    return out


@cache
def _use_font() -> None:
    import vl_convert

    vl_convert.register_font_directory(str(chinese_font().parent))


def save_picture(chart_spec: dict[str, object], path: Path) -> None:
    """Write a specification as a picture, `.png` or `.svg`."""
    import vl_convert

    _use_font()
    if path.suffix == ".svg":
        path.write_text(vl_convert.vegalite_to_svg(chart_spec), encoding="utf-8")
    else:
        path.write_bytes(vl_convert.vegalite_to_png(chart_spec, scale=2))
