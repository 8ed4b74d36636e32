import krippendorff
import numpy as np
import pytest

from stagemix.codes.bootstrap import NONE_DEFINED, PERFECT, alpha_intervals, interval_of, resampled
from stagemix.codes.coefficients import DISTANCES, Floats, alphas, coincidences, counts_of, pairable

NAN = float("nan")
BOTH = {name: DISTANCES[name] for name in ("nominal", "ordinal")}


def drawn_codes(units: int, coders: int, *, seed: int, right: float = 0.85) -> Floats:
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, size=(units, 1), p=[0.6, 0.2, 0.15, 0.05])
    codes = np.where(
        rng.random((units, coders)) < right, truth, rng.integers(0, 4, (units, coders))
    )
    return np.where(rng.random((units, coders)) < 0.1, NAN, codes)


def by_units(matrix: Floats, *, level: str, resamples: int, seed: int) -> Floats:
    """The plain way: draw whole rows of codes, and ask the krippendorff package each time."""
    rng = np.random.default_rng(seed)
    used = matrix[(~np.isnan(matrix)).sum(axis=1) > 1]
    return np.array([
        krippendorff.alpha(
            reliability_data=used[rng.integers(0, len(used), len(used))].T,
            level_of_measurement=level, value_domain=[0, 1, 2, 3],
        )
        for _ in range(resamples)
    ])  # fmt: skip


@pytest.mark.parametrize("level", list(BOTH))
def test_resamples_are_those_of_units_drawn_one_by_one(level: str) -> None:
    matrix = drawn_codes(80, 3, seed=1)
    counts = counts_of(matrix, values=4)
    found = alphas(
        resampled(counts, resamples=4000, rng=np.random.default_rng(2)), distance=DISTANCES[level]
    )
    plain = by_units(matrix, level=level, resamples=1500, seed=3)
    # Monte Carlo error of a mean is about .06 / sqrt(1500) = .0016
    assert found.mean() == pytest.approx(plain.mean(), abs=0.008)
    assert found.std() == pytest.approx(plain.std(), rel=0.1)
    for q in (0.025, 0.5, 0.975):
        assert np.quantile(found, q) == pytest.approx(np.quantile(plain, q), abs=0.02)


def test_a_resample_is_a_sum_of_units_coincidences() -> None:
    counts = counts_of(drawn_codes(30, 4, seed=4), values=4)
    drawn = resampled(counts, resamples=200, rng=np.random.default_rng(1))
    assert drawn.shape == (200, 4, 4)
    assert np.allclose(drawn, drawn.transpose(0, 2, 1))
    # every unit adds its number of codes, so the sum lies between those of the extreme units
    m = pairable(counts).sum(axis=1)
    assert (drawn.sum(axis=(1, 2)) >= len(m) * m.min() - 1e-9).all()
    assert (drawn.sum(axis=(1, 2)) <= len(m) * m.max() + 1e-9).all()
    assert drawn.mean(axis=0) == pytest.approx(coincidences(counts), abs=1.5)


def test_draws_held_in_parts_are_as_many_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = counts_of(drawn_codes(50, 3, seed=5), values=4)
    monkeypatch.setattr("stagemix.codes.bootstrap.AT_ONCE", 64)
    drawn = resampled(counts, resamples=101, rng=np.random.default_rng(1))
    assert drawn.shape == (101, 4, 4)
    assert len({tuple(np.round(o.ravel(), 6)) for o in drawn}) > 95


def test_the_interval_is_seeded_and_wider_for_fewer_units() -> None:
    counts = counts_of(drawn_codes(60, 2, seed=6), values=4)
    one, same, other = (
        alpha_intervals(counts, distances=BOTH, resamples=500, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same != other
    many = alpha_intervals(np.tile(counts, (9, 1)), distances=BOTH, resamples=500, seed=1)
    for level in BOTH:
        width = one[level].high - one[level].low
        assert many[level].high - many[level].low == pytest.approx(width / 3, rel=0.25)


def test_the_interval_is_read_off_the_resamples() -> None:
    found = interval_of(np.array([*np.linspace(0.5, 0.9, 401), NAN, NAN]))
    assert (found.low, found.high) == (pytest.approx(0.51), pytest.approx(0.89))
    assert found.below_tentative == pytest.approx(167 / 401)
    assert found.below_reliable == pytest.approx(300 / 401, abs=0.003)
    assert (found.resamples, found.undefined, found.note) == (403, 2, "")


def test_without_disagreement_there_is_no_interval() -> None:
    counts = counts_of(np.array([[0.0, 0], [1, 1], [1, 1]]), values=2)
    found = alpha_intervals(counts, distances=BOTH, resamples=100, seed=1)["nominal"]
    assert (found.low, found.high, found.below_tentative, found.below_reliable) == (None,) * 4
    assert found.note == PERFECT


def test_all_agreeing_is_seen_whatever_the_numbers_of_codes() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        counts = np.zeros((30, 3))
        counts[np.arange(30), rng.integers(0, 3, 30)] = rng.integers(2, 8, 30)
        found = alpha_intervals(
            counts, distances={"nominal": DISTANCES["nominal"]}, resamples=10, seed=1
        )["nominal"]
        assert (found.low, found.note) == (None, PERFECT)


def test_resamples_without_variation_are_left_out_and_counted() -> None:
    # a resample of ten units misses the only one with a 1 with chance .9^10 = .349
    counts = counts_of(np.array([[0.0, 0]] * 9 + [[0.0, 1]]), values=2)
    found = alpha_intervals(counts, distances=BOTH, resamples=2000, seed=1)["nominal"]
    assert found.undefined / 2000 == pytest.approx(0.9**10, abs=0.04)
    assert found.low is not None
    assert found.high is not None
    assert -1 < found.low <= found.high < 1


def test_no_resample_with_variation() -> None:
    found = interval_of(np.full(10, NAN))
    assert (found.low, found.undefined, found.note) == (None, 10, NONE_DEFINED)
