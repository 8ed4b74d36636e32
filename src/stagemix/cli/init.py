"""`stagemix init`."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="The folder.")] = Path(),
) -> None:
    """Make a study folder: study.toml, the default codebook, coding/, corpora/, models/.

    Nothing that is there already is overwritten.

    Example: stagemix init 政务微信研究
    """
    from stagemix.study.folder import init_study

    written, kept = init_study(folder)
    for path in written:
        print(f"wrote  {path}")
    for path in kept:
        print(f"kept   {path} (it was there already)")
    print(f"Next: stagemix import FILES --to {folder / 'corpora' / 'posts'}")
