import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stagemix.codes.codebook import Variable, default_codebook, read_codebook_text
from stagemix.codes.reliability import (
    Reliability,
    coincidences,
    krippendorff_alpha,
    percent_agreement,
    reliability,
)
from stagemix.errors import DataError

NAN = float("nan")
STAGE = default_codebook().variable()
NOMINAL = read_codebook_text(
    'id = "c"\nversion = "1"\n[[variables]]\nid = "v"\nlevel = "nominal"\n'
    + "".join(f'[[variables.categories]]\nid = "{name}"\n' for name in "abcde"),
    where="c",
).variable()


def matrix_of(*coders: str, of: str) -> np.ndarray:
    """One text per coder, a character per unit, `.` for no code, as the papers print them."""
    return np.array([[NAN if c == "." else of.index(c) for c in row] for row in coders]).T


# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, sections A, B and C
PUBLISHED = {
    "A binary, two observers": (["0100000010", "1110010000"], "01", "nominal", 0.095),
    "B nominal, two observers": (["aabbdcccedda", "babbbcccéddd".replace("é", "e")], "abcde", "nominal", 0.692),
    "C nominal, four observers": (
        ["123321412...", "1233224125.3", ".3332342251.", "12332441251."], "12345", "nominal", 0.743),
    "D ordinal, four observers": (
        ["123321412...", "1233224125.3", ".3332342251.", "12332441251."], "12345", "ordinal", 0.815),
}  # fmt: skip


@pytest.mark.parametrize(("coders", "of", "level", "printed"), PUBLISHED.values(), ids=PUBLISHED)
def test_alpha_of_the_published_examples(
    coders: list[str], of: str, level: str, printed: float
) -> None:
    matrix = matrix_of(*coders, of=of)
    alpha = krippendorff_alpha(matrix, values=len(of), level=level)
    theirs = krippendorff.alpha(
        reliability_data=matrix.T, level_of_measurement=level, value_domain=list(range(len(of)))
    )
    assert alpha == pytest.approx(printed, abs=0.0005)
    assert alpha == pytest.approx(theirs, abs=1e-12)


def test_the_coincidences_of_the_published_four_observer_example() -> None:
    o = coincidences(matrix_of(*PUBLISHED["C nominal, four observers"][0], of="12345"), values=5)
    assert o.sum() == pytest.approx(40)
    assert o.sum(axis=1) == pytest.approx([9, 13, 10, 5, 3])
    assert o[0] == pytest.approx([7, 4 / 3, 1 / 3, 1 / 3, 0])


def matrices() -> st.SearchStrategy[tuple[int, list[list[int | None]]]]:
    return st.tuples(st.integers(2, 5), st.integers(2, 5), st.integers(1, 12)).flatmap(
        lambda size: st.tuples(
            st.just(size[0]),
            st.lists(
                st.lists(
                    st.none() | st.integers(0, size[0] - 1), min_size=size[1], max_size=size[1]
                ),
                min_size=size[2],
                max_size=size[2],
            ),
        )
    )


@settings(deadline=None)
@example(drawn=(2, [[0, 0], [0, None]]), level="ordinal")
@example(drawn=(2, [[0, None], [1, None]]), level="nominal")
@given(drawn=matrices(), level=st.sampled_from(["nominal", "ordinal"]))
def test_alpha_is_that_of_the_krippendorff_package(
    drawn: tuple[int, list[list[int | None]]], level: str
) -> None:
    values, rows = drawn
    matrix = np.array(rows, dtype="float64")
    pairable = {
        c for row in rows for c in row if c is not None and sum(x is not None for x in row) > 1
    }
    alpha = krippendorff_alpha(matrix, values=values, level=level)
    if len(pairable) < 2:
        assert alpha is None
        return
    theirs = krippendorff.alpha(
        reliability_data=matrix.T, level_of_measurement=level, value_domain=list(range(values))
    )
    assert alpha == pytest.approx(theirs, abs=1e-9)


def test_percent_agreement_counts_pairs_and_is_none_without_any() -> None:
    assert percent_agreement(matrix_of("0011", "0101", of="01"), values=2) == 0.5
    assert percent_agreement(matrix_of("00", "00", "01", of="01"), values=2) == pytest.approx(4 / 6)
    assert percent_agreement(matrix_of("01..", "..01", of="01"), values=2) is None


