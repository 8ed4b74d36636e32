"""Coefficients of agreement (docs/reliability.md, sections 2 to 6).

`matrix` (units, coders) holds positions in the variable's list of categories, 0 to K - 1, nan where
there is no code. `counts` (units, K) says how many coders gave a unit each value; `o` (K, K) are
coincidences; `table` (K, K) counts the units to which one coder gave the row's value and another
the column's. A coefficient is None where it is not defined.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Distance = Callable[[Floats], Floats]
"""From the margins (..., K) of the coincidences to squared distances between values (..., K, K)."""

NO_PAIRS = "undefined: no unit has two codes"
NO_VARIATION = "undefined: no variation, all codes are of one category"


def counts_of(matrix: Floats, *, values: int) -> Floats:
    """Count the codes of each value per unit, (units, VALUES)."""
    counts: Floats = (matrix[:, :, None] == np.arange(values)).sum(axis=1).astype(np.float64)
    return counts


def pairable(counts: Floats) -> Floats:
    """Keep the units with two codes or more: the others say nothing on agreement."""
    kept: Floats = counts[counts.sum(axis=1) > 1]
    return kept


def why_undefined(counts: Floats) -> str:
    """Say why nothing can be corrected for chance; blank where it can."""
    used = pairable(counts)
    if len(used) == 0:
        return NO_PAIRS
    return NO_VARIATION if np.count_nonzero(used.sum(axis=0)) < 2 else ""


def coincidences(counts: Floats) -> Floats:
    """Count the coincidence matrix o_ck (Krippendorff 2018, ch. 12), (K, K).

    Each unit with m >= 2 codes adds its m(m-1) ordered pairs, each weighing 1/(m-1); the sum is
    the number of pairable codes.
    """
    used = pairable(counts)
    weighed = used / (used.sum(axis=1, keepdims=True) - 1)
    o: Floats = weighed.T @ used - np.diag(weighed.sum(axis=0))
    return o


def nominal_distance(margins: Floats) -> Floats:
    """Squared distances between nominal values: 0 on the diagonal, 1 elsewhere."""
    k = margins.shape[-1]
    return np.broadcast_to(1.0 - np.eye(k), (*margins.shape, k))


def ordinal_distance(margins: Floats) -> Floats:
    """Squared distances between ranks (Krippendorff 2018, ch. 12): the codes that lie between.

    delta_ck = sum of the margins n_g from c to k, less half of n_c and of n_k, squared.
    """
    middle = np.cumsum(margins, axis=-1) - margins / 2
    distance: Floats = (middle[..., :, None] - middle[..., None, :]) ** 2
    return distance


def interval_distance(margins: Floats) -> Floats:
    """Squared differences between positions, (c - k)^2: for values that are equally spaced."""
    k = margins.shape[-1]
    place = np.arange(k, dtype=np.float64)
    return np.broadcast_to((place[:, None] - place) ** 2, (*margins.shape, k))


DISTANCES: dict[str, Distance] = {
    "nominal": nominal_distance,
    "ordinal": ordinal_distance,
    "interval": interval_distance,
}


def alphas(o: Floats, *, distance: Distance) -> Floats:
    """Krippendorff's alpha, 1 - D_o/D_e (2018, ch. 12), of each coincidence matrix in O (..., K, K).

    Returns nan where one is not defined: no pairs, or no variation in the codes.
    """
    margins = o.sum(axis=-1)
    n = margins.sum(axis=-1)
    apart = distance(margins)
    observed = (o * apart).sum(axis=(-2, -1))
    expected = (margins[..., :, None] * margins[..., None, :] * apart).sum(axis=(-2, -1))
    found: Floats = 1 - (n - 1) * observed / np.where(expected > 0, expected, np.nan)
    return found


def krippendorff_alpha(counts: Floats, *, distance: Distance) -> float | None:
    """Krippendorff's alpha of units coded by any number of coders, with codes missing."""
    found = float(alphas(coincidences(counts), distance=distance))
    return None if np.isnan(found) else found


def percent_agreement(counts: Floats) -> float | None:
    """Share of agreeing pairs of codes on the same unit, each code weighing the same: 1 - D_o."""
    o = coincidences(counts)
    n = o.sum()
    return None if n == 0 else float(np.trace(o) / n)


def identity_weights(values: int) -> Floats:
    """Full credit for the same value, none for another, (VALUES, VALUES)."""
    return np.eye(values)


