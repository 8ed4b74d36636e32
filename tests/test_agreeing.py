"""The measurements of reliability, small."""

import argparse
import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from stagemix.codes.coefficients import DISTANCES, counts_of, krippendorff_alpha

SCRIPTS = Path(__file__).parents[1] / "scripts" / "measure"


@pytest.fixture(scope="module")
def agreeing():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        return importlib.import_module("agreeing")


def options(tmp_path, **given):
    return argparse.Namespace(
        **{"out": tmp_path / "out.json", "units": 200, "coders": 3, "resamples": 100, "designs": 5,
           "coverage": False, "replicates": None, **given}
    )  # fmt: skip


def test_the_alpha_of_the_simulated_population(agreeing) -> None:
    for right in (0.3, np.sqrt(0.8)):
        codes = agreeing.drawn(60_000, 2, right=right, rng=np.random.default_rng(1))
        for level in ("nominal", "ordinal"):
            true = agreeing.of_population(right, distance=DISTANCES[level])
            assert true == pytest.approx(right**2)
            found = krippendorff_alpha(counts_of(codes, values=4), distance=DISTANCES[level])
            assert found == pytest.approx(true, abs=0.012)


def test_speed_and_differences_are_stored(agreeing, tmp_path) -> None:
    arguments = options(tmp_path)
    agreeing.write(agreeing.measure(arguments), arguments)
    stored = json.loads(arguments.out.read_text("utf-8"))
    assert {"date", "machine", "versions", "speed", "differences"} <= set(stored)
    speed = stored["speed"]
    assert speed["reached"] == (speed["times"] >= 50)
    assert speed["times"] == pytest.approx(speed["loop_seconds"] / speed["seconds"])
    assert speed["interval"] == pytest.approx(speed["loop_interval"], abs=0.05)
    assert set(stored["differences"]) == {
        "krippendorff, nominal", "krippendorff, ordinal", "krippendorff, interval",
        "statsmodels, Fleiss", "scikit-learn, quadratic kappa",
    }  # fmt: skip
    assert all(found["largest"] < 1e-9 for found in stored["differences"].values())


def test_coverage_counts_misses_on_both_sides(agreeing, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(agreeing, "SIZES", (30, 120))
    monkeypatch.setattr(agreeing, "RESAMPLES", 100)
    rows = agreeing.measure(options(tmp_path, coverage=True, replicates=60))["coverage"]
    assert [(r["level"], r["units"]) for r in rows] == [
        ("nominal", 30), ("ordinal", 30), ("nominal", 120), ("ordinal", 120),
    ]  # fmt: skip
    for r in rows:
        assert r["coverage"] + r["below_interval"] + r["above_interval"] == pytest.approx(1)
        assert 0.75 < r["coverage"] <= 1
    assert rows[2]["width"] < 0.7 * rows[0]["width"]
