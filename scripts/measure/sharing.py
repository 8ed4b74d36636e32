"""Shares of accounts and cells in the simulated worlds: errors, coverage and widths.

No share is refused here: figures named `3+` are of the stages that have three coded posts or more,
`refused` of those that have fewer, for which the tables give no share.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from rivals import point, rivals
from scipy.special import expit, logit
from tallies import Tally
from worlds import Floats, Ints, K, ShareWorld, TextWorld, cell_world, share_world, text_world

from stagemix.codes.codebook import default_codebook
from stagemix.learn.classify import predict
from stagemix.learn.crossfit import training_weights
from stagemix.learn.training import train
from stagemix.mix.borrowing import Coded, account_shares, cell_shares
from stagemix.mix.groups import sums
from stagemix.mix.intercepts import score
from stagemix.mix.limits import STAGE_CODES
from stagemix.mix.prior_shift import cell_shares_by_em, shares_by_em, shifts
from stagemix.mix.recalibration import recalibrate
from stagemix.mix.shares import (
    Shares,
    difference_estimate,
    difference_shares,
    dispersion,
    overall_share,
)

OURS, SAME = "ours", "ours, same replicates"
RARE = 0.03
BINS, WIDEST, PULL = 60, 9.0, 20.0


def shares_measured(name: str, seed: int, *, compare: bool) -> list[Tally]:
    """Measure one replicate of a world of accounts; with COMPARE, the libraries too."""
    world = share_world(name, seed)
    return [
        *tallied("shares", name, world, world.account, estimates(world, seed, compare=compare)),
        *overall_tallied(world),
    ]


def texts_measured(name: str, seed: int, *, texts: Path, compare: bool) -> list[Tally]:
    """Measure one replicate of real texts, with the world's classifier and with our own."""
    world = text_world(name, seed, texts)
    own = own_classifier(world, texts, seed)
    return [
        *tallied("texts", name, world, world.account, estimates(world, seed, compare=compare)),
        *tallied("texts", f"{name} own", own, own.account, estimates(own, seed, compare=False)),
    ]


def cells_measured(shift: float, seed: int) -> list[Tally]:
    """Measure one replicate of account x period cells."""
    world = cell_world(shift, seed)
    account_of = np.zeros(world.cell.max() + 1, dtype=np.int64)
    account_of[world.cell] = world.account
    data = coded(world)
    p, pool = recalibrated(data), data.pool
    of_accounts = shares_by_em(p, data.account, groups=world.account.max() + 1, pool=pool)
    toward = of_accounts[account_of]
    found = cell_shares(
        data,
        cell=world.cell,
        account_of=account_of,
        shift=shifts(of_accounts, pool),
        cell_shift=shifts(cell_shares_by_em(p, world.cell, pool=pool, toward=toward), pool),
        rng=np.random.default_rng(seed),
    )
    plain = naive(world, world.cell)
    return tallied("cells", world.name, world, world.cell, {OURS: found, **plain})


# Estimates


def estimates(world: ShareWorld, seed: int, *, compare: bool) -> dict[str, Shares]:
    data = coded(world)
    accounts = world.account.max() + 1
    of_accounts = shares_by_em(recalibrated(data), data.account, groups=accounts, pool=data.pool)
    ways = {
        OURS: shifts(of_accounts, data.pool),
        "shift by stage": shifts_by_stage(data.p, data.account, data.pool),
    }
    found = {
        name: account_shares(data, shift=shift, rng=np.random.default_rng(seed))
        for name, shift in ways.items()
    }
    found["difference"] = difference_shares(difference_estimate(
        data.p, data.account, groups=accounts, row=data.row, y=data.y, chance=data.chance,
        phi=spread(data), stratum=world.strata,
    ))  # fmt: skip
    found |= naive(world, world.account)
    return found | ({SAME: found[OURS], **rivals(data)} if compare else {})


def coded(world: ShareWorld) -> Coded:
    y = np.eye(K)[world.truth[world.coded]]
    return Coded(p=world.p, account=world.account, row=world.coded, y=y, chance=world.chance)


def recalibrated(data: Coded) -> Floats:
    weights = 1 / data.chance
    return recalibrate(data.p, data.p[data.row], data.y, weights / weights.mean())


def spread(data: Coded) -> Floats:
    account = pd.Series(data.account[data.row])
    weights = training_weights(account, pd.Series(data.chance))
    return dispersion(data.y, data.p[data.row], weights)


