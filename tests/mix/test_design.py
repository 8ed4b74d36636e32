import numpy as np
import pandas as pd
import pytest

from stagemix.mix.design import Stored, find_design, stored_design

FALLBACK = (
    "not one simple draw; posts of equal probability within an account and year are taken as a "
    "stratum"
)


def corpus(seed=0, size=240):
    """Posts of three accounts with uneven times over two years; four have no time."""
    draw = np.random.default_rng(seed)
    days = pd.Timestamp("2019-01-01") + pd.to_timedelta(
        (draw.beta(2, 1, size) * 729).astype(int), "D"
    )
    stamps = pd.Series(days).astype("datetime64[us]")
    stamps.iloc[:4] = pd.NaT
    return pd.DataFrame(
        {
            "post_id": [str(i) for i in range(size)],
            "account": draw.choice(["a", "b", "c"], size, p=[0.5, 0.3, 0.2]),
            "published_at": stamps,
        }
    )


def drawn(posts, stratum, *, n=3, seed=1):
    """Draw up to N of each stratum, other numbers in each; returns rows, chances, (n, M) of each."""
    draw = np.random.default_rng(seed)
    rows, chance, of = [], [], []
    for number, (_, part) in enumerate(posts.groupby(stratum, sort=True)):
        take = min(len(part), n + number % 2)
        picked = draw.choice(part.index.to_numpy(), take, replace=False).tolist()
        rows += picked
        chance += [take / len(part)] * take
        of += [(take, len(part))] * take
    return np.array(rows), np.array(chance), of


def period(posts, unit):
    stamp = posts["published_at"]
    parts = {
        "year": stamp.dt.year,
        "half": stamp.dt.year * 10 + (stamp.dt.month > 6),
        "quarter": stamp.dt.year * 10 + (stamp.dt.month - 1) // 3,
        "month": stamp.dt.year * 100 + stamp.dt.month,
    }
    return parts[unit].fillna(0).astype("int64").astype("str")


UNITS = ("year", "half", "quarter", "month")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("whose", ["account and ", ""], ids=["account", "all"])
def test_strata_by_period_are_found(unit, whose):
    posts = corpus()
    stratum = period(posts, unit) + (posts["account"] if whose else "")
    row, chance, of = drawn(posts, stratum)
    found = find_design(posts, row=row, chance=chance)
    assert found.name == f"simple random within {whose}{unit}"
    same = stratum.to_numpy()[row]
    assert ((found.stratum[:, None] == found.stratum) == (same[:, None] == same)).all()
    expected = [n * (n - 1) / (m * (m - 1)) if m > 1 else 1 for n, m in of]
    assert found.pair == pytest.approx(expected, abs=1e-15)
    assert (found.of_posts[row] == found.stratum).all()
    sizes = stratum.map(stratum.value_counts())
    codes = stratum.map(stratum.iloc[row].value_counts())
    assert found.paired.tolist() == ((codes >= 2) | (codes == sizes)).tolist()


def test_strata_by_account_are_found():
    posts = corpus()
    row, chance, _ = drawn(posts, posts["account"], n=20)
    found = find_design(posts, row=row, chance=chance)
    assert found.name == "simple random within account"
    assert len(set(found.stratum)) == 3


def test_one_draw_over_the_corpus_is_found():
    posts = corpus()
    row = np.arange(40)
    found = find_design(posts, row=row, chance=np.full(40, 40 / 240))
    assert found.name == "simple random over the corpus"
    assert set(found.pair) == {40 * 39 / (240 * 239)}
    assert found.paired.all()


def test_without_any_time_no_period_is_tried():
    posts = corpus().assign(
        published_at=pd.Series(pd.NaT, index=range(240), dtype="datetime64[us]")
    )
    row, chance, _ = drawn(posts, posts["account"], n=20)
    assert find_design(posts, row=row, chance=chance).name == "simple random within account"
    found = find_design(posts, row=np.arange(40), chance=np.full(40, 40 / 240))
    assert found.name == "simple random over the corpus"
    assert set(found.pair) == {40 * 39 / (240 * 239)}


def test_anything_else_is_strata_of_equal_probability():
    posts = corpus()
    row = np.arange(4, 44)
    chance = np.where(np.arange(40) % 2, 0.4, 0.25)
    found = find_design(posts, row=row, chance=chance)
    assert found.name == FALLBACK
    cell = (posts["account"] + period(posts, "year")).to_numpy()
    own = [f"{cell[i]} {c}" for i, c in zip(row, chance, strict=True)]
    counts = pd.Series(own).map(pd.Series(own).value_counts())
    size = pd.Series(cell).isin(cell[row]).sum()
    assert found.chance == pytest.approx(chance * (1 / chance).sum() / size)
    for n, c, pair in zip(counts, found.chance, found.pair, strict=True):
        m = n / c
        assert pair == pytest.approx(n * (n - 1) / (m * (m - 1)))
    assert (found.of_posts == -1).all()
    lonely = {c for c, n in zip(cell[row], counts, strict=True) if n < 2}
    assert found.paired.tolist() == [c in set(cell[row]) - lonely for c in cell]


