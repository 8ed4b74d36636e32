from itertools import combinations

import krippendorff
import numpy as np
import pandas as pd
import pytest

from stagemix.codes.codebook import Variable, default_codebook, read_codebook_text
from stagemix.codes.coefficients import NO_PAIRS, NO_VARIATION
from stagemix.codes.figures import ABSENT, EVERY
from stagemix.codes.reliability import AFTER, BEFORE, TEXT, Codability, Reliability, reliability
from stagemix.errors import DataError

STAGE = default_codebook().variable()
NOMINAL = read_codebook_text(
    'id = "c"\nversion = "1"\n[[variables]]\nid = "v"\nlevel = "nominal"\n'
    + "".join(f'[[variables.categories]]\nid = "{name}"\n' for name in "abcde"),
    where="c",
).variable()
WHY = Variable(id="why", label="why", level="text")


def long_form(variable: Variable, **coders: str) -> pd.DataFrame:
    """Letters stand for the variable's values in order, `u` for uncodable, `.` for no code."""
    names = {chr(ord("a") + i): value for i, value in enumerate(variable.values)}
    names["u"] = "uncodable"
    rows = [
        {"unit": f"p{n}", "coder": coder, "value": names[letter]}
        for coder, letters in coders.items()
        for n, letter in enumerate(letters)
        if letter != "."
    ]
    return pd.DataFrame(rows)


def coded(variable: Variable, **coders: str) -> Reliability:
    return reliability(long_form(variable, **coders), variable=variable, resamples=200)


def test_the_whole_record() -> None:
    found = coded(STAGE, 甲="aabbu.u", 乙="abbbuau")
    assert (found.variable, found.level, found.version, found.stage) == (
        "stage", "ordinal", "", BEFORE,
    )  # fmt: skip
    assert found.coders == ("乙", "甲")
    assert (found.units, found.twice, found.single, found.disagreements) == (4, 6, 1, 1)
    assert found.uncodable == 4
    assert found.codability == Codability(all_codable=4, all_uncodable=2, split=0)
    assert found.missing == {"乙": 0, "甲": 1}
    assert found.value("percent_agreement") == 0.75
    assert found.counts["甲"] == {
        "publish": 2, "interact": 2, "service": 0, "cooperate": 0, "uncodable": 2,
    }  # fmt: skip
    assert found.value("alpha_nominal") == pytest.approx(1 - 7 * 2 / (64 - 9 - 25))
    assert found.reason == ""
    assert found.value("no such figure") is None


def test_the_figures_of_each_level() -> None:
    every = ["percent_agreement", "alpha_nominal", "fleiss_kappa", "gwet_ac1", "holsti",
             "scott_pi", "cohen_kappa", "composite_reliability"]  # fmt: skip
    more = ["alpha_ordinal", "gwet_ac2", "kappa_linear", "kappa_quadratic"]
    nominal, ordinal = coded(NOMINAL, x="abc", y="abb"), coded(STAGE, x="abc", y="abb")
    assert [f.coefficient for f in nominal.figures if not f.category] == every
    assert sorted(f.coefficient for f in ordinal.figures if not f.category) == sorted(every + more)
    assert [f.coefficient for f in nominal.alphas] == ["alpha_nominal"]
    assert [f.coefficient for f in ordinal.alphas] == ["alpha_nominal", "alpha_ordinal"]
    assert nominal.categories == ("a", "b", "c", "d", "e")
    with_interval = {f.coefficient for f in ordinal.figures if f.interval is not None}
    assert with_interval == {"alpha_nominal", "alpha_ordinal"}


