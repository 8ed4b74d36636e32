from dataclasses import replace

import pandas as pd
import pytest

from stagemix.merge.converge import NAMES, Convergence, Measure
from stagemix.merge.saying import WEAK_POINT, on_alikeness, on_merging

EMPTY = Measure(
    name="", values={}, change=0.1, se=0.05, low=-0.1, high=0.2, p_value=0.3, mdc=0.16,
    status="ok", verdict="cannot_tell", note="",
)  # fmt: skip


def found(
    *, merging="cannot_tell", word="undecided", alike="cannot_tell", too_small=(), **verdicts
):
    measures = tuple(
        replace(EMPTY, name=name, verdict=verdicts.get(name, "cannot_tell")) for name in NAMES
    )
    return Convergence(
        measures=measures, merging=merging, word=word, alike=alike, alikeness=None,
        publish_rate=None, per_month=pd.DataFrame(), accounts=("a",) * 12, left_out=(),
        periods=("2019", "2020"), codes=240, smallest_cell=9, design="", too_small=too_small,
    )  # fmt: skip


def test_merging_is_called_by_its_word():
    assert on_merging(found(merging="yes", word="merging")).zh.startswith("融合：")
    assert on_merging(found(merging="yes", word="replacement")).zh.startswith("替代：")
    assert on_merging(found(word="upgrade")).zh.startswith("升级：")


def test_too_few_says_of_what():
    said = on_merging(found(merging="too_few", too_small=("3 periods of 4", "80 codes of 100")))
    assert said.en == "merging (融合): too little to decide; 3 periods of 4, 80 codes of 100."
    said = on_merging(found(merging="too_few"))
    assert said.en == "merging (融合): too little to decide; 240 codes of 300."
    said = on_alikeness(found(alike="too_few", too_small=("3 periods of 4",)))
    assert said.en == "alikeness (趋同): too little to decide; 3 periods of 4."


def test_cannot_tell_is_never_a_no():
    assert on_merging(found()).en == (
        "cannot tell (尚不能判断): no rise of both W and Tot is shown, which is no evidence of none; "
        "a change of W or Tot below 0.16 would mostly not be seen with these codes."
    )
    assert on_merging(found(above_publish="up")).en == (
        "cannot tell (尚不能判断): more interaction, service, cooperation, but not shown inside the "
        "average account."
    )
    assert on_merging(found(within="up", alike="yes")).en == (
        "cannot tell (尚不能判断): diversity within accounts rises only because accounts became alike."
    )
    assert "only because" not in on_merging(found(within="up")).en


@pytest.mark.parametrize("alike", ["yes", "cannot_tell", "too_few", "not_tested"])
def test_only_a_claim_of_alikeness_has_its_weak_point_beside_it(alike):
    said = on_alikeness(found(alike=alike, too_small=("80 codes of 100",)))
    assert (WEAK_POINT.en in said.en) == (WEAK_POINT.zh in said.zh) == (alike == "yes")


def test_alikeness_that_was_not_tested_says_what_it_needs():
    assert on_alikeness(found(alike="not_tested")).en == (
        "alikeness (趋同): not tested; it needs 500 codes, two or more in each account and period, "
        "drawn there with equal chances."
    )
