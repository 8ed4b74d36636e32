"""Random-intercept recalibration of class probabilities, everything integrated (section 3c).

One model per category, o = logit p: a post of account a is of the category with the chance
expit(beta o + e), e ~ N(alpha + kappa m_a, tau^2) the account's intercept, m_a its prior shift
(`mix.prior_shift`). beta ~ N(1, .3^2), kappa ~ N(1/2, 1/2^2), alpha and tau flat; all four and e
lie on grids, so every integral is a sum. A random-intercept model in the sense of Rao & Molina
2015, ch. 9; the codes enter with weights that sum to Kish's (1965) effective number.

Arrays: A accounts, n coded posts, b slopes, E intercepts on `GRID`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, logsumexp

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
GRID = np.linspace(-5, 5, 121)
STEP = GRID[1] - GRID[0]
SLOPES = np.linspace(-2.5, 2.5, 7)
"""Slopes of the grid, in standard errors around the pooled fit."""
TRUST = np.linspace(-1, 1.5, 11)
"""Values of kappa: how far the codes trust the prior shift."""
SPREAD = np.array([0.05, 0.15, 0.3, 0.45, 0.65, 0.9, 1.25, 1.75])
"""Values of tau, the sd of the accounts' intercepts."""
SPREAD_IN_TIME = np.array([0.0, 0.15, 0.3, 0.5, 0.75, 1.0])
"""Values of tau_p, the sd of an account's deviations in a period."""
LOG_PRIOR = np.log(np.gradient(SPREAD))[:, None] - 0.5 * ((TRUST - 0.5) / 0.5) ** 2
TINY = 1e-300


def score(p: Floats) -> Floats:
    """Return logit p, p clipped to [0.0002, 0.9998]."""
    o: Floats = logit(np.clip(p, 2e-4, 1 - 2e-4))
    return o


def kish_weights(weights: Floats, account: Ints, *, accounts: int) -> Floats:
    """Scale WEIGHTS (n,) so that those of an account sum to its effective number of codes."""
    total = np.bincount(account, weights, accounts)
    squares = np.bincount(account, weights**2, accounts)
    scaled: Floats = weights * (total / np.maximum(squares, 1e-12))[account]
    return scaled


@dataclass(frozen=True, kw_only=True)
class Codes:
    """What the codes say of one category: `o` (n,) scores, `y` (n,) 0 or 1, `weight` (n,)."""

    o: Floats
    y: Floats
    weight: Floats


def log_likelihood(
    codes: Codes, group: Ints, *, groups: int, slopes: Floats, offset: Floats
) -> Floats:
    """Return the log-likelihood of every group's codes at each slope and intercept, (b, G, E).

    OFFSET (n,) is added to the recalibrated scores.
    """
    weight = np.zeros((groups, len(codes.o)))
    weight[group, np.arange(len(codes.o))] = codes.weight
    sign = (2 * codes.y - 1)[:, None]
    each = [
        weight @ -np.logaddexp(0, -sign * ((slope * codes.o + offset)[:, None] + GRID))
        for slope in slopes
    ]
    return np.stack(each)


def _slope_grid(codes: Codes, m: Floats) -> Floats:
    """Slopes around the pooled fit of y on 1, o and m; the fit places the grid and no more."""
    prior_mean = np.array([0.0, 1.0, 0.5])
    prior = np.diag([1 / 25, 1 / 0.3**2, 1 / 0.5**2])
    x = np.column_stack([np.ones_like(codes.o), codes.o, m])
    fit = prior_mean.copy()
    for _ in range(30):
        mu = expit(x @ fit)
        information = (x * (codes.weight * mu * (1 - mu))[:, None]).T @ x + prior
        gradient = x.T @ (codes.weight * (codes.y - mu)) - prior @ (fit - prior_mean)
        step = np.linalg.solve(information, gradient)
        fit = fit + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-6:
            break
    se = np.sqrt(np.linalg.inv(information)[1, 1])
    grid: Floats = np.clip(fit[1] + se * SLOPES, 0.1, 3)
    return grid


def _kernel(spread: float) -> Floats:
    """Normal probabilities over `GRID` (columns) around each of its points (rows)."""
    density = np.exp(-0.5 * ((GRID - GRID[:, None]) / max(spread, 0.05)) ** 2)
    kernel: Floats = density / density.sum(axis=1, keepdims=True)
    return kernel


