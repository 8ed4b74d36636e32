"""How far the changes of u, W and Tot depend on one account, one period, the panel, the codes."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.merge.cells import Cells
from stagemix.merge.measures import jackknife, measures, slope_changes
from stagemix.mix.limits import LEAST_PERIODS

Floats = NDArray[np.float64]
COLUMNS = ("what", "left_out", "measure", "change", "low", "high", "accounts")
MEASURES = ("above_publish", "within", "total")
AS_IT_IS, UNBALANCED, LABELS = "balanced panel", "every account", "labels, uncorrected"
WITHOUT_ACCOUNT, WITHOUT_PERIOD = "without an account", "without a period"


def robustness(balanced: Cells, *, every: Cells, raw: Cells) -> pd.DataFrame:
    """Recompute the changes of u, W and Tot in other ways; one row per way and measure.

    BALANCED are the accounts that are in all periods; EVERY also those that come and go, each
    period over the accounts it has; RAW the balanced panel from labels alone (`cells.raw_cells`),
    which a naive analysis would show. Where a period is left out, the slope is over the others
    and the change still over the whole study. `low` and `high` are 95% intervals, nan where an
    account is left out (the jackknife is made of those). W and Tot are missing where the codes
    have no pairs.
    """
    rows: list[dict[str, object]] = []
    for what, cells in ((AS_IT_IS, balanced), (UNBALANCED, every), (LABELS, raw)):
        rows += _whole(cells, what=what)
    for name in MEASURES:
        if len(balanced.accounts) > 2 and (balanced.paired or name == "above_publish"):
            changes = slope_changes(getattr(measures(balanced), name))[1:]
            rows += [
                _row(WITHOUT_ACCOUNT, name, account, float(x), len(balanced.accounts) - 1)
                for account, x in zip(balanced.accounts, changes, strict=True)
            ]
    if len(balanced.periods) > LEAST_PERIODS:
        for t, period in enumerate(balanced.periods):
            rows += _whole(balanced, what=WITHOUT_PERIOD, period=period, at=t)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(what: str, name: str, left_out: str, change: float, accounts: int) -> dict[str, object]:
    row = dict.fromkeys(COLUMNS, None) | {"what": what, "left_out": left_out, "measure": name}
    return row | {"change": change, "low": np.nan, "high": np.nan, "accounts": accounts}


def _whole(
    cells: Cells, *, what: str, period: str = "", at: int | None = None
) -> list[dict[str, object]]:
    if cells.there.sum(axis=0).min() < 3:
        return []
    cells = cells.of_accounts(np.asarray(cells.there.any(axis=1)))
    found = measures(cells)
    kept = np.arange(len(cells.periods)) != at
    out = []
    for name in MEASURES:
        if not cells.paired and name != "above_publish":
            continue
        change = jackknife(slope_changes(getattr(found, name), kept=kept))
        row = _row(what, name, period, change.change, len(cells.accounts))
        out.append(row | {"low": change.low, "high": change.high})
    return out
