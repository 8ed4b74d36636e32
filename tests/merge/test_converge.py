from dataclasses import fields
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stagemix.errors import DataError
from stagemix.merge.alike import became_alike
from stagemix.merge.converge import NAMES, converge
from stagemix.merge.measures import Change
from stagemix.merge.scores import scores_of

STAGES = ("publish", "interact", "service", "cooperate")
BY = ("account", "year")
HALVES = ["first_half", "last_half"]
NUMBERS = ("change", "se", "low", "high", "p_value", "mdc")


def corpus(label, guesses, counts, *, coded=None, but=None, seed=0, order=None):
    """COUNTS {(account, year): posts of each stage}; CODED posts of each cell, None for all.

    BUT {(account, year): coded posts} are cells with other numbers of codes; ORDER (N,) is the
    order that the posts are in.
    """
    account = [a for (a, _), c in counts.items() for _ in range(sum(c))]
    year = [y for (_, y), c in counts.items() for _ in range(sum(c))]
    truth = [STAGES[k] for c in counts.values() for k, n in enumerate(c) for _ in range(n)]
    p, q = guesses(truth, seed=seed), guesses(truth, seed=seed + 1)
    draw = np.random.default_rng(seed)
    chance, start = {}, 0
    for cell, c in counts.items():
        n = sum(c)
        take = min((but or {}).get(cell, n if coded is None else coded), n)
        for i in draw.choice(n, take, replace=False).tolist():
            chance[start + i] = take / n
        start += n
    order = range(len(truth)) if order is None else order
    rows = [new for new, old in enumerate(order) if old in chance]
    return label(
        account=[account[i] for i in order], year=[year[i] for i in order],
        truth=[truth[i] for i in order], p=p[list(order)], q=q[list(order)],
        rows=rows, chance=[chance[order[i]] for i in rows],
    )  # fmt: skip


def panel(*, accounts=6, periods=4, posts=20, seed=0):
    """Counts of accounts with mixes of their own, nothing changing but by chance."""
    draw = np.random.default_rng(seed)
    mixes = draw.dirichlet([6, 3, 2, 1], size=accounts)
    return {
        (f"a{a}", 2018 + t): tuple(draw.multinomial(posts + a + 2 * t, mixes[a]).tolist())
        for a, t in product(range(accounts), range(periods))
    }


def moving(mix_of, *, accounts=8, periods=5):
    """Counts MIX_OF (account, period); the accounts differ a little, so that there is an error."""
    return {(f"a{a}", 2018 + t): mix_of(a, t) for a, t in product(range(accounts), range(periods))}


# Every post coded: all figures from the counts, by their sums.


class ByHand:
    def __init__(self, counts, accounts):
        self.accounts = accounts
        self.years = sorted({y for _, y in counts})
        self.half = len(self.years) // 2
        self.theta, self.square = {}, {}
        for a, y in product(accounts, self.years):
            c = np.array(counts[a, y])
            n = c.sum()
            self.theta[a, y] = c / n
            self.square[a, y] = c * (c - 1) / (n * (n - 1))

    def at(self, theta, square):
        """Measures of one period or half from {account: share}, {account: square}."""
        a = len(self.accounts)
        m = sum(square[i] for i in self.accounts) / a
        pairs = [(i, j) for i in self.accounts for j in self.accounts if i != j]
        cross = sum(theta[i] * theta[j] for i, j in pairs) / (a * (a - 1))
        u = 1 - sum(theta[i][0] for i in self.accounts) / a
        return {
            "above_publish": u,
            "within": 1 - m.sum(),
            "total": 1 - cross.sum(),
            "between": (m - cross).sum(),
            "e": 2 * u - 1 + m[0],
            "h": m[1:].sum(),
        }

    def by_period(self, name):
        return [
            self.at(*({a: x[a, y] for a in self.accounts} for x in (self.theta, self.square)))[name]
            for y in self.years
        ]

    def in_halves(self, *, own):
        out = []
        for years in (self.years[: self.half], self.years[-self.half :]):
            theta, square = {}, {}
            for a in self.accounts:
                theta[a] = sum(self.theta[a, y] for y in years) / self.half
                products = [
                    self.theta[a, r] * self.theta[a, s] for r in years for s in years if r != s
                ]
                if own:
                    products += [self.square[a, y] for y in years]
                square[a] = sum(products) / len(products)
            out.append(self.at(theta, square))
        return out

    def change(self, name):
        if name in ("above_publish", "within", "total"):
            values = self.by_period(name)
            return np.polyfit(range(len(values)), values, 1)[0] * (len(values) - 1)
        first, last = self.in_halves(own=name == "evenness")
        if name == "between":
            return last["between"] - first["between"]
        kappa = (first["e"] + last["e"]) / (first["h"] + last["h"])
        line = [(v["e"] - kappa * v["h"]) * 2 / (first["h"] + last["h"]) for v in (first, last)]
        return line[1] - line[0]


