from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

from stagemix.codes.codebook import default_codebook
from stagemix.codes.rounds import round_of, write_round
from stagemix.codes.store import CodeStore
from stagemix.errors import DataError, MissingError
from stagemix.posts.corpus import read_corpus
from stagemix.posts.sampling import draw
from stagemix.posts.tables import read_table
from stagemix.study.coding import (
    agreement_of_file,
    agreement_of_round,
    draw_round,
    hand_out,
    posts_of_round,
    settle,
    take_in,
    write_disagreements,
)
from stagemix.study.folder import Study, init_study, read_study

MONDAY, TUESDAY = "2024-03-04T09:00:00+08:00", "2024-03-05T09:00:00+08:00"
STAGE = "实践阶段（stage）"
IDS = ["p1", "p2", "p3", "p4", "p5", "p6"]


@pytest.fixture
def undrawn(tmp_path: Path) -> Study:
    """Six posts of two accounts, of which none is drawn."""
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
    return read_study(root)


@pytest.fixture
def study(undrawn: Study) -> Study:
    """Six posts of two accounts, all in the round `final` of 甲 and 乙."""
    corpus = undrawn.root / "corpora" / "posts"
    draw_round(undrawn, corpus, n=6, name="final", coders=["甲", "乙"])
    return undrawn


def codes_file(study: Study, name: str, *rows: str, header: str = "") -> Path:
    path = study.root / name
    text = "\n".join([header or "post_id,coder,variable,value", *rows]) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def take(study: Study, *rows: str, coded_at: str = MONDAY) -> list[tuple[int, int]]:
    path = codes_file(study, "codes.csv", *rows)
    return [(t.codes, t.new) for t in take_in(study, [path], round_=None, coded_at=coded_at)]


def settle_rows(
    study: Study, *rows: str, variable: str = "stage", by: str = "consensus", at: str = TUESDAY
) -> int:
    path = codes_file(study, "settled.csv", *rows, header="post_id,value,reason")
    return settle(study, path, round_="final", variable=variable, by=by, coded_at=at)


def stored(study: Study) -> list[tuple[str, str, str, str]]:
    codes = CodeStore(study.coding).codes()
    return list(codes[["unit", "coder", "value", "kind"]].itertuples(index=False, name=None))


def fill(path: Path, values: dict[str, str], *, heading: str = STAGE) -> None:
    with closing(openpyxl.load_workbook(path)) as book:
        sheet = book["编码"]
        column = [cell.value for cell in sheet[1]].index(heading) + 1
        for row in range(2, sheet.max_row + 1):
            sheet.cell(row, column).value = values.get(sheet.cell(row, 1).value)
        book.save(path)


DISAGREED = ["p1,甲,stage,发布", "p1,乙,stage,发布", "p2,甲,stage,互动", "p2,乙,stage,服务"]


def test_a_round_takes_the_choices_not_made_from_the_study(undrawn: Study) -> None:
    corpus = undrawn.root / "corpora" / "posts"
    made = draw_round(undrawn, corpus, n=4, name="试编", coders=["甲"])
    assert made.without == ()
    assert (made.corpus, made.design, made.seed, made.minimum) == (
        "corpora/posts", "stratified", 1, 2,
    )  # fmt: skip
    assert made.by == ("account", "year")
    assert made.strata == {"东 | 2021": (3, 2), "西 | 2021": (3, 2)}
    assert list(made.units["inclusion_probability"]) == [2 / 3] * 4


def test_two_rounds_share_no_post_and_keep_the_chances_of_the_whole_stratum(
    undrawn: Study,
) -> None:
    corpus = undrawn.root / "corpora" / "posts"
    pilot = draw_round(undrawn, corpus, n=2, name="试编", coders=["甲"], minimum=1)
    final = draw_round(undrawn, corpus, n=4, name="final", coders=["甲", "乙"])
    assert (pilot.without, final.without) == ((), ("试编",))
    assert sorted([*pilot.units["post_id"], *final.units["post_id"]]) == IDS
    assert list(pilot.units["inclusion_probability"]) == [1 / 3] * 2
    assert list(final.units["inclusion_probability"]) == [2 / 3] * 4
    assert final.strata == {"东 | 2021": (3, 2), "西 | 2021": (3, 2)}
    with pytest.raises(DataError) as caught:
        draw_round(undrawn, corpus, n=1, name="三", coders=["甲"])
    assert str(caught.value) == (
        "--n 1: the corpus has 6 posts, 0 of them in no other round; draw between 1 and that"
    )
    assert not (undrawn.rounds / "三.toml").exists()


