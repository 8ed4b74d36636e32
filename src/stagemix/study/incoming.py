"""Files of codes of a study read: workbooks that were handed out, and tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stagemix.codes.codebook import Codebook
from stagemix.codes.incoming import check_once, read_long_codes
from stagemix.codes.rounds import read_round
from stagemix.codes.sheets_back import is_sheet, read_sheet
from stagemix.codes.versions import keep_version, kept_versions
from stagemix.errors import DataError
from stagemix.study.folder import Study


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A file of codes: of which round, and by which version of the codebook.

    `table` is as `codes.incoming.read_long_codes` gives it.
    """

    file: Path
    round: str
    codebook: Codebook
    table: pd.DataFrame


def read_files(study: Study, files: Sequence[Path], *, round_: str | None) -> list[Incoming]:
    """Read workbooks (.xlsx, as handed out) and tables of codes.

    ROUND_ is the round of tables, which do not name one; a workbook must be of it where it is
    given. Raises DataError naming the rows that do not fit, or that say one thing twice in
    several files of a round.
    """
    codebook = keep_version(study.coding)
    versions = kept_versions(study.coding)
    found: list[Incoming] = []
    for path in files:
        if path.suffix.lower() == ".xlsx" and (round_ is None or is_sheet(path)):
            sheet = read_sheet(path, versions=versions)
            if round_ not in (None, sheet.round):
                raise DataError(
                    f"{path}: is of round {sheet.round}, not {round_}; leave --round out"
                )
            one = Incoming(file=path, round=sheet.round, codebook=sheet.codebook, table=sheet.codes)
        else:
            name = round_ or study.round
            kind = read_round(name, study.rounds).kind
            table = read_long_codes(path, codebook=codebook, kind=kind)
            one = Incoming(file=path, round=name, codebook=codebook, table=table)
        found.append(one)
    for name in dict.fromkeys(one.round for one in found):
        tables = [
            one.table.set_axis([f"{one.file.name}:{row}" for row in one.table.index])
            for one in found
            if one.round == name
        ]
        check_once(pd.concat(tables), where="the files together")
    return found
