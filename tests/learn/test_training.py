import numpy as np
import pandas as pd
import pytest

from stagemix.codes.codebook import default_codebook
from stagemix.errors import DataError
from stagemix.learn.training import train
from stagemix.posts.post import full_text, posts_from

STAGE = default_codebook().variable("stage")
VALUES = ("publish", "interact", "service", "cooperate")


def codes_of(posts, **numbers):
    """Codes of the first posts of each stage, as `read_agreed` gives them."""
    parts = [posts[posts["true"] == stage].head(n) for stage, n in numbers.items()]
    chosen = pd.concat(parts)
    return pd.DataFrame(
        {
            "post_id": chosen["post_id"].to_numpy(),
            "value": chosen["true"].to_numpy(),
            "inclusion_probability": 0.5,
            "round": "",
        }
    )


def fit(worked, codes, **choices):
    posts = posts_from(worked.posts.drop(columns="true"), where="posts")
    choices = {"seed": 1, "fast": True, **choices}
    return train(codes, posts, variable=STAGE, **choices), posts


def test_every_coded_post_has_out_of_fold_probabilities(worked):
    codes = codes_of(worked.posts, publish=20, interact=9, service=10)
    training, posts = fit(worked, codes)
    table, model = training.out_of_fold, training.model
    assert table["post_id"].tolist() == codes["post_id"].tolist()
    assert table["value"].tolist() == codes["value"].tolist()
    account = posts.set_index("post_id")["account"]
    assert table["account"].tolist() == account[codes["post_id"]].tolist()
    texts = full_text(posts.set_index("post_id").loc[codes["post_id"]])
    X = model.features.transform(texts.tolist())
    for i, fold in enumerate(table["fold"]):
        member = model.members[fold]
        given = dict(zip(member.classes_, member.predict_proba(X[[i]])[0], strict=True))
        for stage in ("publish", "interact", "service"):
            assert table.loc[i, f"p_{stage}"] == pytest.approx(given[stage], abs=1e-12)
    # a member learns by heart what it saw, so what is out of fold is less sure
    own = [f"p_{v}" for v in table["value"]]
    stored = np.array([table.loc[i, name] for i, name in enumerate(own)])
    whole = model.probabilities(texts.tolist())
    known = whole[np.arange(39), [VALUES.index(v) for v in table["value"]]]
    assert stored.mean() < known.mean() - 0.01
    assert training.uncoded_posts == len(posts) - 39
    assert training.space_posts == len(posts)


def test_categories_by_their_number_of_codes(worked):
    training, posts = fit(worked, codes_of(worked.posts, publish=20, interact=7, service=2))
    model = training.model
    assert model.categories == VALUES
    assert model.counts == {"publish": 20, "interact": 7, "service": 2, "cooperate": 0}
    assert model.learned == ("publish", "interact")
    assert model.labelled == ("publish",)
    p = model.probabilities(full_text(posts.head(60)).tolist())
    assert p.shape == (60, 4)
    assert p.sum(axis=1) == pytest.approx(np.ones(60))
    assert (p[:, 1] > 0).all()
    assert not p[:, 2:].any()
    assert set(model.labels(p)) == {"publish"}
    # codes of what is not learned stay in the table, with probability 0
    rest = training.out_of_fold[training.out_of_fold["value"] == "service"]
    assert len(rest) == 2
    assert not rest["p_service"].any()


def test_eight_codes_make_a_label_and_three_a_probability(worked):
    model = fit(worked, codes_of(worked.posts, publish=20, interact=8, service=3))[0].model
    assert model.learned == ("publish", "interact", "service")
    assert model.labelled == ("publish", "interact")


def test_where_no_category_has_enough_for_a_label_all_learned_ones_are(worked):
    model = fit(worked, codes_of(worked.posts, publish=5, interact=4))[0].model
    assert model.learned == model.labelled == ("publish", "interact")


def test_the_label_is_the_likeliest_category_that_may_be_one(worked):
    model = fit(worked, codes_of(worked.posts, publish=20, interact=8, service=3))[0].model
    p = np.array([[0.2, 0.3, 0.5, 0.0], [0.5, 0.3, 0.2, 0.0]])
    assert model.labels(p).tolist() == ["interact", "publish"]


def test_uncodable_posts_are_not_learned(worked):
    codes = codes_of(worked.posts, publish=20, interact=9)
    codes.loc[[0, 21], "value"] = "uncodable"
    training, _ = fit(worked, codes)
    assert training.uncodable == 2
    table = training.out_of_fold
    assert len(table) == 29
    assert (table["fold"] == -1).sum() == (table["value"] == "uncodable").sum() == 2
    assert np.allclose(table.filter(like="p_").sum(axis=1), 1)
    assert training.model.counts["publish"] == 19


def test_the_same_posts_twice_stay_in_one_fold(worked):
    posts = worked.posts.head(60).copy()
    again = posts.head(12).assign(post_id=lambda t: "again-" + t["post_id"])
    again["text"] += " ！"
    both = pd.concat([posts, again], ignore_index=True)
    codes = codes_of(both, publish=60, interact=60, service=60)
    whole = posts_from(both.drop(columns="true"), where="posts")
    table = train(codes, whole, variable=STAGE, seed=1, fast=True).out_of_fold
    fold = table.set_index("post_id")["fold"]
    for name in again["post_id"]:
        assert fold[name] == fold[name.removeprefix("again-")]


def test_the_same_seed_gives_the_same_probabilities(worked):
    codes = codes_of(worked.posts, publish=12, interact=8)
    texts = full_text(worked.posts.head(40)).tolist()
    one, same = (fit(worked, codes)[0] for _ in range(2))
    assert (one.model.probabilities(texts) == same.model.probabilities(texts)).all()
    pd.testing.assert_frame_equal(one.out_of_fold, same.out_of_fold, check_exact=True)


def test_one_category_only(worked):
    with pytest.raises(DataError) as error:
        fit(worked, codes_of(worked.posts, publish=20, interact=2))
    assert str(error.value) == (
        "the codes: stage: fewer than two categories have 3 codes or more (publish 20, interact 2, "
        "service 0, cooperate 0); code more posts before training"
    )


def test_codes_of_posts_that_are_not_in_the_corpus(worked):
    codes = codes_of(worked.posts, publish=20, interact=9)
    codes.loc[[3, 5], "post_id"] = ["x1", "x2"]
    with pytest.raises(DataError) as error:
        fit(worked, codes, where="codes.csv")
    assert str(error.value) == (
        "codes.csv: row 3 (x1), row 5 (x2) is of a post that is not in the corpus; "
        "add their corpus with another --corpus, or take them out of the codes"
    )
