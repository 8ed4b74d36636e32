import argparse
import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit

SCRIPTS = Path(__file__).parents[1] / "scripts" / "measure"


@pytest.fixture(scope="module")
def script():
    def load(name):
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(SCRIPTS)
            return importlib.import_module(name)

    return load


def test_figures_are_ratios_with_linearised_errors(script):
    tallies = script("tallies")
    draw = np.random.default_rng(0)
    bottom = draw.uniform(50, 60, 400)
    top = 0.3 * bottom + draw.normal(0, 2, 400)
    rows = [tallies.Tally("p", "w", "m", "f", a, b) for a, b in zip(top, bottom, strict=True)]
    nothing = tallies.Tally("p", "w", "m", "none", 0, 0)
    (found,) = tallies.summary([*rows, nothing]).to_dict("records")
    assert found["value"] == pytest.approx(top.sum() / bottom.sum())
    again = draw.integers(0, 400, (4000, 400))
    bootstrap = top[again].sum(axis=1) / bottom[again].sum(axis=1)
    assert found["se"] == pytest.approx(bootstrap.std(), rel=0.05)
    assert found["replicates"] == 400


def test_means_are_over_worlds_that_all_have_the_figure(script):
    tallies = script("tallies")
    rows = [("p", "a", "m", "f", 0.1, 0.3, 5), ("p", "b", "m", "f", 0.3, 0.4, 5),
            ("p", "a", "m", "g", 0.5, 0.1, 5), ("p", "c", "m", "f", 9.0, 0.1, 5)]  # fmt: skip
    table = pd.DataFrame(rows, columns=[*tallies.KEYS, "value", "se", "replicates"])
    (found,) = tallies.mean_over(table, worlds=("a", "b"), name="both").to_dict("records")
    assert (found["world"], found["figure"]) == ("both", "f")
    assert found["value"] == pytest.approx(0.2)
    assert found["se"] == pytest.approx(0.25)


def test_shift_by_stage_solves_its_equation(script):
    sharing = script("sharing")
    draw = np.random.default_rng(1)
    group = np.repeat([0, 1, 2], [40, 300, 1500])
    p = expit(draw.normal(-1, 1.5, (len(group), 2)) + group[:, None] - 1)
    pool = np.array([0.3, 0.05])
    found = sharing.shifts_by_stage(p, group, pool)
    for a in range(3):
        for k in range(2):
            own, share = p[group == a, k], pool[k]

            def gap(m, own=own, share=share):
                s = expit(m + logit(share))
                odds = own / (1 - own) * np.exp(m)
                return ((odds / (1 + odds)).sum() + 20 * share) / (len(own) + 20) - s

            assert found[a, k] == pytest.approx(brentq(gap, -12, 12), abs=0.02)


def test_shares_are_compared_with_the_true_ones(script):
    sharing, shares = script("sharing"), script("worlds").share_world
    world = shares("W1", 1)
    found = sharing.naive(world, world.account)
    theta = pd.crosstab(world.account, world.truth, normalize="index").to_numpy()
    low, high = np.zeros_like(theta), theta.copy()
    high[0] = theta[0] - 0.01
    found["bounds"] = replace(sharing.point(theta + 0.02), low=low, high=high)
    rows = sharing.tallied("shares", "W1", world, world.account, found)
    value = {(t.method, t.figure): t.top / t.bottom for t in rows if t.bottom}
    assert value["bounds", "MAE, pp"] == pytest.approx(2)
    assert value["bounds", "coverage"] == pytest.approx(1 - 4 / theta.size)
    assert value["bounds", "width, pp"] == pytest.approx(100 * high.mean())
    labels = pd.crosstab(world.account, world.p.argmax(axis=1), normalize="index").to_numpy()
    assert value["CC", "MAE, pp"] == pytest.approx(100 * np.abs(labels - theta).mean())
    assert value["CC", "MAE/CC"] == 1
    assert value["mean p", "MAE/CC"] < 1


