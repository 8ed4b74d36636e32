"""Turning templates into pages, in the visitor's language."""

from functools import cache
from importlib import resources
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import FileResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from stagemix.report.font import chinese_font
from stagemix.web.visitor import Visitor
from stagemix.web.words import Language, words_in

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
FONT = "font.otf"


def language_of(request: Request) -> Language:
    """The language chosen on the page, else the browser's, else Chinese."""
    chosen = request.cookies.get("stagemix_language", "")
    accepted = request.headers.get("accept-language", "zh").lower()
    if chosen == "en" or (chosen != "zh" and accepted.startswith("en")):
        return "en"
    return "zh"


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("stagemix.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, request: Request, who: Visitor | None, **values: Any) -> str:
    """Fill a template with VALUES, the visitor and the words of their language."""
    language = language_of(request)
    page = _templates().get_template(template)
    return page.render(who=who, w=words_in(language), language=language, **values)


def nothing_here(request: Request, *, status: int) -> str:
    """The page for those who have no link, and for addresses that lead nowhere."""
    word = "no_link" if status == 401 else "no_such_page"
    return render("message.html", request, None, text=words_in(language_of(request))[word])


def problem(request: Request, text: str) -> str:
    """The page that says what went wrong with the study's files."""
    return render("message.html", request, None, text=text)


@cache
def _static(name: str) -> bytes | None:
    folder = resources.files("stagemix.web").joinpath("static")
    files = {file.name: file for file in folder.iterdir()}
    return files[name].read_bytes() if name in files else None


def static_file(name: str) -> Response:
    """A script, style or the font by its name; 404 for any other name."""
    if name == FONT:
        kept = {"Cache-Control": "private, max-age=31536000, immutable"}
        return FileResponse(chinese_font(), media_type="font/otf", headers=kept)
    content, kind = _static(name), _TYPES.get(name[name.rfind(".") :])
    if content is None or kind is None:
        raise HTTPException(404)
    return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})
