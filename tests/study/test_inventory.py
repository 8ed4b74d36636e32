"""Which stages an account reaches, by coded posts and by its functions."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagemix.codes.codebook import default_codebook, read_codebook_text
from stagemix.posts.corpus import read_corpus
from stagemix.study.coding import draw_accounts, draw_round, take_in
from stagemix.study.folder import Study, init_study, read_study
from stagemix.study.inventory import (
    profiles,
    read_inventory,
    read_post_codes,
    stage_matrix,
    stages_by_function,
    stages_of_accounts,
)

BOOK = read_codebook_text(
    """
id = "c"
version = "1"
[[variables]]
id = "stage"
level = "ordinal"
[[variables.categories]]
id = "tell"
[[variables.categories]]
id = "talk"
[[variables.categories]]
id = "serve"
[variables.uncodable]
label = "?"
[[variables]]
id = "also"
level = "multiple"
[[variables.categories]]
id = "talks"
stage = "talk"
[[variables]]
id = "has"
level = "multiple"
unit = "account"
[[variables.categories]]
id = "forum"
stage = "talk"
[[variables.categories]]
id = "book"
stage = "serve"
[[variables.categories]]
id = "pay"
stage = "serve"
[[variables.categories]]
id = "privacy"
[[variables]]
id = "look"
level = "multiple"
unit = "account"
[[variables.categories]]
id = "blue"
""",
    where="c.toml",
)
PARTS = ["has.forum", "has.book", "has.pay", "has.privacy"]


def posts_of(*accounts: str) -> pd.DataFrame:
    ids = [f"p{n}" for n in range(len(accounts))]
    return pd.DataFrame({"post_id": ids, "account": list(accounts)})


def codes_of(*values: str | tuple[str, str]) -> pd.DataFrame:
    """Codes of p0, p1, ...: a stage, or a stage and the tick of `also.talks`."""
    pairs = [(v, None) if isinstance(v, str) else v for v in values]
    rows = [[f"p{n}", value, tick] for n, (value, tick) in enumerate(pairs)]
    return pd.DataFrame(rows, columns=["post_id", "value", "also.talks"], dtype="str")


def inventory_of(**rows: str) -> pd.DataFrame:
    """Codes of `PARTS` per account, a character each; `-` is a code that is not agreed."""
    table = {name: [None if c == "-" else c for c in cells] for name, cells in rows.items()}
    return pd.DataFrame.from_dict(table, orient="index", columns=PARTS, dtype="str")


def shown(matrix: pd.DataFrame) -> list[list[object]]:
    rows = matrix.astype("object").where(matrix.notna(), None)
    return rows.to_numpy().tolist()


def matrix_of(codes, posts, inventory=None):
    return stage_matrix(codes, posts=posts, inventory=inventory, codebook=BOOK)


def test_each_part_has_the_stage_of_its_category_and_safety_has_none() -> None:
    assert stages_by_function(BOOK, unit="account") == {
        "has.forum": "talk", "has.book": "serve", "has.pay": "serve", "has.privacy": "",
    }  # fmt: skip
    assert stages_by_function(BOOK, unit="post") == {"also.talks": "talk"}


def test_every_state_with_its_reason_in_exact_rows() -> None:
    posts = posts_of("甲", "甲", "甲", "乙", "丁")
    inventory = inventory_of(甲="0111", 丙="0000")
    codes = codes_of("tell", ("serve", "1"), "uncodable", "tell")
    assert shown(matrix_of(codes, posts, inventory)) == [
        # 丁: a post that nobody coded, no inventory
        ["丁", "tell", "not_looked", 0, 0, None],
        ["丁", "talk", "not_looked", 0, 0, None],
        ["丁", "serve", "not_looked", 0, 0, None],
        # 丙: no post, an inventory of nothing; no function is one of tell
        ["丙", "tell", "not_looked", 0, 0, None],
        ["丙", "talk", "not_found", 0, 0, ""],
        ["丙", "serve", "not_found", 0, 0, ""],
        # 乙: a coded post, no inventory
        ["乙", "tell", "seen", 1, 1, None],
        ["乙", "talk", "not_found", 1, 0, None],
        ["乙", "serve", "not_found", 1, 0, None],
        # 甲: three coded posts, one uncodable; one serves and also talks
        ["甲", "tell", "seen", 2, 1, None],
        ["甲", "talk", "seen", 2, 1, ""],
        ["甲", "serve", "seen", 2, 1, "has.book;has.pay"],
    ]


def test_a_function_alone_and_one_that_is_not_agreed() -> None:
    posts = posts_of("甲", "乙")
    inventory = inventory_of(甲="1-00", 乙="-1-1")
    assert shown(matrix_of(codes_of("tell", "tell"), posts, inventory)) == [
        ["乙", "tell", "seen", 1, 1, None],
        ["乙", "talk", "not_found", 1, 0, None],
        ["乙", "serve", "function", 1, 0, "has.book"],
        ["甲", "tell", "seen", 1, 1, None],
        ["甲", "talk", "function", 1, 0, "has.forum"],
        ["甲", "serve", "not_found", 1, 0, None],
    ]


def test_without_posts_that_were_coded_an_open_function_is_not_looked_at() -> None:
    found = matrix_of(codes_of(), posts_of("甲"), inventory_of(甲="-000"))
    assert found["state"].tolist() == ["not_looked", "not_looked", "not_found"]


def test_codes_of_posts_of_another_corpus_say_nothing() -> None:
    found = matrix_of(codes_of("tell", "serve"), posts_of("甲"))
    assert found["n_posts_coded"].tolist() == [1, 1, 1]
    assert found["state"].tolist() == ["seen", "not_found", "not_found"]


def test_a_profile_counts_stages_by_posts_by_functions_and_by_either() -> None:
    posts = posts_of("甲", "甲", "乙")
    inventory = inventory_of(甲="1101", 丙="---1", 丁="0000")
    matrix = matrix_of(codes_of("tell", "serve", "talk"), posts, inventory)
    assert shown(profiles(matrix, inventory=inventory, codebook=BOOK)) == [
        ["丁", 0, 0, 0, 0, "", ""],
        ["丙", 0, 0, 0, 0, "", "has.privacy"],
        ["乙", 1, 1, None, 1, None, None],
        ["甲", 2, 2, 2, 3, "has.forum;has.book", "has.privacy"],
    ]


@given(
    values=st.lists(st.sampled_from(["tell", "talk", "serve", "uncodable"]), max_size=8),
    owners=st.lists(st.sampled_from("甲乙丙"), min_size=8, max_size=8),
    cells=st.lists(st.text("01-", min_size=4, max_size=4), min_size=2, max_size=2),
)
def test_the_states_are_those_of_a_plain_count(values, owners, cells) -> None:
    posts = posts_of(*owners)
    inventory = inventory_of(甲=cells[0], 丁=cells[1])
    found = matrix_of(codes_of(*values), posts, inventory)
    assert len(found) == len({*owners, "甲", "丁"}) * 3
    of = {"tell": (), "talk": (0,), "serve": (1, 2)}
    for row in found.to_dict("records"):
        own = [v for v, who in zip(values, owners, strict=False) if who == row["account"]]
        coded = [v for v in own if v != "uncodable"]
        marks = [
            {"甲": cells[0], "丁": cells[1]}.get(row["account"], "----")[n]
            for n in of[row["stage"]]
        ]
        looked = bool(coded) or (bool(marks) and "-" not in marks)
        wanted = "not_found" if looked else "not_looked"
        wanted = "function" if "1" in marks else wanted
        wanted = "seen" if row["stage"] in coded else wanted
        assert row["state"] == wanted
        assert (row["n_posts_coded"], row["n_posts_seen"]) == (
            len(coded), coded.count(row["stage"]),
        )  # fmt: skip


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Two accounts with a post each and one in the account table alone."""
    init_study(tmp_path)
    corpus = tmp_path / "corpora" / "posts"
    corpus.mkdir()
    (corpus / "posts.csv").write_text(
        "post_id,account,title,published_at\np1,东,一,2021-03-05\np2,西,二,2021-03-05\n", "utf-8"
    )
    (corpus / "accounts.csv").write_text("account,links\n东,\n南,http://x.example\n", "utf-8")
    return read_study(tmp_path)


