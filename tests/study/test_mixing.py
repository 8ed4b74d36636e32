import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from stagemix.codes.codebook import default_codebook
from stagemix.codes.rounds import read_round
from stagemix.errors import DataError, MissingError
from stagemix.study.coding import draw_round, take_in
from stagemix.study.converging import convergence_of
from stagemix.study.correcting import corrected
from stagemix.study.folder import init_study, read_study
from stagemix.study.mixing import mix_of, split_by
from stagemix.study.modelling import classify_folder, train_files

BOOK = default_codebook()
STAGES = ["publish", "interact", "service", "cooperate"]


@pytest.fixture(scope="module")
def source(worked):
    """The worked predictions with the codes the model was trained on."""
    return corrected(worked.predictions, codebook=BOOK)


def english(source):
    return [remark.en for remark in source.remarks]


def refused(*args, kind=DataError, **choices):
    with pytest.raises(kind) as error:
        corrected(*args, codebook=BOOK, **choices)
    return str(error.value)


def test_outside_a_study_the_models_codes_correct(source):
    assert len(source.data.row) == 144
    assert source.accounts is None
    assert english(source) == [
        "Corrected by 144 coded posts (the codes that the model was trained on); "
        "design: simple random within account and year.",
        "cooperate: 0 codes in training, too few to be predicted.",
    ]
    assert source.remarks[0].zh == (
        "由 144 篇编码推文校正（训练模型所用的编码）；抽样：按账号 × 年简单随机。"
    )


def test_out_of_fold_probabilities_are_used_for_the_coded_posts(worked, source):
    stored = pd.read_parquet(worked.model / "out_of_fold.parquet").set_index("post_id")
    names = source.data.posts["post_id"].iloc[source.data.row]
    assert (source.data.q == stored.loc[names, [f"p_{s}" for s in STAGES]].to_numpy()).all()
    assert (source.data.q != source.data.p[source.data.row]).any(axis=1).all()


def test_the_mix_has_every_account_year_and_stage_once(worked, source):
    table = mix_of(source, by="account,year")
    accounts = sorted(set(worked.posts["account"]))
    assert table[["account", "period", "stage"]].to_numpy().tolist() == [
        [a, str(y), s] for a in accounts for y in range(2019, 2023) for s in STAGES
    ]
    raw = pd.read_parquet(worked.predictions)
    year = raw["published_at"].dt.year.astype(str)
    for row in table.itertuples():
        own = raw.loc[(raw["account"] == row.account) & (year == row.period), "stage"]
        assert row.n_posts == len(own) == 12
        assert row.share_raw == pytest.approx((own == row.stage).mean())
        assert (row.status, row.note) == ("refused", "few_codes_in_group")


def test_the_true_shares_lie_in_the_intervals(worked, source):
    table = mix_of(source, by="account")
    kept = table[table["status"] != "refused"]
    assert len(kept) == 18
    true = worked.posts.groupby("account")["true"].value_counts(normalize=True)
    inside = [
        row.low <= true.get((row.account, row.stage), 0.0) <= row.high for row in kept.itertuples()
    ]
    assert sum(inside) >= 17
    whole = mix_of(source, by="overall").set_index("stage")
    share = worked.posts["true"].value_counts(normalize=True)
    for stage in STAGES:
        assert whole.loc[stage, "low"] <= share.get(stage, 0.0) <= whole.loc[stage, "high"]
    assert whole.loc["cooperate", "status"] == "few"


def test_merging_over_the_years(source):
    found = convergence_of(source, by="account,year")
    values = {m.name: m.values for m in found.measures}
    assert (found.codes, found.smallest_cell, found.too_small) == (144, 12, ())
    assert values["above_publish"]["2019"] < values["above_publish"]["2022"]
    assert found.measures == convergence_of(source, by="year,account").measures


