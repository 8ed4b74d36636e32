"""What `compare` reports: the stages of groups of accounts beside each other.

Accounts are the units: a group's share is that of its average account, and how much accounts
differ is what intervals and tests rest on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import fdtrc, stdtr, stdtrit

from stagemix.errors import DataError, several
from stagemix.mix.groups import BLANK, group_names
from stagemix.mix.limits import GROUP_ACCOUNTS, GROUP_CODES, STAGE_CODES, STAGE_CODES_SURE
from stagemix.mix.multiplicity import holm
from stagemix.mix.sample import Labelled
from stagemix.mix.table import FEW, OK, REFUSED
from stagemix.posts.grouping import PERIODS

Floats = NDArray[np.float64]
ALIKE = 1e-9
"""Accounts whose shares have no larger standard deviation have the same share but for rounding."""
DIFFERENCES = ("group", "other", "stage", "difference", "low", "high", "p_value", "p_adjusted")
TESTS = ("stage", "groups", "accounts", "f", "df1", "df2", "p_value", "p_adjusted")
_POINT = ("few_accounts", "no_spread")
_STATUS = {"": OK, "no_group": OK, **dict.fromkeys(("few_codes_of_stage", *_POINT), FEW)}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The groups of a column of the account table, compared.

    `shares` has a row per group and stage: `group`, `stage`, `accounts`, `n_posts`, `n_codes`,
    `share_raw` (mean over accounts of the labels' share), `share` (of the corrected one), `low`,
    `high` (its 95% interval), `status`, `note`. What is refused is null, and `note` a reason's
    key (see `mix.words`). `differences` (columns `DIFFERENCES`) are `group` minus `other` with
    95% intervals, `tests` (`TESTS`) are over all groups: rows for what can be tested alone, each
    p-value also adjusted for their number (Holm 1979). The comparison's `note` is blank but where
    nothing can.
    """

    by: str
    shares: pd.DataFrame
    differences: pd.DataFrame
    tests: pd.DataFrame
    note: str


@dataclass(frozen=True, kw_only=True)
class _Group:
    """The A accounts of a group: corrected and raw shares (A, k); NOTE is why it is not tested."""

    name: str
    theta: Floats
    raw: Floats
    n_posts: int
    n_codes: int
    note: str

    def varies(self, k: int) -> bool:
        return bool(self.theta[:, k].std() > ALIKE)


def compare(data: Labelled, *, by: str, accounts: pd.DataFrame | None) -> Comparison:
    """Compare the shares of every stage between the groups of accounts that the column BY makes.

    ACCOUNTS is the account table. Accounts without a value are the group `—`, which is shown and
    not tested. Raises DataError where BY is no column of the account table, or there is one group.
    """
    groups = _groups(data, by=by, accounts=accounts)
    tested = [group for group in groups if not group.note]
    stages = [(k, s) for k, s in enumerate(data.categories) if data.counts[s] >= STAGE_CODES]
    shares = [_share(group, k, data) for group in groups for k in range(len(data.categories))]
    differences, tests = _differences(tested, stages), _tests(tested, stages)
    note = "few_groups" if tests.empty and differences.empty else ""
    frames = {"shares": pd.DataFrame(shares), "differences": differences, "tests": tests}
    return Comparison(by=by, note=note, **frames)


def unbiased_shares(data: Labelled) -> pd.DataFrame:
    """Estimate the shares of k categories in each of A accounts; a frame (A, k) by account.

    The difference estimator with Horvitz-Thompson residuals (Särndal, Swensson & Wretman 1992,
    section 6.3; Egami et al. 2023): the mean over the account's posts of p, for a coded post of
    q + (y - q)/chance. Unbiased for any probability design, so not kept within [0, 1]. Where the
    draws were inside accounts the weights 1/chance sum to the account's posts, and the Hájek form
    is the same; where they were not, it does not exist for an account without codes.
    """
    return _by_account(data, data.pseudo_outcomes)


def _groups(data: Labelled, *, by: str, accounts: pd.DataFrame | None) -> list[_Group]:
    _check_column(by, accounts)
    group, _ = group_names(data.posts, by=(by,), accounts=accounts)
    if len(set(group)) == 1:
        raise DataError(
            f"--by {by}: every account is in the group {group.iloc[0]}; choose another column, or "
            "fill in the account table (accounts.csv)"
        )
    posts = pd.DataFrame({"group": group.to_numpy()})
    posts["coded"] = np.isin(posts.index, data.row)
    posts["drawn"] = data.design.covered
    by_account = posts.groupby(data.posts["account"].to_numpy())
    told = {"n_codes": ("coded", "sum"), "drawn": ("drawn", "any")}
    people = by_account.agg(group=("group", "first"), n_posts=("group", "size"), **told)
    labels = data.posts["label"].to_numpy()[:, None] == np.array(data.categories)
    raw, theta = _by_account(data, labels), unbiased_shares(data)
    return [
        _Group(
            name=str(name),
            theta=theta.loc[own.index].to_numpy("float64"),
            raw=raw.loc[own.index].to_numpy("float64"),
            n_posts=int(own["n_posts"].sum()),
            n_codes=int(own["n_codes"].sum()),
            note=_why_not(str(name), own),
        )
        for name, own in people.groupby("group")
    ]


def _why_not(name: str, people: pd.DataFrame) -> str:
    if people["n_codes"].sum() < min(GROUP_CODES, people["n_posts"].sum()):
        return "few_codes_in_group"
    if not people["drawn"].all():
        return "account_without_codes"
    if len(people) < GROUP_ACCOUNTS:
        return "few_accounts"
    return "no_group" if name == BLANK else ""


