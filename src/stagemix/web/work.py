"""What a coder's page is given: the rounds, the questions, the units, and the coder's own codes."""

from typing import Any

import pandas as pd

from stagemix.codes.codebook import ACCOUNT, Category, Variable
from stagemix.codes.progress import done_units, median_seconds, own_codes
from stagemix.codes.rounds import Round
from stagemix.web.room import Room, Unit

COMMANDS = frozenset("umce/?")
"""Keys that the page has for itself; no category gets one that the codebook does not give it."""
_KEYS = [key for key in "123456789abcdefghijklmnopqrstuvwxyz0" if key not in COMMANDS]


def overview(room: Room, coder: str) -> list[dict[str, Any]]:
    """A coder's rounds with how many units are theirs, coded, and to be looked at again."""
    found = []
    for round_ in room.rounds_of(coder):
        codes = room.store.codes(round_.name)
        own = own_codes(codes, coder=coder)
        given = round_.units_of(coder)
        done = done_units(own, asked=room.asked(round_))
        found.append(
            {
                "name": round_.name,
                "purpose": round_.purpose,
                "kind": round_.kind,
                "given": len(given),
                "done": sum(unit in done for unit in given),
                "again": len(room.second_looks(round_, codes).get(coder, [])),
            }
        )
    return found


def work(room: Room, coder: str, round_: Round, *, again: bool) -> dict[str, Any]:
    """All that a coder's page needs of a round but for the texts of its units.

    With AGAIN the units are those that a changed rule may concern.
    """
    codes = room.store.codes(round_.name)
    own = own_codes(codes, coder=coder)
    asked = room.asked(round_)
    done = done_units(own, asked=asked)
    concerned = set(room.second_looks(round_, codes).get(coder, [])) if again else set()
    given = round_.units_of(coder)
    by_unit = {str(unit): frame for unit, frame in own.groupby("unit")}
    return {
        "round": round_.name,
        "kind": round_.kind,
        "again": again,
        "version": room.codebook.version,
        "note": room.codebook.note,
        "title": room.codebook.title,
        "median_seconds": median_seconds(own),
        "variables": [_variable(v) for v in asked],
        "units": [
            {
                "id": unit,
                # to be coded again is not done before it was
                "done": unit in done and unit not in concerned,
                **_held(by_unit.get(unit)),
            }
            for unit in given
            if not again or unit in concerned
        ],
    }


def _held(own: pd.DataFrame | None) -> dict[str, Any]:
    if own is None:
        return {"answers": {}, "memo": "", "confidence": ""}
    return {
        "answers": dict(zip(own["variable"], own["value"], strict=True)),
        "memo": max(own["memo"], key=len),
        "confidence": max(own["confidence"]),
    }


def _variable(variable: Variable) -> dict[str, Any]:
    choices = _with_keys(variable.choices)
    multiple = variable.level == "multiple"
    return {
        "id": variable.id,
        "label": variable.label,
        "level": variable.level,
        "question": variable.question or variable.label,
        "rules": variable.rules,
        "optional": variable.optional,
        "choices": [
            {
                "id": f"{variable.id}.{c.id}" if multiple else c.id,
                "label": c.label,
                "key": key,
                "definition": c.definition,
                "include": c.include,
                "exclude": c.exclude,
            }
            for c, key in choices
        ],
    }


def _with_keys(choices: tuple[Category, ...]) -> list[tuple[Category, str]]:
    taken = {c.hotkey for c in choices if c.hotkey}
    free = iter(key for key in _KEYS if key not in taken)
    return [(c, c.hotkey or next(free, "")) for c in choices]


def shown(unit: Unit, *, round_: Round) -> dict[str, Any]:
    """A unit as its coder sees it: a post without its account, unless the round shows it."""
    return {
        "id": unit.id,
        "title": unit.title,
        "time": unit.time,
        "paragraphs": unit.paragraphs,
        "form": unit.form,
        "links": unit.links,
        "url": unit.url,
        "account": unit.account if round_.account_shown else "",
        "details": unit.details if round_.kind == ACCOUNT else (),
    }
