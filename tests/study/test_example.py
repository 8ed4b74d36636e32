"""The example study of this repository keeps what its README promises."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import rjieba
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from stagemix.codes.codebook import read_codebook_text
from stagemix.codes.rounds import read_round
from stagemix.errors import DataError
from stagemix.posts.corpus import read_accounts, read_corpus
from stagemix.posts.post import full_text
from stagemix.posts.sampling import draw
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


def test_near_copies_are_few(posts):
    texts = (posts["title"].fillna("") + posts["text"]).str.replace(r"\s", "", regex=True)
    grams = [{text[i : i + 3] for i in range(len(text) - 2)} for text in texts]
    holders: dict[str, list[int]] = {}
    near: set[int] = set()
    for n, own in enumerate(grams):
        shared = Counter(m for gram in own for m in holders.get(gram, ())[:200])
        alike = [
            m for m, _ in shared.most_common(5) if len(own & grams[m]) / len(own | grams[m]) >= 0.7
        ]
        near |= {n, *alike} if alike else set()
        for gram in own:
            holders.setdefault(gram, []).append(n)
    assert 0 < len(near) <= 0.05 * len(posts)


def test_a_plain_script_does_not_solve_it(posts):
    agreed = pd.read_csv(read_study(ROOT).agreed, dtype="str").set_index("post_id")["stage"]
    coded = posts["post_id"].isin(agreed.index)
    words = TfidfVectorizer(tokenizer=rjieba.cut, token_pattern=None, ngram_range=(1, 2))
    plain = make_pipeline(words, LinearSVC(C=0.5))
    texts = full_text(posts)
    plain.fit(texts[coded], agreed[posts.loc[coded, "post_id"]])
    found = plain.predict(texts[~coded])
    assert f1_score(posts.loc[~coded, "stage"], found, average="macro") < 0.85


def test_the_draw_can_be_made_again(posts):
    held = read_round("final", read_study(ROOT).rounds)
    again = draw(
        posts, n=len(held.units), seed=held.seed, design=held.design, by=held.by,
        allocation=held.allocation, minimum=held.minimum,
    )  # fmt: skip
    assert again.frame == held.frame
    assert again.units["post_id"].tolist() == held.units["unit"].tolist()
    chances = held.units["inclusion_probability"].to_numpy()
    assert again.units["inclusion_probability"].to_numpy() == pytest.approx(chances)


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