@pytest.mark.parametrize(("accounts", "periods"), [(6, 4), (7, 5)])
def test_every_post_coded_gives_exact_values(label, guesses, accounts, periods):
    counts = panel(accounts=accounts, periods=periods)
    found = converge(corpus(label, guesses, counts), by=BY)
    names = [f"a{i}" for i in range(accounts)]
    hand = ByHand(counts, names)
    without = [ByHand(counts, [n for n in names if n != name]) for name in names]
    assert tuple(m.name for m in found.measures) == NAMES
    assert found.too_small == ()
    for m in found.measures:
        assert (m.status, m.note) == ("ok", "one_sided" if m.name == "between" else "")
        if m.name == "evenness":
            expected = [v["e"] / v["h"] for v in hand.in_halves(own=True)]
            assert list(m.values) == HALVES
        else:
            expected = hand.by_period(m.name)
            assert list(m.values) == [str(y) for y in hand.years]
        assert list(m.values.values()) == pytest.approx(expected, abs=1e-12)
        left_out = [other.change(m.name) for other in without]
        mean = sum(left_out) / accounts
        se = ((accounts - 1) / accounts * sum((v - mean) ** 2 for v in left_out)) ** 0.5
        t = stats.t(accounts - 1)
        assert m.change == pytest.approx(hand.change(m.name), abs=1e-12)
        assert m.se == pytest.approx(se)
        assert m.low == pytest.approx(m.change - t.ppf(0.975) * se)
        assert m.high == pytest.approx(m.change + t.ppf(0.975) * se)
        assert m.mdc == pytest.approx((t.ppf(0.975) + t.ppf(0.8)) * se)
        if m.name != "between":
            assert m.p_value == pytest.approx(2 * t.cdf(-abs(m.change) / se))
            outside = "up" if m.low > 0 else "down" if m.high < 0 else "cannot_tell"
            assert m.verdict == outside


def test_what_a_result_rests_on(label, guesses):
    counts = panel(accounts=7)
    del counts["a3", 2019]
    found = converge(corpus(label, guesses, counts, coded=9), by=BY)
    assert found.accounts == ("a0", "a1", "a2", "a4", "a5", "a6")
    assert found.left_out == ("a3",)
    assert found.periods == ("2018", "2019", "2020", "2021")
    assert found.codes == 6 * 4 * 9
    assert found.smallest_cell == 20
    assert found.design == "simple random within account and year"
    assert found.too_small == ()
    for name in NAMES:
        assert found.measure(name).name == name


def test_codes_of_a_sample_are_near_the_exact_values(label, guesses):
    counts = panel(accounts=6, posts=60)
    exact = converge(corpus(label, guesses, counts), by=BY)
    found = converge(corpus(label, guesses, counts, coded=50), by=BY)
    assert found.codes < exact.codes
    for name in ("above_publish", "within", "total"):
        close = pytest.approx(list(exact.measure(name).values.values()), abs=0.05)
        assert list(found.measure(name).values.values()) == close
        assert found.measure(name).values != exact.measure(name).values


