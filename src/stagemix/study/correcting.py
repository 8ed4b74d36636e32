"""Predictions, or labels from elsewhere, brought together with the codes that correct them."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from stagemix.codes.agreed_file import read_agreed
from stagemix.codes.codebook import Codebook, Variable
from stagemix.codes.rounds import CHOSEN, read_round, round_names
from stagemix.errors import DataError, MissingError, several
from stagemix.learn.classify import Predictions, read_predictions
from stagemix.learn.elsewhere import Given, read_labels, with_probabilities
from stagemix.learn.model_file import Card, load_card
from stagemix.mix.design import Stored
from stagemix.mix.sample import Labelled, labelled_corpus
from stagemix.mix.words import Remark
from stagemix.posts.corpus import read_accounts, read_corpus
from stagemix.posts.tables import READERS
from stagemix.study.folder import INVENTED, SETTINGS, Study, codebook_at, find_study
from stagemix.study.remarks import on_data, on_model
from stagemix.study.standing import standing


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """Predictions with the codes that correct them.

    `card` and `out_of_fold` are those of the model; labels from elsewhere have none. `remarks` are
    sentences that belong beside every figure made from them.
    """

    data: Labelled
    card: Card | None
    out_of_fold: pd.DataFrame | None
    variable: str
    level: str
    labels: dict[str, str]
    accounts: pd.DataFrame | None
    corpus: Path
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, kw_only=True)
class _Codes:
    """Agreed codes, in words where they are from, and the study whose round they are of, if any.

    `absent` of them were of other corpora and are not in the `table`.
    """

    table: pd.DataFrame
    source: Remark
    study: Study | None = None
    absent: int = 0


@dataclass(frozen=True, kw_only=True)
class _Labels:
    """Labels of `posts` with probabilities, those `held_out` of their codes, and the `codes`.

    `about` are the remarks on what made the labels, a model where there is a `card`.
    """

    posts: pd.DataFrame
    held_out: pd.DataFrame
    codes: _Codes
    variable: Variable
    categories: tuple[str, ...]
    corpus: Path
    about: list[Remark]
    card: Card | None = None


def corrected(
    predictions: Path,
    *,
    codebook: Codebook,
    model: Path | None = None,
    codes: Path | None = None,
    corpus: Path | None = None,
    study: Study | None = None,
) -> Corrected:
    """Bring a folder of predictions, or a file of labels from elsewhere, together with its codes.

    CODES is a file of agreed codes; without it they are those of the study's round, outside a
    study those the model was trained on. MODEL says where the model lies, if not where it lay;
    CORPUS of which corpus the labels of a file are, if not of the study's.
    """
    if _is_table(predictions):
        if model is not None:
            raise DataError(
                f"{predictions}: labels from elsewhere have no model; leave out --model"
            )
        labels = _from_elsewhere(predictions, codebook, codes=codes, corpus=corpus, study=study)
    else:
        if corpus is not None:
            raise DataError(f"{predictions}: predictions know their corpus; leave out --corpus")
        labels = _by_model(predictions, codebook, model=model, codes=codes, study=study)
    found, variable = labels.codes, labels.variable
    accounts = read_accounts(labels.corpus)
    data = _together(labels, accounts)
    return Corrected(
        data=data,
        card=labels.card,
        out_of_fold=None if labels.card is None else labels.held_out,
        variable=variable.id,
        level=variable.level,
        labels=variable.labels,
        accounts=accounts,
        corpus=labels.corpus,
        remarks=(
            *([] if study is None else _on_study(study, variable.id, found)),
            *on_data(data, source=found.source, absent=found.absent),
            *labels.about,
        ),
    )


def corrected_at(
    start: Path,
    predictions: Path,
    *,
    model: Path | None,
    codes: Path | None,
    corpus: Path | None,
) -> Corrected:
    """Do as `corrected` does, with the study at START and its codebook, outside one the default."""
    return corrected(
        predictions,
        codebook=codebook_at(start),
        model=model,
        codes=codes,
        corpus=corpus,
        study=find_study(start),
    )


def _together(labels: _Labels, accounts: pd.DataFrame | None) -> Labelled:
    codes = labels.codes
    return labelled_corpus(
        labels.posts,
        codes.table,
        labels.held_out,
        categories=labels.categories,
        where=codes.source.en,
        stored=None if codes.study is None else _stored(codes.study),
        accounts=accounts,
    )


def _is_table(path: Path) -> bool:
    return path.is_file() or (path.suffix.lower() in READERS and not path.is_dir())


def _by_model(
    folder: Path,
    codebook: Codebook,
    *,
    model: Path | None,
    codes: Path | None,
    study: Study | None,
) -> _Labels:
    labels = read_predictions(folder, model=model)
    if model is None:
        labels = replace(
            labels, model=_of_study(labels.model, study, room="models", predictions=folder)
        )
    card, out_of_fold = _model_of(labels, where=folder)
    variable = codebook.variable(labels.variable)
    source = Remark(en="the codes that the model was trained on", zh="训练模型所用的编码")
    found = _codes(variable, codes=codes, study=study) or _Codes(table=out_of_fold, source=source)
    if codes is None:
        found = _of_these(found, labels.table["post_id"], where=folder)
    return _Labels(
        posts=labels.table,
        held_out=out_of_fold,
        codes=found,
        variable=variable,
        categories=labels.categories,
        corpus=_of_study(labels.corpus, study, room="corpora", predictions=folder),
        about=on_model(card, found.table, out_of_fold, labels=variable.labels),
        card=card,
    )


def _from_elsewhere(
    file: Path,
    codebook: Codebook,
    *,
    codes: Path | None,
    corpus: Path | None,
    study: Study | None,
) -> _Labels:
    if corpus is None:
        if study is None:
            raise DataError(f"{file}: labels of which corpus? name it with --corpus corpora/NAME")
        corpus = study.root / "corpora" / study.corpus
    given = read_labels(file, posts=read_corpus(corpus), codebook=codebook)
    found = _codes(given.variable, codes=codes, study=study)
    if found is None:
        raise DataError(
            f"{file}: there are no codes to correct these labels by; name them with --codes FILE"
        )
    if codes is None:
        found = _of_these(found, given.table["post_id"], where=file)
    posts, held_out = with_probabilities(given, found.table)
    return _Labels(
        posts=posts,
        held_out=held_out,
        codes=found,
        variable=given.variable,
        categories=given.variable.values,
        corpus=corpus,
        about=[_on_labels(given, file)],
    )


def _model_of(labels: Predictions, *, where: Path) -> tuple[Card, pd.DataFrame]:
    try:
        card, out_of_fold = load_card(labels.model)
    except MissingError:
        raise MissingError(
            f"{labels.model}: the model of these predictions is not there; "
            "say where it is with --model DIR"
        ) from None
    if card.hash != labels.model_hash:
        raise DataError(
            f"{labels.model}: not the model that made {where} (hash {card.hash}, not "
            f"{labels.model_hash}); classify the corpus again or name the right --model"
        )
    return card, out_of_fold


def _codes(variable: Variable, *, codes: Path | None, study: Study | None) -> _Codes | None:
    """The codes of the file CODES, else of the study's round; None where there are neither."""
    if codes is not None:
        source = Remark(en=str(codes), zh=str(codes))
        return _Codes(table=read_agreed(codes, variable=variable), source=source)
    if study is None or not study.agreed.is_file():
        return None
    return _Codes(
        table=_of_round(study, variable),
        source=Remark(en=f"round {study.round}", zh=f"轮次 {study.round}"),
        study=study,
    )


