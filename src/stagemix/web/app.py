"""The routes of the coding page."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as HttpError

from stagemix.codes.writer import Writer
from stagemix.errors import StagemixError
from stagemix.web import disagreements, lead, offering, pages
from stagemix.web.access import LEAD, Access
from stagemix.web.guard import Guard
from stagemix.web.pages import language_of
from stagemix.web.room import Room
from stagemix.web.saving import RefusedError, Save, Undo, store_save, store_undo
from stagemix.web.visitor import AsCoder, Visitor, cookie_name, visitor
from stagemix.web.words import LANGUAGES, words_in
from stagemix.web.work import overview, shown, work

MOST_UNITS = 50
YEAR = 365 * 24 * 3600
router = APIRouter()


def build_app(
    room: Room, access: Access, *, hosts: Iterable[str], now: Callable[[], str]
) -> FastAPI:
    """Build the server of a study for requests to one of HOSTS; NOW gives the time, ISO 8601."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.room, app.state.access, app.state.now = room, access, now
    app.state.writer = Writer(room.store)
    app.include_router(router)
    app.include_router(lead.router)
    app.include_router(disagreements.router)
    app.include_router(offering.router)
    app.add_middleware(Guard, hosts=list(hosts))
    app.add_exception_handler(HttpError, _http_error)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(StagemixError, _not_possible)
    return app


@router.get("/enter/{secret}")
def enter(request: Request, secret: str) -> Response:
    """Open a session by a personal link, and go on to the person's page."""
    entered = request.app.state.access.enter(secret, now=request.app.state.now())
    if entered is None:
        raise HTTPException(404)
    person, session = entered
    place = f"/at/{person.pid}/"
    answer = RedirectResponse(place, status_code=303)
    answer.set_cookie(
        cookie_name(person.pid), session, path=place, max_age=YEAR, httponly=True, samesite="lax"
    )
    return answer


@router.get("/at/{pid}/")
def home(request: Request, who: Annotated[Visitor, Depends(visitor)]) -> HTMLResponse:
    """The coder's or the lead's page."""
    if who.role == LEAD:
        return lead.overview_page(request, who)
    page = pages.render("coder.html", request, who, rounds=overview(who.room, who.name))
    return HTMLResponse(page)


@router.get("/at/{pid}/code")
def coding_page(request: Request, who: AsCoder) -> HTMLResponse:
    """The page that a round is coded on."""
    return HTMLResponse(pages.render("code.html", request, who))


@router.get("/at/{pid}/language/{language}", dependencies=[Depends(visitor)])
def set_language(pid: str, language: str) -> Response:
    """Choose the page's language, and go back to it."""
    if language not in LANGUAGES:
        raise HTTPException(404)
    answer = RedirectResponse(f"/at/{pid}/", status_code=303)
    answer.set_cookie("stagemix_language", language, max_age=YEAR, samesite="lax", httponly=True)
    return answer


@router.get("/at/{pid}/static/{name}", dependencies=[Depends(visitor)])
def static(name: str) -> Response:
    """The scripts and the style of the pages, for those who have a page."""
    return pages.static_file(name)


@router.get("/at/{pid}/work")
def coder_work(request: Request, who: AsCoder, round: str, again: bool = False) -> dict[str, Any]:
    """The questions of a round and the coder's units with their own codes."""
    chosen = who.room.need_round(round)
    if who.name not in chosen.coders:
        raise HTTPException(404)
    found = work(who.room, who.name, chosen, again=again)
    return {**found, "words": words_in(language_of(request))}


@router.get("/at/{pid}/units")
def coder_units(who: AsCoder, round: str, ids: str) -> list[dict[str, Any]]:
    """The texts of some of the coder's units; IDS is a JSON list of at most `MOST_UNITS` ids."""
    room = who.room
    chosen = room.need_round(round)
    try:
        wanted = json.loads(ids)
    except (ValueError, RecursionError):
        raise HTTPException(400) from None
    if not isinstance(wanted, list) or len(wanted) > MOST_UNITS:
        raise HTTPException(400)
    own = [str(unit) for unit in wanted if room.gives(round_=round, coder=who.name, unit=str(unit))]
    if len(own) < len(wanted):
        raise HTTPException(404)
    units = room.units(chosen)
    return [shown(units[unit], round_=chosen) for unit in own]


@router.post("/at/{pid}/save")
async def save(request: Request, who: AsCoder, body: Save) -> dict[str, str]:
    """Store the answers to a unit; the answer is given when they are on disk."""
    await _write(request, who, lambda now: store_save(who.room, body, coder=who.name, now=now))
    return {"saved": body.save_id}


@router.post("/at/{pid}/undo")
async def undo(request: Request, who: AsCoder, body: Undo) -> dict[str, str]:
    """Withdraw the coder's last save."""
    await _write(request, who, lambda now: store_undo(who.room, body, coder=who.name, now=now))
    return {"saved": body.save_id}


async def _write(request: Request, who: Visitor, store: Callable[[str], None]) -> None:
    who.need_token(request.headers.get("x-write-token", ""))
    state = request.app.state
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(state.writer, store, state.now())


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HttpError) else 500
    if request.method == "POST" and "json" in request.headers.get("content-type", ""):
        return JSONResponse({"word": ""}, status_code=status)
    return HTMLResponse(pages.nothing_here(request, status=status), status_code=status)


async def _bad_request(request: Request, _: Exception) -> Response:
    if request.method != "POST":
        return HTMLResponse(pages.nothing_here(request, status=400), status_code=400)
    return JSONResponse({"word": "bad_request"}, status_code=422)


async def _not_possible(request: Request, error: Exception) -> Response:
    """Refused saves are told by their word; what hinders the disk in the error's own words."""
    if isinstance(error, RefusedError):
        return JSONResponse({"word": error.word}, status_code=409)
    if request.method == "POST" and "json" in request.headers.get("content-type", ""):
        return JSONResponse({"word": "disk", "why": str(error)}, status_code=503)
    page = pages.problem(request, str(error))
    return HTMLResponse(page, status_code=503)