def test_total_is_within_and_between_in_every_period(label, guesses):
    found = converge(corpus(label, guesses, panel(), coded=5), by=BY)
    values = {m.name: m.values for m in found.measures}
    for period in found.periods:
        parts = values["within"][period] + values["between"][period]
        assert values["total"][period] == pytest.approx(parts, abs=1e-12)


@pytest.mark.parametrize(
    ("accounts", "periods", "coded", "too_small"),
    [
        (5, 4, 5, ("5 accounts of 6",)),
        (9, 3, 5, ("3 periods of 4",)),
        (6, 4, 4, ("96 codes of 100",)),
        (3, 2, 4, ("3 accounts of 6", "2 periods of 4", "24 codes of 100")),
        (3, 2, None, ("3 accounts of 6", "2 periods of 4")),
    ],
)
def test_too_little_is_not_tested(label, guesses, accounts, periods, coded, too_small):
    counts = panel(accounts=accounts, periods=periods)
    found = converge(corpus(label, guesses, counts, coded=coded), by=BY)
    assert found.too_small == too_small
    for name in ("above_publish", "within", "total"):
        m = found.measure(name)
        assert (m.status, m.verdict, m.note) == ("few", "too_few", "")
        slope = np.polyfit(range(periods), list(m.values.values()), 1)[0]
        assert m.change == pytest.approx((periods - 1) * slope, abs=1e-12)
        assert [getattr(m, n) for n in NUMBERS[1:]] == [None] * 5
    d = found.measure("between")
    assert (d.status, d.verdict, d.p_value) == ("few", "too_few", None)
    assert (d.change is None, d.note) == ((True, "few_periods") if periods < 4 else (False, ""))
    assert (found.merging, found.word, found.alike) == ("too_few", "undecided", "too_few")
    assert found.alikeness is None


@pytest.mark.parametrize(
    ("options", "coded", "note"),
    [({"periods": 3}, 10, "few_periods"), ({}, 1, "no_pairs"), ({}, 2, "few_higher")],
)
def test_evenness_is_refused(label, guesses, options, coded, note):
    found = converge(corpus(label, guesses, panel(**options), coded=coded), by=BY)
    m = found.measure("evenness")
    assert (m.values, m.status, m.verdict, m.note) == ({}, "refused", "too_few", note)
    assert [getattr(m, n) for n in NUMBERS] == [None] * 6


@pytest.mark.parametrize(("above", "note"), [(29, "few_higher"), (30, "")])
def test_evenness_needs_30_codes_above_publish_in_each_half(label, guesses, above, note):
    """Every post coded: 30 above publish in the first half, and in the last 25 and more of `a`."""
    counts = {("a", y): (9, 5, 0, 0) for y in (2018, 2019, 2020)}
    counts |= {("b", y): (9, 3, 2, 0) for y in (2018, 2019, 2020, 2021)}
    counts |= {("c", y): (9, 3, 2, 0) for y in (2018, 2019, 2020, 2021)}
    counts["a", 2021] = (9, above - 25, 0, 0)
    found = converge(corpus(label, guesses, counts), by=BY).measure("evenness")
    assert found.note == note
    assert list(found.values) == ([] if note else HALVES)


def test_without_any_post_above_publish_there_is_no_evenness(label, guesses):
    counts = {(f"a{a}", 2018 + t): (9, 0, 0, 0) for a in range(6) for t in range(4)}
    found = converge(corpus(label, guesses, counts), by=BY)
    assert found.measure("evenness").note == "few_higher"
    for name in ("above_publish", "within", "total", "between"):
        assert list(found.measure(name).values.values()) == pytest.approx([0.0] * 4, abs=1e-12)
    assert (found.merging, found.word) == ("cannot_tell", "undecided")


