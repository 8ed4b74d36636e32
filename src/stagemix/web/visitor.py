"""Who is asking: the person whose page it is, by their session, or nobody."""

import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from stagemix.web.access import CODER, LEAD, write_token
from stagemix.web.room import Room


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A person at their own page, and the study it is of.

    `token` must come with everything that writes.
    """

    pid: str
    name: str
    role: str
    token: str
    room: Room

    def need_token(self, sent: str) -> None:
        """Refuse a write that another site may have started."""
        if not hmac.compare_digest(sent.encode(), self.token.encode()):
            raise HTTPException(403)


def cookie_name(pid: str) -> str:
    """The name of a person's cookie: one browser may be two coders and the lead."""
    return f"stagemix_{pid}"


async def visitor(request: Request, pid: str) -> Visitor:
    """Return who is at the page PID; without a session of that page there is nothing to see."""
    session = request.cookies.get(cookie_name(pid), "")
    person = request.app.state.access.who(pid, session) if session else None
    if person is None:
        raise HTTPException(401)
    return Visitor(
        pid=person.pid,
        name=person.name,
        role=person.role,
        token=write_token(session),
        room=request.app.state.room,
    )


async def coder(who: Annotated[Visitor, Depends(visitor)]) -> Visitor:
    """The coder whose page this is; for anybody else it does not exist."""
    if who.role != CODER:
        raise HTTPException(404)
    return who


async def lead(who: Annotated[Visitor, Depends(visitor)]) -> Visitor:
    """The lead; for anybody else the page does not exist."""
    if who.role != LEAD:
        raise HTTPException(404)
    return who


AsCoder = Annotated[Visitor, Depends(coder)]
AsLead = Annotated[Visitor, Depends(lead)]
