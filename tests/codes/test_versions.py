from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from stagemix.codes.codebook import Codebook, read_codebook_text
from stagemix.codes.store import BESIDE, SETTLED, Code
from stagemix.codes.versions import Change, changes, keep_version, kept_versions, to_look_at_again
from stagemix.errors import DataError, MissingError

TEXT = """\
id = "c"
version = "1"
note = "N"

[[variables]]
id = "stage"
label = "阶段"
level = "ordinal"
question = "哪一级？"
rules = ["取最高。"]
categories = [
  {id = "publish", label = "发布", definition = "单向。"},
  {id = "service", label = "服务", include = ["指南"]},
]
uncodable = {definition = "乱码。"}

[[variables]]
id = "functions"
level = "multiple"
categories = [{id = "ask", definition = "问。"}, {id = "pay", definition = "缴。"}]
"""


def book(*changed: tuple[str, str], version: str = "1", note: str = "改了") -> Codebook:
    text = TEXT.replace('version = "1"', f'version = "{version}"').replace('"N"', f'"{note}"')
    for old, new in changed:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return read_codebook_text(text, where="c")


def put(coding: Path, text: str) -> Path:
    coding.mkdir(exist_ok=True)
    path = coding / "codebook.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_version_is_kept_byte_for_byte_once(tmp_path: Path) -> None:
    path = put(tmp_path, TEXT + "# 备注\n")
    assert kept_versions(tmp_path) == {}
    assert keep_version(tmp_path) == book(note="N")
    kept = tmp_path / "codebooks" / "1.toml"
    assert kept.read_bytes() == path.read_bytes()
    path.write_text(TEXT + "# 别的备注，不改规则\n", encoding="utf-8")
    assert keep_version(tmp_path) == book(note="N")
    assert kept.read_text("utf-8").endswith("# 备注\n")
    assert kept_versions(tmp_path) == {"1": book(note="N")}


def test_a_version_of_other_words_needs_a_new_name(tmp_path: Path) -> None:
    path = put(tmp_path, TEXT)
    keep_version(tmp_path)
    path.write_text(TEXT.replace("单向。", "单向告知。"), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        keep_version(tmp_path)
    assert str(caught.value) == (
        f"{path}: differs from the version 1 that was coded by, kept in {tmp_path / 'codebooks'}; "
        "give it a new version, and say in note what it changes"
    )
    assert list(kept_versions(tmp_path)) == ["1"]


def test_a_new_version_says_what_it_changes(tmp_path: Path) -> None:
    path = put(tmp_path, TEXT.replace('note = "N"\n', ""))
    keep_version(tmp_path)  # the first changes nothing
    second = TEXT.replace('version = "1"', 'version = "2"')
    path.write_text(second.replace('"N"', '" "'), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        keep_version(tmp_path)
    assert str(caught.value) == (
        f'{path}: version 2 does not say what it changes; add note = "..." under version'
    )
    path.write_text(second, encoding="utf-8")
    assert keep_version(tmp_path).version == "2"
    assert list(kept_versions(tmp_path)) == ["1", "2"]


def test_going_back_to_a_kept_version_is_no_new_one(tmp_path: Path) -> None:
    path = put(tmp_path, TEXT)
    keep_version(tmp_path)
    path.write_text(TEXT.replace('version = "1"', 'version = "2"'), encoding="utf-8")
    keep_version(tmp_path)
    path.write_text(TEXT, encoding="utf-8")
    assert keep_version(tmp_path).version == "1"


def test_a_version_that_is_no_file_name_is_said(tmp_path: Path) -> None:
    path = put(tmp_path, TEXT.replace('version = "1"', 'version = "1/2"'))
    with pytest.raises(DataError) as caught:
        keep_version(tmp_path)
    assert str(caught.value).startswith(f"{path}: version '1/2': a name has 1 to 60 characters")
    assert not (tmp_path / "codebooks").exists()


def test_without_a_codebook_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        keep_version(tmp_path)


STAGE = {"stage": Change(variable="stage", whole=True, values=())}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ([], {}),
        ([('label = "阶段"', 'label = "最高阶段"')], {}),
        ([('label = "发布"', 'label = "告知"')], {}),
        ([('question = "哪一级？"', 'question = "哪级？"')], STAGE),
        ([('rules = ["取最高。"]', 'rules = ["取最低。"]')], STAGE),
        ([('level = "ordinal"', 'level = "nominal"')], STAGE),
        ([('uncodable = {definition = "乱码。"}\n', "")],
         {"stage": Change(variable="stage", whole=True, values=("uncodable",))}),
        ([('  {id = "service", label = "服务", include = ["指南"]},\n', '  {id = "x"},\n')],
         {"stage": Change(variable="stage", whole=True, values=("service",))}),
        ([("单向。", "单向告知。")],
         {"stage": Change(variable="stage", whole=False, values=("publish",))}),
        ([('["指南"]', '["指南", "时刻"]'), ("乱码。", "乱码或空白。")],
         {"stage": Change(variable="stage", whole=False, values=("service", "uncodable"))}),
        ([('label = "服务"', 'label = "服务", exclude = ["获奖"]')],
         {"stage": Change(variable="stage", whole=False, values=("service",))}),
        ([('id = "stage"', 'id = "phase"')], {}),
        ([("缴。", "缴费。")],
         {f"functions.{part}": Change(variable=f"functions.{part}", whole=True, values=("pay",))
          for part in ("ask", "pay")}),
    ],
)  # fmt: skip
def test_what_a_version_changes(changed: list[tuple[str, str]], found: dict[str, Change]) -> None:
    assert changes(book(), book(*changed, version="2")) == found


