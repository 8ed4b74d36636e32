import numpy as np
import pandas as pd
import pytest
from hypothesis import given as each
from hypothesis import strategies as st

from stagemix.codes.codebook import default_codebook, read_codebook_text
from stagemix.errors import DataError, MissingError
from stagemix.learn.elsewhere import category_shares, read_labels, with_probabilities

BOOK = default_codebook()
STAGES = ["publish", "interact", "service", "cooperate"]
P = [f"p_{name}" for name in STAGES]
BINARY = read_codebook_text(
    'id = "b"\nversion = "1"\n'
    '[[variables]]\nid = "help"\nlevel = "binary"\n[[variables]]\nid = "fun"\nlevel = "binary"',
    where="b",
)


def posts_of(n):
    return pd.DataFrame(
        {
            "post_id": [f"t{i}" for i in range(n)],
            "account": ["甲", "乙"] * (n // 2) + ["甲"] * (n % 2),
            "published_at": pd.Timestamp("2021-03-05"),
            "title": "x",
        }
    )


@pytest.fixture
def read(tmp_path):
    """Write lines to a file and read them as the labels of three posts, or N."""

    def of(*lines, n=3, name="labels.csv", book=BOOK):
        path = tmp_path / name
        path.write_text("\n".join(lines), encoding="utf-8")
        return read_labels(path, posts=posts_of(n), codebook=book)

    return of


@pytest.fixture
def refused(read, tmp_path):
    """The error that lines give, without the file's name."""

    def of(*lines, **choices):
        with pytest.raises(DataError) as error:
            read(*lines, **choices)
        where = f"{tmp_path / 'labels.csv'}: "
        assert str(error.value).startswith(where)
        return str(error.value).removeprefix(where)

    return of


def test_hard_labels_stand_in_the_corpus_order(read):
    found = read("post_id,stage,why", "t2,service,x", "t0,publish,y", "t1,cooperate,z")
    assert found.table.columns.tolist() == ["post_id", "account", "published_at", "label"]
    assert found.table["post_id"].tolist() == ["t0", "t1", "t2"]
    assert found.table["account"].tolist() == ["甲", "乙", "甲"]
    assert found.table["label"].tolist() == ["publish", "cooperate", "service"]
    assert (found.variable.id, found.probabilities) == ("stage", False)


def test_chinese_headers_and_labels_are_understood(read):
    found = read("编号\t实践阶段", "t0\t发布", "t1\tinteract", "t2\t合作", name="标签.tsv")
    assert found.table["label"].tolist() == ["publish", "interact", "cooperate"]


def test_without_hard_labels_the_likeliest_category_is_the_label(read):
    lines = ("t0,.7,.1,.1,.1", "t1,.2,.2,.5,.1", "t2,.33,.33,.33,0")
    found = read(",".join(["post_id", *P]), *lines)
    assert found.probabilities
    assert found.table["label"].tolist() == ["publish", "service", "publish"]
    assert found.table.loc[1, P].tolist() == [0.2, 0.2, 0.5, 0.1]
    # rounding is taken out: the shares of the four stages have to sum to one
    assert found.table.loc[2, P].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


def test_a_hard_label_need_not_be_the_likeliest_category(read):
    lines = ("t0,interact,.7,.1,.1,.1", "t1,服务,.2,.2,.5,.1", "t2,publish,1,0,0,0")
    found = read(",".join(["post_id", "stage", *P]), *lines)
    assert found.probabilities
    assert found.table["label"].tolist() == ["interact", "service", "publish"]
    assert found.table.loc[0, P].tolist() == pytest.approx([0.7, 0.1, 0.1, 0.1])


@pytest.mark.parametrize("ending", ["xlsx", "parquet", "jsonl"])
def test_other_tables_are_read(tmp_path, ending):
    path = tmp_path / f"labels.{ending}"
    table = pd.DataFrame(
        {"post_id": [7, 8], "p_1": [0.25, 1.0], "p_0": [0.75, 0.0], "help": [0, 1]}
    )
    write = {
        "xlsx": lambda: table.to_excel(path, index=False, engine="xlsxwriter"),
        "parquet": lambda: table.to_parquet(path),
        "jsonl": lambda: table.to_json(path, orient="records", lines=True),
    }
    write[ending]()
    posts = posts_of(2).assign(post_id=["7", "8"])
    found = read_labels(path, posts=posts, codebook=BINARY)
    assert found.table["label"].tolist() == ["0", "1"]
    columns = [f"p_{value}" for value in found.variable.values]
    assert found.table[columns].to_numpy()[:, found.variable.values.index("1")].tolist() == [
        0.25,
        1,
    ]


HEAD = ",".join(["post_id", *P])


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            ("id,stage", "t0,publish"),
            "no column post_id; found id, stage; name the column of the posts' ids post_id (编号)",
        ),
        (
            ("post_id,label", "t0,publish"),
            "no column stage; found post_id, label; the columns are post_id and stage, or "
            "p_publish, p_interact, p_service, p_cooperate, or both",
        ),
        (
            ("post_id,p_publish,p_service", "t0,.5,.5"),
            "no column p_interact, p_cooperate; give a probability of every category",
        ),
        (
            ("post_id,stage,functions.also_service", "t0,publish,1"),
            "labels of several variables (stage, functions.also_service); keep the column of one",
        ),
        (
            ("post_id,stage", "t0,publish", ",publish", "t2,service"),
            "no post_id in row 3; fill it in",
        ),
        (
            ("post_id,stage", "t0,publish", "t1,publish", "t0,service"),
            "post t0 stands in rows 2, 4; keep one row per post",
        ),
        (
            ("post_id,stage", "t1,publish", "t0,publish", "t0,service", "t1,service"),
            "post t1 stands in rows 2, 5 (1 more posts stand twice); keep one row per post",
        ),
        (
            ("post_id,stage", "t0,publish", "x,publish", "t1,publish", "t2,service"),
            "1 of 4 rows are of posts that are not in the corpus: row 3 (x); "
            "name the corpus that was labelled with --corpus, or remove them",
        ),
        (
            ("post_id,stage", "t1,publish"),
            "2 of 3 posts of the corpus have no row: t0, t2; label them too",
        ),
        (
            ("post_id,stage", "t0,publish", "t1,", "t2,  "),
            "no stage in row 3, 4; label every post",
        ),
        (
            ("post_id,stage", "t0,publish", "t1,Serve", "t2,uncodable"),
            "not a category of stage: row 3 ('Serve'), row 4 ('uncodable'); "
            "known are publish, interact, service, cooperate",
        ),
        (
            (HEAD, "t0,1,0,0,0", "t1,x,0,0,1", "t2,.5,.5,,"),
            "a probability in row 3, 4 is not a number from 0 to 1; correct it",
        ),
        (
            (HEAD, "t0,1.2,-.2,0,0", "t1,1,0,0,0", "t2,1,0,0,0"),
            "a probability in row 2 is not a number from 0 to 1; correct it",
        ),
        (
            (HEAD, "t0,.5,.2,.1,.18", "t1,.5,.2,.1,.19", "t2,.9,.9,0,0"),
            "the probabilities of 2 posts do not sum to 1: row 2 (0.980), row 4 (1.800); "
            "correct them",
        ),
    ],
)
def test_what_does_not_fit(refused, lines, text):
    assert refused(*lines) == text


