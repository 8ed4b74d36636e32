import pandas as pd

from stagemix.codes.agreed import independent
from stagemix.codes.settling import Settling, latest, settling
from stagemix.codes.store import BESIDE, COLUMNS, INDEPENDENT, SETTLED, Code


def codes(*rows: str, round_: str = "final") -> pd.DataFrame:
    """`unit coder value version`; a coder that starts with `!` settles, with `?` stands beside."""
    kinds = {"!": SETTLED, "?": BESIDE}
    made = []
    for row in rows:
        unit, coder, value, version = row.split()
        kind = kinds.get(coder[0], INDEPENDENT)
        made.append(
            Code(round=round_, unit=unit, coder=coder.lstrip("!?"), variable="stage", value=value,
                 kind=kind, codebook_version=version)
        )  # fmt: skip
    return pd.DataFrame([vars(code) for code in made], columns=list(COLUMNS), dtype="str")


def rows(table: pd.DataFrame) -> list[str]:
    return [" ".join(x) for x in table[["unit", "coder", "value", "codebook_version"]].to_numpy()]


def test_the_first_code_of_each_version_counts_and_the_latest_is_beside_it() -> None:
    table = codes("p a x 1", "p b y 1", "p a y 1", "p a z 2", "p b z 2", "p a x 2", "p ?m x 2")
    assert rows(independent(table)) == ["p a x 1", "p b y 1", "p a z 2", "p b z 2"]
    assert sorted(rows(latest(table))) == ["p a x 2", "p a y 1", "p b y 1", "p b z 2"]


def test_a_first_code_after_settling_counts_nowhere() -> None:
    table = codes("p a x 1", "p !c y 1", "p b y 1", "p a y 1", "q a x 1", "q b x 1", "p b y 2")
    assert rows(independent(table)) == ["p a x 1", "q a x 1", "q b x 1", "p b y 2"]
    assert rows(latest(table)) == ["p a y 1", "q a x 1", "q b x 1", "p b y 2"]
    assert settling(table, variable="stage").late == 1


def test_another_round_settles_nothing_here() -> None:
    table = pd.concat([codes("p !c y 1", round_="pilot"), codes("p a x 1", "p b x 1")])
    assert rows(independent(table)) == ["p a x 1", "p b x 1"]


def test_what_was_settled_by_whom_and_what_it_changed() -> None:
    table = codes(
        "p a x 1", "p b y 1", "q a x 1", "q b x 1", "r a x 1", "r b z 1", "s a x 1",
        "s a y 1", "p !c x 1", "p !c y 1", "q !d y 1", "r !c x 1",
    )  # fmt: skip
    assert settling(table, variable="stage") == Settling(
        units=3,
        by={"c": 2, "d": 1},
        coders_changed=1,
        overruled={"a": 2, "b": 2},
        late=0,
    )


def test_nothing_was_settled() -> None:
    nothing = Settling(units=0, by={}, coders_changed=0, overruled={}, late=0)
    assert settling(codes("p a x 1"), variable="stage") == nothing
    assert settling(codes("p a x 1"), variable="other") == nothing
    assert latest(codes()).empty
