"""Shares of accounts by public libraries, given the same probabilities and codes.

QuaPy and ppi_py as they come, on each account's uncoded posts; its coded posts keep their codes,
as ours do.
"""

from importlib.util import find_spec

import numpy as np
from worlds import Floats, Ints

from stagemix.mix.borrowing import Coded
from stagemix.mix.shares import Shares

PACKAGES = {"quapy": "QuaPy", "ppi_py": "ppi_py"}


def missing() -> list[str]:
    """The libraries that are not installed."""
    return [name for module, name in PACKAGES.items() if find_spec(module) is None]


def rivals(data: Coded) -> dict[str, Shares]:
    """Shares (A, k) by every installed library; without intervals the bounds are nan."""
    found: dict[str, Shares] = {}
    if find_spec("quapy") is not None:
        found |= {f"QuaPy {name}": part for name, part in quantified(data).items()}
    if find_spec("ppi_py") is not None:
        found["ppi_py, lambda 1"] = prediction_powered(data)
    return found


def point(share: Floats) -> Shares:
    """Shares that have no intervals."""
    return Shares(share=share, low=np.full_like(share, np.nan), high=np.full_like(share, np.nan))


def quantified(data: Coded) -> dict[str, Shares]:
    """EMQ, with the weighted shares of the codes as its training prior, and KDEyML.

    Categories without a code are unknown to them, and have the share 0.
    """
    from quapy.method.aggregative import EMQ, KDEyML
    from sklearn.dummy import DummyClassifier

    known = np.flatnonzero(data.y.sum(axis=0))
    p = data.p[:, known] / data.p[:, known].sum(axis=1, keepdims=True)
    y, q = data.y.argmax(axis=1), p[data.row]
    prior = (data.y / data.chance[:, None]).sum(axis=0)[known]
    kde = KDEyML(DummyClassifier().fit(q, y), fit_classifier=False, val_split=None)
    kde.aggregation_fit(q, y)
    ways = {"EMQ": lambda x: EMQ.EM(prior / prior.sum(), x)[0], "KDEyML": kde.aggregate}
    found = {}
    for name, way in ways.items():
        share = np.zeros((data.account.max() + 1, data.p.shape[1]))
        for a, (_, uncoded) in enumerate(accounts(data)):
            if len(uncoded):
                share[a, known] = way(p[uncoded])
        found[name] = point(with_codes(data, share))
    return found


def prediction_powered(data: Coded) -> Shares:
    """ppi_py's mean and its 95% interval; an account of fewer than two codes has mean p and [0, 1]."""
    from ppi_py import ppi_mean_ci, ppi_mean_pointestimate

    share = np.zeros((data.account.max() + 1, data.p.shape[1]))
    low, high = share.copy(), np.ones_like(share)
    for a, (codes, uncoded) in enumerate(accounts(data)):
        if len(uncoded):
            share[a] = data.p[uncoded].mean(axis=0)
        if len(uncoded) and len(codes) >= 2:
            known = data.y[codes], data.p[data.row[codes]], data.p[uncoded]
            weights = {"w": 1 / data.chance[codes], "lam": 1}
            share[a] = ppi_mean_pointestimate(*known, **weights)
            low[a], high[a] = ppi_mean_ci(*known, alpha=0.05, **weights)
    all_ = (np.clip(with_codes(data, x), 0, 1) for x in (share, low, high))
    return Shares(**dict(zip(("share", "low", "high"), all_, strict=True)))


def accounts(data: Coded) -> list[tuple[Ints, Ints]]:
    """Of every account the numbers of its codes, and the rows of its uncoded posts."""
    free = np.ones(len(data.account), dtype=bool)
    free[data.row] = False
    own = data.account[data.row]
    return [
        (np.flatnonzero(own == a), np.flatnonzero(free & (data.account == a)))
        for a in range(data.account.max() + 1)
    ]


def with_codes(data: Coded, share: Floats) -> Floats:
    """Turn shares among the uncoded posts (A, k) into shares among all posts."""
    out = share.copy()
    for a, (codes, uncoded) in enumerate(accounts(data)):
        counts = data.y[codes].sum(axis=0) + len(uncoded) * share[a]
        out[a] = counts / (len(codes) + len(uncoded))
    return out