def test_a_change_of_a_category_concerns_its_codes_alone() -> None:
    change = Change(variable="stage", whole=False, values=("publish",))
    assert [change.concerns(value) for value in ("publish", "service")] == [True, False]
    assert replace(change, whole=True).concerns("service")


CODE = Code(
    round="final", unit="p1", coder="甲", variable="stage", value="publish", codebook_version="1"
)


def looked_at(*codes: Code, now: Codebook, kept: dict[str, Codebook]) -> list[tuple[str, ...]]:
    table = pd.DataFrame([vars(code) for code in codes])
    found = to_look_at_again(table, codebook=now, kept=kept)
    columns = ["unit", "coder", "variable", "value"]
    return list(found[columns].itertuples(index=False, name=None))


def test_codes_that_a_changed_rule_may_concern_are_looked_at_again() -> None:
    kept = {"1": book(), "2": book(("单向。", "单向告知。"), version="2")}
    service = replace(CODE, unit="p2", value="service")
    by_the_new = replace(CODE, unit="p3", codebook_version="2")
    other = replace(CODE, coder="乙")
    again = looked_at(CODE, service, by_the_new, other, now=kept["2"], kept=kept)
    assert again == [("p1", "甲", "stage", "publish"), ("p1", "乙", "stage", "publish")]
    assert looked_at(CODE, service, now=kept["1"], kept=kept) == []


def test_a_code_that_was_looked_at_again_is_done() -> None:
    kept = {"1": book(), "2": book(("单向。", "单向告知。"), version="2")}
    again = replace(CODE, codebook_version="2")
    assert looked_at(CODE, again, now=kept["2"], kept=kept) == []
    # coded later by an older sheet: that is the current code
    assert looked_at(again, CODE, now=kept["2"], kept=kept) == [("p1", "甲", "stage", "publish")]


def test_only_coders_own_codes_are_looked_at_again() -> None:
    kept = {"1": book(), "2": book(("单向。", "单向告知。"), version="2")}
    settled, beside = (replace(CODE, kind=kind, coder="丙") for kind in (SETTLED, BESIDE))
    assert looked_at(settled, beside, now=kept["2"], kept=kept) == []


def test_codes_of_a_version_that_is_not_kept_are_left_alone() -> None:
    now = book(("单向。", "单向告知。"), version="2")
    assert looked_at(CODE, replace(CODE, codebook_version=""), now=now, kept={"2": now}) == []


def test_every_part_of_all_that_apply_is_looked_at_again() -> None:
    kept = {"1": book(), "2": book(("缴。", "缴费。"), version="2")}
    ticks = [
        replace(CODE, variable=f"functions.{part}", value=value)
        for part, value in (("ask", "0"), ("pay", "1"))
    ]
    again = looked_at(CODE, *ticks, now=kept["2"], kept=kept)
    assert again == [("p1", "甲", "functions.ask", "0"), ("p1", "甲", "functions.pay", "1")]