def _of_these(codes: _Codes, posts: pd.Series, *, where: Path) -> _Codes:
    # the many posts are looked for among the few codes: the other way round takes seconds
    present = posts[posts.isin(codes.table["post_id"])]
    there = codes.table["post_id"].isin(present)
    if not there.any():
        raise DataError(
            f"{where}: not one of its posts was coded ({codes.source.en}); "
            "code a sample of this corpus, or name codes with --codes FILE"
        )
    return replace(codes, table=codes.table[there], absent=int((~there).sum()))


def _on_labels(given: Given, file: Path) -> Remark:
    n = len(given.table)
    how = {
        True: ("with probabilities", "附概率"),
        False: (
            "without probabilities (how often a label is right is estimated from the codes)",
            "不附概率（标签对错的概率由编码估计）",
        ),
    }[given.probabilities]
    return Remark(
        en=f"{n} labels from elsewhere ({file}), {how[0]}. What made them must not have been "
        "trained on these codes or shown them; that cannot be checked here, and the intervals "
        "would be too narrow.",
        zh=f"{n} 个外来标签（{file}），{how[1]}。给出标签的模型不得用这些编码训练过，也不得见过它们；"
        "这里无法核查，否则区间会偏窄。",
    )


def _of_study(held: Path, study: Study | None, *, room: str, predictions: Path) -> Path:
    """Where a corpus or model of the name of HELD is: in the study's ROOM, or where it lay.

    A study is copied and moved as a whole: what lies in it comes first for PREDICTIONS that do.
    """
    if study is None:
        return held
    own = study.root / room / held.name
    inside = predictions.resolve().is_relative_to(study.root.resolve())
    return own if own.is_dir() and (inside or not held.is_dir()) else held


def _on_study(study: Study, variable: str, codes: _Codes) -> list[Remark]:
    out = [INVENTED] if study.invented else []
    if codes.study is None:
        return out
    missing = standing(study, round_=study.round, variable=variable).remark
    drawn, have = len(read_round(study.round, study.rounds).units), len(codes.table) + codes.absent
    if missing is None and have < drawn:
        missing = Remark(
            en=f"{drawn - have} of the {drawn} posts of round {study.round} have no agreed code in "
            f"{study.agreed.name}; they are treated as if missing by chance in their strata, which "
            "disagreements are not.",
            zh=f"轮次 {study.round} 的 {drawn} 篇中有 {drawn - have} 篇在 {study.agreed.name} 里没有编码；"
            "这里按层内随机缺失处理，而未裁定的分歧并不是随机缺失。",
        )
    return out if missing is None else [*out, missing]


def _of_round(study: Study, variable: Variable) -> pd.DataFrame:
    table = read_agreed(study.agreed, variable=variable)
    mine = table[table["round"] == study.round]
    if mine.empty:
        raise DataError(
            f"{study.agreed}: no codes of the round {study.round} (study.toml); there are {several(sorted(set(table['round'])))}"
        )
    known = study.round in round_names(study.rounds)
    if known and read_round(study.round, study.rounds).design == CHOSEN:
        raise DataError(
            f"{study.root / SETTINGS}: the posts of round {study.round} were picked, not drawn by "
            "chance; name a round that `stagemix sample --n` drew"
        )
    return mine


def _stored(study: Study) -> Stored:
    round_ = read_round(study.round, study.rounds)
    return Stored(by=round_.by, strata={name: posts for name, (posts, _) in round_.strata.items()})
