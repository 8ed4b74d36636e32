"""What the server keeps of a study while people code: the rounds, their units, the codebook."""

import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from fastapi import HTTPException

from stagemix.codes.codebook import ACCOUNT, Codebook, Variable
from stagemix.codes.rounds import Round, coders_of, read_round, round_names
from stagemix.codes.store import CodeStore
from stagemix.codes.versions import CODEBOOK, keep_version, kept_versions, to_look_at_again
from stagemix.errors import DataError, StagemixError, several
from stagemix.posts.corpus import read_corpus
from stagemix.study.agreement import Agreement
from stagemix.study.corpora import accounts_of
from stagemix.study.folder import Study

PATIENCE = 5
"""Seconds that a save waits for another program that writes the codes."""
_LINK = re.compile(r"https?://[^\s<>\"']+")


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A post or an account as coders see it; `details` are an account's (column, text) pairs.

    `paragraphs` are the lines of the body that are not blank. `account` is shown to the lead, and
    to coders of accounts.
    """

    id: str
    account: str
    title: str
    time: str
    paragraphs: tuple[str, ...]
    form: str
    url: str
    details: tuple[tuple[str, str], ...] = ()

    @property
    def links(self) -> int:
        """How many web addresses stand in the body."""
        return sum(len(_LINK.findall(text)) for text in self.paragraphs)


class Room:
    """A study's codes, rounds and units, read once and again where their files have changed."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._codebook: Codebook = keep_version(study.coding)
        self._kept = kept_versions(study.coding)
        self._codebook_seen = (study.coding / CODEBOOK).stat().st_mtime_ns
        self.codebook_error = ""
        self.store = CodeStore(study.coding, patience=PATIENCE)
        self._lock = threading.Lock()
        self._units: dict[tuple[str, str], dict[str, Unit]] = {}
        self._rounds: dict[str, Round] = {}
        self._given: dict[tuple[str, str], frozenset[str]] = {}
        self._seen: tuple[object, ...] = ()
        self.agreements: dict[str, tuple[tuple[int, str], Agreement]] = {}
        for round_ in self.rounds().values():
            self.units(round_)

    @property
    def codebook(self) -> Codebook:
        """The codebook in use; a new version is taken up while the server runs.

        Where its file does not fit, the one before stays and `codebook_error` says why.
        """
        try:
            seen = (self.study.coding / CODEBOOK).stat().st_mtime_ns
            if seen != self._codebook_seen:
                # seen only once it fits: what is wrong may be mended in another file
                self._codebook, self._codebook_seen = keep_version(self.study.coding), seen
                self._kept = kept_versions(self.study.coding)
            self.codebook_error = ""
        except (StagemixError, OSError) as error:
            self.codebook_error = str(error)
        return self._codebook

    @property
    def kept(self) -> dict[str, Codebook]:
        """Every version of the codebook that was coded by, the one in use included."""
        return self._kept | {self.codebook.version: self.codebook}

    def part(self, name: str) -> Variable | None:
        """A variable that codes are stored by, None where the codebook has none of that id."""
        parts = (part for variable in self.codebook.variables for part in variable.parts)
        return next((part for part in parts if part.id == name), None)

    def rounds(self) -> dict[str, Round]:
        """The rounds of the study by name, those drawn while the server runs included."""
        folder = self.study.rounds
        seen = _seen(folder)
        with self._lock:
            if seen != self._seen:
                self._rounds = {name: read_round(name, folder) for name in round_names(folder)}
                self._given = {
                    (name, coder): frozenset(round_.units_of(coder))
                    for name, round_ in self._rounds.items()
                    for coder in round_.coders
                }
                self._seen = seen
            return self._rounds

    def need_round(self, name: str) -> Round:
        """A round by name; where there is none, neither is the page."""
        found = self.rounds().get(name)
        if found is None:
            raise HTTPException(404)
        return found

    def rounds_of(self, coder: str) -> list[Round]:
        """The rounds that give CODER a unit."""
        return [round_ for round_ in self.rounds().values() if coder in round_.coders]

    def gives(self, *, round_: str, coder: str, unit: str) -> bool:
        """Tell whether a round gives a unit to a coder."""
        self.rounds()
        return unit in self._given.get((round_, coder), frozenset())

    def coders(self) -> list[str]:
        """Every coder of any round, in the order first named."""
        return coders_of(self.rounds().values())

    def asked(self, round_: Round) -> tuple[Variable, ...]:
        """The variables that the page asks in a round."""
        return round_.asked(self.codebook)

    def units(self, round_: Round) -> dict[str, Unit]:
        """The units of the corpus that a round is of, by id; DataError where one is not there."""
        key, drawn = (round_.corpus, round_.kind), set(round_.units["unit"])
        with self._lock:
            found = self._units.get(key, {})
            # posts that came into the corpus since it was read may have been drawn
            if not drawn <= found.keys():
                read = _accounts if round_.kind == ACCOUNT else _posts
                found = self._units[key] = read(self.study.root / round_.corpus)
                _check_there(round_, found)
            return found

    def second_looks(self, round_: Round, codes: pd.DataFrame) -> dict[str, list[str]]:
        """For each coder, the units of CODES that they coded by a rule that has changed since."""
        again = to_look_at_again(codes, codebook=self.codebook, kept=self.kept)
        wanted = {str(coder): set(rows["unit"]) for coder, rows in again.groupby("coder")}
        return {
            coder: [unit for unit in round_.units_of(coder) if unit in units]
            for coder, units in wanted.items()
        }


def _seen(folder: Path) -> tuple[tuple[str, int], ...]:
    """The files of rounds and when they were written; asked at every save."""
    if not folder.exists():
        return ()
    with os.scandir(folder) as files:
        return tuple(
            sorted(
                (file.name, file.stat().st_mtime_ns)
                for file in files
                if file.name.endswith((".toml", ".sample.csv"))
            )
        )


def _check_there(round_: Round, units: dict[str, Unit]) -> None:
    absent = [unit for unit in round_.units["unit"] if unit not in units]
    if absent:
        raise DataError(
            f"{round_.corpus}: {several(absent)} of round {round_.name} is not in the corpus; put "
            f"it back, or remove the round's files from coding/rounds"
        )


def _posts(folder: Path) -> dict[str, Unit]:
    posts = read_corpus(folder)
    shown = posts[["post_id", "account", "title", "text", "form", "url"]].astype("object")
    shown = shown.where(shown.notna(), "")
    times = posts["published_at"].dt.strftime("%Y-%m-%d %H:%M").fillna("")
    return {
        post_id: Unit(
            id=post_id,
            account=account,
            title=title,
            time=time,
            paragraphs=_paragraphs(text),
            form=form,
            url=_address(url),
        )
        for (post_id, account, title, text, form, url), time in zip(
            shown.itertuples(index=False, name=None), times, strict=True
        )
    }


def _accounts(folder: Path) -> dict[str, Unit]:
    counts = read_corpus(folder)["account"].value_counts()
    named = accounts_of(folder).set_index("account")
    return {
        name: Unit(
            id=name,
            account=name,
            title=name,
            time="",
            paragraphs=(),
            form="",
            url="",
            details=(
                *((str(k), str(v)) for k, v in said.items() if pd.notna(v)),
                ("posts", str(int(counts.get(name, 0)))),
            ),
        )
        for name, said in zip(named.index.astype(str), named.to_dict("records"), strict=True)
    }


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _address(url: str) -> str:
    """Return a web address, and nothing where it is of another kind, such as a script."""
    return url if _LINK.fullmatch(url) else ""
