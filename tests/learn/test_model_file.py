import json
import shutil
from datetime import timedelta

import pandas as pd
import pytest
from skops.io import dump

from stagemix import __version__
from stagemix.codes.codebook import default_codebook
from stagemix.errors import DataError, MissingError
from stagemix.learn.model_file import load_card, load_model, save_model
from stagemix.learn.training import train
from stagemix.posts.post import full_text, posts_from
from stagemix.study.modelling import train_files


@pytest.fixture
def folder(worked, tmp_path):
    """A copy of the worked model that a test may spoil."""
    return shutil.copytree(worked.model, tmp_path / "模型")


def problem(folder, kind=DataError):
    with pytest.raises(kind) as error:
        load_model(folder)
    return str(error.value)


def edit_card(folder, **changes):
    path = folder / "card.json"
    card = json.loads(path.read_text("utf-8")) | changes
    path.write_text(json.dumps(card), encoding="utf-8")


def test_a_model_folder_holds_three_files(worked):
    names = sorted(path.name for path in worked.model.iterdir())
    assert names == ["card.json", "model.skops", "out_of_fold.parquet"]


def test_the_card_says_what_the_model_rests_on(worked):
    card, table = load_card(worked.model)
    coded = pd.read_csv(worked.codes)["stage"].value_counts()
    assert card.counts == {
        "publish": coded["publish"],
        "interact": coded["interact"],
        "service": coded["service"],
        "cooperate": 0,
    }
    assert (card.variable, card.codebook) == ("stage", "egov-stages")
    assert card.corpora == [worked.corpus.as_posix()]
    assert (card.codes, card.uncodable, card.uncoded_posts) == (144, 0, 144)
    assert card.learned == card.labelled == ["publish", "interact", "service"]
    assert (card.seed, card.trained_at) == (1, "2026-01-01T00:00:00+08:00")
    assert card.settings == "fixed"
    assert card.versions["stagemix"] == __version__
    assert {"rjieba", "scikit-learn", "numpy", "skops"} <= card.versions.keys()
    assert len(card.hash) == len(card.codes_hash) == 16
    assert list(table.columns) == [
        "post_id", "account", "value", "inclusion_probability", "fold",
        "p_publish", "p_interact", "p_service", "p_cooperate",
    ]  # fmt: skip


def test_a_stored_model_gives_the_probabilities_it_gave(worked):
    stored = load_model(worked.model)
    posts = worked.posts.head(50)
    table = pd.read_parquet(worked.predictions).head(50)
    p = stored.model.probabilities(full_text(posts).tolist())
    assert (p[:, 2] == table["p_service"].to_numpy()).all()
    assert stored.model.labels(p).tolist() == table["stage"].tolist()


def test_no_model(tmp_path):
    assert problem(tmp_path / "无", MissingError) == (
        f"{tmp_path / '无'}: no model there; make one with `stagemix train --out {tmp_path / '无'}`"
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"not a model",
        lambda data: data[: len(data) // 2],
        lambda data: data[:5000] + bytes(1000) + data[6000:],
    ],
    ids=["empty", "text", "half", "hole"],
)
def test_a_damaged_model(folder, spoil):
    path = folder / "model.skops"
    path.write_bytes(spoil(path.read_bytes()))
    assert problem(folder) == f"{path}: cannot be read (BadZipFile); train the model again"


@pytest.fixture(scope="module")
def other(worked, tmp_path_factory):
    """A model of fewer codes."""
    root = tmp_path_factory.mktemp("other")
    pd.read_csv(worked.codes).head(100).to_csv(root / "codes.csv", index=False)
    train_files(
        root / "codes.csv", [worked.corpus], out=root / "m", codebook=default_codebook(),
        variable=None, seed=1, fast=True, trained_at="",
    )  # fmt: skip
    return root / "m"


def test_a_model_of_another_training(folder, other):
    path = folder / "model.skops"
    shutil.copy(other / "model.skops", path)
    assert problem(folder) == (
        f"{path}: not the model that card.json describes; train the model again"
    )


