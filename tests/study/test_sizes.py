import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stagemix.cli.main import app
from stagemix.codes.store import BESIDE, Code, CodeStore
from stagemix.errors import DataError
from stagemix.study.coding import draw_accounts, draw_round
from stagemix.study.folder import Study, init_study, read_study
from stagemix.study.sizes import plan_sizes, seconds_of_posts


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thousand posts of three accounts: 700, 290 and 10."""
    root = tmp_path_factory.mktemp("plan") / "研究"
    init_study(root)
    corpus = root / "corpora" / "posts"
    corpus.mkdir()
    names = ["东篱"] * 700 + ["听潮"] * 290 + ["柚江"] * 10
    rows = [f"p{n},{name},题,2021-03-01" for n, name in enumerate(names)]
    (corpus / "posts.csv").write_text(
        "\n".join(["post_id,account,title,published_at", *rows]) + "\n", encoding="utf-8"
    )
    return root


@pytest.fixture
def study(made: Path) -> Study:
    return read_study(made)


def by_hand(population: int, *, share: float, width: float) -> int:
    n0 = 1.959964**2 * share * (1 - share) / width**2
    return min(population, math.ceil(n0 / (1 + (n0 - 1) / population)))


def test_posts_for_all_and_for_every_account(study: Study) -> None:
    sizes = plan_sizes(study, study.root / "corpora" / "posts", coders=["甲", "乙"])
    assert (sizes.posts, sizes.overall) == (1000, by_hand(1000, share=0.1, width=0.05))
    assert sizes.accounts["account"].tolist() == sorted(["东篱", "听潮", "柚江"])
    needed = dict(zip(sizes.accounts["account"], sizes.accounts["needed"], strict=True))
    posts = dict(zip(sizes.accounts["account"], sizes.accounts["posts"], strict=True))
    assert posts == {"东篱": 700, "听潮": 290, "柚江": 10}
    assert needed == {k: by_hand(n, share=0.1, width=0.05) for k, n in posts.items()}
    assert sizes.every_account == sum(needed.values())
    assert sizes.planned == sizes.overall == 122
    assert sizes.half_width == pytest.approx(0.05, rel=0.01)
    assert sizes.half_width <= 0.05
    assert sizes.reliability == 66
    assert not study.rounds.exists()


def test_coders_and_the_posts_they_share(study: Study) -> None:
    sizes = plan_sizes(
        study, study.root / "corpora" / "posts", coders=["甲", "乙", "丙"], overlap=0.25, n=300,
        share=0.5, width=0.1, agreement=0.9, least=0.85,
    )  # fmt: skip
    assert sizes.overall == by_hand(1000, share=0.5, width=0.1)
    assert (sizes.planned, sizes.shared, sizes.coders) == (300, 75, 3)
    assert sizes.codings == 75 * 3 + 225
    assert sizes.half_width == pytest.approx(1.959964 * math.sqrt(0.25 / 300 * 700 / 999))
    n, tested, spread = 300, 0.9 * 0.1, 299 * (0.05 / 1.64) ** 2
    assert sizes.reliability == math.ceil((spread + tested * n) / (spread + tested)) == 75
    assert (sizes.timed, sizes.seconds, sizes.hours) == (0, None, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": 1001}, "--n 1001: the corpus has 1000 posts; plan between 1 and that"),
        ({"overlap": 2}, "--overlap 2: a share between 0 and 1"),
        ({"share": 7}, "--share 7: a share between 0 and 1, such as 0.1"),
        ({"least": 0.9}, "--agreement 0.85: above --least-agreement 0.9 and below 1"),
        ({"coders": ["a", "a"]}, "--coders: name each coder once, for example --coders a,b"),
    ],
)
def test_what_does_not_fit_is_said(study: Study, options: dict[str, float], said: str) -> None:
    with pytest.raises(DataError) as caught:
        plan_sizes(study, study.root / "corpora" / "posts", **{"coders": ["甲"], **options})
    assert str(caught.value) == said


CODE = Code(round="final", unit="p1", coder="甲", variable="stage", value="publish", coded_at="1")


@pytest.fixture
def timed(made: Path, tmp_path: Path) -> Study:
    """Codes whose passes took 10, 20, 30 and 100 seconds, and codes that say no time of a post."""
    root = tmp_path / "另一个研究"
    init_study(root)
    corpus = root / "corpora" / "posts"
    corpus.mkdir()
    (corpus / "posts.csv").write_bytes((made / "corpora" / "posts" / "posts.csv").read_bytes())
    study = read_study(root)
    draw_round(study, corpus, n=20, name="final", coders=["甲", "乙"])
    draw_accounts(study, corpus, name="accounts", coders=["甲"])
    paged = replace(CODE, unit="p2", seconds="20.0", save_id="s" * 16)
    CodeStore(study.coding).add(
        [
            replace(CODE, seconds="10"),
            replace(CODE, unit="p9"),
            paged,
            replace(paged, variable="functions.also_service", value="0", seconds=""),
            # a table that says the time of each variable
            replace(CODE, unit="p3", seconds="12.5"),
            replace(CODE, unit="p3", variable="functions.also_service", value="1", seconds="17.5"),
            replace(CODE, unit="p1", coded_at="2", value="service", seconds="100"),
            replace(CODE, unit="p4", seconds="很久"),
            replace(CODE, unit="p5", seconds="0"),
            replace(CODE, unit="p6", coder="模型", kind=BESIDE, seconds="1"),
            replace(CODE, unit="p7", save_id="u" * 16, seconds="5000"),
            replace(CODE, unit="p7", save_id="v" * 16, memo="u" * 16, kind="withdrawn"),
            replace(CODE, round="accounts", unit="东篱", variable="inventory.x", seconds="900"),
        ]
    )
    return study


def test_hours_are_of_the_median_post_so_far(timed: Study) -> None:
    assert sorted(seconds_of_posts(timed)) == [10, 20, 30, 100]
    sizes = plan_sizes(
        timed, timed.root / "corpora" / "posts", coders=["甲", "乙"], overlap=0.5, n=100
    )
    assert (sizes.timed, sizes.seconds, sizes.codings) == (4, 25.0, 150)
    assert sizes.hours == pytest.approx(150 * 25 / 3600)


def run(study: Study, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.chdir(study.root)
    done = CliRunner().invoke(
        app, ["sample", "corpora/posts", "--coders", "甲,乙", "--plan", *arguments]
    )
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_the_command_says_what_is_not_known_yet(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = run(study, monkeypatch, "--overlap", "0.2")
    assert out == (
        """\
