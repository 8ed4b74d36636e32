"""How fast reliability is computed, beside public packages, and what its interval holds.

`measure` times the bootstrap of alpha beside a loop around the krippendorff package, in one run and
on the same codes, and holds every coefficient against the packages on random designs. `coverage`
simulates how often the 95% interval holds the alpha of the population that units are drawn from:

    python3 scripts/bench.py agreement --coverage --out coverage.json
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from itertools import combinations
from typing import Any

import krippendorff
import numpy as np
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats import inter_rater

from stagemix.codes.bootstrap import alpha_intervals
from stagemix.codes.coefficients import (
    DISTANCES,
    Floats,
    alphas,
    cohen_kappa,
    counts_of,
    fleiss_kappa,
    krippendorff_alpha,
    quadratic_weights,
    table_of,
    why_undefined,
)
from stagemix.learn.model_file import versions

SHARES = np.array([0.70, 0.15, 0.11, 0.04])
"""Of the four categories that the simulated units have: skewed, as stages are."""
ALPHA, SIZES, CODERS, REPLICATES, RESAMPLES = 0.8, (50, 100, 200, 400), 2, 2000, 1000
LEVELS = ("nominal", "ordinal")
FASTER = 50
"""How many times faster than the loop the bootstrap should be."""


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what was asked for, and return all that is stored."""
    if arguments.coverage:
        return stored({"coverage": coverage(arguments.replicates or REPLICATES)})
    speed = speed_measured(arguments.units, arguments.coders, arguments.resamples)
    print(
        f"{arguments.resamples} resamples of {arguments.units} units x {arguments.coders} coders: "
        f"{speed['seconds']:.3f} s, a loop around krippendorff {speed['loop_seconds']:.1f} s, "
        f"{speed['times']:.0f} times as fast (should be {FASTER})"
    )
    apart = differences(arguments.designs)
    for name, found in apart.items():
        print(f"{name}: largest difference {found['largest']:.1e} in {found['compared']}")
    return stored({"speed": speed, "differences": apart})


def speed_measured(units: int, coders: int, resamples: int) -> dict[str, Any]:
    """Time the interval of alpha, nominal, from the matrix on, and the plain loop."""
    rng = np.random.default_rng(1)
    matrix = drawn(units, coders, right=0.85, rng=rng)
    started = time.perf_counter()
    counts = counts_of(matrix, values=4)
    ours = alpha_intervals(
        counts, distances={"nominal": DISTANCES["nominal"]}, resamples=resamples, seed=1
    )["nominal"]
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    theirs = [
        krippendorff.alpha(
            reliability_data=matrix[rng.integers(0, units, units)].T,
            level_of_measurement="nominal",
            value_domain=[0, 1, 2, 3],
        )
        for _ in range(resamples)
    ]
    loop = time.perf_counter() - started
    low, high = np.quantile(theirs, [0.025, 0.975])
    return {
        "units": units,
        "coders": coders,
        "resamples": resamples,
        "seconds": seconds,
        "loop_seconds": loop,
        "times": loop / seconds,
        "reached": loop / seconds >= FASTER,
        "interval": [ours.low, ours.high],
        "loop_interval": [float(low), float(high)],
    }


def differences(designs: int) -> dict[str, dict[str, float]]:
    """The largest difference from each package over random designs, where both are defined."""
    rng = np.random.default_rng(2)
    apart: dict[str, list[float]] = {}
    for _ in range(designs):
        k, coders = int(rng.integers(2, 6)), int(rng.integers(2, 6))
        matrix = design(int(rng.integers(5, 61)), coders, k, rng)
        counts = counts_of(matrix, values=k)
        if why_undefined(counts):
            continue
        for level, distance in DISTANCES.items():
            theirs = krippendorff.alpha(
                reliability_data=matrix.T, level_of_measurement=level, value_domain=list(range(k))
            )
            ours = krippendorff_alpha(counts, distance=distance)
            apart.setdefault(f"krippendorff, {level}", []).append(abs(ours - theirs))
        whole = counts_of(matrix[~np.isnan(matrix).any(axis=1)], values=k)
        if not why_undefined(whole):
            other = abs(fleiss_kappa(whole) - inter_rater.fleiss_kappa(whole))
            apart.setdefault("statsmodels, Fleiss", []).append(other)
        for i, j in combinations(range(coders), 2):
            both = matrix[:, [i, j]][~np.isnan(matrix[:, [i, j]]).any(axis=1)]
            ours = cohen_kappa(table_of(*both.T, values=k), weights=quadratic_weights(k))
            if ours is not None:
                theirs = cohen_kappa_score(*both.T, labels=list(range(k)), weights="quadratic")
                apart.setdefault("scikit-learn, quadratic kappa", []).append(abs(ours - theirs))
    return {
        name: {"largest": float(max(found)), "compared": len(found)}
        for name, found in apart.items()
    }


