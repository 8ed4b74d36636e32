"""How many posts serve several stages at once, from a sample drawn by chance."""

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stagemix.codes.codebook import default_codebook
from stagemix.mix.shares import Z
from stagemix.study.coding import draw_round, take_in
from stagemix.study.folder import Study, init_study, read_study
from stagemix.study.functions import function_shares, functions_of_posts, ratio_share

STAGE = default_codebook().variable()
TICKS = {
    "functions.also_publish": "publish",
    "functions.also_interact": "interact",
    "functions.also_service": "service",
}


def by_hand(y, x, stratum, size):
    """The combined ratio and its linearised variance, stratum by stratum."""
    top = sum(size[h] * y[stratum == h].mean() for h in range(len(size)))
    bottom = sum(size[h] * x[stratum == h].mean() for h in range(len(size)))
    ratio, variance = top / bottom, 0.0
    for h, posts in enumerate(size):
        e = (y - ratio * x)[stratum == h]
        s2 = e.var(ddof=1) if len(e) > 1 else float(e[0] ** 2)
        variance += posts**2 * (1 - len(e) / posts) * s2 / len(e)
    return ratio, variance / bottom**2


def floored(y, x, stratum, size):
    """The same, at least that of a binomial with Kish's effective size, 1/part."""
    ratio, variance = by_hand(y, x, stratum, size)
    drawn = [(stratum == h).sum() for h in range(len(size))]
    weights = [size[h] / drawn[h] for h in stratum]
    total = sum(w * own for w, own in zip(weights, x, strict=True))
    left = [1 - drawn[h] / size[h] for h in stratum]
    part = sum(w**2 * own * f for w, own, f in zip(weights, x, left, strict=True)) / total**2
    return ratio, max(variance, ratio * (1 - ratio) * part)


def wilson(share, n):
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return middle - half, middle + half


@pytest.mark.parametrize("seed", range(5))
def test_share_and_interval_are_those_computed_by_hand(seed: int) -> None:
    draw = np.random.default_rng(seed)
    n = np.array([6, 1, 9, 4])
    stratum = np.repeat(np.arange(4), n)
    x = (draw.random(20) < 0.8).astype("float64")
    y = x * (draw.random(20) < 0.4)
    size = n * np.array([3.0, 5.0, 1.0, 10.0])
    found = ratio_share(y, x, stratum, size)
    share, variance = floored(y, x, stratum, size)
    assert found.share == pytest.approx([share, 1 - share])
    low, high = wilson(share, share * (1 - share) / variance)
    assert (found.low[0], found.high[0]) == pytest.approx((low, high))


def test_over_all_samples_the_mean_and_its_variance_are_unbiased() -> None:
    """Of every post (x = 1): all 60 samples of a small population, of which the true variance is known."""
    population = [np.array([1.0, 0, 0, 1]), np.array([0.0, 0, 1, 0, 1])]
    size = np.array([4.0, 5.0])
    stratum = np.array([0, 0, 1, 1])
    shares, variances = [], []
    for one, two in product(combinations(range(4), 2), combinations(range(5), 2)):
        y = np.concatenate([population[0][list(one)], population[1][list(two)]])
        share, variance = by_hand(y, np.ones(4), stratum, size)
        assert ratio_share(y, np.ones(4), stratum, size).share[0] == pytest.approx(share)
        shares.append(share)
        variances.append(variance)
    assert len(shares) == 60
    assert np.mean(shares) == pytest.approx(np.concatenate(population).mean())
    assert np.mean(variances) == pytest.approx(np.var(shares))


def test_intervals_of_simulated_studies_hold_the_truth() -> None:
    """Without the floor they would in nine of ten."""
    draw = np.random.default_rng(5)
    size, n = np.array([40, 80, 200]), np.array([20, 20, 20])
    x = [(draw.random(k) < 0.7).astype("float64") for k in size]
    y = [a * (draw.random(len(a)) < rate) for a, rate in zip(x, (0.5, 0.2, 0.1), strict=True)]
    truth = np.concatenate(y).sum() / np.concatenate(x).sum()
    stratum = np.repeat(np.arange(3), n)
    held = 0
    for _ in range(1000):
        picked = [draw.choice(k, m, replace=False) for k, m in zip(size, n, strict=True)]
        found = ratio_share(
            np.concatenate([a[i] for a, i in zip(y, picked, strict=True)]),
            np.concatenate([a[i] for a, i in zip(x, picked, strict=True)]),
            stratum,
            size.astype("float64"),
        )
        held += bool(found.low[0] <= truth <= found.high[0])
    assert 940 <= held <= 985


def test_where_every_post_is_drawn_the_share_is_exact() -> None:
    found = ratio_share(np.array([1.0, 0, 0]), np.array([1.0, 1, 0]), np.array([0, 0, 1]), np.array([2.0, 1.0]))  # fmt: skip
    assert (found.low[0], found.share[0], found.high[0]) == (0.5, 0.5, 0.5)