def test_uncodable_is_missing_for_every_coefficient() -> None:
    with_u = coded(STAGE, x="abcdbuua", y="abcdcdua")
    without = coded(STAGE, x="abcdb..a", y="abcdc.da")
    assert with_u.figures == without.figures
    assert [p.figures for p in with_u.pairs] == [p.figures for p in without.pairs]
    assert with_u.value("alpha_ordinal") == pytest.approx(
        krippendorff.alpha(
            reliability_data=[[0, 1, 2, 3, 1, 0], [0, 1, 2, 3, 2, 0]],
            level_of_measurement="ordinal",
        )
    )
    assert (with_u.twice, with_u.units, with_u.disagreements, with_u.uncodable) == (8, 6, 1, 3)
    assert with_u.codability == Codability(all_codable=6, all_uncodable=1, split=1)
    assert with_u.pairs[0].table[4] == (0, 0, 0, 1, 1)
    assert without.codability == Codability(all_codable=6, all_uncodable=0, split=0)


@pytest.mark.parametrize("variable", [NOMINAL, STAGE], ids=["nominal", "ordinal"])
def test_no_variation_is_undefined_and_never_a_number(variable: Variable) -> None:
    found = coded(variable, x="aaaa", y="aaa.")
    assert found.value("percent_agreement") == 1
    assert found.value("holsti") == 1
    assert found.reason == NO_VARIATION == "undefined: no variation, all codes are of one category"
    plain = ("percent_agreement", "holsti", "composite_reliability")
    corrected = [f for f in found.figures if f.coefficient not in plain and not f.category]
    assert len(corrected) == (9 if variable is STAGE else 5)
    for figure in corrected:
        assert (figure.value, figure.reason, figure.interval) == (None, NO_VARIATION, None)


def test_no_unit_coded_twice_is_undefined() -> None:
    found = coded(STAGE, x="ab..", y="..ab")
    assert (found.units, found.twice, found.single) == (0, 0, 4)
    assert found.reason == NO_PAIRS == "undefined: no unit has two codes"
    assert {f.value for f in found.figures} == {None}
    assert {f.reason for f in found.figures} == {NO_PAIRS}


def test_one_coder_alone_has_no_pairs() -> None:
    found = coded(STAGE, x="abc")
    assert (found.pairs, found.reason, found.single) == ((), NO_PAIRS, 3)


def test_units_that_all_coders_but_one_call_uncodable_have_no_pair() -> None:
    found = coded(STAGE, x="abuu", y="uuba")
    assert (found.units, found.twice, found.reason) == (0, 4, NO_PAIRS)
    assert found.codability.split == 4


def test_alpha_is_1_for_full_agreement_and_below_0_for_agreeing_less_than_by_chance() -> None:
    full = coded(STAGE, x="abcd", y="abcd")
    assert full.value("alpha_nominal") == 1
    between = full.alphas[0].interval
    assert between is not None
    assert (between.low, between.high) == (None, None)
    assert coded(STAGE, x="abab", y="baba").value("alpha_nominal") == pytest.approx(1 - 7 * 8 / 32)


def test_pairs_and_their_means() -> None:
    found = coded(NOMINAL, x="aabbcc", y="aabbca", z="aabb.b")
    assert [p.name for p in found.pairs] == ["x/y", "x/z", "y/z"]
    values = {p.name: {f.coefficient: f.value for f in p.figures} for p in found.pairs}
    assert [values[p]["holsti"] for p in values] == [pytest.approx(5 / 6), 4 / 5, 4 / 5]
    assert [values[p]["percent_agreement"] for p in values] == [pytest.approx(5 / 6), 0.8, 0.8]
    mean = (5 / 6 + 0.8 + 0.8) / 3
    assert found.value("holsti") == pytest.approx(mean)
    assert found.value("composite_reliability") == pytest.approx(3 * mean / (1 + 2 * mean))
    for name in ("scott_pi", "cohen_kappa"):
        assert found.value(name) == pytest.approx(np.mean([values[p][name] for p in values]))
    assert found.pairs[0].table == (
        (2, 0, 0, 0, 0), (0, 2, 0, 0, 0), (1, 0, 1, 0, 0), (0,) * 5, (0,) * 5,
    )  # fmt: skip
    assert {f.units for f in found.pairs[1].figures} == {5}


