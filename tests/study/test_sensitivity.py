from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stagemix.codes.codebook import default_codebook
from stagemix.codes.store import SETTLED, Code, CodeStore
from stagemix.errors import DataError
from stagemix.mix.mixes import mix_table
from stagemix.study.correcting import corrected
from stagemix.study.folder import init_study, read_study
from stagemix.study.sensitivity import NOT_LEARNED_AGAIN, NOT_TRUTH, coder_error, on_coders

STAGES = ["publish", "interact", "service", "cooperate"]
NUMBERS = ["share", "low", "high"]


@pytest.fixture(scope="module")
def source(worked):
    return corrected(worked.predictions, codebook=default_codebook())


@pytest.fixture(scope="module")
def agreed(source):
    """The agreed codes of the 144 coded posts, by post."""
    names = np.array(STAGES, dtype=object)[source.data.y.argmax(axis=1)]
    return pd.Series(names, index=source.data.posts["post_id"].iloc[source.data.row])


@pytest.fixture
def study(tmp_path):
    init_study(tmp_path)
    return read_study(tmp_path)


def store(study, coder, values, *, round_="final", variable="stage", **choices):
    CodeStore(study.coding).add(
        Code(round=round_, unit=unit, coder=coder, variable=variable, value=value, **choices)
        for unit, value in values.items()
    )


def scenario(table, name):
    return table[table["scenario"] == name].set_index("stage")


def test_without_disagreement_every_scenario_is_the_agreed_one(source, study, agreed):
    store(study, "乙", agreed)
    store(study, "甲", agreed)
    found = coder_error(source, study)
    names = ["agreed", "as 乙 coded", "as 甲 coded", "doubts upward", "doubts downward"]
    names.append("measured disagreement")
    assert list(dict.fromkeys(found["scenario"])) == names
    assert found["stage"].tolist() == STAGES * 6
    assert set(found["codes_changed"]) == {0}
    expected = mix_table(source.data, by=())[NUMBERS].to_numpy()
    for name in names:
        assert scenario(found, name)[NUMBERS].to_numpy() == pytest.approx(expected, abs=1e-12)


@pytest.fixture
def doubted(study, agreed):
    """甲 coded all as agreed; 乙 coded ten publish posts interact, and the others as 甲."""
    low = agreed.index[agreed == "publish"][:10]
    other = agreed.copy()
    other[low] = "interact"
    store(study, "甲", agreed)
    store(study, "乙", other)
    return study


def test_doubts_upward_raise_the_share_above_publish(source, doubted):
    found = coder_error(source, doubted)
    above = 1 - found[found["stage"] == "publish"].set_index("scenario")["share"]
    assert above["doubts upward"] == pytest.approx(above["as 乙 coded"], abs=1e-12)
    assert above["as 甲 coded"] == pytest.approx(above["agreed"], abs=1e-12)
    assert above["doubts downward"] == pytest.approx(above["agreed"], abs=1e-12)
    # all were drawn with one chance, so ten codes of 144 move the share by 10/144
    assert above["doubts upward"] == pytest.approx(above["agreed"] + 10 / 144, abs=1e-3)
    middle = (above["agreed"] + above["doubts upward"]) / 2
    sd = (10 / 4) ** 0.5 / 144
    assert above["measured disagreement"] == pytest.approx(middle, abs=4 * sd / 200**0.5 + 1e-3)
    changed = found.drop_duplicates("scenario").set_index("scenario")["codes_changed"]
    assert changed.drop("measured disagreement").to_dict() == {
        "agreed": 0, "as 乙 coded": 10, "as 甲 coded": 0, "doubts upward": 10, "doubts downward": 0,
    }  # fmt: skip
    assert changed["measured disagreement"] == pytest.approx(5, abs=4 * (10 / 4 / 200) ** 0.5)
    width = (found["high"] - found["low"]).to_numpy().reshape(6, 4)
    assert (width[5, :2] > width[0, :2]).all()


