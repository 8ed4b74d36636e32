from contextlib import closing
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from stagemix.codes.assignment import round_of
from stagemix.codes.codebook import default_codebook
from stagemix.codes.rounds import Round, read_round, write_round
from stagemix.codes.store import CodeStore
from stagemix.errors import DataError, MissingError
from stagemix.posts.corpus import read_corpus
from stagemix.posts.sampling import draw
from stagemix.posts.tables import read_table
from stagemix.study.agreed import write_agreed
from stagemix.study.agreement import agreement_of_round
from stagemix.study.coding import draw_round, hand_out, settle, take_in, variable_of
from stagemix.study.folder import Study, init_study, read_study

MONDAY, TUESDAY = "2024-03-04T09:00:00+08:00", "2024-03-05T09:00:00+08:00"
STAGE = "实践阶段（stage）"
PARTS = ", ".join(part.id for v in default_codebook().variables for part in v.parts)
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
    assert sorted([*pilot.units["unit"], *final.units["unit"]]) == IDS
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
            "row 3 (丙) is by a coder whom the round final does not name; its coders are 甲, 乙; "
            "--join lets a further coder code it, --beside keeps codes for comparison only",
        ),
        ("p1,甲,stage,服务", "rows 2, 3 hold more than one code of p1 by 甲 for stage; keep one"),
        (
            "p2,甲,stage,办事",
            "not a value of the codebook in row 3 ('办事'); known are stage: publish, interact, "
            "service, cooperate, uncodable",
        ),
        (
            "p2,甲,tone,好",
            f"row 3: the codebook has no variable tone; it has {PARTS}",
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


def test_a_round_keeps_its_purpose_and_what_it_asks(undrawn: Study) -> None:
    corpus = undrawn.root / "corpora" / "posts"
    made = draw_round(
        undrawn, corpus, n=6, name="试编", coders=["甲", "乙"], overlap=0, together=True,
        purpose="pilot", asks=["functions"],
    )  # fmt: skip
    assert (made.purpose, made.asks) == ("pilot", ("functions",))
    cells = dict(zip(made.units["unit"], made.units["coders"], strict=True))
    assert {cells[unit] for unit in IDS[:3]} == {"甲"}
    assert {cells[unit] for unit in IDS[3:]} == {"乙"}
    kept = undrawn.coding / "codebooks" / f"{undrawn.codebook.version}.toml"
    assert kept.read_bytes() == (undrawn.coding / "codebook.toml").read_bytes()


def test_a_round_that_asks_what_the_codebook_lacks_is_not_drawn(undrawn: Study) -> None:
    corpus = undrawn.root / "corpora" / "posts"
    with pytest.raises(DataError) as caught:
        draw_round(undrawn, corpus, n=4, name="试编", coders=["甲"], asks=["tone"])
    assert str(caught.value) == (
        "round 试编 asks tone, which the codebook does not ask of posts; it asks stage, functions"
    )
    assert not undrawn.rounds.exists()


def picked(study: Study, *ids: str, name: str = "picked", purpose: str = "check") -> Round:
    """A round of posts that somebody picked, as written by hand."""
    corpus = study.root / "corpora" / "posts"
    drawn = draw(read_corpus(corpus), n=6, seed=1, design="simple")
    made = round_of(drawn, name=name, corpus="corpora/posts", coders=["甲", "乙"], purpose=purpose)
    units = made.units[made.units["unit"].isin(ids)].assign(inclusion_probability=float("nan"))
    made = replace(made, design="chosen", units=units.reset_index(drop=True))
    write_round(made, study.rounds)
    return made


def test_picked_posts_stay_in_the_frame(undrawn: Study) -> None:
    picked(undrawn, "p1", "p4")
    corpus = undrawn.root / "corpora" / "posts"
    made = draw_round(undrawn, corpus, n=6, name="final", coders=["甲"])
    assert made.without == ()
    assert sorted(made.units["unit"]) == IDS
    assert list(made.units["inclusion_probability"]) == [1.0] * 6


def test_picked_posts_have_no_chance_and_never_displace_a_drawn_one(study: Study) -> None:
    picked(study, "p1", "p2", name="a-picked")
    rows = codes_file(study, "picked.csv", "p1,甲,stage,合作", "p2,甲,stage,服务")
    take_in(study, [rows], round_="a-picked", coded_at=MONDAY)
    take(study, "p1,甲,stage,发布", "p1,乙,stage,发布")
    agreed = read_table(study.agreed).sort_values("post_id")
    columns = ["post_id", "inclusion_probability", "round", "stage"]
    assert agreed[columns].to_numpy().tolist() == [
        ["p1", "1.0", "final", "publish"],
        ["p2", "", "a-picked", "service"],
    ]
    other = replace(study, round="a-picked")
    write_agreed(other, store=CodeStore(other.coding))
    again = read_table(study.agreed).set_index("post_id")
    assert again.loc["p1", "round"] == "a-picked"  # the study's own choice comes first


def test_a_drawn_round_that_is_not_the_studys_comes_before_a_picked_one(undrawn: Study) -> None:
    corpus = undrawn.root / "corpora" / "posts"
    draw_round(undrawn, corpus, n=6, name="z-drawn", coders=["甲"])
    picked(undrawn, "p1", name="a-picked")
    for name, value in (("a-picked", "合作"), ("z-drawn", "发布")):
        rows = codes_file(undrawn, f"{name}.csv", f"p1,甲,stage,{value}")
        take_in(undrawn, [rows], round_=name, coded_at=MONDAY)
    (row,) = read_table(undrawn.agreed).to_dict("records")
    assert (row["round"], row["stage"], row["inclusion_probability"]) == (
        "z-drawn", "publish", "1.0",
    )  # fmt: skip


def test_rounds_of_training_give_no_agreed_codes(study: Study) -> None:
    picked(study, "p1", "p2", name="training", purpose="training")
    rows = codes_file(study, "t.csv", "p1,甲,stage,合作", "p2,甲,stage,服务")
    take_in(study, [rows], round_="training", coded_at=MONDAY)
    assert not study.agreed.exists()
    take(study, "p2,甲,stage,发布")
    agreed = read_table(study.agreed)
    assert agreed[["post_id", "round", "stage"]].to_numpy().tolist() == [["p2", "final", "publish"]]
    assert not study.agreed_accounts.exists()


def test_a_further_coder_joins_a_round_and_then_counts(study: Study) -> None:
    take(study, *DISAGREED)
    path = codes_file(study, "c.csv", "p1,丙,stage,发布", "p2,丙,stage,服务", "p5,丙,stage,互动")
    with pytest.raises(DataError, match=r"whom the round final does not name.* --join lets"):
        take_in(study, [path], round_="final", coded_at=MONDAY)
    (taken,) = take_in(study, [path], round_="final", coded_at=MONDAY, join_round=True)
    assert (taken.codes, taken.new, taken.joined) == (3, 3, ("丙",))
    now = read_round("final", study.rounds)
    assert (now.joined, now.coders) == (("丙",), ("甲", "乙", "丙"))
    assert sorted(now.units_of("丙")) == ["p1", "p2", "p5"]
    assert sorted(now.units_of("甲")) == IDS
    found = agreement_of_round(study, round_="final").agreed["stage"]
    assert found.open["丙"].tolist() == ["service"]
    agreed = read_table(study.agreed).set_index("post_id")
    assert agreed["stage_how"].to_dict() == {"p1": "unanimous", "p5": "single"}
    # who has joined is a coder of the round, and may go on
    (again,) = take_in(study, [path], round_="final", coded_at=TUESDAY)
    assert (again.new, again.joined) == (0, ())
    more = codes_file(study, "c2.csv", "p6,丙,stage,互动", "p6,丁,stage,互动")
    (went_on,) = take_in(study, [more], round_="final", coded_at=TUESDAY, join_round=True)
    assert went_on.joined == ("丁",)
    assert read_round("final", study.rounds).joined == ("丙", "丁")


def test_nobody_joins_where_a_row_is_bad(study: Study) -> None:
    before = {path.name: path.read_bytes() for path in study.rounds.iterdir()}
    good = codes_file(study, "good.csv", "p1,丙,stage,发布")
    for row, said in [
        ("p9,丁,stage,发布", "not in the round"),
        ("p1,丁 2,stage,发布", "coder '丁 2'"),
    ]:
        bad = codes_file(study, "bad.csv", row)
        with pytest.raises(DataError, match=said):
            take_in(study, [good, bad], round_="final", coded_at=MONDAY, join_round=True)
    assert {path.name: path.read_bytes() for path in study.rounds.iterdir()} == before
    assert stored(study) == []


def test_codes_beside_are_kept_and_count_nowhere(study: Study) -> None:
    take(study, *DISAGREED)
    before = study.agreed.read_bytes()
    (alpha,) = agreement_of_round(study, round_="final", resamples=20).reliability
    path = codes_file(
        study,
        "m.csv",
        "p1,模型,stage,合作",
        "p5,模型,stage,发布",
        "p1,模型,functions.also_service,1",
    )
    (taken,) = take_in(study, [path], round_="final", coded_at=MONDAY, beside=True)
    assert (taken.codes, taken.new, taken.joined) == (3, 3, ())
    assert ("p1", "模型", "cooperate", "beside") in stored(study)
    assert study.agreed.read_bytes() == before
    assert "模型" not in read_round("final", study.rounds).coders
    (still,) = [
        r
        for r in agreement_of_round(study, round_="final", resamples=20).reliability
        if r.variable == "stage"
    ]
    assert still == alpha
    (again,) = take_in(study, [path], round_="final", coded_at=TUESDAY, beside=True)
    assert again.new == 0


def test_a_coder_of_the_round_has_no_codes_beside(study: Study) -> None:
    path = codes_file(study, "m.csv", "p1,甲,stage,合作")
    with pytest.raises(DataError) as caught:
        take_in(study, [path], round_="final", coded_at=MONDAY, beside=True)
    assert str(caught.value) == (
        f"{path}: row 2 (甲) is by a coder of the round final, whose codes count; leave --beside "
        "out, or give whoever coded this another name"
    )
    assert stored(study) == []


def new_version(study: Study, old: str, new: str) -> None:
    path = study.coding / "codebook.toml"
    version = study.codebook.version
    text = path.read_text("utf-8").replace(f'version = "{version}"', 'version = "99"', 1)
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_workbook_of_an_older_version_is_taken_in_as_it_was_coded(study: Study) -> None:
    path = study.root / "a.xlsx"
    hand_out(study, round_="final", to=path, coder="甲")
    fill(path, {"p1": "发布"})
    before = study.codebook.version
    new_version(study, 'label = "发布"', 'label = "告知"')
    (taken,) = take_in(study, [path], round_=None, coded_at=MONDAY)
    table = codes_file(study, "new.csv", "p2,甲,stage,告知")
    take_in(study, [table], round_="final", coded_at=MONDAY)
    codes = CodeStore(study.coding).codes()
    assert taken.new == 1
    assert codes[["unit", "value", "codebook_version"]].to_numpy().tolist() == [
        ["p1", "publish", before],
        ["p2", "publish", "99"],
    ]
    (study.coding / "codebooks" / f"{before}.toml").unlink()
    with pytest.raises(DataError) as caught:
        take_in(study, [path], round_=None, coded_at=MONDAY)
    assert str(caught.value) == (
        f"{path}: was coded by version {before} of the codebook, which is not kept; known are 99; "
        "put it back into coding/codebooks"
    )


def test_a_codebook_changed_under_its_version_is_not_handed_out(study: Study) -> None:
    path = study.coding / "codebook.toml"
    path.write_text(path.read_text("utf-8").replace("单向告知", "告知", 1), encoding="utf-8")
    with pytest.raises(DataError, match="differs from the version"):
        hand_out(study, round_="final", to=study.root / "a.xlsx", coder="甲")
    assert not (study.root / "a.xlsx").exists()


@pytest.mark.parametrize(
    ("asks", "name", "found"),
    [
        ((), None, "stage"),
        (("functions",), None, "functions.also_publish"),
        (("functions", "stage"), None, "stage"),
        ((), "functions.also_service", "functions.also_service"),
    ],
)
def test_the_first_variable_that_a_round_asks(
    undrawn: Study, asks: tuple[str, ...], name: str | None, found: str
) -> None:
    corpus = undrawn.root / "corpora" / "posts"
    draw_round(undrawn, corpus, n=6, name="final", coders=["甲"], asks=asks)
    assert variable_of(undrawn, round_="final", name=name).id == found


def test_where_nothing_is_agreed_any_more_there_is_no_file(study: Study) -> None:
    take(study, "p1,甲,stage,发布")
    assert len(read_table(study.agreed)) == 1
    take(study, "p1,乙,stage,服务")
    assert not study.agreed.exists()
    settle_rows(study, "p1,服务,")
    assert read_table(study.agreed)["stage"].tolist() == ["service"]