account  posts  needed
───────  ─────  ──────
东篱       700     116
听潮       290      94
柚江        10      10

To know a share of 10.0% within 5 points (95% interval): 122 of 1,000 posts for the share of all; \
for every account's own share 220, as above.
Hand codes alone and a simple random sample; strata and a classifier narrow it.
122 posts give that share within 5.0 points; the rest is said of so many.
Reliability: at least 66 of them coded by every coder, to be 95% sure that agreement is 80.0% or \
more where 85.0% is found (Lacy & Riffe 1996).
--overlap 0.2 gives 25; take --overlap 0.55.
147 times a coder codes a post (2 coders, --overlap 0.2). Hours: not known yet; no code of this \
study says how long it took.
Nothing was drawn.
"""
    )
    assert not study.rounds.exists()


def test_the_command_says_the_hours(timed: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(path.name for path in timed.rounds.iterdir())
    out = run(timed, monkeypatch, "--n", "288", "--width", "0.02")
    assert (
        "576 times a coder codes a post (2 coders, --overlap 1): 4.0 hours, 2.0 for each, at the "
        "median of 25 seconds a post (4 timed so far).\n"
    ) in out
    assert "--overlap 1 gives" not in out
    assert sorted(path.name for path in timed.rounds.iterdir()) == before


def test_the_overlap_that_is_advised_is_enough(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = json.loads(run(study, monkeypatch, "--overlap", "0.55", "--format", "json"))
    assert found["shared"] >= found["reliability"]


def test_for_machines(timed: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(run(timed, monkeypatch, "--n", "100", "--format", "json"))
    assert list(found) == [
        "posts", "share", "width", "overall", "planned", "half_width", "agreement", "least",
        "reliability", "coders", "overlap", "shared", "codings", "timed", "seconds", "hours",
        "every_account", "hours_per_coder", "accounts",
    ]  # fmt: skip
    assert found["accounts"][0] == {"account": "东篱", "posts": 700, "needed": 116}
    assert found["hours_per_coder"] == found["hours"] / 2 == 200 * 25 / 3600 / 2
    lines = run(timed, monkeypatch, "--n", "100", "--format", "csv").splitlines()
    assert lines[0] == "figure,account,value"
    assert "overall,,122" in lines
    assert lines[-6:] == [
        "account_posts,东篱,700", "account_posts,听潮,290", "account_posts,柚江,10",
        "account_needed,东篱,116", "account_needed,听潮,94", "account_needed,柚江,10",
    ]  # fmt: skip


def test_one_coder_has_no_reliability(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    out = run(study, monkeypatch, "--coders", "甲")
    assert "One coder: no reliability can be computed; name two or more.\n" in out
    assert "Lacy" not in out
