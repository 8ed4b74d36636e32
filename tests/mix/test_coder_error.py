import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagemix.errors import DataError
from stagemix.mix.coder_error import (
    COLUMNS,
    DRAWS,
    combined,
    doubts,
    shares_if,
    shares_redrawn,
)
from stagemix.mix.mixes import mix_table
from stagemix.mix.shares import OverallEstimate

TWO = ("publish", "interact")
THREE = ("publish", "interact", "service")
NUMBERS = ["share", "low", "high"]
Z2 = 1.959963984540054**2


def posts_of(data):
    return data.posts["post_id"].iloc[data.row]


def agreed_of(data):
    names = np.array(data.categories, dtype=object)[data.y.argmax(axis=1)]
    return pd.Series(names, index=posts_of(data))


def make(label, guesses, *, truth, rows, chance, order=None):
    """Two accounts of 30 posts; TRUTH are all values, ORDER that of the coded posts."""
    base = np.where(np.isin(truth, THREE), truth, "publish")
    rows, chance = np.array(rows), np.array(chance)
    order = np.arange(len(rows)) if order is None else order
    return label(
        account=["a0"] * 30 + ["a1"] * 30, year=[2020] * 60, truth=truth,
        p=guesses(base, stages=THREE, seed=1), q=guesses(base, stages=THREE, seed=2),
        rows=rows[order], chance=chance[order], stages=THREE,
    )  # fmt: skip


TRUTH = (["publish"] * 4 + ["interact"] * 3 + ["service"] * 3) * 6
ROWS = [0, 3, 5, 8, 11, 14, 17, 19, 26, 31, 34, 38, 45, 46, 49, 52, 57]
CHANCE = [0.3] * 9 + [0.2667] * 8


@pytest.fixture
def data(label, guesses):
    return make(label, guesses, truth=TRUTH, rows=ROWS, chance=CHANCE)


def wilson(theta, spread, variance):
    """Ends of the interval: roots of (theta - t)^2 = z^2 t (1 - t) / n."""
    over_n = Z2 * variance / (spread * (1 - spread))
    return sorted(np.roots([1 + over_n, -2 * theta - over_n, theta**2]))


def test_without_another_code_the_shares_are_those_of_the_mix_table(data):
    expected = mix_table(data, by=())
    values = pd.DataFrame({"blank": None, "same": agreed_of(data)}, dtype="object")
    found = shares_if(data, values)
    assert tuple(found.columns) == COLUMNS
    assert found["scenario"].tolist() == ["blank"] * 3 + ["same"] * 3
    assert found["stage"].tolist() == [*THREE, *THREE]
    assert found["codes_changed"].tolist() == [0] * 6
    for name in ("blank", "same"):
        mine = found.loc[found["scenario"] == name, NUMBERS]
        assert mine.to_numpy() == pytest.approx(expected[NUMBERS].to_numpy(), abs=1e-12)


@pytest.mark.parametrize("other", ["service", "uncodable"])
def test_a_scenario_is_the_mix_table_of_other_agreed_codes(label, guesses, data, other):
    values = pd.DataFrame({"other": agreed_of(data)}, dtype="object")
    values.iloc[[0, 4, 9, 12], 0] = other
    truth = list(TRUTH)
    for row in (ROWS[0], ROWS[4], ROWS[9], ROWS[12]):
        truth[row] = other
    base = [v if v in THREE else "publish" for v in TRUTH]
    changed = label(
        account=["a0"] * 30 + ["a1"] * 30, year=[2020] * 60, truth=truth,
        p=guesses(base, stages=THREE, seed=1), q=guesses(base, stages=THREE, seed=2),
        rows=ROWS, chance=CHANCE, stages=THREE,
    )  # fmt: skip
    assert changed.uncodable == (4 if other == "uncodable" else 0)
    found = shares_if(data, values)
    expected = mix_table(changed, by=())[NUMBERS].to_numpy()
    assert found[NUMBERS].to_numpy() == pytest.approx(expected, abs=1e-12)
    assert set(found["codes_changed"]) == {4.0 - (TRUTH[ROWS[9]] == other) * 1.0}


@pytest.fixture
def four(label):
    """Ten posts with the same probabilities, four coded: publish three times, interact once."""
    return label(
        account=["a"] * 10, year=[2020] * 10, truth=["publish"] * 3 + ["interact"] * 7,
        p=np.tile([0.75, 0.25], (10, 1)), rows=[0, 1, 2, 3], chance=[0.4] * 4, stages=TWO,
    )  # fmt: skip


def test_a_small_case_by_hand(four):
    values = pd.DataFrame({"x": ["interact", None, None, None]}, index=list("0123"))
    found = shares_if(four, values)
    # theta = 1/4 + mean residual 1/4; phi q(1-q) summed = squared residuals = 5/4;
    # V = (1 - .4) (5/4) / 16, n_eff = (3/16) / V = 4; Wilson's ends at 1/2 are 1/2 -+ z/(2 sqrt(n + z^2))
    half = (Z2 / (4 + Z2)) ** 0.5 / 2
    assert found["share"].tolist() == pytest.approx([0.5, 0.5], abs=1e-12)
    assert found["low"].tolist() == pytest.approx([0.5 - half] * 2, abs=1e-12)
    assert found["high"].tolist() == pytest.approx([0.5 + half] * 2, abs=1e-12)
    assert found["codes_changed"].tolist() == [1, 1]


