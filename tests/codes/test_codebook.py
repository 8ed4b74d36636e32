from collections import Counter
from pathlib import Path

import pytest

from stagemix.codes.codebook import (
    default_codebook,
    default_codebook_text,
    read_codebook,
    read_codebook_text,
)
from stagemix.codes.versions import changes, kept_versions
from stagemix.errors import DataError, MissingError

HEAD = 'id = "c"\nversion = "1"\n'
STAGE = '[[variables]]\nid = "stage"\nlevel = "nominal"\n'
TWO = '[[variables.categories]]\nid = "p"\n[[variables.categories]]\nid = "q"\n'
PLAIN = HEAD + STAGE + TWO


def test_the_default_codebook_has_the_four_stages_in_order() -> None:
    codebook = default_codebook()
    stage = codebook.variable()
    assert (codebook.id, codebook.version) == ("egov-stages", "1.3")
    assert (stage.id, stage.level, stage.unit) == ("stage", "ordinal", "post")
    assert stage.values == ("publish", "interact", "service", "cooperate")
    assert stage.labels == {
        "publish": "发布",
        "interact": "互动",
        "service": "服务",
        "cooperate": "合作",
        "uncodable": "无法编码",
    }


def test_a_multiple_variable_is_kept_as_one_yes_no_variable_per_category() -> None:
    codebook = default_codebook()
    functions = codebook.post_variables[1]
    assert [part.id for part in functions.parts] == [
        "functions.also_publish",
        "functions.also_interact",
        "functions.also_service",
    ]
    part = codebook.variable("functions.also_service")
    assert (part.level, part.label, part.values) == ("binary", "兼有服务", ("1", "0"))
    assert part.optional
    assert [part.value_of(text) for text in ("1", "0", "是", "否")] == ["1", "0", "1", "0"]


def test_the_inventory_asks_of_accounts_for_functions_of_each_stage_above_publish() -> None:
    codebook = default_codebook()
    assert [v.id for v in codebook.post_variables] == ["stage", "functions"]
    (inventory,) = codebook.of_unit("account")
    assert (inventory.id, inventory.level, inventory.optional) == ("inventory", "multiple", False)
    of = Counter(category.stage for category in inventory.categories)
    assert of == {"interact": 4, "service": 5, "cooperate": 4, "": 3}
    assert all(c.definition and c.include and c.exclude for c in inventory.categories)
    assert [c.stage for c in codebook.post_variables[1].categories] == [
        "publish", "interact", "service",
    ]  # fmt: skip


def test_the_version_before_changes_nothing_about_the_codes_it_has() -> None:
    kept = kept_versions(Path(__file__).parents[2] / "coding")
    assert sorted(kept) == ["1.2", "1.3"]
    assert kept["1.3"] == default_codebook()
    assert changes(kept["1.2"], kept["1.3"]) == {}
    assert kept["1.2"].variable() == kept["1.3"].variable()


STAGED = PLAIN + '[[variables]]\nid = "f"\nlevel = "multiple"\n[[variables.categories]]\nid = "a"\n'


def test_a_function_of_no_stage_of_the_first_post_variable_is_refused() -> None:
    codebook = read_codebook_text(STAGED + 'stage = "q"\n', where="c.toml")
    assert [c.stage for c in codebook.variables[1].categories] == ["q"]
    with pytest.raises(DataError) as caught:
        read_codebook_text(STAGED + 'stage = "r"\n', where="c.toml")
    assert str(caught.value) == (
        "c.toml: variable f: category a is of the stage r, which the first post variable does not "
        "have; it has p, q"
    )


