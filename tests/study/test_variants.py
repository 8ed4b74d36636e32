import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from stagemix.cli.main import app
from stagemix.codes.codebook import default_codebook
from stagemix.codes.store import Code, CodeStore
from stagemix.errors import DataError
from stagemix.study.correcting import corrected
from stagemix.study.folder import init_study, read_study
from stagemix.study.mixing import mix_of
from stagemix.study.modelling import classify_folder
from stagemix.study.variants import (
    check_choices,
    mix_of_variant,
    variant,
    write_pseudo_outcomes,
)

BOOK = default_codebook()
STAGES = ["publish", "interact", "service", "cooperate"]
AGAIN = (
    "Without duplicates: 3 of 288 posts (1 of the 144 coded ones) repeat an earlier text of their "
    "account and are not counted."
)
READS = (
    "Shares of reads, not of posts: 5 of 288 posts have no reads (0 or not known) and are not "
    "counted."
)
BOUND = "4 posts have 10万+ reads: each counts as 100,001, a lower bound."


@pytest.fixture(scope="module")
def repeated(worked, tmp_path_factory):
    """The worked corpus with three reposts and with reads, classified by the worked model.

    Posts 12, 19 and 150 repeat posts 0, 1 and 145 of their account; post 2 has the text of 145,
    which is of another.
    """
    root = tmp_path_factory.mktemp("reposts")
    posts = pd.read_csv(worked.corpus / "posts.csv")
    for first, later in ((0, 12), (1, 19), (145, 150), (145, 2)):
        posts.loc[later, ["title", "text"]] = posts.loc[first, ["title", "text"]].to_numpy()
    posts.loc[19, "text"] += "！"
    reads = np.random.default_rng(3).integers(50, 9000, size=288).astype(str).astype(object)
    reads[[3, 30, 60]], reads[[90, 120]], reads[[5, 6, 7, 200]] = "", "0", "10万+"
    posts["reads"] = reads
    corpus = root / "corpora" / "推文"
    corpus.mkdir(parents=True)
    posts.to_csv(corpus / "posts.csv", index=False)
    predictions = root / "predictions" / "推文"
    classify_folder(corpus, model=worked.model, out=predictions)
    source = corrected(predictions, codebook=BOOK)
    return SimpleNamespace(
        root=root, corpus=corpus, predictions=predictions, source=source, codes=worked.codes
    )


def counted(case, **choices):
    choices = {"without_duplicates": False, "by_reads": False, **choices}
    return variant(case.source, predictions=case.predictions, **choices)


def english(found):
    return [line.en for line in found.source.remarks]


def refusal(call, *args, **choices):
    with pytest.raises(DataError) as error:
        call(*args, **choices)
    return str(error.value)


def test_nothing_asked_changes_nothing(repeated):
    found = counted(repeated)
    assert found.source is repeated.source
    assert found.reads is None
    pd.testing.assert_frame_equal(
        mix_of_variant(found, by="account"), mix_of(repeated.source, by="account")
    )


def test_of_the_same_texts_of_an_account_the_earliest_is_counted(repeated):
    found = counted(repeated, without_duplicates=True)
    all_ids = repeated.source.data.posts["post_id"]
    left = sorted(set(all_ids) - set(found.source.data.posts["post_id"]))
    assert left == sorted(all_ids.iloc[[12, 19, 150]])
    table = mix_of_variant(found, by="account")
    assert table.groupby("account")["n_posts"].first().sum() == 285
    assert mix_of_variant(found, by="overall")["n_codes"].tolist() == [143] * 4
    assert english(found) == [*(line.en for line in repeated.source.remarks), AGAIN]
    assert found.source.remarks[-1].zh == (
        "去重：288 篇推文中有 3 篇（144 篇编码推文中有 1 篇）与同一账号更早的推文文字相同，不计入。"
    )


def test_reads_weigh_the_posts_that_have_them(repeated):
    found = counted(repeated, by_reads=True)
    raw = pd.read_csv(repeated.corpus / "posts.csv", dtype=str)["reads"].fillna("0")
    expected = raw.replace("10万+", "100001").astype(float)
    assert np.nan_to_num(found.reads).tolist() == expected.tolist()
    assert np.isnan(found.reads).sum() == 3
    assert english(found)[-2:] == [READS, BOUND]
    assert [line.zh for line in found.source.remarks[-2:]] == [
        "占比按阅读数计算，不按篇数：288 篇推文中有 5 篇没有阅读数（为 0 或未知），不计入。",
        "4 篇阅读数为 10万+，各按 100,001 计，这是下限。",
    ]
    table = mix_of_variant(found, by="overall").set_index("stage")
    assert set(table["n_posts"]) == {283}
    labels = repeated.source.data.posts["label"]
    assert table.loc["publish", "share_raw"] == pytest.approx(
        expected[(labels == "publish").to_numpy()].sum() / expected.sum()
    )
    by_account = mix_of_variant(found, by=" account , year ")
    assert len(by_account) == 6 * 4 * 4


