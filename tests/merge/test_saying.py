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
        "a change of both below 0.16 would mostly not be seen with these codes."
    )
    assert on_merging(found(above_publish="up")).en == (
        "cannot tell (尚不能判断): more interaction, service, cooperation, but not shown inside the "
        "average account."
    )
    assert on_merging(found(within="up", alike="yes")).en == (
        "cannot tell (尚不能判断): diversity within accounts rises only because accounts became alike."
    )


@pytest.mark.parametrize("alike", ["cannot_tell", "not_tested", "too_few"])
@pytest.mark.parametrize("above_publish", ["up", "cannot_tell"])
def test_a_rise_of_within_alone_may_be_alikeness(alike, above_publish):
    said = on_merging(found(within="up", above_publish=above_publish, alike=alike))
    assert said.en == (
        "cannot tell (尚不能判断): diversity within accounts (W) rose, that of the mean mix (Tot) is "
        "not shown to; accounts that became alike would show the same."
    )
    assert said.zh == (
        "尚不能判断：账号之内的多样性 W 上升，但没有证明平均构成的多样性 Tot 上升；"
        "账号彼此变得相似也会如此。"
    )


@pytest.mark.parametrize(("within", "total"), [(0.12, 0.21), (0.21, 0.12), (None, 0.21)])
def test_what_would_not_be_seen_is_of_the_measure_that_is_harder_to_see(within, total):
    mdc = {"within": within, "total": total}
    measures = tuple(replace(m, mdc=mdc.get(m.name, 0.5)) for m in found().measures)
    said = on_merging(replace(found(), measures=measures))
    assert "a change of both below 0.21 would" in said.en
    assert "小于 0.21 的变化" in said.zh


@pytest.mark.parametrize("alike", ["yes", "cannot_tell", "too_few", "not_tested"])
def test_only_a_claim_of_alikeness_has_its_weak_point_beside_it(alike):
    said = on_alikeness(found(alike=alike, too_small=("80 codes of 100",)))
    assert (WEAK_POINT.en in said.en) == (WEAK_POINT.zh in said.zh) == (alike == "yes")


def test_alikeness_that_was_not_tested_says_what_it_needs():
    assert on_alikeness(found(alike="not_tested")).en == (
        "alikeness (趋同): not tested; it needs 500 codes, two or more in each account and period, "
        "drawn there with equal chances."
    )
