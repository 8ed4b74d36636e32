"""How far coders agree: percent agreement and Krippendorff's alpha.

A matrix of codes has one row per unit and one column per coder; values are positions in the
variable's list of categories (0, 1, 2, ...), nan where a coder did not code the unit.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.codes.codebook import Variable
from stagemix.errors import DataError, several

Floats = NDArray[np.float64]


def coincidences(matrix: Floats, *, values: int) -> Floats:
    """Count the coincidence matrix o_ck (Krippendorff 2018, ch. 12, eq. for o_ck).

    MATRIX is units x coders as in the module's first lines; VALUES the number of categories.
    Each unit with m >= 2 codes adds its m(m-1) ordered pairs, each weighing 1/(m-1). Returns a
    symmetric VALUES x VALUES array whose sum is the number of pairable codes.
    """
    out = np.zeros((values, values))
    for row in matrix:
        codes = row[~np.isnan(row)].astype(np.intp)
        if len(codes) > 1:
            counts = np.bincount(codes, minlength=values).astype(np.float64)
            out += (np.outer(counts, counts) - np.diag(counts)) / (len(codes) - 1)
    return out


def nominal_distance(margins: Floats) -> Floats:
    """Squared distances between nominal values: 0 on the diagonal, 1 elsewhere."""
    return 1.0 - np.eye(len(margins))


def ordinal_distance(margins: Floats) -> Floats:
    """Squared distances between ranks (Krippendorff 2018, ch. 12): the codes that lie between.

    delta_ck = sum of the margins n_g from c to k, less half of n_c and of n_k, squared.
    """
    below = np.cumsum(margins) - margins / 2
    distance: Floats = (below[:, None] - below[None, :]) ** 2
    return distance


def krippendorff_alpha(matrix: Floats, *, values: int, level: str) -> float | None:
    """Krippendorff's alpha, 1 - D_o/D_e, for LEVEL `nominal` or `ordinal`.

    Returns None where it is not defined: no unit with two codes, or no variation in the codes.
    """
    o = coincidences(matrix, values=values)
    margins = o.sum(axis=1)
    n = margins.sum()
    distance = {"nominal": nominal_distance, "ordinal": ordinal_distance}[level](margins)
    expected = (np.outer(margins, margins) * distance).sum()
    if n == 0 or expected == 0:
        return None
    return float(1 - (n - 1) * (o * distance).sum() / expected)


def percent_agreement(matrix: Floats, *, values: int) -> float | None:
    """Share of agreeing pairs of codes on the same unit, each unit weighing by its codes."""
    o = coincidences(matrix, values=values)
    n = o.sum()
    return None if n == 0 else float(np.trace(o) / n)


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """The agreement on one variable; a coefficient is None where it is not defined.

    `units` were coded at least twice, `single` once. `alpha_ordinal` is only for ordinal
    variables and leaves out codes `uncodable`, which stand on no scale; the other two keep them
    as a category of their own. `reason` says why a coefficient is None; it is of the ordinal one
    alone where it begins with `alpha ordinal`.
    """

    variable: str
    level: str
    coders: tuple[str, ...]
    units: int
    single: int
    uncodable: int
    disagreements: int
    percent_agreement: float | None
    alpha_nominal: float | None
    alpha_ordinal: float | None
    counts: dict[str, dict[str, int]]
    reason: str


def reliability(codes: pd.DataFrame, *, variable: Variable) -> Reliability:
    """Compute the agreement on VARIABLE from codes in long form.

    CODES has columns `unit`, `coder`, `value`, one row per unit and coder; values are category
    ids of the variable. Raises DataError naming values that it does not have.
    """
    ids = list(variable.labels) if variable.level != "text" else sorted(set(codes["value"]))
    odd = codes.loc[~codes["value"].isin(ids), "value"].unique()
    if len(odd):
        raise DataError(
            f"variable {variable.id}: codes hold {several(odd)}, which the codebook no longer has; "
            f"known are {several(ids, most=12)}"
        )
    wide = codes.pivot(index="unit", columns="coder", values="value")
    matrix = wide.apply(lambda column: column.map({v: i for i, v in enumerate(ids)}))
    numbers = matrix.to_numpy(dtype="float64")
    scale = len(variable.values)
    on_scale = np.where(numbers < scale, numbers, np.nan)
    given = (~np.isnan(numbers)).sum(axis=1)
    highest, lowest = matrix.max(axis=1), matrix.min(axis=1)
    nominal = krippendorff_alpha(numbers, values=len(ids), level="nominal")
    reason = _reason(numbers, alpha=nominal)
    ordinal = None
    if variable.level == "ordinal":
        ordinal = krippendorff_alpha(on_scale, values=scale, level="ordinal")
        why = _reason(on_scale, alpha=ordinal)
        reason = reason or (why and f"alpha ordinal {why}, uncodable left out")
    return Reliability(
        variable=variable.id,
        level=variable.level,
        coders=tuple(str(name) for name in wide.columns),
        units=int((given > 1).sum()),
        single=int((given == 1).sum()),
        uncodable=int((numbers >= scale).sum()) if variable.uncodable else 0,
        disagreements=int((highest != lowest).sum()),
        percent_agreement=percent_agreement(numbers, values=len(ids)),
        alpha_nominal=nominal,
        alpha_ordinal=ordinal,
        counts={str(name): {v: int((wide[name] == v).sum()) for v in ids} for name in wide.columns},
        reason=reason,
    )


def _reason(matrix: Floats, *, alpha: float | None) -> str:
    if not ((~np.isnan(matrix)).sum(axis=1) > 1).any():
        return "undefined: no unit has two codes"
    if alpha is None:
        return "undefined: no variation in the codes"
    return ""
