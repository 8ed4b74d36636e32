from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagemix.errors import DataError
from stagemix.mix.shares import difference_estimate, difference_shares, dispersion
from stagemix.mix.table import COLUMNS
from stagemix.mix.weighted import reads_table

STAGES = ("publish", "interact", "service", "cooperate")
TWO = ("publish", "service")
Z = 1.959963984540054
NUMBERS = ["share", "low", "high", "difference_share", "difference_low", "difference_high"]


def weighted_shares(*arrays, **options):
    return difference_shares(difference_estimate(*arrays, **options), posts=False)


def invent(seed, *, size=60, n=20, k=3):
    """Two groups of posts in three strata, codes of the first N posts, unequal chances, reads."""
    draw = np.random.default_rng(seed)
    p = draw.dirichlet([3.0, 0.8, 0.6][:k], size=size)
    return {
        "p": p,
        "group": np.arange(size) % 2,
        "row": np.arange(n),
        "y": np.eye(k)[draw.integers(0, k, size=n)],
        "chance": draw.uniform(0.1, 0.9, size=n),
        "phi": draw.uniform(0.7, 3.0, size=k),
        "stratum": draw.integers(0, 3, size=size),
    }, draw.lognormal(8, 1.3, size=size).round()


def shares_of(world, weight):
    own = dict(world)
    found = weighted_shares(own.pop("p"), own.pop("group"), groups=2, weight=weight, **own)
    return np.stack([found.share, found.low, found.high], axis=-1)


def brute(world, r, g):
    """Rows (share, low, high) of the stages of group G, by the sums of the module."""
    p, y, chance, stratum = world["p"], world["y"], world["chance"], world["stratum"]
    posts = [i for i in range(len(p)) if world["group"][i] == g]
    coded = [i for i in posts if i < len(y)]
    others = [i for i in posts if i >= len(y)]
    n, whole, mine = len(coded), sum(r[i] for i in posts), sum(r[i] for i in coded)
    v = {i: r[i] * (1 / chance[i] - 1) for i in coded}
    total = sum(v.values())
    rows = []
    for k in range(p.shape[1]):
        e = {i: y[i, k] - p[i, k] for i in coded}
        rho = sum(v[i] * e[i] for i in coded) / total
        theta = sum(r[i] * y[i, k] for i in coded) + sum(r[i] * p[i, k] for i in others)
        theta = theta / whole + (1 - mine / whole) * rho
        direct = n / (n - 1) * sum(v[i] ** 2 * (e[i] - rho) ** 2 for i in coded) / total**2
        model = 0.0
        for i in coded:
            like = [p[j, k] * (1 - p[j, k]) for j in posts if stratum[j] == stratum[i]]
            model += world["phi"][k] * v[i] ** 2 * sum(like) / len(like) / total**2
        rest = world["phi"][k] * sum(r[i] ** 2 * p[i, k] * (1 - p[i, k]) for i in others)
        variance = max(direct, model) + rest / (whole - mine) ** 2
        half = Z * (1 - mine / whole) * variance**0.5
        rows.append([min(1, max(0, x)) for x in (theta, theta - half, theta + half)])
    scale = sum(row[0] for row in rows)
    return [(c / scale, min(lo, c / scale), max(hi, c / scale)) for c, lo, hi in rows]


@pytest.mark.parametrize("seed", range(4))
def test_shares_and_variance_are_their_formula(seed):
    world, reads = invent(seed)
    found = shares_of(world, reads)
    for g in (0, 1):
        assert found[g] == pytest.approx(np.array(brute(world, reads, g)), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(0, 40))
def test_equal_reads_give_the_shares_of_posts_before_rounding(seed, n, rest):
    world, _ = invent(seed, size=n + rest, n=n)
    found = shares_of(world, np.full(n + rest, 700.0))
    own = dict(world)
    plain = difference_shares(difference_estimate(own.pop("p"), own.pop("group"), groups=2, **own))
    size = np.bincount(world["group"], minlength=2)[:, None]
    assert found[..., 0] == pytest.approx(plain.share, abs=1e-12)
    low, high = np.floor(found[..., 1] * size + 1e-7), np.ceil(found[..., 2] * size - 1e-7)
    inside = plain.low < plain.share
    assert (low / size)[inside] == pytest.approx(plain.low[inside], abs=1e-9)
    inside = plain.high > plain.share
    assert (high / size)[inside] == pytest.approx(plain.high[inside], abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(0, 40))