def linear_weights(values: int) -> Floats:
    """Credit 1 - |c - k|/(K - 1) (Cicchetti & Allison 1971)."""
    place = np.arange(values)
    credit: Floats = 1 - np.abs(place[:, None] - place) / (values - 1)
    return credit


def quadratic_weights(values: int) -> Floats:
    """Credit 1 - (c - k)^2/(K - 1)^2 (Fleiss & Cohen 1973)."""
    place = np.arange(values)
    credit: Floats = 1 - (place[:, None] - place) ** 2 / (values - 1) ** 2
    return credit


def ordinal_weights(values: int) -> Floats:
    """Credit 1 - C(|c - k| + 1, 2)/C(K, 2) (Gwet 2014, ch. 3)."""
    place = np.arange(values)
    apart = np.abs(place[:, None] - place)
    credit: Floats = 1 - apart * (apart + 1) / (values * (values - 1))
    return credit


def table_of(first: Floats, second: Floats, *, values: int) -> Floats:
    """Cross the codes of two coders, each (units,) as in a matrix, on the units both coded."""
    both = ~np.isnan(first) & ~np.isnan(second)
    cells = first[both].astype(np.intp) * values + second[both].astype(np.intp)
    counted = np.bincount(cells, minlength=values**2).astype(np.float64)
    return counted.reshape(values, values)


def cohen_kappa(table: Floats, *, weights: Floats) -> float | None:
    """Cohen's kappa of two coders (1960), weighted (1968) by WEIGHTS (K, K), 1 on its diagonal.

    kappa = 1 - sum v p_ck / sum v p_c. p_.k with v = 1 - weights.
    """
    return _less_chance(table, table.sum(axis=1), table.sum(axis=0), lost=1 - weights)


def scott_pi(table: Floats) -> float | None:
    """Scott's pi of two coders (1955): as kappa, with the coders' mean margins on both sides."""
    margins = (table.sum(axis=1) + table.sum(axis=0)) / 2
    return _less_chance(table, margins, margins, lost=1 - np.eye(len(table)))


def _less_chance(table: Floats, rows: Floats, columns: Floats, *, lost: Floats) -> float | None:
    n = table.sum()
    expected = (np.outer(rows, columns) * lost).sum()
    if n == 0 or expected == 0:
        return None
    return float(1 - n * (table * lost).sum() / expected)


def fleiss_kappa(counts: Floats) -> float | None:
    """Fleiss' kappa (1971), for unequal numbers of codes as in Gwet (2014, ch. 2).

    Agreement is averaged over the units with two codes or more, the margins over all with one.
    """
    if why_undefined(counts):
        return None
    shares = _margins(counts)
    agreed, chance = _agreed(counts, np.eye(counts.shape[1])), (shares**2).sum()
    return float((agreed - chance) / (1 - chance))


def gwet_ac(counts: Floats, *, weights: Floats) -> float | None:
    """Gwet's AC1 (2008), with other WEIGHTS (K, K) than the identity AC2 (2014, ch. 4 and 5).

    Chance is sum(weights) / (K (K - 1)) sum_k s_k (1 - s_k), s the margins and K all categories
    that the variable has. None without variation too, where the formula would give 1.
    """
    if why_undefined(counts):
        return None
    values = counts.shape[1]
    shares = _margins(counts)
    chance = weights.sum() / (values * (values - 1)) * (shares * (1 - shares)).sum()
    return float((_agreed(counts, weights) - chance) / (1 - chance))


def _margins(counts: Floats) -> Floats:
    coded = counts[counts.sum(axis=1) > 0]
    shares: Floats = (coded / coded.sum(axis=1, keepdims=True)).mean(axis=0)
    return shares


def _agreed(counts: Floats, weights: Floats) -> float:
    used = pairable(counts)
    m = used.sum(axis=1)
    return float(((used * (used @ weights - 1)).sum(axis=1) / (m * (m - 1))).mean())


def holsti(agreed: float, *, first: float, second: float) -> float | None:
    """Holsti's R = 2M/(N1 + N2) (1969, ch. 6): M codes alike of N1 and N2 decisions; no chance."""
    return None if first + second == 0 else 2 * agreed / (first + second)


def composite_reliability(mean: float, *, coders: int) -> float:
    """Composite reliability nR/(1 + (n - 1)R) (Holsti 1969, ch. 6) of the MEAN R of n CODERS."""
    return coders * mean / (1 + (coders - 1) * mean)
