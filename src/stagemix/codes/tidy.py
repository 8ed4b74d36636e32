"""The figures on agreement as one table, a row for each, and as objects, for machines."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

import pandas as pd

from stagemix.codes.figures import Figure, Pair
from stagemix.codes.reliability import Reliability

COLUMNS = (
    "variable", "level", "version", "stage", "coefficient", "category", "pair", "units", "value",
    "low", "high", "below_tentative", "below_reliable", "resamples", "undefined_resamples", "reason",
)  # fmt: skip
BESIDE = "beside"


def tidy(found: Iterable[Reliability]) -> pd.DataFrame:
    """A row for every figure: of all coders, of each category, of each pair (COLUMNS)."""
    rows = [
        _row(figure, r.variable, r.level, r.version, r.stage)
        for r in found
        for figure in _all_of(r)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def tidy_beside(pairs: Sequence[Pair], *, variable: str, version: str) -> pd.DataFrame:
    """The rows of codes that stand beside, their `stage` BESIDE."""
    rows = [_row(figure, variable, "", version, BESIDE) for p in pairs for figure in p.figures]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _all_of(found: Reliability) -> list[Figure]:
    every = [*found.figures, *(figure for pair in found.pairs for figure in pair.figures)]
    if not every:
        return [Figure(coefficient="", value=None, units=0, reason=found.reason)]
    return every


def _row(figure: Figure, variable: str, level: str, version: str, stage: str) -> dict[str, object]:
    between = figure.interval
    row: dict[str, object] = {
        "variable": variable,
        "level": level,
        "version": version,
        "stage": stage,
        "coefficient": figure.coefficient,
        "category": figure.category,
        "pair": figure.pair,
        "units": figure.units,
        "value": figure.value,
        "reason": figure.reason,
    }
    if between is not None:
        row |= {
            "low": between.low,
            "high": between.high,
            "below_tentative": between.below_tentative,
            "below_reliable": between.below_reliable,
            "resamples": between.resamples,
            "undefined_resamples": between.undefined,
            "reason": figure.reason or between.note,
        }
    return row


def as_object(found: Reliability) -> dict[str, object]:
    """All of a Reliability as plain objects, the figures of all coders by name on top as well."""
    short = {f.coefficient: f.value for f in found.figures if not f.category}
    return {**asdict(found), **short}