def test_one_code_a_cell_leaves_halves(label, guesses):
    data = corpus(label, guesses, panel(accounts=26), coded=1)
    found = converge(data, by=BY)
    assert found.too_small == ()
    u = found.measure("above_publish")
    assert (list(u.values), u.status, u.note) == (list(found.periods), "ok", "")
    for name in ("within", "total", "between"):
        m = found.measure(name)
        note = "by_halves;alike_not_tested" if name == "between" else "by_halves"
        assert (list(m.values), m.status, m.note) == (HALVES, "ok", note)
        assert m.change == pytest.approx(m.values["last_half"] - m.values["first_half"])
        assert m.se > 0
    between = found.measure("between")
    assert (between.p_value, between.verdict, found.alike) == (None, "not_tested", "not_tested")
    # products of two different periods of an account, from posts and codes by loops
    within = []
    for years in ((2018, 2019), (2020, 2021)):
        squares = []
        for a in found.accounts:
            shares = [single_code_share(data, a, y) for y in years]
            squares.append(float(shares[0] @ shares[1]))
        within.append(1 - sum(squares) / len(squares))
    values = list(found.measure("within").values.values())
    assert values == pytest.approx(within, abs=1e-12)


def single_code_share(data, account, year):
    posts = data.posts
    mine = np.flatnonzero((posts["account"] == account) & (posts["published_at"].dt.year == year))
    (code,) = [i for i, row in enumerate(data.row) if row in mine]
    return data.p[mine].mean(axis=0) + data.y[code] - data.q[code]


def test_an_account_that_is_left_out_takes_no_pairs_away(label, guesses):
    """`z` has one code of 12 posts, in one period; the others are compared by slopes as before."""
    counts = panel(accounts=7)
    alone = converge(corpus(label, guesses, counts, coded=9), by=BY)
    z = ("z", 2018)
    data = corpus(label, guesses, counts | {z: (6, 3, 2, 1)}, coded=9, but={z: 1})
    found = converge(data, by=BY)
    assert found.design == alone.design == "simple random within account and year"
    assert (found.left_out, found.accounts, found.codes) == (("z",), alone.accounts, 7 * 4 * 9)
    for name in ("within", "total"):
        m = found.measure(name)
        assert (list(m.values), m.status, m.note) == (list(found.periods), "ok", "")
        assert m.values == pytest.approx(alone.measure(name).values, abs=1e-12)
        assert m.change == pytest.approx(alone.measure(name).change, abs=1e-12)
    inside = converge(corpus(label, guesses, counts, coded=9, but={("a0", 2018): 1}), by=BY)
    assert inside.measure("within").note == "by_halves"


def test_one_code_a_cell_in_three_periods_leaves_only_u(label, guesses):
    found = converge(corpus(label, guesses, panel(periods=3), coded=1), by=BY)
    assert list(found.measure("above_publish").values) == list(found.periods)
    for name in ("within", "total", "between"):
        m = found.measure(name)
        assert (m.values, m.change, m.status, m.note) == ({}, None, "refused", "no_pairs")


@pytest.mark.parametrize(("coded", "tested"), [(20, False), (21, True)])
def test_between_is_tested_from_500_codes_on(label, guesses, coded, tested):
    """Six accounts in four periods with 20 codes in each are 480; with 21, 504."""
    data = corpus(label, guesses, panel(posts=30), coded=coded)
    found = converge(data, by=BY)
    d = found.measure("between")
    assert found.codes == 24 * coded
    assert (d.p_value is not None, found.alikeness is not None) == (tested, tested)
    assert d.status == "ok"
    assert d.note == ("one_sided" if tested else "alike_not_tested")
    assert d.verdict == found.alike == ("cannot_tell" if tested else "not_tested")
    if tested:
        year = data.posts["published_at"].dt.year
        cell = [int(a[1:]) * 4 + y - 2018 for a, y in zip(data.posts["account"], year, strict=True)]
        expected = became_alike(
            scores_of(
                cell=np.array(cell), p=data.p, row=data.row, y=data.y, q=data.q, accounts=6,
                periods=4,
            )
        )  # fmt: skip
        assert found.alikeness == expected
        assert d.p_value == expected.share.p_value_strict
        assert d.p_value != expected.share.p_value


