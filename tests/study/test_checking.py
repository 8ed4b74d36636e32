"""A round of likely posts: what is picked, what is refused, and where its codes count."""

import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from stagemix.codes.rounds import read_round
from stagemix.errors import DataError
from stagemix.merge.reached import reached_table
from stagemix.study.checking import draw_check
from stagemix.study.coding import draw_round, take_in
from stagemix.study.correcting import corrected
from stagemix.study.folder import Study, init_study, read_study
from stagemix.study.inventory import stages_of_accounts
from stagemix.study.mixing import mix_of


@pytest.fixture
def study(worked, tmp_path: Path) -> Study:
    """The small corpus with its predictions in a study; no round yet."""
    init_study(tmp_path)
    shutil.copytree(worked.corpus, tmp_path / "corpora" / worked.corpus.name)
    shutil.copytree(worked.predictions, tmp_path / "predictions")
    shutil.copytree(worked.model, tmp_path / "models" / "stage")
    settings = tmp_path / "study.toml"
    text = settings.read_text("utf-8").replace(
        'corpus = "posts"', f'corpus = "{worked.corpus.name}"'
    )
    settings.write_text(text, "utf-8")
    return read_study(tmp_path)


def labels(study: Study) -> pd.DataFrame:
    return pd.read_parquet(study.root / "predictions")


def check(study: Study, **choices) -> object:
    given = {"stage": "service", "name": "check-service", "coders": ["甲", "乙"], **choices}
    return draw_check(study, study.root / "predictions", **given)


def corpus(study: Study) -> Path:
    return study.root / "corpora" / study.corpus


def code(study: Study, name: str, values: dict[str, str]) -> None:
    lines = [f"{u},{c},stage,{v}" for u, v in values.items() for c in ("甲", "乙")]
    file = study.root / f"{name}.csv"
    file.write_text("\n".join(["post_id,coder,variable,value", *lines]), "utf-8")
    take_in(study, [file], round_=name, coded_at="2026-01-01")


def drawn(study: Study, *, n: int, truth) -> dict[str, str]:
    """Draw and code the study's round with the true stages."""
    round_ = draw_round(study, corpus(study), n=n, name="final", coders=["甲", "乙"], minimum=1)
    values = {unit: truth[unit] for unit in round_.units["unit"]}
    code(study, "final", values)
    return values


@pytest.fixture(scope="module")
def truth(worked) -> dict[str, str]:
    return dict(zip(worked.posts["post_id"], worked.posts["true"], strict=True))


def test_every_account_gives_its_likeliest_posts_and_the_round_says_how(study: Study) -> None:
    made = check(study, per_account=2)
    table = labels(study)
    wanted = set()
    for _, own in table.groupby("account"):
        rows = sorted(own.to_dict("records"), key=lambda r: (-r["p_service"], r["post_id"]))
        wanted |= {row["post_id"] for row in rows[:2]}
    held = read_round("check-service", study.rounds)
    assert set(held.units["unit"]) == wanted
    assert held.units.equals(made.units)
    owner = table.set_index("post_id")["account"]
    assert held.units["stratum"].tolist() == owner[held.units["unit"]].tolist()
    assert held.units["inclusion_probability"].isna().all()
    assert held.units["coders"].eq("甲;乙").all()
    assert held.strata == dict.fromkeys(sorted(set(table["account"])), (48, 2))
    assert (held.design, held.purpose, held.by, held.corpus, held.without) == (
        "chosen", "check", ("account",), f"corpora/{study.corpus}", (),
    )  # fmt: skip


def test_the_order_tells_neither_account_nor_rank(study: Study) -> None:
    made = check(study, per_account=4)
    p = labels(study).set_index("post_id").loc[made.units["unit"], "p_service"]
    assert made.units["stratum"].tolist() != sorted(made.units["stratum"])
    assert not p.is_monotonic_decreasing
    assert len(set(made.units["stratum"].iloc[:4])) > 1


def test_posts_of_other_rounds_and_accounts_that_have_the_stage_are_left_out(
    study: Study, truth
) -> None:
    values = drawn(study, n=24, truth=truth)
    owner = labels(study).set_index("post_id")["account"]
    seen = {owner[unit] for unit, value in values.items() if value == "service"}
    assert 0 < len(seen) < owner.nunique()
    made = check(study, stage="服务")
    assert set(made.units["stratum"]) == set(owner) - seen
    assert not set(made.units["unit"]) & set(values)
    assert made.without == ("final",)
    again = check(study, name="check-2", everywhere=True, overlap=0)
    assert set(again.units["stratum"]) == set(owner)
    assert not set(again.units["unit"]) & {*values, *made.units["unit"]}
    assert again.without == ("check-service", "final")
    assert set(again.units["coders"]) == {"甲", "乙"}