def take(study: Study, name: str, *lines: str) -> None:
    file = study.root / f"{name}.csv"
    file.write_text("\n".join(["post_id,coder,variable,value", *lines]), "utf-8")
    take_in(study, [file], round_=name, coded_at="2026-01-01")


def test_the_codes_of_a_study_are_read_from_what_it_wrote(study: Study) -> None:
    posts = posts_of("东", "西").assign(post_id=["p1", "p2"])
    corpus = study.root / "corpora" / "posts"
    assert read_inventory(study) is None
    assert set(stages_of_accounts(study, posts)["state"]) == {"not_looked"}
    draw_round(study, corpus, n=2, name="final", coders=["甲"], design="simple")
    take(study, "final", "p1,甲,stage,cooperate", "p1,甲,functions.also_service,1")
    assert read_inventory(study) is None
    draw_accounts(study, corpus, name="inventory", coders=["甲", "乙"])
    lines = [
        f"{account},{coder},inventory.{c.id},{int(account == '南' and c.id in ('booking', 'opinion'))}"
        for account in ("东", "南")
        for coder in ("甲", "乙")
        for c in default_codebook().of_unit("account")[0].categories
    ]
    odd = lines.index("东,乙,inventory.quick_claim,0")
    take(study, "inventory", *lines[:odd], "东,乙,inventory.quick_claim,1", *lines[odd + 1 :])
    assert shown(stages_of_accounts(study, posts)) == [
        ["东", "publish", "not_found", 1, 0, None],
        ["东", "interact", "not_found", 1, 0, ""],
        ["东", "service", "seen", 1, 1, ""],
        ["东", "cooperate", "seen", 1, 1, None],
        ["南", "publish", "not_looked", 0, 0, None],
        ["南", "interact", "function", 0, 0, "inventory.opinion"],
        ["南", "service", "function", 0, 0, "inventory.booking"],
        ["南", "cooperate", "not_found", 0, 0, ""],
        ["西", "publish", "not_looked", 0, 0, None],
        ["西", "interact", "not_looked", 0, 0, None],
        ["西", "service", "not_looked", 0, 0, None],
        ["西", "cooperate", "not_looked", 0, 0, None],
    ]


