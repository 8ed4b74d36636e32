"""The coefficients, beside published examples, public libraries and plain counting of pairs."""

from itertools import combinations, permutations
from pathlib import Path

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats import inter_rater

from stagemix.codes.coefficients import (
    DISTANCES,
    NO_PAIRS,
    NO_VARIATION,
    Floats,
    alphas,
    cohen_kappa,
    coincidences,
    composite_reliability,
    counts_of,
    fleiss_kappa,
    gwet_ac,
    holsti,
    identity_weights,
    krippendorff_alpha,
    linear_weights,
    ordinal_weights,
    percent_agreement,
    quadratic_weights,
    scott_pi,
    table_of,
    why_undefined,
)

NAN = float("nan")
FOUR = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
PUBLISHED = {
    "A binary, two observers": (["0100000010", "1110010000"], "01", "nominal", 0.095),
    "B nominal, two observers": (["aabbdcccedda", "babbbccceddd"], "abcde", "nominal", 0.692),
    "C nominal, four observers": (FOUR, "12345", "nominal", 0.743),
    "D ordinal, four observers": (FOUR, "12345", "ordinal", 0.815),
    "D interval, four observers": (FOUR, "12345", "interval", 0.849),
}
"""Krippendorff (2011), Computing Krippendorff's Alpha-Reliability: a text per coder."""
DIAGNOSES = (
    "444444 222555 233335 555555 222444 113333 333355 113334 114444 555555 144444 124444 222333 "
    "144444 224445 333335 111455 111112 224444 133555 555555 244444 224555 114444 144445 222224 "
    "111155 224444 133333 555555"
)
"""Fleiss (1971), table 1: six diagnoses of each of thirty patients."""


def matrix_of(*coders: str, of: str) -> Floats:
    """One text per coder, a character per unit, `.` for no code, as the papers print them."""
    return np.array([[NAN if c == "." else of.index(c) for c in row] for row in coders]).T


def counts(*coders: str, of: str) -> Floats:
    return counts_of(matrix_of(*coders, of=of), values=len(of))


@pytest.mark.parametrize(("coders", "of", "level", "printed"), PUBLISHED.values(), ids=PUBLISHED)
def test_alpha_of_the_published_examples(
    coders: list[str], of: str, level: str, printed: float
) -> None:
    alpha = krippendorff_alpha(counts(*coders, of=of), distance=DISTANCES[level])
    theirs = krippendorff.alpha(
        reliability_data=matrix_of(*coders, of=of).T,
        level_of_measurement=level,
        value_domain=list(range(len(of))),
    )
    assert alpha == pytest.approx(printed, abs=0.0005)
    assert alpha == pytest.approx(theirs, abs=1e-12)


def test_the_coincidences_of_the_published_four_observer_example() -> None:
    o = coincidences(counts(*FOUR, of="12345"))
    assert o.sum() == pytest.approx(40)
    assert o.sum(axis=1) == pytest.approx([9, 13, 10, 5, 3])
    assert o[0] == pytest.approx([7, 4 / 3, 1 / 3, 1 / 3, 0])


def test_fleiss_published_example_of_thirty_patients() -> None:
    given_ = np.array([[cell.count(str(k)) for k in range(1, 6)] for cell in DIAGNOSES.split()])
    assert fleiss_kappa(given_.astype(float)) == pytest.approx(0.430, abs=0.0005)


def test_cohens_published_examples() -> None:
    # Cohen (1960), table 2, and Cohen (1968), table 1, of 200 patients
    assert cohen_kappa(
        np.array([[88.0, 14, 18], [10, 40, 10], [2, 6, 12]]), weights=identity_weights(3)
    ) == pytest.approx(0.492, abs=0.0005)
    apart = np.array([[0.0, 1, 3], [1, 0, 6], [3, 6, 0]])
    assert cohen_kappa(
        np.array([[88.0, 14, 18], [10, 40, 10], [2, 6, 12]]), weights=1 - apart
    ) == pytest.approx(0.348, abs=0.0005)


def test_gwets_published_examples() -> None:
    # Gwet (2002): kappa is below zero where 118 of 125 are coded the same, AC1 is not
    table = np.array([[118.0, 5], [2, 0]])
    pairs = np.array([[2.0, 0]] * 118 + [[1.0, 1]] * 7)
    assert gwet_ac(pairs, weights=identity_weights(2)) == pytest.approx(0.9408, abs=5e-5)
    assert cohen_kappa(table, weights=identity_weights(2)) == pytest.approx(-0.0234, abs=5e-5)
    # Gwet (2014), four raters by twelve units
    four = counts("123321412...", "1233224125.3", ".3332342251.", "12332441251.", of="12345")
    assert gwet_ac(four, weights=identity_weights(5)) == pytest.approx(0.77544, abs=5e-6)
    assert fleiss_kappa(four) == pytest.approx(0.76117, abs=5e-6)


