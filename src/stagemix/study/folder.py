"""The study folder: where its parts are, and the choices written down in `study.toml`."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from stagemix.codes.codebook import (
    Codebook,
    default_codebook,
    default_codebook_text,
    read_codebook,
)
from stagemix.codes.rounds import check_name
from stagemix.errors import DataError, MissingError, several
from stagemix.mix.words import Remark
from stagemix.posts.grouping import PERIODS

SETTINGS = "study.toml"
_ROOMS = {
    "coding": "the codebook, rounds of hand codes, the agreed codes; written by `stagemix sample` "
    "and `stagemix code`",
    "corpora": "the posts, one folder per corpus; written by `stagemix import`",
    "models": "trained models, each with its card; written by `stagemix train`",
}
_TEMPLATE = """\
# The choices of this study; every command reads them, so that it can be re-run to the same numbers.
title = "{title}"
seed = 1
# the corpus that is sampled, classified and reported when a command is given none
corpus = "posts"
# the round whose codes correct the shares
round = "final"
# how posts are drawn: strata by these columns, at least `minimum` posts in each
sample_by = ["account", "year"]
minimum = 2
# the periods of `stagemix converge` and of the report
period = "year"
# true only where accounts and posts are made up: every figure then says so
invented = false
"""
INVENTED = Remark(
    en="An invented example: no figure here is about a real account.",
    zh="虚构的示例：账号、推文和数字都不是真实的。",
)


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study: its folder and the choices in its `study.toml`."""

    root: Path
    title: str
    seed: int
    corpus: str
    round: str
    sample_by: tuple[str, ...]
    minimum: int
    period: str
    invented: bool

    @property
    def coding(self) -> Path:
        """The folder of the codebook and the codes."""
        return self.root / "coding"

    @property
    def rounds(self) -> Path:
        """The folder of the rounds."""
        return self.coding / "rounds"

    @property
    def agreed(self) -> Path:
        """The file of agreed codes."""
        return self.coding / "agreed.csv"

    @property
    def agreed_accounts(self) -> Path:
        """The file of agreed codes of accounts."""
        return self.coding / "agreed-accounts.csv"

    @property
    def codebook(self) -> Codebook:
        """The study's codebook."""
        return read_codebook(self.coding / "codebook.toml")


def find_study(start: Path) -> Study | None:
    """Return the study whose folder is START or holds it, or None outside a study."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / SETTINGS).is_file():
            return read_study(folder)
    return None


def need_study(start: Path) -> Study:
    """Return the study at START; raises MissingError saying how to begin one."""
    study = find_study(start)
    if study is None:
        raise MissingError(
            f"{start}: not in a study (no {SETTINGS}); begin one with `stagemix init`"
        )
    return study


def read_study(root: Path) -> Study:
    """Read the choices of a study; raises DataError naming the one that does not fit."""
    path = root / SETTINGS
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path}: not TOML: {str(error).splitlines()[0]}") from None
    known = tomllib.loads(_TEMPLATE.format(title="a title"))
    for name, value in table.items():
        if name not in known:
            raise DataError(f"{path}: no choice is called {name}; known are {', '.join(known)}")
        if type(value) is not type(known[name]):
            raise DataError(f"{path}: {name} = {value!r} should be written like {known[name]!r}")
    choice = {**known, **table}
    _check_choices(choice, where=str(path))
    return Study(
        root=root,
        title=str(choice["title"]) if "title" in table else root.name,
        seed=int(choice["seed"]),
        corpus=str(choice["corpus"]),
        round=str(choice["round"]),
        sample_by=tuple(str(name) for name in choice["sample_by"]),
        minimum=int(choice["minimum"]),
        period=str(choice["period"]),
        invented=bool(choice["invented"]),
    )


def _check_choices(choice: dict[str, object], *, where: str) -> None:
    """Raise DataError where a choice has the right type and no meaning."""
    by = choice["sample_by"]
    seed, minimum = choice["seed"], choice["minimum"]
    fits = {
        "seed": isinstance(seed, int) and 0 <= seed < 2**32,
        "minimum": isinstance(minimum, int) and minimum >= 0,
        "period": choice["period"] in PERIODS,
        "sample_by": isinstance(by, list) and all(isinstance(n, str) and n for n in by) and by,
    }
    wants = {
        "seed": "a whole number from 0 to 4294967295",
        "minimum": "a whole number, 0 or more",
        "period": f"one of {several(PERIODS)}",
        "sample_by": 'a list of column names, such as ["account", "year"]',
    }
    for name, fit in fits.items():
        if not fit:
            raise DataError(f"{where}: {name} = {choice[name]!r} should be {wants[name]}")
    for name in ("corpus", "round"):
        check_name(str(choice[name]), what=f"{where}: {name}")


def codebook_at(start: Path) -> Codebook:
    """Return the codebook of the study at START, outside a study the default one."""
    study = find_study(start)
    return default_codebook() if study is None else study.codebook


def init_study(root: Path) -> tuple[list[Path], list[Path]]:
    """Make a study folder; returns the files written and those that were there already.

    Nothing that exists is overwritten. Raises DataError where a file stands in a folder's place.
    """
    for folder in (root, *(root / room for room in _ROOMS)):
        if folder.exists() and not folder.is_dir():
            raise DataError(f"{folder}: is a file; a study needs a folder of that name")
    title = "".join(c for c in root.resolve().name if c.isprintable() and c not in '"\\')
    texts = {root / SETTINGS: _TEMPLATE.format(title=title)}
    texts[root / "coding" / "codebook.toml"] = default_codebook_text()
    for room, what in _ROOMS.items():
        texts[root / room / "README.md"] = f"# {room}/\n\n{what[0].upper()}{what[1:]}.\n"
    written, kept = [], []
    for path, text in texts.items():
        if path.exists():
            kept.append(path)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    return written, kept