def test_a_file_without_the_stage_holds_no_codes_of_it(study: Study) -> None:
    study.agreed.write_text("post_id,round,other\np1,final,1\n", "utf-8")
    assert read_post_codes(study.agreed, codebook=study.codebook).empty


ROOT = Path(__file__).parents[2]


def test_the_example_has_an_inventory_that_shows_what_posts_do_not() -> None:
    study = read_study(ROOT)
    inventory = read_inventory(study)
    assert inventory is not None
    assert inventory.shape == (12, 16)
    assert inventory.notna().to_numpy().all()
    matrix = stages_of_accounts(study, read_corpus(ROOT / "corpora" / study.corpus))
    unseen = matrix[matrix["state"] != "seen"]
    assert unseen[["account", "stage", "state", "functions"]].to_numpy().tolist() == [
        ["柚岭生态环境", "cooperate", "not_found", ""],
        ["汐川气象", "cooperate", "function", "inventory.with_platform"],
        ["青梧发布", "cooperate", "not_found", ""],
    ]
    codes = pd.read_csv(study.rounds / "inventory.csv", dtype="str")
    first = codes[codes["kind"] == "independent"].pivot(
        index=["unit", "variable"], columns="coder", values="value"
    )
    assert (len(first), int((first["coder1"] != first["coder2"]).sum())) == (192, 9)
    assert len(codes) == 2 * 192 + 9
    assert set(codes["codebook_version"]) == {"1.3"}
