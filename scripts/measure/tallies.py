"""Figures of simulations as ratios of sums over replicates, with their Monte Carlo errors."""

from typing import NamedTuple

import numpy as np
import pandas as pd

KEYS = ["part", "world", "method", "figure"]


class Tally(NamedTuple):
    """What one replicate adds to a figure: the figure is the sum of `top` over that of `bottom`."""

    part: str
    world: str
    method: str
    figure: str
    top: float
    bottom: float


def summary(tallies: list[Tally]) -> pd.DataFrame:
    """Return a row per figure: `KEYS`, `value`, `se`, `replicates`.

    The Monte Carlo standard error of the ratio is the linearised one (Cochran 1977, eq. 6.13),
    nan with one replicate.
    """
    table = pd.DataFrame(tallies)
    rows = []
    for key, own in table.groupby(KEYS, sort=False):
        top, bottom = own["top"].to_numpy("float64"), own["bottom"].to_numpy("float64")
        if bottom.sum() == 0:
            continue
        value, n = top.sum() / bottom.sum(), len(own)
        spread = np.sqrt(n / (n - 1) * ((top - value * bottom) ** 2).sum()) if n > 1 else np.nan
        rows.append((*key, value, spread / abs(bottom.sum()), n))
    return pd.DataFrame(rows, columns=[*KEYS, "value", "se", "replicates"])


def mean_over(figures: pd.DataFrame, *, worlds: tuple[str, ...], name: str) -> pd.DataFrame:
    """Return the figures averaged over independent WORLDS, as rows of a world called NAME.

    Figures that one of the worlds has not are left out.
    """
    own = figures[figures["world"].isin(worlds)]
    rows = []
    for (part, method, figure), each in own.groupby(["part", "method", "figure"], sort=False):
        if len(each) == len(worlds):
            se = np.sqrt((each["se"] ** 2).sum(min_count=len(each))) / len(each)
            row = (part, name, method, figure, each["value"].mean(), se, each["replicates"].min())
            rows.append(row)
    return pd.DataFrame(rows, columns=figures.columns)