def test_alikeness_leaves_undated_posts_and_left_out_accounts_out(label, guesses):
    counts = panel(posts=30)
    alone = converge(corpus(label, guesses, counts), by=BY)
    more = counts | {("a2", None): (3, 2, 0, 0), ("z", 2018): (4, 4, 0, 0)}
    found = converge(corpus(label, guesses, more), by=BY)
    assert found.left_out == ("z",)
    assert found.periods == ("2018", "2019", "2020", "2021")
    assert found.codes == alone.codes == sum(map(sum, counts.values()))
    assert found.measure("within").values == pytest.approx(alone.measure("within").values)
    assert vars(found.alikeness.share) == pytest.approx(vars(alone.alikeness.share))
    assert vars(found.alikeness.odds) == pytest.approx(vars(alone.alikeness.odds))


def test_few_posts_all_coded_are_tested_for_alikeness(label, guesses):
    found = converge(corpus(label, guesses, panel(posts=10)), by=BY)
    assert found.codes < 500
    assert found.alikeness is not None
    assert found.alike == "cannot_tell"


def test_a_small_study_is_tested_where_every_post_is_coded(label, guesses):
    counts = moving(lambda a, t: (2, 1, (a + t) % 2, 0), accounts=6, periods=4)
    found = converge(corpus(label, guesses, counts), by=BY)
    assert (found.codes, found.too_small) == (84, ())
    assert found.measure("within").status == "ok"
    assert found.merging == "cannot_tell"


def test_a_cell_with_one_code_is_not_tested_for_alikeness(label, guesses):
    counts = panel(posts=60)
    data = corpus(label, guesses, counts, coded=30)
    assert converge(data, by=BY).alikeness is not None
    one = counts | {("a0", 2018): (30, 20, 6, 4)}
    start, truth = 0, [STAGES[k] for c in one.values() for k, n in enumerate(c) for _ in range(n)]
    rows, chance = [], []
    for cell, c in one.items():
        take = 1 if cell == ("a0", 2018) else 30
        rows += range(start, start + take)
        chance += [take / sum(c)] * take
        start += sum(c)
    account = [a for (a, _), c in one.items() for _ in range(sum(c))]
    year = [y for (_, y), c in one.items() for _ in range(sum(c))]
    few = label(account=account, year=year, truth=truth, p=guesses(truth), rows=rows, chance=chance)
    found = converge(few, by=BY)
    assert found.codes == 23 * 30 + 1
    assert (found.alikeness, found.alike) == (None, "not_tested")


