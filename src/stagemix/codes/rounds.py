"""A round of coding: the drawn posts, who codes which, and the design they were drawn by.

A round is two files that a repository commits: `ROUND.toml` (design, seed, strata) and
`ROUND.sample.csv` (one row per drawn post). Its codes stand beside them in `ROUND.csv`.
"""

import json
import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stagemix.errors import DataError, MissingError, several
from stagemix.files import whole
from stagemix.posts.sampling import Draw
from stagemix.posts.tables import read_table

_NAME = re.compile(r"[^\\/:*?\"<>|,;，；、\s\x00-\x1f\x7f]{1,60}")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_SAMPLE = ".sample"
SAMPLE_COLUMNS = ("post_id", "stratum", "inclusion_probability", "coders")


@dataclass(frozen=True, kw_only=True)
class Round:
    """A round as stored.

    `units` has one row per post in coding order: `post_id`, `stratum`, `inclusion_probability`,
    `coders` (names joined by `;`). `strata` maps each stratum to (posts in the frame, drawn).
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

    @property
    def coders(self) -> tuple[str, ...]:
        """Every coder of the round, in the order first named."""
        named = (coder for cell in self.units["coders"] for coder in cell.split(";"))
        return tuple(dict.fromkeys(named))


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


def assign(post_ids: Sequence[str], *, coders: Sequence[str], overlap: float) -> list[str]:
    """Say who codes which post: names joined by `;`, one cell per post.

    The first OVERLAP share of the (randomly ordered) posts goes to every coder, each other post
    to one coder in turn.
    """
    for coder in coders:
        check_name(coder, what="coder")
    if not coders or len(set(coders)) < len(coders):
        raise DataError("--coders: name each coder once, for example --coders a,b")
    if not 0 <= overlap <= 1:
        raise DataError(f"--overlap {overlap}: a share between 0 and 1")
    shared = math.ceil(len(post_ids) * overlap - 1e-9)
    everyone = ";".join(coders)
    single = [coders[i % len(coders)] for i in range(len(post_ids) - shared)]
    return [everyone] * shared + single


def round_of(
    draw: Draw,
    *,
    name: str,
    corpus: str,
    coders: Sequence[str],
    overlap: float = 1.0,
    without: Sequence[str] = (),
) -> Round:
    """Make a round of a drawn sample: its name, its coders, and the corpus it is from.

    WITHOUT names the rounds whose posts the draw left out.
    """
    check_name(name, what="round")
    units = draw.units.assign(
        coders=assign(list(draw.units["post_id"]), coders=coders, overlap=overlap)
    )
    return Round(
        name=name,
        corpus=corpus,
        design=draw.design,
        by=draw.by,
        allocation=draw.allocation,
        minimum=draw.minimum,
        seed=draw.seed,
        frame=draw.frame,
        without=tuple(without),
        strata={
            str(name): (int(posts), int(drawn))
            for name, posts, drawn in draw.strata[["stratum", "posts", "drawn"]].to_numpy()
        },
        units=units,
    )


def write_round(round_: Round, folder: Path) -> tuple[Path, Path]:
    """Write a round's two files into FOLDER (`coding/rounds`); never over an existing round."""
    design, sample = _paths(folder, round_.name)
    if design.exists():
        raise DataError(f"{design}: the round {round_.name} is there already; give another --round")
    with whole(sample) as part:
        units = round_.units[list(SAMPLE_COLUMNS)]
        units.to_csv(part, index=False, encoding="utf-8", lineterminator="\n")
    with whole(design) as part:  # last: a round is there when its design is
        part.write_text(_design_text(round_), encoding="utf-8", newline="\n")
    return design, sample


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.toml", folder / f"{name}{_SAMPLE}.csv"


def _design_text(round_: Round) -> str:
    lines = [
        "# Written by `stagemix sample`; with this seed and frame the same posts are drawn again.",
        f"corpus = {_quoted(round_.corpus)}",
        f"design = {_quoted(round_.design)}",
        f"by = [{', '.join(_quoted(name) for name in round_.by)}]",
        f"allocation = {_quoted(round_.allocation)}",
        f"minimum = {round_.minimum}",
        f"seed = {round_.seed}",
        f"frame = {_quoted(round_.frame)}",
        f"without = [{', '.join(_quoted(name) for name in round_.without)}]",
        "",
        "# stratum = [posts in the frame, drawn]",
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
        raw = read_table(sample)
        units = pd.DataFrame(
            {
                "post_id": raw["post_id"].astype("str"),
                "stratum": raw["stratum"].astype("str"),
                "inclusion_probability": raw["inclusion_probability"].astype("float64"),
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
        )
    except (tomllib.TOMLDecodeError, KeyError, ValueError, TypeError, IndexError) as error:
        raise DataError(
            f"{design}: the round cannot be read ({type(error).__name__}: {error}); "
            "restore it from your backup or version control"
        ) from None


def round_names(folder: Path) -> list[str]:
    """List the rounds in FOLDER by name."""
    return sorted(path.stem for path in folder.glob("*.toml"))
