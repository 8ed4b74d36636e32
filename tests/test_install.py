"""What a user installs: the wheel, with the example study in it, and the README's commands."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from stagemix.study.folder import init_study

ROOT = Path(__file__).parents[1]


def process(*command: object, at: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=at, capture_output=True, text=True, encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", **environment}, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the wheel, and nothing of the checkout, is installed."""
    work = tmp_path_factory.mktemp("wheel")
    process(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", work, at=ROOT)
    (wheel,) = work.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    process(*pip, "--target", work / "site", wheel, at=work)
    return work / "site"


def test_the_wheel_runs_the_demo_to_its_end(installed, tmp_path):
    place = tmp_path / "示例"
    out = process(
        sys.executable, "-W", "ignore", "-m", "stagemix", "demo", place,
        at=tmp_path, PYTHONPATH=str(installed),
    )  # fmt: skip
    assert out.startswith("An invented example: no figure here is about a real account.\n")
    match = re.search(r"(\d+) of (\d+) intervals above hold the true share", out)
    assert match is not None
    assert int(match[1]) >= 0.8 * int(match[2])
    assert f"Report: {(place / 'reports' / 'report.html').resolve()}" in out
    page = (place / "reports" / "report.html").read_text("utf-8")
    assert "虚构的示例" in page
    assert not (installed / "stagemix" / "example" / "coding" / "codes.sqlite").exists()


def readme_commands(heading: str) -> list[list[str]]:
    """The commands in the indented blocks under one heading of the README."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.split(f"### {heading}" if f"### {heading}" in text else f"## {heading}")[1]
    section = re.split(r"\n##+ ", section)[0]
    lines = re.findall(r"^    ((?:stagemix|classify) [^#\n]*)", section, re.M)
    return [line.split() for line in lines]


def test_the_readmes_study_runs_as_written(worked, tmp_path):
    commands = readme_commands("A study of your own")
    assert len(commands) == 14
    posts = worked.posts.rename(columns={"account": "公众号", "title": "标题", "text": "正文"})
    posts.drop(columns="true").to_csv(tmp_path / "导出.csv", index=False, encoding="utf-8-sig")
    at = tmp_path
    true = worked.posts.set_index("post_id")["true"]
    for command in commands:
        if "--from-excel" in command:
            fill_workbooks(at / "sheets", true)
        if "--settle" in command:
            fill_settled(at / "sheets" / "settle.csv")
        out = process(sys.executable, "-W", "ignore", "-m", "stagemix", *words(command), at=at)
        at = tmp_path / "我的研究"
        assert out
    assert (at / "reports" / "report.html").is_file()


def words(command: list[str]) -> list[str]:
    return command if command[0] == "classify" else command[1:]


def fill_workbooks(folder: Path, true: object) -> None:
    for path in folder.glob("*.xlsx"):
        book = openpyxl.load_workbook(path)
        for n, row in enumerate(book["编码"].iter_rows(min_row=2)):
            row[4].value = true[row[0].value]
            if n % 9 == 0 and "乙" in path.name:
                row[4].value = "合作"
        book.save(path)


def fill_settled(path: Path) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        row["value"], row["reason"] = row["甲"], "按规则三"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_the_readmes_commands_without_a_study_run_as_written(worked, tmp_path):
    import shutil

    commands = readme_commands("Without a study")
    assert len(commands) == 4
    shutil.copytree(worked.corpus, tmp_path / "corpora" / "posts")
    shutil.copy(worked.codes, tmp_path / "codes.csv")
    (tmp_path / "coders.csv").write_text(
        "post_id,coder,variable,value\n1,a,stage,发布\n1,b,stage,发布\n2,a,stage,互动\n2,b,stage,服务\n",
        encoding="utf-8",
    )
    for command in commands:
        assert process(
            sys.executable, "-W", "ignore", "-m", "stagemix", *words(command), at=tmp_path
        )


def test_init_writes_what_the_readme_says(tmp_path):
    written, kept = init_study(tmp_path / "研究")
    assert {path.name for path in written} == {"study.toml", "codebook.toml", "README.md"}
    assert kept == []
