from itertools import product

import pytest

from stagemix.merge.alike import Alikeness, AlikeTest
from stagemix.merge.measures import Change
from stagemix.merge.verdict import alike_of, merging_of, verdict_of, word_of

VERDICTS = ("up", "down", "cannot_tell", "too_few")


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.3, "up"),
        (-0.3, -0.01, "down"),
        (-0.1, 0.2, "cannot_tell"),
        (0.0, 0.2, "cannot_tell"),
        (-0.2, 0.0, "cannot_tell"),
        (0.0, 0.0, "cannot_tell"),
    ],
)
def test_a_verdict_is_read_off_the_interval(low, high, verdict):
    change = Change(change=(low + high) / 2, se=0.1, low=low, high=high, p_value=0.9, mdc=0.3)
    assert verdict_of(change) == verdict


@pytest.mark.parametrize(("within", "total"), list(product(VERDICTS, VERDICTS)))
def test_merging_needs_a_rise_of_within_and_of_total(within, total):
    found = merging_of({"within": within, "total": total}, codes=300, complete=False)
    if "too_few" in (within, total):
        assert found == "too_few"
    else:
        assert found == ("yes" if (within, total) == ("up", "up") else "cannot_tell")


@pytest.mark.parametrize("verdict", ["up", "cannot_tell"])
@pytest.mark.parametrize(("codes", "complete"), [(299, False), (300, False), (299, True)])
def test_below_300_codes_merging_is_not_decided_unless_every_post_is_coded(
    verdict, codes, complete
):
    verdicts = {"within": verdict, "total": verdict}
    decided = "yes" if verdict == "up" else "cannot_tell"
    expected = "too_few" if codes < 300 and not complete else decided
    assert merging_of(verdicts, codes=codes, complete=complete) == expected


def test_what_was_not_tested_is_too_few_however_many_codes():
    assert merging_of({"within": "too_few", "total": "up"}, codes=9999, complete=True) == "too_few"


@pytest.mark.parametrize(
    ("above", "within", "merging", "fewer", "word"),
    [
        ("up", "up", "yes", False, "merging"),
        ("up", "up", "yes", True, "replacement"),
        ("cannot_tell", "up", "yes", False, "merging"),
        ("up", "down", "cannot_tell", False, "upgrade"),
        ("up", "down", "cannot_tell", True, "upgrade"),
        ("up", "cannot_tell", "cannot_tell", True, "undecided"),
        ("up", "up", "cannot_tell", True, "undecided"),
        ("down", "down", "cannot_tell", False, "undecided"),
        ("cannot_tell", "down", "cannot_tell", False, "undecided"),
        ("up", "down", "too_few", False, "undecided"),
        ("up", "up", "too_few", True, "undecided"),
    ],
)
def test_the_word_for_how_the_stages_moved(above, within, merging, fewer, word):
    verdicts = {"above_publish": above, "within": within, "total": "up"}
    assert word_of(verdicts, merging=merging, fewer_publish=fewer) == word


def alikeness(*, alike):
    test = AlikeTest(
        t=-2.0, p_value=0.03, p_value_strict=0.04, df=7.0, change=-0.5, share_of_codes=0.4
    )
    return Alikeness(
        share=test, odds=test, codes_share=test, codes_odds=test, t_gap=0.1, alike=alike
    )


@pytest.mark.parametrize(
    ("found", "too_small", "verdict"),
    [
        (alikeness(alike=True), False, "yes"),
        (alikeness(alike=False), False, "cannot_tell"),
        (None, False, "not_tested"),
        (None, True, "too_few"),
        (alikeness(alike=True), True, "too_few"),
    ],
)
def test_accounts_are_alike_or_one_cannot_tell(found, too_small, verdict):
    assert alike_of(found, too_small=too_small) == verdict
