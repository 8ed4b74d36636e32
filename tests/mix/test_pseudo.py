from itertools import combinations

import numpy as np
import pytest

from stagemix.mix.compare import unbiased_shares
from stagemix.mix.pseudo import pseudo_outcomes

TWO = ("publish", "service")
Z = ["z_publish", "z_service"]


@pytest.fixture
def data(label, guesses):
    """Nine posts of two accounts, out-of-fold probabilities unlike the model's."""
    truth = [TWO[i] for i in (0, 1, 0, 0, 1, 1, 0, 1, 0)]
    return label(
        account=["a"] * 5 + ["b"] * 4, year=[2020] * 9, truth=truth,
        p=guesses(truth, stages=TWO), q=guesses(truth, stages=TWO, seed=1),
        rows=[8, 1, 4, 6], chance=[0.5, 0.4, 0.4, 0.5], stages=TWO,
    )  # fmt: skip


def test_every_post_has_its_row_and_columns(data):
    found = pseudo_outcomes(data)
    assert found.columns.tolist() == [
        "post_id", "account", "published_at", "coded", "inclusion_probability", "label",
        "p_publish", "p_service", *Z,
    ]  # fmt: skip
    assert found["post_id"].tolist() == [str(i) for i in range(9)]
    assert found["coded"].tolist() == [0, 1, 0, 0, 1, 0, 1, 0, 1]
    assert found["inclusion_probability"].dropna().to_dict() == {1: 0.4, 4: 0.4, 6: 0.5, 8: 0.5}
    assert found["label"].tolist() == data.posts["label"].tolist()


def test_values_are_their_formula(data):
    found = pseudo_outcomes(data)
    for i in range(9):
        for k, stage in enumerate(TWO):
            p, z = data.p[i, k], data.p[i, k]
            for j, row in enumerate(data.row):
                if row == i:
                    p = data.q[j, k]
                    z = p + (data.y[j, k] - p) / data.chance[j]
            assert found.loc[i, f"p_{stage}"] == p
            assert found.loc[i, f"z_{stage}"] == pytest.approx(z, abs=1e-15)
    assert (found[Z] > 1).any(axis=None)


def test_means_by_account_are_the_unbiased_shares(data):
    found = pseudo_outcomes(data).groupby("account")[Z].mean()
    assert found.to_numpy() == pytest.approx(unbiased_shares(data).to_numpy(), abs=1e-14)
    e = data.y - data.q
    mine = data.row < 5
    horvitz_thompson = (e[mine] / data.chance[mine, None]).sum(axis=0) / 5
    share = data.p_held_out[:5].mean(axis=0) + horvitz_thompson
    assert found.loc["a"].to_numpy() == pytest.approx(share, abs=1e-14)


def test_values_and_slopes_are_unbiased_over_all_samples(label, guesses):
    truth = [TWO[i] for i in (0, 1, 1, 0, 1, 0, 0)]
    account, p = ["a"] * 4 + ["b"] * 3, guesses(truth, stages=TWO, seed=3)
    x = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0])
    values, slopes = [], []
    for first in combinations(range(4), 2):
        for second in combinations(range(4, 7), 1):
            data = label(
                account=account, year=[2020] * 7, truth=truth, p=p, rows=[*first, *second],
                chance=[1 / 2] * 2 + [1 / 3], stages=TWO,
            )  # fmt: skip
            z = pseudo_outcomes(data)[Z].to_numpy()
            values.append(z)
            slopes.append(np.polyfit(x, z[:, 1], 1)[0])
    assert len(values) == 18
    y = np.array([[value == stage for stage in TWO] for value in truth], dtype=float)
    assert np.mean(values, axis=0) == pytest.approx(y, abs=1e-12)
    assert np.mean(slopes) == pytest.approx(np.polyfit(x, y[:, 1], 1)[0], abs=1e-12)
