"""Each command as a user runs it: what it prints, what it writes, how it ends."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pandas as pd
import pytest
from typer.testing import CliRunner

from stagemix.cli.main import app
from stagemix.codes.codebook import default_codebook
from stagemix.codes.rounds import read_round
from stagemix.codes.store import CodeStore
from stagemix.mix.table import COLUMNS
from stagemix.study.folder import init_study

COMMANDS = ("demo", "init", "import", "sample", "code", "agree", "check", "train", "evaluate",
            "classify", "mix", "converge", "compare", "report")  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(run, name):
    done = run(name, "--help")
    assert done.returncode == 0
    assert "Example:" in done.stdout


def test_wrong_usage_ends_with_2(run):
    assert run("mix").returncode == 2
    assert run("nonsense").returncode == 2
    assert run("code", "--settle", "a.csv", "--from-csv", "b.csv").returncode == 2


@pytest.mark.skipif(os.name == "nt", reason="the interrupt of a console is another there")
def test_the_page_is_served_by_the_links_it_prints_until_interrupted(own_study):
    command("sample", "corpora/posts", "--n", 6, "--coders", "甲,乙")
    served_by = [sys.executable, "-m", "stagemix", "code", "--port", "0"]
    environment = {**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        served_by,
        cwd=own_study,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
    ) as served:
        lines = [served.stdout.readline().split() for _ in range(3)]
        assert [line[0] for line in lines] == ["lead", "甲", "乙"]
        page = httpx.get(lines[1][1], follow_redirects=True)
        assert page.status_code == 200
        assert "final" in page.text
        served.send_signal(signal.SIGINT)
        assert served.wait(20) == 0


def test_a_new_link_is_printed_for_coders_of_a_round_only(run, own_study):
    command("sample", "corpora/posts", "--n", 6, "--coders", "甲,乙")
    done = run("code", "--new-link", "甲", "--port", "8765")
    assert re.fullmatch(r"甲  http://127\.0\.0\.1:8765/enter/[\w-]{43}\n", done.stdout)
    done = run("code", "--new-link", "谁")
    assert done.returncode == 1
    assert done.stderr == (
        "stagemix: --new-link 谁: no round has a coder of that name; there are 甲, 乙\n"
    )


def test_a_problem_with_files_is_one_line_on_stderr_and_ends_with_1(run, tmp_path):
    done = run("mix", "predictions/没有")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "stagemix: predictions/没有: no predictions there; make them with "
        "`stagemix classify corpora/NAME --out predictions/没有`\n"
    )


def test_outside_a_study_a_command_that_needs_one_says_how_to_begin(run, tmp_path):
    done = run("sample", "corpora/posts", "--n", 5, "--coders", "a")
    assert done.returncode == 1
    assert done.stderr == (
        f"stagemix: {tmp_path}: not in a study (no study.toml); begin one with `stagemix init`\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--coders", "a"], "--n: how many posts? --plan says how many it takes"),
        (
            ["--coders", "a", "--unit", "account", "--n", "5", "--by", "account", "--together"],
            "--unit account takes every account; leave --n, --by, --together out",
        ),
        (
            ["--coders", "a", "--unit", "account", "--plan", "--purpose", "pilot", "--seed", "1"],
            "--unit account takes every account; leave --purpose, --plan, --seed out",
        ),
        (
            ["--coders", "a", "--plan", "--for", "converge"],
            "--plan draws nothing; --for converge says its own as it draws",
        ),
        (
            ["--coders", "a", "--n", "5", "--width", "0.1", "--least-agreement", "0.7"],
            "--width, --least-agreement: goes with --plan",
        ),
        (["--coders", "a", "--n", "5", "--purpose", "check"], "Invalid value for '--purpose'"),
    ],
)
def test_options_of_sample_that_do_not_go_together(arguments, said):
    done = CliRunner().invoke(app, ["sample", "corpora/posts", *arguments])
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from-excel", "a.xlsx", "--join"], "--join and --beside go with --from-csv"),
        (["--settle", "a.csv", "--beside"], "--join and --beside go with --from-csv"),
        (
            ["--from-csv", "a.csv", "--beside", "--join"],
            "--join lets codes count, --beside does not; give one",
        ),
    ],
)
def test_options_of_code_that_do_not_go_together(arguments, said):
    done = CliRunner().invoke(app, ["code", *arguments])
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


@pytest.fixture
def own_study(tmp_path, monkeypatch):
    """A study of six posts of two accounts, in which commands are run."""
    init_study(tmp_path)
    corpus = tmp_path / "corpora" / "posts"
    corpus.mkdir()
    rows = [f"p{n},{'东篱' if n < 3 else '听潮'},题{n},2021-03-0{n + 1}" for n in range(6)]
    (corpus / "posts.csv").write_text(
        "\n".join(["post_id,account,title,published_at", *rows]), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*arguments):
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == 0, (done.stderr, done.exception)
    return done.stdout


def test_a_round_of_posts_with_its_purpose_and_what_it_asks(own_study):
    out = command(
        "sample", "corpora/posts", "--n", 6, "--round", "试编", "--coders", "甲、乙", "--overlap", 0,
        "--together", "--purpose", "pilot", "--ask", "functions，stage",
    )  # fmt: skip
    assert "6 posts drawn (stratified, seed 1) as round 试编 (pilot) for " in out
    assert f"; kept in {own_study / 'coding' / 'rounds'}\n" in out
    made = read_round("试编", own_study / "coding" / "rounds")
    assert (made.purpose, made.asks) == ("pilot", ("functions", "stage"))
    assert {frozenset(made.units_of(c)) for c in "甲乙"} == {
        frozenset({"p0", "p1", "p2"}),
        frozenset({"p3", "p4", "p5"}),
    }


def test_accounts_from_the_round_to_the_agreed_codes(run, own_study):
    done = run("sample", "corpora/posts", "--unit", "account", "--coders", "甲,乙")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"2 accounts, all there are, as round accounts for 甲, 乙; kept in "
        f"{own_study / 'coding' / 'rounds'}\n"
        "Next: stagemix code, which serves the coding page; or in Excel: "
        "stagemix code --to-excel sheets/accounts.xlsx --round accounts\n"
    )
    done = run("code", "--to-excel", "sheets/a.xlsx", "--round", "accounts")
    assert done.stdout == (
        "sheets/a-甲.xlsx: 2 accounts to code\nsheets/a-乙.xlsx: 2 accounts to code\n"
    )
    part = next(v for v in default_codebook().of_unit("account")).parts[0].id
    (own_study / "a.csv").write_text(
        f"账号,编码员,变量,编码\n东篱,甲,{part},是\n东篱,乙,{part},否\n", encoding="utf-8"
    )
    out = command("code", "--from-csv", "a.csv", "--round", "accounts")
    assert out == (
        "a.csv: 2 codes of round accounts, 2 new\n"
        "Round accounts: of 2 accounts 0 have a code, 1 have none, 1 disagreements are open, "
        "0 wait for another coder.\n"
        "Next: stagemix agree\n"
    )
    (own_study / "s.csv").write_text("账号,取值,理由\n东篱,是,菜单\n", encoding="utf-8")
    out = command("code", "--settle", "s.csv", "--round", "accounts", "--by", "丙")
    agreed = own_study / "coding" / "agreed-accounts.csv"
    assert out == f"1 accounts settled by 丙; the agreed codes are in {agreed}\n"
    assert pd.read_csv(agreed)[["account", part]].to_numpy().tolist() == [["东篱", 1]]
    times = CodeStore(own_study / "coding").codes()["coded_at"]
    assert times.str.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}[+-]\d\d:\d\d").all()


def test_every_account_for_machines(own_study):
    out = command(
        "sample", "corpora/posts", "--unit", "account", "--coders", "甲", "--ask", "inventory",
        "--round", "功能", "--format", "csv",
    )  # fmt: skip
    assert out == (
        "account,stratum,inclusion_probability,coders\n东篱,all,1.0,甲\n听潮,all,1.0,甲\n"
    )
    assert read_round("功能", own_study / "coding" / "rounds").asks == ("inventory",)


def test_codes_by_others_join_a_round_or_stand_beside_it(own_study):
    command("sample", "corpora/posts", "--n", 6, "--coders", "甲,乙")
    rows = "post_id,coder,variable,value\np0,{0},stage,发布\np1,{0},stage,服务\n"
    for name in ("甲", "丙", "模型"):
        (own_study / f"{name}.csv").write_text(rows.format(name), encoding="utf-8")
    command("code", "--from-csv", "甲.csv")
    refused = CliRunner().invoke(app, ["code", "--from-csv", "丙.csv"])
    assert str(refused.exception) == (
        "丙.csv: row 2 (丙), 3 (丙) is by a coder whom the round final does not name; its coders "
        "are 甲, 乙; --join lets a further coder code it, --beside keeps codes for comparison only"
    )
    out = command("code", "--from-csv", "丙.csv", "--join")
    assert out.startswith(
        "丙.csv: 2 codes of round final, 2 new\n丙 joined the round final for what they coded\n"
        "Round final: The coding is not finished: "
    )
    out = command("code", "--from-csv", "模型.csv", "--beside")
    assert out == (
        "模型.csv: 2 codes of round final, 2 new\n"
        "They stand beside the coders' and count nowhere. Next: stagemix agree\n"
    )
    kinds = CodeStore(own_study / "coding").codes().groupby("coder")["kind"].unique()
    assert {name: list(kind) for name, kind in kinds.items()} == {
        "甲": ["independent"], "丙": ["independent"], "模型": ["beside"],
    }  # fmt: skip


def test_train_evaluate_classify_outside_a_study(run, worked, tmp_path):
    done = run("train", "--codes", worked.codes, "--corpus", worked.corpus, "--out", "m", "--fast")
    assert done.returncode == 0, done.stderr
    assert (
        "cooperate: 0 codes, too few to be learned; it stays in every table with 0" in done.stdout
    )
    done = run("evaluate", "m", "--format", "json")
    found = json.loads(done.stdout)
    assert found["codes"] == 144
    assert found["macro_f1"] > found["baseline_macro_f1"]
    assert list(found["confusion"]) == ["publish", "interact", "service", "cooperate"]
    done = run("classify", worked.corpus, "--model", "m", "--out", "p")
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "p")
    assert list(table.columns) == [
        "post_id", "account", "published_at", "stage",
        "p_publish", "p_interact", "p_service", "p_cooperate",
    ]  # fmt: skip
    assert len(table) == len(worked.posts)
    assert (table["p_cooperate"] == 0).all()


def test_mix_prints_every_account_and_says_why_a_share_is_refused(run, worked):
    done = run("mix", worked.predictions, "--codes", worked.codes)
    assert done.returncode == 0, done.stderr
    for account in worked.posts["account"].unique():
        assert account in done.stdout
    assert "fewer than 3 coded posts of this stage in all: no share by group" in done.stdout
    assert "design: simple random within account and year." in done.stdout


def test_mix_for_machines_has_one_row_per_account_period_and_stage(run, worked):
    done = run("mix", worked.predictions, "--by", "account,year", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 6 * 4 * 4
    assert len({(r["account"], r["period"], r["stage"]) for r in rows}) == len(rows)
    same = json.loads(
        run("mix", worked.predictions, "--by", "account,year", "--format", "json").stdout
    )
    assert [r["n_posts"] for r in same] == [int(r["n_posts"]) for r in rows]
    assert all(r["share"] is None for r in same if r["status"] == "refused")


def test_mix_overall_sums_to_one(run, worked):
    done = run("mix", worked.predictions, "--by", "overall", "--format", "json")
    rows = json.loads(done.stdout)
    assert [(r["account"], r["period"]) for r in rows] == [("all", "all")] * 4
    assert sum(r["share"] for r in rows) == pytest.approx(1.0, abs=1e-12)


def test_converge_names_its_measures(run, worked):
    done = run("converge", worked.predictions, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert "Corrected by 144 coded posts" in done.stderr
    found = json.loads(done.stdout)
    assert list(found)[:5] == ["above_publish", "within", "total", "evenness", "between"]
    assert (found["accounts"], found["periods"], found["codes"]) == (6, 4, 144)
    for name in ("above_publish", "within", "total", "evenness", "between"):
        assert {"change", "se", "low", "high", "p_value", "mdc", "status", "verdict"} <= set(
            found[name]
        )
    assert (found["merging"], found["alike"], found["smallest_cell"]) == (
        "too_few",
        "not_tested",
        12,
    )
    assert found["between"]["p_value"] is None
    u = found["above_publish"]
    assert u["low"] < u["change"] < u["high"]
    rows = found["lines"]
    parts = {m: {r["period"]: r["corrected"] for r in rows if r["measure"] == m}
             for m in ("within", "between", "total")}  # fmt: skip
    for period, total in parts["total"].items():
        both = parts["within"][period] + parts["between"][period]
        assert total == pytest.approx(both, abs=1e-12)
    people = run("converge", worked.predictions)
    assert people.stdout.startswith("1. merging (融合): too little to decide; 144 codes of 300.\n")
    assert "Each account's change in the share above publish" in people.stdout


def test_converge_for_a_spreadsheet_has_a_row_per_measure(run, worked):
    done = run("converge", worked.predictions, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [r["measure"] for r in rows] == [
        "above_publish", "within", "total", "evenness", "between",
    ]  # fmt: skip
    assert float(rows[0]["value_2019"]) > 0
    assert {"change", "low", "high", "p_value", "mdc", "status", "verdict"} <= set(rows[0])


def test_a_test_for_fully_coded_corpora_refuses_a_sample(run, worked):
    done = run("converge", worked.predictions, "--method", "sigma")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "stagemix: --method sigma: needs every post coded, 144 of 288 are; leave --method out\n"
    )


def test_compare_by_a_column_of_the_account_table(run, worked, tmp_path):
    corpus = tmp_path / "语料"
    shutil.copytree(worked.corpus, corpus)
    accounts = sorted(worked.posts["account"].unique())
    lines = [f"{a},{'甲类' if i < 3 else '乙类'}" for i, a in enumerate(accounts)]
    (corpus / "accounts.csv").write_text("\n".join(["account,kind", *lines]), encoding="utf-8-sig")
    labelled = run("classify", corpus, "--model", worked.model, "--out", "p")
    assert labelled.returncode == 0, labelled.stderr
    done = run("compare", "p", "--by", "kind")
    assert done.returncode == 0, done.stderr
    assert "The average account of each group" in done.stdout
    assert "Do the groups differ at all? (Welch 1951)" in done.stdout
    found = json.loads(run("compare", "p", "--by", "kind", "--format", "json").stdout)
    shares = [
        x["share"] for x in found["shares"] if x["group"] == "甲类" and x["stage"] == "publish"
    ]
    pair = next(x for x in found["differences"] if x["stage"] == "publish")
    other = [
        x["share"] for x in found["shares"] if x["group"] == "乙类" and x["stage"] == "publish"
    ]
    sign = 1 if pair["group"] == "甲类" else -1
    assert pair["difference"] == pytest.approx(sign * (shares[0] - other[0]), abs=1e-9)
    assert run("compare", "p", "--by", "year").stderr == (
        "stagemix: --by year: not a column of the account table (accounts.csv); one can compare by "
        "kind\n"
    )


def test_agree_on_a_file_of_codes(run, tmp_path):
    (tmp_path / "long.csv").write_text(
        "post_id,coder,variable,value\n"
        + "".join(f"{n},{c},stage,{v}\n" for n, vs in enumerate(["发布 发布", "互动 服务", "service service"], 1)
                  for c, v in zip("甲乙", vs.split(), strict=True)),
        encoding="utf-8",
    )  # fmt: skip
    done = run("agree", "--codes", "long.csv", "--format", "json")
    (found,) = json.loads(done.stdout)
    assert found["units"] == 3
    assert found["percent_agreement"] == pytest.approx(2 / 3)
    assert found["disagreements"] == 1
    assert found["coders"] == ["甲", "乙"] or set(found["coders"]) == {"甲", "乙"}


def test_a_model_that_moved_is_named_by_hand(run, worked, tmp_path):
    shutil.copytree(worked.model, tmp_path / "moved")
    shutil.copytree(worked.predictions, tmp_path / "p")
    done = run("mix", "p", "--model", "moved", "--by", "overall", "--format", "csv")
    assert done.returncode == 0, done.stderr
    done = run("mix", "p", "--model", "nowhere")
    assert done.stderr == (
        "stagemix: nowhere: the model of these predictions is not there; "
        "say where it is with --model DIR\n"
    )


def test_import_tells_what_came_in(run, tmp_path):
    (tmp_path / "导出.csv").write_text(
        "公众号,标题,发布时间,阅读,备用\n东篱发布,开会了,2021-03-05 10:20,10万+,x\n"
        "东篱发布,放假了,2021-05-01,1.2万,y\n",
        encoding="utf-8-sig",
    )
    done = run("import", "导出.csv", "--to", "corpora/posts")
    assert done.returncode == 0, done.stderr
    assert "2 posts added, 0 were there already; 2 posts of 1 accounts" in done.stdout
    assert "Period: 2021-03-05 to 2021-05-01" in done.stdout
    assert "Reads known only to be above 100,000 (10万+): 1" in done.stdout
    assert "Columns not used: 备用" in done.stdout
    assert run("import", "导出.csv", "--to", "corpora/posts", "--map", "备用").returncode == 2


def test_init_keeps_what_is_there(run, tmp_path):
    (tmp_path / "study.toml").write_text('title = "旧"\n', encoding="utf-8")
    done = run("init")
    assert done.returncode == 0
    assert "kept   study.toml (it was there already)" in done.stdout
    assert (tmp_path / "study.toml").read_text("utf-8") == 'title = "旧"\n'
    assert (tmp_path / "coding" / "codebook.toml").is_file()


def test_a_reader_that_stops_early_is_no_error(worked, tmp_path):
    command = [sys.executable, "-W", "ignore", "-m", "stagemix", "mix", str(worked.predictions)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_output_is_utf8_in_a_pipe(run, worked):
    assert "发布" in run("mix", worked.predictions).stdout


def test_version(run):
    from stagemix import __version__

    assert run("--version").stdout == f"stagemix {__version__}\n"


def test_help_needs_none_of_the_heavy_libraries(tmp_path):
    code = (
        "import sys; from stagemix.cli import main; "
        "print([m for m in ('pandas', 'sklearn', 'altair', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout == "[]\n", done.stderr


def test_no_path_of_the_machine_is_needed(worked: object, run, tmp_path: Path):
    done = run("evaluate", tmp_path)
    assert done.stderr == (
        f"stagemix: {tmp_path}: no model there; make one with `stagemix train --out {tmp_path}`\n"
    )
