from dataclasses import replace

import numpy as np
import pytest

from stagemix.codes.codebook import default_codebook
from stagemix.errors import DataError
from stagemix.merge.dispersion import gini_within, sigma, sigma_odds
from stagemix.mix.groups import group_names, groups_of
from stagemix.study.converging import details_of_study, fully_coded_tests
from stagemix.study.correcting import corrected
from stagemix.study.mixing import errors_of
from stagemix.study.remarks import on_errors


@pytest.fixture(scope="module")
def source(worked):
    return corrected(worked.predictions, codebook=default_codebook())


@pytest.fixture(scope="module")
def complete(worked, tmp_path_factory):
    """The same predictions, every post coded with its true stage."""
    path = tmp_path_factory.mktemp("all") / "all.csv"
    table = worked.posts.rename(columns={"true": "stage"})[["post_id", "stage"]]
    table.assign(inclusion_probability=1.0).to_csv(path, index=False)
    return corrected(worked.predictions, codebook=default_codebook(), codes=path)


def test_what_stands_beside_the_verdicts(source):
    found = details_of_study(source, by="account,year")
    assert set(found.lines["measure"]) == {"above_publish", "within", "total", "between"}
    assert len(found.moved) == 6
    assert found.reached["n_codes"].sum() == 144
    named = details_of_study(source, by="account,year", between=" 2019 , 2022 ")
    assert not named.moved.equals(found.moved)


@pytest.mark.parametrize("between", ["2019", "2019,2020,2021", ""])
def test_a_change_is_between_two_periods(source, between):
    with pytest.raises(DataError) as error:
        details_of_study(source, by="account,year", between=between)
    assert str(error.value) == f"--between {between}: name two periods, such as 2019,2023"


def test_a_fully_coded_corpus_is_counted_cell_by_cell(complete, worked):
    (found, odds), conclusion = fully_coded_tests(complete, by="account,year", method="sigma")
    true = worked.posts.set_index("post_id").loc[complete.data.posts["post_id"]]
    groups = groups_of(*group_names(complete.data.posts, by=("account", "year")))
    counts = np.zeros((6, 4, 4), dtype=np.intp)
    stages = list(complete.data.categories)
    for place, stage in zip(groups.number, true["true"], strict=True):
        counts[groups.account[place], groups.period[place], stages.index(stage)] += 1
    assert vars(found) == pytest.approx(vars(sigma(counts)), nan_ok=True)
    assert vars(odds) == pytest.approx(vars(sigma_odds(counts)), nan_ok=True)
    assert (found.accounts, found.periods, conclusion) == (6, 4, "too_few")
    (alone,), nothing = fully_coded_tests(complete, by="account,year", method="gini")
    assert (alone.name, nothing) == (gini_within(counts).name, None)


def test_a_fully_coded_test_needs_three_accounts_in_every_period(complete):
    few = complete.data.posts["account"].isin(complete.data.posts["account"].unique()[:2])
    posts = complete.data.posts.assign(published_at=complete.data.posts["published_at"].where(few))
    bare = replace(complete, data=replace(complete.data, posts=posts))
    with pytest.raises(DataError) as error:
        fully_coded_tests(bare, by="account,year", method="beta")
    assert str(error.value) == (
        "--by account,year: 2 accounts have two posts or more in each of the 4 periods "
        "(2019, 2020, 2021, 2022), three are needed; choose a longer period"
    )


def test_whether_errors_differ_is_said_with_what_stands(source):
    found = errors_of(source)
    said = on_errors(found)
    assert "do the labels err differently by account?" in said.en
    assert said.en.endswith("labels alone show their errors too.")
    differs = replace(found, p_account=0.001, p_period=None)
    assert on_errors(differs).en == (
        "Among posts of one stage, do the labels err differently by account? Yes (p = 0.001). By "
        "period? Too few codes to look. So differences between accounts in labels alone (raw) show its errors and do not "
        "stand; the corrected ones do."
    )
