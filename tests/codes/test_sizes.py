import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagemix.codes.sizes import (
    Z,
    half_width_of,
    lacy_riffe,
    size_for_reliability,
    size_for_share,
)
from stagemix.errors import DataError

SHARES = st.floats(0.01, 0.99)


def size(population: int, *, share: float, half_width: float, z: float = Z) -> int:
    found = size_for_share(np.array([population]), share=share, half_width=half_width, z=z)
    return int(found[0])


def test_the_island_of_cochran() -> None:
    # Cochran 1977, section 4.4: 3,200 inhabitants, p = 0.5 within 5 points at t = 2
    assert size(10**9, share=0.5, half_width=0.05, z=2) == 400
    assert size(3200, share=0.5, half_width=0.05, z=2) == 356


def test_populations_are_taken_all_at_once() -> None:
    sizes = np.array([1, 7, 100, 3200, 10**6])
    found = size_for_share(sizes, share=0.1, half_width=0.05)
    assert found.tolist() == [size(int(n), share=0.1, half_width=0.05) for n in sizes]
    assert found.tolist() == [1, 7, 59, 133, 139]


@given(population=st.integers(1, 5000), share=SHARES, half_width=st.floats(0.005, 0.5))
def test_it_is_the_least_number_that_is_close_enough(
    population: int, share: float, half_width: float
) -> None:
    n = size(population, share=share, half_width=half_width)

    def variance(n: int) -> float:
        """Of the mean of n of N without replacement: S²/n (1 - n/N), S² = N p q / (N - 1)."""
        spread = population * share * (1 - share) / max(population - 1, 1)
        return spread / n * (1 - n / population)

    wanted = (half_width / 1.959964) ** 2
    assert 1 <= n <= population
    assert variance(n) <= wanted * (1 + 1e-5)
    assert n == 1 or variance(n - 1) > wanted * (1 - 1e-5)
    assert half_width_of(n, population=population, share=share) == pytest.approx(
        1.959964 * math.sqrt(max(variance(n), 0)), rel=1e-6, abs=1e-9
    )


def test_the_spread_of_drawn_samples_is_the_one_that_is_promised() -> None:
    draw = np.random.default_rng(5)
    population = np.arange(400) < 80
    n = size(400, share=0.2, half_width=0.06)
    means = np.array([draw.choice(population, n, replace=False).mean() for _ in range(4000)])
    assert Z * means.std() == pytest.approx(0.06, rel=0.05)


@pytest.mark.parametrize(
    ("share", "width", "said"),
    [
        (0, 0.05, "--share 0: a share between 0 and 1, such as 0.1"),
        (1.5, 0.05, "--share 1.5: a share between 0 and 1, such as 0.1"),
        (float("nan"), 0.05, "--share nan: a share between 0 and 1, such as 0.1"),
        (0.1, 0, "--width 0: half a width between 0 and 1, such as 0.05"),
        (0.1, 5, "--width 5: half a width between 0 and 1, such as 0.05"),
    ],
)
def test_what_is_no_share_is_said(share: float, width: float, said: str) -> None:
    with pytest.raises(DataError) as caught:
        size_for_share(np.array([10]), share=share, half_width=width)
    assert str(caught.value) == said


POPULATIONS = (10_000, 5_000, 1_000, 500, 250, 100)


@pytest.mark.parametrize(
    ("agreement", "units"),
    [(0.85, [141, 139, 125, 111, 91, 59]), (0.90, [100, 99, 92, 84, 72, 51])],
)
def test_the_table_of_lacy_and_riffe(agreement: float, units: list[int]) -> None:
    # five points of tolerance at 95%, their standard error rounded: .05 / 1.64 = .03
    found = [lacy_riffe(n, agreement=agreement, se=0.03) for n in POPULATIONS]
    assert [round(n) for n in found] == units


def test_their_formula_is_the_variance_of_a_sample_solved_for_its_size() -> None:
    # their standard error: sqrt(P Q / (n - 1)) with the correction (N - n) / (N - 1)
    for population in POPULATIONS:
        n = lacy_riffe(population, agreement=0.9, se=0.03)
        error = math.sqrt(0.9 * 0.1 / (n - 1)) * math.sqrt((population - n) / (population - 1))
        assert error == pytest.approx(0.03, rel=1e-12)


def test_the_posts_that_every_coder_codes() -> None:
    assert size_for_reliability(1000, agreement=0.9, least=0.85) == 90
    assert size_for_reliability(139, agreement=0.85, least=0.8) == 70
    assert size_for_reliability(1, agreement=0.85, least=0.8) == 1
    tiny = [size_for_reliability(n, agreement=0.85, least=0.849) for n in (1, 2, 10)]
    assert tiny == [1, 2, 10]


@pytest.mark.parametrize(
    ("agreement", "least", "said"),
    [
        (0.8, 0.8, "--agreement 0.8: above --least-agreement 0.8 and below 1"),
        (0.7, 0.8, "--agreement 0.7: above --least-agreement 0.8 and below 1"),
        (1, 0.8, "--agreement 1: above --least-agreement 0.8 and below 1"),
        (0.8, 0, "--agreement 0.8: above --least-agreement 0 and below 1"),
    ],
)
def test_agreements_that_do_not_stand_above_each_other(
    agreement: float, least: float, said: str
) -> None:
    with pytest.raises(DataError) as caught:
        size_for_reliability(100, agreement=agreement, least=least)
    assert str(caught.value) == said
