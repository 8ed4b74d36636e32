import itertools
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from stagemix.cli.main import app
from stagemix.codes.rounds import Round
from stagemix.errors import DataError
from stagemix.merge.planning import smallest_change
from stagemix.posts.corpus import read_corpus
from stagemix.study.coding import draw_round
from stagemix.study.folder import Study, init_study, read_study
from stagemix.study.planning import (
    STUDIES,
    check_room,
    converge_design,
    expected_changes,
    plan_of,
    posts_by_period,
    simulated_changes,
)


def corpus_of(root: Path, posts: dict[tuple[str, str], int]) -> Path:
    """Write a corpus with so many posts of each account and month."""
    corpus = root / "corpora" / "posts"
    corpus.mkdir(exist_ok=True, parents=True)
    rows = [
        f"{account}-{month}-{i},{account},标题,正文,{month}-0{1 + i % 9} 10:00"
        for (account, month), number in posts.items()
        for i in range(number)
    ]
    (corpus / "posts.csv").write_text(
        "\n".join(["post_id,account,title,text,published_at", *rows]) + "\n", encoding="utf-8"
    )
    return corpus


def months(*years: int) -> list[str]:
    return [f"{year}-{month:02d}" for year in years for month in (2, 5, 8, 11)]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Six accounts, four years, four months a year with three posts each."""
    root = tmp_path / "研究"
    init_study(root)
    corpus_of(root, {(a, m): 3 for a in "甲乙丙丁戊己" for m in months(2020, 2021, 2022, 2023)})
    return read_study(root)


def drawn(study: Study, n: int, *, by: str = "year", name: str = "final") -> Round:
    return draw_round(
        study, study.root / "corpora" / "posts", n=n, name=name, coders=["a"],
        design="stratified", by=("account", by), allocation="equal", minimum=2, for_converge=True,
    )  # fmt: skip


def posts_of(study: Study) -> pd.DataFrame:
    return read_corpus(study.root / "corpora" / "posts")


UNCHOSEN = {"design": None, "by": None, "allocation": None, "minimum": None}


def test_the_design_is_the_studys_period_with_two_in_each_cell(study: Study) -> None:
    assert converge_design(study, **UNCHOSEN) == (("account", "year"), 2)
    half = replace(study, period="half", minimum=0)
    assert converge_design(half, **UNCHOSEN) == (("account", "half"), 2)
    assert converge_design(replace(study, minimum=3), **UNCHOSEN) == (("account", "year"), 3)
    chosen = {
        "design": "stratified", "by": ("quarter", "account"), "allocation": "equal", "minimum": 4,
    }  # fmt: skip
    assert converge_design(study, **chosen) == (("account", "quarter"), 4)


CONTRADICTIONS = [
    (
        {"design": "simple"},
        "--design simple: --for converge draws within account and period; leave it out",
    ),
    (
        {"allocation": "proportional"},
        "--allocation proportional: --for converge draws evenly from every account and period; "
        "leave it out",
    ),
    (
        {"minimum": 1},
        "--minimum 1: --for converge draws two or more in every account and period; leave it out",
    ),
    *(
        (
            {"by": by},
            f"--by {','.join(by)}: --for converge needs account and one of year, half, quarter, "
            "month, such as --by account,year",
        )
        for by in [("account",), ("year",), ("account", "form"), ("account", "year", "half"),
                   ("account", "year", "form")]
    ),
]  # fmt: skip


@pytest.mark.parametrize(("choice", "said"), CONTRADICTIONS)
def test_a_choice_that_contradicts_is_refused(
    study: Study, choice: dict[str, object], said: str
) -> None:
    with pytest.raises(DataError) as caught:
        converge_design(study, **{**UNCHOSEN, **choice})
    assert str(caught.value) == said


def test_posts_are_counted_by_every_period(study: Study) -> None:
    found = posts_by_period(posts_of(study))
    assert {unit: table.shape for unit, table in found.items()} == {
        "year": (6, 4), "half": (6, 8), "quarter": (6, 16), "month": (6, 16),
    }  # fmt: skip
    assert {int(n) for n in found["half"].to_numpy().ravel()} == {6}


def test_codes_that_do_not_fit_say_which_periods_to_join(study: Study) -> None:
    with pytest.raises(DataError) as caught:
        drawn(study, 60, by="quarter")
    assert str(caught.value) == (
        "--n 60: --by account,quarter needs 192, two in every account and period; "
        "use --by account,year, which needs 48, or draw 192"
    )
    with pytest.raises(DataError) as caught:
        drawn(study, 47)
    assert str(caught.value) == (
        "--n 47: --by account,year needs 48, two in every account and period; draw 48, for no "
        "period fits: month needs 192 codes; quarter needs 192 codes; half needs 96 codes; "
        "year needs 48 codes"
    )
    assert not (study.rounds / "final.toml").exists()
    assert len(drawn(study, 48).units) == 48


def test_cells_whose_posts_other_rounds_took_are_refused(study: Study) -> None:
    posts = posts_of(study)
    cell = posts[(posts["account"] == "甲") & (posts["published_at"].dt.year == 2021)]
    taken = cell["post_id"].iloc[:-1]
    with pytest.raises(DataError) as caught:
        check_room(posts, by=("account", "year"), n=100, taken=taken)
    assert str(caught.value) == (
        "stratum 甲 | 2021: fewer than two of its posts are in no other round; group more coarsely"
    )
    check_room(posts, by=("account", "year"), n=100, taken=taken.iloc[1:])


def test_a_plan_counts_what_converge_will_have(study: Study) -> None:
    plan = plan_of(drawn(study, 120), posts=posts_of(study))
    assert plan.period == "year"
    assert plan.sizes.shape == (6, 4)
    assert (plan.sizes == 12).all(axis=None)
    assert (plan.codes == 5).all(axis=None)
    assert (plan.total, plan.tested) == (120, True)
    assert plan.warnings == (
        "Fewer than 300 codes: merging will be 'too few'",
        "Fewer than 500 codes: alikeness will not be tested",
    )
    assert expected_changes(plan) == {
        "rare": smallest_change(codes=120, accounts=6, periods=4, above=0.14),
        "mild": smallest_change(codes=120, accounts=6, periods=4, above=0.30),
    }


def test_warnings_end_with_enough_codes(study: Study) -> None:
    corpus_of(
        study.root,
        {(a, m): 12 for a in "甲乙丙丁戊己" for m in months(2020, 2021, 2022, 2023)},
    )
    whole, posts = drawn(study, 1000), posts_of(study)
    warned = [
        len(plan_of(replace(whole, units=whole.units.head(n)), posts=posts).warnings)
        for n in (299, 300, 999, 1000)
    ]
    assert warned == [2, 1, 1, 0]


def test_accounts_with_cells_of_fewer_than_two_posts_are_left_out_of_a_plan(
    study: Study,
) -> None:
    posts = {(a, m): 9 for a in "甲乙丙丁戊己庚" for m in months(2020, 2021, 2022, 2023)}
    posts |= {("甲", "2020-02"): 0, ("甲", "2020-05"): 1}
    corpus_of(study.root, posts)
    plan = plan_of(drawn(study, 200, by="half"), posts=posts_of(study))
    assert plan.warnings[0] == (
        "Fewer than two posts: 甲 | 2020H1. converge will leave out 甲; "
        "with --by account,year it would not"
    )
    assert list(plan.codes.index) == sorted("乙丙丁戊己庚")
    assert plan.total < 200


def test_a_plan_names_no_longer_period_that_would_not_help(study: Study) -> None:
    posts = {(a, m): 9 for a in "甲乙丙丁戊己庚" for m in months(2020, 2021, 2022, 2023)}
    posts |= {(a, m): 0 for a, year in [("甲", 2020), ("乙", 2021)] for m in months(year)}
    posts["甲", "2020-02"] = 1
    corpus_of(study.root, posts)
    plan = plan_of(drawn(study, 200), posts=posts_of(study))
    assert plan.warnings[:2] == (
        "Fewer than two posts: 乙 | 2021, 甲 | 2020. converge will leave out 乙, 甲",
        "No change will be tested: 5 accounts of 6",
    )
    assert not plan.tested


def test_a_plan_with_too_little_of_everything_says_so(study: Study) -> None:
    corpus_of(study.root, {(a, m): 3 for a in "甲乙" for m in months(2020, 2021)})
    plan = plan_of(drawn(study, 20), posts=posts_of(study))
    assert plan.warnings[0] == (
        "No change will be tested: 2 accounts of 6, 2 periods of 4, 20 codes of 100"
    )


def test_the_simulation_is_of_both_mixes_and_tells_how_far_it_is(study: Study) -> None:
    plan = plan_of(drawn(study, 120), posts=posts_of(study))
    totals: list[int] = []
    done = itertools.count()
    found = simulated_changes(
        plan, seed=1, started=totals.append, progress=lambda more: next(done) and None
    )
    assert totals == [2 * STUDIES] == [next(done)]
    rule = expected_changes(plan)
    for mix, change in found.items():
        assert change.above_publish.se == pytest.approx(rule[mix].above_publish.se, rel=0.25)


def run(study: Study, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[str, str, str]:
    monkeypatch.chdir(study.root)
    done = CliRunner().invoke(app, ["sample", "corpora/posts", "--coders", "a", *arguments])
    return done.stdout, done.stderr, str(done.exception)


PLAN = """\
converge will compare 6 accounts over 4 periods (year), 5 codes in each account and period.
By rule, a change of u below 0.29 or of W below 0.38 will probably not be seen with 120 codes; where higher \
stages are common (30% or more), below 0.33 or 0.32.
That is where accounts move alike; where each has its own course, less is seen.
"""
WARNINGS = """\
Fewer than 300 codes: merging will be 'too few'.
Fewer than 500 codes: alikeness will not be tested.
"""


def test_the_command_prints_the_plan_after_the_strata(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err, _ = run(study, monkeypatch, "--n", "120", "--for", "converge")
    assert err == ""
    strata, rest = out.split("\n\n", 1)
    assert strata.splitlines()[-1].split() == ["甲", "|", "2023", "12", "5"]
    assert rest.startswith(
        PLAN + WARNINGS + "\n120 posts drawn (stratified, seed 1) as round final"
    )


def test_the_command_simulates_on_request(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    out, _, _ = run(study, monkeypatch, "--n", "120", "--for", "converge", "--simulate")
    said = "By 1,000 simulated studies with these cells, a change of u below 0."
    assert f"{PLAN}{said}" in out


def test_for_machines_the_plan_is_on_stderr(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err, _ = run(study, monkeypatch, "--n", "120", "--for", "converge", "--format", "csv")
    assert out.splitlines()[0] == "post_id,stratum,inclusion_probability,coders"
    assert len(out.splitlines()) == 121
    assert err == PLAN + WARNINGS


def test_without_a_purpose_nothing_is_planned(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _, _ = run(study, monkeypatch, "--n", "60")
    assert "converge" not in out
    _, err, _ = run(study, monkeypatch, "--n", "60", "--simulate")
    assert "--simulate goes with --for converge" in err


def test_the_command_passes_on_what_contradicts(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, said = run(study, monkeypatch, "--n", "60", "--for", "converge", "--minimum", "1")
    assert said == CONTRADICTIONS[2][1]
    _, _, said = run(
        study, monkeypatch, "--n", "60", "--for", "converge", "--allocation", "proportional"
    )
    assert said == CONTRADICTIONS[1][1]
