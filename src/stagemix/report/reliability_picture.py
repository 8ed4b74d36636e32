"""A picture of reliability: alpha with its interval, by variable, the rounds beside each other."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import altair as alt
import pandas as pd

from stagemix.codes.bootstrap import RELIABLE, TENTATIVE
from stagemix.codes.reliability import Reliability
from stagemix.codes.saying import LEVEL
from stagemix.errors import DataError
from stagemix.files import whole
from stagemix.report.font import font_for
from stagemix.report.pictures import save_picture, spec

ENDINGS = (".svg", ".png", ".html")
COLOURS = {"定类": "#3a86a8", "定序": "#8b3a62"}
UNDEFINED = "未定义"


def alpha_rows(
    rounds: Mapping[str, Iterable[Reliability]], *, labels: Mapping[str, str]
) -> pd.DataFrame:
    """One row per round, variable, version and kind of alpha, of ROUNDS by name.

    LABELS are the variables' names; a round is shown with the version of the codebook. Columns
    `round`, `variable`, `kind` (定类, 定序), `alpha`, `low`, `high`, `units`, `text` (未定义 where
    alpha is, and nan then).
    """
    rows = [
        {
            "round": f"{name}（{r.version}）" if r.version else name,
            "variable": labels.get(r.variable, r.variable),
            "kind": LEVEL[figure.coefficient][0],
            "alpha": figure.value,
            "low": None if figure.interval is None else figure.interval.low,
            "high": None if figure.interval is None else figure.interval.high,
            "units": r.units,
            "text": UNDEFINED if figure.value is None else "",
        }
        for name, found in rounds.items()
        for r in found
        for figure in r.alphas
    ]
    columns = ["round", "variable", "kind", "alpha", "low", "high", "units", "text"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"alpha": "float64", "low": "float64", "high": "float64"})


def alpha_chart(rows: pd.DataFrame) -> alt.FacetChart:
    """Points with intervals on one scale, a panel per variable, lines at .667 and .800.

    ROWS are those of `alpha_rows`.
    """
    lowest = min(0.0, float(rows[["alpha", "low"]].min().min(skipna=True) or 0.0))
    scale = alt.Scale(domain=[lowest, 1.0], clamp=True)
    kinds = [kind for kind in COLOURS if kind in set(rows["kind"])]
    y = alt.Y("round:N", title=None, sort=list(dict.fromkeys(rows["round"])))
    base = alt.Chart(rows).encode(
        y=y,
        yOffset=alt.YOffset("kind:N", sort=kinds),
        color=alt.Color(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=kinds, range=[COLOURS[kind] for kind in kinds]),
        ),
        tooltip=[
            alt.Tooltip("round:N", title="轮次"),
            alt.Tooltip("kind:N", title="测量水平"),
            alt.Tooltip("units:Q", title="单位"),
            alt.Tooltip("alpha:Q", title="α", format=".3f"),
            alt.Tooltip("low:Q", title="95% 区间下限", format=".3f"),
            alt.Tooltip("high:Q", title="95% 区间上限", format=".3f"),
        ],
    )
    defined = base.transform_filter("isValid(datum.alpha)")
    ends = defined.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2)
    x = alt.X("alpha:Q", scale=scale, title="Krippendorff α，95% 区间；虚线 .667 与 .800")
    layers = [
        *(_line(rows, at) for at in (TENTATIVE, RELIABLE)),
        ends.encode(x=alt.X("low:Q", scale=scale), x2="high:Q"),
        defined.mark_point(filled=True, size=70, opacity=1).encode(x=x),
        base.transform_filter("!isValid(datum.alpha)")
        .mark_text(align="left", dx=4)
        .encode(x=alt.datum(lowest), text="text:N"),
    ]
    chart = alt.layer(*layers).properties(width=460, height=alt.Step(18))
    variables = list(dict.fromkeys(rows["variable"]))
    return chart.facet(
        row=alt.Row("variable:N", title=None, sort=variables, header=_header())
    ).resolve_scale(y="independent")


def _line(rows: pd.DataFrame, at: float) -> alt.Chart:
    return alt.Chart(rows).mark_rule(strokeDash=[4, 3], color="#888").encode(x=alt.datum(at))


def _header() -> alt.Header:
    return alt.Header(labelAngle=0, labelAnchor="start", labelOrient="top", labelFontWeight="bold")


def save_alpha_chart(
    path: Path,
    rounds: Mapping[str, Iterable[Reliability]],
    *,
    labels: Mapping[str, str],
    note: str = "",
) -> None:
    """Draw ROUNDS as the ending of PATH says, .svg, .png or .html (one file, without a network).

    NOTE stands above the picture. Raises DataError for another ending, or where there is no alpha.
    """
    if path.suffix not in ENDINGS:
        raise DataError(f"{path}: name a file that ends in .svg, .png or .html")
    rows = alpha_rows(rounds, labels=labels)
    if rows.empty:
        raise DataError(f"{path}: no variable has categories, so there is no alpha to draw")
    drawn = spec(alpha_chart(rows), note=note)
    if path.suffix != ".html":
        path.parent.mkdir(parents=True, exist_ok=True)
        save_picture(drawn, path)
        return
    with whole(path) as part:
        part.write_text(_page(drawn), encoding="utf-8", newline="\n")


_HTML = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>Krippendorff α</title>
<style>@font-face {{ font-family: "stagemix"; src: url("data:font/woff;base64,{font}") format("woff") }}</style>
</head><body><div id="chart"></div>
<script>{scripts}</script>
<script>
const options = {{ renderer: "svg", actions: {{ export: true, source: false, compiled: false, editor: false }} }};
document.fonts.load("12px stagemix", "α").finally(() => vegaEmbed("#chart", {drawn}, options));
</script></body></html>
"""


def _page(drawn: dict[str, object]) -> str:
    import vl_convert

    text = json.dumps(drawn, ensure_ascii=False)
    # the stub asks for a snippet, which is optional
    bundle = str(vl_convert.javascript_bundle())  # type: ignore[call-arg]
    return _HTML.format(
        font=font_for("".join(sorted(set(text)))),
        scripts=bundle.replace("</script", "<\\/script"),
        drawn=text.replace("<", "\\u003c"),
    )
