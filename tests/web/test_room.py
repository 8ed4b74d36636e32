"""What the server keeps of a study, and how it follows the files while it runs."""

import shutil
import sqlite3

import pytest

from stagemix.codes.codebook import read_codebook
from stagemix.codes.versions import kept_versions
from stagemix.errors import DataError
from stagemix.study.coding import draw_round
from stagemix.web.room import Room, Unit

NEW_VERSION = ('version = "1.0"', 'version = "1.1"\nnote = "改了"')
REWORDED = ('definition = "能办事。"', 'definition = "当场能办事。"')


def test_a_new_version_is_taken_up_while_the_server_runs(served, coder) -> None:
    unit = served.units("甲")[0]
    coder.code(unit, "publish")
    served.rewrite_codebook(NEW_VERSION, REWORDED)
    assert served.room.codebook.version == "1.1"
    assert served.room.codebook_error == ""
    assert kept_versions(served.study.coding).keys() == {"1.0", "1.1"}
    assert coder.save(unit, {"stage": "publish"}).json() == {"word": "other_version"}
    coder.code(unit, "publish", version="1.1")


def test_a_change_without_a_new_version_is_not_and_the_lead_reads_why(served, coder, lead) -> None:
    served.rewrite_codebook(REWORDED)
    path = served.study.coding
    coder.code(served.units("甲")[0], "publish")
    why = (
        f"{path / 'codebook.toml'}: differs from the version 1.0 that was coded by, kept in "
        f"{path / 'codebooks'}; give it a new version, and say in note what it changes"
    )
    assert served.room.codebook_error == why
    assert served.room.codebook.version == "1.0"
    assert served.room.codebook.variable("stage").categories[2].definition == "能办事。"
    assert f"编码表: {why}" in lead.get().text
    assert "当场能办事" not in coder.get("work", round="final").text
    served.rewrite_codebook((REWORDED[1], REWORDED[0]))
    assert served.room.codebook.version == "1.0"
    assert 'class="trouble"' not in lead.get().text


def test_a_codebook_that_does_not_fit_leaves_the_one_before(served, lead) -> None:
    for old, new, why in (
        ('id = "small"', 'id = small"', "not TOML"),
        ('version = "1.0"', 'version = "2.0"', "version 2.0 does not say what it changes"),
        ('level = "ordinal"', 'level = "best"', "level best is not one of"),
    ):
        served.rewrite_codebook((old, new))
        assert served.room.codebook.version == "1.0"
        assert why in served.room.codebook_error
        assert why in lead.get().text
        served.rewrite_codebook((new, old))
        assert served.room.codebook.title.startswith("小编码表")
        assert served.room.codebook_error == ""


def test_what_hinders_the_codebook_may_be_mended_elsewhere(served) -> None:
    path = served.study.coding / "codebook.toml"
    path.rename(path.with_suffix(".away"))
    assert served.room.codebook.version == "1.0"
    assert "codebook.toml" in served.room.codebook_error
    path.with_suffix(".away").rename(path)
    assert served.room.codebook.version == "1.0"
    assert served.room.codebook_error == ""
    served.rewrite_codebook(NEW_VERSION)
    kept = served.study.coding / "codebooks" / "1.1.toml"
    kept.write_text(path.read_text("utf-8").replace("只告知。", "另一种说法"), "utf-8")
    assert served.room.codebook.version == "1.0"
    assert "differs from the version 1.1" in served.room.codebook_error
    kept.unlink()
    assert served.room.codebook.version == "1.1"
    assert served.room.codebook_error == ""
    assert read_codebook(kept) == served.room.codebook


