import numpy as np
import pytest

from stagemix.merge.cells import Cells
from stagemix.merge.measures import jackknife, measures, slope_changes
from stagemix.merge.robustness import COLUMNS, MEASURES, robustness


def cells(accounts=5, periods=6, *, seed=0, paired=True, there=None):
    draw = np.random.default_rng(seed)
    theta = draw.dirichlet([6, 2, 1], size=(accounts, periods))
    full = np.ones((accounts, periods), dtype=bool)
    return Cells(
        accounts=tuple(f"a{i}" for i in range(accounts)),
        periods=tuple(str(2018 + t) for t in range(periods)),
        theta=theta,
        square=theta**2,
        size=np.full((accounts, periods), 20),
        codes=np.full((accounts, periods), 4),
        above=np.full((accounts, periods), 1),
        there=full if there is None else there,
        pairs=full & paired,
    )


def rows(frame, what, measure):
    return frame[(frame["what"] == what) & (frame["measure"] == measure)]


@pytest.mark.parametrize("measure", MEASURES)
def test_every_way_is_computed_anew(measure):
    own, raw = cells(), cells(seed=1)
    there = np.ones((7, 6), dtype=bool)
    there[5, :3] = there[6, 3:] = False
    every = cells(7, seed=0, there=there)
    frame = robustness(own, every=every, raw=raw)
    assert list(frame.columns) == list(COLUMNS)
    for what, which in (
        ("balanced panel", own), ("every account", every), ("labels, uncorrected", raw),
    ):  # fmt: skip
        row = rows(frame, what, measure).iloc[0]
        expected = jackknife(slope_changes(getattr(measures(which), measure)))
        assert row["change"] == pytest.approx(expected.change, abs=1e-12)
        assert row["low"] == pytest.approx(expected.low, abs=1e-12)
    assert rows(frame, "every account", measure)["accounts"].tolist() == [7]
    for name, change in rows(frame, "without an account", measure)[
        ["left_out", "change"]
    ].to_numpy():
        left = own.of_accounts(np.array([a != name for a in own.accounts]))
        value = slope_changes(getattr(measures(left), measure))[0]
        assert change == pytest.approx(value, abs=1e-12)
    for t, change in enumerate(rows(frame, "without a period", measure)["change"]):
        kept = np.arange(6) != t
        values = getattr(measures(own), measure)[0]
        assert change == pytest.approx(np.polyfit(np.arange(6)[kept], values[kept], 1)[0] * 5)


def test_without_pairs_only_u_is_there():
    frame = robustness(cells(paired=False), every=cells(paired=False), raw=cells(seed=1))
    without_labels = frame[frame["what"] != "labels, uncorrected"]
    assert set(without_labels["measure"]) == {"above_publish"}


def test_a_panel_with_two_accounts_in_a_period_has_no_row():
    there = np.ones((5, 6), dtype=bool)
    there[:3, 0] = False
    frame = robustness(cells(), every=cells(there=there), raw=cells(seed=1))
    assert "every account" not in set(frame["what"])
