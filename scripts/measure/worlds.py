"""Simulated worlds on which the shares are measured: posts, codes, and a classifier's output.

Every post has a true stage (0 to 3); a probability sample is coded without error; a classifier is
trained on the codes and cross-fitted. The same arguments make the same world.

N posts, n of them coded, k stages. `share_world`, `text_world` (real texts dealt out to accounts),
`cell_world` (account x period). Those for merging and alikeness are in `mergers`.
"""

import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import normalize

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

K = 4
FOLDS = 5
LEAST_P = 0.0002
BASES = {"rare": (0.86, 0.08, 0.054, 0.006), "mild": (0.60, 0.20, 0.14, 0.06)}
STYLED = 3
"""The first features tell the stages apart and are shifted by an account's style."""
FEATURES = 12
NOISE = np.array([1, 1.1, 1.2, 1.2])
CENTRES = np.array([[0, 0, 0], [1, 0, 0], [1 / 4, 1, 0], [0, 1 / 3, 1]])
SEPARATION = 2.6
"""How far the centres of the stages, in the styled features, lie apart."""


@dataclass(frozen=True, kw_only=True)
class ShareWorld:
    """Posts of accounts: `truth`, `account` (N,), and `strata` (N,) within which codes were drawn.

    `coded` (n,) are the rows of the coded posts, `chance` (n,) their inclusion probabilities, `p`
    (N, k) the classifier's probabilities, for the coded posts out of fold.
    """

    name: str
    truth: Ints
    account: Ints
    strata: Ints
    coded: Ints
    chance: Floats
    p: Floats


@dataclass(frozen=True, kw_only=True)
class TextWorld(ShareWorld):
    """A ShareWorld of real texts; `row` (N,) are their rows in the file, from 0."""

    row: Ints


@dataclass(frozen=True, kw_only=True)
class CellWorld(ShareWorld):
    """A ShareWorld with `period` (N,) and `cell` (N,), numbering the account x period in use."""

    period: Ints
    cell: Ints


# What the worlds share: mixes, stages, features, a sample within strata.


def mix_of(logits: Floats) -> Floats:
    e = np.exp(logits)
    return e / e.sum(axis=-1, keepdims=True)


def no_publish(deviation: Floats) -> Floats:
    """Deviations of the higher stages' logits, with a zero put before them for publish."""
    return np.concatenate([np.zeros((*deviation.shape[:-1], 1)), deviation], axis=-1)


def drawn_stages(draw: Generator, mix: Floats) -> Ints:
    """Draw a stage for each post from its own mix (N, k)."""
    passed = draw.random(len(mix))[:, None] > np.cumsum(mix, axis=1)
    return passed.sum(axis=1).clip(0, K - 1)


def style(draw: Generator, sd: float | Floats, *units: int) -> Floats:
    """Draw the shifts of each unit, one for all its stages and one per stage: (units, k, 3)."""
    return draw.normal(0, sd, (*units, 1, STYLED)) + draw.normal(0, sd, (*units, K, STYLED))


def features(draw: Generator, truth: Ints, shift: Floats | float) -> Floats:
    """Draw the posts' features (N, 12) around their stage's centre, moved by SHIFT (N, 3)."""
    x = draw.normal(0, 1, (len(truth), FEATURES)) * NOISE[truth][:, None]
    x[:, :STYLED] += SEPARATION * CENTRES[truth] + shift
    return x


def sample(draw: Generator, strata: Ints, numbers: Ints) -> tuple[Ints, Floats]:
    """Draw NUMBERS[h] posts of each stratum h: their rows in order, and their chances."""
    chance = np.zeros(len(strata))
    for h, number in enumerate(numbers):
        rows = np.flatnonzero(strata == h)
        if len(rows):
            chance[draw.choice(rows, number, replace=False)] = number / len(rows)
    coded = np.flatnonzero(chance)
    return coded, chance[coded]


