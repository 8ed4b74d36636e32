"""Which stages the accounts reach, in words: the part of page and workbook about it."""

from dataclasses import dataclass

import pandas as pd

from stagemix.codes.codebook import ACCOUNT, Codebook
from stagemix.mix.groups import EVERY

STATES = {
    "seen": "贴文中见到",
    "function": "仅功能",
    "not_found": "未见",
    "not_looked": "未查",
}
SEVERAL = {"several": "同时服务几个阶段", EVERY: "全部"}
MATRIX = {
    "account": "账号",
    "stage": "阶段",
    "state": "状态",
    "n_posts_coded": "编码推文",
    "n_posts_seen": "见到的推文",
    "functions": "功能",
}
PROFILE = {
    "account": "账号",
    "n_posts_coded": "编码推文",
    "n_stages_posts": "贴文中见到的阶段数",
    "n_stages_functions": "有功能的阶段数",
    "n_stages": "合计阶段数",
    "functions": "功能",
    "safeguards": "安全",
}
SHARES = {
    "stage": "所编阶段",
    "function": "功能",
    "n_codes": "编码推文",
    "n_yes": "其中有",
    "share": "占比",
    "low": "95% 下限",
    "high": "95% 上限",
}
NOT_CODED, NONE = "未编", "无"


@dataclass(frozen=True, kw_only=True)
class Reached:
    """What the report shows of the stages that accounts reach.

    `matrix` has a row per account and stage, `profiles` one per account, None without an
    inventory; `several` has the shares of posts that serve several stages, None where functions of
    posts were not coded. Their columns are the keys of `MATRIX`, `PROFILE` and `SHARES`.
    """

    matrix: pd.DataFrame
    profiles: pd.DataFrame | None
    several: pd.DataFrame | None


def for_page(reached: Reached, codebook: Codebook) -> dict[str, object]:
    """All that the page's templates `reached.html` and `several.html` show, by name."""
    stage = codebook.variable()
    return {
        "stage_labels": [stage.labels[value] for value in stage.values],
        "matrix_rows": matrix_rows(reached, codebook),
        "profile_rows": profile_rows(reached, codebook),
        "several_rows": several_rows(reached, codebook),
    }


def matrix_rows(reached: Reached, codebook: Codebook) -> list[dict[str, object]]:
    """The matrix for the page: per account its name, coded posts, and a cell per stage.

    A cell has the `state`, its `words`, the posts `seen`, whether the stage has functions in the
    codebook that were not coded of this account (`open`), and the `functions` found.
    """
    asked = _asked(codebook)
    rows: list[dict[str, object]] = []
    for account, cells in reached.matrix.groupby("account", sort=False):
        shown = [
            {
                "state": cell["state"],
                "words": STATES[cell["state"]],
                "seen": cell["n_posts_seen"],
                "open": cell["stage"] in asked and pd.isna(cell["functions"]),
                "functions": _named(cell["functions"], codebook),
            }
            for cell in cells.to_dict("records")
        ]
        n = int(cells["n_posts_coded"].iloc[0])
        rows.append({"account": account, "n": n, "cells": shown})
    return rows


def profile_rows(reached: Reached, codebook: Codebook) -> pd.DataFrame:
    """The profiles in words, functions by stage; `未编` where an account's inventory is not coded."""
    if reached.profiles is None:
        return pd.DataFrame(columns=list(PROFILE))
    functions = [_by_stage(cell, codebook) for cell in reached.profiles["functions"]]
    safeguards = [_named(cell, codebook) for cell in reached.profiles["safeguards"]]
    counts = reached.profiles["n_stages_functions"].astype("object")
    known = counts.notna()
    return reached.profiles.assign(
        n_stages_functions=counts.where(known, None), functions=functions, safeguards=safeguards
    )


def several_rows(reached: Reached, codebook: Codebook) -> pd.DataFrame:
    """The shares of posts that serve several stages, with labels for stages and functions."""
    if reached.several is None:
        return pd.DataFrame(columns=list(SHARES))
    stages = codebook.variable().labels
    return reached.several.assign(
        stage=[SEVERAL.get(name) or stages[name] for name in reached.several["stage"]],
        function=[
            SEVERAL.get(name) or codebook.variable(name).label
            for name in reached.several["function"]
        ],
    )


def sheets(reached: Reached, codebook: Codebook) -> dict[str, pd.DataFrame]:
    """The sheets of the workbook: the matrix, and what else there is."""
    matrix = reached.matrix.assign(
        stage=reached.matrix["stage"].map(codebook.variable().labels),
        state=reached.matrix["state"].map(STATES),
        functions=[
            _named(cell, codebook) if stage in _asked(codebook) else ""
            for stage, cell in reached.matrix[["stage", "functions"]].to_numpy()
        ],
    )
    out = {"账号×阶段": matrix.rename(columns=MATRIX)}
    if reached.profiles is not None:
        out["账号功能"] = profile_rows(reached, codebook).rename(columns=PROFILE)
    if reached.several is not None:
        out["兼有的功能"] = several_rows(reached, codebook).rename(columns=SHARES)
    return out


def _asked(codebook: Codebook) -> set[str]:
    """The stages that have functions of accounts in the codebook."""
    return {c.stage for v in codebook.of_unit(ACCOUNT) for c in v.categories}


def _by_stage(parts: object, codebook: Codebook) -> str:
    """The labels of parts joined by `;`, those of each stage after its name."""
    if not isinstance(parts, str) or not parts:
        return _named(parts, codebook)
    stages = {
        part.id: category.stage
        for variable in codebook.of_unit(ACCOUNT)
        for part, category in zip(variable.parts, variable.categories, strict=False)
    }
    own: dict[str, list[str]] = {}
    for part in parts.split(";"):
        own.setdefault(stages[part], []).append(part)
    labels = codebook.variable().labels
    return "；".join(f"{labels[s]}：{_named(';'.join(p), codebook)}" for s, p in own.items())


def _named(parts: object, codebook: Codebook) -> str:
    """The labels of parts joined by `;`."""
    if not isinstance(parts, str):
        return NOT_CODED
    return "、".join(codebook.variable(part).label for part in parts.split(";") if part) or NONE
