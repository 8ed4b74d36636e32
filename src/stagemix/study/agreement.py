"""How far the coders of a round or of a file agree, and the disagreements that are open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from stagemix.codes.agreed import Agreed, agreed_codes, independent
from stagemix.codes.beside import beside
from stagemix.codes.bootstrap import RESAMPLES
from stagemix.codes.codebook import Codebook, Variable
from stagemix.codes.drift import Block, drift
from stagemix.codes.figures import Pair
from stagemix.codes.incoming import read_long_codes
from stagemix.codes.reliability import AFTER, Reliability, reliability
from stagemix.codes.rounds import read_round, round_names
from stagemix.codes.settling import Settling, latest, settling
from stagemix.codes.store import INDEPENDENT, SETTLED, CodeStore
from stagemix.codes.tidy import tidy, tidy_beside
from stagemix.codes.versions import kept_versions
from stagemix.errors import DataError, MissingError, several
from stagemix.files import whole
from stagemix.study.folder import Study


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The agreement of a round or a file, and the disagreements on each variable.

    `reliability` has one entry per variable and version of the codebook; `after` those of which
    coders changed codes, from their latest codes. `beside`, `drift` and
    `choices`, the values that a code can have, are by (variable, version).
    """

    reliability: list[Reliability]
    after: list[Reliability]
    agreed: dict[str, Agreed]
    settled: dict[str, Settling]
    beside: dict[tuple[str, str], list[Pair]]
    drift: dict[tuple[str, str], list[Block]]
    choices: dict[tuple[str, str], list[str]]

    @property
    def table(self) -> pd.DataFrame:
        """Every figure as a row (`codes.tidy.COLUMNS`)."""
        parts = [tidy([*self.reliability, *self.after])]
        parts += [
            tidy_beside(pairs, variable=name, version=version)
            for (name, version), pairs in self.beside.items()
            if pairs
        ]
        return pd.concat(parts, ignore_index=True)


def agreement_of_round(
    study: Study,
    *,
    round_: str,
    coders: Sequence[str] = (),
    resamples: int = RESAMPLES,
    seed: int | None = None,
) -> Agreement:
    """Compute the agreement on every variable coded in a round (`agreement_of`).

    Without a SEED it is the study's. Raises DataError where the round has no codes.
    """
    read_round(round_, study.rounds)
    codes = CodeStore(study.coding).codes(round_)
    if codes.empty:
        raise DataError(
            f"round {round_} has no codes yet; take them in with `stagemix code --from-excel`"
        )
    return agreement_of(
        codes,
        codebook=study.codebook,
        kept=kept_versions(study.coding),
        coders=coders,
        resamples=resamples,
        seed=study.seed if seed is None else seed,
    )


def agreement_of_rounds(
    study: Study,
    *,
    coders: Sequence[str] = (),
    resamples: int = RESAMPLES,
    seed: int | None = None,
) -> dict[str, Agreement]:
    """Compute the agreement of every round of a study that has codes (of CODERS), in time order."""
    codes = CodeStore(study.coding).codes()
    own = codes[codes["kind"] == INDEPENDENT]
    begun = own.groupby("round")["coded_at"].min()
    found = {}
    for name in sorted(set(round_names(study.rounds)) & set(begun.index), key=begun.__getitem__):
        there = set(own.loc[own["round"] == name, "coder"])
        chosen = [coder for coder in coders if coder in there]
        if chosen or not coders:
            found[name] = agreement_of_round(
                study, round_=name, coders=chosen, resamples=resamples, seed=seed
            )
    return found


def agreement_of_file(
    path: Path,
    *,
    codebook: Codebook,
    coders: Sequence[str] = (),
    resamples: int = RESAMPLES,
    seed: int | None = None,
) -> Agreement:
    """Compute the agreement of codes in a file (`post_id, coder, variable, value`)."""
    table = read_long_codes(path, codebook=codebook)
    codes = table.assign(
        round=path.stem, kind=INDEPENDENT, codebook_version=codebook.version, coded_at=""
    )
    seed = 1 if seed is None else seed
    return agreement_of(codes, codebook=codebook, coders=coders, resamples=resamples, seed=seed)


def agreement_of(
    codes: pd.DataFrame,
    *,
    codebook: Codebook,
    kept: Mapping[str, Codebook] | None = None,
    coders: Sequence[str] = (),
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> Agreement:
    """Compute the agreement of codes of one round, as the store gives them; nothing of no codes.

    KEPT are the versions of the codebook, CODEBOOK is used for one that is not among them. CODERS
    restricts the figures, not the disagreements, to some coders. RESAMPLES and SEED are of the
    intervals. Raises MissingError where one of CODERS has no codes.
    """
    chosen = _of_coders(codes, coders)
    first, last = independent(chosen), latest(chosen)
    names = [str(name) for name in dict.fromkeys(codes["variable"])]
    variables = {
        (name, version): (kept or {}).get(version, codebook).variable(name)
        for name, version in _coded(chosen)
    }
    before, after = [], []
    for (name, version), variable in variables.items():
        compute = partial(
            reliability, variable=variable, version=version, resamples=resamples, seed=seed
        )
        told, now = (_rows(table, name, version) for table in (first, last))
        if len(told):
            before.append(compute(told))
        if _values(told) != _values(now):
            after.append(compute(now, stage=AFTER))
    own = {key: _of_version(chosen, variable=v, version=key[1]) for key, v in variables.items()}
    return Agreement(
        reliability=before,
        after=after,
        agreed={name: agreed_codes(codes, variable=name) for name in names},
        settled={name: settling(chosen, variable=name) for name in names},
        beside={key: beside(own[key], variable=v) for key, v in variables.items()},
        drift={key: drift(own[key], variable=v) for key, v in variables.items()},
        choices={key: list(v.labels) for key, v in variables.items()},
    )


def _of_coders(codes: pd.DataFrame, coders: Sequence[str]) -> pd.DataFrame:
    own = codes["kind"] == INDEPENDENT
    known = sorted(codes.loc[own, "coder"].unique())
    unknown = [name for name in coders if name not in known]
    if unknown:
        raise MissingError(f"--coders: no codes by {several(unknown)}; there are {several(known)}")
    return codes[~own | codes["coder"].isin(coders)] if coders else codes


def _coded(codes: pd.DataFrame) -> list[tuple[str, str]]:
    coded = codes[codes["kind"] != SETTLED]
    pairs = zip(coded["variable"], coded["codebook_version"], strict=True)
    return [(str(name), str(version)) for name, version in dict.fromkeys(pairs)]


def _rows(codes: pd.DataFrame, name: str, version: str) -> pd.DataFrame:
    return codes[(codes["variable"] == name) & (codes["codebook_version"] == version)]


def _values(codes: pd.DataFrame) -> dict[tuple[str, str], str]:
    return dict(zip(zip(codes["unit"], codes["coder"], strict=True), codes["value"], strict=True))


def _of_version(codes: pd.DataFrame, *, variable: Variable, version: str) -> pd.DataFrame:
    """The codes by a version, and what was settled by any, which may be a later one."""
    settled = (codes["kind"] == SETTLED) & codes["value"].isin(list(variable.labels))
    mine = codes["variable"] == variable.id
    return codes[mine & (settled | (codes["codebook_version"] == version))]


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