def shifts_by_stage(p: Floats, group: Ints, pool: Floats) -> Floats:
    """m (G, k) by EM of each stage against the rest (Saerens et al. 2002), pulled to POOL (k,).

    The method that `stagemix.mix.prior_shift` came after, which recalibrates first, takes the
    stages together and learns the pull.
    """
    size = np.bincount(group)
    groups = len(size)
    found = np.zeros((groups, len(pool)))
    for k, share in enumerate(pool):
        o = score(p[:, k])
        step = ((o + WIDEST) / (2 * WIDEST) * BINS).astype(int).clip(0, BINS - 1)
        key = group * BINS + step
        count = np.bincount(key, minlength=groups * BINS).reshape(groups, BINS)
        middle = np.bincount(key, o, groups * BINS).reshape(groups, BINS) / np.maximum(count, 1)
        for _ in range(300):
            expected = (count * expit(middle + found[:, k, None])).sum(axis=1) + PULL * share
            s = np.clip(expected / (size + PULL), 1e-4, 1 - 1e-4)
            moved, found[:, k] = found[:, k].copy(), logit(s) - logit(share)
            if np.abs(moved - found[:, k]).max() < 1e-4:
                break
    return found


def naive(world: ShareWorld, group: Ints) -> dict[str, Shares]:
    """What the classifier alone says; its labels are classify-and-count (CC)."""
    size = np.bincount(group)
    kept = world.p.copy()
    kept[world.coded] = np.eye(K)[world.truth[world.coded]]
    values = {
        "CC": np.eye(K)[world.p.argmax(axis=1)],
        "mean p": world.p,
        "mean p, codes kept": kept,
    }
    return {k: point(sums(group, v, len(size)) / size[:, None]) for k, v in values.items()}


def own_classifier(world: TextWorld, texts: Path, seed: int) -> TextWorld:
    """Return the world with the probabilities of our own classifier, trained on its codes."""
    variable = default_codebook().variable()
    tokens = pd.read_parquet(texts)["tokens"].to_numpy()[world.row]
    ids = pd.Series(np.arange(len(tokens)).astype(str))
    posts = pd.DataFrame({"post_id": ids, "account": world.account.astype(str),
                          "title": "", "text": tokens, "published_at": pd.NaT})  # fmt: skip
    codes = pd.DataFrame({
        "post_id": ids[world.coded].to_numpy(), "round": "",
        "value": np.array(variable.values)[world.truth[world.coded]],
        "inclusion_probability": world.chance,
    })  # fmt: skip
    training = train(codes, posts, variable=variable, seed=seed, fast=True)
    columns = [f"p_{name}" for name in variable.values]
    p = predict(posts, model=training.model)[columns].to_numpy("float64")
    held_out = training.out_of_fold.set_index("post_id").loc[codes["post_id"], columns]
    p[world.coded] = held_out.to_numpy("float64")
    return replace(world, p=p)


# Figures


def tallied(
    part: str, name: str, world: ShareWorld, group: Ints, found: dict[str, Shares]
) -> list[Tally]:
    """Compare shares (G, k) of the groups GROUP (N,) with the true ones."""
    size = np.bincount(group)[:, None]
    theta = sums(group, np.eye(K)[world.truth], len(size)) / size
    codes = np.bincount(world.truth[world.coded], minlength=K)
    seen = np.broadcast_to(codes >= STAGE_CODES, theta.shape)
    cc, mean_p = (np.abs(found[x].share - theta) for x in ("CC", "mean p"))
    kinds = {
        "coverage": np.ones_like(seen), "coverage 3+": seen, "rare 3+": seen & (theta < RARE),
        "worst tenth": mean_p >= np.quantile(mean_p, 0.9), "refused": ~seen,
    }  # fmt: skip
    out = []
    for method, shares in found.items():
        given = np.isfinite(shares.share)
        error, cc_error = (np.where(given, np.abs(x), 0.0) for x in (shares.share - theta, cc))
        figures = {
            "MAE, pp": (100 * error.sum(), given.sum()),
            "MAE/CC": (error.sum(), cc_error.sum()),
            "MAE/CC 3+": (error[seen].sum(), cc_error[seen].sum()),
        }
        if np.isfinite(shares.low).any():
            figures["width, pp"] = (100 * np.nansum(shares.high - shares.low), given.sum())
            held = (shares.low - 1e-9 <= theta) & (theta <= shares.high + 1e-9)
            figures |= {k: ((held & given & v).sum(), (given & v).sum()) for k, v in kinds.items()}
        out += [Tally(part, name, method, k, float(a), float(b)) for k, (a, b) in figures.items()]
    return out


def overall_tallied(world: ShareWorld) -> list[Tally]:
    """Compare the shares over all accounts with the true ones."""
    data = coded(world)
    found = overall_share(data.p, data.y, data.p[data.row], data.chance, spread(data))
    theta = np.bincount(world.truth, minlength=K) / len(world.truth)
    held = (found.low - 1e-9 <= theta) & (theta <= found.high + 1e-9)
    figures = {
        "MAE, pp": 100 * np.abs(found.share - theta).sum(),
        "coverage": held.sum(),
        "width, pp": 100 * (found.high - found.low).sum(),
    }
    return [Tally("shares", world.name, "overall", k, float(v), K) for k, v in figures.items()]