def crossfit_logistic(
    draw: Generator, x: Floats, truth: Ints, account: Ints, coded: Ints, chance: Floats, *, c: float
) -> Floats:
    """Probabilities (N, k) of a logistic regression on the coded posts, theirs out of fold.

    Codes are weighted by 1/chance, with mean one within each account.
    """
    own = account[coded]
    weight = 1 / chance
    weight = weight / (np.bincount(own, weight) / np.maximum(np.bincount(own), 1))[own]

    def predicted(train: Ints, at: Floats) -> Floats:
        model = LogisticRegression(C=c, max_iter=300)
        model.fit(x[coded[train]], truth[coded[train]], sample_weight=weight[train])
        p = np.zeros((len(at), K))
        p[:, model.classes_] = model.predict_proba(at)
        return bounded(p)

    p = predicted(np.arange(len(coded)), x)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=int(draw.integers(1 << 30)))
    with warnings.catch_warnings():
        # A rare stage is in fewer posts than there are folds.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for train, test in folds.split(x[coded], truth[coded]):
            p[coded[test]] = predicted(train, x[coded[test]])
    return p


def bounded(p: Floats) -> Floats:
    p = np.clip(p, LEAST_P, 1)
    return p / p.sum(axis=1, keepdims=True)


# Worlds for the shares.


RARE = BASES["rare"]
SETTINGS = {
    "W1": (25, 500, RARE, 0.0, 0), "W2": (25, 500, RARE, 0.6, 0),
    "W3": (25, 500, (0.925, 0.05, 0.018, 0.007), 0.3, 0),
    "W4": (25, 500, RARE, 0.4, 4), "W5": (60, 300, RARE, 0.4, 1),
    "W6": (25, 500, RARE, 0.2, 0), "W7": (10, 300, RARE, 0.6, 0), "W8": (60, 800, RARE, 0.6, 0),
}  # fmt: skip
"""Accounts, codes, mean mix, sd of the accounts' styles, and how codes are drawn.

Last: 0 equally many per account; 1 or more in proportion to the posts, with those that look like a
higher stage drawn so many times as often.
"""
OUTLIERS = {"W6": 2}
"""The first accounts of W6 have styles of sd 1.2."""
EVEN, SKEWED = (0.4, 0.3, 0.2, 0.1), (0.85, 0.08, 0.06, 0.01)
TEXTS = {
    "T300e": (300, 6, EVEN), "T300s": (300, 10, SKEWED),
    "T600e": (600, 6, EVEN), "T600s": (600, 10, SKEWED),
}  # fmt: skip
"""Codes, concentration of the accounts' mixes about their mean, and this mean."""


