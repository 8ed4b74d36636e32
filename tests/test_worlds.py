import importlib
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

SCRIPTS = Path(__file__).parents[1] / "scripts" / "measure"


def script(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        return importlib.import_module(name)


@pytest.fixture(scope="module")
def worlds():
    return script("worlds")


@pytest.fixture(scope="module")
def mergers():
    return script("mergers")


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """1,700 different texts of five labels, each with words of its own among 400."""
    draw = np.random.default_rng(1)
    label = np.repeat(["a", "b", "c", "d", "few"], [800, 400, 250, 150, 100])
    start = dict(zip("abcd", (0, 60, 120, 180), strict=True)) | {"few": 240}
    words = [[*draw.integers(0, 400, 6), *(start[x] + draw.integers(0, 60, 3))] for x in label]
    frame = pd.DataFrame({"tokens": [" ".join(f"w{i}" for i in row) for row in words],
                          "label": label})  # fmt: skip
    path = tmp_path_factory.mktemp("worlds") / "texts.parquet"
    frame.sample(frac=1, random_state=2).reset_index(drop=True).to_parquet(path)
    return path


def same(one, other):
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))


def check(world, *, posts, codes):
    """What every world holds: posts, a probability sample, and probabilities."""
    assert world.truth.shape == world.strata.shape == (posts,)
    assert set(world.truth) == {0, 1, 2, 3}
    assert world.coded.shape == world.chance.shape == (codes,)
    assert len(set(world.coded)) == codes
    assert world.p.shape == (posts, 4)
    assert world.p.sum(axis=1) == pytest.approx(1)
    assert world.p.min() > 0.00019
    strata = world.strata[world.coded]
    expected = np.bincount(world.strata)
    estimated = np.bincount(strata, 1 / world.chance, minlength=len(expected))
    assert estimated == pytest.approx(expected)
    for h in set(strata):
        assert len(set(world.chance[strata == h])) == 1
    # By chance, with the shares known, it would be the sum of their squares.
    certain = world.p[np.arange(posts), world.truth].mean()
    assert certain > ((np.bincount(world.truth) / posts) ** 2).sum() + 0.05