def test_duplicates_leave_before_reads_are_counted(repeated):
    both = counted(repeated, without_duplicates=True, by_reads=True)
    assert len(both.reads) == 285
    assert english(both)[-3:] == [AGAIN, READS.replace("288", "285"), BOUND]
    alone = counted(repeated, by_reads=True)
    kept = alone.source.data.posts["post_id"].isin(both.source.data.posts["post_id"])
    assert np.array_equal(both.reads, alone.reads[kept], equal_nan=True)


def test_a_corpus_without_reads(worked):
    case = SimpleNamespace(
        predictions=worked.predictions, source=corrected(worked.predictions, codebook=BOOK)
    )
    assert refusal(counted, case, by_reads=True) == (
        f"{worked.corpus.resolve()}: no post has reads, which --weight reads needs; import them, "
        "or leave it out"
    )


def test_a_corpus_that_lost_posts(worked, tmp_path):
    corpus = Path(shutil.copytree(worked.corpus, tmp_path / "推文"))
    predictions = tmp_path / "predictions"
    classify_folder(corpus, model=worked.model, out=predictions)
    posts = pd.read_csv(corpus / "posts.csv")
    posts.drop(index=[0, 1]).to_csv(corpus / "posts.csv", index=False)
    case = SimpleNamespace(predictions=predictions, source=corrected(predictions, codebook=BOOK))
    gone = ", ".join(posts["post_id"].head(2))
    assert refusal(counted, case, without_duplicates=True) == (
        f"{corpus}: 2 posts of {predictions} are not there any more ({gone}); "
        "classify the corpus again"
    )


def test_a_corpus_that_grew_counts_only_what_was_classified(repeated, tmp_path):
    corpus = Path(shutil.copytree(repeated.corpus, tmp_path / "corpora" / "推文"))
    posts = pd.read_csv(corpus / "posts.csv")
    early = posts.assign(post_id="x" + posts["post_id"], published_at="2010-01-01")
    pd.concat([early, posts]).to_csv(corpus / "posts.csv", index=False)
    init_study(tmp_path)
    study = read_study(tmp_path)
    own = Path(shutil.copytree(repeated.predictions, tmp_path / "predictions" / "推文"))
    source = corrected(own, codebook=BOOK, codes=repeated.codes, study=study)
    case = SimpleNamespace(predictions=own, source=source)
    assert source.corpus == corpus
    assert len(counted(case, without_duplicates=True).source.data.posts) == 285


def test_labels_from_a_file_have_the_corpus_that_is_named_or_the_studys(repeated, worked, tmp_path):
    file = tmp_path / "labels.csv"
    table = pd.read_parquet(repeated.predictions)[["post_id", "stage"]]
    table.to_csv(file, index=False)
    source = corrected(file, codebook=BOOK, codes=worked.codes, corpus=repeated.corpus)
    case = SimpleNamespace(predictions=file, source=source)
    assert source.corpus == repeated.corpus
    assert len(counted(case, without_duplicates=True).source.data.posts) == 285
    init_study(tmp_path)
    shutil.copytree(repeated.corpus, tmp_path / "corpora" / "mine")
    study = replace(read_study(tmp_path), corpus="mine")
    own = corrected(file, codebook=BOOK, codes=worked.codes, study=study)
    assert own.corpus == study.root / "corpora" / "mine"


def test_the_pseudo_outcomes_are_written_once(repeated, tmp_path):
    found = counted(repeated, without_duplicates=True).source
    path = tmp_path / "new" / "z.csv"
    assert write_pseudo_outcomes(found, path) == (
        f"{path}: one row per post; regress z_service on your columns with standard errors "
        "clustered by account (R: fixest::feols(z_service ~ x, cluster = ~account)), values "
        "outside 0 to 1 included."
    )
    assert path.read_bytes().startswith(b"\xef\xbb\xbfpost_id,account,published_at,coded,")
    table = pd.read_csv(path)
    assert len(table) == 285
    assert table["coded"].sum() == 143
    data = found.data
    residual = ((data.y - data.q) / data.chance[:, None]).sum(axis=0)
    means = (data.p_held_out.sum(axis=0) + residual) / 285
    assert table[[f"z_{s}" for s in STAGES]].mean().to_numpy() == pytest.approx(means, abs=1e-12)
    assert refusal(write_pseudo_outcomes, found, path) == (
        f"{path}: is there already and is not overwritten; name another file"
    )
    assert list(path.parent.iterdir()) == [path]