def share_world(name: str, seed: int) -> ShareWorld:
    """Make one of `SETTINGS`: accounts of 100 to 3000 posts."""
    accounts, codes, base, spread, enrich = SETTINGS[name]
    draw = np.random.default_rng([seed, 7, sum(map(ord, name))])
    size = np.exp(draw.uniform(np.log(100), np.log(3000), accounts)).astype(int)
    mix = mix_of(np.log(base) + no_publish(draw.normal(0, 0.6, (accounts, K - 1))))
    account = np.repeat(np.arange(accounts), size)
    truth = drawn_stages(draw, mix[account])
    sd = np.full((accounts, 1, 1), spread)
    sd[: OUTLIERS.get(name, 0)] = 1.2
    x = features(draw, truth, style(draw, sd, accounts)[account, truth] if sd.any() else 0.0)
    strata, numbers = account, np.minimum(codes // accounts, size)
    if enrich:
        strata = np.zeros(len(account), dtype=int)
        if enrich > 1:
            looks = x[:, :STYLED].sum(axis=1) + draw.normal(0, 1.5, len(account)) > SEPARATION
            strata = looks.astype(int)
        posts, times = np.bincount(strata), np.array([1, enrich])[: strata.max() + 1]
        numbers = np.round(posts * (codes / (posts * times).sum()) * times).astype(int)
    coded, chance = sample(draw, strata, numbers)
    p = crossfit_logistic(draw, x, truth, account, coded, chance, c=1.0)
    return ShareWorld(
        name=name, truth=truth, account=account, strata=strata, coded=coded, chance=chance, p=p
    )


@cache
def text_features(texts: Path) -> tuple[Floats, Ints, Ints]:
    """Features, label (0 the most frequent of four) and row of the different texts of a file.

    The parquet file TEXTS has `tokens`, words with spaces between, and `label`.
    """
    posts = pd.read_parquet(texts).reset_index(drop=True).drop_duplicates("tokens")
    labels = posts["label"].value_counts().index[:K]
    posts = posts[posts["label"].isin(labels)]
    words = TfidfVectorizer(token_pattern=r"\S+", min_df=3, sublinear_tf=True)
    x = TruncatedSVD(150, random_state=0).fit_transform(words.fit_transform(posts["tokens"]))
    return normalize(x), labels.get_indexer(posts["label"]), posts.index.to_numpy()


def text_world(name: str, seed: int, texts: Path) -> TextWorld:
    """Make one of `TEXTS`: the texts of a file (see `text_features`) dealt out to 15 accounts."""
    codes, concentration, base = TEXTS[name]
    x, label, row = text_features(texts)
    draw = np.random.default_rng([seed, 7, sum(map(ord, name))])
    order = draw.permutation(len(label))
    pools = [list(order[label[order] == k]) for k in range(K)]
    dealt, account = [], []
    for a in range(15):
        mix = draw.dirichlet(np.array(base) * concentration)
        for pool, wanted in zip(pools, draw.multinomial(draw.integers(100, 350), mix), strict=True):
            taken = [pool.pop() for _ in range(min(wanted, len(pool)))]
            dealt += taken
            account += [a] * len(taken)
    # An account that found every pool empty does not count.
    numbered = np.unique(account, return_inverse=True)[1]
    strata = np.zeros(len(dealt), dtype=int)
    coded, chance = sample(draw, strata, np.array([min(codes, len(dealt) // 2)]))
    x, truth = x[dealt], label[dealt]
    p = crossfit_logistic(draw, x, truth, numbered, coded, chance, c=10.0)
    return TextWorld(
        name=name, truth=truth, account=numbered, strata=strata, coded=coded, chance=chance, p=p,
        row=row[dealt],
    )  # fmt: skip


def cell_world(shift: float, seed: int) -> CellWorld:
    """Make 20 accounts x 6 growing periods, 500 codes; SHIFT is the sd of a period's style."""
    accounts, periods = 20, 6
    draw = np.random.default_rng([seed, 31])
    size = np.exp(draw.uniform(np.log(150), np.log(2000), accounts)).astype(int)
    account = np.repeat(np.arange(accounts), size)
    period = (periods * np.sqrt(draw.random(len(account)))).astype(int).clip(0, periods - 1)
    own = no_publish(draw.normal(0, 0.6, (accounts, K - 1)))[:, None]
    change = no_publish(draw.normal(0, 0.3, (accounts, periods, K - 1)))
    truth = drawn_stages(draw, mix_of(np.log(BASES["rare"]) + own + change)[account, period])
    moved = np.repeat(style(draw, 0.5, accounts, 1), periods, axis=1)
    if shift > 0:
        moved += style(draw, shift, accounts, periods)
    x = features(draw, truth, moved[account, period, truth])
    coded, chance = sample(draw, account, np.minimum(500 // accounts, size))
    return CellWorld(
        name=f"C{shift:g}", truth=truth, account=account, strata=account, coded=coded, chance=chance,
        p=crossfit_logistic(draw, x, truth, account, coded, chance, c=1.0), period=period,
        cell=np.unique(account * periods + period, return_inverse=True)[1],
    )  # fmt: skip