def test_the_order_of_codes_changes_nothing(source, doubted, tmp_path):
    codes = CodeStore(doubted.coding).codes()
    init_study(tmp_path / "other")
    other = read_study(tmp_path / "other")
    mixed = codes.sample(frac=1, random_state=0)
    CodeStore(other.coding).add(Code(**row) for row in mixed.to_dict("records"))
    pd.testing.assert_frame_equal(coder_error(source, doubted), coder_error(source, other))


def test_only_first_independent_codes_of_the_round_and_variable_count(source, doubted, agreed):
    before = coder_error(source, doubted)
    service = agreed.mask(agreed.notna(), "service")
    store(doubted, "consensus", service, kind=SETTLED)
    store(doubted, "甲", service)
    store(doubted, "丙", service, round_="pilot")
    store(doubted, "丙", service.replace("service", "1"), variable="functions.also_service")
    pd.testing.assert_frame_equal(coder_error(source, doubted), before)


def test_a_coder_of_fewer_than_half_the_posts_is_drawn_and_has_no_scenario(source, study, agreed):
    store(study, "甲", agreed)
    store(study, "乙", agreed.iloc[:72])
    store(study, "丙", agreed.iloc[:71].mask(agreed.iloc[:71] == "publish", "service"))
    found = coder_error(source, study)
    assert list(dict.fromkeys(found["scenario"])) == [
        "agreed", "as 乙 coded", "as 甲 coded", "doubts upward", "doubts downward",
        "measured disagreement",
    ]  # fmt: skip
    low = int((agreed.iloc[:71] == "publish").sum())
    assert set(scenario(found, "doubts upward")["codes_changed"]) == {low}
    changed = scenario(found, "measured disagreement")["codes_changed"].iloc[0]
    assert changed == pytest.approx(low / 3, abs=4 * (low * 2 / 9 / 200) ** 0.5)


def test_doubts_are_of_ordinal_variables_only(source, doubted):
    found = coder_error(replace(source, level="nominal"), doubted)
    assert list(dict.fromkeys(found["scenario"])) == [
        "agreed", "as 乙 coded", "as 甲 coded", "measured disagreement",
    ]  # fmt: skip


def test_remarks(source, study, agreed):
    store(study, "甲", agreed)
    store(study, "乙", agreed.iloc[:30])
    few, *others = on_coders(source, study)
    assert few.en == (
        "30 of 144 coded posts have the independent codes of two coders; the others keep the one "
        "code they have, so the band shows less than the whole disagreement."
    )
    assert few.zh == (
        "144 篇编码推文中有 30 篇由两位编码员独立编码；其余只有一个编码，照用不变，"
        "因此区间没有反映全部分歧。"
    )
    assert others == [NOT_TRUTH, NOT_LEARNED_AGAIN]
    store(study, "乙", agreed.iloc[30:])
    assert on_coders(source, study) == (NOT_TRUTH, NOT_LEARNED_AGAIN)


def refused(source, study):
    texts = []
    for step in (coder_error, on_coders):
        with pytest.raises(DataError) as error:
            step(source, study)
        texts.append(str(error.value))
    assert texts[0] == texts[1]
    return texts[0]


def test_a_round_that_one_coder_coded(source, study, agreed):
    store(study, "甲", agreed)
    store(study, "乙", agreed, round_="pilot")
    assert refused(source, study) == (
        "round final: only one coder coded the round; a band needs the independent codes of two"
    )


def test_a_round_that_nobody_coded(source, study):
    assert refused(source, study) == (
        "round final: no coder coded the round; a band needs the independent codes of two"
    )


def test_a_round_whose_coders_share_no_post(source, study, agreed):
    store(study, "甲", agreed.iloc[:70])
    store(study, "乙", agreed.iloc[70:])
    assert refused(source, study) == (
        "round final: no coded post was coded by two coders; "
        "a band needs the independent codes of two"
    )