def test_scotts_pi_by_hand() -> None:
    # agreement .7; mean margins (.55, .45), so chance is .55^2 + .45^2 = .505
    assert scott_pi(np.array([[40.0, 10], [20, 30]])) == pytest.approx((0.7 - 0.505) / 0.495)


def test_holsti_and_composite_reliability_by_hand() -> None:
    assert holsti(45, first=50, second=50) == 0.9
    assert holsti(40, first=50, second=60) == pytest.approx(80 / 110)
    assert holsti(0, first=0, second=0) is None
    assert composite_reliability(0.8, coders=3) == pytest.approx(2.4 / 2.6)
    assert composite_reliability(1, coders=5) == 1


def designs() -> list[tuple[Floats, int, pd.Series]]:
    table = pd.read_csv(Path(__file__).with_name("irrcac.csv"), dtype={"codes": str})
    digits = "01234"
    return [
        (matrix_of(*map("".join, zip(*row["codes"].split("|"), strict=True)), of=digits),
         int(row["values"]), row)
        for _, row in table.iterrows()
    ]  # fmt: skip


DESIGNS = designs()


def test_the_designs_are_what_the_comparisons_need() -> None:
    shape = [(len(m), m.shape[1], k, np.isnan(m).mean()) for m, k, _ in DESIGNS]
    units, coders, values, missing = map(np.array, zip(*shape, strict=True))
    assert len(DESIGNS) == 200
    assert (units.min(), units.max()) == (5, 60)
    assert set(coders) == set(values) == {2, 3, 4, 5}
    assert missing.min() < 0.02
    assert missing.max() > 0.25


def test_what_irrcac_says_of_200_designs() -> None:
    compared = 0
    for matrix, k, theirs in DESIGNS:
        given_ = counts_of(matrix, values=k)
        ours = {
            "alpha_nominal": krippendorff_alpha(given_, distance=DISTANCES["nominal"]),
            "fleiss_kappa": fleiss_kappa(given_),
            "gwet_ac1": gwet_ac(given_, weights=identity_weights(k)),
            "gwet_ac2": gwet_ac(given_, weights=ordinal_weights(k)),
        }
        for name, value in ours.items():
            assert (value is None) == np.isnan(theirs[name])
            if value is not None:
                assert value == pytest.approx(theirs[name], abs=1e-9)
                compared += 1
    assert compared == 4 * 192


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_what_krippendorff_says_of_200_designs(level: str) -> None:
    for matrix, k, _ in DESIGNS:
        ours = krippendorff_alpha(counts_of(matrix, values=k), distance=DISTANCES[level])
        if ours is not None:
            theirs = krippendorff.alpha(
                reliability_data=matrix.T, level_of_measurement=level, value_domain=list(range(k))
            )
            assert ours == pytest.approx(theirs, abs=1e-9)


def pairs_of(matrix: Floats) -> list[tuple[Floats, Floats]]:
    return [(matrix[:, i], matrix[:, j]) for i, j in combinations(range(matrix.shape[1]), 2)]


@pytest.mark.parametrize(
    ("name", "weights"),
    [(None, identity_weights), ("linear", linear_weights), ("quadratic", quadratic_weights)],
)
def test_what_scikit_learn_and_statsmodels_say_of_every_pair(name, weights) -> None:
    compared = 0
    for matrix, k, _ in DESIGNS:
        for first, second in pairs_of(matrix):
            table = table_of(first, second, values=k)
            ours = cohen_kappa(table, weights=weights(k))
            both = ~np.isnan(first) & ~np.isnan(second)
            if ours is None:
                assert len(np.unique([first[both], second[both]])) < 2
                continue
            labels = list(range(k))
            theirs = cohen_kappa_score(first[both], second[both], labels=labels, weights=name)
            other = inter_rater.cohens_kappa(table, wt=name, return_results=False)
            assert ours == pytest.approx(theirs, abs=1e-9)
            assert ours == pytest.approx(other, abs=1e-9)
            compared += 1
    assert compared > 800


def test_what_statsmodels_says_of_complete_units() -> None:
    for matrix, k, _ in DESIGNS:
        whole = counts_of(matrix[~np.isnan(matrix).any(axis=1)], values=k)
        ours = fleiss_kappa(whole)
        if ours is not None:
            assert ours == pytest.approx(inter_rater.fleiss_kappa(whole), abs=1e-9)
        for first, second in pairs_of(matrix):
            table = table_of(first, second, values=k)
            both = counts_of(np.column_stack([first, second]), values=k)
            pair = both[both.sum(axis=1) > 1]
            if why_undefined(pair) == "":
                # of two coders Fleiss' kappa is Scott's pi
                assert scott_pi(table) == pytest.approx(inter_rater.fleiss_kappa(pair), abs=1e-9)
            else:
                assert scott_pi(table) is None