def coded(variable: Variable, **coders: str) -> Reliability:
    """Letters stand for the variable's values in order, `u` for uncodable, `.` for no code."""
    names = {chr(ord("a") + i): value for i, value in enumerate(variable.values)}
    names["u"] = "uncodable"
    rows = [
        {"unit": f"p{n}", "coder": coder, "value": names[letter]}
        for coder, letters in coders.items()
        for n, letter in enumerate(letters)
        if letter != "."
    ]
    return reliability(pd.DataFrame(rows), variable=variable)


def test_the_whole_record() -> None:
    found = coded(STAGE, 甲="aabbu.", 乙="abbbua")
    assert (found.variable, found.level, found.coders) == ("stage", "ordinal", ("乙", "甲"))
    assert (found.units, found.single, found.uncodable, found.disagreements) == (5, 1, 2, 1)
    assert found.percent_agreement == 0.8
    assert found.counts["甲"] == {
        "publish": 2,
        "interact": 2,
        "service": 0,
        "cooperate": 0,
        "uncodable": 1,
    }
    assert found.alpha_nominal == pytest.approx(1 - 9 * 2 / (100 - 9 - 25 - 4))
    assert found.reason == ""


def test_uncodable_is_left_out_of_the_ordinal_alpha() -> None:
    with_u, without = coded(STAGE, x="abcdbu", y="abcdcd"), coded(STAGE, x="abcdb", y="abcdc")
    assert with_u.alpha_ordinal == without.alpha_ordinal
    assert with_u.alpha_ordinal == pytest.approx(
        krippendorff.alpha(
            reliability_data=[[0, 1, 2, 3, 1], [0, 1, 2, 3, 2]], level_of_measurement="ordinal"
        )
    )
    assert with_u.alpha_nominal != without.alpha_nominal
    assert with_u.disagreements == 2


def test_a_nominal_variable_has_no_ordinal_alpha() -> None:
    found = coded(NOMINAL, x="abc", y="abb")
    assert found.alpha_ordinal is None
    assert found.alpha_nominal is not None
    assert found.reason == ""


@pytest.mark.parametrize("variable", [NOMINAL, STAGE], ids=["nominal", "ordinal"])
def test_no_variation_is_undefined_and_never_a_number(variable: Variable) -> None:
    found = coded(variable, x="aaaa", y="aaa.")
    assert found.percent_agreement == 1
    assert found.alpha_nominal is None
    assert found.alpha_ordinal is None
    assert found.reason == "undefined: no variation in the codes"


def test_no_unit_coded_twice_is_undefined() -> None:
    found = coded(STAGE, x="ab..", y="..ab")
    assert (found.units, found.single) == (0, 4)
    assert found.percent_agreement is None
    assert found.alpha_nominal is None
    assert found.alpha_ordinal is None
    assert found.reason == "undefined: no unit has two codes"


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ("aauu", "aauu", "alpha ordinal undefined: no variation in the codes, uncodable left out"),
        ("abuu", "uuba", "alpha ordinal undefined: no unit has two codes, uncodable left out"),
    ],
)
def test_the_reason_why_the_ordinal_alpha_alone_is_undefined(x: str, y: str, reason: str) -> None:
    found = coded(STAGE, x=x, y=y)
    assert found.alpha_nominal is not None
    assert found.alpha_ordinal is None
    assert found.reason == reason


def test_alpha_is_1_for_full_agreement_and_below_0_for_agreeing_less_than_by_chance() -> None:
    assert coded(STAGE, x="abcd", y="abcd").alpha_nominal == 1
    assert coded(STAGE, x="abab", y="baba").alpha_nominal == pytest.approx(1 - 7 * 8 / 32)


def test_free_text_agrees_where_the_texts_are_the_same() -> None:
    codes = pd.DataFrame(
        [["p", "x", "好"], ["p", "y", "好"], ["q", "x", "好"], ["q", "y", "坏"]],
        columns=["unit", "coder", "value"],
    )
    found = reliability(codes, variable=Variable(id="why", label="why", level="text"))
    assert found.percent_agreement == 0.5
    assert found.counts == {"x": {"坏": 0, "好": 2}, "y": {"坏": 1, "好": 1}}


def test_codes_of_a_category_that_the_codebook_lost_are_not_left_out_in_silence() -> None:
    codes = pd.DataFrame(
        [["p", "x", "a"], ["p", "y", "z"], ["q", "x", "z"]], columns=["unit", "coder", "value"]
    )
    with pytest.raises(DataError) as caught:
        reliability(codes, variable=NOMINAL)
    assert str(caught.value) == (
        "variable v: codes hold z, which the codebook no longer has; known are a, b, c, d, e"
    )
