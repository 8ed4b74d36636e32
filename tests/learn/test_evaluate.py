import numpy as np
import pandas as pd
import pytest

from stagemix.learn.evaluate import evaluate

STAGES = ["publish", "interact", "service", "cooperate"]


def table(truth, label):
    frame = pd.DataFrame({"value": truth})
    for stage in STAGES:
        frame[f"p_{stage}"] = [0.9 if v == stage else 0.03 for v in label]
    return frame


TRUTH = ["publish"] * 6 + ["interact"] * 3 + ["cooperate"]
LABEL = ["publish"] * 5 + ["interact"] + ["interact"] * 2 + ["publish"] + ["publish"]


def test_figures_are_their_formulas():
    found = evaluate(table(TRUTH, LABEL), categories=STAGES, labelled=STAGES[:2])
    assert found.codes == 10
    per = found.per_category.set_index("category")
    assert per.index.tolist() == ["publish", "interact", "cooperate"]
    f1 = []
    for stage in per.index:
        hits = sum(t == v == stage for t, v in zip(TRUTH, LABEL, strict=True))
        named, there = LABEL.count(stage), TRUTH.count(stage)
        precision = hits / named if named else 0.0
        recall = hits / there
        f1.append(2 * precision * recall / (precision + recall) if hits else 0.0)
        expected = [there, named, precision, recall, f1[-1]]
        assert per.loc[stage].tolist() == pytest.approx(expected)
    assert found.macro_f1 == pytest.approx(sum(f1) / 3)
    assert found.accuracy == 0.7
    assert found.baseline_category == "publish"
    assert found.baseline_accuracy == 0.6
    assert found.baseline_macro_f1 == pytest.approx((2 * 0.6 / 1.6) / 3)


def test_confusion_counts_codes_by_labels():
    found = evaluate(table(TRUTH, LABEL), categories=STAGES, labelled=STAGES[:2]).confusion
    assert found.index.tolist() == found.columns.tolist() == STAGES
    assert found.to_numpy().tolist() == [[5, 1, 0, 0], [1, 2, 0, 0], [0] * 4, [1, 0, 0, 0]]


def test_what_may_not_be_a_label_is_not_one():
    frame = table(["service"] * 2, ["service"] * 2).assign(p_interact=0.05)
    found = evaluate(frame, categories=STAGES, labelled=["publish", "interact"])
    assert found.confusion.loc["service"].tolist() == [0, 2, 0, 0]
    assert (found.macro_f1, found.accuracy) == (0.0, 0.0)
    assert np.isfinite(found.per_category[["precision", "recall", "f1"]].to_numpy()).all()
