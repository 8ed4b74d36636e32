import krippendorff
import numpy as np
import pandas as pd
import pytest

from stagemix.codes.codebook import Variable, default_codebook
from stagemix.codes.coefficients import NO_PAIRS, NO_VARIATION
from stagemix.codes.drift import drift
from stagemix.codes.store import COLUMNS, INDEPENDENT, SETTLED, Code
from stagemix.errors import DataError

STAGE = default_codebook().variable()
VALUES = dict(zip("abcdu", [*STAGE.values, "uncodable"], strict=True))


def codes(*, times: dict[str, list[int]] | None = None, **coders: str) -> pd.DataFrame:
    """A letter per unit; a coder `third` settles; TIMES is the minute of each code, else none."""
    made = [
        Code(
            round="r",
            unit=f"p{n:02d}",
            coder=coder,
            variable="stage",
            value=VALUES[x],
            kind=SETTLED if coder == "third" else INDEPENDENT,
            coded_at=f"2024-03-04T10:{times[coder][n]:02d}:00+08:00" if times else "",
        )
        for coder, letters in coders.items()
        for n, x in enumerate(letters)
        if x != "."
    ]
    return pd.DataFrame([vars(code) for code in made], columns=list(COLUMNS), dtype="str")


def test_a_coder_who_drifts_is_seen_in_the_later_blocks() -> None:
    table = codes(x="abcdabcdabcdabcd", y="abcdabcdaaaaaaaa", third="........abcdabcd")
    x1, x2, x3, x4, y1, y2, y3, y4 = drift(table, variable=STAGE)
    assert [(b.coder, b.block, b.units) for b in (x1, x4, y1, y4)] == [
        ("x", 1, 4), ("x", 4, 4), ("y", 1, 4), ("y", 4, 4),
    ]  # fmt: skip
    assert [b.with_others for b in (y1, y2, y3, y4)] == [1, 1, 0.25, 0.25]
    assert [b.with_agreed for b in (y1, y2, y3, y4)] == [1, 1, 0.25, 0.25]
    assert [b.with_agreed for b in (x1, x2, x3, x4)] == [1, 1, 1, 1]
    assert (y1.alpha, y1.reason) == (1, "")
    late = [[0, 1, 2, 3], [0, 0, 0, 0]]
    assert y4.alpha == x4.alpha == pytest.approx(
        krippendorff.alpha(reliability_data=late, level_of_measurement="ordinal")
    )  # fmt: skip
    assert y4.shares == {
        "publish": 1, "interact": 0, "service": 0, "cooperate": 0, "uncodable": 0,
    }  # fmt: skip
    assert (y4.others, y4.agreed) == (4, 4)


def test_blocks_follow_the_time_of_coding_of_each_coder() -> None:
    backwards = {"x": [0, 1, 2, 3], "y": [3, 2, 1, 0]}
    table = codes(x="aacc", y="aadd", times=backwards)
    found = {(b.coder, b.block): b.shares for b in drift(table, variable=STAGE, blocks=2)}
    assert found["x", 1]["publish"] == 1
    assert found["y", 1]["cooperate"] == 1
    assert found["y", 2]["publish"] == 1


def test_times_of_several_zones_are_put_in_one_order() -> None:
    table = codes(x="ab", times={"x": [0, 0]})
    table["coded_at"] = ["2024-03-04T10:00:00+08:00", "2024-03-04T01:00:00+00:00"]
    first, second = drift(table, variable=STAGE, blocks=2)
    assert (first.shares["interact"], second.shares["publish"]) == (1, 1)


def test_without_times_the_order_stored_counts() -> None:
    table = codes(x="aabb").iloc[::-1].reset_index(drop=True)
    first, _ = drift(table, variable=STAGE, blocks=2)
    assert first.shares["interact"] == 1


def test_blocks_are_of_equal_numbers_and_never_empty() -> None:
    table = codes(x="abcdabcdab", y="ab........")
    found = drift(table, variable=STAGE)
    assert [b.units for b in found if b.coder == "x"] == [2, 3, 3, 2]
    assert [b.units for b in found if b.coder == "y"] == [1, 1]
    rng = np.random.default_rng(1)
    letters = "".join(rng.choice(list("abcd"), size=37))
    for blocks in (2, 3, 7):
        sizes = [b.units for b in drift(codes(x=letters), variable=STAGE, blocks=blocks)]
        assert sum(sizes) == 37
        assert max(sizes) - min(sizes) <= 1


def test_a_block_says_why_it_has_no_alpha() -> None:
    found = drift(codes(x="aaab", y="aa.."), variable=STAGE, blocks=2)
    assert [(b.alpha, b.reason) for b in found[:2]] == [(None, NO_VARIATION), (None, NO_PAIRS)]
    assert (found[1].with_others, found[1].others) == (None, 0)
    # what one coder alone coded is agreed with nobody
    assert (found[1].with_agreed, found[1].agreed) == (None, 0)


def test_what_has_no_drift() -> None:
    with pytest.raises(DataError) as caught:
        drift(codes(x="ab"), variable=STAGE, blocks=1)
    assert str(caught.value) == "--blocks 1: at least 2, to compare early codes with late ones"
    text = Variable(id="stage", label="stage", level="text")
    assert drift(codes(x="ab"), variable=text) == []
    assert drift(codes(third="ab"), variable=STAGE) == []
