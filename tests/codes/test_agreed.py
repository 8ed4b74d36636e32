import pandas as pd

from stagemix.codes.agreed import agreed_codes, independent
from stagemix.codes.store import COLUMNS, SETTLED, Code


def codes(*rows: tuple[str, str, str], variable: str = "stage") -> pd.DataFrame:
    """Rows of unit, coder, value; a coder `!` settles."""
    made = [
        Code(
            round="final",
            unit=unit,
            coder="consensus" if coder == "!" else coder,
            variable=variable,
            value=value,
            kind=SETTLED if coder == "!" else "independent",
            memo=f"{coder}: {value}",
        )
        for unit, coder, value in rows
    ]
    return pd.DataFrame([vars(code) for code in made], columns=list(COLUMNS), dtype="str")


def agreed(*rows: tuple[str, str, str]) -> dict[str, tuple[str, str]]:
    table = agreed_codes(codes(*rows), variable="stage").codes
    return {row["unit"]: (row["value"], row["how"]) for row in table.to_dict("records")}


def test_unanimous_single_settled_and_open() -> None:
    rows = [
        ("p1", "a", "x"), ("p1", "b", "x"),
        ("p2", "a", "y"),
        ("p3", "a", "x"), ("p3", "b", "y"), ("p3", "!", "z"),
        ("p4", "a", "x"), ("p4", "b", "y"),
    ]  # fmt: skip
    assert agreed(*rows) == {
        "p1": ("x", "unanimous"),
        "p2": ("y", "single"),
        "p3": ("z", "settled"),
    }
    found = agreed_codes(codes(*rows), variable="stage")
    assert found.open.to_dict("records") == [
        {"round": "final", "unit": "p4", "a": "x", "b": "y", "memo_a": "a: x", "memo_b": "b: y"}
    ]
    assert found.changed_though_agreed == 0


def test_the_latest_settled_value_counts() -> None:
    rows = [("p1", "a", "x"), ("p1", "b", "y"), ("p1", "!", "x"), ("p1", "!", "z")]
    assert agreed(*rows) == {"p1": ("z", "settled")}


def test_a_coders_current_code_counts_for_the_agreed_one_and_the_first_for_reliability() -> None:
    rows = [("p1", "a", "x"), ("p1", "b", "y"), ("p1", "b", "x"), ("p1", "!", "z")]
    assert agreed(*rows[:3]) == {"p1": ("x", "unanimous")}
    first = independent(codes(*rows))
    assert first[["coder", "value"]].to_numpy().tolist() == [["a", "x"], ["b", "y"]]


def test_a_value_changed_though_all_coders_agreed_is_counted() -> None:
    found = agreed_codes(
        codes(
            ("p1", "a", "x"), ("p1", "b", "x"), ("p1", "!", "y"),
            ("p2", "a", "x"), ("p2", "b", "x"), ("p2", "!", "x"),
            ("p3", "a", "x"), ("p3", "!", "y"),
            ("p4", "a", "x"), ("p4", "b", "y"), ("p4", "!", "y"),
        ),
        variable="stage",
    )  # fmt: skip
    assert found.changed_though_agreed == 1
    assert found.codes["how"].tolist() == ["settled"] * 4
    assert found.open.empty


def test_variables_and_rounds_are_kept_apart() -> None:
    both = pd.concat(
        [
            codes(("p1", "a", "x"), ("p1", "b", "x")),
            codes(("p1", "a", "1"), ("p1", "b", "0"), variable="ad"),
            codes(("p1", "c", "y")).assign(round="pilot"),
        ],
        ignore_index=True,
    )
    found = agreed_codes(both, variable="stage").codes
    assert found.to_numpy().tolist() == [
        ["final", "p1", "x", "unanimous"],
        ["pilot", "p1", "y", "single"],
    ]
    assert len(agreed_codes(both, variable="ad").open) == 1


def test_no_codes_are_no_agreed_codes() -> None:
    found = agreed_codes(codes(), variable="stage")
    assert found.codes.columns.tolist() == ["round", "unit", "value", "how"]
    assert (len(found.codes), len(found.open), found.changed_though_agreed) == (0, 0, 0)
