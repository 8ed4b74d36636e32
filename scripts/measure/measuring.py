"""Measure the statistics on simulated worlds, beside what should be reached and public libraries."""

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd
from changing import ALIKE, MERGING, STAGES, changes_measured
from joblib import Parallel, delayed
from rivals import missing
from sharing import cells_measured, shares_measured, texts_measured
from tallies import Tally, mean_over, summary
from targets import MEANS, with_targets
from worlds import BASES, TEXTS, mix_of

from stagemix.learn.model_file import versions
from stagemix.mix.mixes import mix_table
from stagemix.mix.sample import Labelled, labelled_corpus

FIRST_SEED = 1000
REPLICATES = {"shares": 100, "cells": 25, "texts": 30, "merging": 150, "alike": 150, "speed": 1}
QUICK = {"shares": 3, "cells": 1, "texts": 1, "merging": 8, "alike": 8, "speed": 1}
COMPARED, COMPARED_QUICK = 10, 1
"""Replicates on which the public libraries, which are slow, are run."""
SPEED_POSTS, SPEED_ACCOUNTS, SPEED_CODES = 1_000_000, 60, 800

Task = tuple[Callable[..., list[Tally]], tuple[Any, ...], dict[str, Any]]
"""A function with its arguments, as joblib takes it."""


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the parts that were asked for, print their tables, and return all that is stored."""
    parts = parts_asked(arguments)
    numbers = dict(QUICK if arguments.quick else REPLICATES)
    numbers |= {x: arguments.replicates or numbers[x] for x in numbers if x != "speed"}
    for name in missing() if {"shares", "texts"} & set(parts) else []:
        print(f"{name} is not installed: its rows are left out", flush=True)
    tallies: list[Tally] = []
    with Parallel(n_jobs=arguments.jobs) as run:
        for name, tasks in worlds_of(parts, numbers, arguments):
            started = time.perf_counter()
            done = run(tasks)
            tallies += [tally for each in done for tally in each if tally.part in parts]
            seconds = time.perf_counter() - started
            print(f"{name}: {len(tasks)} replicates, {seconds:.0f} s", flush=True)
    figures = summary(tallies)
    averages = [mean_over(figures, worlds=worlds, name=name) for name, worlds in MEANS.items()]
    figures = with_targets(pd.concat([figures, *averages], ignore_index=True))
    for part in parts:
        print(f"\n== {part}: {numbers[part]} replicates")
        printed(figures[figures["part"] == part])
    return stored(figures, {part: numbers[part] for part in parts}, quick=arguments.quick)


def parts_asked(arguments: argparse.Namespace) -> list[str]:
    parts = list(REPLICATES) if arguments.only is None else arguments.only.split(",")
    if strange := set(parts) - set(REPLICATES):
        raise SystemExit(f"--only: no part {', '.join(strange)}; there are {', '.join(REPLICATES)}")
    if "texts" in parts and arguments.texts is None:
        if arguments.only is not None:
            raise SystemExit("--only texts: name the file of the texts with --texts")
        print("texts: left out, since --texts names no file", flush=True)
        parts.remove("texts")
    return parts


def worlds_of(
    parts: list[str], numbers: dict[str, int], arguments: argparse.Namespace
) -> Iterator[tuple[str, list[Task]]]:
    """Every world's name and its replicates, each with a seed of its own."""
    compared = FIRST_SEED + (COMPARED_QUICK if arguments.quick else COMPARED)
    seeds = {part: range(FIRST_SEED, FIRST_SEED + numbers[part]) for part in parts}
    if "speed" in parts:
        yield "speed", [delayed(speed_measured)(s) for s in seeds["speed"]]
    for name in ("W1", "W2", "W3", "W4", "W5") if "shares" in parts else ():
        yield (
            name,
            [delayed(shares_measured)(name, s, compare=s < compared) for s in seeds["shares"]],
        )
    for shift in (0.0, 0.3, 0.6) if "cells" in parts else ():
        yield f"C{shift:g}", [delayed(cells_measured)(shift, s) for s in seeds["cells"]]
    for name in TEXTS if "texts" in parts else ():
        of_texts = delayed(partial(texts_measured, name, texts=arguments.texts))
        yield name, [of_texts(s, compare=s < compared) for s in seeds["texts"]]
    settings = {"merging": MERGING, "alike": ALIKE}
    for place, setting in enumerate(dict.fromkeys((*MERGING, *ALIKE))):
        asked = [part for part, own in settings.items() if part in parts and setting in own]
        for part in asked[:1]:
            # these worlds draw alike from one seed; averages should be over independent ones
            drawn = [s + place * FIRST_SEED for s in seeds[part]]
            yield setting.name, [delayed(changes_measured)(setting, s) for s in drawn]


