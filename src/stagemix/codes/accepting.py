"""From a checked table of codes to codes for the store: of the round's units, by its coders.

A coder whom the round does not name may join it, and then counts like any other; codes of others,
a language model say, may stand beside the coders' and count nowhere.
"""

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from stagemix.codes.codebook import ACCOUNT, POST, Codebook
from stagemix.codes.rounds import Round, check_name
from stagemix.codes.store import BESIDE, INDEPENDENT, Code
from stagemix.errors import DataError, several

ONE = {POST: "a post", ACCOUNT: "an account"}


def codes_of(
    table: pd.DataFrame,
    *,
    round_: Round,
    codebook: Codebook,
    coded_at: str,
    where: str,
    kind: str = INDEPENDENT,
) -> list[Code]:
    """Make codes for the store of a table as `incoming.read_long_codes` gives it.

    CODEBOOK is the version they were coded by. KIND is `independent`, then each code must be of a
    unit that the round gives its coder; or `beside`, then it must be by somebody whom the round
    does not name. Raises DataError naming the rows that do not fit.
    """
    outside = table.index[~table["unit"].isin(round_.units["unit"])].unique()
    if len(outside):
        raise DataError(
            f"{where}: row {several(outside)} codes {ONE[round_.kind]} that is not in the round "
            f"{round_.name}; remove it or name the right round with --round"
        )
    _check_variables(table, round_, codebook=codebook, where=where)
    if kind == BESIDE:
        _check_beside(table, round_, where=where)
    else:
        _check_given(table, round_, where=where)
    return [
        Code(
            round=round_.name,
            unit=row["unit"],
            coder=row["coder"],
            variable=row["variable"],
            value=row["value"],
            kind=kind,
            confidence=row["confidence"],
            memo=row["memo"],
            seconds=row["seconds"],
            codebook_version=codebook.version,
            coded_at=coded_at,
        )
        for row in table.to_dict("records")
    ]


def _check_variables(table: pd.DataFrame, round_: Round, *, codebook: Codebook, where: str) -> None:
    other = {name for name in table["variable"] if codebook.variable(name).unit != round_.kind}
    rows = table[table["variable"].isin(other)]
    if len(rows):
        name = rows["variable"].iloc[0]
        same = rows.index[rows["variable"] == name]
        raise DataError(
            f"{where}: row {several(same)} codes {name}, a variable of "
            f"{codebook.variable(name).unit}s, and the round {round_.name} is of {round_.kind}s; "
            "remove it or name the right round with --round"
        )


def _check_given(table: pd.DataFrame, round_: Round, *, where: str) -> None:
    unknown = table[~table["coder"].isin(round_.coders)]
    if len(unknown):
        raise DataError(
            f"{where}: row {_rows(unknown)} is by a coder whom the round {round_.name} does not "
            f"name; its coders are {several(round_.coders)}; --join lets a further coder code it, "
            "--beside keeps codes for comparison only"
        )
    cells = table["unit"].map(round_.units.set_index("unit")["coders"])
    given = [coder in cell.split(";") for coder, cell in zip(table["coder"], cells, strict=True)]
    others = table[~pd.Series(given, index=table.index, dtype="bool").to_numpy()]
    if len(others):
        raise DataError(
            f"{where}: row {_rows(others)} is by a coder to whom the round {round_.name} does "
            f"not give the {round_.kind}; its coders are {several(round_.coders)}"
        )


def _check_beside(table: pd.DataFrame, round_: Round, *, where: str) -> None:
    for name in table["coder"].unique():
        check_name(name, what=f"{where}: coder")
    own = table[table["coder"].isin(round_.coders)]
    if len(own):
        raise DataError(
            f"{where}: row {_rows(own)} is by a coder of the round {round_.name}, whose codes "
            "count; leave --beside out, or give whoever coded this another name"
        )


def _rows(table: pd.DataFrame) -> str:
    named = (f"{row} ({coder})" for row, coder in zip(table.index, table["coder"], strict=True))
    return several(dict.fromkeys(named))


def join(round_: Round, table: pd.DataFrame, *, held: pd.DataFrame, where: str) -> Round:
    """Return the round with the coders of TABLE whom it does not name as coders of their own.

    Each is given the units of the round that TABLE (`unit`, `coder`) has a code of, one who joined
    before the further ones. Coders named when the round was drawn keep the units they were given.
    HELD are all codes of the study. Raises DataError where a name cannot be one, or is that of
    codes which stand beside this round's.
    """
    new = [n for n in dict.fromkeys(table["coder"]) if n in round_.joined or n not in round_.coders]
    if not new:
        return round_
    others = held[(held["round"] == round_.name) & (held["kind"] == BESIDE)]
    for coder in new:
        check_name(coder, what=f"{where}: coder")
        if (others["coder"] == coder).any():
            raise DataError(
                f"{where}: codes by {coder} stand beside those of the round {round_.name} already; "
                "--join needs another name"
            )
    units = round_.units
    for coder in new:
        coded = set(table.loc[table["coder"] == coder, "unit"])
        cells = [
            _with(cell, coder) if unit in coded else cell
            for unit, cell in zip(units["unit"], units["coders"], strict=True)
        ]
        units = units.assign(coders=cells)
    joined = tuple(dict.fromkeys([*round_.joined, *new]))
    return replace(round_, units=units, joined=joined)


def _with(cell: str, coder: str) -> str:
    return ";".join(dict.fromkeys([*cell.split(";"), coder]))


def without_known(codes: Iterable[Code], held: pd.DataFrame) -> list[Code]:
    """Leave out the codes that say again what HELD has.

    That is a coder's current code by the same version, or the last that came from a file: a file
    read once more must not undo what was corrected on the page since.
    """
    known = _last(held) | _last(held[held["save_id"] == ""])
    return [code for code in codes if tuple(getattr(code, name) for name in _SAME) not in known]


_KEYS = ["round", "unit", "coder", "variable", "kind", "codebook_version"]
_SAME = [*_KEYS, "value", "memo"]


def _last(held: pd.DataFrame) -> set[tuple[str, ...]]:
    rows = held.drop_duplicates(_KEYS, keep="last")[_SAME]
    return set(rows.itertuples(index=False, name=None))
