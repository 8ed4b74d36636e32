"""The figures on the agreement of one variable: of all coders, of each pair, of each category."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from stagemix.codes.bootstrap import Interval, alpha_intervals
from stagemix.codes.coefficients import (
    DISTANCES,
    NO_PAIRS,
    Floats,
    cohen_kappa,
    coincidences,
    composite_reliability,
    counts_of,
    fleiss_kappa,
    gwet_ac,
    holsti,
    identity_weights,
    krippendorff_alpha,
    linear_weights,
    ordinal_weights,
    percent_agreement,
    quadratic_weights,
    scott_pi,
    table_of,
    why_undefined,
)

ALPHAS = {
    "nominal": ("nominal",),
    "binary": ("nominal",),
    "ordinal": ("nominal", "ordinal"),
}
"""The distances of alpha at each level of measurement, nominal first."""
ABSENT = "undefined: nobody used the category"
EVERY = "undefined: no variation, every code is of the category"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One coefficient: of all coders, or of the `pair` or the `category` that is named.

    `value` is None where `reason` says why; `units` are those it rests on (for a mean over pairs
    their sum). `interval` is given for alpha over all coders and categories alone.
    """

    coefficient: str
    value: float | None
    units: int
    reason: str = ""
    category: str = ""
    pair: str = ""
    interval: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two coders: `name` is `first/second`, `table` the units by the first's and second's code.

    TABLE (choices, choices) has a row and a column for each choice in order, uncodable included;
    the figures leave uncodable out.
    """

    name: str
    table: tuple[tuple[int, ...], ...]
    figures: tuple[Figure, ...]


def together(counts: Floats, *, level: str, resamples: int, seed: int) -> list[Figure]:
    """Compute the coefficients of all coders at once from COUNTS (units, K)."""
    units = int((counts.sum(axis=1) > 1).sum())
    why = why_undefined(counts)
    distances = {name: DISTANCES[name] for name in ALPHAS[level]}
    intervals = {}
    if not why:
        intervals = alpha_intervals(counts, distances=distances, resamples=resamples, seed=seed)
    k = counts.shape[1]
    values = {"fleiss_kappa": fleiss_kappa(counts)}
    values["gwet_ac1"] = gwet_ac(counts, weights=identity_weights(k))
    if level == "ordinal":
        values["gwet_ac2"] = gwet_ac(counts, weights=ordinal_weights(k))
    percent = percent_agreement(counts)
    return [
        Figure(
            coefficient="percent_agreement",
            value=percent,
            units=units,
            reason=why if percent is None else "",
        ),
        *(
            Figure(
                coefficient=f"alpha_{name}",
                value=krippendorff_alpha(counts, distance=distance),
                units=units,
                reason=why,
                interval=intervals.get(name),
            )
            for name, distance in distances.items()
        ),
        *(
            Figure(coefficient=name, value=value, units=units, reason=why)
            for name, value in values.items()
        ),
    ]


def two_by_two(
    matrix: Floats, *, coders: Sequence[str], values: int, choices: int, level: str
) -> list[Pair]:
    """Compare each pair of coders; of the CHOICES in MATRIX (units, coders) VALUES are codable.

    Positions from VALUES on are uncodable: in the table, and missing for the figures.
    """
    return [
        pair_of(
            matrix[:, [i, j]],
            name=f"{coders[i]}/{coders[j]}",
            values=values,
            choices=choices,
            level=level,
        )
        for i, j in combinations(range(len(coders)), 2)
    ]


def pair_of(matrix: Floats, *, name: str, values: int, choices: int, level: str) -> Pair:
    """Compare two coders, MATRIX (units, 2); the first VALUES of the CHOICES are codable."""
    whole = table_of(matrix[:, 0], matrix[:, 1], values=choices)
    table = whole[:values, :values]
    codable = np.where(matrix < values, matrix, np.nan)
    counts = counts_of(codable, values=values)
    n, why = float(table.sum()), why_undefined(counts)
    plain = {
        "percent_agreement": percent_agreement(counts),
        "holsti": holsti(float(np.trace(table)), first=n, second=n),
    }
    corrected = {
        **{
            f"alpha_{distance}": krippendorff_alpha(counts, distance=DISTANCES[distance])
            for distance in ALPHAS[level]
        },
        "scott_pi": scott_pi(table),
        "cohen_kappa": cohen_kappa(table, weights=identity_weights(values)),
    }
    if level == "ordinal":
        corrected["kappa_linear"] = cohen_kappa(table, weights=linear_weights(values))
        corrected["kappa_quadratic"] = cohen_kappa(table, weights=quadratic_weights(values))
    figures = [
        Figure(
            coefficient=key,
            value=value,
            units=int(n),
            pair=name,
            reason=why if value is None else "",
        )
        for key, value in (plain | corrected).items()
    ]
    rows = tuple(tuple(int(x) for x in row) for row in whole)
    return Pair(name=name, table=rows, figures=tuple(figures))


def means(pairs: Sequence[Pair], *, coders: int) -> list[Figure]:
    """Average what is defined for two coders over the PAIRS, and derive composite reliability."""
    names = [f.coefficient for f in pairs[0].figures] if pairs else []
    names = [x for x in names if x != "percent_agreement" and not x.startswith("alpha_")]
    found = [
        _mean([f for pair in pairs for f in pair.figures if f.coefficient == name])
        for name in names
    ]
    for mean in found:
        if mean.coefficient == "holsti":
            value = mean.value
            composite = None if value is None else composite_reliability(value, coders=coders)
            found.append(replace(mean, coefficient="composite_reliability", value=composite))
            break
    return found


def _mean(each: list[Figure]) -> Figure:
    given = [f.value for f in each if f.value is not None]
    reason = each[0].reason
    if given:
        left = len(each) - len(given)
        reason = f"mean of {len(given)} pairs, undefined for {left} others" if left else ""
    return Figure(
        coefficient=each[0].coefficient,
        value=float(np.mean(given)) if given else None,
        units=sum(f.units for f in each),
        reason=reason,
    )


def of_categories(counts: Floats, *, values: Sequence[str]) -> list[Figure]:
    """Compute per category, from COUNTS (units, K), prevalence, agreement and alpha.

    `prevalence` is its share of the pairable codes; `category_agreement` of its codes the share of
    the codes paired with them that are the same (specific agreement, Spitzer & Fleiss 1974);
    `category_alpha` alpha of the category against all others.
    """
    o = coincidences(counts)
    n = o.sum()
    units = int((counts.sum(axis=1) > 1).sum())
    figures = []
    for place, category in enumerate(values):
        own, same = float(o[place].sum()), float(o[place, place])
        why = NO_PAIRS if n == 0 else ABSENT if own == 0 else EVERY if own == n else ""
        found = {
            "prevalence": own / n if n else None,
            "category_agreement": same / own if own else None,
            "category_alpha": None if why else 1 - (n - 1) * (own - same) / (own * (n - own)),
        }
        figures += [
            Figure(
                coefficient=name,
                value=None if value is None else float(value),
                units=units,
                category=category,
                reason=why if value is None else "",
            )
            for name, value in found.items()
        ]
    return figures
