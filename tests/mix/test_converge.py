import numpy as np
import pytest

from stagemix.errors import DataError
from stagemix.mix.converge import NAMES, converge, effective_number

STAGES = ("publish", "interact", "service", "cooperate")


def study(label, guesses, *, sizes=None, accounts=3, periods=4, coded=3, seed=0):
    """CODED of six posts in each cell are coded, or by SIZES {(account, year): posts}."""
    draw = np.random.default_rng(seed)
    if sizes is None:
        sizes = {(f"a{a}", 2018 + t): 6 for a in range(accounts) for t in range(periods)}
    account = [a for (a, _), n in sizes.items() for _ in range(n)]
    year = [y for (_, y), n in sizes.items() for _ in range(n)]
    truth = draw.choice(STAGES[:3], len(year)).tolist()
    rows, chance, start = [], [], 0
    for n in sizes.values():
        take = min(coded, n)
        rows += range(start, start + take)
        chance += [take / n] * take
        start += n
    p = guesses(truth, seed=seed)
    return label(account=account, year=year, truth=truth, p=p, rows=rows, chance=chance)


def test_measures_come_in_their_order_with_all_that_they_rest_on(label, guesses):
    found = converge(study(label, guesses), by=("account", "year"))
    assert tuple(m.name for m in found.measures) == NAMES
    assert found.accounts == ("a0", "a1", "a2")
    assert found.periods == ("2018", "2019", "2020", "2021")
    assert (found.codes, found.smallest_cell, found.left_out) == (36, 6, ())
    assert found.design == "simple random within account and year"
    assert found.too_small == ("3 accounts of 6", "36 codes of 100")
    for m in found.measures:
        few = m.name == "evenness"
        assert list(m.values) == ([] if few else list(found.periods))
        assert m.note == ("few_higher" if few else "")
    values = {m.name: m.values for m in found.measures}
    changes = {m.name: m.change for m in found.measures}
    for period in found.periods:
        assert values["total"][period] == pytest.approx(
            values["within"][period] + values["between"][period], abs=1e-12
        )
    for name in ("above_publish", "within", "total", "between"):
        slope = np.polyfit(range(4), list(values[name].values()), 1)[0]
        assert changes[name] == pytest.approx(3 * slope)


def test_a_study_that_is_large_enough(label, guesses):
    data = study(label, guesses, accounts=15, coded=5)
    found = converge(data, by=("account", "year"))
    assert found.too_small == ()
    evenness = found.measures[NAMES.index("evenness")]
    assert list(evenness.values) == ["first_half", "last_half"]
    assert evenness.change == pytest.approx(
        evenness.values["last_half"] - evenness.values["first_half"]
    )


def test_one_code_in_a_cell_leaves_only_u(label, guesses):
    found = converge(study(label, guesses, coded=1), by=("account", "year"))
    kept = {m.name: (bool(m.values), m.change is not None, m.note) for m in found.measures}
    none = (False, False, "no_pairs")
    assert kept == {**dict.fromkeys(NAMES, none), "above_publish": (True, True, "")}


def test_three_periods_have_no_evenness(label, guesses):
    found = converge(study(label, guesses, periods=3), by=("account", "year"))
    by_name = {m.name: m for m in found.measures}
    assert (by_name["evenness"].values, by_name["evenness"].note) == ({}, "few_periods")
    assert by_name["within"].note == ""
    assert "3 periods of 4" in found.too_small


def test_without_any_post_above_publish_there_is_no_evenness(label):
    p = np.tile([1.0, 0.0, 0.0, 0.0], (48, 1))
    data = label(
        account=["a"] * 24 + ["b"] * 24, year=[2018 + i // 6 % 4 for i in range(48)],
        truth=["publish"] * 48, p=p, rows=range(0, 48, 2), chance=[0.5] * 24,
    )  # fmt: skip
    found = {m.name: m for m in converge(data, by=("account", "year")).measures}
    assert (found["evenness"].values, found["evenness"].note) == ({}, "few_higher")
    assert list(found["within"].values.values()) == pytest.approx([0.0] * 4, abs=1e-12)
    assert list(found["above_publish"].values.values()) == pytest.approx([0.0] * 4, abs=1e-12)


def test_accounts_that_miss_a_period_are_named(label, guesses):
    sizes = {(a, y): 4 for a in ("a", "b", "c") for y in (2019, 2020)}
    del sizes["b", 2020]
    found = converge(study(label, guesses, sizes=sizes), by=("account", "year"))
    assert found.accounts == ("a", "c")
    assert found.left_out == ("b",)


def test_undated_posts_are_in_no_period(label, guesses):
    sizes = {(a, y): 4 for a in ("a", "b") for y in (2019, 2020)}
    sizes["a", None] = 5
    found = converge(study(label, guesses, sizes=sizes), by=("account", "year"))
    assert found.periods == ("2019", "2020")
    assert found.codes == 12


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (
            {("a", 2019): 4, ("b", 2019): 4},
            "--by account,year: there is one period (2019); choose a shorter one",
        ),
        (
            {("a", 2019): 4, ("a", 2020): 4, ("b", 2020): 4},
            "--by account,year: 1 accounts have two posts or more in each of the 2 periods, "
            "two are needed; choose a longer period",
        ),
        (
            {("a", None): 4, ("b", None): 4},
            "--by account,year: no post has a time, so there are no periods",
        ),
    ],
)
def test_too_little_to_compare(label, guesses, sizes, message):
    with pytest.raises(DataError) as error:
        converge(study(label, guesses, sizes=sizes), by=("account", "year"))
    assert str(error.value) == message


def test_effective_number():
    assert effective_number(0.0) == 1
    assert effective_number(0.75) == 4
    assert effective_number(1.0) == float("inf")
