"""A round of the posts that most look like a stage, for people to confirm that an account reaches it."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from stagemix.codes.assignment import assign
from stagemix.codes.codebook import POST, Variable
from stagemix.codes.rounds import (
    CHECK,
    CHOSEN,
    Round,
    check_name,
    read_round,
    round_names,
    write_round,
)
from stagemix.codes.versions import keep_version
from stagemix.errors import DataError, several
from stagemix.learn.classify import Predictions, read_predictions
from stagemix.posts.corpus import frame_hash, read_corpus
from stagemix.posts.sampling import random_numbers
from stagemix.study.folder import Study
from stagemix.study.inventory import SEEN, stages_of_accounts


def draw_check(
    study: Study,
    predictions: Path,
    *,
    stage: str,
    name: str,
    coders: Sequence[str],
    per_account: int = 3,
    overlap: float = 1.0,
    everywhere: bool = False,
) -> Round:
    """Make a round of each account's likeliest posts of a STAGE (id or label), and write it down.

    Taken are the PER_ACCOUNT posts with the highest predicted probability that no round holds, of
    the accounts in which no coded post has the stage yet, or EVERYWHERE; in random order, so that
    their place says nothing to the coders. They were not drawn by chance: they have no inclusion
    probability, correct no share, and stay in the frame of later draws. Raises DataError where
    there is no such stage or the model does not know it, the predictions are of another corpus
    than the study has, or no post is left.
    """
    if per_account < 1:
        raise DataError(f"--each {per_account}: at least 1 post of each account")
    check_name(name, what="round")
    labels = read_predictions(predictions)
    value = _value(stage, labels, variable=study.codebook.variable(), where=predictions)
    place = f"corpora/{labels.corpus.name}"
    posts = _corpus(study, place, labels, where=predictions)
    rounds = [read_round(other, study.rounds) for other in round_names(study.rounds)]
    others = [r for r in rounds if r.corpus == place and r.kind == POST]
    taken = {str(unit) for other in others for unit in other.units["unit"]}
    left = labels.table[~labels.table["post_id"].isin(taken)]
    if not everywhere:
        left = left[~left["account"].isin(_seen_in(study, posts, value))]
    if left.empty:
        why = "all posts" if everywhere else f"all posts of accounts in which {value} was not seen"
        raise DataError(f"--stage {stage}: nothing is left to code; {why} are in a round already")
    chosen = _likeliest(left, column=f"p_{value}", each=per_account, seed=study.seed)
    cells = assign(list(chosen["post_id"]), coders=coders, overlap=overlap)
    round_ = Round(
        name=name,
        corpus=place,
        design=CHOSEN,
        by=("account",),
        allocation="equal",
        minimum=0,
        seed=study.seed,
        frame=frame_hash(posts),
        without=tuple(other.name for other in others),
        strata=_strata(chosen, posts),
        units=_units(chosen, cells),
        purpose=CHECK,
    )
    round_.asked(keep_version(study.coding))
    write_round(round_, study.rounds)
    return round_


def _value(stage: str, labels: Predictions, *, variable: Variable, where: Path) -> str:
    if labels.variable != variable.id:
        raise DataError(
            f"{where}: predictions of {labels.variable}; name predictions of {variable.id}"
        )
    found = next((c.id for c in variable.categories if stage in (c.id, c.label)), None)
    if found is None:
        raise DataError(
            f"--stage {stage}: no such value of {variable.id}; known are {several(variable.values)}"
        )
    column = f"p_{found}"
    if column not in labels.table or not (labels.table[column] > 0).any():
        raise DataError(
            f"--stage {stage}: {where} gives it no probability, the model had too few codes of it; "
            "code more of its posts and train again, or name another stage"
        )
    return found


def _corpus(study: Study, place: str, labels: Predictions, *, where: Path) -> pd.DataFrame:
    """The posts of the study's corpus that the predictions are of."""
    if not (study.root / place).is_dir():
        raise DataError(
            f"{where}: predictions of {labels.corpus}, which is not in this study; classify a "
            "corpus of the study"
        )
    posts = read_corpus(study.root / place)
    keys = ["post_id", "account"]
    known = pd.MultiIndex.from_frame(posts[keys].astype("object"))
    absent = ~pd.MultiIndex.from_frame(labels.table[keys].astype("object")).isin(known)
    if absent.any():
        raise DataError(
            f"{where}: {several(labels.table.loc[absent, 'post_id'])} is not in {place}; classify "
            "this corpus again"
        )
    return posts


def _seen_in(study: Study, posts: pd.DataFrame, value: str) -> pd.Series:
    """The accounts in which a coded post has the stage VALUE."""
    matrix = stages_of_accounts(study, posts)
    found: pd.Series = matrix.loc[matrix["stage"].eq(value) & matrix["state"].eq(SEEN), "account"]
    return found


def _likeliest(left: pd.DataFrame, *, column: str, each: int, seed: int) -> pd.DataFrame:
    """The EACH posts of every account with the highest COLUMN, in an order that tells nothing."""
    order = left.sort_values(["account", column, "post_id"], ascending=[True, False, True])
    chosen = order.groupby("account").head(each)
    number = random_numbers(chosen["post_id"], seed=seed)
    return chosen.assign(number=number).sort_values(["number", "post_id"])


def _strata(chosen: pd.DataFrame, posts: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """The posts of each account that gave some, and how many it gave."""
    given = chosen["account"].value_counts().sort_index()
    sizes = posts["account"].value_counts().reindex(given.index)
    return {
        str(account): (int(size), int(n))
        for account, size, n in zip(given.index, sizes, given, strict=True)
    }


def _units(chosen: pd.DataFrame, coders: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unit": chosen["post_id"],
            "stratum": chosen["account"],
            "inclusion_probability": float("nan"),
            "coders": coders,
        }
    ).reset_index(drop=True)
