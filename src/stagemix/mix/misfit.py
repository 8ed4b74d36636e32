"""Does the classifier err differently by account or by time?

The coded posts answer it. Their out-of-fold probabilities, recalibrated for all posts alike, are
moved to the mix that the scores of all posts of their group imply (prior shift), and compared with
the codes. A different mix alone then leaves only noise; more is left where the classifier treats
posts of the same stage differently from group to group.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.mix.groups import UNDATED, sums
from stagemix.mix.limits import STAGE_CODES
from stagemix.mix.prior_shift import CELL_PULL, cell_shares_by_em
from stagemix.mix.recalibration import recalibrate
from stagemix.mix.sample import Labelled

Floats = NDArray[np.float64]
COLUMNS = ("group", "stage", "n_codes", "error", "low", "high", "z", "p_adjusted")
LEVEL = 0.05
LOOKED_CODES = 5
"""Coded posts that a group needs to be looked at."""
DRAWS, SEED = 999, 20_240_229


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """How far the codes depart from the recalibrated probabilities, by account and by period.

    `by_account` and `by_period` have the columns `COLUMNS`, a row per group and stage: `error` is
    the weighted mean of code less probability (moved to the group's mix) in percentage points, null
    without codes; `low` and `high` are its 95% interval, adjusted like `p_adjusted` for all that
    were looked at; all from `low` on is null where not looked at. `p_account` and `p_period` are of
    all groups and stages together, `p_trend` of a steady change of the first category's error over
    the periods; None where fewer than two groups can be looked at.
    """

    by_account: pd.DataFrame
    by_period: pd.DataFrame
    p_account: float | None
    p_period: float | None
    p_trend: float | None

    @property
    def differs_by_account(self) -> bool:
        """Whether the errors differ by account, at 5 %."""
        return self.p_account is not None and self.p_account <= LEVEL

    @property
    def differs_by_period(self) -> bool:
        """Whether the errors differ by period, at 5 %."""
        return self.p_period is not None and self.p_period <= LEVEL


def misfit(data: Labelled, *, account: pd.Series, period: pd.Series) -> Misfit:
    """Test whether the classifier's errors differ by ACCOUNT or PERIOD, (N,) names of all posts.

    Posts whose period is `undated` are left out of the periods, which are in the order of their
    names. The greatest |z| over groups and stages is compared with its distribution where errors
    do not differ, simulated from the probabilities (single-step max-T, Westfall & Young 1993,
    section 2.3). Not looked at are groups with fewer than `LOOKED_CODES` codes, stages with fewer
    than `STAGE_CODES`, and a stage where fewer than one code of it, or of the others, is expected:
    its z is large as soon as one post has it. Repeatable: the draws have their own fixed seed.
    """
    weights = 1 / data.chance
    weights = weights / weights.mean()
    p = recalibrate(data.p_held_out, data.q, data.y, weights)
    of_account = _residuals(data, p, weights, account)
    of_period = _residuals(data, p, weights, period, left_out=UNDATED)
    by_account, p_account = _judge(of_account, data.categories)
    by_period, p_period = _judge(of_period, data.categories)
    return Misfit(
        by_account=by_account,
        by_period=by_period,
        p_account=p_account,
        p_period=p_period,
        p_trend=_trend(of_period) if p_period is not None else None,
    )


@dataclass(frozen=True, kw_only=True)
class _Residuals:
    """Sums of weighted residuals of G groups and k stages, observed and simulated.

    `observed`, `sd`, `looked` are (G, k), `draws` (DRAWS, G, k), `codes` and `weight` (G,).
    """

    names: list[str]
    codes: NDArray[np.intp]
    weight: Floats
    observed: Floats
    sd: Floats
    draws: Floats
    looked: NDArray[np.bool_]


def _residuals(
    data: Labelled, p: Floats, weights: Floats, names: pd.Series, *, left_out: str | None = None
) -> _Residuals:
    number, groups = pd.factorize(names.astype("object"), sort=True)
    shifted, spread = _shift_mixes(p, number, len(groups))
    # in the order of their names, so that the draws do not depend on the order of the rows
    order = np.argsort(data.posts["post_id"].to_numpy()[data.row].astype(str))
    row, y, w = data.row[order], data.y[order], weights[order]
    fitted = shifted[row]
    member = (number[row] == np.arange(len(groups))[:, None]).astype("float64")
    codes, expected = member.sum(axis=1), member @ fitted
    looked = (expected >= 1) & (codes[:, None] - expected >= 1)
    looked &= (codes >= LOOKED_CODES)[:, None] & (data.y.sum(axis=0) >= STAGE_CODES)
    # how the expected sums move with the group's log mix, whose error SPREAD they inherit
    others = np.eye(y.shape[1]) - fitted[:, None, :]
    slope = np.einsum("gn,nk,nkl->gkl", member * w, fitted, others)
    inherited = slope @ spread @ slope.transpose(0, 2, 1)
    variance = (member * w**2) @ (fitted * (1 - fitted)) + np.einsum("gkk->gk", inherited)
    kept = np.array([name != left_out for name in groups], dtype=bool)
    return _Residuals(
        names=[str(name) for name in groups[kept]],
        codes=codes[kept].astype("int64"),
        weight=(member @ w)[kept],
        observed=((member * w) @ (y - fitted))[kept],
        sd=np.sqrt(variance)[kept],
        draws=_simulate(member * w, fitted, inherited)[:, kept],
        looked=looked[kept],
    )


def _shift_mixes(p: Floats, group: NDArray[np.intp], size: int) -> tuple[Floats, Floats]:
    """Move P (N, k) to the mix of each post's group, and say how well that mix is known.

    Mixes s by EM (see `cell_shares_by_em`), pulled to the mean of P, which is where EM on all posts
    together stays: so groups are moved against each other only. Returns z (N, k), proportional to
    p s / mean p, and, (G, k, k), the covariance of log s: the inverse information of the mixture,
    sum of (z - s)(z - s)' and of the pull.
    """
    general: Floats = p.mean(axis=0)
    mix = cell_shares_by_em(p, group, pool=general, toward=np.tile(general, (size, 1)))
    moved = p * (mix / general)[group]
    z: Floats = moved / moved.sum(axis=1, keepdims=True)
    apart = z - mix[group]
    pull = CELL_PULL * mix[:, :, None] * (np.eye(p.shape[1]) - mix[:, None, :])
    information = sums(group, apart[:, :, None] * apart[:, None, :], size) + pull
    spread = np.linalg.pinv(information, rcond=1e-9, hermitian=True)
    return z, spread.astype("float64")


def _simulate(weighted: Floats, fitted: Floats, inherited: Floats) -> Floats:
    """Draw codes from FITTED (n, k); return the groups' residual sums (DRAWS, G, k)."""
    draw = np.random.default_rng(SEED)
    chance = draw.random((DRAWS, len(fitted)))
    # how many of the first k categories a draw is beyond: its category
    drawn = sum((chance >= upper).astype(np.int8) for upper in fitted[:, :-1].cumsum(axis=1).T)
    columns = [((drawn == k) - p) @ weighted.T for k, p in enumerate(fitted.T)]
    size, vectors = np.linalg.eigh(inherited)
    root = vectors * np.sqrt(np.maximum(size, 0))[:, None, :]
    error = draw.standard_normal((DRAWS, *inherited.shape[:2]))
    out: Floats = np.stack(columns, axis=2) + np.einsum("gkl,bgl->bgk", root, error)
    return out


def _judge(found: _Residuals, categories: tuple[str, ...]) -> tuple[pd.DataFrame, float | None]:
    looked = found.looked & (found.looked.any(axis=1).sum() >= 2)
    z = np.full(looked.shape, np.nan)
    z[looked] = found.observed[looked] / found.sd[looked]
    adjusted = np.full(looked.shape, np.nan)
    half = np.full(looked.shape, np.nan)
    weight = np.where(found.weight > 0, found.weight, np.nan)[:, None]
    if looked.any():
        greatest = np.abs(found.draws[:, looked] / found.sd[looked]).max(axis=1)
        adjusted[looked] = _p_values(np.abs(z[looked]), greatest)
        ends = np.quantile(greatest, 1 - LEVEL, method="higher") * found.sd / weight * 100
        half[looked] = ends[looked]
    error = found.observed / weight * 100
    k = len(categories)
    table = pd.DataFrame(
        {
            "group": np.repeat(np.array(found.names, dtype=object), k),
            "stage": list(categories) * len(found.names),
            "n_codes": np.repeat(found.codes, k),
            "error": error.ravel(),
            "low": (error - half).ravel(),
            "high": (error + half).ravel(),
            "z": z.ravel(),
            "p_adjusted": adjusted.ravel(),
        }
    )
    return table.astype({"group": "str"}), float(adjusted[looked].min()) if looked.any() else None


def _trend(found: _Residuals) -> float | None:
    """P-value of the weighted slope of the first category's residual on the period's number."""
    if not found.looked[:, 0].any():
        return None
    number = np.arange(len(found.weight), dtype=np.float64)
    number -= np.average(number, weights=found.weight)
    slope = np.abs(found.observed[:, 0] @ number)
    return float(_p_values(np.array([slope]), np.abs(found.draws[:, :, 0] @ number))[0])


def _p_values(values: Floats, null: Floats) -> Floats:
    """(1 + draws at least as great)/(1 + draws), (Phipson & Smyth 2010); equal ones count."""
    out: Floats = (1 + (null >= values[:, None] - 1e-9).sum(axis=1)) / (1 + len(null))
    return out