def test_later_draws_keep_the_picked_posts_in_the_frame(study: Study, truth) -> None:
    check(study)
    final = draw_round(study, corpus(study), n=288, name="final", coders=["甲"])
    assert len(final.units) == 288
    assert final.units["inclusion_probability"].eq(1.0).all()


def test_its_codes_are_seen_and_correct_no_share(study: Study, truth) -> None:
    drawn(study, n=96, truth=truth)

    def read():
        return corrected(study.root / "predictions", codebook=study.codebook, study=study)

    before = read()
    made = check(study, everywhere=True)
    # everything that was picked turns out to be cooperate, which no drawn post is
    code(study, "check-service", dict.fromkeys(made.units["unit"], "cooperate"))
    after = read()
    agreed = pd.read_csv(study.agreed)
    assert agreed.loc[agreed["round"] == "check-service", "inclusion_probability"].isna().all()
    assert (agreed["round"] == "check-service").sum() == 18
    assert len(after.data.row) == len(before.data.row) == 96
    for by in ("overall", "account"):
        pd.testing.assert_frame_equal(mix_of(after, by=by), mix_of(before, by=by))
    reached = reached_table(after.data, by=("account",))
    assert not reached["reached"].str.contains("cooperate").any()
    states = stages_of_accounts(study, after.data.posts).set_index(["account", "stage"])
    assert states.xs("cooperate", level="stage")["state"].eq("seen").all()
    assert states.xs("cooperate", level="stage")["n_posts_seen"].eq(3).all()


def test_all_agreed_codes_as_a_file_leave_the_picked_ones_out(study: Study, truth) -> None:
    """`mix --codes coding/agreed.csv` has both kinds in one file."""
    drawn(study, n=96, truth=truth)
    made = check(study, everywhere=True)
    code(study, "check-service", {unit: truth[unit] for unit in made.units["unit"]})
    source = corrected(
        study.root / "predictions", codebook=study.codebook, study=study, codes=study.agreed
    )
    assert (len(source.data.row), source.data.suggested) == (96, 18)


def refusal(study: Study, **choices) -> str:
    with pytest.raises(DataError) as error:
        check(study, **choices)
    assert not (study.rounds / "check-service.toml").exists()
    return str(error.value)


def test_a_stage_that_is_none_is_refused(study: Study) -> None:
    for name in ("serve", "uncodable"):
        assert refusal(study, stage=name) == (
            f"--stage {name}: no such value of stage; known are publish, interact, service, cooperate"
        )


def test_a_stage_that_the_model_cannot_tell_is_refused(study: Study) -> None:
    assert refusal(study, stage="cooperate") == (
        f"--stage cooperate: {study.root / 'predictions'} gives it no probability, the model had "
        "too few codes of it; code more of its posts and train again, or name another stage"
    )


def test_less_than_one_post_each_is_refused(study: Study) -> None:
    assert refusal(study, per_account=0) == "--each 0: at least 1 post of each account"


def test_where_nothing_is_left_it_says_why(study: Study, truth) -> None:
    draw_round(study, corpus(study), n=288, name="final", coders=["甲", "乙"])
    assert refusal(study) == (
        "--stage service: nothing is left to code; all posts of accounts in which service was not "
        "seen are in a round already"
    )
    assert refusal(study, everywhere=True) == (
        "--stage service: nothing is left to code; all posts are in a round already"
    )


def test_predictions_of_a_corpus_that_the_study_has_not_are_refused(study: Study, worked) -> None:
    corpus(study).rename(study.root / "corpora" / "别的")
    assert refusal(study) == (
        f"{study.root / 'predictions'}: predictions of {worked.corpus.as_posix()}, which is not in "
        "this study; classify a corpus of the study"
    )


def test_predictions_of_another_state_of_the_corpus_are_refused(study: Study) -> None:
    file = corpus(study) / "posts.csv"
    lines = file.read_text("utf-8").splitlines()
    file.write_text("\n".join([*lines[:1], *lines[3:]]) + "\n", "utf-8")
    assert refusal(study) == (
        f"{study.root / 'predictions'}: 0-2019-00, 0-2019-01 is not in corpora/{study.corpus}; "
        "classify this corpus again"
    )


def test_predictions_of_another_variable_are_refused(study: Study) -> None:
    file = study.root / "predictions" / "predictions.parquet"
    table = pq.read_table(file)
    about = {**table.schema.metadata, b"stagemix.variable": b"functions.also_service"}
    table = table.rename_columns({"stage": "functions.also_service"})
    pq.write_table(table.replace_schema_metadata(about), file)
    assert refusal(study) == (
        f"{study.root / 'predictions'}: predictions of functions.also_service; name predictions of "
        "stage"
    )