def speed_measured(seed: int) -> list[Tally]:
    """Seconds for the tables of a million predictions, once they are read."""
    started = time.perf_counter()
    data = large(seed)
    print(f"a corpus of {len(data.posts):,} posts made in {time.perf_counter() - started:.0f} s")
    out = []
    for by in (("account",), ("account", "year")):
        started = time.perf_counter()
        mix_table(data, by=by)
        seconds = time.perf_counter() - started
        out.append(Tally("speed", "1,000,000 posts", " x ".join(by), "seconds", seconds, 1))
    return out


def large(seed: int) -> Labelled:
    """Predictions and codes of accounts over five years."""
    draw = np.random.default_rng(seed)
    n = SPEED_POSTS
    truth = draw.choice(len(STAGES), n, p=BASES["rare"])
    logits = np.log(BASES["rare"]) + draw.normal(0, 1, (n, len(STAGES)))
    logits[np.arange(n), truth] += 2
    p = mix_of(logits)
    account = np.array([f"account {a:02d}" for a in range(SPEED_ACCOUNTS)])
    minutes = draw.integers(0, 5 * 365 * 24 * 60, n).astype("timedelta64[m]")
    posts = pd.DataFrame({
        "post_id": np.arange(n).astype(str),
        "account": account[draw.integers(0, SPEED_ACCOUNTS, n)],
        "published_at": (np.datetime64("2019-01-01T00:00") + minutes).astype("datetime64[us]"),
        "label": np.array(STAGES)[p.argmax(axis=1)],
    }).assign(**{f"p_{name}": p[:, k] for k, name in enumerate(STAGES)})  # fmt: skip
    rows = np.sort(draw.choice(n, SPEED_CODES, replace=False))
    codes = pd.DataFrame({
        "post_id": posts["post_id"].iloc[rows].to_numpy(), "value": np.array(STAGES)[truth[rows]],
        "inclusion_probability": SPEED_CODES / n,
    })  # fmt: skip
    return labelled_corpus(posts, codes, posts.iloc[rows], categories=STAGES)


def printed(figures: pd.DataFrame) -> None:
    """Print a part's figures: a row per world and method, then what should be reached."""
    wide = figures.pivot_table(
        index=["world", "method"], columns="figure", values="value", sort=False
    )
    print(wide.to_string(float_format=lambda x: f"{x:.3f}", na_rep="-"))
    for row in figures[figures["reached"].notna()].to_dict("records"):
        found = f"{row['value']:.3f}" + ("" if np.isnan(row["se"]) else f" ± {row['se']:.3f}")
        print(
            f"{'' if row['reached'] else 'MISSED '}{row['world']}, {row['method']}, {row['figure']}: "
            f"{found} (to reach: {row['least']:g} to {row['most']:g})"
        )


def stored(figures: pd.DataFrame, numbers: dict[str, int], *, quick: bool) -> dict[str, Any]:
    rows = figures.astype("object").where(figures.notna(), None).to_dict("records")
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": {"platform": platform.platform(), "processor": platform.machine()},
        "versions": versions() | libraries(),
        "quick": quick,
        "replicates": numbers,
        "missed": int((figures["reached"] == False).sum()),  # noqa: E712
        "figures": rows,
    }


def libraries() -> dict[str, str]:
    found = {}
    for name in ("quapy", "ppi-python"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write(result: dict[str, Any], arguments: argparse.Namespace) -> None:
    text = json.dumps(result, indent=2, default=float)
    arguments.out.write_text(text + "\n", encoding="utf-8")
    few = ", of too few replicates to tell" if result["quick"] else ""
    print(f"\n{result['missed']} figures missed{few}; {arguments.out}")