@pytest.mark.parametrize("unequal", [False, True])
def test_unequal_chances_in_a_cell_are_not_tested_for_alikeness(label, guesses, unequal):
    """Of the two halves of a cell, of 14 posts each, 11 and 11 are coded, or 10 and 13."""
    draw = np.random.default_rng(4)
    account = [f"a{a}" for a in range(6) for _ in range(4 * 28)]
    year = [2018 + i // 28 % 4 for i in range(6 * 4 * 28)]
    truth = draw.choice(STAGES, len(year), p=[0.6, 0.2, 0.1, 0.1]).tolist()
    take = (10, 13) if unequal else (11, 11)
    rows, chance = [], []
    for start in range(0, len(year), 14):
        n = take[start // 14 % 2]
        rows += range(start, start + n)
        chance += [n / 14] * n
    data = label(
        account=account, year=year, truth=truth, p=guesses(truth), rows=rows, chance=chance
    )
    found = converge(data, by=BY)
    assert found.codes > 500
    assert (found.alikeness is None) == unequal
    assert (found.measure("between").p_value is None) == unequal
    assert found.alike == ("not_tested" if unequal else "cannot_tell")


def test_merging(label, guesses):
    """All higher stages rise in every account; posts above publish are new ones."""
    counts = moving(lambda a, t: (90 - a, 5 + 5 * t + a, 3 + 4 * t, 2 + 3 * t))
    found = converge(corpus(label, guesses, counts), by=BY)
    assert [found.measure(n).verdict for n in ("within", "total")] == ["up", "up"]
    assert (found.merging, found.word) == ("yes", "merging")


def test_replacement(label, guesses):
    counts = moving(lambda a, t: (90 - a - 12 * t, 5 + 5 * t + a, 3 + 4 * t, 2 + 3 * t))
    found = converge(corpus(label, guesses, counts), by=BY)
    assert found.publish_rate.high < 0
    assert (found.merging, found.word) == ("yes", "replacement")


def test_upgrade(label, guesses):
    """From publish to interact in every account, so that one stage gives way to another."""
    counts = moving(lambda a, t: (50 - 10 * t + a % 3, 50 + 10 * t - a % 3, 0, 0))
    found = converge(corpus(label, guesses, counts), by=BY)
    assert found.measure("above_publish").verdict == "up"
    assert found.measure("within").verdict == "down"
    assert (found.merging, found.word) == ("cannot_tell", "upgrade")


def test_accounts_that_became_alike_did_not_merge(label, guesses):
    """Publish shares of .2 and .8 (on the mean .5) close in on it; the mean mix stays."""

    def mix(a, t):
        away = (-1) ** a * (30 - 6 * t) + (a // 2) % 3 - 1
        return (50 + away, 50 - away, 0, 0)

    found = converge(corpus(label, guesses, moving(mix)), by=BY)
    assert found.measure("within").verdict == "up"
    assert found.measure("total").verdict != "up"
    assert (found.merging, found.word) == ("cannot_tell", "undecided")
    assert (found.alike, found.measure("between").verdict) == ("yes", "down")
    assert found.measure("between").note == "one_sided"
    assert found.measure("between").p_value < 0.05
    assert found.measure("between").change < 0


def test_below_300_codes_merging_is_too_few(label, guesses):
    counts = moving(lambda a, t: (90 - a, 5 + 15 * t + a, 3 + 9 * t, 2 + 7 * t))
    found = converge(corpus(label, guesses, counts, coded=7), by=BY)
    assert found.codes == 280
    assert found.measure("within").status == "ok"
    assert [found.measure(n).verdict for n in ("within", "total")] == ["up", "up"]
    assert (found.merging, found.word) == ("too_few", "undecided")
    enough = converge(corpus(label, guesses, counts, coded=8), by=BY)
    assert enough.codes == 320
    assert enough.merging == "yes"


def dated(label, guesses, days):
    """DAYS {(account, day): (publish, interact) posts}, every one coded."""
    counts = {cell: (*c, 0, 0) for cell, c in days.items()}
    return corpus(label, guesses, counts)


def test_posts_per_account_and_month(label, guesses):
    """2018 has posts in three months, 2019 in one, 2020 and 2021 in two."""
    days = {
        ("a", "2018-01-03"): (6, 3), ("b", "2018-02-01"): (3, 3), ("c", "2018-12-31"): (9, 0),
        ("a", "2018-12-01"): (0, 3), ("b", "2018-12-05"): (3, 0),
        ("a", "2019-05-01"): (4, 2), ("b", "2019-05-31"): (1, 3), ("c", "2019-05-02"): (4, 4),
        ("a", "2020-05-01"): (4, 2), ("b", "2020-06-01"): (2, 4), ("c", "2020-05-02"): (6, 0),
        ("a", "2021-01-01"): (0, 2), ("b", "2021-12-01"): (4, 4), ("c", "2021-12-02"): (2, 4),
        ("a", None): (5, 0),
    }  # fmt: skip
    found = converge(dated(label, guesses, days), by=BY)
    table = found.per_month
    assert list(table.columns) == list(STAGES)
    assert table.index.name == "period"
    assert table.index.tolist() == ["2018", "2019", "2020", "2021"]
    publish = [21 / 3 / 3, 9 / 3, 12 / 3 / 2, 6 / 3 / 2]
    interact = [9 / 3 / 3, 9 / 3, 6 / 3 / 2, 10 / 3 / 2]
    assert table["publish"].tolist() == pytest.approx(publish)
    assert table["interact"].tolist() == pytest.approx(interact)
    assert table[["service", "cooperate"]].to_numpy() == pytest.approx(0, abs=1e-12)
    a = (4 / 2 + 0 / 2) / 2 - (6 / 3 + 4) / 2
    b = (2 / 2 + 4 / 2) / 2 - (6 / 3 + 1) / 2
    c = (6 / 2 + 2 / 2) / 2 - (9 / 3 + 4) / 2
    test = stats.ttest_1samp([a, b, c], 0)
    low, high = test.confidence_interval(0.95)
    rate = found.publish_rate
    assert isinstance(rate, Change)
    assert rate.change == pytest.approx((a + b + c) / 3)
    assert (rate.low, rate.high) == pytest.approx((low, high))
    assert rate.p_value == pytest.approx(test.pvalue)


def test_the_middle_of_five_periods_is_in_no_half_of_the_publish_rate(label, guesses):
    counts = moving(lambda a, t: ((5 + a, 7, 90 - a, 11, 20 + 3 * a)[t], 4, 0, 0), accounts=3)
    rate = converge(corpus(label, guesses, counts), by=BY).publish_rate
    first, last = [(12 + a) / 2 for a in range(3)], [(31 + 3 * a) / 2 for a in range(3)]
    assert rate.change == pytest.approx(np.mean(last) - np.mean(first))


def test_three_periods_have_no_change_of_the_publish_rate(label, guesses):
    found = converge(corpus(label, guesses, panel(periods=3)), by=BY)
    assert found.publish_rate is None
    assert len(found.per_month) == 3


@pytest.mark.parametrize("coded", [None, 22])
def test_the_order_of_the_posts_changes_nothing(label, guesses, coded):
    counts = panel(posts=24)
    n = sum(map(sum, counts.values()))
    expected = converge(corpus(label, guesses, counts, coded=coded), by=BY)
    order = np.random.default_rng(3).permutation(n).tolist()
    found = converge(corpus(label, guesses, counts, coded=coded, order=order), by=BY)
    for m, other in zip(found.measures, expected.measures, strict=True):
        assert m.values == pytest.approx(other.values, abs=1e-12)
        numbers = [getattr(other, n) for n in NUMBERS]
        assert [getattr(m, n) for n in NUMBERS] == pytest.approx(numbers, rel=1e-6, abs=1e-9)
        assert (m.status, m.verdict, m.note) == (other.status, other.verdict, other.note)
    compared = {"measures", "alikeness", "publish_rate", "per_month"}
    for field in {f.name for f in fields(expected)} - compared:
        assert getattr(found, field) == getattr(expected, field)
    assert found.alikeness.t_gap == pytest.approx(expected.alikeness.t_gap)
    assert vars(found.publish_rate) == pytest.approx(vars(expected.publish_rate))
    assert found.per_month.to_numpy() == pytest.approx(expected.per_month.to_numpy())


def test_a_column_of_the_account_table_can_be_compared(label, guesses):
    counts = panel(accounts=12)
    table = pd.DataFrame(
        {"account": [f"a{i}" for i in range(12)], "sector": [f"s{i // 2}" for i in range(12)]}
    )
    joined = {}
    for (a, y), c in counts.items():
        key = f"s{int(a[1:]) // 2}", y
        joined[key] = tuple(np.add(joined.get(key, (0, 0, 0, 0)), c).tolist())
    found = converge(corpus(label, guesses, counts), by=("sector", "year"), accounts=table)
    expected = converge(corpus(label, guesses, joined), by=BY)
    assert found.accounts == expected.accounts == tuple(f"s{i}" for i in range(6))
    for m, other in zip(found.measures, expected.measures, strict=True):
        assert m.values == pytest.approx(other.values, abs=1e-12)


def test_accounts_without_a_value_in_the_column_are_left_out(label, guesses):
    counts = panel(accounts=9)
    sector = [*(f"s{i}" for i in range(7)), None, None]
    table = pd.DataFrame({"account": [f"a{i}" for i in range(9)], "sector": sector})
    found = converge(corpus(label, guesses, counts), by=("sector", "year"), accounts=table)
    named = {cell: c for cell, c in counts.items() if cell[0] not in ("a7", "a8")}
    expected = converge(corpus(label, guesses, named), by=BY)
    assert found.accounts == tuple(f"s{i}" for i in range(7))
    assert (found.left_out, found.codes) == (("—",), expected.codes)
    for m, other in zip(found.measures, expected.measures, strict=True):
        assert m.values == pytest.approx(other.values, abs=1e-12)
        assert m.change == pytest.approx(other.change, abs=1e-12)


@pytest.mark.parametrize("coded", [None, 9])
@pytest.mark.parametrize("periods", [2, 4, 5])
def test_two_accounts_have_values_but_no_tests(label, guesses, coded, periods):
    counts = panel(accounts=2, periods=periods, posts=60)
    found = converge(corpus(label, guesses, counts, coded=coded), by=BY)
    assert found.accounts == ("a0", "a1")
    assert found.too_small[0] == "2 accounts of 6"
    assert (found.merging, found.alike, found.publish_rate) == ("too_few", "too_few", None)
    hand = ByHand(counts, ["a0", "a1"])
    for name in ("above_publish", "within", "total", "between"):
        m = found.measure(name)
        assert (m.status, m.verdict, m.se, m.p_value) == ("few", "too_few", None, None)
        assert np.isfinite(list(m.values.values())).all()
        if coded is None:
            assert list(m.values.values()) == pytest.approx(hand.by_period(name), abs=1e-12)
    if coded is None and periods >= 4:
        e = found.measure("evenness").values.values()
        assert list(e) == pytest.approx([v["e"] / v["h"] for v in hand.in_halves(own=True)])


CELL = (2, 1, 1, 0)


@pytest.mark.parametrize(
    ("by", "cells", "message"),
    [
        (
            BY,
            [("a", 2019), ("b", 2019)],
            "--by account,year: there is one period (2019); choose a shorter one",
        ),
        (
            ("year", "account"),
            [("a", 2019), ("b", 2019)],
            "--by year,account: there is one period (2019); choose a shorter one",
        ),
        (
            BY,
            [("a", 2019), ("a", 2020), ("b", 2020)],
            "--by account,year: 1 accounts have two posts or more in each of the 2 periods (and a "
            "code wherever codes were drawn by cell), two are needed; choose a longer period",
        ),
        (
            BY,
            [("a", 2019), ("b", 2020)],
            "--by account,year: 0 accounts have two posts or more in each of the 2 periods (and a "
            "code wherever codes were drawn by cell), two are needed; choose a longer period",
        ),
        (
            BY,
            [("a", None), ("b", None)],
            "--by account,year: no post has a time, so there are no periods",
        ),
    ],
)
def test_too_little_to_compare(label, guesses, by, cells, message):
    data = corpus(label, guesses, dict.fromkeys(cells, CELL), coded=3)
    with pytest.raises(DataError) as error:
        converge(data, by=by)
    assert str(error.value) == message


def test_an_account_without_codes_where_codes_were_drawn_by_cell_is_left_out(label, guesses):
    counts = dict.fromkeys(product("abcd", (2019, 2020)), CELL)
    truth = [STAGES[k] for c in counts.values() for k, n in enumerate(c) for _ in range(n)]
    data = label(
        account=[a for a in "abcd" for _ in range(8)], year=[2019] * 4 + [2020] * 4
        + [2019] * 4 + [2020] * 4 + [2019] * 4 + [2020] * 4 + [2019] * 4 + [2020] * 4,
        truth=truth, p=guesses(truth),
        rows=[0, 1, 4, 5, 6, 8, 10, 12, 13, 16, 17, 20, 21], chance=[1 / 2] * 2 + [3 / 4] * 3
        + [1 / 2] * 8,
    )  # fmt: skip
    found = converge(data, by=BY)
    assert found.design == "simple random within account and year"
    assert (found.accounts, found.left_out, found.codes) == (("a", "b", "c"), ("d",), 13)
