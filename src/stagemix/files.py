"""Writing files whole or not at all."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stagemix.errors import DataError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a file beside PATH to write to; it takes PATH's place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # readers look for endings, so that what a killed run leaves behind is never taken for data
    keep = path.suffix if path.suffix == ".xlsx" else ""
    # a command beside a running page may write the same file at the same time
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part{keep}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def check_folder(path: Path) -> None:
    """Raise DataError, before any work is done, where PATH or a folder above it is a file."""
    for place in (path, *path.parents):
        if place.exists() and not place.is_dir():
            raise DataError(f"{path}: {place.name} is a file, not a folder; name another --out")
