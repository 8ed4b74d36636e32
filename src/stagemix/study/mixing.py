"""The steps of the claims: the mix table and the measures of merging, from predictions."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stagemix.codes.agreed_file import read_agreed
from stagemix.codes.codebook import Codebook
from stagemix.errors import DataError, MissingError, several
from stagemix.learn.classify import read_predictions
from stagemix.learn.model_file import Card, load_card
from stagemix.mix.converge import Convergence, converge
from stagemix.mix.mixes import mix_table
from stagemix.mix.sample import Labelled, labelled_corpus
from stagemix.mix.words import Remark
from stagemix.posts.corpus import read_accounts
from stagemix.posts.grouping import PERIODS
from stagemix.study.folder import INVENTED, Study
from stagemix.study.remarks import on_data, on_model
from stagemix.study.standing import standing


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """Predictions with the codes that correct them.

    `remarks` are sentences that belong beside every figure made from them.
    """

    data: Labelled
    card: Card
    out_of_fold: pd.DataFrame
    level: str
    labels: dict[str, str]
    accounts: pd.DataFrame | None
    remarks: tuple[Remark, ...]


def corrected(
    predictions: Path,
    *,
    codebook: Codebook,
    model: Path | None = None,
    codes: Path | None = None,
    study: Study | None = None,
) -> Corrected:
    """Bring a folder of predictions together with its codes.

    CODES is a file of agreed codes; without it they are those of the study's round, outside a
    study those the model was trained on. MODEL says where the model lies, if not where it lay.
    """
    labels = read_predictions(predictions, model=model)
    try:
        card, out_of_fold = load_card(labels.model)
    except MissingError:
        raise MissingError(
            f"{labels.model}: the model of these predictions is not there; "
            "say where it is with --model DIR"
        ) from None
    if card.hash != labels.model_hash:
        raise DataError(
            f"{labels.model}: not the model that made {predictions} (hash {card.hash}, not "
            f"{labels.model_hash}); classify the corpus again or name the right --model"
        )
    variable = codebook.variable(labels.variable)
    if codes is not None:
        table, source = read_agreed(codes, variable=variable), Remark(en=str(codes), zh=str(codes))
    elif study is not None and study.agreed.is_file():
        table = _of_round(study, labels.variable, codebook)
        source = Remark(en=f"round {study.round}", zh=f"轮次 {study.round}")
    else:
        table = out_of_fold
        source = Remark(en="the codes that the model was trained on", zh="训练模型所用的编码")
    absent = 0
    if codes is None:
        there = table["post_id"].isin(labels.table["post_id"])
        absent = int((~there).sum())
        table = table[there]
        if table.empty:
            raise DataError(
                f"{predictions}: not one of its posts was coded ({source.en}); "
                "code a sample of this corpus, or name codes with --codes FILE"
            )
    data = labelled_corpus(
        labels.table, table, out_of_fold, categories=labels.categories, where=source.en
    )
    return Corrected(
        data=data,
        card=card,
        out_of_fold=out_of_fold,
        level=variable.level,
        labels=variable.labels,
        accounts=read_accounts(_corpus(labels.corpus, study)),
        remarks=(
            *([] if study is None else _on_study(study, variable.id, whole=codes is None)),
            *on_data(data, source=source, absent=absent),
            *on_model(card, table, out_of_fold, labels=variable.labels),
        ),
    )


def _corpus(held: Path, study: Study | None) -> Path:
    """Where the corpus of the predictions is: where it lay, or in the study if that has moved."""
    return held if held.is_dir() or study is None else study.root / "corpora" / held.name


def _on_study(study: Study, variable: str, *, whole: bool) -> list[Remark]:
    out = [INVENTED] if study.invented else []
    if whole and study.agreed.is_file():
        missing = standing(study, round_=study.round, variable=variable).remark
        out += [] if missing is None else [missing]
    return out


def _of_round(study: Study, variable: str, codebook: Codebook) -> pd.DataFrame:
    table = read_agreed(study.agreed, variable=codebook.variable(variable))
    mine = table[table["round"] == study.round]
    if mine.empty:
        raise DataError(
            f"{study.agreed}: no codes of the round {study.round} (study.toml); there are {several(sorted(set(table['round'])))}"
        )
    return mine


def split_by(by: str) -> tuple[str, ...]:
    """Split `account,year` and check that it names at most one grouping and one period.

    `overall` alone stands for no grouping.
    """
    names = tuple(name.strip() for name in by.split(",") if name.strip())
    if names == ("overall",):
        return ()
    groups = [name for name in names if name not in PERIODS]
    if not names or len(groups) > 1 or len(names) - len(groups) > 1:
        raise DataError(
            f"--by {by}: at most one of account or a column of the account table, and one of "
            f"{several(PERIODS)}; or overall"
        )
    return names


def mix_of(source: Corrected, *, by: str) -> pd.DataFrame:
    """Compute the mix table of corrected predictions (`mix.mixes.COLUMNS`)."""
    return mix_table(source.data, by=split_by(by), accounts=source.accounts)


def convergence_of(source: Corrected, *, by: str) -> Convergence:
    """Compute merging and alikeness over the periods of BY (`account,year`).

    Raises DataError where the variable is not ordinal: nothing is above its first category.
    """
    if source.level != "ordinal":
        raise DataError(
            f"{source.card.variable}: {source.level}, but merging is about the stages of an ordinal "
            "variable; classify by one and name its predictions"
        )
    names = split_by(by)
    if len(names) != 2:
        raise DataError(f"--by {by}: converge needs an account and a period, such as account,year")
    return converge(source.data, by=names, accounts=source.accounts)
