"""The lead's form for a check: each account's likeliest posts of a stage, coded by people."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from stagemix.errors import DataError
from stagemix.web.forms import Form, first
from stagemix.web.room import Room
from stagemix.web.visitor import AsLead

router = APIRouter()


def offer(room: Room) -> dict[str, Any] | None:
    """What the form offers: stages and coders; None where nothing is classified yet."""
    if not (room.study.root / "predictions" / room.study.corpus).is_dir():
        return None
    return {"stages": room.codebook.variable().categories, "coders": room.coders()}


@router.post("/at/{pid}/check")
def check(who: AsLead, form: Form) -> Response:
    """Make the round that the form asks for, and show it among the others."""
    # it brings the classifier with it, which nothing else here needs
    from stagemix.study.checking import draw_check

    each = first(form, "each")
    if not each.isdecimal() or len(each) > 3:
        raise DataError(f"{each}: the posts of each account are a whole number")
    stage = first(form, "stage")
    study = who.room.study
    draw_check(
        study,
        study.root / "predictions" / study.corpus,
        stage=stage,
        name=first(form, "name") or f"check-{stage}",
        coders=form.get("coder", []),
        per_account=int(each),
    )
    return RedirectResponse(".", status_code=303)