def test_shares_are_shares_and_the_unit_of_reads_does_not_matter(seed, n, rest):
    world, reads = invent(seed, size=n + rest, n=n)
    found = shares_of(world, reads)
    assert found[..., 0].sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert ((found >= 0) & (found <= 1)).all()
    assert (found[..., 1] <= found[..., 0]).all()
    assert (found[..., 0] <= found[..., 2]).all()
    assert shares_of(world, reads / 7) == pytest.approx(found, abs=1e-12)


def test_everything_coded_gives_the_exact_share_of_reads_without_width():
    world, reads = invent(1, size=12, n=12)
    found = shares_of({**world, "chance": np.ones(12)}, reads)
    for g in (0, 1):
        mine = world["group"] == g
        exact = (reads[mine, None] * world["y"][mine]).sum(axis=0) / reads[mine].sum()
        for column in range(3):
            assert found[g, :, column] == pytest.approx(exact, abs=1e-12)


def test_posts_that_were_sure_to_be_drawn_stand_for_the_rest_only_where_all_were():
    world, reads = invent(2, size=16, n=8)
    sure = {**world, "chance": np.ones(8)}
    even = {**world, "chance": np.full(8, 0.5)}
    assert shares_of(sure, reads) == pytest.approx(shares_of(even, reads), abs=1e-12)
    chance = np.array([1.0, 1.0, *[0.5] * 6])
    mixed = shares_of({**world, "chance": chance}, reads)
    wrong = {**world, "chance": chance, "y": world["y"].copy()}
    wrong["y"][0] = np.roll(wrong["y"][0], 1)
    moved = shares_of(wrong, reads)[0, :, 0] - mixed[0, :, 0]
    change = (wrong["y"][0] - world["y"][0]) * reads[0] / reads[::2].sum()
    assert moved == pytest.approx(change, abs=1e-12)


def test_shares_of_reads_are_unbiased_over_all_stratified_samples():
    y = np.eye(2)[[0, 1, 1, 0, 0, 1, 0, 1]]
    p = np.random.default_rng(5).uniform(0.35, 0.65, size=8)
    p = np.column_stack([p, 1 - p])
    stratum, reads = np.repeat([0, 1], 4), np.repeat([300.0, 4000.0], 4)
    found = []
    for first in combinations(range(4), 3):
        for second in combinations(range(4, 8), 2):
            row = np.array([*first, *second])
            shares = weighted_shares(
                p, np.zeros(8, dtype=np.intp), groups=1, row=row, y=y[row],
                chance=np.array([3 / 4] * 3 + [2 / 4] * 2), phi=np.ones(2), stratum=stratum,
                weight=reads,
            )  # fmt: skip
            found.append(shares.share[0])
    assert len(found) == 24
    # none was cut off at 0 or 1, which would move the mean
    assert ((np.array(found) > 0) & (np.array(found) < 1)).all()
    true = (reads[:, None] * y).sum(axis=0) / reads.sum()
    assert np.mean(found, axis=0) == pytest.approx(true, abs=1e-12)


def study(label, guesses, *, coded=12):
    """Two accounts of 30 posts, CODED of each coded in random order, with reads."""
    draw = np.random.default_rng(7)
    truth = [STAGES[k] for k in draw.choice(3, size=60, p=[0.5, 0.3, 0.2])]
    rows = [*range(coded), *range(30, 30 + coded)]
    data = label(
        account=["东篱发布"] * 30 + ["听潮公安"] * 30, year=[2020, 2021] * 30, truth=truth,
        p=guesses(truth), q=guesses(truth, seed=1), rows=draw.permutation(rows).tolist(),
        chance=[coded / 30] * (2 * coded),
    )  # fmt: skip
    return data, draw.lognormal(7, 1, size=60).round()


