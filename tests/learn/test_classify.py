import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from stagemix.errors import DataError, MissingError
from stagemix.learn.classify import (
    CHUNK,
    check_predictions_folder,
    predict,
    read_predictions,
    write_predictions,
)
from stagemix.learn.model_file import load_model

COLUMNS = [
    "post_id", "account", "published_at", "stage",
    "p_publish", "p_interact", "p_service", "p_cooperate",
]  # fmt: skip


@pytest.fixture(scope="module")
def stored(worked):
    """The worked model."""
    return load_model(worked.model)


@pytest.fixture
def folder(worked, stored, tmp_path):
    """A folder of predictions that a test may spoil."""
    write_predictions(
        predict(worked.posts, model=stored.model),
        tmp_path / "预测",
        stored=stored,
        corpus=worked.corpus,
    )
    return tmp_path / "预测"


def refused(folder):
    with pytest.raises(DataError) as error:
        read_predictions(folder)
    return str(error.value)


def test_predictions_hold_one_row_per_post_in_the_contracts_columns(worked):
    files = list(worked.predictions.rglob("*"))
    assert [path.name for path in files] == ["predictions.parquet"]
    table = pd.read_parquet(files[0])
    assert list(table.columns) == COLUMNS
    assert table["post_id"].tolist() == worked.posts["post_id"].tolist()
    assert table["published_at"].tolist() == worked.posts["published_at"].tolist()
    assert str(table["published_at"].dtype) == "datetime64[us]"
    p = table[COLUMNS[4:]].to_numpy()
    assert p.sum(axis=1) == pytest.approx(np.ones(len(table)))
    assert table["stage"].tolist() == [COLUMNS[4:][i].removeprefix("p_") for i in p.argmax(axis=1)]
    assert not table["p_cooperate"].any()


def test_the_metadata_tell_the_model(worked, stored):
    raw = pq.read_metadata(worked.predictions / "predictions.parquet").metadata
    assert raw[b"stagemix.model_hash"].decode() == stored.card.hash
    assert raw[b"stagemix.model"].decode() == worked.model.resolve().as_posix()
    found = read_predictions(worked.predictions)
    assert (found.model, found.model_hash) == (worked.model.resolve(), stored.card.hash)
    assert raw[b"stagemix.corpus"].decode() == worked.corpus.resolve().as_posix()
    assert found.corpus == worked.corpus.resolve()
    assert found.variable == "stage"
    assert found.categories == ("publish", "interact", "service", "cooperate")
    assert found.table.columns.tolist() == [c if c != "stage" else "label" for c in COLUMNS]


def test_a_model_that_lies_elsewhere_now(worked, tmp_path):
    assert read_predictions(worked.predictions, model=tmp_path).model == tmp_path


def test_most_posts_are_labelled_as_they_are(worked):
    table = pd.read_parquet(worked.predictions)
    assert (table["stage"].to_numpy() == worked.posts["true"].to_numpy()).mean() > 0.9


def test_chunks_change_nothing_and_are_told(worked, stored):
    posts = worked.posts.head(CHUNK + 1 - len(worked.posts) % 2)
    many = pd.concat([posts] * 4, ignore_index=True)
    many["post_id"] = [str(i) for i in range(len(many))]
    done = []
    table = predict(many, model=stored.model, progress=done.append)
    assert done == [CHUNK] * (len(many) // CHUNK) + [len(many) % CHUNK]
    once = predict(posts, model=stored.model)
    for name in COLUMNS[4:]:
        assert table[name].to_numpy() == pytest.approx(np.tile(once[name], 4), abs=1e-12)


def test_undated_posts_are_labelled(worked, stored):
    posts = worked.posts.head(3).assign(published_at=pd.NaT)
    assert predict(posts, model=stored.model)["published_at"].isna().all()


def test_writing_again_replaces(folder, worked, stored):
    table = predict(worked.posts.head(5), model=stored.model)
    write_predictions(table, folder, stored=stored, corpus=worked.root / "other")
    found = read_predictions(folder)
    assert (len(found.table), found.corpus) == (5, (worked.root / "other").resolve())


def test_other_parquet_files_beside_the_predictions(folder, worked, stored):
    pd.DataFrame({"post_id": ["a"]}).to_parquet(folder / "other.parquet")
    table = predict(worked.posts.head(5), model=stored.model)
    with pytest.raises(DataError) as error:
        write_predictions(table, folder, stored=stored, corpus=worked.corpus)
    assert str(error.value) == (
        f"{folder}: holds other.parquet beside predictions.parquet; move it away"
    )


def test_a_folder_that_cannot_hold_predictions_is_said(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError) as error:
        check_predictions_folder(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: holds part/a.parquet beside predictions.parquet; move it away"
    )
    check_predictions_folder(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_no_predictions(tmp_path):
    with pytest.raises(MissingError) as error:
        read_predictions(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: no predictions there; make them with "
        f"`stagemix classify corpora/NAME --out {tmp_path}`"
    )


def test_a_file_that_stagemix_did_not_write(folder):
    path = folder / "other.parquet"
    pd.DataFrame({"post_id": ["a"]}).to_parquet(path)
    assert refused(folder) == (
        f"{path}: not written by `stagemix classify`; classify the corpus again"
    )


def test_predictions_that_do_not_name_their_corpus(folder):
    path = folder / "predictions.parquet"
    table = pq.read_table(path)
    raw = {k: v for k, v in table.schema.metadata.items() if k != b"stagemix.corpus"}
    pq.write_table(table.replace_schema_metadata(raw), path)
    assert refused(folder) == (
        f"{path}: not written by `stagemix classify`; classify the corpus again"
    )


@pytest.mark.parametrize("keep", [0, 100, 4000])
def test_a_damaged_file(folder, keep):
    path = folder / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:keep])
    assert refused(folder) == f"{path}: cannot be read (ArrowInvalid); classify the corpus again"


def test_a_post_predicted_twice(folder):
    data = (folder / "predictions.parquet").read_bytes()
    (folder / "part").mkdir()
    (folder / "part" / "predictions.parquet").write_bytes(data)
    assert refused(folder) == (
        f"{folder}: post 0-2019-00, 0-2019-01, 0-2019-02, 0-2019-03, 0-2019-04 and 283 more "
        "has two predictions; classify the corpus again"
    )


def test_predictions_of_two_models(folder):
    table = pq.read_table(folder / "predictions.parquet")
    raw = table.schema.metadata | {b"stagemix.model_hash": b"0123456789abcdef"}
    pq.write_table(table.replace_schema_metadata(raw), folder / "other.parquet")
    assert refused(folder) == (
        f"{folder}: predictions of two models are mixed; classify the corpus again"
    )