def test_drawing_by_hand_where_two_coders_differ_on_one_post(four):
    said = pd.DataFrame(
        {"甲": ["publish", "publish", "publish", "interact"], "乙": ["interact", *[None] * 3]},
        index=list("0123"),
    )
    found = shares_redrawn(four, said)
    m = found["codes_changed"].iloc[0]
    assert abs(m - 0.5) < 4 * (0.25 / DRAWS) ** 0.5
    assert m * DRAWS == pytest.approx(round(m * DRAWS), abs=1e-9)
    share = 0.25 + 0.25 * m
    # agreed: squared residuals 3/4 and their own sum of squares 3/4, as large as the model's
    within = 0.6 / 16 * ((1 - m) * 3 / 4 + m * 5 / 4)
    between = 0.25**2 * m * (1 - m) * DRAWS / (DRAWS - 1)
    low, high = wilson(share, 0.25, within + (1 + 1 / DRAWS) * between)
    row = found.set_index("stage").loc["interact"]
    assert row[NUMBERS].tolist() == pytest.approx([share, low, high], abs=1e-12)
    assert found["scenario"].unique().tolist() == ["measured disagreement"]
    assert found["share"].sum() == pytest.approx(1, abs=1e-12)


def test_draws_are_combined_by_rubins_rules():
    thetas, variances = ([0.5, 0.5], [0.3, 0.7], [0.1, 0.9]), ([0.01, 0.02], [0.03, 0], [0.02, 0])
    found = combined(
        [
            OverallEstimate(
                theta=np.array(t), variance=np.array(v), spread=np.array([x, 1 - x]), unseen=8 * x
            )
            for t, v, x in zip(thetas, variances, (0.25, 0.5, 0.75), strict=True)
        ]
    )
    assert found.theta == pytest.approx([0.3, 0.7], abs=1e-12)
    # between: .04 in both; 1 + 1/3 of it
    assert found.variance == pytest.approx([0.02 + 0.16 / 3, 0.02 / 3 + 0.16 / 3], abs=1e-12)
    assert found.spread == pytest.approx([0.5, 0.5], abs=1e-12)
    assert found.unseen == pytest.approx(4, abs=1e-12)


def test_coders_who_agree_change_nothing(data):
    said = pd.DataFrame({"b": agreed_of(data), "a": agreed_of(data)}, dtype="object")
    said.iloc[:5, 0] = None
    said.iloc[3, 1] = None
    expected = shares_if(data, said[["b"]])
    for found in (
        shares_redrawn(data, said),
        *(shares_if(data, doubts(said, categories=THREE)[[name]]) for name in ("doubts upward", "doubts downward")),
    ):  # fmt: skip
        assert found[NUMBERS].to_numpy() == pytest.approx(expected[NUMBERS].to_numpy(), abs=1e-12)
        assert set(found["codes_changed"]) == {0}


def said_at_random(data, seed, *, coders=3):
    """Codes of coders who err and leave posts out; now and then uncodable."""
    draw = np.random.default_rng(seed)
    values = np.array([*THREE, "uncodable", None], dtype=object)
    picked = draw.choice(5, p=[0.35, 0.25, 0.15, 0.1, 0.15], size=(len(data.row), coders))
    return pd.DataFrame(values[picked], index=posts_of(data), columns=list("cab")[:coders])


def test_draws_have_the_mean_of_the_coders_codes(label, guesses):
    data = make(label, guesses, truth=TRUTH, rows=ROWS, chance=CHANCE)
    said = said_at_random(data, 3).replace("uncodable", "service")
    own = agreed_of(data)
    said["c"] = said["c"].fillna(own)
    y = sum(
        (said == stage).sum(axis=1).to_numpy()[:, None] * np.eye(3)[k]
        for k, stage in enumerate(THREE)
    )
    y = y / y.sum(axis=1, keepdims=True)
    w = (1 / data.chance)[:, None]
    theta = data.p_held_out.mean(axis=0) + (w * (y - data.q)).sum(axis=0) / w.sum()
    assert (theta > 0).all()
    sd = ((w**2 * y * (1 - y)).sum(axis=0) / w.sum() ** 2) ** 0.5
    found = shares_redrawn(data, said)
    assert (abs(found["share"] - theta) < 4 * sd / DRAWS**0.5).all()
    changed = (1 - y[np.arange(len(y)), data.y.argmax(axis=1)]).sum()
    assert found["codes_changed"].iloc[0] == pytest.approx(changed, abs=0.6)


