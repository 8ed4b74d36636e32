"""Merging and alikeness in the simulated worlds: levels, power, bias and coverage."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from mergers import MergeWorld, merge_world
from scipy import stats
from sharing import OURS
from tallies import Tally
from worlds import K

from stagemix.merge.alike import LEVEL, became_alike
from stagemix.merge.cells import Cells, cell_estimates, raw_cells
from stagemix.merge.converge import changes_of
from stagemix.merge.measures import Change, jackknife, measures, slope_changes
from stagemix.merge.scores import scores_of
from stagemix.merge.verdict import YES, merging_of, verdict_of
from stagemix.mix.design import Design
from stagemix.mix.groups import Groups, groups_of, sums
from stagemix.mix.sample import Labelled

NULLS = ("null", "null+ar", "null@worse", "null@better", "null@err")
MEASURES = {"u": "above_publish", "W": "within", "Tot": "total"}
STAGES = ("publish", "interact", "service", "cooperate")


class Setting(NamedTuple):
    """A world of 20 accounts x 6 periods: its kind, base mix and number of codes."""

    kind: str
    base: str
    codes: int

    @property
    def name(self) -> str:
        """What the tables call it."""
        base = "" if self.base == "rare" else f" {self.base}"
        return f"{self.kind}{base} {self.codes}"


MERGING = (*(Setting(kind, "rare", 500) for kind in NULLS), Setting("up", "rare", 500))
ALIKE = (
    *(Setting(kind, "rare", codes) for codes in (500, 1000) for kind in NULLS),
    *(Setting("conv", base, codes) for base in ("rare", "mild") for codes in (500, 1000)),
)


def changes_measured(setting: Setting, seed: int) -> list[Tally]:
    """Measure one replicate: the parts `merging` and `alike`."""
    world = merge_world(setting.kind, seed, codes=setting.codes, base=setting.base)
    data, groups = labelled(world)
    cells = cell_estimates(data, groups)
    population = replace(cells, theta=world.population, square=world.population**2)
    true = changes(population)
    ways = {OURS: cells, "hard labels": raw_cells(data, groups), "mean p": mean_p(data, groups)}
    out = alike_tallied(setting, world, data)
    for method, each in ways.items():
        out += merging_tallied(setting, method, changes(each), true)
        if method != OURS:
            out.append(Tally("alike", setting.name, method, "yes", closer(each), 1))
    return out


def labelled(world: MergeWorld) -> tuple[Labelled, Groups]:
    """Return a world as the library reads a corpus and its codes."""
    account, period = np.divmod(world.cell, world.periods)
    names = [pd.Series(x).map(lambda i: f"{i:03d}") for x in (account, period)]
    every = np.ones(len(world.cell), dtype=bool)
    labels = np.array(STAGES)[world.label_p.argmax(axis=1)]
    design = Design(
        name=world.name, chance=world.chance, stratum=world.stratum, pair=world.pair,
        of_posts=world.strata, paired=every, covered=every,
    )  # fmt: skip
    data = Labelled(
        posts=pd.DataFrame({"account": names[0], "label": labels}), categories=STAGES, p=world.p,
        row=world.coded, y=np.eye(K)[world.truth[world.coded]], q=world.q, chance=world.chance,
        design=design, chance_known=True, uncodable=0, uncodable_share=0.0, suggested=0,
        stand_for=float(len(world.truth)),
    )  # fmt: skip
    return data, groups_of(*names)


def mean_p(data: Labelled, groups: Groups) -> Cells:
    """Cells as they would be if the probabilities were the truth."""
    plain = raw_cells(data, groups)
    theta = sums(groups.number, data.p, groups.count).reshape(plain.theta.shape)
    theta /= plain.size[:, :, None]
    return replace(plain, theta=theta, square=theta**2)


def changes(cells: Cells) -> dict[str, Change]:
    found = {}
    for symbol, name in MEASURES.items():
        values = changes_of(name, cells)[1]
        if values is None:
            raise ValueError(f"{name} has no change")
        found[symbol] = jackknife(values)
    return found


def merging_tallied(
    setting: Setting, method: str, found: dict[str, Change], true: dict[str, Change]
) -> list[Tally]:
    """Rejections, coverage of the population's change, and errors of each measure."""
    figures: dict[str, tuple[float, float]] = {}
    for symbol, change in found.items():
        target = true[symbol].change
        figures[f"{symbol} rejects"] = (change.p_value < LEVEL, 1)
        figures[f"{symbol} covers"] = (change.low <= target <= change.high, 1)
        figures[f"{symbol} error"] = (change.change - target, 1)
        if setting.kind == "up":
            figures[f"{symbol} bias"] = (change.change - target, target)
    verdicts = {name: verdict_of(found[symbol]) for symbol, name in MEASURES.items()}
    figures["yes"] = (merging_of(verdicts, codes=setting.codes, complete=False) == YES, 1)
    return [
        Tally("merging", setting.name, method, k, float(a), float(b))
        for k, (a, b) in figures.items()
    ]


def alike_tallied(setting: Setting, world: MergeWorld, data: Labelled) -> list[Tally]:
    """The rule, and the test on shares alone."""
    scores = scores_of(
        cell=world.cell, p=data.p, row=data.row, y=data.y, q=data.q,
        accounts=world.accounts, periods=world.periods,
    )  # fmt: skip
    found = became_alike(scores)
    figures = {"yes": found.alike, "share alone": found.share.p_value < LEVEL}
    return [Tally("alike", setting.name, OURS, k, float(v), 1) for k, v in figures.items()]


def closer(cells: Cells) -> bool:
    """Whether the differences between accounts fall over the periods, one-sided at 5 %."""
    change = jackknife(slope_changes(measures(cells).between))
    return change.change / change.se < stats.t.ppf(LEVEL, len(cells.accounts) - 1)