def test_a_moved_model_is_named(worked, tmp_path):
    for part in ("models", "predictions"):
        shutil.copytree(worked.root / part, tmp_path / part)
    folder = tmp_path / "predictions" / "推文"
    path = folder / "predictions.parquet"
    table = pq.read_table(path)
    gone = (tmp_path / "gone").as_posix()
    raw = table.schema.metadata | {b"stagemix.model": gone.encode()}
    pq.write_table(table.replace_schema_metadata(raw), path)
    assert refused(folder, kind=MissingError) == (
        f"{gone}: the model of these predictions is not there; say where it is with --model DIR"
    )
    found = corrected(folder, codebook=BOOK, model=tmp_path / "models" / "stage")
    assert len(found.data.row) == 144


def test_another_model_than_the_one_that_classified(worked, source, tmp_path):
    codes = pd.read_csv(worked.codes).head(100)
    codes.to_csv(tmp_path / "codes.csv", index=False)
    other = train_files(
        tmp_path / "codes.csv", [worked.corpus], out=tmp_path / "m", codebook=BOOK,
        variable=None, seed=1, fast=True, trained_at="",
    )  # fmt: skip
    assert refused(worked.predictions, model=tmp_path / "m") == (
        f"{tmp_path / 'm'}: not the model that made {worked.predictions} (hash {other.hash}, "
        f"not {source.card.hash}); classify the corpus again or name the right --model"
    )


def test_codes_of_a_file_correct(worked, tmp_path):
    posts = worked.posts.groupby("account").tail(12)
    path = tmp_path / "codes.csv"
    posts.assign(stage=posts["true"])[["post_id", "stage"]].to_csv(path, index=False)
    found = corrected(worked.predictions, codebook=BOOK, codes=path)
    assert english(found)[:2] == [
        f"Corrected by 72 coded posts ({path}); design: simple random within account.",
        "The codes have no inclusion_probability: taken as a simple random sample.",
    ]
    # posts the model never saw take its own probabilities
    fresh = ~pd.Series(posts["post_id"]).isin(pd.read_csv(worked.codes)["post_id"])
    mine = fresh.to_numpy()
    assert mine.any()
    assert (found.data.q[mine] == found.data.p[found.data.row][mine]).all()


def test_the_remark_on_what_is_not_predicted_counts_the_models_codes(worked, tmp_path):
    posts = worked.posts.groupby("account").head(12).assign(stage="cooperate")
    path = tmp_path / "codes.csv"
    posts[["post_id", "stage"]].to_csv(path, index=False)
    found = corrected(worked.predictions, codebook=BOOK, codes=path)
    assert english(found)[-2:] == [
        "cooperate: 0 codes in training, too few to be predicted.",
        "72 codes are new or changed since the model was trained; "
        "train and classify again to learn from them.",
    ]
    assert found.data.counts["cooperate"] == 72


def test_uncodable_posts_are_told(worked, tmp_path):
    codes = pd.read_csv(worked.codes)
    codes.loc[:5, "stage"] = "uncodable"
    codes.to_csv(tmp_path / "codes.csv", index=False)
    found = corrected(worked.predictions, codebook=BOOK, codes=tmp_path / "codes.csv")
    assert english(found)[1:] == [
        "6 posts are in strata of the draw without a coded post: what is said of them rests on the "
        "classifier alone.",
        "6 coded posts are uncodable and left the sample; about 4.2% of the corpus is.",
        *english(found)[3:],
    ]
    assert len(found.data.row) == 138


def test_codes_of_posts_without_prediction(worked, tmp_path):
    codes = pd.read_csv(worked.codes)
    codes.loc[0, "post_id"] = "x"
    codes.to_csv(tmp_path / "codes.csv", index=False)
    assert refused(worked.predictions, codes=tmp_path / "codes.csv") == (
        f"{tmp_path / 'codes.csv'}: row 2 (x) is of a post that has no prediction; "
        "classify the corpus they are from, or leave them out of the codes"
    )


def study_at(root, worked, agreed):
    """A study whose agreed codes are AGREED."""
    init_study(root)
    agreed.to_csv(root / "coding" / "agreed.csv", index=False)
    return read_study(root)


