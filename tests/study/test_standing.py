"""How far the coding of a round has come."""

from pathlib import Path

import pytest

from stagemix.codes.store import INDEPENDENT, SETTLED, Code, CodeStore
from stagemix.errors import MissingError
from stagemix.study.coding import draw_round
from stagemix.study.folder import Study, init_study, read_study
from stagemix.study.standing import Standing, standing


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Six posts, four of them for 甲 and 乙, one for each alone."""
    init_study(tmp_path)
    corpus = tmp_path / "corpora" / "posts"
    corpus.mkdir()
    rows = [f"p{n},东,题{n},2021-03-05" for n in range(6)]
    (corpus / "posts.csv").write_text(
        "\n".join(["post_id,account,title,published_at", *rows]) + "\n", encoding="utf-8"
    )
    made = read_study(tmp_path)
    draw_round(made, corpus, n=6, name="final", coders=["甲", "乙"], overlap=4 / 6)
    return made


def units(study: Study) -> list[str]:
    """The posts in the order of the round: four for both, one for 甲, one for 乙."""
    lines = (study.rounds / "final.sample.csv").read_text("utf-8").splitlines()[1:]
    assert [line.split(",")[-1] for line in lines] == ["甲;乙"] * 4 + ["甲", "乙"]
    return [line.split(",")[0] for line in lines]


def add(study: Study, unit: str, coder: str, value: str, *, kind: str = INDEPENDENT) -> None:
    variable = "stage" if value in ("publish", "service") else "functions.also_service"
    CodeStore(study.coding).add(
        [Code(round="final", unit=unit, coder=coder, variable=variable, value=value, kind=kind)]
    )


def at(study: Study) -> Standing:
    return standing(study, round_="final", variable="stage")


def test_a_round_of_which_nothing_is_coded(study: Study) -> None:
    assert at(study) == Standing(
        drawn=6, agreed=0, open=0, uncoded=6, waiting=0, changed_though_agreed=0
    )


def test_a_round_that_is_half_coded(study: Study) -> None:
    both, against, settled, one, alone, last = units(study)
    for unit, a, b in [
        (both, "publish", "publish"),
        (against, "publish", "service"),
        (settled, "publish", "service"),
    ]:
        add(study, unit, "甲", a)
        add(study, unit, "乙", b)
    add(study, settled, "consensus", "service", kind=SETTLED)
    add(study, one, "乙", "service")
    add(study, alone, "甲", "service")
    add(study, last, "乙", "1")  # another variable
    found = at(study)
    assert found == Standing(
        drawn=6, agreed=4, open=1, uncoded=1, waiting=1, changed_though_agreed=0
    )
    assert found.remark is not None
    assert found.remark.en == (
        "The coding is not finished: of 6 drawn posts 4 have a code, 1 have none, "
        "1 disagreements are open, 1 wait for another coder. "
        "What is missing is not missing by chance."
    )
    assert found.remark.zh == (
        "编码尚未完成：抽出 6 篇，已有编码 4 篇，未编码 1 篇，"
        "未裁定的分歧 1 篇，等待另一位编码员 1 篇。缺的不是随机缺失。"
    )


def test_a_coder_who_codes_a_post_again_is_one_coder(study: Study) -> None:
    unit = units(study)[0]
    add(study, unit, "甲", "publish")
    add(study, unit, "甲", "service")
    assert (at(study).agreed, at(study).waiting) == (1, 1)


def finish(study: Study) -> None:
    for n, unit in enumerate(units(study)):
        for coder in {4: ["甲"], 5: ["乙"]}.get(n, ["甲", "乙"]):
            add(study, unit, coder, "publish")


def test_a_finished_round_has_no_remark(study: Study) -> None:
    finish(study)
    assert at(study) == Standing(
        drawn=6, agreed=6, open=0, uncoded=0, waiting=0, changed_though_agreed=0
    )
    assert at(study).remark is None


def test_values_settled_against_agreeing_coders_are_counted(study: Study) -> None:
    finish(study)
    add(study, units(study)[0], "consensus", "service", kind=SETTLED)
    assert at(study).changed_though_agreed == 1
    assert at(study).remark is None


@pytest.mark.parametrize("name", ["open", "uncoded", "waiting"])
def test_anything_missing_alone_is_remarked(name: str) -> None:
    none = {"open": 0, "uncoded": 0, "waiting": 0}
    found = Standing(drawn=2, agreed=1, changed_though_agreed=0, **(none | {name: 1}))
    assert found.remark is not None


def test_a_round_that_is_not_there(study: Study) -> None:
    with pytest.raises(MissingError) as caught:
        standing(study, round_="two", variable="stage")
    assert str(caught.value) == f"{study.rounds / 'two.toml'}: no round two; there are final"
