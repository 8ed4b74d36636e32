import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagemix.mix.shares import (
    Shares,
    difference_estimate,
    difference_shares,
    dispersion,
    overall_share,
)


def invent(seed, *, size=60, n=20, k=4):
    """p of all posts (the coded come first and hold q), codes, and unequal chances."""
    draw = np.random.default_rng(seed)
    p = draw.dirichlet([3.0, 0.6, 0.5, 0.2][:k], size=size)
    y = np.eye(k)[draw.integers(0, k, size=n)]
    chance = draw.uniform(0.1, 0.9, size=n)
    return p, y, p[:n].copy(), chance


def brute_phi(y, q, weights):
    out = []
    for k in range(y.shape[1]):
        above = sum(w * (a[k] - b[k]) ** 2 for w, a, b in zip(weights, y, q, strict=True))
        below = sum(w * b[k] * (1 - b[k]) for w, b in zip(weights, q, strict=True))
        out.append(min(3.0, max(0.7, above / below)))
    return out


def brute_overall(p, y, q, chance, phi):
    size, n = len(p), len(y)
    w = [1 / c for c in chance]
    total = sum(w)
    rows = []
    for k in range(y.shape[1]):
        e = [y[i][k] - q[i][k] for i in range(n)]
        bar = sum(w[i] * e[i] for i in range(n)) / total
        theta = sum(p[i][k] for i in range(size)) / size + bar
        direct = sum(w[i] ** 2 * (e[i] - bar) ** 2 for i in range(n))
        model = phi[k] * sum(w[i] ** 2 * q[i][k] * (1 - q[i][k]) for i in range(n))
        v = (1 - n / size) * max(direct, model) / total**2
        pbar = sum(p[i][k] for i in range(size)) / size
        m = pbar * (1 - pbar) / v
        c = min(1.0, max(0.0, theta))
        # Wilson's ends are the roots of (c - t)^2 = z^2 t (1 - t) / m
        z2 = 1.959963984540054**2
        roots = np.roots([1 + z2 / m, -2 * c - z2 / m, c * c])
        rows.append((c, min(roots), max(roots)))
    scale = sum(row[0] for row in rows)
    return [(c / scale, min(lo, c / scale), max(hi, c / scale)) for c, lo, hi in rows]


def brute_account(p, y, q, chance, phi, spread):
    size, n = len(p), len(y)
    u = [1 / c - 1 for c in chance]
    f = n / size
    rows = []
    for k in range(y.shape[1]):
        e = [y[i][k] - q[i][k] for i in range(n)]
        bar = sum(a * b for a, b in zip(u, e, strict=True)) / sum(u)
        uncoded = [p[i][k] for i in range(n, size)]
        theta = (sum(y[i][k] for i in range(n)) + sum(uncoded)) / size + (1 - f) * bar
        direct = n / (n - 1) * sum(u[i] ** 2 * (e[i] - bar) ** 2 for i in range(n)) / sum(u) ** 2
        model = phi[k] * sum(u[i] ** 2 * spread[i][k] for i in range(n)) / sum(u) ** 2
        rest = phi[k] * sum(x * (1 - x) for x in uncoded) / (size - n) ** 2
        half = 1.959963984540054 * ((1 - f) ** 2 * (max(direct, model) + rest)) ** 0.5
        low = np.floor(size * min(1, max(0, theta - half))) / size
        high = np.ceil(size * min(1, max(0, theta + half))) / size
        rows.append((min(1, max(0, theta)), low, high))
    scale = sum(row[0] for row in rows)
    return [(c / scale, min(lo, c / scale), max(hi, c / scale)) for c, lo, hi in rows]


def table(shares):
    return np.column_stack([shares.share, shares.low, shares.high])


@pytest.mark.parametrize("seed", range(4))
def test_dispersion_is_its_formula(seed):
    _, y, q, chance = invent(seed)
    assert dispersion(y, q, 1 / chance) == pytest.approx(brute_phi(y, q, 1 / chance), rel=1e-12)


