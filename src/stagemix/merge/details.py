"""What stands beside the verdicts: naive lines, robustness, which accounts moved, what was reached."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stagemix.merge.cells import Cells, cell_estimates, raw_cells
from stagemix.merge.converge import balanced
from stagemix.merge.measures import measures
from stagemix.merge.moved import account_changes, spans
from stagemix.merge.reached import reached_table
from stagemix.merge.robustness import robustness
from stagemix.mix.groups import group_names, groups_of
from stagemix.mix.misfit import Misfit, misfit
from stagemix.mix.sample import Labelled

MEASURES = ("above_publish", "within", "total", "between")


@dataclass(frozen=True, kw_only=True)
class Details:
    """Tables beside the verdicts.

    `lines` has a row per measure and period, `corrected` and `labels` (nan where the corrected
    one does not exist); `robustness`, `moved`, `reached` and `misfit` are as in the modules of
    those names; `moved` is from the periods of the first of `spans` to those of the second.
    """

    lines: pd.DataFrame
    robustness: pd.DataFrame
    moved: pd.DataFrame
    spans: tuple[tuple[str, ...], tuple[str, ...]]
    reached: pd.DataFrame
    misfit: Misfit


def details_of(
    data: Labelled,
    *,
    by: tuple[str, ...],
    accounts: pd.DataFrame | None = None,
    between: tuple[str, str] | None = None,
) -> Details:
    """Compute what stands beside the verdicts of `converge`, which takes the same arguments.

    BETWEEN names the two periods of the accounts' changes, by default the two halves.
    """
    account, period = group_names(data.posts, by=by, accounts=accounts)
    groups = groups_of(account, period)
    every, raw = cell_estimates(data, groups), raw_cells(data, groups)
    cells = balanced(every, by=by)
    early, late = (tuple(sorted(names)) for names in spans(groups, between))
    same = raw.of_accounts(np.asarray(every.there.all(axis=1)))
    return Details(
        lines=_lines(cells, same),
        robustness=robustness(cells, every=every, raw=same),
        moved=account_changes(data, groups, between=between),
        spans=(early, late),
        reached=reached_table(data, by=by, accounts=accounts),
        misfit=misfit(data, account=account, period=period),
    )


def _lines(cells: Cells, raw: Cells) -> pd.DataFrame:
    corrected, labels = measures(cells), measures(raw)
    rows = []
    for name in MEASURES:
        held = cells.paired or name == "above_publish"
        for t, period in enumerate(cells.periods):
            rows.append(
                {
                    "measure": name,
                    "period": period,
                    "corrected": getattr(corrected, name)[0, t] if held else float("nan"),
                    "labels": getattr(labels, name)[0, t],
                }
            )
    return pd.DataFrame(rows)
