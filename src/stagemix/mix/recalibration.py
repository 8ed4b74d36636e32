"""One recalibration of class probabilities for all accounts alike, fitted on the coded posts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

Floats = NDArray[np.float64]
LEAST = 0.0002
"""Probabilities are clipped to [LEAST, 1 - LEAST] before the logarithm (section 1)."""
SLOPE_SD, INTERCEPT_SD = 0.3, 1.0
STEPS, TOLERANCE = 100, 1e-10


@dataclass(frozen=True, kw_only=True)
class Recalibration:
    """The line p' proportional to exp(slope log p + intercept): `intercepts` (k,), the first 0."""

    slope: float
    intercepts: Floats

    def apply(self, p: Floats) -> Floats:
        """Return the recalibrated probabilities of P, both (N, k); rows sum to one."""
        out: Floats = softmax(self.slope * _log(p) + self.intercepts, axis=1)
        return out


def recalibrate(p: Floats, q: Floats, y: Floats, weights: Floats) -> Floats:
    """Return P (N, k) recalibrated by the coded posts (`fit_recalibration`); rows sum to one."""
    return fit_recalibration(q, y, weights).apply(p)


def fit_recalibration(q: Floats, y: Floats, weights: Floats) -> Recalibration:
    """Fit the line on the coded posts: their out-of-fold Q, codes Y (n, k) and WEIGHTS (n,).

    Multinomial logistic recalibration with one slope (Platt 1999; temperature and bias of Guo et
    al. 2017), the mode of sum w log p' under slope ~ N(1, 0.3^2), intercepts ~ N(0, 1), by
    Newton's method. Weights should have mean 1, so that the priors weigh as they are meant to.
    """
    X = _design(q)
    start = np.zeros(X.shape[2])
    start[0] = 1.0
    precision = np.full(len(start), INTERCEPT_SD**-2)
    precision[0] = SLOPE_SD**-2

    def loss(at: Floats) -> float:
        fit = (weights[:, None] * y * log_softmax(X @ at, axis=1)).sum()
        return float((precision * (at - start) ** 2).sum() / 2 - fit)

    at = start
    for _ in range(STEPS):
        fitted = softmax(X @ at, axis=1)
        gradient = precision * (at - start)
        gradient -= np.einsum("nk,nkm->m", weights[:, None] * (y - fitted), X)
        centred = X - np.einsum("nk,nkm->nm", fitted, X)[:, None]
        curvature = np.einsum("nk,nkm,nkl->ml", weights[:, None] * fitted, centred, centred)
        step = np.linalg.solve(curvature + np.diag(precision), gradient)
        # a full step can overshoot where the codes contradict the classifier
        while np.abs(step).max() > TOLERANCE and loss(at - step) > loss(at):
            step = step / 2
        at = at - step
        if np.abs(step).max() <= TOLERANCE:
            break
    return Recalibration(slope=float(at[0]), intercepts=np.concatenate([[0.0], at[1:]]))


def _log(p: Floats) -> Floats:
    out: Floats = np.log(np.clip(p, LEAST, 1 - LEAST))
    return out


def _design(q: Floats) -> Floats:
    """(n, k, 1 + k - 1): what multiplies the slope and each intercept in a post's k scores."""
    n, k = q.shape
    intercepts = np.broadcast_to(np.eye(k)[:, 1:], (n, k, k - 1))
    return np.concatenate([_log(q)[:, :, None], intercepts], axis=2)