def test_percent_agreement_is_that_of_all_pairs_each_code_weighing_the_same() -> None:
    for matrix, k, _ in DESIGNS:
        same, codes = 0.0, 0
        for unit in matrix:
            told = unit[~np.isnan(unit)]
            if len(told) > 1:
                alike = [a == b for a, b in combinations(told, 2)]
                same += len(told) * np.mean(alike)
                codes += len(told)
        expected = same / codes if codes else None
        assert percent_agreement(counts_of(matrix, values=k)) == (
            None if expected is None else pytest.approx(expected, abs=1e-12)
        )


def brute_ac(matrix: Floats, k: int, weights: Floats) -> float:
    told = [unit[~np.isnan(unit)].astype(int) for unit in matrix]
    agreed = [np.mean([weights[a, b] for a, b in permutations(t, 2)]) for t in told if len(t) > 1]
    shares = [np.mean([np.mean(t == c) for t in told if len(t)]) for c in range(k)]
    chance = weights.sum() / (k * (k - 1)) * sum(s * (1 - s) for s in shares)
    return (np.mean(agreed) - chance) / (1 - chance)


def test_ac1_and_ac2_by_counting_every_pair() -> None:
    for matrix, k, _ in DESIGNS[:60]:
        given_ = counts_of(matrix, values=k)
        for weights in (identity_weights(k), ordinal_weights(k), quadratic_weights(k)):
            ours = gwet_ac(given_, weights=weights)
            if ours is not None:
                assert ours == pytest.approx(brute_ac(matrix, k, weights), abs=1e-9)


def test_weights() -> None:
    assert linear_weights(4)[0] == pytest.approx([1, 2 / 3, 1 / 3, 0])
    assert quadratic_weights(4)[0] == pytest.approx([1, 8 / 9, 5 / 9, 0])
    # Gwet (2014, ch. 3): 1 - C(|c - k| + 1, 2)/C(4, 2)
    assert ordinal_weights(4)[0] == pytest.approx([1, 5 / 6, 1 / 2, 0])
    assert identity_weights(2).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("coders", "reason"),
    [
        (["aaaa", "aaa."], NO_VARIATION),
        (["ab..", "..ab"], NO_PAIRS),
        (["aab.", "aa.b"], NO_VARIATION),
        (["....", "...."], NO_PAIRS),
    ],
)
def test_no_variation_and_no_pairs_are_never_a_number(coders: list[str], reason: str) -> None:
    given_ = counts(*coders, of="abc")
    assert why_undefined(given_) == reason
    assert [krippendorff_alpha(given_, distance=d) for d in DISTANCES.values()] == [None] * 3
    assert fleiss_kappa(given_) is None
    assert gwet_ac(given_, weights=identity_weights(3)) is None
    table = table_of(*matrix_of(*coders, of="abc").T, values=3)
    assert cohen_kappa(table, weights=quadratic_weights(3)) is None
    assert scott_pi(table) is None


def test_alphas_of_several_matrices_are_those_of_each() -> None:
    each = [coincidences(counts_of(m, values=5)) for m, _, _ in DESIGNS[:40]]
    for distance in DISTANCES.values():
        one = [float(alphas(o, distance=distance)) for o in each]
        assert alphas(np.stack(each), distance=distance) == pytest.approx(one, nan_ok=True)


@settings(deadline=None)
@given(
    st.integers(2, 4).flatmap(
        lambda k: st.tuples(
            st.just(k),
            st.lists(
                st.lists(st.none() | st.integers(0, k - 1), min_size=3, max_size=3),
                min_size=1,
                max_size=10,
            ),
        )
    ),
    st.randoms(use_true_random=False),
)
def test_coders_and_units_have_no_order_and_a_unit_coded_once_says_nothing(drawn, random) -> None:
    k, rows = drawn
    given_ = counts_of(np.array(rows, dtype="float64"), values=k)
    mixed = [random.sample(row, len(row)) for row in random.sample(rows, len(rows))]
    alone = [[0, None, None], [k - 1, None, None]]
    other = counts_of(np.array(mixed + alone, dtype="float64"), values=k)
    for distance in DISTANCES.values():
        alpha = krippendorff_alpha(given_, distance=distance)
        assert krippendorff_alpha(other, distance=distance) == (
            None if alpha is None else pytest.approx(alpha)
        )
        assert alpha is None or alpha <= 1
