from pathlib import Path

import pandas as pd
import pytest

from stagemix.codes.codebook import default_codebook, read_codebook_text
from stagemix.codes.drift import drift
from stagemix.codes.reliability import AFTER, BEFORE, TEXT
from stagemix.codes.store import BESIDE, COLUMNS, INDEPENDENT, SETTLED, Code, CodeStore
from stagemix.codes.tidy import COLUMNS as TIDY
from stagemix.codes.tidy import as_object
from stagemix.errors import DataError, MissingError
from stagemix.study.agreement import (
    Agreement,
    agreement_of,
    agreement_of_file,
    agreement_of_round,
    agreement_of_rounds,
    write_disagreements,
)
from stagemix.study.coding import draw_round, posts_of_round, settle, take_in
from stagemix.study.folder import Study, init_study, read_study

MONDAY, TUESDAY = "2024-03-04T09:00:00+08:00", "2024-03-05T09:00:00+08:00"
IDS = ["p1", "p2", "p3", "p4", "p5", "p6"]
DISAGREED = ["p1,甲,stage,发布", "p1,乙,stage,发布", "p2,甲,stage,互动", "p2,乙,stage,服务"]
BOOK = default_codebook()
KINDS = {"!": SETTLED, "?": BESIDE}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Six posts of two accounts, all in the round `final` of 甲 and 乙."""
    root = tmp_path / "研究"
    init_study(root)
    corpus = root / "corpora" / "posts"
    corpus.mkdir()
    rows = [
        f"{post_id},{'东' if n < 3 else '西'},标题{n},正文{n},2021-03-0{n + 1} 10:00"
        for n, post_id in enumerate(IDS)
    ]
    (corpus / "posts.csv").write_text(
        "\n".join(["post_id,account,title,text,published_at", *rows]) + "\n", encoding="utf-8"
    )
    made = read_study(root)
    draw_round(made, corpus, n=6, name="final", coders=["甲", "乙"])
    return made


def codes_file(study: Study, name: str, *rows: str, header: str = "") -> Path:
    path = study.root / name
    text = "\n".join([header or "post_id,coder,variable,value", *rows]) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def take(study: Study, *rows: str, coded_at: str = MONDAY) -> None:
    take_in(study, [codes_file(study, "codes.csv", *rows)], round_=None, coded_at=coded_at)


def settle_rows(study: Study, *rows: str) -> None:
    path = codes_file(study, "settled.csv", *rows, header="post_id,value,reason")
    settle(study, path, round_="final", variable="stage", by="consensus", coded_at=TUESDAY)


def table(*rows: str) -> pd.DataFrame:
    """`unit coder value version [variable]`; a coder with `!` settles, with `?` stands beside."""
    made = []
    for row in rows:
        unit, coder, value, version, variable = [*row.split(), "stage"][:5]
        made.append(
            Code(round="final", unit=unit, coder=coder.lstrip("!?"), variable=variable, value=value,
                 kind=KINDS.get(coder[0], INDEPENDENT), codebook_version=version)
        )  # fmt: skip
    return pd.DataFrame([vars(code) for code in made], columns=list(COLUMNS), dtype="str")


def found(*rows: str, **options: object) -> Agreement:
    return agreement_of(table(*rows), codebook=BOOK, resamples=100, **options)


FIRST = ["p1 a publish 1", "p1 b publish 1", "p2 a service 1", "p2 b interact 1",
         "p3 a service 1", "p3 b service 1"]  # fmt: skip


def test_agreement_after_settlement_still_uses_the_first_independent_codes(study: Study) -> None:
    take(study, *DISAGREED, "p3,甲,stage,服务", "p3,乙,stage,服务")
    (before,) = agreement_of_round(study, round_="final").reliability
    assert (before.units, before.disagreements) == (3, 1)
    assert before.value("percent_agreement") == pytest.approx(2 / 3)
    assert before.value("alpha_nominal") == pytest.approx(1 - 5 * 2 / (36 - 4 - 1 - 9))
    settle_rows(study, "p2,服务,能办", "p1,合作,看错")
    take(study, "p2,甲,stage,服务", coded_at=TUESDAY)
    now = agreement_of_round(study, round_="final")
    assert now.reliability == [before]
    assert now.agreed["stage"].changed_though_agreed == 1
    assert now.agreed["stage"].open.empty
    (after,) = now.after
    assert (after.stage, after.value("percent_agreement")) == (AFTER, 1)
    settled = now.settled["stage"]
    assert (settled.units, dict(settled.by)) == (2, {"consensus": 2})
    assert (dict(settled.overruled), settled.coders_changed) == ({"乙": 1, "甲": 2}, 1)


def test_versions_are_never_mixed() -> None:
    again = ["p1 a service 2", "p1 b service 2", "p4 a publish 2", "p4 b publish 2"]
    old, new = found(*FIRST, *again).reliability
    assert [(r.version, r.units, r.disagreements) for r in (old, new)] == [("1", 3, 1), ("2", 2, 0)]
    assert old == found(*FIRST).reliability[0]
    assert new.value("alpha_nominal") == 1


def test_each_version_is_read_by_its_own_codebook() -> None:
    old_book = read_codebook_text(
        'id = "c"\nversion = "0"\n[[variables]]\nid = "stage"\nlevel = "nominal"\n'
        '[[variables.categories]]\nid = "old"\n[[variables.categories]]\nid = "publish"\n',
        where="c",
    )
    rows = ["p1 a old 0", "p1 b old 0", "p2 a publish 0", "p2 b old 0"]
    both = found(*rows, *FIRST, kept={"0": old_book})
    assert [(r.version, r.level) for r in both.reliability] == [("0", "nominal"), ("1", "ordinal")]
    assert both.choices["stage", "0"] == ["old", "publish"]
    with pytest.raises(DataError, match=r"^variable stage: codes hold old, which the codebook"):
        found(*rows, *FIRST)


def test_after_discussion_is_given_only_where_a_code_was_changed() -> None:
    assert found(*FIRST).after == []
    other = [row.replace(" 1", " 2") for row in FIRST]
    changed = found(*FIRST, *other, "p2 b service 1")
    assert [(r.version, r.stage) for r in changed.reliability] == [("1", BEFORE), ("2", BEFORE)]
    assert [(r.version, r.stage) for r in changed.after] == [("1", AFTER)]
    assert changed.reliability[0].value("percent_agreement") == pytest.approx(2 / 3)
    assert changed.after[0].value("percent_agreement") == 1


def test_only_the_coders_asked_for_count() -> None:
    rows = [*FIRST, "p1 c service 1", "p2 c service 1", "p3 c service 1"]
    every, two = found(*rows), found(*rows, coders=["b", "a"])
    assert every.reliability[0].coders == ("a", "b", "c")
    assert two.reliability == found(*FIRST).reliability
    # the disagreements to settle stay those of everyone
    assert len(two.agreed["stage"].open) == len(every.agreed["stage"].open) == 2
    with pytest.raises(MissingError) as caught:
        found(*rows, coders=["a", "x"])
    assert str(caught.value) == "--coders: no codes by x; there are a, b, c"


def test_each_part_of_a_variable_with_several_answers_is_a_row_and_nothing_is_over_them() -> None:
    rows = ["p1 a 1 1 functions.also_service", "p1 b 1 1 functions.also_service",
            "p2 a 0 1 functions.also_service", "p2 b 1 1 functions.also_service",
            "p1 a 0 1 functions.also_interact", "p1 b 0 1 functions.also_interact"]  # fmt: skip
    one, other = found(*rows).reliability
    assert (one.variable, one.level, one.value("percent_agreement")) == (
        "functions.also_service", "binary", 0.5,
    )  # fmt: skip
    assert (other.variable, other.value("alpha_nominal")) == ("functions.also_interact", None)


def test_what_stands_beside_is_never_in_alpha() -> None:
    machine = ["p1 ?llm service 1", "p2 ?llm service 1", "p3 ?llm service 1"]
    with_machine = found(*FIRST, *machine)
    assert with_machine.reliability == found(*FIRST).reliability
    pairs = with_machine.beside["stage", "1"]
    assert [p.name for p in pairs] == ["llm/agreed", "llm/a", "llm/b"]
    assert pairs[1].figures[0].value == pytest.approx(2 / 3)
    # settled by a later version, the agreed value is the settled one all the same
    settled = found(*FIRST, *machine, "p2 !c service 2").beside["stage", "1"][0]
    assert {f.units for f in settled.figures} == {3}


def test_codes_that_only_stand_beside_have_no_reliability() -> None:
    alone = found("p1 ?llm service 1")
    assert (alone.reliability, alone.after) == ([], [])
    assert [p.name for p in alone.beside["stage", "1"]] == ["llm/agreed"]


def test_no_codes_have_no_agreement() -> None:
    nothing = found()
    assert (nothing.reliability, nothing.agreed, nothing.drift) == ([], {}, {})
    assert list(nothing.table.columns) == list(TIDY)


def test_drift_is_that_of_the_codes_of_the_version() -> None:
    both = found(*FIRST, "p9 a service 2", "p9 b service 2")
    assert both.drift["stage", "1"] == drift(table(*FIRST), variable=BOOK.variable("stage"))
    assert {b.units for b in both.drift["stage", "2"]} == {1}


def test_the_table_has_a_row_for_every_figure() -> None:
    rows = found(*FIRST, "p2 b service 1", "p1 ?llm publish 1", "p2 ?llm publish 1").table
    assert list(rows.columns) == list(TIDY)
    key = ["variable", "version", "stage", "coefficient", "category", "pair"]
    assert not rows[key].duplicated().any()
    assert set(rows["stage"]) == {BEFORE, AFTER, "beside"}
    alpha = rows.set_index(key)["value"]
    assert alpha["stage", "1", BEFORE, "alpha_nominal", "", ""] == pytest.approx(6 / 11)
    assert alpha["stage", "1", BEFORE, "alpha_nominal", "", "a/b"] == pytest.approx(6 / 11)
    assert alpha["stage", "1", BEFORE, "category_agreement", "publish", ""] == 1
    assert alpha["stage", "1", BEFORE, "prevalence", "service", ""] == 0.5
    assert alpha["stage", "1", "beside", "percent_agreement", "", "llm/a"] == 0.5
    absent = rows[(rows["category"] == "cooperate") & (rows["stage"] == BEFORE)]
    assert absent.set_index("coefficient")["reason"]["category_alpha"].startswith("undefined")
    before = rows[(rows["stage"] == BEFORE) & rows["low"].notna()]
    assert set(before["coefficient"]) == {"alpha_nominal", "alpha_ordinal"}
    assert set(before["resamples"]) == {100}


def test_text_has_one_row_that_says_so() -> None:
    book = read_codebook_text(
        'id = "c"\nversion = "1"\n[[variables]]\nid = "why"\nlevel = "text"\n', where="c"
    )
    codes = table("p1 a 好 1 why", "p1 b 坏 1 why")
    (row,) = agreement_of(codes, codebook=book).table.to_dict("records")
    assert (row["variable"], row["coefficient"], row["reason"]) == ("why", "", TEXT)
    assert row["value"] is None or row["value"] != row["value"]


def test_an_object_has_the_figures_of_all_coders_on_top() -> None:
    (r,) = found(*FIRST).reliability
    made = as_object(r)
    assert made["alpha_ordinal"] == r.value("alpha_ordinal")
    assert made["counts"] == r.counts
    assert made["pairs"][0]["name"] == "a/b"
    assert len(made["figures"]) == len(r.figures)


def test_a_round_without_codes_has_no_agreement(study: Study) -> None:
    with pytest.raises(DataError) as caught:
        agreement_of_round(study, round_="final")
    assert str(caught.value) == (
        "round final has no codes yet; take them in with `stagemix code --from-excel`"
    )
    with pytest.raises(MissingError):
        agreement_of_round(study, round_="two")


def test_the_rounds_of_a_study_beside_each_other(study: Study) -> None:
    corpus = study.root / "corpora" / "posts"
    take(study, *DISAGREED, coded_at=TUESDAY)
    for name in ("试编", "空"):
        other = study.root / "corpora" / name
        other.mkdir()
        (other / "posts.csv").write_bytes((corpus / "posts.csv").read_bytes())
        draw_round(study, other, n=6, name=name, coders=["甲", "丙"])
    pilot = codes_file(study, "pilot.csv", "p1,甲,stage,发布", "p1,丙,stage,发布")
    take_in(study, [pilot], round_="试编", coded_at=MONDAY)
    rounds = agreement_of_rounds(study)
    assert list(rounds) == ["试编", "final"]
    own = agreement_of_round(study, round_="final")
    assert rounds["final"].reliability == own.reliability
    assert list(agreement_of_rounds(study, coders=["乙"])) == ["final"]
    assert list(agreement_of_rounds(study, coders=["乙", "丙"])) == ["试编", "final"]


def test_the_seed_is_the_studys(study: Study) -> None:
    values = ["发布", "互动", "服务", "合作", "发布", "互动"]
    rows = [f"{i},{c},stage,{v}" for i, v in zip(IDS, values, strict=True) for c in "甲乙"]
    rows[-1] = rows[-1].replace("互动", "服务")
    take(study, *rows)
    own, same, other = (
        agreement_of_round(study, round_="final", seed=seed).reliability[0].alphas[0].interval
        for seed in (None, study.seed, study.seed + 1)
    )
    assert own == same
    assert own != other


def test_agreement_of_a_file_outside_any_round(study: Study) -> None:
    path = codes_file(study, "x.csv", *DISAGREED, "p1,甲,functions.also_service,1")
    of_file = agreement_of_file(path, codebook=BOOK)
    assert [(r.variable, r.version, r.units, r.reason) for r in of_file.reliability] == [
        ("stage", BOOK.version, 2, ""),
        ("functions.also_service", BOOK.version, 0, "undefined: no unit has two codes"),
    ]
    assert of_file.reliability[0].value("percent_agreement") == 0.5
    assert of_file.agreed["stage"].open["unit"].tolist() == ["p2"]
    assert [b.units for b in of_file.drift["stage", BOOK.version]] == [1, 1, 1, 1]
    assert CodeStore(study.coding).codes().empty


def test_the_open_disagreements_are_a_table_to_fill_in_and_settle(study: Study) -> None:
    take(study, *DISAGREED)
    agreed = agreement_of_round(study, round_="final").agreed["stage"]
    path = study.root / "out" / "to-settle.csv"
    wrote = write_disagreements(
        path, variable="stage", agreed=agreed, posts=posts_of_round(study, round_="final")
    )
    assert wrote == 1
    assert path.read_text("utf-8-sig") == (
        "post_id,title,text,乙,甲,memo_乙,memo_甲,variable,value,reason\n"
        "p2,标题1,正文1,service,interact,,,stage,,\n"
    )
    text = path.read_text("utf-8-sig").replace("stage,,", "stage,合作,联办")
    path.write_text(text, encoding="utf-8-sig")
    assert settle(
        study, path, round_="final", variable="stage", by="consensus", coded_at=TUESDAY
    ) == 1  # fmt: skip
    assert agreement_of_round(study, round_="final").agreed["stage"].open.empty


def test_a_disagreement_on_a_post_that_left_the_corpus_is_said(study: Study) -> None:
    take(study, *DISAGREED)
    agreed = agreement_of_round(study, round_="final").agreed["stage"]
    posts = study.root / "corpora" / "posts" / "posts.csv"
    lines = posts.read_text("utf-8").splitlines(keepends=True)
    posts.write_text("".join(x for x in lines if not x.startswith("p2")), encoding="utf-8")
    left = posts_of_round(study, round_="final")
    with pytest.raises(DataError) as caught:
        write_disagreements(study.root / "x.csv", variable="stage", agreed=agreed, posts=left)
    assert str(caught.value) == "p2 of the round is not in its corpus; put it back"


def test_a_table_to_settle_that_may_be_filled_in_is_never_written_over(study: Study) -> None:
    take(study, *DISAGREED)
    agreed = agreement_of_round(study, round_="final").agreed["stage"]
    path = study.root / "to-settle.csv"
    path.write_text("filled in", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        write_disagreements(path, variable="stage", agreed=agreed)
    assert str(caught.value) == (
        f"{path}: is there already and may be filled in; settle it with "
        f"`stagemix code --settle {path}`, or name another file"
    )
    assert path.read_text("utf-8") == "filled in"
