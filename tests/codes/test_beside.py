import krippendorff
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from stagemix.codes.beside import beside
from stagemix.codes.codebook import Variable, default_codebook
from stagemix.codes.coefficients import NO_PAIRS
from stagemix.codes.store import BESIDE, COLUMNS, INDEPENDENT, SETTLED, Code
from stagemix.errors import DataError

STAGE = default_codebook().variable()
VALUES = dict(zip("abcdu", [*STAGE.values, "uncodable"], strict=True))


def codes(*, kinds: dict[str, str] | None = None, **coders: str) -> pd.DataFrame:
    """A letter per unit, `.` for none; KINDS says which coders are not independent."""
    made = [
        Code(round="r", unit=f"p{n}", coder=coder, variable="stage", value=VALUES.get(x, x),
             kind=(kinds or {}).get(coder, INDEPENDENT))
        for coder, letters in coders.items()
        for n, x in enumerate(letters)
        if x != "."
    ]  # fmt: skip
    return pd.DataFrame([vars(code) for code in made], columns=list(COLUMNS), dtype="str")


def test_a_model_is_compared_with_the_agreed_codes_and_with_each_coder() -> None:
    table = codes(
        x="aabbcd.", y="aabccd.", third="...b...", model="aabacdb",
        kinds={"model": BESIDE, "third": SETTLED},
    )  # fmt: skip
    found = beside(table, variable=STAGE)
    assert [p.name for p in found] == ["model/agreed", "model/x", "model/y"]
    agreed = {f.coefficient: f for f in found[0].figures}
    assert set(agreed) == {
        "percent_agreement", "holsti", "alpha_nominal", "alpha_ordinal", "scott_pi", "cohen_kappa",
        "kappa_linear", "kappa_quadratic",
    }  # fmt: skip
    ours, theirs = [0, 0, 1, 0, 2, 3], [0, 0, 1, 1, 2, 3]
    assert agreed["percent_agreement"].value == pytest.approx(5 / 6)
    assert agreed["cohen_kappa"].value == pytest.approx(cohen_kappa_score(ours, theirs))
    assert agreed["alpha_ordinal"].value == pytest.approx(
        krippendorff.alpha(reliability_data=[ours, theirs], level_of_measurement="ordinal")
    )
    assert {f.units for f in found[0].figures} == {6}
    # rows are the model's codes
    assert found[2].table[0] == (2, 0, 1, 0, 0)


def test_each_source_by_itself_with_its_latest_codes() -> None:
    first = codes(x="abcd", m="aaaa", n="abcd", kinds={"m": BESIDE, "n": BESIDE})
    again = codes(m="abc.", kinds={"m": BESIDE})
    found = beside(pd.concat([first, again], ignore_index=True), variable=STAGE)
    percent = {p.name: p.figures[0].value for p in found}
    assert percent == {"m/agreed": 0.75, "m/x": 0.75, "n/agreed": 1, "n/x": 1}


def test_uncodable_is_missing_and_in_the_table() -> None:
    (agreed, _) = beside(codes(x="abu", m="auu", kinds={"m": BESIDE}), variable=STAGE)
    assert {f.units for f in agreed.figures} == {1}
    assert agreed.table[4] == (0, 1, 0, 0, 1)


def test_a_source_that_met_no_agreed_code_has_no_figures() -> None:
    (agreed, own) = beside(codes(x="ab..", m="..ab", kinds={"m": BESIDE}), variable=STAGE)
    for pair in (agreed, own):
        assert {(f.value, f.reason) for f in pair.figures} == {(None, NO_PAIRS)}


def test_nothing_stands_beside() -> None:
    assert beside(codes(x="ab"), variable=STAGE) == []
    text = Variable(id="stage", label="stage", level="text")
    assert beside(codes(x="ab", m="ab", kinds={"m": BESIDE}), variable=text) == []


def test_a_value_that_the_codebook_does_not_have_is_said() -> None:
    with pytest.raises(DataError) as caught:
        beside(codes(x="ab", m="az", kinds={"m": BESIDE}), variable=STAGE)
    assert str(caught.value).startswith("variable stage: codes hold z, which the codebook they")
