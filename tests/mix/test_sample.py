import numpy as np
import pandas as pd
import pytest

from stagemix.errors import DataError
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
    assert data.row.tolist() == [5, 3]
    assert data.uncodable == 1
    assert data.uncodable_share == pytest.approx(1 / 3)
    assert data.design.name == "simple random over the corpus"
    assert data.design.pair == pytest.approx([3 * 2 / (6 * 5)] * 2)
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
