"""The steps of coding: draw a round, hand it out, take codes in, settle, write what is agreed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stagemix.codes.accepting import codes_of, join, without_known
from stagemix.codes.assignment import every_account, round_of
from stagemix.codes.codebook import ACCOUNT, POST, Variable
from stagemix.codes.rounds import CHOSEN, Round, read_round, round_names, write_joined, write_round
from stagemix.codes.settled_file import read_settled
from stagemix.codes.sheets import write_sheet
from stagemix.codes.store import BESIDE, INDEPENDENT, CodeStore
from stagemix.codes.versions import keep_version
from stagemix.errors import DataError, several
from stagemix.posts.corpus import read_accounts, read_corpus
from stagemix.posts.sampling import draw
from stagemix.study.agreed import write_agreed
from stagemix.study.corpora import accounts_of, place_of
from stagemix.study.folder import Study
from stagemix.study.incoming import read_files
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
    together: bool = False,
    purpose: str | None = None,
    asks: Sequence[str] = (),
) -> Round:
    """Draw a round of N posts from a corpus and write it down; choices not made are the study's.

    Without a DESIGN and BY it is stratified where every post has a time, else simple. Posts of
    other rounds of the corpus are left out, so that no round trains the coders of another.
    FOR_CONVERGE, with BY of `planning.converge_design`, asks for two codes in every cell. TOGETHER
    gives all posts of an account to one coder, but for those that every coder codes. PURPOSE and
    ASKS are those of `Round`.
    """
    posts = read_corpus(corpus)
    if design is None:
        dated = posts["published_at"].notna().all()
        design = "stratified" if by is not None or dated else "simple"
    by = study.sample_by if by is None else by
    place = place_of(study, corpus)
    others = _drawn_before(study, place=place, name=name)
    taken = pd.concat([other.units["unit"] for other in others]) if others else None
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
        groups=dict(zip(posts["post_id"], posts["account"], strict=True)) if together else None,
        without=[other.name for other in others],
        purpose=purpose,
        asks=asks,
    )
    round_.asked(keep_version(study.coding))
    write_round(round_, study.rounds)
    return round_


def _drawn_before(study: Study, *, place: str, name: str) -> list[Round]:
    """The other rounds whose posts a draw leaves out."""
    rounds = [read_round(other, study.rounds) for other in round_names(study.rounds)]
    return [
        other
        for other in rounds
        if other.corpus == place
        and other.name != name
        # posts that were picked stay in the frame, or the others' chances would not be known
        and other.kind == POST
        and other.design != CHOSEN
    ]


def draw_accounts(
    study: Study,
    corpus: Path,
    *,
    name: str,
    coders: Sequence[str],
    overlap: float = 1.0,
    asks: Sequence[str] = (),
) -> Round:
    """Make a round in which every account of a corpus is coded, and write it down.

    The accounts are those with posts and those of the account table. Raises DataError where the
    codebook asks nothing of accounts.
    """
    if not study.codebook.of_unit(ACCOUNT):
        raise DataError(
            f'{study.coding / "codebook.toml"}: no variable has unit = "account"; add one'
        )
    round_ = every_account(
        list(accounts_of(corpus)["account"]),
        name=name,
        corpus=place_of(study, corpus),
        coders=coders,
        overlap=overlap,
        asks=asks,
    )
    round_.asked(keep_version(study.coding))
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


def hand_out(study: Study, *, round_: str, to: Path, coder: str | None = None) -> dict[Path, int]:
    """Write a workbook per coder of a round (or one, for CODER); returns files and their units.

    TO is the file for one coder; for several, the coder's name is put before its ending. Raises
    DataError where a file is there already, since it may hold codes.
    """
    if to.suffix.lower() != ".xlsx":
        raise DataError(f"{to}: name a file that ends in .xlsx")
    chosen = read_round(round_, study.rounds)
    corpus = study.root / chosen.corpus
    units = accounts_of(corpus) if chosen.kind == ACCOUNT else read_corpus(corpus)
    if coder:
        paths = {coder: to}
    else:
        paths = {name: to.with_name(f"{to.stem}-{name}{to.suffix}") for name in chosen.coders}
    there = [path for path in paths.values() if path.exists()]
    if there:
        raise DataError(
            f"{several(there)}: is there already and may hold codes; move it away or name another file"
        )
    codebook = keep_version(study.coding)
    return {
        path: write_sheet(path, round_=chosen, coder=name, units=units, codebook=codebook)
        for name, path in paths.items()
    }


@dataclass(frozen=True, kw_only=True)
class TakenIn:
    """Codes taken in from one file: how many it holds, and how many were new.

    `joined` are the coders who joined the round with this file.
    """

    file: Path
    round: str
    codes: int
    new: int
    joined: tuple[str, ...] = ()


def take_in(
    study: Study,
    files: Sequence[Path],
    *,
    round_: str | None,
    coded_at: str,
    join_round: bool = False,
    beside: bool = False,
) -> list[TakenIn]:
    """Read codes from workbooks (.xlsx, as handed out) or tables, and store all or none.

    ROUND_ is the round of tables, which do not name one; a workbook must be of it where it is
    given. JOIN_ROUND lets coders whom the round does not name join it for the units they coded;
    BESIDE keeps the codes for comparison alone. Raises DataError naming the rows that do not fit.
    """
    store = CodeStore(study.coding)
    held = store.codes()
    incoming = read_files(study, files, round_=round_)
    drawn = {one.round: read_round(one.round, study.rounds) for one in incoming}
    rounds = dict(drawn)
    if join_round:
        for one in incoming:
            rounds[one.round] = join(rounds[one.round], one.table, held=held, where=str(one.file))
    codes = [
        codes_of(
            one.table,
            round_=rounds[one.round],
            codebook=one.codebook,
            coded_at=coded_at,
            where=str(one.file),
            kind=BESIDE if beside else INDEPENDENT,
        )
        for one in incoming
    ]
    new = [without_known(own, held) for own in codes]
    for name, now in rounds.items():
        if now is not drawn[name]:
            write_joined(now, study.rounds)
    store.add([code for own in new for code in own])
    write_agreed(study, store=store)
    return [
        TakenIn(
            file=one.file,
            round=one.round,
            codes=len(own),
            new=len(fresh),
            joined=_joined(one.table, rounds[one.round], drawn[one.round]),
        )
        for one, own, fresh in zip(incoming, codes, new, strict=True)
    ]


def _joined(table: pd.DataFrame, now: Round, drawn: Round) -> tuple[str, ...]:
    here = set(table["coder"])
    return tuple(name for name in now.joined if name not in drawn.joined and name in here)


def variable_of(study: Study, *, round_: str, name: str | None = None) -> Variable:
    """Return a variable by id; without a name, the first with categories that a round asks."""
    chosen, codebook = read_round(round_, study.rounds), study.codebook
    if name is None and (chosen.kind != POST or chosen.asks):
        parts = [part for variable in chosen.asked(codebook) for part in variable.parts]
        name = next((part.id for part in parts if part.level != "text"), None)
    return codebook.variable(name)


def settle(study: Study, file: Path, *, round_: str, variable: str, by: str, coded_at: str) -> int:
    """Store the settled values in FILE; returns how many are new.

    FILE has the columns `post_id` (`account` in a round of accounts), `value`, `reason`.
    """
    chosen = read_round(round_, study.rounds)
    store = CodeStore(study.coding)
    held = store.codes(round_)
    codes = read_settled(
        file,
        round_=chosen,
        held=held,
        codebook=keep_version(study.coding),
        variable=variable,
        by=by,
        coded_at=coded_at,
    )
    added = store.add(without_known(codes, held))
    write_agreed(study, store=store)
    return added


def posts_of_round(study: Study, *, round_: str) -> pd.DataFrame:
    """Return the posts of the corpus that a round was drawn from."""
    return read_corpus(study.root / read_round(round_, study.rounds).corpus)
