"""Whether a coder's codes change as the coding goes on (docs/reliability.md, section 9)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from stagemix.codes.agreed import agreed_codes, independent
from stagemix.codes.codebook import Variable
from stagemix.codes.coefficients import (
    DISTANCES,
    Floats,
    counts_of,
    krippendorff_alpha,
    why_undefined,
)
from stagemix.codes.figures import ALPHAS
from stagemix.codes.reliability import matrix_of
from stagemix.errors import DataError

BLOCKS = 4


@dataclass(frozen=True, kw_only=True)
class Block:
    """A stretch of the units that one coder coded, in the order coded: `block` 1, 2, ...

    `with_others` is the share of the other coders' codes on these units that are the same, of
    `others` in all; `with_agreed` the share of own codes that are the agreed value, of `agreed`
    units that have one from several coders or settled. `alpha` is of all coders on these units, at
    the variable's own level, None where `reason` says why. `shares` are of the coder's own codes.
    """

    coder: str
    block: int
    units: int
    with_others: float | None
    others: int
    with_agreed: float | None
    agreed: int
    alpha: float | None
    reason: str
    shares: dict[str, float]


def drift(codes: pd.DataFrame, *, variable: Variable, blocks: int = BLOCKS) -> list[Block]:
    """Follow each coder over BLOCKS stretches of equally many units, by time, then order stored.

    CODES are as the store gives them, by one version of the codebook; first independent codes are
    used. Raises DataError where BLOCKS is below 2. A text variable has none.
    """
    if blocks < 2:
        raise DataError(f"--blocks {blocks}: at least 2, to compare early codes with late ones")
    mine = codes[codes["variable"] == variable.id]
    own = independent(mine)
    if variable.level == "text" or own.empty:
        return []
    coders, matrix = matrix_of(own, variable=variable)
    units = pd.Index(sorted(own["unit"].unique()))
    agreed = _agreed(mine, variable=variable).reindex(units).to_numpy(dtype="float64")
    found = []
    for column, coder in enumerate(coders):
        order = units.get_indexer(_in_order(own[own["coder"] == coder]))
        for number, rows in enumerate(_stretches(order, blocks), start=1):
            found.append(
                _block(
                    matrix[rows],
                    agreed[rows],
                    column=column,
                    coder=coder,
                    number=number,
                    variable=variable,
                )
            )
    return found


def _agreed(codes: pd.DataFrame, *, variable: Variable) -> pd.Series:
    place = {value: i for i, value in enumerate(variable.labels)}
    table = agreed_codes(codes, variable=variable.id).codes
    shared = table[table["how"] != "single"].set_index("unit")["value"]
    return shared.map(place)


def _in_order(own: pd.DataFrame) -> pd.Series:
    # files from elsewhere have no times; their rows stay in order
    times = pd.to_datetime(own["coded_at"], format="ISO8601", utc=True, errors="coerce")
    ordered = own.assign(at=times).sort_values("at", kind="stable", na_position="first")
    return ordered["unit"]


def _stretches(order: np.ndarray, blocks: int) -> Iterator[np.ndarray]:
    ends = np.linspace(0, len(order), blocks + 1).round().astype(int)
    return (order[start:end] for start, end in pairwise(ends) if end > start)


def _block(
    matrix: Floats,
    agreed: Floats,
    *,
    column: int,
    coder: str,
    number: int,
    variable: Variable,
) -> Block:
    k = len(variable.values)
    own, rest = matrix[:, column], np.delete(matrix, column, axis=1)
    others, settled = ~np.isnan(rest), ~np.isnan(agreed)
    counts = counts_of(matrix, values=k)
    return Block(
        coder=coder,
        block=number,
        units=len(own),
        with_others=_share((rest == own[:, None])[others]),
        others=int(others.sum()),
        with_agreed=_share((agreed == own)[settled]),
        agreed=int(settled.sum()),
        alpha=krippendorff_alpha(counts, distance=DISTANCES[ALPHAS[variable.level][-1]]),
        reason=why_undefined(counts),
        shares={value: float((own == place).mean()) for place, value in enumerate(variable.labels)},
    )


def _share(hits: np.ndarray) -> float | None:
    return float(hits.mean()) if len(hits) else None