@pytest.mark.parametrize(
    ("name", "accounts", "codes"),
    [("W1", 25, 500), ("W3", 25, 500), ("W6", 25, 500), ("W7", 10, 300), ("W8", 60, 780)],
)
def test_codes_are_equally_many_per_account(worlds, name, accounts, codes):
    world = worlds.share_world(name, 3)
    assert type(world) is worlds.ShareWorld
    check(world, posts=len(world.account), codes=codes)
    assert (np.bincount(world.account[world.coded]) == codes // accounts).all()
    assert np.bincount(world.account).min() >= 100
    assert np.bincount(world.account).max() <= 3000


def test_codes_are_proportional_or_enriched(worlds):
    even = worlds.share_world("W5", 3)
    check(even, posts=len(even.account), codes=300)
    assert even.account.max() == 59
    enriched = worlds.share_world("W4", 3)
    check(enriched, posts=len(enriched.account), codes=len(enriched.coded))
    assert abs(len(enriched.coded) - 500) <= 1
    low, high = sorted(set(enriched.chance))
    assert high / low == pytest.approx(4, rel=0.02)
    higher = enriched.truth > 0
    assert higher[enriched.strata == 1].mean() > 2 * higher[enriched.strata == 0].mean()


def test_same_seed_same_world(worlds, mergers):
    assert same(worlds.share_world("W2", 5), worlds.share_world("W2", 5))
    assert not same(worlds.share_world("W2", 5), worlds.share_world("W2", 6))
    assert same(worlds.cell_world(0.3, 5), worlds.cell_world(0.3, 5))
    assert same(mergers.merge_world("up", 5), mergers.merge_world("up", 5))
    assert not same(mergers.merge_world("up", 5), mergers.merge_world("up", 6))


def test_texts_are_dealt_once(worlds, texts):
    world = worlds.text_world("T300e", 4, texts)
    check(world, posts=len(world.row), codes=300)
    assert len(set(world.row)) == len(world.row)
    label = pd.read_parquet(texts)["label"].to_numpy()[world.row]
    assert (label == np.array(["a", "b", "c", "d"])[world.truth]).all()
    assert set(world.account) == set(range(world.account.max() + 1))
    assert same(world, worlds.text_world("T300e", 4, texts))


@pytest.mark.parametrize("shift", [0, 0.6])
def test_cells_number_account_and_period(worlds, shift):
    world = worlds.cell_world(shift, 2)
    check(world, posts=len(world.cell), codes=500)
    pairs = pd.MultiIndex.from_arrays([world.account, world.period])
    assert (world.cell == pd.factorize(pairs, sort=True)[0]).all()
    assert set(world.period) == set(range(6))
    assert (np.bincount(world.account[world.coded]) == 25).all()


def test_merge_world_spreads_codes_over_cells(mergers):
    world = mergers.merge_world("null", 0, codes=360)
    check(world, posts=len(world.cell), codes=360)
    assert world.population.shape == (20, 6, 4)
    assert (world.accounts, world.periods) == (20, 6)
    size = np.bincount(world.cell, minlength=120)
    assert len(size) == 120
    assert size.min() >= 4
    own = world.cell[world.coded]
    assert (np.bincount(own) == 3).all()
    assert (world.stratum == own).all()
    assert world.chance == pytest.approx(3 / size[own])
    assert world.pair == pytest.approx(6 / (size * (size - 1.0))[own])
    assert world.q.shape == (360, 4)
    assert world.label_p.shape == world.p.shape


def test_merge_world_with_few_codes(mergers):
    few = mergers.merge_world("null", 1, codes=170)
    number = np.bincount(few.stratum, minlength=120)
    assert sorted(set(number)) == [1, 2]
    assert ((few.pair == 0) == (number[few.stratum] == 1)).all()


def test_small_cells_are_coded_whole_and_hand_their_codes_on(mergers):
    world = mergers.merge_world("null", 1, codes=2000)
    assert len(world.coded) == 2000
    size, number = np.bincount(world.cell), np.bincount(world.stratum)
    whole = number == size
    assert 5 < whole.sum() < 60
    assert size[whole].max() <= number[~whole].max()
    assert number[~whole].max() - number[~whole].min() <= 2
    assert (world.chance == 1).sum() == (world.pair == 1).sum() == number[whole].sum()


@pytest.mark.parametrize(("scheme", "strata"), [("srs", 1), ("srsp", 6), ("strat", 120)])
def test_schemes(mergers, scheme, strata):
    world = mergers.merge_world("null", 0, scheme=scheme)
    check(world, posts=len(world.cell), codes=500)
    assert world.strata.max() + 1 == strata
    if scheme == "srsp":
        assert (world.strata == world.cell % 6).all()


def test_populations_change_as_their_kind_says(mergers):
    def mixes(kind, **options):
        return mergers.merge_world(kind, 3, design=(8, 5), codes=150, **options).population

    null = mixes("null")
    assert np.ptp(null, axis=1).max() < 1e-15
    for base, rise in (("rare", (0.14, 0.30)), ("mild", (0.40, 0.56))):
        up = mixes("up", base=base)
        odds = np.log(up[..., 1:] / up[..., :1])
        expected = np.log(rise[1] / (1 - rise[1])) - np.log(rise[0] / (1 - rise[0]))
        assert odds[:, -1] - odds[:, 0] == pytest.approx(np.full((8, 3), expected))
    even, half = mixes("even"), mixes("half")
    third = (1 - null[:, -1, :1]) / 3
    assert even[..., 0] == pytest.approx(null[..., 0])
    assert even[:, -1, 1:] == pytest.approx(np.repeat(third, 3, axis=1))
    assert half[:, -1] == pytest.approx((even[:, -1] + null[:, -1]) / 2)
    conv, div = (m - m.mean(axis=0) for m in (mixes("conv"), mixes("div")))
    assert conv[:, -1] == pytest.approx(conv[:, 0] / 2)
    assert div[:, -1] == pytest.approx(div[:, 0] * 2)
    for mix in (null, even, half, mixes("conv+iid"), mixes("up+ar")):
        assert mix.sum(axis=-1) == pytest.approx(1)
    assert np.ptp(mixes("null+ar"), axis=1).min() > 0


def test_the_classifier_drifts_and_errs(mergers):
    def certain(world):
        p = world.p[np.arange(len(world.truth)), world.truth]
        last = world.cell % 6 == 5
        return p[~last].mean() - p[last].mean()

    drifting = {k: mergers.merge_world(f"null@{k}", 2) for k in ("worse", "better")}
    assert certain(drifting["worse"]) > certain(drifting["better"]) + 0.02
    assert (drifting["worse"].truth == drifting["better"].truth).all()
    plain, erring = mergers.merge_world("null", 2), mergers.merge_world("null@err", 2)

    def spread(world):
        gap = world.p[:, 0] - (world.truth == 0)
        account = world.cell // 6
        return (np.bincount(account, gap) / np.bincount(account)).std()

    assert spread(erring) > 1.2 * spread(plain)


def test_coded_posts_are_judged_by_a_model_that_never_saw_them(mergers):
    worse = 0
    for seed in range(5):
        world = mergers.merge_world("null", seed, codes=130)
        at = world.truth[world.coded]
        seen = world.label_p[world.coded, at]
        worse += np.log(seen).mean() > np.log(world.q[np.arange(len(at)), at]).mean()
    assert worse == 5


def test_no_such_world(mergers):
    with pytest.raises(ValueError, match=r"^no world rise$"):
        mergers.merge_world("rise@worse", 0)
    with pytest.raises(ValueError, match=r"^no world up\+arma$"):
        mergers.merge_world("up+arma", 0)


def test_ridge_maximises_the_penalised_likelihood(mergers):
    draw = np.random.default_rng(0)
    x = np.c_[np.ones(80), draw.normal(size=(80, 2))]
    truth = draw.integers(0, 4, 80)

    def loss(flat):
        slopes = np.vstack([np.zeros(3), flat.reshape(3, 3)])
        z = x @ slopes.T
        fit = (z[np.arange(80), truth] - np.log(np.exp(z).sum(axis=1))).sum()
        return -fit + 0.5 * (slopes**2 * [0.01, 1, 1]).sum()

    best = minimize(loss, np.zeros(9), method="BFGS", options={"gtol": 1e-4})
    assert mergers.ridge(x, truth).ravel() == pytest.approx(best.x, abs=1e-4)
