"""A round of coding: the drawn units, who codes which, and the design they were drawn by.

A round is two files that a repository commits: `ROUND.toml` (design, seed, strata) and
`ROUND.sample.csv` (one row per drawn unit). Its codes stand beside them in `ROUND.csv`.
"""

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stagemix.codes.codebook import ACCOUNT, POST, Codebook, Variable
from stagemix.errors import DataError, MissingError, several
from stagemix.files import whole
from stagemix.posts.tables import read_table
from stagemix.posts.values import texts

_NAME = re.compile(r"[^\\/:*?\"<>|,;，；、\s\x00-\x1f\x7f]{1,60}")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_SAMPLE = ".sample"
ID_COLUMN = {POST: "post_id", ACCOUNT: "account"}
SAMPLE_COLUMNS = ("stratum", "inclusion_probability", "coders")
TRAINING, PILOT, RELIABILITY, FINAL, CHECK = "training", "pilot", "reliability", "final", "check"
PURPOSES = (TRAINING, PILOT, RELIABILITY, FINAL, CHECK)
BY_NAME = (TRAINING, PILOT, RELIABILITY, FINAL)
"""The purposes that a round has by its name alone, where nothing else is said."""
CHOSEN = "chosen"
"""The design of posts that were picked and not drawn by chance."""
CENSUS = "census"
"""The design of a round of every account."""


_DRAWN = "# Written by `stagemix sample`; with this seed and frame the same posts are drawn again."
_HEADER = {
    CHOSEN: "# Written by `stagemix check`; these posts were picked, not drawn by chance.",
    CENSUS: "# Written by `stagemix sample --unit account`; every account of the corpus is in it.",
}


@dataclass(frozen=True, kw_only=True)
class Round:
    """A round as stored.

    `units` has one row per unit in coding order: `unit` (the post's id or the account's name),
    `stratum`, `inclusion_probability` (nan where not drawn by chance), `coders` (names joined by
    `;`). `strata` maps each stratum to (units in the frame, drawn). `kind` is what the units are,
    post or account. `asks` are ids of the variables that the page asks; without any, those that
    the codebook asks of such units and does not call optional. `account_shown` tells whether coders
    see whose post they code, which biases. `joined` are the coders who were
    not named when the round was drawn.
    """

    name: str
    corpus: str
    design: str
    by: tuple[str, ...]
    allocation: str
    minimum: int
    seed: int
    frame: str
    without: tuple[str, ...]
    strata: dict[str, tuple[int, int]]
    units: pd.DataFrame
    kind: str = POST
    purpose: str = FINAL
    asks: tuple[str, ...] = ()
    account_shown: bool = False
    joined: tuple[str, ...] = ()

    @property
    def coders(self) -> tuple[str, ...]:
        """Every coder of the round, in the order first named."""
        named = (coder for cell in self.units["coders"] for coder in cell.split(";"))
        return tuple(dict.fromkeys(named))

    def units_of(self, coder: str) -> list[str]:
        """The units given to a coder, in coding order."""
        own = [coder in cell.split(";") for cell in self.units["coders"]]
        return [str(unit) for unit in self.units.loc[own, "unit"]]

    def asked(self, codebook: Codebook) -> tuple[Variable, ...]:
        """The variables of CODEBOOK that are asked; DataError where it lacks one of `asks`."""
        fit = codebook.of_unit(self.kind)
        if not self.asks:
            return tuple(v for v in fit if not v.optional)
        unknown = set(self.asks) - {v.id for v in fit}
        if unknown:
            raise DataError(
                f"round {self.name} asks {several(sorted(unknown))}, which the codebook does not "
                f"ask of {self.kind}s; it asks {several((v.id for v in fit), most=20)}"
            )
        return tuple(v for v in fit if v.id in self.asks)


def coders_of(rounds: Iterable[Round]) -> list[str]:
    """Every coder of any of ROUNDS, in the order first named."""
    return list(dict.fromkeys(coder for round_ in rounds for coder in round_.coders))


def check_name(name: str, *, what: str) -> str:
    """Return a round's or coder's name if it can be part of a file name everywhere."""
    if not _NAME.fullmatch(name) or name.strip(".") != name:
        raise DataError(
            f"{what} {name!r}: a name has 1 to 60 characters, no blanks, no dot at either end, and "
            'none of / \\ : * ? " < > | , ; ， ； 、'
        )
    if _DEVICE.fullmatch(name) or name.lower().endswith(_SAMPLE):
        raise DataError(f"{what} {name!r}: that name is reserved for other files; take another")
    return name


