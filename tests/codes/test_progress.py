from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from stagemix.codes.codebook import Category, Variable
from stagemix.codes.progress import Progress, done_units, own_codes, progress_of
from stagemix.codes.rounds import Round
from stagemix.codes.store import COLUMNS, Code, CodeStore

YES_NO = (Category(id="1", label="是"), Category(id="0", label="否"))
STAGE = Variable(id="stage", label="阶段", level="nominal", categories=YES_NO)
PARTS = Variable(id="f", label="功能", level="multiple", categories=(YES_NO[0], YES_NO[1]))
NOTE = Variable(id="why", label="理由", level="text", optional=True)
GIVEN = {"p1": "甲;乙", "p2": "甲;乙", "p3": "甲", "p4": "乙"}


def round_(given: dict[str, str] = GIVEN) -> Round:
    units = pd.DataFrame({"unit": list(given), "coders": list(given.values())})
    return Round(
        name="final", corpus="corpora/posts", design="simple", by=(), allocation="proportional",
        minimum=0, seed=1, frame="", without=(), strata={"all": (9, 4)},
        units=units.assign(stratum="all", inclusion_probability=4 / 9),
    )  # fmt: skip


def code(unit: str, coder: str, variable: str, value: str = "1", **other: str) -> Code:
    return Code(round="final", unit=unit, coder=coder, variable=variable, value=value, **other)


def frame(codes: list[Code]) -> pd.DataFrame:
    return pd.DataFrame([asdict(c) for c in codes], columns=list(COLUMNS), dtype="str")


def standing(codes: list[Code]) -> list[Code]:
    """The codes that were not undone, by the rule written out."""
    undone = {(c.coder, c.memo) for c in codes if c.kind == "withdrawn"}
    return [c for c in codes if c.kind != "withdrawn" and (c.coder, c.save_id) not in undone]


def told(codes: list[Code], *, asked: tuple[Variable, ...] = (STAGE,)) -> dict[str, Progress]:
    found = progress_of(round_(), frame(codes), codes=frame(standing(codes)), asked=asked)
    return {one.coder: one for one in found}


def test_of_no_codes_everything_is_left() -> None:
    empty = {"done": 0, "corrected": 0, "undone": 0, "seconds": None, "last": ""}
    assert told([]) == {
        "甲": Progress(coder="甲", given=3, **empty),
        "乙": Progress(coder="乙", given=3, **empty),
    }


def test_an_example_worked_out_by_hand() -> None:
    codes = [
        code("p1", "甲", "stage", seconds="4.0", coded_at="2026-01-01T09:00", save_id="a"),
        code("p2", "甲", "stage", seconds="8.0", coded_at="2026-01-01T09:05", save_id="b"),
        code("p1", "乙", "stage", seconds="30.0", coded_at="2026-01-01T10:00", save_id="a"),
        code("p1", "甲", "stage", "0", seconds="90.0", coded_at="2026-01-01T09:09", save_id="c"),
        code("p3", "甲", "stage", seconds="1.0", coded_at="2026-01-01T09:10", save_id="d"),
        code(
            "p3",
            "甲",
            "stage",
            kind="withdrawn",
            memo="d",
            coded_at="2026-01-01T09:11",
            save_id="e",
        ),
        code("p2", "consensus", "stage", kind="settled", coded_at="2026-01-02"),
        code("p3", "模型", "stage", kind="beside"),
    ]
    assert told(codes) == {
        "甲": Progress(
            coder="甲", given=3, done=2, corrected=1, undone=1, seconds=8.0, last="2026-01-01T09:09"
        ),
        "乙": Progress(
            coder="乙",
            given=3,
            done=1,
            corrected=0,
            undone=0,
            seconds=30.0,
            last="2026-01-01T10:00",
        ),
    }


def test_a_unit_is_done_when_all_that_is_not_optional_is_answered() -> None:
    asked = (STAGE, PARTS, NOTE)
    codes = [code("p1", "甲", "stage"), code("p1", "甲", "f.1"), code("p1", "甲", "why", "x")]
    assert told(codes, asked=asked)["甲"].done == 0
    assert told([*codes, code("p1", "甲", "f.0", "0")], asked=asked)["甲"].done == 1
    assert told(codes, asked=(STAGE,))["甲"].done == 1
    assert told(codes, asked=(NOTE,))["甲"].done == 1
    assert told(codes[:1], asked=(STAGE, NOTE))["甲"].done == 1


