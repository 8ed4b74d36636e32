"""What may be said of merging and alikeness, from intervals and tests (sections 4c and 4d)."""

from collections.abc import Mapping

from stagemix.merge.alike import Alikeness
from stagemix.merge.measures import Change
from stagemix.mix.limits import MERGING_CODES

YES, CANNOT_TELL, TOO_FEW, NOT_TESTED = "yes", "cannot_tell", "too_few", "not_tested"
UP, DOWN = "up", "down"
MERGED, REPLACED, UPGRADED, UNDECIDED = "merging", "replacement", "upgrade", "undecided"


def verdict_of(change: Change) -> str:
    """Return `up` or `down` where the 95% interval leaves 0 out, else `cannot_tell`."""
    if change.low > 0:
        return UP
    return DOWN if change.high < 0 else CANNOT_TELL


def merging_of(verdicts: Mapping[str, str], *, codes: int, complete: bool) -> str:
    """Decide whether the stages came together within accounts.

    VERDICTS maps `within` and `total` to theirs. `yes` only where the diversity within accounts
    and that of the mean mix both rose: a rise within alone is also what accounts that become
    alike show. `too_few` where nothing was tested, or below `MERGING_CODES` unless COMPLETE
    (every post coded); a rise not found is `cannot_tell`, never a no.
    """
    if TOO_FEW in (verdicts["within"], verdicts["total"]):
        return TOO_FEW
    if codes < MERGING_CODES and not complete:
        return TOO_FEW
    return YES if verdicts["within"] == verdicts["total"] == UP else CANNOT_TELL


def word_of(verdicts: Mapping[str, str], *, merging: str, fewer_publish: bool) -> str:
    """Return the word for how the stages moved.

    `merging` (融合): W and Tot rose; `replacement` (替代): they rose while the posts of the first
    category per account and month fell, FEWER_PUBLISH; `upgrade` (升级): u rose and W fell;
    `undecided` (尚不能判断): all else.
    """
    if merging == YES:
        return REPLACED if fewer_publish else MERGED
    if merging == CANNOT_TELL and (verdicts["above_publish"], verdicts["within"]) == (UP, DOWN):
        return UPGRADED
    return UNDECIDED


def alike_of(alikeness: Alikeness | None, *, too_small: bool) -> str:
    """Decide whether accounts became alike; a test that does not reject is `cannot_tell`."""
    if too_small:
        return TOO_FEW
    if alikeness is None:
        return NOT_TESTED
    return YES if alikeness.alike else CANNOT_TELL
