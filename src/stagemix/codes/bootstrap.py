"""Intervals for Krippendorff's alpha by resampling units (docs/reliability.md, section 7)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stagemix.codes.coefficients import Distance, Floats, alphas, coincidences, pairable

TENTATIVE, RELIABLE = 0.667, 0.8
"""Alpha from which Krippendorff (2004, 2018) allows tentative conclusions, and relies on data."""
RESAMPLES = 1000
PERFECT = "no two codes differ, so resampling cannot show how far alpha is uncertain"
NONE_DEFINED = "no resample has variation in its codes"
AT_ONCE = 1 << 22
"""Cells of the resamples that are held at a time."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The 95% interval of an alpha from RESAMPLES, of which `undefined` had no variation.

    Those are left out. `below_tentative` and `below_reliable` are the shares of the others in
    which alpha is below .667 and .8. All four figures are None where `note` says why.
    """

    low: float | None
    high: float | None
    below_tentative: float | None
    below_reliable: float | None
    resamples: int
    undefined: int
    note: str = ""


def resampled(counts: Floats, *, resamples: int, rng: np.random.Generator) -> Floats:
    """Draw units with replacement; returns the coincidences (RESAMPLES, K, K) of each draw.

    COUNTS (units, K) is as in `coefficients`; units without two codes are left out. Units with the
    same counts add the same coincidences, so a resample is a multinomial draw of such patterns.
    """
    used = pairable(counts)
    patterns, units = np.unique(used, axis=0, return_counts=True)
    each = np.stack([coincidences(pattern[None]).ravel() for pattern in patterns])
    step = max(1, AT_ONCE // len(patterns))
    parts = []
    for start in range(0, resamples, step):
        draws = rng.multinomial(
            len(used), units / len(used), size=min(step, resamples - start)
        ).astype(np.float64)
        parts.append(draws @ each)
    k = used.shape[1]
    return np.concatenate(parts).reshape(resamples, k, k)


def alpha_intervals(
    counts: Floats, *, distances: Mapping[str, Distance], resamples: int, seed: int
) -> dict[str, Interval]:
    """Compute the interval of alpha for each of DISTANCES, from the same resamples.

    COUNTS must have variation among the units with two codes. The ends are the 2.5% and 97.5%
    percentiles (Efron & Tibshirani 1993, ch. 13; for alpha, Zapf et al. 2016).
    """
    o = coincidences(counts)
    if not (o - np.diag(np.diag(o))).any():
        return {name: _without(PERFECT, resamples=0, undefined=0) for name in distances}
    drawn = resampled(counts, resamples=resamples, rng=np.random.default_rng(seed))
    return {
        name: interval_of(alphas(drawn, distance=distance)) for name, distance in distances.items()
    }


def interval_of(found: Floats) -> Interval:
    """Read the interval off the alphas (R,) of resamples, nan where one is not defined."""
    kept = found[~np.isnan(found)]
    undefined = len(found) - len(kept)
    if len(kept) == 0:
        return _without(NONE_DEFINED, resamples=len(found), undefined=undefined)
    low, high = np.quantile(kept, [0.025, 0.975])
    return Interval(
        low=float(low),
        high=float(high),
        below_tentative=float((kept < TENTATIVE).mean()),
        below_reliable=float((kept < RELIABLE).mean()),
        resamples=len(found),
        undefined=undefined,
    )


def _without(note: str, *, resamples: int, undefined: int) -> Interval:
    return Interval(
        low=None,
        high=None,
        below_tentative=None,
        below_reliable=None,
        resamples=resamples,
        undefined=undefined,
        note=note,
    )
