"""The lead's pages: how far the coding is, agreement, drift, links, versions."""

from typing import Any

import pandas as pd
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from stagemix.codes.progress import progress_of
from stagemix.codes.rounds import Round
from stagemix.codes.store import standing
from stagemix.codes.versions import changes
from stagemix.study.agreement import Agreement, agreement_of
from stagemix.web import pages
from stagemix.web.access import CODER
from stagemix.web.disagreements import queue
from stagemix.web.forms import Form, first
from stagemix.web.offering import offer
from stagemix.web.room import Room
from stagemix.web.visitor import AsLead, Visitor

router = APIRouter()


def overview_page(
    request: Request, who: Visitor, *, link: tuple[str, str] | None = None
) -> HTMLResponse:
    """Every round with its coders' progress and agreement; LINK is a new one, (name, address)."""
    room = who.room
    known = {p.name: p for p in request.app.state.access.people() if p.role == CODER}
    page = pages.render(
        "lead.html",
        request,
        who,
        rounds=[_round_row(room, round_) for round_ in room.rounds().values()],
        coders=[(name, known.get(name)) for name in {**dict.fromkeys(room.coders()), **known}],
        link=link,
        versions=_versions(room),
        offer=offer(room),
        codebook_error=room.codebook_error,
    )
    return HTMLResponse(page)


def _round_row(room: Room, round_: Round) -> dict[str, Any]:
    record = room.store.record(round_.name)
    codes = standing(record)
    coders = round_.units["coders"].str.count(";") + 1
    return {
        "round": round_,
        "shared": int((coders > 1).sum()),
        "single": int((coders == 1).sum()),
        "progress": progress_of(round_, record, codes=codes, asked=room.asked(round_)),
        "agreement": None if codes.empty else agreement(room, round_, codes),
        "open": 0 if codes.empty else len(queue(room, codes)),
    }


def agreement(room: Room, round_: Round, codes: pd.DataFrame) -> Agreement:
    """The agreement of a round's CODES, each version by its own codebook; once until they change."""
    book = room.codebook
    state = (room.store.count().get(round_.name, 0), book.version)
    known = room.agreements.get(round_.name)
    if known is None or known[0] != state:
        found = agreement_of(codes, codebook=book, kept=room.kept, seed=room.study.seed)
        known = room.agreements[round_.name] = (state, found)
    return known[1]


def _versions(room: Room) -> list[dict[str, Any]]:
    """The versions of the codebook, the codes of each, and what the present one changes in it."""
    codes = room.store.codes()
    made = codes["codebook_version"].value_counts()
    again = {
        name: sum(map(len, room.second_looks(round_, codes[codes["round"] == name]).values()))
        for name, round_ in room.rounds().items()
    }
    return [
        {
            "book": book,
            "codes": int(made.get(version, 0)),
            "changes": list(changes(book, room.codebook).values()),
            "again": {name: n for name, n in again.items() if n}
            if version == room.codebook.version
            else {},
        }
        for version, book in room.kept.items()
    ]


@router.get("/at/{pid}/drift")
def drift_page(request: Request, who: AsLead, round: str) -> HTMLResponse:
    """Each coder's codes of a round in blocks over time."""
    chosen = who.room.need_round(round)
    codes = who.room.store.codes(round)
    found = {} if codes.empty else agreement(who.room, chosen, codes).drift
    page = pages.render(
        "drift.html",
        request,
        who,
        round=chosen,
        drift=[(who.room.part(n), version, blocks) for (n, version), blocks in found.items()],
    )
    return HTMLResponse(page)


@router.post("/at/{pid}/people")
def people(request: Request, who: AsLead, form: Form) -> HTMLResponse:
    """Make a coder's new link, or end the present one."""
    name, access = first(form, "name"), request.app.state.access
    known = {p.name: p.pid for p in access.people() if p.role == CODER}
    if name not in {*who.room.coders(), *known}:
        raise HTTPException(404)
    if first(form, "do") == "revoke":
        if name in known:
            access.revoke(known[name])
        return overview_page(request, who)
    secret = access.new_link(name, role=CODER, now=request.app.state.now())
    return overview_page(request, who, link=(name, f"{request.base_url}enter/{secret}"))
