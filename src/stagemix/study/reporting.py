"""The report of a study, from its codes, its model and its predictions."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd

from stagemix.codes.codebook import ACCOUNT
from stagemix.codes.rounds import read_round, round_names
from stagemix.codes.store import CodeStore
from stagemix.codes.versions import kept_versions
from stagemix.errors import DataError
from stagemix.files import check_folder, whole
from stagemix.learn.evaluate import evaluate
from stagemix.merge.converge import Convergence
from stagemix.mix.mixes import DIFFERENCE
from stagemix.mix.words import Remark
from stagemix.report.page import Report, charts, render
from stagemix.report.pictures import save_picture
from stagemix.report.reached import Reached
from stagemix.report.workbook import write_workbook
from stagemix.study.agreement import Agreement, agreement_of
from stagemix.study.converging import convergence_of, details_of_study
from stagemix.study.correcting import Corrected, corrected
from stagemix.study.folder import Study
from stagemix.study.functions import functions_of_posts
from stagemix.study.inventory import profiles, read_inventory, stages_of_accounts
from stagemix.study.mixing import errors_of, mix_of
from stagemix.study.remarks import BORROWING, on_errors
from stagemix.study.sensitivity import coder_error, on_coders


def write_report(
    study: Study,
    *,
    out: Path,
    written_at: datetime,
    progress: Callable[[str], None] = lambda step: None,
) -> list[Path]:
    """Write `report.html`, `report.xlsx` and the pictures into OUT; returns the files."""
    check_folder(out)
    progress("computing the report's tables")
    report = gather(study, written_at=written_at)
    progress("drawing")
    return write_files(report, out)


def write_files(report: Report, out: Path) -> list[Path]:
    """Write a report's page, workbook and pictures into OUT; returns the files, the page first."""
    specs = charts(report)
    page, book = out / "report.html", out / "report.xlsx"
    with whole(page) as part:
        part.write_text(render(report, specs), encoding="utf-8", newline="\n")
    with whole(book) as part:
        write_workbook(report, part)
    files = [page, book]
    (out / "pictures").mkdir(exist_ok=True)
    for name, chart in specs.items():
        for ending in ("png", "svg"):
            path = out / "pictures" / f"{name}.{ending}"
            save_picture(chart, path)
            files.append(path)
    return files


def gather(study: Study, *, written_at: datetime) -> Report:
    """Compute all that the report shows."""
    predictions = study.root / "predictions" / study.corpus
    source = corrected(predictions, codebook=study.codebook, study=study)
    card, out_of_fold = source.card, source.out_of_fold
    if card is None or out_of_fold is None:
        raise DataError(f"{predictions}: not predictions of a model; classify the corpus first")
    evaluation = evaluate(out_of_fold, categories=list(card.counts), labelled=card.labelled)
    agreement = _agreement(study, round_=study.round)
    band, said = _coder_error(source, study)
    dated = source.data.posts["published_at"].notna().any()
    by = f"account,{study.period}" if dated else "account"
    convergence = _convergence(source, by) if dated else None
    details = None if convergence is None else details_of_study(source, by=by)
    per_account = mix_of(source, by="account")
    borrows = (per_account["method"] != DIFFERENCE).any()
    labels = {k: v for k, v in source.labels.items() if k in source.data.categories}
    return Report(
        title=study.title,
        written_at=written_at,
        invented=study.invented,
        codebook=study.codebook,
        labels=labels,
        overall=mix_of(source, by="overall"),
        per_account=per_account,
        per_period=mix_of(source, by=by),
        convergence=convergence,
        details=details,
        reached=_reached(study, source.data.posts),
        reliability=agreement.reliability,
        after=agreement.after,
        settled=_settled(agreement, source.variable),
        overruled_all=_overruled_all(agreement, source.variable),
        of_accounts=[
            row
            for name in round_names(study.rounds)
            if read_round(name, study.rounds).kind == ACCOUNT
            for row in _agreement(study, round_=name).reliability
        ],
        coder_error=band,
        on_coders=said,
        evaluation=evaluation,
        card=card,
        on_errors=on_errors(errors_of(source) if details is None else details.misfit),
        remarks=(*source.remarks, *([BORROWING] if borrows else [])),
    )


def _reached(study: Study, posts: pd.DataFrame) -> Reached:
    inventory = read_inventory(study)
    matrix = stages_of_accounts(study, posts)
    known = None
    if inventory is not None:
        known = profiles(matrix, inventory=inventory, codebook=study.codebook)
    return Reached(matrix=matrix, profiles=known, several=functions_of_posts(study))


def _convergence(source: Corrected, by: str) -> Convergence | None:
    try:
        return convergence_of(source, by=by)
    except DataError:
        # one account or one period: there is nothing to compare, and the report says the rest
        return None


def _coder_error(source: Corrected, study: Study) -> tuple[pd.DataFrame | None, tuple[Remark, ...]]:
    try:
        return coder_error(source, study), on_coders(source, study)
    except DataError:
        # one coder alone: there is no disagreement to measure, and the report says so elsewhere
        return None, ()


def _agreement(study: Study, *, round_: str) -> Agreement:
    return agreement_of(
        CodeStore(study.coding).codes(round_),
        codebook=study.codebook,
        kept=kept_versions(study.coding),
        seed=study.seed,
    )


def _overruled_all(agreement: Agreement, variable: str) -> int:
    found = agreement.agreed.get(variable)
    return 0 if found is None else found.changed_though_agreed


def _settled(agreement: Agreement, variable: str) -> int:
    found = agreement.settled.get(variable)
    return 0 if found is None else found.units