def test_rare_and_refused_stages_are_apart(script):
    sharing = script("sharing")
    world = script("worlds").share_world("W1", 1)
    few = world.coded[
        (world.truth[world.coded] != 3) | (np.cumsum(world.truth[world.coded] == 3) < 3)
    ]
    world = replace(world, coded=few, chance=world.chance[: len(few)])
    found = sharing.naive(world, world.account)
    theta = pd.crosstab(world.account, world.truth, normalize="index").to_numpy()
    found["bounds"] = replace(sharing.point(theta), low=theta, high=theta)
    counts = {t.figure: t.bottom for t in sharing.tallied("s", "W1", world, world.account, found)
              if t.method == "bounds"}  # fmt: skip
    assert counts["refused"] == len(theta)
    assert counts["coverage 3+"] == 3 * len(theta)
    assert counts["rare 3+"] == (theta[:, :3] < 0.03).sum()
    assert counts["worst tenth"] == pytest.approx(theta.size / 10, abs=1)


def test_libraries_estimate_the_uncoded_posts_and_codes_are_kept(script):
    sharing, rivals = script("sharing"), script("rivals")
    world = script("worlds").share_world("W5", 1)
    data = sharing.coded(world)
    parts = rivals.accounts(data)
    share = np.stack([world.p[uncoded].mean(axis=0) for _, uncoded in parts])
    kept = sharing.naive(world, world.account)["mean p, codes kept"].share
    assert rivals.with_codes(data, share) == pytest.approx(kept)
    assert sum(len(codes) for codes, _ in parts) == 300
    whole = replace(data, p=data.p[data.row], account=data.account[data.row], row=np.arange(300))
    own = np.unique(whole.account)
    nothing = np.zeros((60, 4))[: own.max() + 1]
    shares = pd.crosstab(whole.account, whole.y.argmax(axis=1), normalize="index").to_numpy()
    with np.errstate(invalid="ignore"):
        assert rivals.with_codes(whole, nothing)[own] == pytest.approx(shares)


def test_labels_taken_for_the_truth_see_changes_that_are_not_there(script):
    changing = script("changing")
    tallies = [t for seed in range(4)
               for t in changing.changes_measured(changing.Setting("null@worse", "rare", 500), seed)]  # fmt: skip
    value = script("tallies").summary(tallies).set_index(["part", "method", "figure"])["value"]
    assert value["merging", "hard labels", "u error"] < -0.03
    assert abs(value["merging", "ours", "u error"]) < 0.03
    assert value["alike", "hard labels", "yes"] == 1


def test_the_bench_stores_what_was_reached(script, tmp_path, capsys):
    measuring = script("measuring")
    arguments = argparse.Namespace(out=tmp_path / "out.json", quick=True, replicates=2, texts=None,
                                   jobs=1, only="merging")  # fmt: skip
    measuring.write(measuring.measure(arguments), arguments)
    stored = json.loads(arguments.out.read_text("utf-8"))
    assert stored["replicates"] == {"merging": 2}
    assert {"date", "machine", "versions", "quick"} <= set(stored)
    own = {(f["world"], f["method"], f["figure"]): f for f in stored["figures"]}
    bias = own["up 500", "ours", "u bias"]
    assert (bias["least"], bias["most"]) == (-0.06, 0.06)
    assert bias["reached"] == (abs(bias["value"]) <= 0.06)
    assert own["up 500", "mean p", "u bias"]["reached"] is None
    aimed = [f for f in stored["figures"] if f["reached"] is not None]
    assert len(aimed) == 5 * 3 + 3 + 3 + 2
    assert stored["missed"] == sum(not f["reached"] for f in aimed)
    assert "== merging: 2 replicates" in capsys.readouterr().out


def test_parts(script):
    measuring = script("measuring")
    asked = argparse.Namespace(only=None, texts=None)
    assert "texts" not in measuring.parts_asked(asked)
    with pytest.raises(SystemExit, match=r"^--only: no part share; there are shares, cells, "):
        measuring.parts_asked(argparse.Namespace(only="share", texts=None))
    with pytest.raises(
        SystemExit, match=r"^--only texts: name the file of the texts with --texts$"
    ):
        measuring.parts_asked(argparse.Namespace(only="texts", texts=None))
