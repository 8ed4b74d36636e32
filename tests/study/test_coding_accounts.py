"""Rounds in which accounts are coded: handed out, taken in, settled."""

from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

from stagemix.codes.rounds import read_round
from stagemix.codes.store import CodeStore
from stagemix.errors import DataError
from stagemix.posts.tables import read_table
from stagemix.study.agreement import agreement_of_round
from stagemix.study.coding import draw_accounts, draw_round, hand_out, settle, take_in, variable_of
from stagemix.study.folder import Study, init_study, read_study
from stagemix.study.standing import standing

WHEN, LATER = "2024-03-04T09:00:00.000+08:00", "2024-03-05T09:00:00.000+08:00"
CODEBOOK = """
id = "c"
version = "1"
[[variables]]
id = "stage"
label = "阶段"
level = "nominal"
categories = [{id = "publish", label = "发布"}, {id = "service", label = "服务"}]
[[variables]]
id = "note"
label = "印象"
unit = "account"
level = "text"
optional = true
[[variables]]
id = "menu"
label = "菜单"
unit = "account"
level = "multiple"
categories = [{id = "pay", label = "缴费"}, {id = "ask", label = "咨询"}]
"""


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Two accounts with posts, and one of the account table that has none yet."""
    root = tmp_path / "研究"
    init_study(root)
    (root / "coding" / "codebook.toml").write_text(CODEBOOK, encoding="utf-8")
    corpus = root / "corpora" / "posts"
    corpus.mkdir()
    (corpus / "posts.csv").write_text(
        "post_id,account,title,published_at\n"
        "p1,东篱,开会,2021-03-01\np2,听潮,缴费,2021-03-02\np3,听潮,开会,2021-03-03\n",
        encoding="utf-8",
    )
    (corpus / "accounts.csv").write_text(
        "公众号,level,备注\n听潮,市,菜单截图\n柚江,县,\n", encoding="utf-8"
    )
    return read_study(root)


@pytest.fixture
def accounts(study: Study) -> Study:
    """Every account in the round `accounts` of 甲 and 乙."""
    draw_accounts(study, study.root / "corpora" / "posts", name="accounts", coders=["甲", "乙"])
    return study


def take(
    study: Study, *rows: str, header: str = "account,coder,variable,value", **options: bool
) -> int:
    path = study.root / "codes.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    (taken,) = take_in(study, [path], round_="accounts", coded_at=WHEN, **options)
    return taken.new


def test_every_account_of_the_posts_and_of_the_account_table_is_in(study: Study) -> None:
    corpus = study.root / "corpora" / "posts"
    made = draw_accounts(
        study, corpus, name="accounts", coders=["甲", "乙"], overlap=0.3, asks=["menu"]
    )
    assert list(made.units["unit"]) == ["东篱", "听潮", "柚江"]
    assert list(made.units["coders"]) == ["甲;乙", "甲", "乙"]
    assert (made.corpus, made.kind, made.asks) == ("corpora/posts", "account", ("menu",))
    stored = read_round("accounts", study.rounds)
    assert list(stored.units["unit"]) == ["东篱", "听潮", "柚江"]
    assert (study.coding / "codebooks" / "1.toml").is_file()


def test_accounts_without_a_table_are_those_with_posts(study: Study) -> None:
    corpus = study.root / "corpora" / "posts"
    (corpus / "accounts.csv").unlink()
    made = draw_accounts(study, corpus, name="accounts", coders=["甲"])
    assert list(made.units["unit"]) == ["东篱", "听潮"]


def test_a_codebook_that_asks_nothing_of_accounts_is_said(study: Study) -> None:
    path = study.coding / "codebook.toml"
    path.write_text(CODEBOOK.replace('unit = "account"\n', ""), encoding="utf-8")
    corpus = study.root / "corpora" / "posts"
    with pytest.raises(DataError) as caught:
        draw_accounts(study, corpus, name="accounts", coders=["甲"])
    assert str(caught.value) == f'{path}: no variable has unit = "account"; add one'
    assert not study.rounds.exists()


def test_a_draw_of_posts_leaves_out_no_account(accounts: Study) -> None:
    corpus = accounts.root / "corpora" / "posts"
    made = draw_round(accounts, corpus, n=3, name="final", coders=["甲"])
    assert (made.without, len(made.units)) == ((), 3)


def test_workbooks_of_accounts_go_out_and_come_back(accounts: Study) -> None:
    to = accounts.root / "sheets" / "账号.xlsx"
    files = hand_out(accounts, round_="accounts", to=to)
    assert list(files.values()) == [3, 3]
    path = next(iter(files))
    with closing(openpyxl.load_workbook(path)) as book:
        sheet = book["编码"]
        rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
        assert rows[0] == [
            "账号", "账号表：level", "账号表：备注",
            "印象（note）", "缴费（menu.pay）", "咨询（menu.ask）", "把握（1–3）", "备注",
        ]  # fmt: skip
        assert [row[:3] for row in rows[1:]] == [
            ["东篱", "", ""], ["听潮", "市", "菜单截图"], ["柚江", "县", ""],
        ]  # fmt: skip
        sheet["E3"], sheet["D3"], sheet["F4"] = "是", "很全", "否"
        book.save(path)
    (taken,) = take_in(accounts, [path], round_=None, coded_at=WHEN)
    assert (taken.round, taken.codes, taken.new) == ("accounts", 5, 5)
    assert accounts.agreed_accounts.read_text("utf-8") == (
        "account,stratum,inclusion_probability,round,note,note_how,menu.pay,menu.pay_how,"
        "menu.ask,menu.ask_how\n"
        "听潮,all,1.0,accounts,很全,single,1,single,0,single\n"
        "柚江,all,1.0,accounts,,,0,single,0,single\n"
    )
    assert not accounts.agreed.exists()


def test_an_account_that_left_the_corpus_is_said(accounts: Study) -> None:
    (accounts.root / "corpora" / "posts" / "accounts.csv").unlink()
    with pytest.raises(DataError) as caught:
        hand_out(accounts, round_="accounts", to=accounts.root / "x.xlsx", coder="甲")
    assert str(caught.value) == ("corpora/posts: 柚江 of round accounts is not in the corpus")


DISAGREED = [
    "东篱,甲,menu.pay,是",
    "东篱,乙,menu.pay,否",
    "听潮,甲,menu.pay,1",
    "听潮,乙,menu.pay,1",
]


@pytest.mark.parametrize("header", ["公众号,编码员,变量,编码", "post_id,coder,variable,value"])
def test_codes_of_accounts_are_taken_in_and_settled(accounts: Study, header: str) -> None:
    assert take(accounts, *DISAGREED, header=header) == 4
    found = agreement_of_round(accounts, round_="accounts", resamples=20)
    assert found.agreed["menu.pay"].open["unit"].tolist() == ["东篱"]
    path = accounts.root / "settled.csv"
    path.write_text("账号,取值,理由\n东篱,是,菜单第二项\n", encoding="utf-8")
    added = settle(accounts, path, round_="accounts", variable="menu.pay", by="丙", coded_at=LATER)
    assert added == 1
    last = CodeStore(accounts.coding).codes("accounts").iloc[-1]
    assert (last["unit"], last["value"], last["memo"], last["kind"]) == (
        "东篱", "1", "菜单第二项", "settled",
    )  # fmt: skip
    agreed = read_table(accounts.agreed_accounts).set_index("account")
    assert agreed["menu.pay"].to_dict() == {"东篱": "1", "听潮": "1"}
    at = standing(accounts, round_="accounts", variable="menu.pay")
    assert (at.drawn, at.agreed, at.open, at.uncoded) == (3, 2, 0, 1)


def test_an_account_of_another_round_is_not_settled(accounts: Study) -> None:
    take(accounts, *DISAGREED)
    path = accounts.root / "settled.csv"
    path.write_text("account,value\n柚江,是\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        settle(accounts, path, round_="accounts", variable="menu.pay", by="丙", coded_at=LATER)
    assert str(caught.value) == f"{path}: row 2 settles an account that nobody coded in the round"


def test_accounts_may_be_coded_by_a_further_coder_and_beside(accounts: Study) -> None:
    take(accounts, *DISAGREED)
    assert take(accounts, "东篱,丙,menu.pay,是", "柚江,丙,menu.ask,是", join_round=True) == 2
    joined = read_round("accounts", accounts.rounds)
    assert joined.units_of("丙") == ["东篱", "柚江"]
    assert (joined.kind, joined.joined) == ("account", ("丙",))
    assert take(accounts, "东篱,模型,note,很全", beside=True) == 1
    agreed = read_table(accounts.agreed_accounts).set_index("account")
    assert "note" not in agreed.columns
    assert agreed["menu.ask"].to_dict() == {"听潮": "", "柚江": "1"}


def test_the_first_variable_with_categories_is_of_accounts(accounts: Study) -> None:
    assert variable_of(accounts, round_="accounts").id == "menu.pay"
