"""The versions of a codebook: each kept as it was coded by, and what a new one changes.

A version is kept in `coding/codebooks/VERSION.toml` from the first time that a round is drawn or
coded by it; the codebook in use is `coding/codebook.toml`. A change is a new version with a note.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from stagemix.codes.agreed import current
from stagemix.codes.codebook import Codebook, Variable, read_codebook
from stagemix.codes.rounds import check_name
from stagemix.errors import DataError
from stagemix.files import whole

CODEBOOK, KEPT = "codebook.toml", "codebooks"


def kept_versions(coding: Path) -> dict[str, Codebook]:
    """Return every kept version of the codebook in the folder CODING, by its version."""
    books = [read_codebook(path) for path in sorted((coding / KEPT).glob("*.toml"))]
    return {book.version: book for book in books}


def keep_version(coding: Path) -> Codebook:
    """Keep the codebook in use as the version it says it is, and return it.

    Raises DataError where that version is kept with other words, since codes are tied to the
    version they were made by, or a new version does not say in `note` what it changes.
    """
    path = coding / CODEBOOK
    book = read_codebook(path)
    check_name(book.version, what=f"{path}: version")
    kept = kept_versions(coding)
    same = kept.get(book.version)
    if same == book:
        return book
    if same is not None:
        raise DataError(
            f"{path}: differs from the version {book.version} that was coded by, kept in "
            f"{coding / KEPT}; give it a new version, and say in note what it changes"
        )
    if kept and not book.note.strip():
        raise DataError(
            f'{path}: version {book.version} does not say what it changes; add note = "..." '
            "under version"
        )
    with whole(coding / KEPT / f"{book.version}.toml") as part:
        part.write_bytes(path.read_bytes())
    return book


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a version changes in a variable.

    `whole` tells whether its question, rules, level or set of categories differ, so that every
    code may be concerned; `values` are the categories that are defined in other words or are gone.
    """

    variable: str
    whole: bool
    values: tuple[str, ...]

    def concerns(self, value: str) -> bool:
        """Tell whether a code of this value may be another one by the new rules."""
        return self.whole or value in self.values


def changes(old: Codebook, new: Codebook) -> dict[str, Change]:
    """Say what NEW changes in the variables that OLD has too, by the ids codes are stored by."""
    now = _by_id(new.variables)
    found: dict[str, Change] = {}
    for name, before in _by_id(old.variables).items():
        after = now.get(name)
        if after is None or after == before:
            continue
        change = _change(before, after)
        if change.whole or change.values:
            found |= {part.id: replace(change, variable=part.id) for part in after.parts}
    return found


def _by_id(variables: Iterable[Variable]) -> dict[str, Variable]:
    return {variable.id: variable for variable in variables}


def _change(before: Variable, after: Variable) -> Change:
    asked = [
        (v.question, v.rules, v.level, v.unit, tuple(c.id for c in v.choices))
        for v in (before, after)
    ]
    now = {c.id: (c.definition, c.include, c.exclude) for c in after.choices}
    reworded = [
        c.id for c in before.choices if now.get(c.id) != (c.definition, c.include, c.exclude)
    ]
    # a tick of one category of `multiple` is a yes or a no, and either may change
    everything = asked[0] != asked[1] or (after.level == "multiple" and bool(reworded))
    return Change(variable=after.id, whole=everything, values=tuple(reworded))


def to_look_at_again(
    codes: pd.DataFrame, *, codebook: Codebook, kept: Mapping[str, Codebook]
) -> pd.DataFrame:
    """The current codes, of those in CODES, that a rule changed since may concern.

    CODES are as the store gives them, KEPT the versions; the rows returned are each coder's latest
    code of a unit and variable, where it was made by an older version and what CODEBOOK says of
    its variable or value is not what that version said.
    """
    latest = current(codes)
    told = {
        version: changes(book, codebook)
        for version, book in kept.items()
        if version != codebook.version
    }
    marked = [
        (change := told.get(version, {}).get(variable)) is not None and change.concerns(value)
        for version, variable, value in zip(
            latest["codebook_version"], latest["variable"], latest["value"], strict=True
        )
    ]
    return latest[pd.Series(marked, index=latest.index, dtype="bool")]
