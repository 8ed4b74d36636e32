"""The steps of coding: draw a round, hand it out, take codes in, see how far coders agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stagemix.codes.agreed import Agreed, agreed_codes, independent
from stagemix.codes.codebook import Codebook
from stagemix.codes.incoming import (
    check_once,
    codes_of,
    read_long_codes,
    read_settled,
    without_known,
)
from stagemix.codes.reliability import Reliability, reliability
from stagemix.codes.rounds import Round, read_round, round_names, round_of, write_round
from stagemix.codes.sheets import is_sheet, read_sheet, write_sheet
from stagemix.codes.store import Code, CodeStore
from stagemix.errors import DataError, several
from stagemix.files import whole
from stagemix.posts.corpus import read_accounts, read_corpus
from stagemix.posts.sampling import draw
from stagemix.study.folder import Study
from stagemix.study.planning import check_room


def draw_round(
    study: Study,
    corpus: Path,
    *,
    n: int,
    name: str,
    coders: Sequence[str],
    overlap: float = 1.0,
    design: str | None = None,
    by: tuple[str, ...] | None = None,
    allocation: str = "proportional",
    minimum: int | None = None,
    seed: int | None = None,
    for_converge: bool = False,
) -> Round:
    """Draw a round of N posts from a corpus and write it down; choices not made are the study's.

    Without a DESIGN and BY it is stratified where every post has a time, else simple. Posts of
    other rounds of the corpus are left out, so that no round trains the coders of another.
    FOR_CONVERGE, with BY of `planning.converge_design`, asks for two codes in every cell.
    """
    posts = read_corpus(corpus)
    if design is None:
        dated = posts["published_at"].notna().all()
        design = "stratified" if by is not None or dated else "simple"
    by = study.sample_by if by is None else by
    place = _within(study, corpus)
    others = [read_round(other, study.rounds) for other in round_names(study.rounds)]
    others = [other for other in others if other.corpus == place and other.name != name]
    taken = pd.concat([other.units["post_id"] for other in others]) if others else None
    _check_nested(others, by=by if design == "stratified" else ())
    if for_converge:
        check_room(posts, by=by, n=n, taken=taken)
    drawn = draw(
        posts,
        n=n,
        seed=study.seed if seed is None else seed,
        design=design,
        by=by,
        allocation=allocation,
        minimum=study.minimum if minimum is None else minimum,
        accounts=read_accounts(corpus),
        taken=taken,
    )
    round_ = round_of(
        drawn,
        name=name,
        corpus=place,
        coders=coders,
        overlap=overlap,
        without=[other.name for other in others],
    )
    write_round(round_, study.rounds)
    return round_


def _check_nested(others: Sequence[Round], *, by: tuple[str, ...]) -> None:
    """Raise where leaving out earlier rounds would make posts of one stratum differ in chance."""
    for other in others:
        if not set(other.by) <= set(by):
            wanted = ",".join(dict.fromkeys([*other.by, *by]))
            raise DataError(
                f"round {other.name} was drawn by {','.join(other.by)} and its posts are left out; "
                f"draw this one within the same strata, --by {wanted}"
            )


def _within(study: Study, corpus: Path) -> str:
    path = corpus.resolve()
    inside = path.is_relative_to(study.root.resolve())
    return (path.relative_to(study.root.resolve()) if inside else path).as_posix()


def hand_out(study: Study, *, round_: str, to: Path, coder: str | None = None) -> dict[Path, int]:
    """Write a workbook per coder of a round (or one, for CODER); returns files and their posts.

    TO is the file for one coder; for several, the coder's name is put before its ending. Raises
    DataError where a file is there already, since it may hold codes.
    """
    if to.suffix.lower() != ".xlsx":
        raise DataError(f"{to}: name a file that ends in .xlsx")
    chosen = read_round(round_, study.rounds)
    posts = posts_of_round(study, round_=round_)
    if coder:
        paths = {coder: to}
    else:
        paths = {name: to.with_name(f"{to.stem}-{name}{to.suffix}") for name in chosen.coders}
    there = [path for path in paths.values() if path.exists()]
    if there:
        raise DataError(
            f"{several(there)}: is there already and may hold codes; move it away or name another file"
        )
    return {
        path: write_sheet(path, round_=chosen, coder=name, posts=posts, codebook=study.codebook)
        for name, path in paths.items()
    }


@dataclass(frozen=True, kw_only=True)
class TakenIn:
    """Codes taken in from one file: how many it holds, and how many were new."""

    file: Path
    round: str
    codes: int
    new: int


def take_in(
    study: Study, files: Sequence[Path], *, round_: str | None, coded_at: str
) -> list[TakenIn]:
    """Read codes from workbooks (.xlsx, as handed out) or tables, and store all or none.

    ROUND_ is the round of tables, which do not name one; a workbook must be of it where it is
    given. Raises DataError naming the rows that do not fit.
    """
    codebook = study.codebook
    store = CodeStore(study.coding)
    held = store.codes()
    found: list[tuple[TakenIn, list[Code]]] = []
    tables: list[pd.DataFrame] = []
    for path in files:
        if path.suffix.lower() == ".xlsx" and (round_ is None or is_sheet(path)):
            name, table = read_sheet(path, codebook=codebook)
            if round_ not in (None, name):
                raise DataError(f"{path}: is of round {name}, not {round_}; leave --round out")
        else:
            name, table = round_ or study.round, read_long_codes(path, codebook=codebook)
        chosen = read_round(name, study.rounds)
        codes = codes_of(
            table, round_=chosen, codebook=codebook, coded_at=coded_at, where=str(path)
        )
        tables.append(table.set_axis([f"{path.name}:{row}" for row in table.index]))
        new = without_known(codes, held)
        found.append((TakenIn(file=path, round=name, codes=len(codes), new=len(new)), new))
    rounds = [taken.round for taken, _ in found]
    for name in dict.fromkeys(rounds):
        own = [table for table, of in zip(tables, rounds, strict=True) if of == name]
        check_once(pd.concat(own), where="the files together")
    store.add([code for _, codes in found for code in codes])
    write_agreed(study, store=store)
    return [taken for taken, _ in found]


def settle(study: Study, file: Path, *, round_: str, variable: str, by: str, coded_at: str) -> int:
    """Store the settled values in FILE (`post_id`, `value`, `reason`); returns how many are new."""
    read_round(round_, study.rounds)
    store = CodeStore(study.coding)
    held = store.codes(round_)
    codes = read_settled(
        file, held=held, codebook=study.codebook, variable=variable, by=by, coded_at=coded_at
    )
    added = store.add(without_known(codes, held))
    write_agreed(study, store=store)
    return added


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The agreement of a round or a file, per variable, and the disagreements on each."""

    reliability: list[Reliability]
    agreed: dict[str, Agreed]


