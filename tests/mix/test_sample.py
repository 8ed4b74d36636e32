import numpy as np
import pandas as pd
import pytest

from stagemix.errors import DataError
from stagemix.mix.design import Stored
from stagemix.mix.sample import labelled_corpus

STAGES = ("publish", "service")


@pytest.fixture
def files():
    """Predictions of six posts, codes of three, out-of-fold probabilities of two of these."""
    predictions = pd.DataFrame(
        {
            "post_id": list("abcdef"),
            "account": ["一"] * 3 + ["二"] * 3,
            "published_at": pd.to_datetime(["2021-01-02", "2020-05-01"] * 3).astype(
                "datetime64[us]"
            ),
            "label": ["publish"] * 5 + ["service"],
            "p_publish": [0.9, 0.8, 0.7, 0.6, 0.9, 0.2],
            "p_service": [0.1, 0.2, 0.3, 0.4, 0.1, 0.8],
        }
    )
    codes = pd.DataFrame(
        {
            "post_id": ["f", "b", "d"],
            "value": ["service", "publish", "service"],
            "inclusion_probability": [0.5, 0.25, 1.0],
        }
    )
    out_of_fold = pd.DataFrame(
        {"post_id": ["b", "f"], "p_publish": [0.55, 0.35], "p_service": [0.45, 0.65]}
    )
    return predictions, codes, out_of_fold


def test_codes_stand_beside_out_of_fold_probabilities_in_their_order(files):
    data = labelled_corpus(*files, categories=STAGES)
    assert data.row.tolist() == [5, 1, 3]
    assert data.y.tolist() == [[0, 1], [1, 0], [0, 1]]
    # d was never trained on: its probabilities are the prediction's
    assert data.q.tolist() == [[0.35, 0.65], [0.55, 0.45], [0.6, 0.4]]
    assert data.p[:, 1].tolist() == [0.1, 0.2, 0.3, 0.4, 0.1, 0.8]
    assert data.chance.tolist() == [0.5, 0.25, 1.0]
    assert data.chance_known
    assert data.counts == {"publish": 1, "service": 2}
    assert (data.uncodable, data.uncodable_share) == (0, 0.0)


def test_codes_without_probabilities_count_as_a_simple_random_sample(files):
    predictions, codes, out_of_fold = files
    codes["inclusion_probability"] = np.nan
    data = labelled_corpus(predictions, codes, out_of_fold, categories=STAGES)
    assert data.chance.tolist() == [0.5] * 3
    assert not data.chance_known
    assert data.design.name == "simple random over the corpus"
    assert data.design.pair == pytest.approx([3 * 2 / (6 * 5)] * 3)


def test_uncodable_posts_leave_the_sample_but_not_the_design(files):
    predictions, codes, out_of_fold = files
    codes = codes.assign(inclusion_probability=0.5, value=["service", "uncodable", "publish"])
    data = labelled_corpus(predictions, codes, out_of_fold, categories=STAGES)
    assert data.posts["post_id"].tolist() == [p for p in "abcdef" if p != codes["post_id"].iloc[1]]
    assert data.posts["post_id"].iloc[data.row].tolist() == codes["post_id"].iloc[[0, 2]].tolist()
    assert len(data.p) == len(data.design.of_posts) == len(data.design.paired) == 5
    assert data.uncodable == 1
    assert data.uncodable_share == pytest.approx(1 / 3)
    assert data.design.name == "simple random over the corpus"
    assert data.design.pair == pytest.approx([2 * 1 / (5 * 4)] * 2)
    assert data.chance == pytest.approx([2 / 5] * 2)
    assert len(data.y) == len(data.q) == len(data.chance) == len(data.design.stratum) == 2


def test_codes_of_posts_that_were_not_classified(files):
    predictions, codes, out_of_fold = files
    codes["post_id"] = ["f", "x", "y"]
    codes.index = [2, 3, 7]
    with pytest.raises(DataError) as error:
        labelled_corpus(predictions, codes, out_of_fold, categories=STAGES, where="codes.csv")
    assert str(error.value) == (
        "codes.csv: row 3 (x), row 7 (y) is of a post that has no prediction; "
        "classify the corpus they are from, or leave them out of the codes"
    )


def test_only_uncodable_posts(files):
    predictions, codes, out_of_fold = files
    codes["value"] = "uncodable"
    with pytest.raises(DataError) as error:
        labelled_corpus(predictions, codes, out_of_fold, categories=STAGES)
    assert str(error.value) == "no coded post can be used: every one is uncodable"


def test_codes_of_a_category_that_the_model_does_not_know(files):
    predictions, codes, out_of_fold = files
    codes["value"] = ["service", "publish", "consult"]
    with pytest.raises(DataError) as error:
        labelled_corpus(predictions, codes, out_of_fold, categories=STAGES)
    assert str(error.value) == (
        "the model does not know consult, which the codes hold; "
        "train it again, and classify the corpus with it"
    )