def test_where_all_is_optional_any_answer_does() -> None:
    assert done_units(frame([code("p1", "甲", "why", "x")]), asked=(NOTE,)) == {"p1"}
    assert done_units(frame([]), asked=(NOTE,)) == set()


def test_several_codes_of_one_variable_do_not_stand_for_another() -> None:
    codes = [code("p1", "甲", "f.1"), code("p1", "甲", "f.1", "0")]
    assert done_units(frame(codes), asked=(PARTS,)) == set()


def test_one_undo_is_one_however_many_variables_it_withdrew() -> None:
    codes = [
        code("p1", "甲", name, kind=kind, memo=memo, save_id=save)
        for kind, memo, save in (("independent", "", "a"), ("withdrawn", "a", "b"))
        for name in ("f.1", "f.0")
    ]
    assert told(codes, asked=(PARTS,))["甲"].undone == 1


def test_a_code_given_again_is_no_correction_and_a_unit_corrected_twice_is_one() -> None:
    same = [code("p1", "甲", "stage", save_id=name) for name in "ab"]
    assert told(same)["甲"].corrected == 0
    changed = [code("p1", "甲", "stage", value, save_id=value) for value in ("1", "0", "2")]
    both = [code("p1", "甲", "f.1", value, save_id=value) for value in ("1", "0")]
    assert told([*changed, *both], asked=(STAGE, PARTS))["甲"].corrected == 1


def test_codes_of_units_that_are_not_the_coders_own_do_not_count_as_done() -> None:
    assert told([code("p4", "甲", "stage"), code("p9", "甲", "stage")])["甲"].done == 0


def test_the_current_code_is_the_latest_of_each_variable(tmp_path: Path) -> None:
    store = CodeStore(tmp_path)
    first = code("p1", "甲", "stage", "1", save_id="s" * 16)
    later = replace(first, value="0", save_id="t" * 16)
    gone = replace(first, value="2", save_id="u" * 16)
    undo = replace(gone, kind="withdrawn", memo="u" * 16, save_id="v" * 16)
    store.append([first, later, code("p1", "乙", "stage", "1"), gone, undo])
    own = own_codes(store.codes(), coder="甲")
    assert own[["unit", "variable", "value"]].to_numpy().tolist() == [["p1", "stage", "0"]]
    found = progress_of(round_(), store.record(), codes=store.codes(), asked=(STAGE,))
    assert (found[0].done, found[0].corrected, found[0].undone) == (1, 1, 1)


CODES = st.lists(
    st.builds(
        code,
        st.sampled_from(["p1", "p2", "p3", "p4"]),
        st.sampled_from(["甲", "乙", "丙"]),
        st.sampled_from(["stage", "f.1", "f.0", "why"]),
        st.sampled_from(["1", "0"]),
        kind=st.sampled_from(["independent", "independent", "settled", "withdrawn"]),
        memo=st.sampled_from(["a", "b", "c"]),
        seconds=st.sampled_from(["", "1.5", "20.0"]),
        coded_at=st.sampled_from(["2026-01-01", "2026-01-02", "2026-01-03"]),
        save_id=st.sampled_from(["a", "b", "c", "d", "e", "f"]),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=25)
@given(codes=CODES, asked=st.sampled_from([(STAGE,), (STAGE, PARTS, NOTE), (NOTE,)]))
def test_progress_is_what_counting_by_hand_gives(
    codes: list[Code], asked: tuple[Variable, ...]
) -> None:
    needed = {"stage", "f.1", "f.0"} if PARTS in asked else {"stage"} if STAGE in asked else set()
    for coder, found in told(codes, asked=asked).items():
        mine = [c for c in standing(codes) if c.coder == coder and c.kind == "independent"]
        given = [unit for unit, who in GIVEN.items() if coder in who.split(";")]
        coded = {unit: {c.variable for c in mine if c.unit == unit} for unit in given}
        values: dict[tuple[str, str], set[str]] = {}
        for c in mine:
            values.setdefault((c.unit, c.variable), set()).add(c.value)
        seconds = [float(c.seconds) for c in mine if c.seconds]
        assert found == Progress(
            coder=coder,
            given=len(given),
            done=sum(bool(coded[unit]) and needed <= coded[unit] for unit in given),
            corrected=len({unit for (unit, _), seen in values.items() if len(seen) > 1}),
            undone=len({c.memo for c in codes if c.kind == "withdrawn" and c.coder == coder}),
            seconds=median(seconds) if seconds else None,
            last=max((c.coded_at for c in mine), default=""),
        )