@pytest.fixture
def coded(worked, tmp_path):
    """A study with a pilot and a final round of its corpus `推文`, coded; it has an account table."""
    init_study(tmp_path)
    study = read_study(tmp_path)
    corpus = Path(shutil.copytree(worked.corpus, tmp_path / "corpora" / "推文"))
    table = worked.posts[["account"]].drop_duplicates().assign(sector=["甲", "乙"] * 3)
    table.to_csv(corpus / "accounts.csv", index=False)
    for name, n in (("pilot", 48), ("final", 96)):
        draw_round(study, corpus, n=n, name=name, coders=["甲"])
        code(study, worked, name)
    return study


def code(study, worked, name, *, leave=0):
    """Let 甲 code a round truly, without its last LEAVE posts."""
    units = read_round(name, study.rounds).units["unit"]
    true = worked.posts.set_index("post_id")["true"]
    rows = [f"{unit},甲,stage,{true[unit]}" for unit in units.iloc[: len(units) - leave]]
    path = study.root / "in.csv"
    path.write_text("\n".join(["post_id,coder,variable,value", *rows]), encoding="utf-8")
    take_in(study, [path], round_=name, coded_at="2026-01-01")


def classified(study, worked):
    """The folder of predictions of the study's corpus, which is not named after it."""
    out = study.root / "predictions" / "elsewhere"
    classify_folder(study.root / "corpora" / "推文", model=worked.model, out=out)
    return out


def test_in_a_study_the_codes_of_its_round_correct(worked, coded):
    found = corrected(classified(coded, worked), codebook=coded.codebook, study=coded)
    true = worked.posts.set_index("post_id")["true"]
    trained = pd.read_csv(worked.codes)["post_id"]
    fresh = int((~read_round("final", coded.rounds).units["unit"].isin(trained)).sum())
    assert fresh
    assert english(found) == [
        "Corrected by 96 coded posts (round final); design: simple random within account and year.",
        "cooperate: 0 codes in training, too few to be predicted.",
        f"{fresh} codes are new or changed since the model was trained; "
        "train and classify again to learn from them.",
    ]
    assert found.data.chance.tolist() == [4 / 12] * 96
    names = found.data.posts["post_id"].iloc[found.data.row]
    assert [STAGES[k] for k in found.data.y.argmax(axis=1)] == true[names].tolist()


def test_the_account_table_is_that_of_the_classified_corpus(worked, coded):
    found = corrected(classified(coded, worked), codebook=coded.codebook, study=coded)
    table = mix_of(found, by="sector")
    assert list(dict.fromkeys(table["account"])) == ["乙", "甲"]
    assert set(table["n_posts"]) == {144}
    outside = corrected(classified(coded, worked), codebook=BOOK)
    assert outside.accounts is not None
    assert outside.accounts["sector"].tolist() == ["甲", "乙"] * 3
    assert corrected(worked.predictions, codebook=BOOK, study=coded).accounts is None


def test_a_copied_study_uses_its_own_account_table_and_model(worked, coded, tmp_path):
    classified(coded, worked)
    copy = Path(shutil.copytree(coded.root, tmp_path / "copy"))
    accounts = copy / "corpora" / "推文" / "accounts.csv"
    accounts.write_text(accounts.read_text("utf-8").replace("甲", "丙"), encoding="utf-8")
    study = read_study(copy)
    found = corrected(copy / "predictions" / "elsewhere", codebook=study.codebook, study=study)
    assert set(found.accounts["sector"]) == {"丙", "乙"}
    assert found.corpus == copy / "corpora" / "推文"


def test_codes_of_posts_that_were_not_classified_are_left_out(worked, coded):
    gone = read_round("final", coded.rounds).units["unit"].iloc[:2]
    path = coded.root / "corpora" / "推文" / "posts.csv"
    posts = pd.read_csv(path)
    posts[~posts["post_id"].isin(gone)].to_csv(path, index=False)
    found = corrected(classified(coded, worked), codebook=coded.codebook, study=coded)
    assert english(found)[:2] == [
        "Corrected by 94 coded posts (round final); design: not one simple draw; "
        "posts of equal probability within an account and year are taken as a stratum.",
        "2 coded posts are of other corpora and were left out.",
    ]