def test_out_of_fold_probabilities_of_another_training(folder, other):
    path = folder / "out_of_fold.parquet"
    shutil.copy(other / "out_of_fold.parquet", path)
    said = f"{path}: not the codes that card.json describes; train the model again"
    assert problem(folder) == said
    with pytest.raises(DataError) as error:
        load_card(folder)
    assert str(error.value) == said


def test_a_changed_code_is_noticed(folder):
    path = folder / "out_of_fold.parquet"
    table = pd.read_parquet(path)
    table.loc[0, "value"] = "cooperate"
    table.to_parquet(path, index=False)
    assert problem(folder) == (
        f"{path}: not the codes that card.json describes; train the model again"
    )


def test_the_card_of_another_training(folder, other):
    shutil.copy(other / "card.json", folder / "card.json")
    assert problem(folder) == (
        f"{folder / 'out_of_fold.parquet'}: not the codes that card.json describes; "
        "train the model again"
    )


def test_a_model_file_that_is_gone(folder):
    path = folder / "model.skops"
    path.unlink()
    assert problem(folder) == f"{path}: cannot be read (FileNotFoundError); train the model again"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{}", "KeyError"),
        ("[]", "TypeError"),
        ("", "JSONDecodeError"),
        ('{"format": 1}', "TypeError"),
        ('{"format": "one"}', "ValueError"),
    ],
)
def test_a_damaged_card(folder, text, why):
    (folder / "card.json").write_text(text, encoding="utf-8")
    assert problem(folder) == f"{folder}: the model is damaged ({why}); train it again"


def test_a_card_that_is_not_utf8(folder):
    (folder / "card.json").write_bytes(b"\xff\xfe\x00")
    assert problem(folder) == (
        f"{folder}: the model is damaged (UnicodeDecodeError); train it again"
    )


@pytest.mark.parametrize(
    ("data", "why"), [(b"PAR1 not really", "ArrowInvalid"), (None, "FileNotFoundError")]
)
def test_damaged_out_of_fold_probabilities(folder, data, why):
    path = folder / "out_of_fold.parquet"
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    assert problem(folder) == f"{folder}: the model is damaged ({why}); train it again"


def test_a_model_of_a_newer_stagemix(folder):
    edit_card(folder, format=2)
    assert problem(folder) == (
        f"{folder / 'card.json'}: format 2, this stagemix reads 1; train the model again"
    )


def test_a_model_with_foreign_types_is_not_opened(folder):
    path = folder / "model.skops"
    dump({"features": timedelta(days=1), "members": []}, path)
    assert problem(folder) == (
        f"{folder / 'model.skops'}: holds datetime.timedelta, which no stagemix model does; "
        "do not use it"
    )


def test_a_member_that_knows_one_category_is_stored_too(tmp_path):
    texts = [f"会议部署第{n}项工作{'甲乙丙丁戊己庚辛'[n % 8]}" for n in range(20)] + [
        "带身份证到窗口"
    ] * 3
    ids = [f"p{n}" for n in range(23)]
    posts = posts_from(pd.DataFrame({"post_id": ids, "account": "a", "text": texts}), where="x")
    codes = pd.DataFrame({"post_id": ids, "value": ["publish"] * 20 + ["service"] * 3})
    codes = codes.assign(inclusion_probability=1.0, round="")
    training = train(codes, posts, variable=default_codebook().variable(), seed=1, fast=True)
    assert "DummyClassifier" in {type(member).__name__ for member in training.model.members}
    card = save_model(
        training, tmp_path / "m", labels={}, codebook="x", codebook_version="1", corpora=[],
        seed=1, fast=True, trained_at="",
    )  # fmt: skip
    stored = load_model(tmp_path / "m")
    assert stored.card.hash == card.hash
    p = stored.model.probabilities(full_text(posts).tolist())
    assert (p == training.model.probabilities(full_text(posts).tolist())).all()
