import tomllib
from pathlib import Path

import pytest

from stagemix.codes.codebook import default_codebook, default_codebook_text
from stagemix.errors import DataError, MissingError
from stagemix.study.folder import codebook_at, find_study, init_study, need_study, read_study

FILES = [
    "study.toml",
    "coding/codebook.toml",
    "coding/README.md",
    "corpora/README.md",
    "models/README.md",
]
KNOWN = "title, seed, corpus, round, sample_by, minimum, period, invented"


def test_init_makes_a_study_with_its_choices(tmp_path: Path) -> None:
    root = tmp_path / "政务研究"
    written, kept = init_study(root)
    assert [path.relative_to(root).as_posix() for path in written] == FILES
    assert kept == []
    study = read_study(root)
    assert (study.title, study.seed, study.corpus, study.round) == ("政务研究", 1, "posts", "final")
    assert (study.sample_by, study.minimum, study.period) == (("account", "year"), 2, "year")
    assert study.codebook == default_codebook()
    assert study.rounds == root / "coding" / "rounds"
    assert study.agreed == root / "coding" / "agreed.csv"
    assert (root / "models" / "README.md").read_text("utf-8") == (
        "# models/\n\nTrained models, each with its card; written by `stagemix train`.\n"
    )


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "coding").mkdir()
    mine = {
        "study.toml": 'title = "我的"\n',
        "coding/codebook.toml": "# mine\n",
        "notes.txt": "mine\n",
    }
    for name, text in mine.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    written, kept = init_study(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in written] == FILES[2:]
    assert [path.relative_to(tmp_path).as_posix() for path in kept] == FILES[:2]
    assert {name: (tmp_path / name).read_text("utf-8") for name in mine} == mine
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert init_study(tmp_path)[0] == []
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("name", ['引 "号"', "a{b}c", "tab\tnew\nline"])
def test_a_folder_of_any_name_becomes_a_study(tmp_path: Path, name: str) -> None:
    init_study(tmp_path / name)
    written = (tmp_path / name / "study.toml").read_text("utf-8")
    assert tomllib.loads(written)["title"] == "".join(c for c in name if c not in '"\t\n')
    assert read_study(tmp_path / name).seed == 1


@pytest.mark.parametrize("name", ["", "coding", "corpora", "models"])
def test_a_file_where_a_folder_should_be_is_said_and_kept(tmp_path: Path, name: str) -> None:
    root = tmp_path / "study"
    path = root / name if name else root
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        init_study(root)
    assert str(caught.value) == f"{path}: is a file; a study needs a folder of that name"
    assert path.read_text("utf-8") == "mine"
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]


def test_a_study_is_found_from_any_folder_in_it(tmp_path: Path) -> None:
    init_study(tmp_path / "s")
    study = need_study(tmp_path / "s" / "corpora")
    assert study.root == (tmp_path / "s").resolve()
    assert find_study(tmp_path / "s") == study


def test_outside_a_study(tmp_path: Path) -> None:
    assert find_study(tmp_path) is None
    assert codebook_at(tmp_path) == default_codebook()
    with pytest.raises(MissingError) as caught:
        need_study(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: not in a study (no study.toml); begin one with `stagemix init`"
    )


def test_inside_a_study_its_own_codebook_counts(tmp_path: Path) -> None:
    init_study(tmp_path)
    text = default_codebook_text().replace('version = "1.3"', 'version = "9"')
    (tmp_path / "coding" / "codebook.toml").write_text(text, encoding="utf-8")
    assert codebook_at(tmp_path / "corpora").version == "9"
    (tmp_path / "coding" / "codebook.toml").unlink()
    with pytest.raises(MissingError, match="no codebook there; `stagemix init` writes the default"):
        codebook_at(tmp_path)


def test_choices_that_are_left_out_are_the_usual_ones(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("\ufeffseed = 7\n", encoding="utf-8")
    study = read_study(tmp_path)
    assert (study.title, study.seed, study.sample_by) == (
        tmp_path.name, 7, ("account", "year"),
    )  # fmt: skip
    assert (study.corpus, study.round, study.period) == ("posts", "final", "year")


def test_choices_at_the_ends_of_their_ranges(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(
        'seed = 4294967295\nminimum = 0\nperiod = "month"\nsample_by = ["sector"]\n',
        encoding="utf-8",
    )
    study = read_study(tmp_path)
    assert (study.seed, study.minimum, study.period, study.sample_by) == (
        4294967295, 0, "month", ("sector",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = ", "not TOML: Invalid value (at end of document)"),
        ("sead = 1\n", f"no choice is called sead; known are {KNOWN}"),
        ('seed = "1"\n', "seed = '1' should be written like 1"),
        ("seed = true\n", "seed = True should be written like 1"),
        ("minimum = 2.0\n", "minimum = 2.0 should be written like 2"),
        ("title = 3\n", "title = 3 should be written like 'a title'"),
        (
            'sample_by = "account"\n',
            "sample_by = 'account' should be written like ['account', 'year']",
        ),
        ("seed = -1\n", "seed = -1 should be a whole number from 0 to 4294967295"),
        (
            "seed = 4294967296\n",
            "seed = 4294967296 should be a whole number from 0 to 4294967295",
        ),
        ("minimum = -2\n", "minimum = -2 should be a whole number, 0 or more"),
        ('period = "week"\n', "period = 'week' should be one of year, half, quarter, month"),
        *(
            (
                f"sample_by = {by}\n",
                f'sample_by = {by} should be a list of column names, such as ["account", "year"]',
            )
            for by in ("[]", "['']", "[1]", "['account', 2]")
        ),
        *(
            (
                f'{name} = "a/b"\n',
                f"{name} 'a/b': a name has 1 to 60 characters, no blanks, no dot at either end, "
                'and none of / \\ : * ? " < > | , ; ， ； 、',
            )
            for name in ("corpus", "round")
        ),
        (
            'round = "final.sample"\n',
            "round 'final.sample': that name is reserved for other files; take another",
        ),
    ],
)
def test_a_choice_that_does_not_fit_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_study(tmp_path)
    assert str(caught.value) == f"{path}: {said}"


def test_a_study_file_in_another_encoding_is_said(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes('title = "研究"\n'.encode("gb18030"))
    with pytest.raises(DataError) as caught:
        read_study(tmp_path)
    assert str(caught.value) == f"{path}: not UTF-8; save it as UTF-8"
