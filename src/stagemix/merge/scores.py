"""What the test of alikeness needs of every account and period: codes and scores of all posts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stagemix.errors import DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What the test needs of A accounts x T periods x k categories.

    `size` (A, T) posts; arrays (A, T, k): `score` mean probability of all posts, `share` the
    unbiased share, `variance` its variance and `covariance` that with the score (both unbiased,
    for the propensity), `product` mean of value x probability, `spread` variance of the
    probability between the posts of the cell.
    """

    size: Floats
    score: Floats
    share: Floats
    variance: Floats
    covariance: Floats
    product: Floats
    spread: Floats


def scores_of(
    *,
    cell: NDArray[np.intp],
    p: Floats,
    row: NDArray[np.intp],
    y: Floats,
    q: Floats,
    accounts: int,
    periods: int,
) -> Scores:
    """Estimate every cell from its posts and codes.

    CELL (N,) is account x PERIODS + period of each post, -1 for a post in no cell; P (N, k) the
    probabilities; ROW (n,) the rows of the coded posts, Y and Q (n, k) their codes (0 or 1) and
    out-of-fold probabilities, which replace P there. The codes are a simple random sample of each
    cell, or all of it. Raises DataError below three accounts, two periods, or two coded posts in
    a cell.
    """
    if accounts < 3 or periods < 2:
        raise DataError(
            "whether accounts became alike needs three accounts and two periods, here are "
            f"{accounts} and {periods}; add accounts or choose a shorter period"
        )
    p = p.copy()
    p[row] = q
    inside, coded = cell >= 0, cell[row] >= 0
    of_post, of_code = cell[inside], cell[row][coded]
    size = np.bincount(of_post, minlength=accounts * periods)
    codes = np.bincount(of_code, minlength=accounts * periods)
    _two_codes_each(codes, periods)
    p, y, q = p[inside], y[coded], q[coded]
    e = y - q
    return _moments(
        size=size.reshape(accounts, periods),
        codes=codes.reshape(accounts, periods),
        of_posts=[_means(of_post, v, size, periods) for v in (p, p * p)],
        of_codes=[_means(of_code, v, codes, periods) for v in (e, e * e, e * q)],
    )


def _two_codes_each(codes: NDArray[np.intp], periods: int) -> None:
    short = np.flatnonzero(codes < 2)
    if len(short):
        a, t = divmod(int(short[0]), periods)
        raise DataError(
            f"account {a + 1} has {codes[short[0]]} coded posts in period {t + 1}, two are needed "
            "in each; code more posts or choose a longer period"
        )


def _means(cell: NDArray[np.intp], v: Floats, size: NDArray[np.intp], periods: int) -> Floats:
    """Means of V (N, k) in each cell: (A, T, k)."""
    sums = [np.bincount(cell, column, len(size)) for column in v.T]
    return (np.stack(sums, axis=1) / size[:, None]).reshape(-1, periods, v.shape[1])


def _moments(
    *,
    size: NDArray[np.intp],
    codes: NDArray[np.intp],
    of_posts: list[Floats],
    of_codes: list[Floats],
) -> Scores:
    """Unbiased moments of the cells (sections 4c, 4d), N posts and n codes in each.

    share = x + R with x = mean p, R = mean e, e = y - p; S2 = R^2 - its variance under simple
    random sampling; variance = share^2 - (N f - share)/(N - 1) with f = x^2 + 2 x R + S2;
    product = mean p^2 + mean e p; covariance = (product - x share)/(N - 1).
    """
    x, x_square = of_posts
    r, r_square, r_score = of_codes
    big, n = size[:, :, None], codes[:, :, None]
    share, product = x + r, x_square + r_score
    s2 = r**2 - (1 - n / big) * (r_square - r**2) / (n - 1)
    square = (big * (x**2 + 2 * x * r + s2) - share) / (big - 1)
    return Scores(
        size=size.astype(np.float64),
        score=x,
        share=share,
        variance=share**2 - square,
        covariance=(product - x * share) / (big - 1),
        product=product,
        spread=(x_square - x**2) * big / (big - 1),
    )