def test_a_stratum_with_one_code_of_several_posts_has_no_pair():
    posts = corpus().iloc[4:].reset_index(drop=True)
    stratum = posts["account"] + period(posts, "year")
    row, chance, _ = drawn(posts, stratum, n=1)
    found = find_design(posts, row=row, chance=chance)
    assert found.name == "simple random within account and year"
    codes = stratum.map(stratum.iloc[row].value_counts())
    assert found.paired.tolist() == (codes >= 2).tolist()


def test_everything_coded_is_a_draw_of_all():
    posts = corpus()
    found = find_design(posts, row=np.arange(240), chance=np.ones(240))
    assert found.name.startswith("simple random within account and ")
    assert set(found.pair) == {1.0}
    assert found.paired.all()


def dated():
    """The corpus without its undated posts."""
    return corpus().iloc[4:].reset_index(drop=True)


def named(posts, by):
    """The names of the strata by hand."""
    columns = {"account": posts["account"], "year": posts["published_at"].dt.year.astype("str")}
    columns["sector"] = posts["account"].map({"a": "综合", "b": "综合", "c": "税务"})
    return [" | ".join(values) for values in zip(*(columns[name] for name in by), strict=True)]


def as_stored(posts, by):
    names = named(posts, by) if by else ["all"] * len(posts)
    return Stored(by=by, strata={name: names.count(name) for name in names})


SECTORS = pd.DataFrame({"account": ["a", "b", "c"], "sector": ["综合", "综合", "税务"]})


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ((), "simple random over the corpus"),
        (("account",), "simple random within account"),
        (("account", "year"), "simple random within account and year"),
        (("sector", "year"), "simple random within sector and year"),
    ],
)
def test_codes_that_are_missing_count_as_missing_by_chance(by, name):
    posts = dated()
    row = np.random.default_rng(1).choice(len(posts), 50, replace=False)
    names = named(posts, by) if by else ["all"] * len(posts)
    found = stored_design(posts, as_stored(posts, by), row=row, accounts=SECTORS)
    assert found.name == name
    coded = [names[i] for i in row]
    sizes = [(coded.count(c), names.count(c)) for c in coded]
    assert found.chance == pytest.approx([n / m for n, m in sizes])
    assert found.pair == pytest.approx([n * (n - 1) / (m * (m - 1)) for n, m in sizes])
    assert (found.of_posts[row] == found.stratum).all()
    same = np.array(names)
    assert ((found.of_posts[:, None] == found.of_posts) == (same[:, None] == same)).all()
    assert found.paired.tolist() == [coded.count(c) >= 2 for c in names]


def test_a_stored_design_agrees_with_the_one_read_off_where_every_code_is_there():
    posts = dated()
    stratum = posts["account"] + period(posts, "year")
    row, chance, _ = drawn(posts, stratum, n=4)
    read = find_design(posts, row=row, chance=chance)
    found = stored_design(posts, as_stored(posts, ("account", "year")), row=row)
    assert found.name == read.name
    assert found.chance == pytest.approx(read.chance)
    assert found.pair == pytest.approx(read.pair)
    assert found.paired.tolist() == read.paired.tolist()


def test_a_stratum_of_one_post_that_is_coded_has_its_pairs():
    posts = dated()
    posts.loc[0, "account"] = "d"
    stored = as_stored(posts, ("account",))
    found = stored_design(posts, stored, row=np.array([0, 1, 2]))
    assert found.chance[0] == found.pair[0] == 1
    assert found.paired[0]


def test_a_corpus_that_changed_has_another_design():
    posts = dated()
    row = np.arange(20)
    for by in [(), ("account",), ("account", "year")]:
        stored = as_stored(posts, by)
        assert stored_design(posts, stored, row=row) is not None
        more = pd.concat([posts, posts.iloc[[0]]], ignore_index=True)
        assert stored_design(more, stored, row=row) is None
        assert stored_design(posts.iloc[:-1], stored, row=row) is None
    moved = posts.assign(account=posts["account"].replace("c", "d"))
    assert stored_design(moved, as_stored(posts, ("account",)), row=row) is None
    assert stored_design(moved, as_stored(posts, ()), row=row) is not None


def test_strata_by_what_the_corpus_does_not_tell_are_not_those_of_the_round():
    posts = dated()
    stored = as_stored(posts, ("sector",))
    row = np.arange(20)
    assert stored_design(posts, stored, row=row, accounts=SECTORS) is not None
    assert stored_design(posts, stored, row=row) is None
    assert stored_design(posts, stored, row=row, accounts=SECTORS[["account"]]) is None
    undated = corpus()
    by_year = as_stored(posts, ("account", "year"))
    assert stored_design(undated, by_year, row=row) is None


def test_a_post_that_was_sure_to_be_drawn_needs_no_pair():
    """One sure post and five of six others in both accounts: complete, but for rounding."""
    posts = pd.DataFrame(
        {
            "account": ["a"] * 7 + ["b"] * 7,
            "published_at": pd.to_datetime(["2020-05-01"] * 14).astype("datetime64[us]"),
        }
    )
    row = np.array([0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12])
    found = find_design(posts, row=row, chance=np.array([1, *[5 / 6] * 5] * 2))
    assert found.name == FALLBACK
    assert found.paired.all()
    assert found.chance == pytest.approx([1, *[5 / 6] * 5] * 2)