def test_the_example_of_a_regression_names_a_stage_of_the_variable(repeated, tmp_path):
    data = replace(repeated.source.data, categories=("no", "yes", "maybe", "never"))
    line = write_pseudo_outcomes(replace(repeated.source, data=data), tmp_path / "z.csv")
    assert "fixest::feols(z_never ~ x, cluster = ~account)" in line


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        (
            {"by_reads": True, "coder_error": True, "pseudo": None},
            "--coder-error --weight reads: what errors of coding do is worked out for shares of "
            "posts; leave one of the two out",
        ),
        (
            {"by_reads": True, "coder_error": False, "pseudo": Path("z.csv")},
            "--pseudo-outcomes --weight reads: pseudo-outcomes are values of posts, whatever "
            "their reads; leave --weight out, and weight the regression",
        ),
        (
            {"by_reads": False, "coder_error": False, "pseudo": Path("z.xlsx")},
            "--pseudo-outcomes z.xlsx: the file is CSV; name it NAME.csv",
        ),
    ],
)
def test_choices_that_contradict_each_other(choices, said):
    assert refusal(check_choices, **choices) == said


def test_choices_that_go_together(tmp_path):
    check_choices(by_reads=True, coder_error=False, pseudo=None)
    check_choices(by_reads=False, coder_error=True, pseudo=tmp_path / "z.CSV")
    (tmp_path / "z.csv").touch()
    assert refusal(check_choices, by_reads=False, coder_error=False, pseudo=tmp_path / "z.csv") == (
        f"{tmp_path / 'z.csv'}: is there already and is not overwritten; name another file"
    )


def command(*arguments, at):
    return subprocess.run(
        [sys.executable, "-m", "stagemix", "mix", *map(str, arguments)],
        cwd=at, capture_output=True, text=True, encoding="utf-8", timeout=120,
        env={**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONUTF8": "1"},
    )  # fmt: skip


def test_the_command_from_end_to_end(repeated, tmp_path):
    done = command(
        repeated.predictions, "--without-duplicates", "--pseudo-outcomes", "z.csv",
        "--by", "overall", "--format", "json", at=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [row["n_posts"] for row in json.loads(done.stdout)] == [285] * 4
    assert done.stderr.splitlines()[-2] == AGAIN
    assert done.stderr.splitlines()[-1].startswith("z.csv: one row per post; regress z_service ")
    assert len(pd.read_csv(tmp_path / "z.csv")) == 285


def printed(*arguments):
    done = CliRunner().invoke(app, ["mix", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0
    return done


def test_shares_of_reads_are_headed_as_such(repeated, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = printed(repeated.predictions, "--weight", "reads").stdout.splitlines()
    assert lines[0] == "Shares of reads, not of posts"
    assert "All reads together" in lines
    assert {READS, BOUND} <= set(lines)
    plain = printed(repeated.predictions).stdout.splitlines()
    assert plain[0].startswith("account ")
    assert "All posts together" in plain


@pytest.fixture
def two_coders(repeated, tmp_path, monkeypatch):
    """A study whose round two coders coded, the second with six doubts fewer."""
    init_study(tmp_path)
    source = corrected(repeated.predictions, codebook=BOOK)
    ids = source.data.posts["post_id"].iloc[source.data.row]
    names = np.array(STAGES)[source.data.y.argmax(axis=1)]
    codes = dict(zip(ids, names, strict=True))
    doubted = [unit for unit, value in codes.items() if value == "interact"][:6]
    CodeStore(read_study(tmp_path).coding).add(
        Code(round="final", unit=unit, coder=coder, variable="stage",
             value="publish" if coder == "乙" and unit in doubted else value)
        for coder in ("甲", "乙") for unit, value in codes.items()
    )  # fmt: skip
    monkeypatch.chdir(tmp_path)


def test_coder_error_is_printed_after_the_mix(repeated, two_coders):
    done = printed(repeated.predictions, "--coder-error", "--by", "overall")
    lines = done.stdout.splitlines()
    start = lines.index("What the overall shares would be if ...")
    assert start > 5
    assert lines[start + 1].split() == ["scenario", "stage", "share", "95%", "interval"]
    rows = {tuple(line.split()[:-4]): line.split()[-4] for line in lines[start + 3 : start + 27]}
    share = {k: float(v.rstrip("%")) for k, v in rows.items()}
    assert share["agreed", "互动"] == share["doubts", "upward", "互动"]
    assert share["agreed", "互动"] > share["as", "乙", "coded", "互动"]
    assert share["as", "乙", "coded", "互动"] == share["doubts", "downward", "互动"]
    assert any(line.startswith("The scenarios show how far") for line in lines)


def test_coder_error_alone_is_printed_for_machines(repeated, two_coders):
    done = printed(repeated.predictions, "--coder-error", "--format", "json")
    found = json.loads(done.stdout)
    assert len(found) == 6 * 4
    changed = {x["scenario"]: x["codes_changed"] for x in found}
    assert (changed["agreed"], changed["as 乙 coded"]) == (0, 6)


def test_coder_error_needs_a_study(repeated, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as error:
        printed(repeated.predictions, "--coder-error")
    assert str(error.value) == (
        f"{tmp_path}: not in a study (no study.toml); begin one with `stagemix init`"
    )
