"""The example study of this repository keeps what its README promises."""

from pathlib import Path

import pandas as pd
import pytest

from stagemix.codes.codebook import read_codebook_text
from stagemix.errors import DataError
from stagemix.posts.corpus import read_accounts, read_corpus
from stagemix.study.example import copy_example
from stagemix.study.folder import read_study

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "corpora" / "example"


@pytest.fixture(scope="module")
def posts() -> pd.DataFrame:
    frame = read_corpus(CORPUS)
    truth = pd.read_csv(CORPUS / "truth.csv", dtype="str").set_index("post_id")
    return frame.join(truth, on="post_id")


def test_accounts_and_years(posts):
    per_cell = pd.crosstab(posts["account"], posts["published_at"].dt.year)
    assert per_cell.shape == (12, 5)
    assert per_cell.min().min() >= 20
    assert per_cell.sum().is_monotonic_increasing
    table = read_accounts(CORPUS)
    assert table is not None
    assert set(table["account"]) == set(posts["account"])
    assert table["sector"].nunique() >= 4


def test_texts_differ(posts):
    assert posts["text_id"].nunique() >= 300
    assert posts["text"].str.len().min() < 20
    assert posts["text"].str.len().max() > 1500


def test_missing_and_censored_counts(posts):
    assert posts["reads"].isna().any()
    assert posts["reads_censored"].any()


def test_the_stages_really_change(posts):
    above = posts.assign(above=posts["stage"] != "publish", year=posts["published_at"].dt.year)
    mean = above.pivot_table(index="account", columns="year", values="above").mean()
    assert mean.iloc[0] == pytest.approx(0.15, abs=0.02)
    assert mean.iloc[-1] == pytest.approx(0.40, abs=0.02)
    assert (posts["stage"] == "cooperate").mean() == pytest.approx(0.03, abs=0.01)


def test_every_code_is_of_the_draw_and_coded_twice():
    study = read_study(ROOT)
    codes = pd.read_csv(study.rounds / "final.csv", dtype="str")
    units = pd.read_csv(study.rounds / "final.sample.csv", dtype="str")
    own = codes[(codes["kind"] == "independent") & (codes["variable"] == "stage")]
    assert len(units) >= 450
    assert (own.groupby("unit")["coder"].nunique().reindex(units["post_id"]) == 2).all()
    agreed = pd.read_csv(study.agreed, dtype="str")
    assert set(agreed["post_id"]) == set(units["post_id"])
    assert (agreed["stage"] == "cooperate").sum() >= 10


def test_the_studys_codebook_is_the_shipped_one():
    shipped = (ROOT / "src" / "stagemix" / "codes" / "data" / "codebook.toml").read_text("utf-8")
    held = (ROOT / "coding" / "codebook.toml").read_text("utf-8")
    assert held == shipped
    assert read_codebook_text(held, where="x").variable().id == "stage"


def test_the_demo_never_runs_over_somebodys_study(tmp_path):
    (tmp_path / "study.toml").write_text('title = "我的"\n', encoding="utf-8")
    with pytest.raises(DataError) as error:
        copy_example(tmp_path)
    assert str(error.value) == f"{tmp_path}: holds a study of yours; run the demo in another folder"


def test_the_demo_never_fills_a_folder_that_is_not_empty(tmp_path):
    (tmp_path / "论文.docx").write_text("x", encoding="utf-8")
    with pytest.raises(DataError) as error:
        copy_example(tmp_path)
    assert (
        str(error.value) == f"{tmp_path}: the folder is not empty; run the demo in another folder"
    )