def test_coding_that_is_not_finished_is_said_first(worked, tmp_path, coded):
    study = replace(coded, round="third")
    draw_round(study, tmp_path / "corpora" / "推文", n=48, name="third", coders=["甲", "乙"])
    code(study, worked, "third", leave=3)
    predictions = classified(study, worked)
    found = corrected(predictions, codebook=study.codebook, study=study)
    assert english(found)[:2] == [
        "The coding is not finished: of 48 drawn posts 45 have a code, 3 have none, "
        "0 disagreements are open, 45 wait for another coder. "
        "What is missing is not missing by chance.",
        "Corrected by 45 coded posts (round third); design: simple random within account and year.",
    ]
    other = corrected(predictions, codebook=study.codebook, study=study, codes=worked.codes)
    assert english(other)[0].startswith(f"Corrected by 144 coded posts ({worked.codes}); design: ")


def test_a_round_that_was_never_drawn(worked, tmp_path):
    study = study_at(tmp_path, worked, pd.read_csv(worked.codes).assign(round="final"))
    assert refused(worked.predictions, study=study, kind=MissingError) == (
        f"{study.rounds / 'final.toml'}: no round final; draw one with `stagemix sample`"
    )


def test_a_round_without_codes(worked, tmp_path):
    study = study_at(tmp_path, worked, pd.read_csv(worked.codes).assign(round="pilot"))
    assert refused(worked.predictions, study=study) == (
        f"{study.agreed}: no codes of the round final (study.toml); there are pilot"
    )


def test_a_corpus_of_which_nothing_was_coded(worked, tmp_path):
    codes = pd.read_csv(worked.codes).assign(round="final")
    codes["post_id"] = "x" + codes["post_id"]
    study = study_at(tmp_path, worked, codes)
    assert refused(worked.predictions, study=study) == (
        f"{worked.predictions}: not one of its posts was coded (round final); "
        "code a sample of this corpus, or name codes with --codes FILE"
    )


def test_a_study_that_has_no_codes_uses_the_models(worked, tmp_path):
    init_study(tmp_path)
    found = corrected(worked.predictions, codebook=BOOK, study=read_study(tmp_path))
    assert "the codes that the model was trained on" in english(found)[0]


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("account", ("account",)),
        (" account , year ", ("account", "year")),
        ("month", ("month",)),
        ("overall", ()),
    ],
)
def test_groupings(by, names):
    assert split_by(by) == names


@pytest.mark.parametrize("by", ["", ",", "account,sector", "year,month", "account,year,half"])
def test_groupings_that_cannot_be(by):
    with pytest.raises(DataError) as error:
        split_by(by)
    assert str(error.value) == (
        f"--by {by}: at most one of account or a column of the account table, and one of "
        "year, half, quarter, month; or overall"
    )


@pytest.mark.parametrize("level", ["nominal", "binary"])
def test_converge_needs_an_ordinal_variable(source, level):
    with pytest.raises(DataError) as error:
        convergence_of(replace(source, level=level), by="account,year")
    assert str(error.value) == (
        f"stage: {level}, but merging is about the stages of an ordinal variable; "
        "classify by one and name its predictions"
    )


@pytest.mark.parametrize("by", ["account", "year", "overall"])
def test_converge_needs_accounts_and_periods(source, by):
    with pytest.raises(DataError) as error:
        convergence_of(source, by=by)
    assert str(error.value) == (
        f"--by {by}: converge needs an account and a period, such as account,year"
    )


def labels_file(worked, path, *, columns=("post_id", "stage"), order=None):
    """The classifier's labels as a file of labels from elsewhere, in the order of its rows."""
    table = pd.read_parquet(worked.predictions)[list(columns)]
    (table if order is None else table.iloc[order]).to_csv(path, index=False)
    return path


def test_labels_from_elsewhere_give_shares_near_those_of_the_predictions(worked, source, tmp_path):
    path = labels_file(worked, tmp_path / "labels.csv")
    found = corrected(path, codebook=BOOK, codes=worked.codes, corpus=worked.corpus)
    assert (found.card, found.out_of_fold) == (None, None)
    assert (found.variable, found.level) == ("stage", "ordinal")
    assert found.data.row.tolist() == source.data.row.tolist()
    keys = ["account", "period", "stage"]
    for by, near in (("overall", 0.01), ("account", 0.03)):
        ours, theirs = (mix_of(s, by=by).set_index(keys) for s in (source, found))
        assert ours["share_raw"].tolist() == theirs["share_raw"].tolist()
        assert (ours["share"] - theirs["share"]).abs().max() < near
    true = worked.posts["true"].value_counts(normalize=True)
    for row in mix_of(found, by="overall").itertuples():
        assert row.low <= true.get(row.stage, 0.0) <= row.high


