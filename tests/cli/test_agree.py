"""`stagemix agree`, run as people run it."""

import csv
import io
import json
from pathlib import Path

import pytest

HEADER = "post_id,coder,variable,value\n"
STAGES = {"a": "发布", "b": "互动", "c": "服务", "d": "合作", "u": "无法编码"}


@pytest.fixture
def codes(tmp_path: Path) -> Path:
    """Three coders' codes of twenty posts and two of a part, in one long file."""
    rows = [
        f"{n},{coder},stage,{STAGES[x]}\n"
        for coder, letters in (
            ("甲", "aabbccddaabbccddaabu"),
            ("乙", "aabbccdcaabbccddaabb"),
            ("丙", "aabbccddaaabccddaa.."),
        )
        for n, x in enumerate(letters)
        if x != "."
    ]
    rows += [f"{n},{coder},functions.also_service,1\n" for n in (1, 2) for coder in "甲乙"]
    path = tmp_path / "codes.csv"
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def test_the_tables_for_people(run, codes) -> None:
    done = run("agree", "--codes", codes, "--drift", "--resamples", "200")
    assert done.returncode == 0, done.stderr
    out = done.stdout
    head = out.splitlines()
    assert head[0].split() == [
        "variable", "version", "level", "units", "agreement", "alpha", "[95%", "interval]",
        "P(<.667)", "P(<.8)", "differ", "open",
    ]  # fmt: skip
    assert [line.split()[:4:2] for line in head[2:5]] == [
        ["stage", "nominal"], ["stage", "ordinal"], ["functions.also_service", "nominal"],
    ]  # fmt: skip
    assert "undefined" in head[4]
    for words in (
        "undefined: no variation, all codes are of one category",
        "Krippendorff's alpha, ordinal", "Scott's pi", "Cohen's kappa, quadratic weights",
        "Fleiss' kappa", "Gwet's AC1", "Gwet's AC2", "Holsti's R (ignores chance)",
        "composite reliability CR (ignores chance)", "丙 (rows) by 乙 (columns)",
        "Uncodable, left out as missing: 1 codes; of the 20 units all say codable 19",
        "all say uncodable 0, split 1", "20 units coded by two coders or more, 0 by one",
        "not coded: 丙 2, 乙 0, 甲 0", "Drift: stage", "Krippendorff (2004, 2018) asks for",
        "Krippendorff（2004, 2018）对 α 的要求", "ignore agreement by chance",
    ):  # fmt: skip
        assert words in out, words


def test_json_and_csv_have_the_same_numbers_in_full(run, codes) -> None:
    options = ("agree", "--codes", codes, "--resamples", "200", "--seed", "3")
    stage, part = json.loads(run(*options, "--format", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(run(*options, "--format", "csv").stdout)))
    assert (stage["variable"], part["variable"]) == ("stage", "functions.also_service")
    assert part["alpha_nominal"] is None
    assert part["reason"].startswith("undefined: no variation")
    figures = [*stage["figures"], *(f for pair in stage["pairs"] for f in pair["figures"])]
    own = [row for row in rows if row["variable"] == "stage"]
    assert len(own) == len(figures)
    for figure, row in zip(figures, own, strict=True):
        assert row["coefficient"] == figure["coefficient"]
        assert (float(row["value"]) if row["value"] else None) == figure["value"]
        if figure["interval"]:
            assert float(row["low"]) == figure["interval"]["low"]
            assert float(row["high"]) == figure["interval"]["high"]
            assert row["resamples"] == "200.0"
    assert len(stage["drift"]) == 12
    assert stage["sentence"]["zh"].startswith("“实践阶段”")
    assert stage["open"] == 3


def test_only_some_coders_and_a_picture(run, codes, tmp_path) -> None:
    done = run(
        "agree", "--codes", codes, "--coders", "甲, 丙", "--chart", "alpha.svg", "--format", "json"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["coders"] == ["丙", "甲"]
    assert (tmp_path / "alpha.svg").read_text("utf-8").startswith("<svg")
    done = run("agree", "--codes", codes, "--coders", "甲,丁")
    assert done.stderr == "stagemix: --coders: no codes by 丁; there are 丙, 乙, 甲\n"
    assert done.returncode != 0
