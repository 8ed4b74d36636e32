"""How many units to code: for a share as precise as wanted, and for the test of reliability."""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stagemix.errors import DataError

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
Z_ONE_SIDED = 1.64
"""As Lacy & Riffe (1996) have it: only an agreement below the least one is to be ruled out."""


def size_for_share(
    population: NDArray[np.integer[Any]], *, share: float, half_width: float, z: float = Z
) -> NDArray[np.int64]:
    """How many units of a simple random sample estimate a share as closely as wanted.

    POPULATION (k,) are the units of each of k populations, HALF_WIDTH is half of the interval's
    width, both shares of 1. n = n0 / (1 + (n0 - 1) / N), n0 = z² p (1 - p) / d² (Cochran 1977,
    sections 4.4 and 4.5), rounded up: (k,), at least 1, at most N. The normal approximation; of
    strata of proportional size no more are needed. Raises DataError where a number is no share.
    """
    if not 0 < share < 1:
        raise DataError(f"--share {share:g}: a share between 0 and 1, such as 0.1")
    if not 0 < half_width < 1:
        raise DataError(f"--width {half_width:g}: half a width between 0 and 1, such as 0.05")
    n0 = z**2 * share * (1 - share) / half_width**2
    exact = n0 / (1 + (n0 - 1) / population)
    return np.clip(np.ceil(exact - 1e-9), 1, population).astype("int64")


def half_width_of(n: int, *, population: int, share: float, z: float = Z) -> float:
    """How closely N of POPULATION units estimate a share: half of the interval's width.

    z sqrt(p (1 - p) / n * (N - n) / (N - 1)) (Cochran 1977, section 3.2), `size_for_share` turned
    round.
    """
    left = (population - n) / max(population - 1, 1)
    return z * math.sqrt(share * (1 - share) / n * left)


def size_for_reliability(population: int, *, agreement: float, least: float) -> int:
    """How many of the units to be coded every coder should code, for the test of reliability.

    POPULATION are all the units to be coded. With so many, drawn at random, an agreement of at
    least LEAST in all of them is 95% sure where it is AGREEMENT in the sample. Lacy & Riffe
    (1996): n = ((N - 1) SE² + P Q N) / ((N - 1) SE² + P Q), Q = 1 - P, SE = (P - LEAST) / 1.64,
    rounded up. Percent agreement, as theirs, knows nothing of chance. Raises DataError where the
    two do not stand above each other.
    """
    if not 0 < least < agreement < 1:
        raise DataError(f"--agreement {agreement:g}: above --least-agreement {least:g} and below 1")
    se = (agreement - least) / Z_ONE_SIDED
    exact = lacy_riffe(population, agreement=agreement, se=se)
    return min(population, math.ceil(exact - 1e-9))


def lacy_riffe(population: int, *, agreement: float, se: float) -> float:
    """The formula of Lacy & Riffe (1996), before rounding; SE is the standard error of agreement.

    With SE = .05/1.64 rounded to .03, as they do, it gives the 92 of 1,000 units at P = .90 of
    their example, and 141, 139, 125, 111, 91, 59 at P = .85 of 10,000, 5,000, 1,000, 500, 250, 100.
    """
    tested = agreement * (1 - agreement)
    spread = (population - 1) * se**2
    return (spread + tested * population) / (spread + tested)