def design(units: int, coders: int, values: int, rng: np.random.Generator) -> Floats:
    """Random codes (units, coders), up to 30% missing, that agree more or less."""
    shares = rng.dirichlet(np.full(values, 0.7))
    truth = rng.choice(values, size=(units, 1), p=shares)
    guessed = rng.choice(values, size=(units, coders), p=shares)
    codes = np.where(rng.random((units, coders)) < rng.uniform(0.2, 1), truth, guessed)
    return np.where(rng.random((units, coders)) < rng.uniform(0, 0.3), np.nan, codes)


def drawn(units: int, coders: int, *, right: float, rng: np.random.Generator) -> Floats:
    """Codes (units, coders): the truth with chance RIGHT, else drawn by the shares, SHARES."""
    truth = rng.choice(len(SHARES), size=(units, 1), p=SHARES)
    guessed = rng.choice(len(SHARES), size=(units, coders), p=SHARES)
    return np.where(rng.random((units, coders)) < right, truth, guessed).astype(np.float64)


def coverage(replicates: int) -> list[dict[str, Any]]:
    """How often the interval holds the alpha of the population, by number of units."""
    right = np.sqrt(ALPHA)
    true = {level: of_population(right, distance=DISTANCES[level]) for level in LEVELS}
    found = [row for n in SIZES for row in covered(n, true, right=right, replicates=replicates)]
    for row in found:
        print(
            ", ".join(
                f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()
            )
        )
    return found


def of_population(right: float, *, distance: Callable[[Floats], Floats]) -> float:
    """Alpha of infinitely many units of `drawn`: both right, or else by independent shares."""
    both = right**2
    o = both * np.diag(SHARES) + (1 - both) * np.outer(SHARES, SHARES)
    # the correction for finite samples, (n - 1)/n, goes away with a large n
    return float(alphas(o * 1e9, distance=distance))


def covered(
    n: int, true: dict[str, float], *, right: float, replicates: int
) -> list[dict[str, Any]]:
    """Coverage, misses on either side, and width of the intervals of N units."""
    intervals: dict[str, list[tuple[float, float]]] = {level: [] for level in LEVELS}
    without = 0
    for seed in range(replicates):
        matrix = drawn(n, CODERS, right=right, rng=np.random.default_rng([n, seed]))
        counts = counts_of(matrix, values=len(SHARES))
        if why_undefined(counts):
            without += 1
            continue
        each = alpha_intervals(
            counts,
            distances={level: DISTANCES[level] for level in LEVELS},
            resamples=RESAMPLES,
            seed=seed,
        )
        if each["nominal"].low is None:
            without += 1
            continue
        for level in LEVELS:
            intervals[level].append((each[level].low, each[level].high))
    rows = []
    for level, pairs in intervals.items():
        low, high = np.array(pairs).T
        rows.append(
            {
                "level": level,
                "units": n,
                "alpha": true[level],
                "coverage": float(((low <= true[level]) & (true[level] <= high)).mean()),
                "below_interval": float((true[level] < low).mean()),
                "above_interval": float((true[level] > high).mean()),
                "width": float((high - low).mean()),
                "replicates": replicates,
                "without_interval": without,
            }
        )
    return rows


def stored(figures: dict[str, Any]) -> dict[str, Any]:
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": {"platform": platform.platform(), "processor": platform.machine()},
        "versions": {
            **versions(),
            **{name: version(name) for name in ("krippendorff", "statsmodels")},
        },
        **figures,
    }


def write(found: dict[str, Any], arguments: argparse.Namespace) -> None:
    text = json.dumps(found, indent=2)
    arguments.out.write_text(text + "\n", encoding="utf-8")
    print(f"\n{arguments.out}")
