"""Small labelled corpora for the mix room, made of plain lists."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from stagemix.mix.sample import Labelled, labelled_corpus

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
