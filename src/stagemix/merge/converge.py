"""What `converge` reports: merging (融合) within accounts, then alikeness (趋同) between them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stagemix.errors import DataError, several
from stagemix.merge.alike import Alikeness, became_alike
from stagemix.merge.cells import Cells, cell_estimates
from stagemix.merge.measures import (
    Change,
    half_changes,
    halves,
    jackknife,
    measures,
    slope_changes,
)
from stagemix.merge.scores import scores_of
from stagemix.merge.verdict import (
    CANNOT_TELL,
    DOWN,
    NOT_TESTED,
    YES,
    alike_of,
    merging_of,
    verdict_of,
    word_of,
)
from stagemix.mix.design import TOLERANCE
from stagemix.mix.groups import Groups, group_names, groups_of
from stagemix.mix.limits import (
    ALIKE_CODES,
    HALF_CODES,
    LEAST_ACCOUNTS,
    LEAST_CODES,
    LEAST_PERIODS,
)
from stagemix.mix.sample import Labelled

Floats = NDArray[np.float64]
NAMES = ("above_publish", "within", "total", "evenness", "between")
OK, FEW, REFUSED = "ok", "few", "refused"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure: its value per period (or half) and its change over the study.

    `values` maps a period, or `first_half` and `last_half`, to the value; there is none where
    `status` is `refused`, and `note` says why (see `mix.words`). `change`, `se`, `low`, `high`,
    `mdc` are of the whole study; where `status` is `few` the change is not tested, and its
    interval, `p_value` and `mdc` are None. `p_value` is two-sided; of `between` it is that of the
    one-sided share test of section 4d, by the effective number of accounts, as its interval is no
    test. `verdict`: `up`, `down`, `cannot_tell`, `too_few`, of `between` also `not_tested`.
    """

    name: str
    values: dict[str, float]
    change: float | None
    se: float | None
    low: float | None
    high: float | None
    p_value: float | None
    mdc: float | None
    status: str
    verdict: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Convergence:
    """The measures in the order of `NAMES`, what may be said, and what it rests on.

    `merging` and `alike` are the two verdicts (`yes`, `cannot_tell`, `too_few`; `alike` also
    `not_tested`), `word` says how the stages moved (see `merge.verdict`). `publish_rate` is the
    change of posts of the first category per account and month between the halves. `left_out` are
    accounts that are not in every period with two posts, and with a code where codes were drawn
    by cell, or have no name in the column; `too_small` says what there is too little of.
    """

    measures: tuple[Measure, ...]
    merging: str
    word: str
    alike: str
    alikeness: Alikeness | None
    publish_rate: Change | None
    per_month: pd.DataFrame
    accounts: tuple[str, ...]
    left_out: tuple[str, ...]
    periods: tuple[str, ...]
    codes: int
    smallest_cell: int
    design: str
    too_small: tuple[str, ...]

    def measure(self, name: str) -> Measure:
        """Return one measure."""
        return next(m for m in self.measures if m.name == name)


def converge(
    data: Labelled, *, by: tuple[str, ...], accounts: pd.DataFrame | None = None
) -> Convergence:
    """Say whether the stages come together within accounts, and whether accounts become alike.

    BY names the grouping whose groups are compared (`account`) and the period. Raises DataError
    where there are fewer than two accounts in every period, or fewer than two periods.
    """
    groups = groups_of(*group_names(data.posts, by=by, accounts=accounts))
    every = cell_estimates(data, groups)
    cells = balanced(every, by=by)
    complete = int(cells.codes.sum()) == int(cells.size.sum())
    too_small = _too_small(cells, complete=complete)
    alikeness = _alikeness(data, groups, cells, complete=complete) if not too_small else None
    found = tuple(_measure(name, cells, alikeness, tested=not too_small) for name in NAMES)
    rates = _per_month(data, groups, cells)
    rate = _publish_rate(rates) if len(cells.periods) >= LEAST_PERIODS else None
    by_name = {m.name: m.verdict for m in found}
    codes = int(cells.codes.sum())
    merging = merging_of(by_name, codes=codes, complete=complete)
    fewer = rate is not None and rate.high < 0
    return Convergence(
        measures=found,
        merging=merging,
        word=word_of(by_name, merging=merging, fewer_publish=fewer),
        alike=alike_of(alikeness, too_small=bool(too_small)),
        alikeness=alikeness,
        publish_rate=rate,
        per_month=_table(rates, cells, data.categories),
        accounts=cells.accounts,
        left_out=tuple(name for name in every.accounts if name not in cells.accounts),
        periods=cells.periods,
        codes=codes,
        smallest_cell=int(cells.size.min()),
        design=data.design.name,
        too_small=too_small,
    )


def balanced(cells: Cells, *, by: tuple[str, ...]) -> Cells:
    """Return the cells of the accounts that are in every period; see `converge` for errors."""
    where = f"--by {','.join(by)}"
    if not cells.periods:
        raise DataError(f"{where}: no post has a time, so there are no periods")
    if len(cells.periods) < 2:
        raise DataError(
            f"{where}: there is one period ({several(cells.periods)}); choose a shorter one"
        )
    kept = np.asarray(cells.there.all(axis=1))
    if kept.sum() < 2:
        raise DataError(
            f"{where}: {kept.sum()} accounts have two posts or more in each of the "
            f"{len(cells.periods)} periods (and a code wherever codes were drawn by cell), two are "
            "needed; choose a longer period"
        )
    return cells.of_accounts(kept)