def test_wrong_labels_are_corrected(worked, tmp_path):
    """A third of what is published is labelled service."""
    table = worked.posts[["post_id", "true"]].rename(columns={"true": "stage"})
    third = table["post_id"].str[-2:].astype(int) % 3 == 0
    table.loc[third & (table["stage"] == "publish"), "stage"] = "service"
    table.to_csv(tmp_path / "labels.csv", index=False)
    found = corrected(
        tmp_path / "labels.csv", codebook=BOOK, codes=worked.codes, corpus=worked.corpus
    )
    mix = mix_of(found, by="overall").set_index("stage")
    true = worked.posts["true"].value_counts(normalize=True)
    for stage in ("publish", "service"):
        assert abs(mix.loc[stage, "share_raw"] - true[stage]) > 0.2
        assert abs(mix.loc[stage, "share"] - true[stage]) < 0.03
        assert mix.loc[stage, "low"] <= true[stage] <= mix.loc[stage, "high"]


def test_the_remark_on_labels_from_elsewhere(worked, tmp_path):
    path = labels_file(worked, tmp_path / "labels.csv")
    found = corrected(path, codebook=BOOK, codes=worked.codes, corpus=worked.corpus)
    assert english(found) == [
        f"Corrected by 144 coded posts ({worked.codes}); "
        "design: simple random within account and year.",
        f"288 labels from elsewhere ({path}), without probabilities (how often a label is right is "
        "estimated from the codes). What made them must not have been trained on these codes or "
        "shown them; that cannot be checked here, and the intervals would be too narrow.",
    ]
    assert found.remarks[1].zh == (
        f"288 个外来标签（{path}），不附概率（标签对错的概率由编码估计）。"
        "给出标签的模型不得用这些编码训练过，也不得见过它们；这里无法核查，否则区间会偏窄。"
    )
    columns = ["post_id", *(f"p_{name}" for name in STAGES)]
    sure = labels_file(worked, tmp_path / "sure.csv", columns=columns)
    remark = corrected(sure, codebook=BOOK, codes=worked.codes, corpus=worked.corpus).remarks[1]
    assert remark.en.startswith(f"288 labels from elsewhere ({sure}), with probabilities. What ")
    assert remark.zh.startswith(f"288 个外来标签（{sure}），附概率。给出")


def test_probabilities_from_elsewhere_are_those_of_the_coded_posts_too(worked, tmp_path):
    columns = ["post_id", "stage", *(f"p_{name}" for name in STAGES)]
    path = labels_file(worked, tmp_path / "labels.csv", columns=columns)
    data = corrected(path, codebook=BOOK, codes=worked.codes, corpus=worked.corpus).data
    stored = pd.read_parquet(worked.predictions)
    assert data.p == pytest.approx(stored[columns[2:]].to_numpy(), abs=1e-12)
    assert (data.q == data.p[data.row]).all()
    assert data.posts["label"].tolist() == stored["stage"].tolist()


def test_the_order_of_the_labels_and_codes_changes_nothing(worked, tmp_path):
    order = pd.Series(range(288)).sample(frac=1, random_state=3)
    one = labels_file(worked, tmp_path / "one.csv")
    two = labels_file(worked, tmp_path / "two.csv", order=order)
    codes = tmp_path / "codes.csv"
    pd.read_csv(worked.codes).sample(frac=1, random_state=4).to_csv(codes, index=False)
    found = corrected(one, codebook=BOOK, codes=worked.codes, corpus=worked.corpus)
    other = corrected(two, codebook=BOOK, codes=worked.codes, corpus=worked.corpus)
    assert (found.data.p == other.data.p).all()
    assert (found.data.q == other.data.q).all()
    other = corrected(two, codebook=BOOK, codes=codes, corpus=worked.corpus)
    tables = [mix_of(source, by="overall") for source in (found, other)]
    pd.testing.assert_frame_equal(*tables, rtol=1e-12)


