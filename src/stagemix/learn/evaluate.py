"""How good a model is, from what its members say of codes they never saw."""

from dataclasses import dataclass

import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Cross-validated figures of one model; unweighted, so about the coded posts.

    `per_category` has a row per category with codes: `category`, `codes`, `predicted`,
    `precision`, `recall`, `f1`. `confusion` counts codes (rows) by labels (columns). The macro
    means are over the categories with codes; `baseline_...` is of labelling every post with the
    commonest one.
    """

    codes: int
    per_category: pd.DataFrame
    confusion: pd.DataFrame
    macro_f1: float
    accuracy: float
    baseline_category: str
    baseline_macro_f1: float
    baseline_accuracy: float


def evaluate(
    out_of_fold: pd.DataFrame, *, categories: list[str], labelled: list[str]
) -> Evaluation:
    """Compare codes with out-of-fold labels: the likeliest of the LABELLED categories.

    Uncodable posts are left out.
    """
    out_of_fold = out_of_fold[out_of_fold["value"].isin(categories)]
    truth = out_of_fold["value"].astype("str")
    label = (
        out_of_fold[[f"p_{name}" for name in labelled]]
        .idxmax(axis=1)
        .map(lambda column: str(column).removeprefix("p_"))
    )
    present = [name for name in categories if (truth == name).any()]
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, label, labels=present, zero_division=0.0
    )
    commonest = str(truth.value_counts().index[0])
    always = pd.Series(commonest, index=truth.index)
    baseline = precision_recall_fscore_support(truth, always, labels=present, zero_division=0.0)[2]
    counts = confusion_matrix(truth, label, labels=categories)
    return Evaluation(
        codes=len(truth),
        per_category=pd.DataFrame(
            {
                "category": present,
                "codes": support,
                "predicted": [int((label == name).sum()) for name in present],
                "precision": precision,
                "recall": recall,
                "f1": f1,
            }
        ),
        confusion=pd.DataFrame(counts, index=categories, columns=categories),
        macro_f1=float(f1.mean()),
        accuracy=float((truth == label).mean()),
        baseline_category=commonest,
        baseline_macro_f1=float(baseline.mean()),
        baseline_accuracy=float((truth == commonest).mean()),
    )
