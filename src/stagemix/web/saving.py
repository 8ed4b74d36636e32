"""From what a coder's page sends to codes on disk: checked, stored once, acknowledged after."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from stagemix.codes.codebook import Variable
from stagemix.codes.rounds import Round
from stagemix.codes.store import INDEPENDENT, WITHDRAWN, Code
from stagemix.errors import DataError
from stagemix.web.room import Room

LONGEST_TEXT = 5000


def plain_ends(text: str) -> str:
    """Return TEXT with one kind of line end; another would end a row in the CSV of the round."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


SaveId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
Name = Annotated[str, Field(min_length=1, max_length=500)]
# a NUL cannot be kept in a text file
Text = Annotated[
    str, Field(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$"), AfterValidator(plain_ends)
]


class RefusedError(DataError):
    """A save that does not fit the study; sending it again would not help.

    `word` is the key of what the page says about it.
    """

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Save(BaseModel):
    """The answers to one unit: a value for each variable that codes are stored by."""

    model_config = ConfigDict(extra="forbid")

    save_id: SaveId
    round: Name
    unit: Name
    version: Name
    answers: Annotated[dict[Name, Text], Field(min_length=1, max_length=200)]
    memo: Text = ""
    confidence: Literal["", "1", "2", "3"] = ""
    seconds: Annotated[float, Field(ge=0, le=1e7)]


class Undo(BaseModel):
    """One save undone, before the next."""

    model_config = ConfigDict(extra="forbid")

    save_id: SaveId
    undoes: SaveId


def store_save(room: Room, save: Save, *, coder: str, now: str) -> None:
    """Store a coder's answers to a unit, on disk when this returns.

    Sent again, a save is stored once. Raises RefusedError where the unit is not the coder's, the
    codebook is another version by now, an answer is missing or none of the codebook's, or the id
    was used for other answers; DataError where the codes cannot be written.
    """
    round_ = room.rounds().get(save.round)
    if round_ is None or not room.gives(round_=save.round, coder=coder, unit=save.unit):
        raise RefusedError("not_yours")
    if _stored(room, save, coder=coder):
        return
    if save.version != room.codebook.version:
        raise RefusedError("other_version")
    _check_answers(room, round_, save.answers)
    codes = [
        Code(
            round=save.round,
            unit=save.unit,
            coder=coder,
            variable=variable,
            value=value,
            # notes stand with the first code of the unit, as in a sheet
            memo=save.memo if n == 0 else "",
            confidence=save.confidence if n == 0 else "",
            seconds=f"{save.seconds:.1f}" if n == 0 else "",
            codebook_version=save.version,
            coded_at=now,
            save_id=save.save_id,
        )
        for n, (variable, value) in enumerate(save.answers.items())
    ]
    room.store.append(codes)


def _stored(room: Room, save: Save, *, coder: str) -> bool:
    """Tell whether a save is on disk already, with the same answers."""
    held = room.store.saved(coder=coder, save_id=save.save_id)
    if not held:
        return False
    same = {code.variable: code.value for code in held} == save.answers
    about = {(code.kind, code.round, code.unit) for code in held}
    if not same or about != {(INDEPENDENT, save.round, save.unit)}:
        raise RefusedError("other_answers")
    return True


def _check_answers(room: Room, round_: Round, answers: dict[str, str]) -> None:
    asked = room.asked(round_)
    parts = {part.id: part for variable in asked for part in variable.parts}
    if not answers.keys() <= parts.keys():
        raise RefusedError("unknown_variable")
    for variable in asked:
        given = [part for part in variable.parts if part.id in answers]
        whole = len(given) == len(variable.parts)
        if not whole and (given or not variable.optional):
            raise RefusedError("not_answered")
    if not all(_fits(parts[name], value) for name, value in answers.items()):
        raise RefusedError("unknown_value")


def _fits(part: Variable, value: str) -> bool:
    if part.level == "text":
        return bool(value.strip()) or (part.optional and value == "")
    return value in part.labels


def store_undo(room: Room, undo: Undo, *, coder: str, now: str) -> None:
    """Withdraw a coder's last save; the codes stay on record and stand no more.

    Sent again, an undo is stored once. Raises RefusedError where it is not the last thing that the
    coder did: then it is corrected by a later code instead.
    """
    held = room.store.saved(coder=coder, save_id=undo.save_id)
    if held and all((code.kind, code.memo) == (WITHDRAWN, undo.undoes) for code in held):
        return
    codes = room.store.saved(coder=coder, save_id=undo.undoes)
    made = codes and all(code.kind == INDEPENDENT for code in codes)
    if held or not made or room.store.last_save(coder) != undo.undoes:
        raise RefusedError("not_the_last")
    room.store.append(
        Code(
            round=code.round,
            unit=code.unit,
            coder=coder,
            variable=code.variable,
            value=code.value,
            kind=WITHDRAWN,
            memo=undo.undoes,
            codebook_version=code.codebook_version,
            coded_at=now,
            save_id=undo.save_id,
        )
        for code in codes
    )