def test_rounds_of_another_corpus_leave_nothing_out(study: Study) -> None:
    other = study.root / "corpora" / "other"
    other.mkdir()
    posts = (study.root / "corpora" / "posts" / "posts.csv").read_bytes()
    (other / "posts.csv").write_bytes(posts)
    made = draw_round(study, other, n=6, name="b", coders=["甲"])
    assert (made.without, len(made.units)) == ((), 6)


def test_a_grouping_makes_the_design_stratified_though_there_are_no_times(study: Study) -> None:
    for account in ("东", "西"):
        (study.root / "corpora" / "texts" / account).mkdir(parents=True)
        for n in range(3):
            path = study.root / "corpora" / "texts" / account / f"{n}.txt"
            path.write_text("正文", encoding="utf-8")
    made = draw_round(
        study, study.root / "corpora" / "texts", n=4, name="b", coders=["甲"], by=("account",)
    )
    assert (made.design, made.by) == ("stratified", ("account",))
    assert made.strata == {"东": (3, 2), "西": (3, 2)}


def test_without_times_the_design_is_simple(study: Study) -> None:
    corpus = study.root / "corpora" / "texts" / "东"
    corpus.mkdir(parents=True)
    for n in range(3):
        (corpus / f"{n}.txt").write_text("正文", encoding="utf-8")
    made = draw_round(study, corpus.parent, n=2, name="试编", coders=["甲"], overlap=0)
    assert (made.design, made.strata) == ("simple", {"all": (3, 2)})


