"""The picture of alpha, as data, as a file, and as a page in a real browser."""

import re
from pathlib import Path

import pandas as pd
import pytest

from stagemix.codes.codebook import Variable, default_codebook
from stagemix.codes.reliability import Reliability, reliability
from stagemix.errors import DataError
from stagemix.report.reliability_picture import alpha_chart, alpha_rows, save_alpha_chart

STAGE = default_codebook().variable()
PART = default_codebook().variable("functions.also_service")
LABELS = {"stage": "实践阶段", "functions.also_service": "兼有服务"}


def coded(x: str, y: str, *, variable: Variable = STAGE, version: str = "1.2") -> Reliability:
    rows = [
        [f"p{n}", coder, variable.values["abcd".index(letter)]]
        for coder, letters in (("x", x), ("y", y))
        for n, letter in enumerate(letters)
    ]
    codes = pd.DataFrame(rows, columns=["unit", "coder", "value"])
    return reliability(codes, variable=variable, version=version, resamples=200)


ROUNDS = {
    "试编": [coded("abcdabcd", "abcaabcb", version="1.1"), coded("aabb", "abab", variable=PART)],
    "final": [coded("abcdabcdabcdabcd", "abcdabcdabcdabca"), coded("aa", "aa", variable=PART)],
}


def test_a_row_for_each_round_and_each_kind_of_alpha() -> None:
    rows = alpha_rows(ROUNDS, labels=LABELS)
    assert rows[["round", "variable", "kind"]].to_numpy().tolist() == [
        ["试编（1.1）", "实践阶段", "定类"], ["试编（1.1）", "实践阶段", "定序"],
        ["试编（1.2）", "兼有服务", "定类"], ["final（1.2）", "实践阶段", "定类"],
        ["final（1.2）", "实践阶段", "定序"], ["final（1.2）", "兼有服务", "定类"],
    ]  # fmt: skip
    first = ROUNDS["试编"][0].alphas[0]
    assert first.interval is not None
    assert rows.loc[0, ["alpha", "low", "high"]].tolist() == [
        first.value, first.interval.low, first.interval.high,
    ]  # fmt: skip
    assert rows["alpha"].isna().tolist() == [False] * 5 + [True]
    assert rows["text"].tolist() == [""] * 5 + ["未定义"]


def test_the_chart_reaches_down_to_the_lowest_alpha_and_marks_both_thresholds() -> None:
    rows = alpha_rows({"a": [coded("aabbaabb", "bbaabbaa")]}, labels=LABELS)
    drawn = alpha_chart(rows).to_dict()
    layers = drawn["spec"]["layer"]
    at = [layer["encoding"]["x"].get("datum") for layer in layers]
    assert at[:2] == [0.667, 0.8]
    (domain,) = {tuple(x["encoding"]["x"]["scale"]["domain"]) for x in layers[2:4]}
    assert domain[0] == pytest.approx(rows[["alpha", "low"]].min().min())
    assert domain[0] < 0
    assert domain[1] == 1


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The picture as a page, one label of which would close a script element."""
    path = tmp_path_factory.mktemp("图") / "alpha.html"
    labels = {**LABELS, "functions.also_service": "</script><b>"}
    save_alpha_chart(path, ROUNDS, labels=labels, note="虚构的示例")
    return path


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_each_ending_is_a_file_of_its_kind(ending: str, tmp_path: Path) -> None:
    path = tmp_path / "图" / f"alpha.{ending}"
    save_alpha_chart(path, ROUNDS, labels=LABELS, note="虚构的示例")
    assert [x.name for x in path.parent.iterdir()] == [path.name]
    if ending == "png":
        assert path.read_bytes().startswith(b"\x89PNG")
        return
    text = path.read_text("utf-8")
    assert text.startswith("<svg")
    assert "NaN" not in text
    for word in ("实践阶段", "兼有服务", "试编（1.1）", "定序", "虚构的示例", "未定义"):
        assert word in text


def test_the_page_draws_without_a_network(page_file: Path, browser) -> None:
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(page_file.as_uri())
    page.wait_for_selector("#chart svg")
    text = page.text_content("#chart svg")
    context.close()
    assert "实践阶段" in text
    assert "定类" in text
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_data_cannot_close_the_script_they_stand_in(page_file: Path) -> None:
    page = page_file.read_text("utf-8")
    assert [x.name for x in page_file.parent.iterdir()] == ["alpha.html"]
    assert "</script><b>" not in page
    assert len(re.findall("</script", page)) == 2
    for word in ("实践阶段", "试编（1.1）", "虚构的示例", "未定义"):
        assert word in page


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    for name in ("a.pdf", "a.SVG", "a"):
        with pytest.raises(DataError) as caught:
            save_alpha_chart(tmp_path / name, ROUNDS, labels=LABELS)
        assert (
            str(caught.value) == f"{tmp_path / name}: name a file that ends in .svg, .png or .html"
        )
    text = reliability(
        pd.DataFrame([["p", "x", "好"]], columns=["unit", "coder", "value"]),
        variable=Variable(id="why", label="why", level="text"),
    )
    with pytest.raises(DataError) as caught:
        save_alpha_chart(tmp_path / "a.svg", {"a": [text]}, labels={})
    assert str(caught.value) == (
        f"{tmp_path / 'a.svg'}: no variable has categories, so there is no alpha to draw"
    )
    assert list(tmp_path.iterdir()) == []