def test_the_order_of_rows_and_coders_changes_nothing(label, guesses, data):
    said = said_at_random(data, 5)
    order = np.random.default_rng(0).permutation(len(ROWS))
    other = make(label, guesses, truth=TRUTH, rows=ROWS, chance=CHANCE, order=order)
    assert other.row.tolist() != data.row.tolist()
    mixed = said.iloc[order[::-1]][["b", "c", "a"]]
    for one, two in (
        (shares_redrawn(data, said), shares_redrawn(other, mixed)),
        (shares_if(data, said), shares_if(other, mixed[["c", "a", "b"]])),
    ):
        assert one["scenario"].tolist() == two["scenario"].tolist()
        assert one["codes_changed"].tolist() == two["codes_changed"].tolist()
        assert one[NUMBERS].to_numpy() == pytest.approx(two[NUMBERS].to_numpy(), abs=1e-12)


def test_posts_that_are_not_coded_are_left_alone(data):
    said = said_at_random(data, 5)
    more = pd.concat([pd.DataFrame({"c": "service"}, index=["59", "elsewhere"]), said])
    assert shares_if(data, said).equals(shares_if(data, more))
    assert shares_redrawn(data, said).equals(shares_redrawn(data, more))


def test_doubts_go_to_the_highest_and_the_lowest_stage_that_a_coder_gave():
    said = pd.DataFrame(
        {
            "甲": ["publish", "service", "uncodable", "uncodable", None, None],
            "乙": ["interact", "interact", "interact", "uncodable", "service", None],
            "丙": ["publish", "publish", None, None, None, None],
        },
        index=list("pqrstu"),
    )
    found = doubts(said, categories=THREE)
    assert found.index.tolist() == list("pqrstu")
    assert found.columns.tolist() == ["doubts upward", "doubts downward"]
    blank = found.isna().to_numpy().tolist()
    assert blank == [[False, False]] * 5 + [[True, True]]
    assert found.iloc[:5].to_numpy().tolist() == [
        ["interact", "publish"],
        ["service", "publish"],
        ["interact", "interact"],
        ["uncodable", "uncodable"],
        ["service", "service"],
    ]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_upward_is_above_agreed_and_downward_below(label, seed):
    draw = np.random.default_rng(seed)
    truth = [THREE[k] for k in draw.integers(0, 3, size=40)]
    data = label(
        account=["a"] * 40, year=[2020] * 40, truth=truth, p=np.tile([0.5, 0.3, 0.2], (40, 1)),
        rows=range(12), chance=draw.uniform(0.2, 0.9, size=12), stages=THREE,
    )  # fmt: skip
    said = pd.DataFrame({"甲": agreed_of(data), "乙": [THREE[k] for k in draw.integers(0, 3, 12)]})
    values = pd.DataFrame({"agreed": None}, index=said.index, dtype="object")
    found = shares_if(data, values.join(doubts(said, categories=THREE)))
    above = 1 - found[found["stage"] == "publish"].set_index("scenario")["share"]
    top = found[found["stage"] == "service"].set_index("scenario")["share"]
    for share in (above, top):
        assert share["doubts upward"] >= share["agreed"] - 1e-12
        assert share["agreed"] >= share["doubts downward"] - 1e-12
    strictly = ((said["甲"] == "publish") & (said["乙"] != "publish")).any()
    assert (above["doubts upward"] > above["agreed"] + 1e-9) == strictly


def test_where_every_post_is_coded_only_the_coders_make_a_width(label):
    truth = ["publish", "publish", "interact", "interact", "interact"]
    data = label(
        account=["a"] * 5, year=[2020] * 5, truth=truth, p=np.tile([0.7, 0.3], (5, 1)),
        rows=range(5), chance=[1.0] * 5, stages=TWO,
    )  # fmt: skip
    said = pd.DataFrame({"甲": truth, "乙": truth}, index=posts_of(data))
    sure = shares_redrawn(data, said)
    assert sure[NUMBERS].to_numpy().tolist() == [[0.4] * 3, [0.6] * 3]
    said.loc["0", "乙"] = "interact"
    found = shares_redrawn(data, said).set_index("stage").loc["interact"]
    m = found["codes_changed"]
    variance = (1 + 1 / DRAWS) * 0.04 * m * (1 - m) * DRAWS / (DRAWS - 1)
    share = 0.6 + 0.2 * m
    expected = [share, *wilson(share, share, variance)]
    assert found[NUMBERS].tolist() == pytest.approx(expected, abs=1e-12)


def test_a_value_that_the_model_does_not_know(data):
    said = said_at_random(data, 1)
    said.iloc[2, 1] = "cooperate"
    for compute in (
        lambda: shares_if(data, said),
        lambda: shares_redrawn(data, said),
        lambda: doubts(said, categories=THREE),
    ):
        with pytest.raises(DataError) as error:
            compute()
        assert str(error.value) == (
            "the model does not know cooperate, which a coder's codes hold; "
            "train it again, and classify the corpus with it"
        )


def test_a_scenario_in_which_nothing_is_codable(data):
    values = pd.DataFrame({"as 甲 coded": "uncodable"}, index=posts_of(data))
    with pytest.raises(DataError) as error:
        shares_if(data, values)
    assert str(error.value) == ("as 甲 coded: no coded post can be used: every one is uncodable")
