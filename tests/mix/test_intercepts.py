"""The grids of section 3c against plain loops over beta, tau, kappa, alpha and accounts."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from stagemix.mix.intercepts import (
    GRID,
    SPREAD,
    SPREAD_IN_TIME,
    TRUST,
    Codes,
    account_posterior,
    cell_posterior,
    evidence,
    from_others,
    kish_weights,
    log_likelihood,
    score,
)

POINTS = [-5 + i / 12 for i in range(121)]
TAUS = [0.05, 0.15, 0.3, 0.45, 0.65, 0.9, 1.25, 1.75]
KAPPAS = [-1 + i / 4 for i in range(11)]
NOT_SHARED = np.zeros((8, 11))


def few_codes(seed=0):
    """Eleven codes of the first two of three accounts, with unequal weights and an offset."""
    draw = np.random.default_rng(seed)
    account = np.array([0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0])
    o = draw.normal(0, 2, 11)
    y = (draw.random(11) < expit(o + np.where(account == 0, 1.5, -1))).astype("float64")
    codes = Codes(o=o, y=y, weight=draw.uniform(0.4, 1.6, 11))
    return codes, account, draw.normal(0, 0.4, 11)


def plain_log_l(codes, mine, offset, slope, e):
    """Log-likelihood of the codes MINE at one slope and intercept."""
    total = 0.0
    for i in mine:
        p = 1 / (1 + math.exp(-(slope * codes.o[i] + offset[i] + e)))
        total += codes.weight[i] * (math.log(p) if codes.y[i] == 1 else math.log(1 - p))
    return total


def normal_row(mean, sd):
    """Normal probabilities of the points around MEAN; they sum to one."""
    density = [math.exp(-((e - mean) ** 2) / (2 * sd**2)) for e in POINTS]
    return np.array(density) / math.fsum(density)


def plain_slopes(codes, m):
    """Seven slopes within 2.5 se around the mode of y on 1, o and m under its priors."""
    x = np.column_stack([np.ones(len(m)), codes.o, m])
    centre, sd = np.array([0, 1, 0.5]), np.array([5, 0.3, 0.5])

    def loss(b):
        fit = codes.y * log_expit(x @ b) + (1 - codes.y) * log_expit(-(x @ b))
        return -(codes.weight * fit).sum() + (((b - centre) / sd) ** 2).sum() / 2

    best = minimize(loss, centre, method="BFGS", options={"gtol": 1e-7}).x
    hessian = np.diag(1 / sd**2)
    for row, w in zip(x, codes.weight, strict=True):
        p = expit(row @ best)
        hessian += w * p * (1 - p) * np.outer(row, row)
    se = math.sqrt(np.linalg.inv(hessian)[1, 1])
    return [best[1] + se * (i - 3) * 2.5 / 3 for i in range(7)]


def plain_alphas(log_l):
    """Thirteen means around that of the posterior of one intercept for all accounts."""
    weight = np.exp(log_l - log_l.max())
    centre = sum(w * e for w, e in zip(weight, POINTS, strict=True)) / weight.sum()
    square = sum(w * (e - centre) ** 2 for w, e in zip(weight, POINTS, strict=True)) / weight.sum()
    half = max(3.5 * math.sqrt(square), 0.5)
    return [centre + half * (i - 6) / 6 for i in range(13)]


def plain_posterior(codes, account, m, offset, others):
    """Posterior of (beta, account, e), mean of kappa, log evidence; a loop over every grid."""
    accounts = range(len(m))
    slopes = plain_slopes(codes, m[account])
    log_l = np.array(
        [
            [
                [plain_log_l(codes, np.flatnonzero(account == a), offset, b, e) for e in POINTS]
                for a in accounts
            ]
            for b in slopes
        ]
    )
    like = np.exp(log_l)
    alphas = plain_alphas(log_l[3].sum(axis=0))
    step = [TAUS[1] - TAUS[0], *((TAUS[i + 1] - TAUS[i - 1]) / 2 for i in range(1, 7)), 0.5]
    logs, total, posterior, trust = np.empty((7, 8, 11, 13)), 0.0, np.zeros((7, len(m), 121)), 0.0
    for t, tau in enumerate(TAUS):
        rows = np.stack([normal_row(e, tau) for e in POINTS])
        for b, slope in enumerate(slopes):
            for j, kappa in enumerate(KAPPAS):
                for i, alpha in enumerate(alphas):
                    logs[b, t, j, i] = -(((slope - 1) / 0.3) ** 2) / 2
                    each = []
                    for a in accounts:
                        mean = min(max(alpha + kappa * m[a], -4.999), 4.999)
                        left = math.floor((mean + 5) * 12)
                        part = (mean - POINTS[left]) * 12
                        joint = ((1 - part) * rows[left] + part * rows[left + 1]) * like[b, a]
                        logs[b, t, j, i] += math.log(joint.sum())
                        each.append(joint / joint.sum())
                    prior = step[t] * math.exp(-(((kappa - 0.5) / 0.5) ** 2) / 2)
                    weight = math.exp(logs[b, t, j, i] + others[t, j]) * prior
                    posterior[b] += weight * np.array(each)
                    trust += weight * kappa
                    total += weight
    return slopes, posterior / total, trust / total, logs


def test_the_grids_are_those_of_section_3c():
    assert GRID.tolist() == pytest.approx(POINTS)
    assert SPREAD.tolist() == TAUS
    assert TRUST.tolist() == pytest.approx(KAPPAS)
    assert SPREAD_IN_TIME.tolist() == [0, 0.15, 0.3, 0.5, 0.75, 1]


def test_scores_are_logits_of_clipped_probabilities():
    found = score(np.array([0.0, 0.0002, 0.5, 0.8, 1.0]))
    edge = math.log(0.9998 / 0.0002)
    assert found == pytest.approx([-edge, -edge, 0, math.log(4), edge])


def test_weights_of_an_account_sum_to_its_effective_number_of_codes():
    weights, account = np.array([2.0, 4, 4, 10, 3, 3, 3]), np.array([2, 0, 2, 2, 3, 3, 3])
    found = kish_weights(weights, account, accounts=5)
    assert found[[0, 2, 3]] == pytest.approx(np.array([2, 4, 10]) * 16 / 120)
    assert found[1] == pytest.approx(1)
    assert found[4:] == pytest.approx([1, 1, 1])


def test_log_likelihood_is_its_sum():
    codes, account, offset = few_codes()
    slopes = np.array([0.4, 1.0, 1.7])
    found = log_likelihood(codes, account, groups=3, slopes=slopes, offset=offset)
    assert found.shape == (3, 3, 121)
    for b, slope in enumerate(slopes):
        for a in range(3):
            for g in (0, 17, 60, 120):
                mine = np.flatnonzero(account == a)
                expected = plain_log_l(codes, mine, offset, slope, POINTS[g])
                assert found[b, a, g] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("m", "shared"), [((0.8, -0.6, 0.3), False), ((-0.5, 0.2, 4.6), True)], ids=["alone", "shared"]
)
def test_the_posterior_is_the_sum_over_every_grid(m, shared):
    codes, account, offset = few_codes()
    m = np.array(m)
    others = np.random.default_rng(3).normal(0, 1.5, (8, 11)) if shared else NOT_SHARED
    slopes, posterior, trust, logs = plain_posterior(codes, account, m, offset, others)
    found = evidence(codes, account, m, offset=offset)
    assert found.slopes == pytest.approx(slopes, abs=1e-6)
    assert found.log_evidence == pytest.approx(logs, abs=1e-4)
    expected = np.log(np.exp(logs).sum(axis=(0, 3)))
    assert found.on_tau_and_kappa == pytest.approx(expected, abs=1e-4)
    of_accounts, mean = account_posterior(found, others=others)
    assert mean == pytest.approx(trust, abs=1e-5)
    # pairs of a slope and a spread with less than 1e-5 of the weight are left out
    assert of_accounts == pytest.approx(posterior, abs=1e-5)
    assert of_accounts.sum(axis=(0, 2)) == pytest.approx(np.ones(3), abs=1e-12)
    assert posterior.max() > 0.004


def test_the_intercept_is_integrated_as_quad_does():
    codes, account, offset = few_codes()
    found = evidence(codes, account, np.zeros(3), offset=offset)
    for b, t, mean in [(0, 1, 50), (3, 3, 66), (6, 4, 60)]:
        slope, tau = found.slopes[b], TAUS[t]
        for a in range(2):
            mine = np.flatnonzero(account == a)

            def density(e, slope=slope, mine=mine, tau=tau, mean=mean):
                z = (e - POINTS[mean]) / tau
                log_l = plain_log_l(codes, mine, offset, slope, e)
                return math.exp(log_l - z**2 / 2) / (tau * math.sqrt(2 * math.pi))

            best = max(plain_log_l(codes, mine, offset, slope, e) for e in POINTS)
            exact = quad(density, -5, 5, points=[POINTS[mean]])[0]
            ratio = found.marginal[b, t, a, mean] * math.exp(best) / exact
            assert ratio == pytest.approx(1, abs=1e-3)


def test_the_others_speak_by_the_mean_of_their_evidence():
    codes, account, offset = few_codes()
    found = [
        evidence(Codes(o=codes.o, y=y, weight=codes.weight), account, np.ones(3), offset=offset)
        for y in (codes.y, 1 - codes.y, codes.y[::-1])
    ]
    logs = [x.on_tau_and_kappa for x in found]
    for k, others in enumerate(from_others(found)):
        left = [logs[j] - logs[j].max() for j in range(3) if j != k]
        assert others == pytest.approx((left[0] + left[1]) / 2, abs=1e-12)
    assert (from_others(found[:1])[0] == 0).all()


def moments(posterior, account):
    weight = posterior[:, account].sum(axis=0)
    mean = (weight * GRID).sum()
    return mean, math.sqrt((weight * (GRID - mean) ** 2).sum())


def shifted_accounts(trust, *, accounts=16, each=30, seed=1):
    """Codes whose accounts' intercepts are TRUST times their prior shifts."""
    draw = np.random.default_rng(seed)
    m = draw.normal(0, 1.2, accounts)
    account = np.repeat(np.arange(accounts), each)
    o = draw.normal(0, 1.5, len(account))
    y = (draw.random(len(o)) < expit(o + trust * m[account])).astype("float64")
    return Codes(o=o, y=y, weight=np.ones(len(o))), account, m