def test_the_table_holds_the_shares_of_posts_with_reads(label, guesses):
    data, reads = study(label, guesses, coded=14)
    reads[[0, 5, 20]], reads[[31, 40]] = np.nan, 0.0
    table = reads_table(data, reads, by=("account",))
    assert tuple(table.columns) == COLUMNS
    assert set(table["method"]) == {"difference, weighted by reads"}
    kept = np.isfinite(reads) & (reads > 0)
    of = kept[data.row]
    phi = dispersion(data.y[of], data.q[of], np.ones(of.sum()))
    for g, account in enumerate(("东篱发布", "听潮公安")):
        found = table[table["account"] == account]
        mine = kept & (data.posts["account"] == account).to_numpy()
        posts = np.flatnonzero(mine)
        coded = [i for i in np.flatnonzero(of) if mine[data.row[i]]]
        assert set(found["n_posts"]) == {27 + g}
        assert set(found["n_codes"]) == {12}
        assert found["n_codes_of_stage"].tolist() == data.y[coded].sum(axis=0).tolist()
        order = [*data.row[coded], *(i for i in posts if i not in data.row)]
        world = {
            "p": data.p_held_out[order], "group": np.zeros(len(order)), "y": data.y[coded],
            "chance": data.chance[coded], "phi": phi, "stratum": data.design.of_posts[order],
        }  # fmt: skip
        expected = np.array(brute(world, reads[order], 0))
        assert found[["share", "low", "high"]].to_numpy()[:3] == pytest.approx(
            expected[:3], abs=1e-12
        )
        raw = [
            sum(reads[i] for i in posts if data.posts["label"][i] == stage) / reads[posts].sum()
            for stage in STAGES
        ]
        assert found["share_raw"].tolist() == pytest.approx(raw, abs=1e-12)


def test_a_stage_hardly_coded_is_refused_by_group_and_marked_overall(label, guesses):
    data, reads = study(label, guesses)
    assert data.counts["cooperate"] == 0
    table = reads_table(data, reads, by=("account",)).set_index("stage")
    assert set(table.loc["cooperate", "status"]) == {"refused"}
    assert set(table.loc["cooperate", "note"]) == {"rare_stage"}
    assert table.loc["cooperate", NUMBERS].isna().all(axis=None)
    whole = reads_table(data, reads, by=()).set_index("stage")
    assert whole.loc["cooperate", "status"] == "few"
    assert whole.loc["cooperate", "note"] == "very_few_codes_of_stage"
    assert whole["share"].sum() == pytest.approx(1, abs=1e-12)
    assert set(whole["account"]) == set(whole["period"]) == {"all"}
    assert whole.loc["publish", ["status", "note"]].tolist() == ["ok", ""]


def test_groups_of_few_coded_posts_with_reads_are_refused(label, guesses):
    data, reads = study(label, guesses)
    reads[data.row[data.row < 30][:3]] = 0
    table = reads_table(data, reads, by=("account",))
    status = table[table["stage"] != "cooperate"].groupby("account")["note"].agg(set)
    assert status["东篱发布"] == {"few_codes_in_group"}
    assert "few_codes_in_group" not in status["听潮公安"]
    reads = np.full(60, 5.0)
    reads[data.row[9:]] = 0
    whole = reads_table(data, reads, by=())
    assert set(whole["n_codes"]) == {9}
    assert set(whole["note"]) == {"few_codes_in_group"}


def test_a_group_that_is_all_coded_is_exact_with_few_codes(label, guesses):
    data, _ = study(label, guesses)
    reads = np.zeros(60)
    reads[data.row[:9]] = np.arange(1.0, 10.0)
    whole = reads_table(data, reads, by=())
    assert set(whole["n_posts"]) == {9}
    assert set(whole["status"]) == {"ok"}
    exact = np.arange(1.0, 10.0) @ data.y[:9] / 45
    for name in NUMBERS:
        assert whole[name].tolist() == pytest.approx(exact, abs=1e-12)


def test_an_account_without_reads_keeps_its_rows(label, guesses):
    data, reads = study(label, guesses)
    reads[30:] = np.nan
    table = reads_table(data, reads, by=("account",))
    gone = table[table["account"] == "听潮公安"]
    assert gone["n_posts"].tolist() == gone["n_codes"].tolist() == [0] * 4
    assert set(gone["note"]) == {"no_posts"}
    assert gone[["share_raw", *NUMBERS]].isna().all(axis=None)


def test_small_cells_and_few_codes_are_marked(label, guesses):
    data, reads = study(label, guesses, coded=24)
    table = reads_table(data, reads, by=("account", "year"))
    notes = table.groupby("stage")["note"].agg(set)
    assert set(table["n_posts"]) == {15}
    assert set(table["n_codes"]) == {12}
    assert notes["publish"] == {"small_cell"}
    assert 3 <= data.counts["service"] < 10
    assert notes["service"] == {"few_codes_of_stage;small_cell"}
    assert set(table.loc[table["stage"] == "service", "status"]) == {"few"}


def test_reads_of_posts_that_were_not_coded_alone(label, guesses):
    data, reads = study(label, guesses)
    reads[data.row] = 0
    with pytest.raises(DataError) as error:
        reads_table(data, reads, by=("account",))
    assert str(error.value) == (
        "none of the 24 coded posts is among the 36 posts that are counted; code some of these"
    )