KERNELS = np.stack([_kernel(spread) for spread in SPREAD])


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One category's likelihood and its log evidence on the grid of (beta, tau, kappa, alpha).

    `likelihood` (b, A, E) up to a factor; `marginal` (b, tau, A, E) the same with the intercept
    integrated around each mean; `left`, `part` (A, kappa x alpha) say between which two points of
    `GRID` the mean alpha + kappa m_a lies; `log_evidence` (b, tau, kappa, alpha).
    """

    slopes: Floats
    likelihood: Floats
    marginal: Floats
    left: Ints
    part: Floats
    log_evidence: Floats

    @property
    def on_tau_and_kappa(self) -> Floats:
        """Log evidence with beta and alpha summed out, (tau, kappa)."""
        summed: Floats = logsumexp(self.log_evidence, axis=(0, 3))
        return summed

    def at_means(self, marginal: Floats) -> Floats:
        """Read MARGINAL (A, E) off at every mean, (A, kappa x alpha)."""
        rows = np.arange(len(marginal))[:, None]
        low, high = marginal[rows, self.left], marginal[rows, self.left + 1]
        at: Floats = low * (1 - self.part) + high * self.part + TINY
        return at


def evidence(codes: Codes, account: Ints, m: Floats, *, offset: Floats) -> Evidence:
    """Weigh every slope, spread, trust and mean by the codes; M (A,) are the prior shifts."""
    slopes = _slope_grid(codes, m[account])
    log_l = log_likelihood(codes, account, groups=len(m), slopes=slopes, offset=offset)
    top = log_l.max(axis=2, keepdims=True)
    likelihood = np.exp(log_l - top)
    alphas = _alpha_grid(log_l[len(slopes) // 2].sum(axis=0))
    mean = (alphas + (TRUST * m[:, None])[:, :, None]).reshape(len(m), -1)
    mean = np.clip(mean, GRID[0] + 1e-3, GRID[-1] - 1e-3)
    left = ((mean - GRID[0]) / STEP).astype(np.intp)
    found = Evidence(
        slopes=slopes,
        likelihood=likelihood,
        marginal=np.stack([likelihood @ kernel.T for kernel in KERNELS], axis=1),
        left=left,
        part=(mean - GRID[left]) / STEP,
        log_evidence=np.empty(0),
    )
    logs = np.array(
        [[np.log(found.at_means(x)).sum(axis=0) for x in of_slope] for of_slope in found.marginal]
    )
    logs += top.sum(axis=(1, 2))[:, None, None] - 0.5 * (((slopes - 1) / 0.3) ** 2)[:, None, None]
    shape = (len(slopes), len(SPREAD), len(TRUST), len(alphas))
    return Evidence(**{**vars(found), "log_evidence": logs.reshape(shape)})


def _alpha_grid(pooled: Floats) -> Floats:
    weight = np.exp(pooled - pooled.max())
    weight /= weight.sum()
    centre = (weight * GRID).sum()
    sd = np.sqrt((weight * (GRID - centre) ** 2).sum())
    grid: Floats = centre + np.linspace(-1, 1, 13) * max(3.5 * sd, 0.5)
    return grid


def from_others(found: Sequence[Evidence]) -> list[Floats]:
    """For each category, the mean of the others' log evidence on tau and kappa.

    The same style and the same shift act on all categories, and a rare one cannot estimate them
    alone. The mean, not the sum: all see the same posts.
    """
    each = np.stack([x.on_tau_and_kappa - x.on_tau_and_kappa.max() for x in found])
    return list((each.sum(axis=0) - each) / max(len(found) - 1, 1))


def account_posterior(found: Evidence, *, others: Floats) -> tuple[Floats, float]:
    """Return the posterior of (beta, account, e), (b, A, E), and the mean of kappa."""
    log_q = found.log_evidence + (LOG_PRIOR + others)[None, :, :, None]
    q = np.exp(log_q - log_q.max())
    q /= q.sum()
    trust = float((q.sum(axis=(0, 1, 3)) * TRUST).sum())
    q = q.reshape(len(found.slopes), len(SPREAD), -1)
    _, accounts, grid = found.likelihood.shape
    posterior = np.zeros_like(found.likelihood)
    key = (np.arange(accounts)[:, None] * grid + found.left).ravel()
    for b, t in zip(*np.nonzero(q.sum(axis=2) > 1e-5), strict=True):
        share = q[b, t] / found.at_means(found.marginal[b, t])
        low, high = share * (1 - found.part), share * found.part
        mean = np.bincount(key, low.ravel(), accounts * grid)
        mean += np.bincount(key + 1, high.ravel(), accounts * grid)
        posterior[b] += found.likelihood[b] * (mean.reshape(accounts, grid) @ KERNELS[t])
    posterior /= posterior.sum(axis=(0, 2), keepdims=True)
    return posterior, trust


def cell_posterior(posterior: Floats, log_l: Floats, account_of: Ints) -> Floats:
    """Return the posterior of (beta, cell, e) with e = e_a + d, d ~ N(0, tau_p^2) (section 3).

    POSTERIOR (b, A, E) is the accounts'; LOG_L (b, C, E) the log-likelihood of each cell's own
    codes; ACCOUNT_OF (C,) the account of each cell.
    """
    out = np.zeros_like(log_l)
    for b in np.flatnonzero(posterior.sum(axis=(1, 2)) > 1e-4 * posterior.shape[1]):
        weight = posterior[b].sum(axis=1)[account_of]
        rest = np.log(posterior[b][account_of] + TINY) - log_l[b]
        rest = np.exp(rest - rest.max(axis=1, keepdims=True))
        rest /= rest.sum(axis=1, keepdims=True)
        own = np.exp(log_l[b] - log_l[b].max(axis=1, keepdims=True))
        joint = [(rest if t == 0 else rest @ _kernel(t)) * own for t in SPREAD_IN_TIME]
        marginal = [x.sum(axis=1, keepdims=True) + TINY for x in joint]
        logs = np.array([np.log(x).sum() for x in marginal])
        share = np.exp(logs - logs.max())
        share /= share.sum()
        mixed = sum(s * x / y for s, x, y in zip(share, joint, marginal, strict=True))
        out[b] = weight[:, None] * mixed
    out /= out.sum(axis=(0, 2), keepdims=True)
    return out