def test_the_codes_tell_how_far_to_trust_the_prior_shift():
    trusts = []
    for truth in (-0.5, 0.0, 0.5, 1.0):
        codes, account, m = shifted_accounts(truth)
        found = evidence(codes, account, m, offset=np.zeros(len(account)))
        trusts.append(account_posterior(found, others=NOT_SHARED)[1])
    assert trusts == pytest.approx([-0.5, 0, 0.5, 1], abs=0.2)


def test_an_account_without_codes_is_centred_by_its_shift_and_wider():
    codes, account, m = shifted_accounts(1.0)
    m = np.append(m, [1.5, -1.5])
    found = evidence(codes, account, m, offset=np.zeros(len(account)))
    posterior, trust = account_posterior(found, others=NOT_SHARED)
    means, sds = zip(*(moments(posterior, a) for a in range(18)), strict=True)
    assert means[16] - means[17] == pytest.approx(3 * trust, abs=0.15)
    assert min(sds[16:]) > 1.2 * float(np.median(sds[:16]))
    # the slope is one for all accounts
    slopes = posterior.sum(axis=2)
    assert slopes == pytest.approx(np.tile(slopes[:, :1], 18), abs=1e-9)


def test_more_codes_outweigh_the_other_accounts():
    draw = np.random.default_rng(0)
    account = np.repeat([0, 1, 2, 3, 4, 5], [12, 40, 40, 40, 40, 40])
    o = draw.normal(0, 1, len(account))
    y = (draw.random(len(o)) < expit(o)).astype("float64")
    y[account == 0] = 1
    means = []
    for weight in (0.1, 1.0, 4.0):
        w = np.where(account == 0, weight, 1.0)
        found = evidence(
            Codes(o=o, y=y, weight=w), account, np.zeros(6), offset=np.zeros(len(account))
        )
        means.append(moments(account_posterior(found, others=NOT_SHARED)[0], 0)[0])
    assert means[0] + 0.5 < means[1] < means[2] - 0.3