def test_a_corpus_outside_the_study_is_kept_by_its_whole_path(study: Study, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    source = study.root / "corpora" / "posts" / "posts.csv"
    (other / "posts.csv").write_bytes(source.read_bytes())
    made = draw_round(study, other, n=4, name="外", coders=["甲"])
    assert made.corpus == other.resolve().as_posix()
    assert hand_out(study, round_="外", to=study.root / "x.xlsx", coder="甲") == {
        study.root / "x.xlsx": 4
    }


def test_from_workbooks_to_agreed_codes(study: Study) -> None:
    files = hand_out(study, round_="final", to=study.root / "sheets" / "编码.xlsx")
    a, b = study.root / "sheets" / "编码-甲.xlsx", study.root / "sheets" / "编码-乙.xlsx"
    assert files == {a: 6, b: 6}
    fill(a, {"p1": "发布", "p2": "服务", "p3": "发布"})
    fill(b, {"p1": "publish", "p2": "interact"})
    taken = take_in(study, [a, b], round_=None, coded_at=MONDAY)
    assert [(t.file, t.round, t.codes, t.new) for t in taken] == [
        (a, "final", 3, 3),
        (b, "final", 2, 2),
    ]
    again = take_in(study, [a, b], round_="final", coded_at=TUESDAY)
    assert [(t.codes, t.new) for t in again] == [(3, 0), (2, 0)]
    agreed = read_table(study.agreed)
    assert set(agreed[["post_id", "stage", "stage_how"]].itertuples(index=False, name=None)) == {
        ("p1", "publish", "unanimous"),
        ("p3", "publish", "single"),
    }
    first = agreed.iloc[0]
    assert (first["round"], float(first["inclusion_probability"])) == ("final", 1.0)


def test_a_changed_workbook_adds_only_what_changed(study: Study) -> None:
    path = study.root / "a.xlsx"
    hand_out(study, round_="final", to=path, coder="甲")
    fill(path, {"p1": "发布", "p2": "服务"})
    take_in(study, [path], round_=None, coded_at=MONDAY)
    fill(path, {"p1": "互动"})
    taken = take_in(study, [path], round_=None, coded_at=TUESDAY)
    assert [(t.codes, t.new) for t in taken] == [(1, 1)]
    assert sorted(stored(study)) == [
        ("p1", "甲", "interact", "independent"),
        ("p1", "甲", "publish", "independent"),
        ("p2", "甲", "service", "independent"),
    ]


def test_a_workbook_that_may_hold_codes_is_not_written_over(study: Study) -> None:
    to = study.root / "s.xlsx"
    b = study.root / "s-乙.xlsx"
    hand_out(study, round_="final", to=b, coder="乙")
    fill(b, {"p1": "发布"})
    before = b.read_bytes()
    with pytest.raises(DataError) as caught:
        hand_out(study, round_="final", to=to)
    assert str(caught.value) == (
        f"{b}: is there already and may hold codes; move it away or name another file"
    )
    assert b.read_bytes() == before
    assert not (study.root / "s-甲.xlsx").exists()


def test_what_cannot_be_handed_out(study: Study) -> None:
    with pytest.raises(DataError) as caught:
        hand_out(study, round_="final", to=study.root / "sheets")
    assert str(caught.value) == f"{study.root / 'sheets'}: name a file that ends in .xlsx"
    with pytest.raises(DataError) as caught:
        hand_out(study, round_="final", to=study.root / "s.xlsx", coder="丙")
    assert str(caught.value) == "round final gives 丙 no post; its coders are 甲, 乙"
    with pytest.raises(MissingError) as missing:
        hand_out(study, round_="two", to=study.root / "s.xlsx")
    assert str(missing.value) == f"{study.rounds / 'two.toml'}: no round two; there are final"


def test_a_workbook_of_another_round_is_refused(study: Study) -> None:
    path = study.root / "a.xlsx"
    hand_out(study, round_="final", to=path, coder="甲")
    fill(path, {"p1": "发布"})
    with pytest.raises(DataError) as caught:
        take_in(study, [path], round_="试编", coded_at=MONDAY)
    assert str(caught.value) == f"{path}: is of round final, not 试编; leave --round out"


def test_a_plain_workbook_of_codes_is_read_with_its_round(study: Study) -> None:
    path = study.root / "codes.xlsx"
    with closing(openpyxl.Workbook()) as book:
        book.active.append(["post_id", "coder", "variable", "value"])
        book.active.append(["p1", "甲", "stage", "发布"])
        book.save(path)
    (taken,) = take_in(study, [path], round_="final", coded_at=MONDAY)
    assert (taken.codes, taken.new) == (1, 1)


def test_a_workbook_without_codes_is_refused_with_all_that_came_with_it(study: Study) -> None:
    path = study.root / "a.xlsx"
    hand_out(study, round_="final", to=path, coder="甲")
    good = codes_file(study, "good.csv", "p3,乙,stage,发布")
    with pytest.raises(DataError) as caught:
        take_in(study, [good, path], round_=None, coded_at=MONDAY)
    assert (
        str(caught.value) == f"{path}: holds no codes; fill in the yellow cells of the sheet 编码"
    )
    assert stored(study) == []
    assert not study.agreed.exists()


def test_unticked_parts_of_a_workbook_are_stored_as_no(study: Study) -> None:
    path = study.root / "a.xlsx"
    hand_out(study, round_="final", to=path, coder="甲")
    fill(path, {"p1": "服务", "p2": "服务"})
    fill(path, {"p1": "是"}, heading="兼有互动（functions.also_interact）")
    take_in(study, [path], round_=None, coded_at=MONDAY)
    agreed = read_table(study.agreed).set_index("post_id")
    assert agreed["functions.also_interact"].to_dict() == {"p1": "1", "p2": "0"}
    assert agreed["functions.also_service"].to_dict() == {"p1": "0", "p2": "0"}


def test_a_coder_who_says_two_things_in_two_files_is_told(study: Study) -> None:
    one = codes_file(study, "one.csv", "p1,甲,stage,发布", "p1,乙,stage,发布")
    two = codes_file(study, "two.csv", "p2,乙,stage,发布", "p1,甲,stage,服务")
    with pytest.raises(DataError) as caught:
        take_in(study, [one, two], round_=None, coded_at=MONDAY)
    assert str(caught.value) == (
        "the files together: rows one.csv:2, two.csv:3 hold more than one code of p1 by 甲 for "
        "stage; keep one"
    )
    assert stored(study) == []


def test_files_of_several_rounds_are_held_against_each_other_by_round(undrawn: Study) -> None:
    corpus = undrawn.root / "corpora" / "posts"
    for name in ("a", "b"):
        draw_round(undrawn, corpus, n=2, name=name, coders=["甲"], minimum=1)
    files = {}
    for file, name in (("a1", "a"), ("a2", "a"), ("b", "b")):
        files[file] = undrawn.root / f"{file}.xlsx"
        hand_out(undrawn, round_=name, to=files[file], coder="甲")
        posts = dict.fromkeys(IDS, "服务" if file == "a2" else "发布")
        fill(files[file], posts)
    with pytest.raises(DataError) as caught:
        take_in(undrawn, list(files.values()), round_=None, coded_at=MONDAY)
    assert str(caught.value).startswith("the files together: rows a1.xlsx:2, a2.xlsx:2 hold more")
    assert stored(undrawn) == []
    taken = take_in(undrawn, [files["a1"], files["b"]], round_=None, coded_at=MONDAY)
    assert [(t.round, t.new) for t in taken] == [("a", 2), ("b", 2)]


def test_the_same_table_twice_adds_nothing(study: Study) -> None:
    assert take(study, *DISAGREED) == [(4, 4)]
    assert take(study, *DISAGREED, coded_at=TUESDAY) == [(4, 0)]
    assert len(stored(study)) == 4


def test_a_wide_table_is_taken_in(study: Study) -> None:
    path = codes_file(
        study,
        "wide.csv",
        "p1,甲,发布,是",
        "p2,甲,service,",
        header="post_id,coder,stage,functions.also_service",
    )
    (taken,) = take_in(study, [path], round_=None, coded_at=MONDAY)
    assert (taken.round, taken.codes, taken.new) == ("final", 3, 3)
    agreed = read_table(study.agreed).sort_values("post_id")
    columns = [
        "post_id",
        "stage",
        "stage_how",
        "functions.also_service",
        "functions.also_service_how",
    ]
    assert agreed[columns].to_numpy().tolist() == [
        ["p1", "publish", "single", "1", "single"],
        ["p2", "service", "single", "", ""],
    ]


OUTSIDE = (
    "codes a post that is not in the round final; remove it or name the right round with --round"
)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("p9,甲,stage,发布", f"row 3 {OUTSIDE}"),
        (
            "p2,丙,stage,发布",
            "row 3 (丙) is by a coder to whom the round final does not give the post; "
            "its coders are 甲, 乙",
        ),
        ("p1,甲,stage,服务", "rows 2, 3 hold more than one code of p1 by 甲 for stage; keep one"),
        (
            "p2,甲,stage,办事",
            "not a value of the codebook in row 3 ('办事'); known are stage: publish, interact, "
            "service, cooperate, uncodable",
        ),
        (
            "p2,甲,tone,好",
            "row 3: the codebook has no variable tone; it has stage, functions.also_publish, "
            "functions.also_interact, functions.also_service",
        ),
    ],
)
def test_nothing_is_stored_when_one_row_of_one_file_is_bad(
    study: Study, row: str, said: str
) -> None:
    good = codes_file(study, "good.csv", "p3,乙,stage,发布")
    bad = codes_file(study, "bad.csv", "p1,甲,stage,发布", row)
    with pytest.raises(DataError) as caught:
        take_in(study, [good, bad], round_=None, coded_at=MONDAY)
    assert str(caught.value) == f"{bad}: {said}"
    assert stored(study) == []
    assert not study.agreed.exists()