def test_a_round_that_is_drawn_meanwhile_appears(served, coder, lead) -> None:
    corpus = served.root / "corpora" / "posts"
    draw_round(
        served.study, corpus, n=1, name="加", coders=["甲", "丙"], design="simple", asks=("stage",)
    )
    assert [r.name for r in served.room.rounds_of("丙")] == ["加"]
    assert set(served.room.coders()) == {"甲", "乙", "丙"}
    unit = served.units("甲", "丙", round_="加")[0]
    assert "加" in coder.get().text
    coder.code(unit, "publish", round="加")
    assert "丙" in lead.get().text
    assert served.enter("丙").save(unit, {"stage": "service"}, round="加").status_code == 200
    assert "1 待裁定" in lead.get().text


def test_a_round_of_posts_that_came_meanwhile_is_shown_with_their_texts(
    served, coder, add_posts
) -> None:
    corpus = served.root / "corpora" / "posts"
    add_posts(corpus, range(21, 24))
    draw_round(
        served.study, corpus, n=4, name="加", coders=["甲"], design="simple", asks=("stage",)
    )
    units = served.units("甲", round_="加")
    assert set(units) & {"p21", "p22", "p23"}
    answer = coder.get("units", round="加", ids=str(units).replace("'", '"'))
    assert [u["title"] for u in answer.json()] == [
        f"密题{int(u[1:])}<script>t</script>" for u in units
    ]


def test_a_round_whose_posts_are_gone_is_named_at_the_start(served) -> None:
    path = served.root / "corpora" / "posts" / "posts.csv"
    lines = path.read_text("utf-8").split("\np")
    gone = served.units("甲")[0]
    path.write_text("\np".join(line for line in lines if not line.startswith(gone[1:])), "utf-8")
    with pytest.raises(DataError) as caught:
        Room(served.study)
    assert str(caught.value) == (
        f"corpora/posts: {gone} of round final is not in the corpus; put it back, or remove the "
        "round's files from coding/rounds"
    )


def test_units_are_given_by_round_and_coder(served) -> None:
    mine, theirs = served.units("甲")[0], served.units("乙")[0]
    room = served.room
    assert room.gives(round_="final", coder="甲", unit=mine)
    assert not room.gives(round_="final", coder="甲", unit=theirs)
    assert not room.gives(round_="读", coder="甲", unit=mine)
    assert not room.gives(round_="none", coder="甲", unit=mine)
    assert not room.gives(round_="final", coder="", unit=mine)


@pytest.mark.parametrize(
    ("text", "links"),
    [("看 https://a.example/x 和http://b.example。", 2), ("无", 0), ("javascript:alert(1)", 0)],
)
def test_web_addresses_in_a_text_are_counted(text: str, links: int) -> None:
    unit = Unit(
        id="1",
        account="",
        title="",
        time="",
        paragraphs=(text, "见 https://c.example"),
        form="",
        url="",
    )
    assert unit.links == links + 1


def test_only_web_addresses_become_links(served) -> None:
    path = served.root / "corpora" / "posts" / "posts.csv"
    text = path.read_text("utf-8")
    strange = [
        "JaVaScRiPt:alert(1)",
        "data:text/html;x",
        "//e.example",
        "https://e.example/ x",
        'https://e"on',
        "https://<b>",
    ]
    for url in strange:
        path.write_text(
            text.replace("javascript:alert(1)", '"' + url.replace('"', '""') + '"'), "utf-8"
        )
        units = Room(served.study).units(served.room.rounds()["final"])
        assert units["p01"].url == ""
        assert units["p02"].url == "https://e.example/p2"


def test_kept_open_leaves_the_log_in_place_between_saves(served, coder) -> None:
    log = served.study.coding / "codes.sqlite-wal"
    with served.room.store.kept_open():
        coder.code(served.units("甲")[0], "publish")
        assert log.stat().st_size > 0
        copy = served.root / "copy"
        copy.mkdir()
        for path in served.study.coding.glob("codes.sqlite*"):
            shutil.copy(path, copy)
        db = sqlite3.connect(copy / "codes.sqlite")
        assert db.execute("SELECT value FROM codes").fetchall() == [("publish",)]
        db.close()
    assert not log.exists()