def plain_cells(posterior, log_l, account_of):
    """Posterior of (beta, cell, e), one slope, spread in time and cell after the other."""
    out = np.zeros_like(log_l)
    for b in range(len(log_l)):
        logs, each = [], []
        for tau in (0, 0.15, 0.3, 0.5, 0.75, 1):
            total, of_cells = 0.0, []
            for c, a in enumerate(account_of):
                rest = [x / math.exp(y) for x, y in zip(posterior[b, a], log_l[b, c], strict=True)]
                rest = np.array(rest) / math.fsum(rest)
                if tau:
                    rest = sum(
                        v * normal_row(e, tau) for v, e in zip(rest, POINTS, strict=True) if v
                    )
                joint = rest * np.exp(log_l[b, c])
                total += math.log(joint.sum())
                of_cells.append(joint / joint.sum())
            logs.append(total)
            each.append(of_cells)
        weight = [math.exp(x - max(logs)) for x in logs]
        for c, a in enumerate(account_of):
            for share, of_cells in zip(weight, each, strict=True):
                out[b, c] += posterior[b, a].sum() * share / sum(weight) * of_cells[c]
    return out


def test_the_posterior_of_cells_is_the_sum_over_every_grid():
    codes, account, offset = few_codes()
    # cells of the accounts 0, 0, 1, 1, 1, 2; the fifth and the last have no codes
    cell = np.where(account == 0, np.arange(11) % 2, 2 + np.arange(11) // 6)
    account_of = np.array([0, 0, 1, 1, 1, 2])
    found = evidence(codes, account, np.array([0.8, -0.6, 0.3]), offset=offset)
    posterior, _ = account_posterior(found, others=NOT_SHARED)
    log_l = log_likelihood(codes, cell, groups=6, slopes=found.slopes, offset=offset)
    of_cells = cell_posterior(posterior, log_l, account_of)
    assert of_cells == pytest.approx(plain_cells(posterior, log_l, account_of), abs=1e-9)
    assert of_cells.sum(axis=(0, 2)) == pytest.approx(np.ones(6), abs=1e-12)
    # an account's deviations in time are new in a cell without codes
    assert moments(of_cells, 5)[1] > moments(posterior, 2)[1]


def test_a_cell_whose_codes_differ_from_its_account_leaves_it():
    draw = np.random.default_rng(2)
    account = np.repeat(np.arange(6), 60)
    cell = np.repeat(np.arange(18), 20)
    o = draw.normal(0, 1, 360)
    y = (draw.random(360) < expit(o + np.where(cell % 3 == 2, 1.5, -0.75))).astype("float64")
    codes = Codes(o=o, y=y, weight=np.ones(360))
    found = evidence(codes, account, np.zeros(6), offset=np.zeros(360))
    posterior, _ = account_posterior(found, others=NOT_SHARED)
    log_l = log_likelihood(codes, cell, groups=18, slopes=found.slopes, offset=np.zeros(360))
    of_cells = cell_posterior(posterior, log_l, np.repeat(np.arange(6), 3))
    means = np.array([moments(of_cells, c)[0] for c in range(18)]).reshape(6, 3)
    whole = np.array([moments(posterior, a)[0] for a in range(6)])
    assert (means[:, 2] - whole > 0.5).all()
    assert (means[:, :2].mean(axis=1) < whole).all()