def test_a_round_that_is_not_there_takes_no_codes(study: Study) -> None:
    path = codes_file(study, "codes.csv", "p1,甲,stage,发布")
    with pytest.raises(MissingError) as caught:
        take_in(study, [path], round_="two", coded_at=MONDAY)
    assert str(caught.value) == f"{study.rounds / 'two.toml'}: no round two; there are final"


def test_settling_is_written_with_its_reason_and_a_repeat_adds_nothing(study: Study) -> None:
    take(study, *DISAGREED)
    assert settle_rows(study, "p2,服务,照着能办") == 1
    assert settle_rows(study, "p2,service,照着能办", at="later") == 0
    last = CodeStore(study.coding).codes("final").iloc[-1]
    assert (last["coder"], last["kind"], last["memo"]) == ("consensus", "settled", "照着能办")
    table = read_table(study.agreed).sort_values("post_id")
    assert table[["post_id", "stage", "stage_how"]].to_numpy().tolist() == [
        ["p1", "publish", "unanimous"],
        ["p2", "service", "settled"],
    ]


def test_a_coder_may_settle_too_and_the_own_codes_stay_as_they_were(study: Study) -> None:
    take(study, *DISAGREED)
    assert settle_rows(study, "p2,互动,", by="甲") == 1
    assert take(study, *DISAGREED, coded_at=TUESDAY) == [(4, 0)]
    agreed = agreement_of_round(study, round_="final").agreed["stage"]
    assert agreed.codes[["unit", "value", "how"]].to_numpy().tolist() == [
        ["p1", "publish", "unanimous"],
        ["p2", "interact", "settled"],
    ]


def test_a_round_that_is_not_there_settles_nothing(study: Study) -> None:
    with pytest.raises(MissingError) as caught:
        settle(
            study, study.root / "no.csv", round_="two", variable="stage", by="甲", coded_at=MONDAY
        )
    assert str(caught.value) == f"{study.rounds / 'two.toml'}: no round two; there are final"


