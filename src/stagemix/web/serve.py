"""Running the coding page: the port it listens on, its links, and the files it keeps up to date."""

import gc
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime

import uvicorn
from fastapi import FastAPI

from stagemix.codes.rounds import coders_of, read_round, round_names
from stagemix.errors import DataError, MissingError, StagemixError, several
from stagemix.study.agreed import write_agreed
from stagemix.study.folder import Study
from stagemix.web.access import CODER, LEAD, Access
from stagemix.web.app import build_app
from stagemix.web.room import Room

LOCAL = "127.0.0.1"
EVERY = 15
"""Seconds between two looks at whether the CSV files are behind the database."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A server that is ready to run, and the links that it can show now.

    `links` are (name, address) of the lead, new at each start, and of coders who had none;
    `known` the coders who have one already.
    """

    app: FastAPI
    socket: socket.socket
    links: tuple[tuple[str, str], ...]
    known: tuple[str, ...]
    save_files: Callable[[], None]


def time_now() -> str:
    """The time with its zone, to the millisecond, ISO 8601."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


@contextmanager
def serving(study: Study, *, port: int, lan: bool) -> Iterator[Serving]:
    """Open a study's coding page on PORT of this machine, or with LAN of its network too.

    Raises DataError where the port is taken or a file of the study does not fit.
    """
    room = Room(study)
    host = _own_address() if lan else LOCAL
    with (
        _listen("0.0.0.0" if lan else LOCAL, port) as listening,
        closing(Access(study.coding)) as access,
        room.store.kept_open(),
    ):
        address = f"http://{host}:{listening.getsockname()[1]}"
        secret = access.new_link("lead", role=LEAD, now=time_now())
        # whose link was revoked gets no new one unasked
        people = {p.name: p.made_at for p in access.people() if p.role == CODER}
        links = [("lead", f"{address}/enter/{secret}")]
        for name in room.coders():
            if name not in people:
                secret = access.new_link(name, role=CODER, now=time_now())
                links.append((name, f"{address}/enter/{secret}"))
        yield Serving(
            app=build_app(room, access, hosts={host, LOCAL, "localhost"}, now=time_now),
            socket=listening,
            links=tuple(links),
            known=tuple(name for name in room.coders() if people.get(name)),
            save_files=_files_of(room),
        )


def link_for(study: Study, *, name: str, port: int, lan: bool) -> str:
    """Make a coder's new link to the page on PORT and return its address; the earlier one ends.

    It works at once, also where the page is being served. Raises MissingError where no round names
    the coder.
    """
    coders = coders_of(read_round(round_, study.rounds) for round_ in round_names(study.rounds))
    if name not in coders:
        there = f"there are {several(coders)}" if coders else "draw one with `stagemix sample`"
        raise MissingError(f"--new-link {name}: no round has a coder of that name; {there}")
    with closing(Access(study.coding)) as access:
        secret = access.new_link(name, role=CODER, now=time_now())
    return f"http://{_own_address() if lan else LOCAL}:{port}/enter/{secret}"


def _files_of(room: Room) -> Callable[[], None]:
    # at first all: a server that was killed has left what is agreed behind the codes
    written: dict[str, int] = {}

    def save_files() -> None:
        """Write the CSV of the rounds that have new codes, and what is agreed."""
        now = room.store.count()
        behind = [name for name, n in now.items() if written.get(name) != n]
        if behind:
            room.store.write_files(behind)
            write_agreed(room.study, store=room.store)
            written.update(now)

    return save_files


def run(serving_: Serving, *, said: Callable[[str], None]) -> None:
    """Serve until interrupted; SAID is told what hinders writing the files meanwhile."""
    config = uvicorn.Config(
        serving_.app, log_level="warning", access_log=False, server_header=False, lifespan="off"
    )
    stop = threading.Event()

    def keep_files() -> None:
        last = ""
        while not stop.wait(EVERY):
            try:
                serving_.save_files()
                last = ""
            except (StagemixError, OSError) as error:
                if str(error) != last:
                    said(f"the CSV files are behind the database: {error}")
                last = str(error)

    # the corpus stays: looking through it for garbage again and again would hold saves up
    gc.collect()
    gc.freeze()
    keeper = threading.Thread(target=keep_files, daemon=True)
    keeper.start()
    try:
        uvicorn.Server(config).run(sockets=[serving_.socket])
    except KeyboardInterrupt:
        pass  # how the lead ends it
    finally:
        stop.set()
        keeper.join()
        serving_.save_files()


def _listen(host: str, port: int) -> socket.socket:
    # where the protocol is not named asyncio leaves Nagle's algorithm on, and small answers wait
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # elsewhere it would take the port of a program that runs
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen()  # now, so that a second server finds the port taken
    except OSError as error:
        found.close()
        raise DataError(
            f"--port {port}: {error.strerror or error}; close the program that uses it, or give "
            "another --port"
        ) from None
    return found


def _own_address() -> str:
    """This machine's address in its network, as other machines there see it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent; it only chooses the interface
        except OSError:
            return LOCAL
        return str(probe.getsockname()[0])