@pytest.mark.parametrize("name", ["functions", "stages"])
def test_an_unknown_variable_names_those_there_are(name: str) -> None:
    with pytest.raises(DataError) as caught:
        default_codebook().variable(name)
    assert str(caught.value) == (
        f"the codebook has no variable {name}; it has stage, functions.also_publish, "
        "functions.also_interact, functions.also_service, inventory.community, "
        "inventory.one_to_one, inventory.opinion, inventory.complaint, inventory.own_violations, "
        "inventory.booking, inventory.payment, inventory.progress, inventory.lookup, "
        "inventory.quick_claim, inventory.with_bank, inventory.with_platform, "
        "inventory.across_departments, inventory.privacy_notice, inventory.authorisation, "
        "inventory.identity_check"
    )


def test_a_codebook_of_text_or_account_variables_has_no_first_variable_of_posts() -> None:
    text = HEAD + '[[variables]]\nid = "why"\nlevel = "text"\n' + STAGE + 'unit = "account"\n' + TWO
    with pytest.raises(
        DataError, match=r"^the codebook has no variable of posts; it has why, stage$"
    ):
        read_codebook_text(text, where="c.toml").variable()


def test_labels_are_accepted_for_values_and_nothing_else() -> None:
    stage = default_codebook().variable()
    assert stage.value_of("服务") == "service"
    assert stage.value_of("service") == "service"
    assert stage.value_of("无法编码") == "uncodable"
    with pytest.raises(ValueError, match=r"^Service$"):
        stage.value_of("Service")


def test_only_id_version_level_and_the_categories_ids_are_required() -> None:
    codebook = read_codebook_text(PLAIN, where="c.toml")
    stage = codebook.variable()
    assert (codebook.title, stage.label, stage.unit) == ("c", "stage", "post")
    assert stage.labels == {"p": "p", "q": "q"}
    assert stage.uncodable is None
    assert not stage.optional


def test_a_text_variable_takes_any_text_and_a_binary_one_is_yes_or_no() -> None:
    text = HEAD + (
        '[[variables]]\nid = "why"\nlevel = "text"\n[[variables]]\nid = "ad"\nlevel = "binary"\n'
    )
    codebook = read_codebook_text(text, where="c.toml")
    assert codebook.variable("why").value_of("因为 x") == "因为 x"
    assert codebook.variable("why").parts == (codebook.variable("why"),)
    assert codebook.variable().id == "ad"
    assert codebook.variable("ad").labels == {"1": "是", "0": "否"}


def test_the_unit_stands_at_the_top_or_at_the_variable() -> None:
    text = 'unit = "account"\n' + PLAIN + '[[variables]]\nid = "x"\nlevel = "text"\nunit = "post"\n'
    codebook = read_codebook_text(text, where="c.toml")
    assert codebook.variable("stage").unit == "account"
    assert [v.id for v in codebook.post_variables] == ["x"]


def test_numbers_as_ids_are_texts() -> None:
    text = 'id = 7\nversion = 1.2\n[[variables]]\nid = "v"\nlevel = "ordinal"\n' + (
        "[[variables.categories]]\nid = 0\n[[variables.categories]]\nid = 1\n"
    )
    codebook = read_codebook_text(text, where="c.toml")
    assert (codebook.id, codebook.version, codebook.variable().values) == ("7", "1.2", ("0", "1"))