def changes_of(name: str, cells: Cells) -> tuple[dict[str, float], Floats | None, str]:
    """Return a measure's values, its changes (1 + A,) and, where there are none, a note's key.

    u, W and Tot change by the slope; D and Q from half to half, D by products of different
    periods alone; so do W and Tot where the codes have no pairs (section 4c).
    """
    long = len(cells.periods) >= LEAST_PERIODS
    if name == "evenness":
        return _evenness(cells, long=long)
    if not cells.paired and name != "above_publish":
        if not long:
            return {}, None, "no_pairs"
        values = getattr(measures(halves(cells, cross=True)), name)
        named = dict(zip(("first_half", "last_half"), values[0].tolist(), strict=True))
        return named, half_changes(values), "by_halves"
    values = getattr(measures(cells), name)
    named = dict(zip(cells.periods, values[0].tolist(), strict=True))
    if name != "between":
        return named, slope_changes(values), ""
    if not long:
        return named, None, "few_periods"
    return named, half_changes(measures(halves(cells, cross=True)).between), ""


def _evenness(cells: Cells, *, long: bool) -> tuple[dict[str, float], Floats | None, str]:
    if not long or not cells.paired:
        return {}, None, "few_periods" if not long else "no_pairs"
    two = halves(cells, cross=False)
    found = measures(two)
    if two.above.sum(axis=0).min() < HALF_CODES or not (found.evenness[0] > 0).all():
        return {}, None, "few_higher"
    values = dict(zip(two.periods, found.evenness[0].tolist(), strict=True))
    return values, half_changes(found.evenness_line), ""


def _measure(name: str, cells: Cells, alikeness: Alikeness | None, *, tested: bool) -> Measure:
    values, changes, note = changes_of(name, cells)
    numbers: dict[str, float | None] = dict.fromkeys(
        ("change", "se", "low", "high", "p_value", "mdc")
    )
    status = OK if tested else FEW
    verdict: str = "too_few"
    if not values:
        status = REFUSED
    elif changes is not None and not tested:
        numbers["change"] = float(changes[0])
    elif changes is not None:
        found = jackknife(changes)
        numbers |= vars(found)
        verdict = verdict_of(found)
        if name == "between":
            numbers["p_value"] = None if alikeness is None else alikeness.share.p_value_strict
            verdict = alike_of(alikeness, too_small=False)
            verdict, note = {
                YES: (DOWN, "one_sided"),
                CANNOT_TELL: (CANNOT_TELL, "one_sided"),
                NOT_TESTED: (NOT_TESTED, ";".join(filter(None, (note, "alike_not_tested")))),
            }[verdict]
    return Measure(name=name, values=values, status=status, verdict=verdict, note=note, **numbers)


def _alikeness(data: Labelled, groups: Groups, cells: Cells, *, complete: bool) -> Alikeness | None:
    """Test alikeness where every cell has two codes drawn with equal chances; else None."""
    if not complete and (cells.codes.sum() < ALIKE_CODES or cells.codes.min() < 2):
        return None
    place = {name: a for a, name in enumerate(cells.accounts)}
    moment = {name: t for t, name in enumerate(cells.periods)}
    account = np.array([place.get(name, -1) for name in groups.accounts])[groups.account]
    period = np.array([moment.get(name, -1) for name in groups.periods])[groups.period]
    inside = (account >= 0) & (period >= 0)
    cell = np.where(inside, account * len(moment) + period, -1)[groups.number]
    coded = cell[data.row]
    chances = pd.Series(data.chance[coded >= 0]).groupby(coded[coded >= 0])
    if ((chances.max() - chances.min()) > TOLERANCE).any():
        return None
    scores = scores_of(
        cell=cell,
        p=data.p,
        row=data.row,
        y=data.y,
        q=data.q,
        accounts=len(place),
        periods=len(moment),
    )
    return became_alike(scores)


def _per_month(data: Labelled, groups: Groups, cells: Cells) -> Floats:
    """Posts of each category per account and month, (A, T, k)."""
    times = data.posts["published_at"]
    period = pd.Series(np.array(groups.periods)[groups.period[groups.number]])
    months = (times.dt.year * 12 + times.dt.month).groupby(period).nunique()
    length = months.reindex(list(cells.periods)).to_numpy("float64")
    rates: Floats = cells.size[:, :, None] * cells.theta / length[None, :, None]
    return rates


def _publish_rate(rates: Floats) -> Change | None:
    h = rates.shape[1] // 2
    change = rates[:, -h:, 0].mean(axis=1) - rates[:, :h, 0].mean(axis=1)
    a = len(change)
    if a < 3:
        return None
    return jackknife(np.concatenate([[change.mean()], (change.sum() - change) / (a - 1)]))


def _table(rates: Floats, cells: Cells, categories: tuple[str, ...]) -> pd.DataFrame:
    mean = rates.mean(axis=0)
    return pd.DataFrame(mean, index=list(cells.periods), columns=list(categories)).rename_axis(
        "period"
    )


def _too_small(cells: Cells, *, complete: bool) -> tuple[str, ...]:
    have = {
        "accounts": (len(cells.accounts), LEAST_ACCOUNTS),
        "periods": (len(cells.periods), LEAST_PERIODS),
    }
    if not complete:
        have["codes"] = (int(cells.codes.sum()), LEAST_CODES)
    return tuple(f"{n} {what} of {least}" for what, (n, least) in have.items() if n < least)