def write_round(round_: Round, folder: Path) -> tuple[Path, Path]:
    """Write a round's two files into FOLDER (`coding/rounds`); never over an existing round."""
    design, sample = _paths(folder, round_.name)
    if design.exists():
        raise DataError(f"{design}: the round {round_.name} is there already; give another --round")
    _write_sample(round_, sample)
    _write_design(round_, design)  # last: a round is there when its design is
    return design, sample


def write_joined(round_: Round, folder: Path) -> None:
    """Write an existing round again, in which further coders have joined."""
    design, sample = _paths(folder, round_.name)
    _write_design(round_, design)  # first: who stands in it as joined can always join again
    _write_sample(round_, sample)


def _write_sample(round_: Round, path: Path) -> None:
    columns = {"unit": ID_COLUMN[round_.kind]}
    units = round_.units[["unit", *SAMPLE_COLUMNS]].rename(columns=columns)
    with whole(path) as part:
        units.to_csv(part, index=False, encoding="utf-8", lineterminator="\n")


def _write_design(round_: Round, path: Path) -> None:
    with whole(path) as part:
        part.write_text(_design_text(round_), encoding="utf-8", newline="\n")


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.toml", folder / f"{name}{_SAMPLE}.csv"


def _design_text(round_: Round) -> str:
    lines = [
        _HEADER.get(round_.design, _DRAWN),
        f"corpus = {_quoted(round_.corpus)}",
        f"design = {_quoted(round_.design)}",
        f"by = [{', '.join(_quoted(name) for name in round_.by)}]",
        f"allocation = {_quoted(round_.allocation)}",
        f"minimum = {round_.minimum}",
        f"seed = {round_.seed}",
        f"frame = {_quoted(round_.frame)}",
        f"without = [{', '.join(_quoted(name) for name in round_.without)}]",
        f"# what the round is for: {', '.join(PURPOSES)}",
        f"purpose = {_quoted(round_.purpose)}",
        f"unit = {_quoted(round_.kind)}",
        "# the variables that the coding page asks; without any, all that are not optional",
        f"asks = [{', '.join(_quoted(name) for name in round_.asks)}]",
        "# true where coders are to see whose post they code, which biases",
        f"account_shown = {str(round_.account_shown).lower()}",
        "# coders who were not named when the round was drawn",
        f"joined = [{', '.join(_quoted(name) for name in round_.joined)}]",
        "",
        f"# stratum = [{round_.kind}s in the frame, drawn]",
        "[strata]",
        *(f"{_quoted(k)} = [{posts}, {drawn}]" for k, (posts, drawn) in round_.strata.items()),
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def read_round(name: str, folder: Path) -> Round:
    """Read a round from its two files. Raises MissingError, naming the rounds there are."""
    design, sample = _paths(folder, name)
    if not design.is_file():
        known = round_names(folder)
        there = f"there are {several(known)}" if known else "draw one with `stagemix sample`"
        raise MissingError(f"{design}: no round {name}; {there}")
    try:
        table = tomllib.loads(design.read_text("utf-8"))
        strata = {str(k): (int(v[0]), int(v[1])) for k, v in table["strata"].items()}
        kind = str(table.get("unit", POST))
        raw = read_table(sample)
        units = pd.DataFrame(
            {
                "unit": raw[ID_COLUMN[kind]].astype("str"),
                "stratum": raw["stratum"].astype("str"),
                "inclusion_probability": pd.to_numeric(texts(raw["inclusion_probability"])).astype(
                    "float64"
                ),
                "coders": raw["coders"].astype("str"),
            }
        ).reset_index(drop=True)
        return Round(
            name=name,
            corpus=str(table["corpus"]),
            design=str(table["design"]),
            by=tuple(table["by"]),
            allocation=str(table["allocation"]),
            minimum=int(table["minimum"]),
            seed=int(table["seed"]),
            frame=str(table["frame"]),
            without=tuple(table["without"]),
            strata=strata,
            units=units,
            kind=kind,
            purpose=PURPOSES[PURPOSES.index(table.get("purpose", FINAL))],
            asks=tuple(table.get("asks", ())),
            account_shown=table.get("account_shown") is True,
            joined=tuple(table.get("joined", ())),
        )
    except (tomllib.TOMLDecodeError, KeyError, ValueError, TypeError, IndexError) as error:
        raise DataError(
            f"{design}: the round cannot be read ({type(error).__name__}: {error}); "
            "restore it from your backup or version control"
        ) from None


def round_names(folder: Path) -> list[str]:
    """List the rounds in FOLDER by name."""
    return sorted(path.stem for path in folder.glob("*.toml"))
