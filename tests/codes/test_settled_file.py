from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from stagemix.codes.codebook import default_codebook
from stagemix.codes.rounds import Round
from stagemix.codes.settled_file import read_settled
from stagemix.codes.store import BESIDE, COLUMNS, Code
from stagemix.errors import DataError

BOOK = default_codebook()
WHEN = "2024-03-01T09:00:00+08:00"
KNOWN = "stage: publish, interact, service, cooperate, uncodable"
ROUND = Round(
    name="final",
    corpus="corpora/posts",
    design="simple",
    by=(),
    allocation="proportional",
    minimum=0,
    seed=1,
    frame="f",
    without=(),
    strata={"all": (9, 3)},
    units=pd.DataFrame(
        {
            "unit": ["p1", "p2", "p3"],
            "stratum": "all",
            "inclusion_probability": 1 / 3,
            "coders": ["a;b", "a", "b"],
        }
    ),
)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


OWN = Code(round="final", unit="p1", coder="a", variable="stage", value="publish", coded_at=WHEN)
NO_CODES = pd.DataFrame(columns=list(COLUMNS), dtype="str")


def held(*codes: Code) -> pd.DataFrame:
    return pd.DataFrame([vars(code) for code in codes], columns=list(COLUMNS), dtype="str")


HELD = held(OWN, replace(OWN, coder="b", value="service"), replace(OWN, unit="p2"))


def settled(
    path: Path, *, variable: str = "stage", codes: pd.DataFrame = HELD, round_: Round = ROUND
) -> list[Code]:
    return read_settled(
        path,
        round_=round_,
        held=codes,
        codebook=BOOK,
        variable=variable,
        by="consensus",
        coded_at=WHEN,
    )


def test_settled_values_come_with_their_reason_and_blank_ones_stay_open(tmp_path: Path) -> None:
    path = written(
        tmp_path / "s.csv",
        "post_id,title,a,b,value,reason\np1,题,publish,service,服务,照着能办\np2,题,publish,,,\n",
    )
    assert settled(path) == [
        Code(
            round="final",
            unit="p1",
            coder="consensus",
            variable="stage",
            value="service",
            kind="settled",
            memo="照着能办",
            codebook_version=BOOK.version,
            coded_at=WHEN,
        )
    ]


def test_a_settled_table_may_have_chinese_columns(tmp_path: Path) -> None:
    path = written(tmp_path / "s.csv", "编号,编码,理由\np1,服务,能办\n")
    assert [(c.unit, c.value, c.memo) for c in settled(path)] == [("p1", "service", "能办")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("post_id,code\np1,x\n", "no column value; the columns are post_id, value, reason"),
        ("post_id,value\np1,\n", "settles nothing; fill in the column value"),
        (
            "post_id,value\np1,service\np9,service\n",
            "row 3 settles a post that nobody coded in the round",
        ),
        (
            "post_id,value\np1,service\np2,service\np1,publish\n",
            "rows 2, 4 settle the same post; keep one",
        ),
        (
            "post_id,value\np1,good\n",
            f"not a value of the codebook in row 2 ('good'); known are {KNOWN}",
        ),
    ],
)
def test_a_file_that_settles_wrongly(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path / "s.csv", text)
    with pytest.raises(DataError) as caught:
        settled(path)
    assert str(caught.value) == f"{path}: {said}"


def test_a_variable_that_nobody_coded_cannot_be_settled(tmp_path: Path) -> None:
    path = written(tmp_path / "s.csv", "post_id,value\np1,1\n")
    with pytest.raises(DataError, match=r"row 2 settles a post that nobody coded in the round$"):
        settled(path, variable="functions.also_service")
    with pytest.raises(DataError, match=r"row 2 settles a post that nobody coded in the round$"):
        settled(path, codes=NO_CODES)


def test_another_variable_is_settled_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = written(tmp_path / "s.csv", "post_id,value,variable\np1,服务,\np2,1,functions.x\n")
    with pytest.raises(DataError) as caught:
        settled(path)
    assert str(caught.value) == (
        f"{path}: row 3 is not about stage; "
        "name the variable with --variable and settle each in a file of its own"
    )


def test_what_only_stands_beside_is_not_settled(tmp_path: Path) -> None:
    path = written(tmp_path / "s.csv", "post_id,value\np3,服务\n")
    beside = held(*[replace(OWN, unit="p3", coder="m", kind=BESIDE)])
    with pytest.raises(DataError, match=r"row 2 settles a post that nobody coded in the round$"):
        settled(path, codes=pd.concat([HELD, beside], ignore_index=True))


ACCOUNTS = replace(ROUND, name="all", kind="account")


@pytest.mark.parametrize("column", ["account", "账号", "公众号", "post_id", "编号"])
def test_accounts_are_settled_by_name(tmp_path: Path, column: str) -> None:
    path = written(tmp_path / "s.csv", f"{column},value,reason\np1,服务,菜单\n")
    (code,) = settled(path, round_=ACCOUNTS)
    assert (code.round, code.unit, code.value, code.memo) == ("all", "p1", "service", "菜单")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,value\np1,服务\n", "no column account; the columns are account, value, reason"),
        ("account,value\np7,服务\n", "row 2 settles an account that nobody coded in the round"),
        ("account,value\np1,服务\np1,发布\n", "rows 2, 3 settle the same account; keep one"),
        (
            "账号,公众号,value\np1,p1,服务\n",
            "columns 账号, 公众号 both mean account; rename one of them",
        ),
    ],
)
def test_what_is_wrong_with_accounts(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path / "s.csv", text)
    with pytest.raises(DataError) as caught:
        settled(path, round_=ACCOUNTS)
    assert str(caught.value) == f"{path}: {said}"