def _by_account(data: Labelled, values: Floats | NDArray[np.bool_]) -> pd.DataFrame:
    frame = pd.DataFrame(values, columns=list(data.categories))
    return frame.groupby(data.posts["account"].to_numpy()).mean()


def _check_column(by: str, accounts: pd.DataFrame | None) -> None:
    columns: list[str] = [] if accounts is None else accounts.columns.tolist()
    known = [name for name in columns if name not in ("account", *PERIODS)]
    if by not in known:
        can = f"one can compare by {several(known, most=20)}" if known else "write one with it"
        raise DataError(f"--by {by}: not a column of the account table (accounts.csv); {can}")


def _share(group: _Group, k: int, data: Labelled) -> dict[str, object]:
    note = _note(group, k, codes=int(data.y[:, k].sum()))
    status = _STATUS.get(note, REFUSED)
    theta = group.theta[:, k]
    numbers = dict.fromkeys(("share", "low", "high"), np.nan)
    if status != REFUSED:
        numbers["share"] = float(np.clip(theta.mean(), 0, 1))
    if status != REFUSED and note not in _POINT:
        numbers["low"], numbers["high"] = np.clip(t_interval(theta), 0, 1).tolist()
    about = {"group": group.name, "stage": data.categories[k], "accounts": len(theta)}
    about |= {"n_posts": group.n_posts, "n_codes": group.n_codes}
    about["share_raw"] = float(group.raw[:, k].mean())
    return about | numbers | {"status": status, "note": note}


def _note(group: _Group, k: int, *, codes: int) -> str:
    if codes < STAGE_CODES:
        return "rare_stage"
    if group.note not in ("", "no_group"):
        return group.note
    if not group.varies(k):
        return "no_spread"
    return "few_codes_of_stage" if codes < STAGE_CODES_SURE else group.note


def _differences(groups: list[_Group], stages: list[tuple[int, str]]) -> pd.DataFrame:
    rows = []
    for one, other in combinations(groups, 2):
        for k, stage in stages:
            if one.varies(k) or other.varies(k):
                found = welch_t(one.theta[:, k], other.theta[:, k])
                rows.append((one.name, other.name, stage, *found))
    return _adjusted(rows, DIFFERENCES)


def _tests(groups: list[_Group], stages: list[tuple[int, str]]) -> pd.DataFrame:
    rows, accounts = [], sum(len(group.theta) for group in groups)
    for k, stage in stages:
        # the weight of a group without spread has no end: F has a limit with one, none with two
        if len(groups) >= 2 and sum(not group.varies(k) for group in groups) <= 1:
            found = welch_f([group.theta[:, k] for group in groups])
            rows.append((stage, len(groups), accounts, *found))
    return _adjusted(rows, TESTS)


def _adjusted(rows: Sequence[tuple[object, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns[:-1]))
    frame = frame.astype(dict.fromkeys(columns[3:-1], "float64"))
    return frame.assign(p_adjusted=holm(frame["p_value"].to_numpy("float64")))


def t_interval(x: Floats) -> tuple[float, float]:
    """Ends of the 95% t-interval of the mean of X (n,), n > 1: mean -+ t s/sqrt(n) (Student 1908)."""
    half = float(stdtrit(len(x) - 1, 0.975)) * float(np.sqrt(_error(x)))
    return float(x.mean()) - half, float(x.mean()) + half


def welch_t(x: Floats, y: Floats) -> tuple[float, float, float, float]:
    """Difference of the means of X (n,) and Y (m,), the ends of its 95% interval, its p-value.

    Welch 1947: variances may differ; df = (u + v)^2/(u^2/(n - 1) + v^2/(m - 1)), u = s^2/n and v
    alike. One of the two must vary.
    """
    u, v = _error(x), _error(y)
    difference, error = float(x.mean() - y.mean()), float(np.sqrt(u + v))
    df = (u + v) ** 2 / (u**2 / (len(x) - 1) + v**2 / (len(y) - 1))
    half = float(stdtrit(df, 0.975)) * error
    p_value = 2 * float(stdtr(df, -abs(difference) / error))
    return difference, difference - half, difference + half, p_value


def welch_f(samples: Sequence[Floats]) -> tuple[float, float, float, float]:
    """F, its two degrees of freedom and the p-value for equal means of k SAMPLES, each (n_j,).

    Welch 1951, w_j = n_j/s_j^2, h_j = w_j/sum w, L = sum (1 - h_j)^2/(n_j - 1):
    F = sum w_j (m_j - sum h m)^2/(k - 1) / (1 + 2 (k - 2) L/(k^2 - 1)), df k - 1 and
    (k^2 - 1)/(3 L). One sample may have no variance: F is then the limit.
    """
    k = len(samples)
    n = np.array([len(x) for x in samples], dtype=np.float64)
    mean = np.array([x.mean() for x in samples])
    error = np.array([_error(x) for x in samples])
    w = 1 / error
    h = w / w.sum()
    between = (w * (mean - (h * mean).sum()) ** 2).sum() / (k - 1)
    unequal = ((1 - h) ** 2 / (n - 1)).sum()
    f = float(between / (1 + 2 * (k - 2) * unequal / (k**2 - 1)))
    df1, df2 = float(k - 1), float((k**2 - 1) / (3 * unequal))
    return f, df1, df2, float(fdtrc(df1, df2, f))


def _error(x: Floats) -> float:
    """Squared standard error of the mean of X (n,); of values that are alike, next to nothing."""
    return float(max(x.var(ddof=1), ALIKE**2) / len(x))
