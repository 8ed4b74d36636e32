"""How far coders agree on a variable (docs/reliability.md), from codes in long form."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stagemix.codes.bootstrap import RESAMPLES
from stagemix.codes.codebook import Variable
from stagemix.codes.coefficients import Floats, counts_of
from stagemix.codes.figures import ALPHAS, Figure, Pair, means, of_categories, together, two_by_two
from stagemix.errors import DataError, several

BEFORE, AFTER = "before discussion", "after discussion"
TEXT = "text: counted, no coefficient"


@dataclass(frozen=True, kw_only=True)
class Codability:
    """Of the units that two coders or more looked at: what they say on whether it can be coded."""

    all_codable: int
    all_uncodable: int
    split: int


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """The agreement on one variable, coded by one version of the codebook.

    `stage` is BEFORE (first independent codes) or AFTER (latest codes). `units` have two codable
    codes or more: what every coefficient rests on, uncodable being missing for all of them.
    `twice` and `single` are the units that two or more and that only one coder looked at,
    `missing` the units that a coder did not code, `uncodable` the codes that say so.
    `disagreements` are the units among `units` with different codes. `reason` says why alpha is
    undefined; blank where it is not.
    """

    variable: str
    level: str
    version: str
    stage: str
    coders: tuple[str, ...]
    units: int
    twice: int
    single: int
    uncodable: int
    codability: Codability
    disagreements: int
    missing: dict[str, int]
    counts: dict[str, dict[str, int]]
    figures: tuple[Figure, ...]
    pairs: tuple[Pair, ...]
    reason: str

    def figure(self, coefficient: str, *, category: str = "") -> Figure | None:
        """A figure of all coders by name, or of one category; None where the level has none."""
        for found in self.figures:
            if (found.coefficient, found.category) == (coefficient, category):
                return found
        return None

    def value(self, coefficient: str) -> float | None:
        """The value of a figure of all coders; None where it is undefined or there is none."""
        found = self.figure(coefficient)
        return None if found is None else found.value

    @property
    def alphas(self) -> tuple[Figure, ...]:
        """Krippendorff's alpha with its interval, nominal first, then ordinal where it is one."""
        names = [f"alpha_{name}" for name in ALPHAS.get(self.level, ())]
        return tuple(f for f in self.figures if f.coefficient in names)

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories with figures of their own, in order."""
        return tuple(dict.fromkeys(f.category for f in self.figures if f.category))


def reliability(
    codes: pd.DataFrame,
    *,
    variable: Variable,
    version: str = "",
    stage: str = BEFORE,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> Reliability:
    """Compute the agreement on VARIABLE from codes in long form.

    CODES has columns `unit`, `coder`, `value`, one row per unit and coder; values are category
    ids of the variable. RESAMPLES and SEED are of the intervals. Raises DataError naming values
    that the variable does not have.
    """
    if variable.level == "text":
        return _of_text(codes, variable=variable, version=version, stage=stage)
    coders, matrix = matrix_of(codes, variable=variable)
    ids, k = list(variable.labels), len(variable.values)
    given = (~np.isnan(matrix)).sum(axis=1)
    counts = counts_of(matrix, values=k)
    figures = together(counts, level=variable.level, resamples=resamples, seed=seed)
    pairs = two_by_two(matrix, coders=coders, values=k, choices=len(ids), level=variable.level)
    figures += means(pairs, coders=len(coders))
    figures += of_categories(counts, values=variable.values)
    on_scale = counts.sum(axis=1) > 1
    return Reliability(
        variable=variable.id,
        level=variable.level,
        version=version,
        stage=stage,
        coders=coders,
        units=int(on_scale.sum()),
        twice=int((given > 1).sum()),
        single=int((given == 1).sum()),
        uncodable=int((matrix >= k).sum()),
        codability=_codability(matrix, values=k),
        disagreements=int(((counts > 0).sum(axis=1) > 1)[on_scale].sum()),
        missing=_per_coder(coders, np.isnan(matrix).sum(axis=0)),
        counts={
            coder: {value: int((column == i).sum()) for i, value in enumerate(ids)}
            for coder, column in zip(coders, matrix.T, strict=True)
        },
        figures=tuple(figures),
        pairs=tuple(pairs),
        reason=next(f.reason for f in figures if f.coefficient == "alpha_nominal"),
    )


def matrix_of(codes: pd.DataFrame, *, variable: Variable) -> tuple[tuple[str, ...], Floats]:
    """Return the coders, by name, and a matrix (units, coders) as `coefficients` takes it.

    Uncodable has the position after the last category. CODES and errors as in `reliability`.
    """
    places = positions(codes["value"], variable=variable)
    wide = codes.assign(value=places).pivot(index="unit", columns="coder", values="value")
    return tuple(str(name) for name in wide.columns), wide.to_numpy(dtype="float64")


def positions(values: pd.Series, *, variable: Variable) -> pd.Series:
    """Turn category ids into positions in the variable's list; errors as in `reliability`."""
    ids = list(variable.labels)
    odd = values[~values.isin(ids)].unique()
    if len(odd):
        raise DataError(
            f"variable {variable.id}: codes hold {several(odd)}, which the codebook they were coded "
            f"by does not have; known are {several(ids, most=12)}; restore that version of it"
        )
    return values.map({value: i for i, value in enumerate(ids)})


def _codability(matrix: Floats, *, values: int) -> Codability:
    looked = ~np.isnan(matrix)
    twice = looked.sum(axis=1) > 1
    codable = ((matrix < values) & looked).sum(axis=1)[twice]
    every = looked.sum(axis=1)[twice]
    return Codability(
        all_codable=int((codable == every).sum()),
        all_uncodable=int((codable == 0).sum()),
        split=int(((codable > 0) & (codable < every)).sum()),
    )


def _of_text(codes: pd.DataFrame, *, variable: Variable, version: str, stage: str) -> Reliability:
    given = codes.groupby("unit")["coder"].nunique()
    per_coder = codes.groupby("coder")["unit"].nunique()
    coders = tuple(str(name) for name in per_coder.index)
    return Reliability(
        variable=variable.id,
        level=variable.level,
        version=version,
        stage=stage,
        coders=coders,
        units=0,
        twice=int((given > 1).sum()),
        single=int((given == 1).sum()),
        uncodable=0,
        codability=Codability(all_codable=0, all_uncodable=0, split=0),
        disagreements=0,
        missing=_per_coder(coders, len(given) - per_coder.to_numpy()),
        counts={name: {"texts": n} for name, n in _per_coder(coders, per_coder.to_numpy()).items()},
        figures=(),
        pairs=(),
        reason=TEXT,
    )


def _per_coder(coders: Sequence[str], numbers: Iterable[Any]) -> dict[str, int]:
    return {coder: int(n) for coder, n in zip(coders, numbers, strict=True)}
