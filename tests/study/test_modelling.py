import json
import shutil

import numpy as np
import pandas as pd
import pytest

from stagemix.codes.codebook import default_codebook, read_codebook_text
from stagemix.errors import DataError, MissingError
from stagemix.learn.model_file import load_card
from stagemix.study.modelling import classify_folder, evaluate_folder, train_files


def train(worked, out, **choices):
    choices = {
        "codes": worked.codes,
        "corpora": [worked.corpus],
        "codebook": default_codebook(),
        "variable": None,
        "seed": 1,
        "fast": True,
        "trained_at": "2026-01-01",
        **choices,
    }
    return train_files(out=out, **choices)


def test_the_same_seed_gives_the_same_predictions(worked, tmp_path):
    train(worked, tmp_path / "stage")
    name, table = classify_folder(worked.corpus, model=tmp_path / "stage", out=tmp_path / "推文")
    assert name == "stage"
    pd.testing.assert_frame_equal(table, pd.read_parquet(worked.predictions), check_exact=True)


def test_the_same_seed_gives_the_same_hash_and_other_codes_another(worked, tmp_path):
    cards = [train(worked, tmp_path / name) for name in ("a", "b")]
    first = load_card(worked.model)[0]
    assert {(card.hash, card.codes_hash) for card in cards} == {(first.hash, first.codes_hash)}
    codes = pd.read_csv(worked.codes).head(100)
    codes.to_csv(tmp_path / "codes.csv", index=False)
    other = train(worked, tmp_path / "c", codes=tmp_path / "codes.csv")
    assert other.hash != first.hash
    assert other.codes_hash != first.codes_hash


@pytest.mark.parametrize("place", ["m", "m/stage"])
def test_a_file_where_the_folder_should_be_is_said_before_any_work(worked, tmp_path, place):
    (tmp_path / "m").write_text("mine", encoding="utf-8")
    out, steps = tmp_path / place, []
    for work in (
        lambda: train(worked, out, progress=steps.append),
        lambda: classify_folder(worked.corpus, model=worked.model, out=out, started=steps.append),
    ):
        with pytest.raises(DataError) as error:
            work()
        assert str(error.value) == f"{out}: m is a file, not a folder; name another --out"
    assert steps == []
    assert (tmp_path / "m").read_text("utf-8") == "mine"


def test_steps_are_told(worked, tmp_path):
    steps, total, done = [], [], []
    train(worked, tmp_path / "stage", progress=steps.append)
    assert steps == [
        "reading the posts",
        "learning the space of words",
        "cross-fitting the classifier",
        "writing the model",
    ]
    classify_folder(
        worked.corpus,
        model=tmp_path / "stage",
        out=tmp_path / "out",
        started=total.append,
        progress=done.append,
    )
    assert total == [288]
    assert sum(done) == 288


def test_figures_of_a_model(worked):
    card, found = evaluate_folder(worked.model)
    assert found.codes == card.codes == 144
    assert found.confusion.columns.tolist() == ["publish", "interact", "service", "cooperate"]
    assert found.confusion.to_numpy().sum() == 144
    assert found.per_category["codes"].tolist() == [n for n in card.counts.values() if n]
    assert found.macro_f1 > 0.85 > found.baseline_macro_f1
    assert found.baseline_category == "publish"


def test_too_few_codes_write_nothing(worked, tmp_path):
    codes = pd.read_csv(worked.codes)
    path = tmp_path / "codes.csv"
    codes[codes["stage"] == "publish"].to_csv(path, index=False)
    with pytest.raises(DataError) as error:
        train(worked, tmp_path / "stage", codes=path)
    n = (codes["stage"] == "publish").sum()
    assert str(error.value) == (
        f"{path}: stage: fewer than two categories have 3 codes or more (publish {n}, interact 0, "
        "service 0, cooperate 0); code more posts before training"
    )
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_post_in_two_corpora(worked, tmp_path):
    again = shutil.copytree(worked.corpus, tmp_path / "again")
    with pytest.raises(DataError) as error:
        train(worked, tmp_path / "stage", corpora=[worked.corpus, again])
    assert str(error.value) == (
        "post_id 0-2019-00, 0-2019-01, 0-2019-02, 0-2019-03, 0-2019-04 and 283 more "
        "stands in two corpora; ids must differ"
    )


def test_codes_of_another_corpus(worked, tmp_path):
    codes = pd.read_csv(worked.codes)
    codes.loc[[0, 2], "post_id"] = ["x1", "x2"]
    codes.to_csv(tmp_path / "codes.csv", index=False)
    with pytest.raises(DataError) as error:
        train(worked, tmp_path / "stage", codes=tmp_path / "codes.csv")
    assert str(error.value) == (
        f"{tmp_path / 'codes.csv'}: row 2 (x1), row 4 (x2) is of a post that is not in the corpus; "
        "add their corpus with another --corpus, or take them out of the codes"
    )


def test_free_text_cannot_be_learned(worked, tmp_path):
    book = read_codebook_text(
        'id = "b"\nversion = "1"\n[[variables]]\nid = "memo"\nlevel = "text"\n', where="book"
    )
    with pytest.raises(DataError) as error:
        train(worked, tmp_path / "memo", codebook=book, variable="memo")
    assert str(error.value) == "memo: free text cannot be learned; name another --variable"


def test_a_variable_that_is_not_there(worked, tmp_path):
    with pytest.raises(DataError) as error:
        train(worked, tmp_path / "tone", variable="tone")
    assert str(error.value).startswith("the codebook has no variable tone; it has stage, ")


def test_a_yes_no_variable_is_learned_and_classified(worked, tmp_path):
    codes = pd.read_csv(worked.codes)
    codes["online"] = np.where(codes["stage"] == "publish", "否", "是")
    codes.to_csv(tmp_path / "codes.csv", index=False)
    book = read_codebook_text(
        'id = "b"\nversion = "2"\n[[variables]]\nid = "online"\nlevel = "binary"\n', where="book"
    )
    card = train(worked, tmp_path / "m", codes=tmp_path / "codes.csv", codebook=book)
    assert (card.variable, card.codebook_version, card.learned) == ("online", "2", ["1", "0"])
    name, table = classify_folder(worked.corpus, model=tmp_path / "m", out=tmp_path / "p")
    assert name == "online"
    assert list(table.columns)[3:] == ["online", "p_1", "p_0"]
    assert set(table["online"]) == {"1", "0"}


def test_training_again_replaces_the_model(worked, tmp_path):
    train(worked, tmp_path / "stage")
    codes = pd.read_csv(worked.codes).head(72)
    codes.to_csv(tmp_path / "codes.csv", index=False)
    card = train(worked, tmp_path / "stage", codes=tmp_path / "codes.csv")
    stored = json.loads((tmp_path / "stage" / "card.json").read_text("utf-8"))
    assert (stored["codes"], stored["hash"]) == (72, card.hash)
    assert len(list((tmp_path / "stage").iterdir())) == 3


def test_classifying_without_a_model_or_a_corpus(worked, tmp_path):
    with pytest.raises(MissingError) as error:
        classify_folder(worked.corpus, model=tmp_path / "m", out=tmp_path / "p")
    assert str(error.value) == (
        f"{tmp_path / 'm'}: no model there; make one with `stagemix train --out {tmp_path / 'm'}`"
    )
    with pytest.raises(MissingError) as error:
        classify_folder(tmp_path / "c", model=worked.model, out=tmp_path / "p")
    assert str(error.value) == f"{tmp_path / 'c'}: no such folder; a corpus is a folder of posts"
    assert not (tmp_path / "p").exists()