def test_a_pair_that_is_undefined_is_left_out_of_the_mean_and_said() -> None:
    found = coded(NOMINAL, x="aab", y="aab", z="aa.")
    kappa = found.figure("cohen_kappa")
    assert kappa is not None
    assert (kappa.value, kappa.reason) == (1, "mean of 1 pairs, undefined for 2 others")


def test_categories_by_counting_pairs() -> None:
    coders = {"x": "aabbcca", "y": "aabbcab", "z": "ab.b.ca"}
    found = coded(NOMINAL, **coders)
    weighed = {
        (c, k): sum(
            ((a == c) * (b == k) + (a == k) * (b == c)) / (len(told) - 1)
            for told in ([x for x in unit if x != "."] for unit in zip(*coders.values(), strict=True))
            for a, b in combinations(told, 2)
        )
        for c in "abc"
        for k in "abc"
    }  # fmt: skip
    n = sum(weighed.values())
    for c in "abc":
        own = sum(weighed[c, k] for k in "abc")
        figures = {f.coefficient: f.value for f in found.figures if f.category == c}
        assert figures["prevalence"] == pytest.approx(own / n)
        assert figures["category_agreement"] == pytest.approx(weighed[c, c] / own)
        rest = [["01."[0 if x == c else 2 if x == "." else 1] for x in v] for v in coders.values()]
        data = [[np.nan if x == "." else float(x) for x in row] for row in rest]
        assert figures["category_alpha"] == pytest.approx(
            krippendorff.alpha(reliability_data=data, level_of_measurement="nominal")
        )


def test_a_category_that_nobody_used_or_everybody_says_so() -> None:
    found = coded(NOMINAL, x="ab", y="ab")
    figure = found.figure("category_alpha", category="c")
    assert figure is not None
    assert (figure.value, figure.reason) == (None, ABSENT)
    assert found.figure("prevalence", category="c").value == 0
    alone = coded(NOMINAL, x="aa", y="aa")
    figure = alone.figure("category_alpha", category="a")
    assert figure is not None
    assert (figure.value, figure.reason) == (None, EVERY)
    assert alone.figure("category_agreement", category="a").value == 1


def test_alpha_of_a_variable_of_two_categories_is_that_of_each_category() -> None:
    part = default_codebook().variable("functions.also_service")
    found = coded(part, x="aabbab", y="aabbba")
    alpha = found.value("alpha_nominal")
    assert found.level == "binary"
    for c in ("1", "0"):
        assert found.figure("category_alpha", category=c).value == pytest.approx(alpha)


def test_text_is_counted_and_has_no_coefficient() -> None:
    codes = pd.DataFrame(
        [["p", "x", "好"], ["p", "y", "好"], ["q", "x", "好"]], columns=["unit", "coder", "value"]
    )
    found = reliability(codes, variable=WHY, version="2", stage=AFTER)
    assert (found.figures, found.pairs, found.alphas) == ((), (), ())
    assert found.counts == {"x": {"texts": 2}, "y": {"texts": 1}}
    assert found.missing == {"x": 0, "y": 1}
    assert (found.twice, found.single, found.units, found.reason) == (1, 1, 0, TEXT)
    assert (found.version, found.stage) == ("2", AFTER)


def test_codes_of_a_category_that_the_codebook_lost_are_not_left_out_in_silence() -> None:
    codes = pd.DataFrame(
        [["p", "x", "a"], ["p", "y", "z"], ["q", "x", "z"]], columns=["unit", "coder", "value"]
    )
    with pytest.raises(DataError) as caught:
        reliability(codes, variable=NOMINAL)
    assert str(caught.value) == (
        "variable v: codes hold z, which the codebook they were coded by does not have; known are "
        "a, b, c, d, e; restore that version of it"
    )


def test_the_seed_and_the_resamples_are_those_asked_for() -> None:
    codes = long_form(NOMINAL, x="abcabcabcabc", y="abcabcabcaba")
    one, same, other = (
        reliability(codes, variable=NOMINAL, resamples=300, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same
    assert one.alphas[0].value == other.alphas[0].value
    assert one.alphas[0].interval != other.alphas[0].interval
    assert one.alphas[0].interval.resamples == 300