WRONG = {
    "no id": ('version = "1"\n' + STAGE + TWO, "id is missing"),
    "no id, no version": (STAGE + TWO, "id, version is missing"),
    "blank id": (PLAIN.replace('"c"', '" "'), "id is missing"),
    "no variables": (HEAD, "no [[variables]]; a codebook has at least one"),
    "variables is a text": (HEAD + 'variables = "stage"', "no [[variables]]; a codebook has at least one"),
    "variables of texts": (HEAD + 'variables = ["stage"]', "'stage' should be a table with an id"),
    "variable without id": (
        HEAD + '[[variables]]\nlevel = "nominal"\n' + TWO, "a variable: id is missing"),
    "variable without level": (
        HEAD + '[[variables]]\nid = "stage"\n' + TWO, "a variable: level is missing"),
    "unknown level": (
        PLAIN.replace("nominal", "interval"),
        "variable stage: level interval is not one of nominal, ordinal, binary, text, multiple"),
    "unknown unit": (
        HEAD + STAGE + 'unit = "page"\n' + TWO,
        "variable stage: unit page is not one of post, account"),
    "variable twice": (PLAIN + STAGE + TWO, "variable stage stands twice"),
    "variable named as a part": (
        HEAD + '[[variables]]\nid = "f"\nlevel = "multiple"\n[[variables.categories]]\nid = "a"\n'
        '[[variables]]\nid = "f.a"\nlevel = "text"\n',
        "variable f.a stands twice"),
    "category twice": (
        PLAIN.replace('"q"', '"p"'), "variable stage: category p stands twice"),
    "label twice": (
        HEAD + STAGE + TWO.replace('"p"', '"p"\nlabel = "q"'),
        "variable stage: label q stands twice"),
    "hotkey twice": (
        PLAIN.replace('id = "p"', 'id = "p"\nhotkey = "1"').replace('id = "q"', 'id = "q"\nhotkey = "1"'),
        "variable stage: hotkey 1 stands twice"),
    "hotkey of two": (
        PLAIN.replace('id = "q"', 'id = "q"\nhotkey = "F1"'),
        "variable stage: hotkey F1 of q should be one character"),
    "label is another's id": (
        HEAD + STAGE + TWO.replace('"p"', '"p"\nlabel = "q"').replace('id = "q"', 'id = "q"\nlabel = "r"'),
        "variable stage: the label of p is q, the id of another category; change one"),
    "category named uncodable": (
        PLAIN.replace('"q"', '"uncodable"') + '[variables.uncodable]\nlabel = "?"\n',
        "variable stage: category uncodable stands twice"),
    "category without id": (
        PLAIN.replace('id = "q"', 'label = "q"'), "variable stage: a category: id is missing"),
    "one category": (
        HEAD + STAGE + '[[variables.categories]]\nid = "p"\n',
        "variable stage: nominal needs at least 2 [[variables.categories]]"),
    "multiple of none": (
        HEAD + STAGE.replace("nominal", "multiple"),
        "variable stage: multiple needs at least 1 [[variables.categories]]"),
    "categories is a table": (
        HEAD + STAGE + '[variables.categories]\nid = "p"\n',
        "variable stage: categories are written as [[variables.categories]]"),
    "categories of texts": (
        HEAD + STAGE + 'categories = ["p", "q"]\n',
        "variable stage: 'p' should be a table with an id"),
    "rules is a text": (
        HEAD + STAGE + 'rules = "x"\n' + TWO, "variable stage: rules: should be a list of texts"),
    "include is a text": (
        HEAD + STAGE + TWO + 'include = "x"\n',
        "variable stage: include of q: should be a list of texts"),
    "uncodable is a text": (
        HEAD + STAGE + 'uncodable = "x"\n' + TWO,
        "variable stage: 'x' should be a table with an id"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_in_one_line(text: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_codebook_text(text, where="c.toml")
    assert str(caught.value) == f"c.toml: {said}"


def test_what_is_not_toml_names_line_and_column() -> None:
    with pytest.raises(DataError) as caught:
        read_codebook_text("id = c\n", where="c.toml")
    assert str(caught.value) == "c.toml: not TOML: Invalid value (at line 1, column 6)"


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "codebook.toml"
    path.write_text(default_codebook_text(), encoding="utf-8-sig")
    assert read_codebook(path) == default_codebook()


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "codebook.toml"
    path.write_text(default_codebook_text(), encoding="gb18030")
    with pytest.raises(DataError) as caught:
        read_codebook(path)
    assert str(caught.value) == f"{path}: not UTF-8; save the codebook as UTF-8"


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    path = tmp_path / "codebook.toml"
    with pytest.raises(MissingError) as caught:
        read_codebook(path)
    assert str(caught.value) == f"{path}: no codebook there; `stagemix init` writes the default one"
