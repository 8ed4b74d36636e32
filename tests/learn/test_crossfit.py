import numpy as np
import pandas as pd
import pytest

from stagemix.errors import DataError
from stagemix.learn.crossfit import (
    cross_fit,
    duplicate_groups,
    mean_probabilities,
    member_probabilities,
    training_weights,
)

TWO = ("publish", "service")


def fit(X, y, *, groups=None, weights=None, seed=1, search=False, categories=TWO):
    return cross_fit(
        X, np.array(y), categories=categories, seed=seed, search=search,
        groups=np.arange(len(y)) if groups is None else groups,
        weights=np.ones(len(y)) if weights is None else weights,
    )  # fmt: skip


def test_a_coded_post_is_judged_by_a_member_that_never_saw_it():
    """Every post has a column of its own: a member that saw the post knows its code by heart."""
    y = ["publish", "service"] * 20
    X = np.eye(40) * 10
    found = fit(X, y)
    own = [TWO.index(v) for v in y]
    assert len(found.members) == 5
    assert sorted(set(found.fold)) == [0, 1, 2, 3, 4]
    for i in range(40):
        for number, member in enumerate(found.members):
            p = member_probabilities(member, X[[i]], categories=TWO)[0, own[i]]
            if number == found.fold[i]:
                assert member.coef_[0, i] == 0
                assert p == found.probabilities[i, own[i]]
                assert p == pytest.approx(0.5, abs=0.02)
            else:
                assert p > 0.95


def test_duplicates_stay_in_one_fold():
    y = ["publish", "service"] * 20
    groups = np.arange(40) // 4
    found = fit(np.eye(40), y, groups=groups)
    for group in range(10):
        assert len(set(found.fold[groups == group])) == 1


def test_the_model_is_the_mean_of_its_members():
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(40, 3)), ["publish", "service"] * 20
    found = fit(X, y)
    mean = sum(member_probabilities(m, X, categories=TWO) for m in found.members) / 5
    assert mean_probabilities(found.members, X, categories=TWO) == pytest.approx(mean)
    assert mean.sum(axis=1) == pytest.approx(np.ones(40))


def test_categories_that_are_not_learned_get_a_fold_but_no_probability():
    draw = np.random.default_rng(0)
    y = ["publish", "service"] * 10 + ["cooperate"]
    found = fit(draw.normal(size=(21, 3)), y)
    assert all(set(m.classes_) == set(TWO) for m in found.members)
    assert found.probabilities.shape == (21, 2)
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(21))


def test_all_codes_of_a_category_in_one_fold():
    """Three copies of one text: the member without them has seen one category only."""
    draw = np.random.default_rng(0)
    groups = np.array([*range(30), 30, 30, 30])
    found = fit(draw.normal(size=(33, 4)), ["publish"] * 30 + ["service"] * 3, groups=groups)
    assert len(set(found.fold[30:])) == 1
    assert found.probabilities[30:].tolist() == [[1.0, 0.0]] * 3
    assert mean_probabilities(found.members, np.zeros((1, 4)), categories=TWO)[0, 1] > 0


def test_three_codes_of_a_category_that_chance_puts_in_one_fold():
    draw = np.random.default_rng(0)
    found = fit(draw.normal(size=(23, 4)), ["publish"] * 20 + ["service"] * 3, seed=19)
    assert len(set(found.fold[20:])) == 1
    assert found.probabilities[20:].tolist() == [[1.0, 0.0]] * 3


def test_no_category_has_as_many_codes_as_folds():
    draw = np.random.default_rng(0)
    found = fit(draw.normal(size=(7, 4)), ["publish"] * 3 + ["service"] * 4)
    assert len(found.members) == 5


def test_one_text_coded_many_times():
    with pytest.raises(DataError) as error:
        fit(np.ones((8, 2)), ["publish", "service"] * 4, groups=np.zeros(8, dtype=int))
    assert str(error.value) == (
        "the coded posts all have the same text; code other posts before training"
    )


def test_two_texts_make_two_folds():
    groups = np.array([0] * 6 + [1] * 6)
    found = fit(np.eye(12), ["publish", "service"] * 6, groups=groups)
    assert len(found.members) == 2


def test_weights_count():
    X, y = np.zeros((20, 1)), ["publish", "service"] * 10
    even = fit(X, y).probabilities
    heavy = fit(X, y, weights=np.array([3.0, 1.0] * 10)).probabilities
    assert even[:, 0] == pytest.approx(np.full(20, 0.5), abs=1e-3)
    assert heavy[:, 0] == pytest.approx(np.full(20, 0.75), abs=1e-3)


def test_the_search_chooses_a_penalty_per_member():
    draw = np.random.default_rng(1)
    noise, y = draw.normal(size=(24, 3)), ["publish", "service"] * 12
    assert {m.C for m in fit(noise, y, search=True).members} == {2.0}
    assert {m.C for m in fit(noise, y).members} == {20.0}


def test_the_same_seed_gives_the_same_fit():
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(40, 3)), ["publish", "service"] * 20
    one, same, other = fit(X, y), fit(X, y), fit(X, y, seed=2)
    assert (one.probabilities == same.probabilities).all()
    assert (one.fold == same.fold).all()
    assert (one.fold != other.fold).any()


def test_the_same_seed_gives_the_same_search():
    X = np.random.default_rng(0).normal(size=(20, 2))
    one, same = (fit(X, ["publish", "service"] * 10, search=True) for _ in range(2))
    assert (one.probabilities == same.probabilities).all()


def test_texts_that_differ_in_blanks_and_signs_are_duplicates():
    texts = pd.Series(
        ["今日，天气好！", "今日天气好", "今日 天气\n好。", "明日天气好", "今_日天气好"]
    )
    assert duplicate_groups(texts).tolist() == [0, 0, 0, 1, 0]


def test_training_weights_are_relative_to_the_account():
    accounts = pd.Series(["a", "a", "b", "b", "b"])
    chances = pd.Series([0.5, 0.25, 0.01, 0.01, 0.01])
    assert training_weights(accounts, chances) == pytest.approx([2 / 3, 4 / 3, 1, 1, 1])