def test_many_posts_without_a_row_are_counted(refused):
    assert refused("post_id,stage", "t3,publish", n=20) == (
        "19 of 20 posts of the corpus have no row: t0, t1, t2, t4, t5 and 14 more; label them too"
    )


def test_probabilities_that_fit_two_variables(refused):
    assert refused("post_id,p_0,p_1", "t0,1,0", book=BINARY) == (
        "labels of several variables (help, fun); keep the column of one"
    )


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(MissingError) as error:
        read_labels(tmp_path / "no.csv", posts=posts_of(1), codebook=BOOK)
    assert str(error.value) == f"{tmp_path / 'no.csv'}: no such file"


def test_the_classifiers_own_file_is_refused(worked):
    path = worked.predictions / "predictions.parquet"
    with pytest.raises(DataError) as error:
        read_labels(path, posts=worked.posts, codebook=BOOK)
    assert str(error.value) == (
        f"{path}: written by `stagemix classify`, not labels from elsewhere; "
        f"name its folder, {worked.predictions}"
    )


def test_a_damaged_parquet_file(tmp_path):
    (tmp_path / "labels.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        read_labels(tmp_path / "labels.parquet", posts=posts_of(1), codebook=BOOK)


def coded_world(*, n=200, seed=0, chances=True):
    """Hard labels of N posts that are right three times in four, and codes of half of them."""
    draw = np.random.default_rng(seed)
    true = draw.choice(STAGES[:3], n, p=[0.6, 0.25, 0.15])
    label = np.where(draw.random(n) < 0.75, true, draw.choice(STAGES[:3], n)).astype("object")
    label[:3] = "cooperate"
    coded = draw.permutation(n)[: n // 2]
    codes = pd.DataFrame(
        {
            "post_id": [f"t{i}" for i in coded],
            "value": true[coded],
            "inclusion_probability": draw.choice([0.25, 0.5, 1.0], len(coded))
            if chances
            else float("nan"),
        }
    )
    lines = ["post_id,stage", *(f"t{i},{name}" for i, name in enumerate(label))]
    return lines, label, codes


def plain_loop(label_of, codes):
    """P(category | label) by fold, and the fold of each coded post, in the words of the method."""
    names = sorted(codes["post_id"])
    order = np.random.default_rng(0).permutation(len(names))
    fold_of = {name: order[i] % 5 for i, name in enumerate(names)}
    value = dict(zip(codes["post_id"], codes["value"], strict=True))
    chance = dict(zip(codes["post_id"], codes["inclusion_probability"], strict=True))
    raw = {name: 1.0 if np.isnan(chance[name]) else 1 / chance[name] for name in names}
    mean = sum(raw.values()) / len(raw)
    tables = []
    for fold in range(5):
        others = [name for name in names if fold_of[name] != fold]
        w = {name: raw[name] / mean for name in others}
        pool = {s: sum(w[m] for m in others if value[m] == s) / sum(w.values()) for s in STAGES}
        table = {}
        for a in STAGES:
            mine = [m for m in others if label_of[m] == a]
            for s in STAGES:
                top = sum(w[m] for m in mine if value[m] == s) + pool[s]
                table[a, s] = top / (sum(w[m] for m in mine) + 1)
        tables.append(table)
    return tables, fold_of


@pytest.mark.parametrize("chances", [True, False])
def test_the_cross_fitted_table_against_a_plain_loop(read, chances):
    lines, label, codes = coded_world(chances=chances)
    table, held_out = with_probabilities(read(*lines, n=200), codes)
    label_of = {f"t{i}": name for i, name in enumerate(label)}
    tables, fold_of = plain_loop(label_of, codes)
    assert table["label"].tolist() == label.tolist()
    for row in table.itertuples():
        for s in STAGES:
            mean = sum(t[row.label, s] for t in tables) / 5
            assert getattr(row, f"p_{s}") == pytest.approx(mean, abs=1e-12)
    assert sorted(held_out["post_id"]) == sorted(codes["post_id"])
    for row in held_out.itertuples():
        own = tables[fold_of[row.post_id]]
        for s in STAGES:
            assert getattr(row, f"p_{s}") == pytest.approx(own[label_of[row.post_id], s], abs=1e-12)


def test_no_coded_posts_own_code_enters_its_probabilities(read):
    lines, _, codes = coded_world()
    given = read(*lines, n=200)
    _, before = with_probabilities(given, codes)
    before = before.set_index("post_id")
    for i in (0, 17, 99):
        name = codes["post_id"].iloc[i]
        changed = codes.copy()
        changed.loc[codes.index[i], "value"] = "cooperate"
        _, after = with_probabilities(given, changed)
        after = after.set_index("post_id")
        assert after.loc[name].tolist() == before.loc[name].tolist()
        assert (after != before).any(axis=None)


def test_the_order_of_rows_does_not_matter(read):
    lines, _, codes = coded_world()
    one = with_probabilities(read(*lines, n=200), codes)
    two = with_probabilities(read(lines[0], *lines[:0:-1], n=200), codes.iloc[::-1])
    pd.testing.assert_frame_equal(one[0], two[0])
    pd.testing.assert_frame_equal(
        one[1].sort_values("post_id"), two[1].sort_values("post_id"), check_exact=True
    )


def test_codes_that_cannot_count_do_not(read):
    """Uncodable posts, posts of other corpora, and codes that were not drawn by chance."""
    lines, _, codes = coded_world()
    given = read(*lines, n=200)
    more = pd.DataFrame(
        {
            "post_id": [
                "elsewhere",
                *sorted({f"t{i}" for i in range(200)} - {*codes["post_id"]})[:2],
            ],
            "value": ["service", "uncodable", "service"],
            "inclusion_probability": [0.5, 0.5, float("nan")],
        }
    )
    one = with_probabilities(given, codes)
    two = with_probabilities(given, pd.concat([codes, more]))
    pd.testing.assert_frame_equal(one[0], two[0])
    pd.testing.assert_frame_equal(one[1], two[1])


def test_given_probabilities_are_used_as_they_are(read):
    given = read(HEAD, "t0,.7,.1,.1,.1", "t1,.2,.2,.5,.1", "t2,0,0,0,1")
    codes = pd.DataFrame(
        {"post_id": ["t0"], "value": ["service"], "inclusion_probability": [float("nan")]}
    )
    table, held_out = with_probabilities(given, codes)
    written = np.array([[0.7, 0.1, 0.1, 0.1], [0.2, 0.2, 0.5, 0.1], [0, 0, 0, 1]])
    assert table[P].to_numpy() == pytest.approx(written, abs=1e-15)
    assert held_out.columns.tolist() == ["post_id", *P]
    assert held_out.empty


def test_a_label_without_codes_has_the_pooled_shares():
    label, value = np.array([0, 0, 0, 1, 1, 0]), np.array([0, 0, 1, 1, 1, 0])
    weights, fold = np.array([1.0, 1, 2, 1, 1, 0]), np.array([0, 1, 2, 3, 4, 4])
    shares = category_shares(label, value, weights=weights, fold=fold, categories=3)
    assert shares.shape == (5, 3, 3)
    # without fold 0: one code of 0, and four of 1, of which two have the label 0
    assert shares[0, 2].tolist() == pytest.approx([1 / 5, 4 / 5, 0])
    assert shares[0, 0].tolist() == pytest.approx([(1 + 0.2) / 4, (2 + 0.8) / 4, 0])
    assert shares[0, 1].tolist() == pytest.approx([0.2 / 3, (2 + 0.8) / 3, 0])


def test_one_code_alone_says_nothing_of_itself():
    shares = category_shares(
        np.array([1]), np.array([1]), weights=np.ones(1), fold=np.array([0]), categories=2
    )
    assert shares[0].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert shares[1].tolist() == [[0.0, 1.0], [0.0, 1.0]]


@each(st.lists(st.tuples(*[st.integers(0, 3)] * 2, st.floats(0.01, 100)), max_size=40), st.data())
def test_the_shares_are_shares(codes, data):
    fold = data.draw(st.lists(st.integers(0, 4), min_size=len(codes), max_size=len(codes)))
    shares = category_shares(
        np.array([c[0] for c in codes], dtype=np.intp),
        np.array([c[1] for c in codes], dtype=np.intp),
        weights=np.array([c[2] for c in codes], dtype=float),
        fold=np.array(fold, dtype=np.intp),
        categories=4,
    )
    assert (shares >= 0).all()
    assert shares.sum(axis=2) == pytest.approx(np.ones((5, 4)))
