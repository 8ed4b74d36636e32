import shutil

import pandas as pd
import pyarrow.parquet as pq
import pytest

from stagemix.codes.codebook import default_codebook
from stagemix.errors import DataError, MissingError
from stagemix.study.folder import init_study, read_study
from stagemix.study.mixing import convergence_of, corrected, mix_of, split_by
from stagemix.study.modelling import train_files

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
        "Corrected by 144 coded posts (the codes that the model was trained on), "
        "drawn simple random within account and year.",
        "cooperate: 0 coded posts, too few to be predicted.",
    ]
    assert source.remarks[0].zh == (
        "由 144 篇编码推文校正（训练模型所用的编码），抽样：按账号 × 年简单随机。"
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
    assert found == convergence_of(source, by="year,account")


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
        f"Corrected by 72 coded posts ({path}), drawn simple random within account.",
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
    assert english(found)[-1] == "cooperate: 0 coded posts, too few to be predicted."
    assert found.data.counts["cooperate"] == 72


def test_uncodable_posts_are_told(worked, tmp_path):
    codes = pd.read_csv(worked.codes)
    codes.loc[:5, "stage"] = "uncodable"
    codes.to_csv(tmp_path / "codes.csv", index=False)
    found = corrected(worked.predictions, codebook=BOOK, codes=tmp_path / "codes.csv")
    assert english(found)[1] == (
        "6 coded posts are uncodable and left the sample; about 4.2% of the corpus is."
    )
    assert len(found.data.row) == 138


def test_codes_of_posts_without_prediction(worked, tmp_path):
    codes = pd.read_csv(worked.codes)
    codes.loc[0, "post_id"] = "x"
    codes.to_csv(tmp_path / "codes.csv", index=False)
    assert refused(worked.predictions, codes=tmp_path / "codes.csv") == (
        "1 coded posts have no prediction: x; "
        "classify the corpus they are from, or leave them out of the codes"
    )


def study_at(root, worked, agreed):
    """A study whose agreed codes are AGREED, with an account table."""
    init_study(root)
    agreed.to_csv(root / "coding" / "agreed.csv", index=False)
    corpus = root / "corpora" / "推文"
    corpus.mkdir()
    table = worked.posts[["account"]].drop_duplicates().assign(sector=["甲", "乙"] * 3)
    table.to_csv(corpus / "accounts.csv", index=False)
    return read_study(root)


def test_in_a_study_the_codes_of_its_round_correct(worked, tmp_path):
    codes = pd.read_csv(worked.codes)
    codes["round"] = ["final"] * 100 + ["pilot"] * 44
    codes.loc[[0, 1], "post_id"] = ["x1", "x2"]
    study = study_at(tmp_path, worked, codes)
    found = corrected(worked.predictions, codebook=study.codebook, study=study)
    assert english(found)[:2] == [
        "Corrected by 98 coded posts (round final), "
        "drawn posts of equal probability within an account and year.",
        "2 coded posts are of other corpora and were left out.",
    ]
    table = mix_of(found, by="sector")
    assert list(dict.fromkeys(table["account"])) == ["乙", "甲"]
    assert set(table["n_posts"]) == {144}


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


@pytest.mark.parametrize("by", ["account", "year", "overall"])
def test_converge_needs_accounts_and_periods(source, by):
    with pytest.raises(DataError) as error:
        convergence_of(source, by=by)
    assert str(error.value) == (
        f"--by {by}: converge needs an account and a period, such as account,year"
    )