def agreement_of_round(study: Study, *, round_: str) -> Agreement:
    """Compute the reliability of every variable coded in a round, from independent codes."""
    read_round(round_, study.rounds)
    codes = CodeStore(study.coding).codes(round_)
    if codes.empty:
        raise DataError(
            f"round {round_} has no codes yet; take them in with `stagemix code --from-excel`"
        )
    return agreement_of(codes, codebook=study.codebook)


def agreement_of_file(path: Path, *, codebook: Codebook) -> Agreement:
    """Compute the reliability of codes in a file (`post_id, coder, variable, value`)."""
    table = read_long_codes(path, codebook=codebook)
    return agreement_of(table.assign(round=path.stem, kind="independent"), codebook=codebook)


def agreement_of(codes: pd.DataFrame, *, codebook: Codebook) -> Agreement:
    """Compute the reliability of codes as the store gives them; none of no codes."""
    names = list(dict.fromkeys(codes["variable"]))
    first = independent(codes)
    return Agreement(
        reliability=[
            reliability(first[first["variable"] == name], variable=codebook.variable(name))
            for name in names
        ],
        agreed={name: agreed_codes(codes, variable=name) for name in names},
    )


def posts_of_round(study: Study, *, round_: str) -> pd.DataFrame:
    """Return the posts of the corpus that a round was drawn from."""
    return read_corpus(study.root / read_round(round_, study.rounds).corpus)


def write_disagreements(
    path: Path, *, variable: str, agreed: Agreed, posts: pd.DataFrame | None = None
) -> int:
    """Write the open disagreements on a variable as a table to settle; returns how many.

    Columns: `post_id`, `title` and `text` where POSTS holds them, each coder's code and memo, and
    `value` and `reason` to fill in for `stagemix code --settle`. Raises DataError where the file
    is there already, since somebody may have filled it in, or a post is not among POSTS.
    """
    if path.exists():
        raise DataError(
            f"{path}: is there already and may be filled in; settle it with "
            f"`stagemix code --settle {path}`, or name another file"
        )
    table = agreed.open.drop(columns="round").rename(columns={"unit": "post_id"})
    if posts is not None:
        absent = table.loc[~table["post_id"].isin(posts["post_id"]), "post_id"]
        if len(absent):
            raise DataError(f"{several(absent)} of the round is not in its corpus; put it back")
        shown = posts[["post_id", "title", "text"]]
        table = shown.merge(table, on="post_id", how="right")
    table = table.assign(variable=variable, value="", reason="")
    with whole(path) as part:
        table.to_csv(part, index=False, encoding="utf-8-sig", lineterminator="\n")
    return len(table)


def write_agreed(study: Study, *, store: CodeStore) -> Path:
    """Write `coding/agreed.csv`: one row per post, its round, chance, and a column per variable.

    A post of several rounds stands with the study's round, else the first by name.
    """
    codes = store.codes()
    parts = [part.id for v in study.codebook.post_variables for part in v.parts]
    coded = [name for name in parts if (codes["variable"] == name).any()]
    names = sorted(round_names(study.rounds), key=lambda name: (name != study.round, name))
    frames = []
    for name in names:
        units = read_round(name, study.rounds).units[
            ["post_id", "stratum", "inclusion_probability"]
        ]
        table = units.assign(round=name)
        for variable in coded:
            agreed = agreed_codes(codes[codes["round"] == name], variable=variable).codes
            settled = agreed.set_index("unit")
            table[variable] = table["post_id"].map(settled["value"])
            table[f"{variable}_how"] = table["post_id"].map(settled["how"])
        frames.append(table.dropna(subset=coded, how="all"))
    table = pd.concat(frames, ignore_index=True).drop_duplicates("post_id", keep="first")
    with whole(study.agreed) as part:
        table.to_csv(part, index=False, encoding="utf-8", lineterminator="\n")
    return study.agreed
