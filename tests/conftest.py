"""What several tests share: a small invented corpus with codes, and a model trained on it."""

import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from stagemix.codes.codebook import default_codebook
from stagemix.mix.sample import Labelled, labelled_corpus
from stagemix.study.modelling import classify_folder, train_files

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PARTS = {
    "publish": [
        "市政府召开会议部署工作",
        "今日空气质量良好",
        "节日快乐祝大家平安",
        "我市项目获省级表彰",
    ],
    "interact": [
        "欢迎在评论区留言告诉我们",
        "投票选出你心中的最美",
        "有奖竞答等你参加",
        "点赞前十名送雨伞",
    ],
    "service": ["带身份证到二号窗口办理", "点击菜单预约挂号", "登录网址查询进度", "缴费截止本月底"],
}
ACCOUNTS = ("东篱发布", "听潮公安", "柚江税务", "银杏卫健", "石臼教育", "荷风环保")
YEARS = (2019, 2020, 2021, 2022)
NOUNS = [
    "道路",
    "公园",
    "学校",
    "医院",
    "社区",
    "桥梁",
    "河流",
    "市场",
    "车站",
    "图书馆",
    "企业",
    "农田",
    "小区",
    "广场",
    "大厅",
]


def write_text(stage: str, draw: random.Random) -> str:
    """One invented text of a stage, with nouns that tell nothing about it."""
    return "，".join(
        [draw.choice(NOUNS) + draw.choice(["改造", "开放", "建设", "提升"]), draw.choice(PARTS[stage]),
         draw.choice(NOUNS) + draw.choice(["有序", "便民", "安全", "热闹"])]
    ) + "。"  # fmt: skip


def invented_posts(*, per_cell: int = 12, seed: int = 7) -> pd.DataFrame:
    """Posts of six accounts over four years with their true stages in the column `true`."""
    draw = random.Random(seed)
    rows = []
    for account in ACCOUNTS:
        for year in YEARS:
            for n in range(per_cell):
                higher = 0.15 + 0.1 * (year - YEARS[0])
                stage = draw.choices(list(PARTS), [1 - higher, higher / 2, higher / 2])[0]
                rows.append(
                    {
                        "post_id": f"{ACCOUNTS.index(account)}-{year}-{n:02d}",
                        "account": account,
                        "title": draw.choice(NOUNS),
                        "text": write_text(stage, draw),
                        "published_at": pd.Timestamp(year, 1 + n % 12, 1 + n % 28, 9),
                        "true": stage,
                    }
                )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Worked:
    """A corpus, its codes (all cells, four each), a model and predictions, on disk."""

    root: Path
    posts: pd.DataFrame
    corpus: Path
    codes: Path
    model: Path
    predictions: Path


@pytest.fixture(scope="session")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Worked:
    """A small study's files outside a study, trained with --fast."""
    root = tmp_path_factory.mktemp("研究")
    posts = invented_posts()
    corpus = root / "corpora" / "推文"
    corpus.mkdir(parents=True)
    posts.drop(columns="true").to_csv(corpus / "posts.csv", index=False, encoding="utf-8")
    coded = posts.groupby(["account", posts["published_at"].dt.year]).head(6)
    codes = root / "codes.csv"
    coded.assign(stage=coded["true"], inclusion_probability=6 / 12)[
        ["post_id", "stage", "inclusion_probability"]
    ].to_csv(codes, index=False)
    model, predictions = root / "models" / "stage", root / "predictions" / "推文"
    train_files(
        codes,
        [corpus],
        out=model,
        codebook=default_codebook(),
        variable=None,
        seed=1,
        fast=True,
        trained_at="2026-01-01T00:00:00+08:00",
    )
    classify_folder(corpus, model=model, out=predictions)
    return Worked(
        root=root, posts=posts, corpus=corpus, codes=codes, model=model, predictions=predictions
    )


STAGES = ("publish", "interact", "service", "cooperate")


def frame_of(
    account: Sequence[str], year: Sequence[int | str | None], p: np.ndarray, stages: Sequence[str]
) -> pd.DataFrame:
    """Predictions as `classify` stores them, one row per post, named 0, 1, 2, ...

    A year stands for its 9th of March; a text is a day, None undated.
    """
    days = [f"{y}-03-09" if isinstance(y, int) else y for y in year]
    frame = pd.DataFrame(
        {
            "post_id": [str(i) for i in range(len(p))],
            "account": account,
            "published_at": pd.to_datetime(pd.Series(days)).astype("datetime64[us]"),
            "label": [stages[int(row.argmax())] for row in p],
        }
    )
    return frame.assign(**{f"p_{name}": p[:, k] for k, name in enumerate(stages)})


@pytest.fixture(scope="session")
def label() -> Callable[..., Labelled]:
    """Build a `Labelled` of posts with true values TRUTH, of which those in ROWS are coded.

    P are the model's probabilities, Q the out-of-fold ones (P without).
    """

    def build(
        *,
        account: Sequence[str],
        year: Sequence[int | str | None],
        truth: Sequence[str],
        p: np.ndarray,
        rows: Sequence[int],
        chance: Sequence[float] | None,
        q: np.ndarray | None = None,
        stages: Sequence[str] = STAGES,
    ) -> Labelled:
        frame = frame_of(account, year, p, stages)
        codes = pd.DataFrame(
            {
                "post_id": [str(i) for i in rows],
                "value": [truth[i] for i in rows],
                "inclusion_probability": float("nan") if chance is None else list(chance),
            }
        )
        columns = [f"p_{name}" for name in stages]
        seen = frame.loc[list(rows), ["post_id", *columns]]
        if q is not None:
            seen[columns] = q[list(rows)]
        return labelled_corpus(frame, codes, seen, categories=tuple(stages))

    return build


@pytest.fixture(scope="session")
def guesses() -> Callable[..., np.ndarray]:
    """Build probabilities (N, k) around true values, the same for the same seed."""

    def build(truth: Sequence[str], *, stages: Sequence[str] = STAGES, seed: int = 0) -> np.ndarray:
        draw = np.random.default_rng(seed)
        raw = draw.gamma(0.6, size=(len(truth), len(stages))) + 0.02
        raw[np.arange(len(truth)), [stages.index(v) for v in truth]] += 1.2
        return raw / raw.sum(axis=1, keepdims=True)

    return build


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """The system's Chromium through Playwright; skipped where there is none."""
    found = os.environ.get("STAGEMIX_BROWSER") or shutil.which("chromium") or ""
    if not found:
        pytest.skip("no Chromium, Chrome or Edge on this machine")
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=flags)
        yield chromium
        chromium.close()
