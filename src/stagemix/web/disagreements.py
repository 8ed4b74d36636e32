"""The lead's pages of disagreements: those that are open, and the form that settles one."""

import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

import pandas as pd
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from stagemix.codes.agreed import agreed_codes
from stagemix.codes.codebook import Variable
from stagemix.codes.rounds import Round
from stagemix.codes.store import INDEPENDENT, SETTLED, Code, CodeStore
from stagemix.web import pages
from stagemix.web.forms import Form, first
from stagemix.web.pages import language_of
from stagemix.web.room import Room
from stagemix.web.visitor import AsLead, Visitor
from stagemix.web.words import words_in

router = APIRouter()
CONSENSUS = "consensus"


def queue(room: Room, codes: pd.DataFrame) -> list[tuple[Variable, str]]:
    """The open disagreements among a round's codes: variable and unit, by variable."""
    found = []
    for name in dict.fromkeys(codes["variable"]):
        variable = room.part(name)
        if variable is not None:
            open_ = agreed_codes(codes, variable=name).open
            found += [(variable, str(unit)) for unit in open_["unit"]]
    return found


@router.get("/at/{pid}/disagreements")
def disagreements_page(request: Request, who: AsLead, round: str) -> HTMLResponse:
    """The disagreements of a round that are open."""
    chosen = who.room.need_round(round)
    page = pages.render(
        "disagreements.html",
        request,
        who,
        round=chosen,
        waiting=queue(who.room, who.room.store.codes(round)),
        units=who.room.units(chosen),
    )
    return HTMLResponse(page)


@dataclass(frozen=True, kw_only=True)
class _Case:
    """A unit of a round that somebody coded on a variable; `codes` are all of the round."""

    round: Round
    part: Variable
    unit: str
    codes: pd.DataFrame

    @property
    def mine(self) -> pd.DataFrame:
        """The codes of this unit and variable."""
        here = (self.codes["unit"] == self.unit) & (self.codes["variable"] == self.part.id)
        return self.codes[here]

    @property
    def notes(self) -> pd.DataFrame:
        """The coders' codes of this unit on any variable: memos stand with the first of a save."""
        return self.codes[(self.codes["unit"] == self.unit) & (self.codes["kind"] == INDEPENDENT)]


def _case(room: Room, *, round_: str, variable: str, unit: str) -> _Case:
    chosen, part = room.need_round(round_), room.part(variable)
    codes = room.store.codes(round_)
    if part is None or unit not in set(chosen.units["unit"]):
        raise HTTPException(404)
    case = _Case(round=chosen, part=part, unit=unit, codes=codes)
    if not (case.mine["kind"] == INDEPENDENT).any():
        raise HTTPException(404)
    return case


@router.get("/at/{pid}/settle")
def settle_page(
    request: Request, who: AsLead, round: str, variable: str, unit: str
) -> HTMLResponse:
    """One unit with every coder's code and memo side by side, to be settled."""
    case = _case(who.room, round_=round, variable=variable, unit=unit)
    return _settle_page(request, who, case, missing="", given={})


def _settle_page(
    request: Request, who: Visitor, case: _Case, *, missing: str, given: dict[str, str]
) -> HTMLResponse:
    page = pages.render(
        "settle.html",
        request,
        who,
        round=case.round,
        part=case.part,
        unit=who.room.units(case.round)[case.unit],
        rows=_side_by_side(case.mine, case.notes),
        settled=case.mine[case.mine["kind"] == SETTLED].to_dict("records"),
        left=len(queue(who.room, case.codes)),
        missing=missing,
        given=given,
    )
    return HTMLResponse(page)


def _side_by_side(mine: pd.DataFrame, notes: pd.DataFrame) -> list[dict[str, str]]:
    """Each coder's first and present code of a unit, with memos and the last confidence."""
    own = mine[mine["kind"] == INDEPENDENT]
    noted, told = notes[notes["memo"] != ""], notes[notes["confidence"] != ""]
    memos = noted.groupby("coder")["memo"].agg(lambda memo: "\n".join(dict.fromkeys(memo)))
    confidence = told.groupby("coder")["confidence"].last()
    return [
        {
            "coder": str(coder),
            "first": rows["value"].iloc[0],
            "now": rows["value"].iloc[-1],
            "confidence": confidence.get(coder, ""),
            "memo": memos.get(coder, ""),
            "when": rows["coded_at"].iloc[-1],
            "version": rows["codebook_version"].iloc[-1],
        }
        for coder, rows in own.groupby("coder", sort=False)
    ]


@router.post("/at/{pid}/settle")
def settle(request: Request, who: AsLead, form: Form) -> Response:
    """Store a settled value with its reason, and go on to the next disagreement."""
    given = {name: first(form, name) for name in form}
    names = {"round_": "round", "variable": "variable", "unit": "unit"}
    case = _case(who.room, **{key: given.get(name, "") for key, name in names.items()})
    by = given.get("name", "") if given.get("by") == "third" else CONSENSUS
    w = words_in(language_of(request))
    missing = "" if _decides(case.part, given) else w["need_reason"]
    missing = missing if by else w["need_name"]
    if missing:
        return _settle_page(request, who, case, missing=missing, given=given)
    code = Code(
        round=case.round.name,
        unit=case.unit,
        coder=by,
        variable=case.part.id,
        value=given["value"],
        kind=SETTLED,
        memo=given["reason"],
        codebook_version=who.room.codebook.version,
        coded_at=request.app.state.now(),
        save_id=secrets.token_hex(16),
    )
    request.app.state.writer.submit(_store_settled, who.room.store, code).result()
    return RedirectResponse(_onward(who.room, case), status_code=303)


def _decides(part: Variable, given: dict[str, str]) -> bool:
    value = given.get("value", "")
    return bool(given.get("reason") and value) and (part.level == "text" or value in part.labels)


def _store_settled(store: CodeStore, code: Code) -> None:
    """Store a settled value, unless it is what the unit was settled by last: a form sent twice."""
    codes = store.codes(code.round)
    here = (codes["unit"] == code.unit) & (codes["variable"] == code.variable)
    last = codes[here & (codes["kind"] == SETTLED)].tail(1)
    said = last[["coder", "value", "memo"]].to_numpy().tolist()
    if said != [[code.coder, code.value, code.memo]]:
        store.append([code])


def _onward(room: Room, case: _Case) -> str:
    """The address of the next disagreement, of the same variable if there is one."""
    waiting = queue(room, room.store.codes(case.round.name))
    if not waiting:
        return f"disagreements?{urlencode({'round': case.round.name})}"
    part, unit = next((one for one in waiting if one[0].id == case.part.id), waiting[0])
    return "settle?" + urlencode({"round": case.round.name, "variable": part.id, "unit": unit})