def test_what_nobody_found_has_the_upper_bound_of_so_many_posts() -> None:
    found = ratio_share(np.zeros(20), np.ones(20), np.zeros(20, dtype="int64"), np.array([1000.0]))
    assert (found.share[0], found.low[0]) == (0.0, 0.0)
    assert found.high[0] == pytest.approx(wilson(0.0, 20 / (1 - 20 / 1000))[1])


def codes_of(*rows: str) -> pd.DataFrame:
    """Rows of stratum, stage and a character per tick; `-` where it is not agreed."""
    cells = [row.split() for row in rows]
    table = [[s, v, *(None if c == "-" else c for c in ticks)] for s, v, ticks in cells]
    return pd.DataFrame(table, columns=["stratum", "value", *TICKS], dtype="str")


CODES = codes_of(
    "A publish 000", "A interact 100", "A service 110", "A service 000",
    "B cooperate 001", "B cooperate 000", "B uncodable ---", "B publish 011", "B service 1-0",
)  # fmt: skip


def test_rows_shares_and_what_counts_as_serving_another_stage() -> None:
    """A tick that is not below the post's own stage (B publish 011) is none; 1-0 is not known."""
    found = function_shares(CODES, sizes={"A": 40, "B": 20}, stage=STAGE, functions=TICKS)
    assert found is not None
    rows = found[["stage", "function", "n_codes", "n_yes"]].to_numpy().tolist()
    publish, interact, service = TICKS
    assert rows == [
        ["all", "several", 7, 3], ["all", publish, 7, 2], ["all", interact, 7, 1],
        ["all", service, 7, 1],
        ["interact", "several", 1, 1], ["interact", publish, 1, 1],
        ["service", "several", 2, 1], ["service", publish, 2, 1], ["service", interact, 2, 1],
        ["cooperate", "several", 2, 1], ["cooperate", publish, 2, 0],
        ["cooperate", interact, 2, 0], ["cooperate", service, 2, 1],
    ]  # fmt: skip
    # A: 4 of 40 drawn, B: 4 of 20 (the uncodable one too, the one not agreed not)
    weight = {"A": 10, "B": 5}
    several = (2 * weight["A"] + weight["B"]) / (4 * weight["A"] + 3 * weight["B"])
    assert found["share"].iloc[0] == pytest.approx(several)
    assert (found["low"] <= found["share"]).all()
    assert (found["share"] <= found["high"]).all()


def test_a_post_without_every_function_is_missing_and_none_of_all_is_no_table() -> None:
    bare = codes_of("A publish ---", "A service 1-0", "A uncodable ---")
    assert function_shares(bare, sizes={"A": 9}, stage=STAGE, functions=TICKS) is None


@pytest.fixture
def study(tmp_path: Path) -> Study:
    init_study(tmp_path)
    corpus = tmp_path / "corpora" / "posts"
    corpus.mkdir()
    lines = [f"p{n},东,题{n},2021-03-05" for n in range(8)]
    (corpus / "posts.csv").write_text(
        "\n".join(["post_id,account,title,published_at", *lines]) + "\n", "utf-8"
    )
    made = read_study(tmp_path)
    draw_round(made, corpus, n=4, name="final", coders=["甲"], design="simple")
    return made


def take(study: Study, *, ticks: bool) -> None:
    units = (study.rounds / "final.sample.csv").read_text("utf-8").splitlines()[1:]
    lines = ["post_id,coder,variable,value"]
    for n, unit in enumerate(u.split(",")[0] for u in units):
        lines.append(f"{unit},甲,stage,service")
        lines += [f"{unit},甲,{part},{int(n == 0)}" for part in TICKS if ticks]
    file = study.root / "codes.csv"
    file.write_text("\n".join(lines), "utf-8")
    take_in(study, [file], round_="final", coded_at="2026-01-01")


def test_the_round_of_a_study_gives_its_shares(study: Study) -> None:
    assert functions_of_posts(study) is None
    take(study, ticks=False)
    assert functions_of_posts(study) is None
    take(study, ticks=True)
    found = functions_of_posts(study)
    assert found is not None
    first = found.iloc[0]
    assert (first["function"], first["n_codes"], first["n_yes"]) == ("several", 4, 1)
    assert first["share"] == 0.25
    low, high = wilson(0.25, 0.1875 / (0.5 * 0.25 / 4))
    assert (first["low"], first["high"]) == pytest.approx((low, high))


def test_a_picked_round_gives_none(study: Study) -> None:
    take(study, ticks=True)
    design = study.rounds / "final.toml"
    text = design.read_text("utf-8")
    design.write_text(text.replace('design = "simple"', 'design = "chosen"'), "utf-8")
    assert functions_of_posts(study) is None