def test_in_a_study_the_codes_of_its_round_correct_labels_from_elsewhere(worked, coded):
    study = replace(coded, corpus="推文")
    path = labels_file(worked, study.root / "labels.csv")
    found = corrected(path, codebook=study.codebook, study=study)
    assert english(found)[0] == (
        "Corrected by 96 coded posts (round final); design: simple random within account and year."
    )
    assert len(english(found)) == 2
    assert found.data.chance.tolist() == [4 / 12] * 96
    assert found.accounts is not None
    assert set(mix_of(found, by="sector")["account"]) == {"甲", "乙"}


def test_labels_need_codes_and_a_corpus(worked, tmp_path):
    path = labels_file(worked, tmp_path / "labels.csv")
    assert refused(path, codes=worked.codes) == (
        f"{path}: labels of which corpus? name it with --corpus corpora/NAME"
    )
    init_study(tmp_path)
    needed = f"{path}: there are no codes to correct these labels by; name them with --codes FILE"
    for study in (None, read_study(tmp_path)):
        assert refused(path, corpus=worked.corpus, study=study) == needed


def test_labels_of_posts_that_nobody_coded(worked, tmp_path, coded):
    codes = pd.read_csv(coded.agreed)
    codes["post_id"] = "x" + codes["post_id"]
    codes.to_csv(coded.agreed, index=False)
    path = labels_file(worked, tmp_path / "labels.csv")
    assert refused(path, corpus=worked.corpus, study=coded) == (
        f"{path}: not one of its posts was coded (round final); "
        "code a sample of this corpus, or name codes with --codes FILE"
    )


def test_options_that_do_not_go_with_labels_or_predictions(worked, tmp_path):
    path = labels_file(worked, tmp_path / "labels.csv")
    assert refused(path, codes=worked.codes, corpus=worked.corpus, model=worked.model) == (
        f"{path}: labels from elsewhere have no model; leave out --model"
    )
    assert refused(worked.predictions, corpus=worked.corpus) == (
        f"{worked.predictions}: predictions know their corpus; leave out --corpus"
    )


def test_a_file_of_labels_that_is_not_there(worked, tmp_path):
    path = tmp_path / "labels.xlsx"
    choices = {"codes": worked.codes, "corpus": worked.corpus, "kind": MissingError}
    assert refused(path, **choices) == f"{path}: no such file"


def test_a_nominal_variable_is_named_where_converge_refuses_it(worked, tmp_path):
    path = labels_file(worked, tmp_path / "labels.csv")
    found = corrected(path, codebook=BOOK, codes=worked.codes, corpus=worked.corpus)
    with pytest.raises(DataError, match=r"^stage: nominal, but merging is about"):
        convergence_of(replace(found, level="nominal"), by="account,year")


def stagemix(*arguments, at):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "stagemix", *map(str, arguments)],
        cwd=at, capture_output=True, text=True, encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"}, timeout=240,
    )  # fmt: skip


def test_mix_takes_labels_from_elsewhere(worked, tmp_path):
    labels_file(worked, tmp_path / "标签.csv")
    choices = ["--corpus", worked.corpus, "--codes", worked.codes, "--by", "overall"]
    done = stagemix("mix", "标签.csv", *choices, "--format", "json", at=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "288 labels from elsewhere (标签.csv), without probabilities" in done.stderr
    rows = json.loads(done.stdout)
    assert [row["n_codes"] for row in rows] == [144] * 4
    assert sum(row["share"] for row in rows) == pytest.approx(1.0, abs=1e-12)


def test_converge_takes_the_corpus_of_labels_from_elsewhere(worked, tmp_path):
    labels_file(worked, tmp_path / "标签.csv")
    done = stagemix("converge", "标签.csv", "--corpus", worked.corpus, at=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "stagemix: 标签.csv: there are no codes to correct these labels by; "
        "name them with --codes FILE\n"
    )
