"""The report of a study, from its codes, its model and its predictions."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from stagemix.codes.reliability import Reliability
from stagemix.codes.store import SETTLED, CodeStore
from stagemix.errors import DataError
from stagemix.files import check_folder, whole
from stagemix.learn.evaluate import evaluate
from stagemix.mix.converge import Convergence
from stagemix.report.page import Report, charts, render
from stagemix.report.pictures import save_picture
from stagemix.report.workbook import write_workbook
from stagemix.study.coding import agreement_of
from stagemix.study.converging import convergence_of, details_of_study
from stagemix.study.correcting import Corrected, corrected
from stagemix.study.folder import Study
from stagemix.study.mixing import mix_of


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
    reliability, settled = _reliability(study, source.variable)
    dated = source.data.posts["published_at"].notna().any()
    by = f"account,{study.period}" if dated else "account"
    convergence = _convergence(source, by) if dated else None
    labels = {k: v for k, v in source.labels.items() if k in source.data.categories}
    return Report(
        title=study.title,
        written_at=written_at,
        invented=study.invented,
        codebook=study.codebook,
        labels=labels,
        overall=mix_of(source, by="overall"),
        per_account=mix_of(source, by="account"),
        per_period=mix_of(source, by=by),
        convergence=convergence,
        details=None if convergence is None else details_of_study(source, by=by),
        reliability=reliability,
        settled=settled,
        evaluation=evaluation,
        card=card,
        remarks=source.remarks,
    )


def _convergence(source: Corrected, by: str) -> Convergence | None:
    try:
        return convergence_of(source, by=by)
    except DataError:
        # one account or one period: there is nothing to compare, and the report says the rest
        return None


def _reliability(study: Study, variable: str) -> tuple[list[Reliability], int]:
    codes = CodeStore(study.coding).codes(study.round)
    found = agreement_of(codes, codebook=study.codebook)
    if variable not in found.agreed:
        return found.reliability, 0
    how = found.agreed[variable].codes["how"]
    return found.reliability, int((how == SETTLED).sum())
