"""The forms of the lead's pages, read and checked."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, HTTPException, Request

from stagemix.web.saving import plain_ends
from stagemix.web.visitor import AsLead


async def form_of(request: Request, who: AsLead) -> dict[str, list[str]]:
    """Every value of each field of a form; refused without the page's token."""
    try:
        form = parse_qs((await request.body()).decode(), max_num_fields=200)
    except ValueError:
        raise HTTPException(400) from None
    who.need_token(form.get("token", [""])[0])
    # no text file can hold it
    if any("\0" in value for values in form.values() for value in values):
        raise HTTPException(400)
    return form


Form = Annotated[dict[str, list[str]], Depends(form_of)]
"""Read before the route begins, which then may take its time in a thread of its own."""


def first(form: dict[str, list[str]], name: str) -> str:
    """The value of a field with plain line ends, blank where it was not sent."""
    return plain_ends(form.get(name, [""])[0].strip())