def test_suggested_codes_have_no_probability_and_correct_nothing(files):
    predictions, codes, out_of_fold = files
    whole = labelled_corpus(predictions, codes, out_of_fold, categories=STAGES)
    assert whole.suggested == 0
    codes["inclusion_probability"] = [0.5, np.nan, 0.5]
    data = labelled_corpus(predictions, codes, out_of_fold, categories=STAGES)
    assert data.suggested == 1
    assert data.chance_known
    assert data.row.tolist() == [5, 3]
    assert data.y.tolist() == [[0, 1], [0, 1]]
    assert data.q.tolist() == [[0.35, 0.65], [0.6, 0.4]]
    assert data.chance.tolist() == [0.5, 0.5]
    assert data.counts == {"publish": 0, "service": 2}
    assert len(data.posts) == 6
    # what b was trained on out of fold is not taken for it, as it is no coded post
    assert data.p_held_out[1].tolist() == [0.8, 0.2]
    assert data.p_held_out[5].tolist() == [0.35, 0.65]


def test_a_suggested_post_that_is_uncodable_stays_among_the_posts(files):
    predictions, codes, out_of_fold = files
    codes = codes.assign(
        value=["service", "uncodable", "publish"], inclusion_probability=[0.5, np.nan, 0.5]
    )
    data = labelled_corpus(predictions, codes, out_of_fold, categories=STAGES)
    assert (len(data.posts), data.uncodable, data.uncodable_share) == (6, 0, 0.0)


def test_uncodable_posts_leave_the_posts_and_the_rows_follow(files):
    predictions, codes, out_of_fold = files
    codes = codes.assign(
        inclusion_probability=[0.5, 0.25, 1.0], value=["service", *["uncodable"] * 2]
    )
    data = labelled_corpus(predictions, codes, out_of_fold, categories=STAGES)
    assert data.posts["post_id"].tolist() == ["a", "c", "e", "f"]
    assert data.posts.index.tolist() == [0, 1, 2, 3]
    assert data.p[:, 1].tolist() == [0.1, 0.3, 0.1, 0.8]
    assert data.row.tolist() == [3]
    assert data.p_held_out[:, 1].tolist() == [0.1, 0.3, 0.1, 0.65]
    assert data.uncodable == 2
    assert data.uncodable_share == pytest.approx((4 + 1) / (2 + 4 + 1))


def test_the_stored_design_of_the_round_says_how_the_codes_were_drawn(files):
    predictions, codes, out_of_fold = files
    # two of each account were sent, and one of the second account is not coded yet
    codes = codes.iloc[:2].assign(inclusion_probability=2 / 3)
    codes["post_id"] = ["a", "e"]
    stored = Stored(by=("account",), strata={"一": 3, "二": 3})
    data = labelled_corpus(predictions, codes, out_of_fold, categories=STAGES, stored=stored)
    assert data.design.name == "simple random within account"
    assert data.chance == pytest.approx([1 / 3, 1 / 3])
    assert data.design.chance == pytest.approx([1 / 3, 1 / 3])
    assert not data.design.paired.any()


def test_the_stored_design_of_another_corpus_is_not_taken(files):
    predictions, codes, out_of_fold = files
    codes["inclusion_probability"] = 0.5
    stored = Stored(by=("account",), strata={"一": 3, "二": 4})
    data = labelled_corpus(predictions, codes, out_of_fold, categories=STAGES, stored=stored)
    assert data.design.name == "simple random over the corpus"
    assert data.chance.tolist() == [0.5] * 3


def test_strata_by_a_column_of_the_account_table(files):
    predictions, codes, out_of_fold = files
    codes["inclusion_probability"] = [1 / 3, 2 / 3, 2 / 3]
    codes["post_id"] = ["f", "b", "c"]
    accounts = pd.DataFrame({"account": ["一", "二"], "sector": ["综合", "税务"]})
    stored = Stored(by=("sector",), strata={"综合": 3, "税务": 3})
    arguments = {"categories": STAGES, "stored": stored}
    data = labelled_corpus(predictions, codes, out_of_fold, **arguments, accounts=accounts)
    assert data.design.name == "simple random within sector"
    assert data.chance == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    data = labelled_corpus(predictions, codes, out_of_fold, **arguments)
    assert data.design.name == "simple random within account"


def test_uncodable_posts_leave_the_strata_of_the_stored_design(files):
    predictions, codes, out_of_fold = files
    codes = codes.assign(value=["service", "uncodable", "publish"], post_id=["f", "b", "c"])
    stored = Stored(by=("account",), strata={"一": 3, "二": 3})
    data = labelled_corpus(predictions, codes, out_of_fold, categories=STAGES, stored=stored)
    assert data.posts["post_id"].tolist() == ["a", "c", "d", "e", "f"]
    assert data.chance == pytest.approx([1 / 3, 1 / 2])
    assert data.design.pair == pytest.approx([0, 0])
    assert data.design.paired.tolist() == [False] * 5
    assert data.uncodable_share == pytest.approx(1.5 / (3 + 1.5 + 1.5))