def test_dispersion_is_kept_within_its_bounds():
    q = np.array([[0.9, 0.1]] * 10)
    right, wrong = np.array([[1.0, 0.0]] * 10), np.array([[0.0, 1.0]] * 10)
    assert dispersion(right, q, np.ones(10)).tolist() == [0.7, 0.7]
    assert dispersion(wrong, q, np.ones(10)).tolist() == [3.0, 3.0]
    assert dispersion(right, right, np.ones(10)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("seed", range(4))
def test_overall_share_is_its_formula(seed):
    p, y, q, chance = invent(seed)
    phi = brute_phi(y, q, 1 / chance)
    found = overall_share(p, y, q, chance, np.array(phi))
    assert table(found) == pytest.approx(np.array(brute_overall(p, y, q, chance, phi)), abs=1e-12)


def account_share(p, y, q, chance, phi, strata=None):
    """One account whose coded posts come first."""
    assert (p[: len(y)] == q).all()
    found = difference_estimate(
        p,
        np.zeros(len(p), dtype=np.intp),
        groups=1,
        row=np.arange(len(y)),
        y=y,
        chance=chance,
        phi=phi,
        stratum=np.zeros(len(p), dtype=np.intp) if strata is None else strata,
    )
    return Shares(**{name: values[0] for name, values in vars(difference_shares(found)).items()})


@pytest.mark.parametrize("seed", range(4))
def test_account_share_is_its_formula(seed):
    p, y, q, chance = invent(seed)
    phi = brute_phi(y, q, 1 / chance)
    spread = np.tile((p * (1 - p)).mean(axis=0), (len(y), 1))
    found = account_share(p, y, q, chance, np.array(phi))
    expected = brute_account(p, y, q, chance, phi, spread)
    assert table(found) == pytest.approx(np.array(expected), abs=1e-12)


def both(p, y, q, chance):
    phi = dispersion(y, q, 1 / chance)
    return (
        overall_share(p, y, q, chance, phi),
        account_share(p, y, q, chance, phi),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(0, 50), st.integers(2, 4))
def test_shares_are_shares(seed, n, rest, k):
    p, y, q, chance = invent(seed, size=n + rest, n=n, k=k)
    for found in both(p, y, q, chance):
        assert found.share.sum() == pytest.approx(1, abs=1e-12)
        assert ((found.low >= 0) & (found.high <= 1)).all()
        assert ((found.low <= found.share) & (found.share <= found.high)).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_of_posts_does_not_matter(seed):
    p, y, q, chance = invent(seed)
    draw = np.random.default_rng(seed)
    coded = draw.permutation(len(y))
    whole = np.concatenate([coded, len(y) + draw.permutation(len(p) - len(y))])
    for one, other in zip(
        both(p, y, q, chance), both(p[whole], y[coded], q[coded], chance[coded]), strict=True
    ):
        assert table(one) == pytest.approx(table(other), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30))
def test_everything_coded_gives_the_exact_share_without_width(seed, n):
    p, y, q, _ = invent(seed, size=n, n=n)
    for found in both(p, y, q, np.ones(n)):
        assert found.share.tolist() == y.mean(axis=0).tolist()
        assert (found.low == found.share).all()
        assert (found.high == found.share).all()


def test_a_stage_never_seen_may_still_be_there():
    p = np.tile([0.8, 0.2, 0.0], (500, 1))
    y = np.eye(3)[[0] * 40 + [1] * 10]
    for found in both(p, y, p[:50].copy(), np.full(50, 0.1)):
        assert found.share[2] == 0
        assert found.low[2] == 0
        assert found.high[2] > 0
    overall = both(p, y, p[:50].copy(), np.full(50, 0.1))[0]
    z2 = 1.959963984540054**2
    n = 50 / (1 - 50 / 500)
    assert overall.high[2] == pytest.approx(z2 / (n + z2), abs=1e-12)


def test_the_bounds_of_an_account_are_whole_posts():
    p, y, q, chance = invent(3, size=47)
    found = both(p, y, q, chance)[1]
    outer = np.concatenate([found.low[found.low < found.share], found.high])
    assert outer * 47 == pytest.approx(np.round(outer * 47), abs=1e-9)
