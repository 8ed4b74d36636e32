"""What the statistics should reach in the simulated worlds."""

import numpy as np
import pandas as pd
from changing import ALIKE, MERGING, NULLS
from sharing import OURS
from worlds import TEXTS

ACCOUNTS = ("W1", "W2", "W3", "W4", "W5")
COVERAGE = ((0.96, 0.99), (0.93, 0.97), (0.93, 0.97), (0.92, 0.96), (0.925, 0.965))
ERROR = (0.60, 0.57, 0.76, 0.72, 0.875)
TEXT_ERROR = (0.57, 0.56, 0.55, 0.50)
MEANS = {
    "W1 to W5": ACCOUNTS,
    "all nulls": tuple(f"{kind} 500" for kind in NULLS),
}
"""Worlds whose figures are averaged, by the name of the average."""

Range = tuple[float, float]


def ranges() -> dict[tuple[str, str, str, str], Range]:
    """The least and most of every figure that has a target, by part, world, method, figure."""
    found: dict[tuple[str, str, str, str], Range] = {}
    for name, coverage, error in zip(ACCOUNTS, COVERAGE, ERROR, strict=True):
        found["shares", name, OURS, "coverage 3+"] = coverage
        found["shares", name, OURS, "rare 3+"] = (0.935, 0.985)
        found["shares", name, OURS, "MAE/CC 3+"] = (0, error)
    found["shares", "W1 to W5", OURS, "coverage 3+"] = (0.94, 0.965)
    for name, error in zip(TEXTS, TEXT_ERROR, strict=True):
        for world, most in ((name, error), (f"{name} own", 0.65)):
            found["texts", world, OURS, "coverage"] = (0.94, 0.985)
            found["texts", world, OURS, "MAE/CC"] = (0, most)
    return found | of_merging() | of_alike() | of_speed()


def of_merging() -> dict[tuple[str, str, str, str], Range]:
    found: dict[tuple[str, str, str, str], Range] = {}
    for symbol in ("u", "W", "Tot"):
        for setting in MERGING:
            if setting.kind in NULLS:
                found["merging", setting.name, OURS, f"{symbol} rejects"] = (0, 0.09)
        found["merging", "all nulls", OURS, f"{symbol} rejects"] = (0, 0.06)
        found["merging", "up 500", OURS, f"{symbol} bias"] = (-0.06, 0.06)
    found["merging", "up 500", OURS, "u rejects"] = (0.93, 1)
    found["merging", "up 500", OURS, "W rejects"] = (0.87, 1)
    return found


def of_alike() -> dict[tuple[str, str, str, str], Range]:
    found = {
        ("alike", setting.name, OURS, "yes"): (0.0, 0.08)
        for setting in ALIKE
        if setting.kind in NULLS
    }
    power = {"conv 500": 0.30, "conv 1000": 0.40, "conv mild 500": 0.60, "conv mild 1000": 0.75}
    return found | {("alike", name, OURS, "yes"): (least, 1.0) for name, least in power.items()}


def of_speed() -> dict[tuple[str, str, str, str], Range]:
    ways = ("account", "account x year")
    return {("speed", "1,000,000 posts", way, "seconds"): (0, 10) for way in ways}


def with_targets(figures: pd.DataFrame) -> pd.DataFrame:
    """Add `least`, `most` and `reached`, null where a figure has no target."""
    known = ranges()
    keys = figures[["part", "world", "method", "figure"]].itertuples(index=False, name=None)
    found = [known.get(key, (np.nan, np.nan)) for key in keys]
    least, most = np.array(found).T
    reached = pd.Series((least <= figures["value"]) & (figures["value"] <= most), dtype="object")
    return figures.assign(least=least, most=most, reached=reached.where(~np.isnan(least), None))
