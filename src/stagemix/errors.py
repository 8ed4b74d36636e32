"""What can go wrong with a user's files, said in one line: what, where, what to do next."""

from collections.abc import Iterable


class StagemixError(Exception):
    """Base of every error that a user can mend; its text is one line."""


class DataError(StagemixError, ValueError):
    """A file was read, and what stands in it does not fit."""


class MissingError(StagemixError, FileNotFoundError):
    """A file, a folder or a part of a study that a command needs is not there."""


def several(items: Iterable[object], *, most: int = 5) -> str:
    """Join ITEMS for an error line, the first MOST of them and how many more there are."""
    texts = [str(item) for item in items]
    rest = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {rest} more" if rest > 0 else "")
