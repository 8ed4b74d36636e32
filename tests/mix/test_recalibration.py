import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import softmax

from stagemix.mix.recalibration import fit_recalibration, recalibrate


def coded(seed, n=60, k=4, slope=0.6):
    draw = np.random.default_rng(seed)
    q = draw.dirichlet([0.5] * k, size=n)
    q[0] = [1.0] + [0.0] * (k - 1)
    truth = softmax(slope * np.log(np.clip(q, 1e-3, 1)) + draw.normal(0, 0.7, k), axis=1)
    y = np.array([draw.multinomial(1, row) for row in truth], dtype=float)
    weights = draw.gamma(2, size=n)
    return q, y, weights / weights.mean()


def minus_log_posterior(at, q, y, weights):
    """The definition, post by post; AT is the slope, then the intercepts but the first."""
    slope, intercepts = at[0], [0.0, *at[1:]]
    total = (slope - 1) ** 2 / (2 * 0.3**2) + sum(b * b for b in at[1:]) / 2
    for row, code, w in zip(q, y, weights, strict=True):
        clipped = [min(max(v, 0.0002), 0.9998) for v in row]
        raw = [math.exp(slope * math.log(v) + b) for v, b in zip(clipped, intercepts, strict=True)]
        total -= w * math.log(raw[list(code).index(1.0)] / sum(raw))
    return total


@pytest.mark.parametrize(("seed", "k"), [(0, 4), (1, 3), (2, 2), (3, 5)])
def test_the_fit_is_what_a_general_minimiser_finds(seed, k):
    q, y, weights = coded(seed, k=k)
    best = minimize(
        minus_log_posterior, [1.0] + [0.0] * (k - 1), args=(q, y, weights), method="BFGS",
        options={"gtol": 1e-4},
    )  # fmt: skip
    found = fit_recalibration(q, y, weights)
    assert found.intercepts[0] == 0
    assert [found.slope, *found.intercepts[1:]] == pytest.approx(best.x, abs=1e-4)


def test_applied_it_is_its_formula():
    q, y, weights = coded(4)
    fit = fit_recalibration(q, y, weights)
    p = np.array([[0.7, 0.2, 0.06, 0.04], [1.0, 0.0, 0.0, 0.0]])
    for row, found in zip(p, recalibrate(p, q, y, weights), strict=True):
        clipped = [min(max(v, 0.0002), 0.9998) for v in row]
        raw = [
            v**fit.slope * math.exp(b)
            for v, b in zip(clipped, fit.intercepts.tolist(), strict=True)
        ]
        assert found == pytest.approx([v / sum(raw) for v in raw], abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 30))
def test_rows_sum_to_one_and_the_slope_of_the_posterior_is_zero(seed, k, n):
    q, y, weights = coded(seed, n=n, k=k)
    p = np.random.default_rng(seed).dirichlet([0.3] * k, size=17)
    found = recalibrate(p, q, y, weights)
    assert found.shape == (17, k)
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert (found > 0).all()
    fit = fit_recalibration(q, y, weights)
    at = np.array([fit.slope, *fit.intercepts[1:]])
    for j in range(k):
        step = 1e-4 * (np.arange(k) == j)
        up, down = (minus_log_posterior(at + sign * step, q, y, weights) for sign in (1, -1))
        assert (up - down) / 2e-4 == pytest.approx(0, abs=1e-3)


def test_a_known_line_is_found_from_many_codes():
    draw = np.random.default_rng(5)
    q = draw.dirichlet([1.0, 1.0, 1.0], size=20_000)
    truth = softmax(0.7 * np.log(np.clip(q, 0.0002, 0.9998)) + [0.0, 0.5, -0.4], axis=1)
    y = (draw.random(len(q))[:, None] > truth.cumsum(axis=1)[:, :2]).sum(axis=1)
    found = fit_recalibration(q, np.eye(3)[y], np.ones(len(q)))
    assert found.slope == pytest.approx(0.7, abs=0.03)
    assert found.intercepts == pytest.approx([0, 0.5, -0.4], abs=0.06)


def test_a_weight_of_two_is_the_post_twice():
    q, y, _ = coded(6, n=20)
    twice = fit_recalibration(q, y, np.array([2.0] * 5 + [1.0] * 15))
    listed = fit_recalibration(np.r_[q[:5], q], np.r_[y[:5], y], np.ones(25))
    assert twice.slope == pytest.approx(listed.slope, abs=1e-9)
    assert twice.intercepts == pytest.approx(listed.intercepts, abs=1e-9)


def test_codes_that_contradict_the_classifier_and_a_stage_without_codes_have_a_fit():
    q, y = np.array([[0.9998, 0.0001, 0.0001]]), np.array([[0.0, 1.0, 0.0]])
    weights = np.array([500.0])
    found = fit_recalibration(q, y, weights)
    best = minimize(
        minus_log_posterior, [1.0, 0.0, 0.0], args=(q, y, weights), method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-8, "maxiter": 2000},
    )  # fmt: skip
    assert [found.slope, *found.intercepts[1:]] == pytest.approx(best.x, abs=1e-3)
    assert found.intercepts[1] > 1 > 0 > found.intercepts[2]