def test_nothing_is_settled_when_one_row_is_bad(study: Study) -> None:
    take(study, *DISAGREED)
    before = stored(study)
    for rows, said in [
        (["p2,服务,", "p3,服务,"], "row 3 settles a post that nobody coded in the round"),
        (["p2,服务,", "p2,服务,"], "rows 2, 3 settle the same post; keep one"),
        (["p2,,", "p1,,"], "settles nothing; fill in the column value"),
    ]:
        with pytest.raises(DataError) as caught:
            settle_rows(study, *rows)
        assert str(caught.value) == f"{study.root / 'settled.csv'}: {said}"
    assert stored(study) == before


def test_agreement_after_settlement_still_uses_the_first_independent_codes(study: Study) -> None:
    rows = [*DISAGREED, "p3,甲,stage,服务", "p3,乙,stage,服务"]
    take(study, *rows)
    (before,) = agreement_of_round(study, round_="final").reliability
    assert (before.units, before.disagreements) == (3, 1)
    assert before.percent_agreement == pytest.approx(2 / 3)
    assert before.alpha_nominal == pytest.approx(1 - 5 * 2 / (36 - 4 - 1 - 9))
    settle_rows(study, "p2,服务,能办", "p1,合作,看错")
    take(study, "p2,甲,stage,服务", coded_at=TUESDAY)
    found = agreement_of_round(study, round_="final")
    assert found.reliability == [before]
    assert found.agreed["stage"].changed_though_agreed == 1
    assert found.agreed["stage"].open.empty


def test_a_round_without_codes_has_no_agreement(study: Study) -> None:
    with pytest.raises(DataError) as caught:
        agreement_of_round(study, round_="final")
    assert str(caught.value) == (
        "round final has no codes yet; take them in with `stagemix code --from-excel`"
    )
    with pytest.raises(MissingError):
        agreement_of_round(study, round_="two")


def test_agreement_of_a_file_outside_any_round(study: Study) -> None:
    path = codes_file(study, "x.csv", *DISAGREED, "p1,甲,functions.also_service,1")
    found = agreement_of_file(path, codebook=default_codebook())
    assert [(r.variable, r.units, r.reason) for r in found.reliability] == [
        ("stage", 2, ""),
        ("functions.also_service", 0, "undefined: no unit has two codes"),
    ]
    assert found.reliability[0].percent_agreement == 0.5
    assert found.agreed["stage"].open["unit"].tolist() == ["p2"]
    assert stored(study) == []


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


def test_a_post_of_two_rounds_stands_with_the_studys_round(study: Study) -> None:
    # of rounds written by hand: draw_round leaves out the posts of the others
    corpus = study.root / "corpora" / "posts"
    drawn = draw(read_corpus(corpus), n=6, seed=1, design="stratified", by=("account", "year"))
    write_round(
        round_of(drawn, name="a-pilot", corpus="corpora/posts", coders=["甲"]), study.rounds
    )
    pilot = codes_file(study, "pilot.csv", "p1,甲,stage,合作", "p5,甲,stage,合作")
    take_in(study, [pilot], round_="a-pilot", coded_at=MONDAY)
    take(study, "p1,甲,stage,发布", "p1,乙,stage,发布", "p2,甲,functions.also_service,是")
    header, *rows = study.agreed.read_text("utf-8").splitlines()
    assert header == (
        "post_id,stratum,inclusion_probability,round,stage,stage_how,"
        "functions.also_service,functions.also_service_how"
    )
    assert sorted(rows) == [
        "p1,东 | 2021,1.0,final,publish,unanimous,,",
        "p2,东 | 2021,1.0,final,,,1,single",
        "p5,西 | 2021,1.0,a-pilot,cooperate,single,,",
    ]


def test_a_round_is_drawn_within_the_strata_of_those_before(undrawn: Study) -> None:
    study, corpus = undrawn, undrawn.root / "corpora" / "posts"
    draw_round(study, corpus, n=2, name="pilot", coders=["甲"], by=("account",), minimum=0)
    with pytest.raises(DataError) as caught:
        draw_round(study, corpus, n=2, name="main", coders=["甲"], design="simple")
    assert str(caught.value) == (
        "round pilot was drawn by account and its posts are left out; "
        "draw this one within the same strata, --by account"
    )
    assert not (study.rounds / "main.toml").exists()
