"""`stagemix converge`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagemix.cli.convergence import print_details, print_measures, print_verdicts
from stagemix.cli.mix import CodesOption, CorpusOption, ModelOption
from stagemix.cli.output import (
    Format,
    FormatOption,
    as_csv,
    as_json,
    records,
    remark,
    steps,
    table,
)

if TYPE_CHECKING:
    import pandas as pd

    from stagemix.merge.converge import Convergence
    from stagemix.merge.details import Details
    from stagemix.merge.dispersion import Test


class Method(StrEnum):
    """A test of section 4 for corpora of which every post is coded."""

    SIGMA = "sigma"
    BETA = "beta"
    GINI = "gini"


def command(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="predictions/NAME", help="The folder of predictions, or a file of labels."
        ),
    ],
    by: Annotated[str, typer.Option(help="The account and the period.")] = "account,year",
    between: Annotated[
        str | None,
        typer.Option(help="Two periods, by comma, for the accounts' changes [the two halves]."),
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option(
            help="Where every post is coded: sigma (dispersion between accounts, on shares and odds), beta "
            "(far accounts move more), gini (diversity within accounts)."
        ),
    ] = None,
    codes: CodesOption = None,
    model: ModelOption = None,
    corpus: CorpusOption = None,
    format_: FormatOption = Format.TEXT,
) -> None:
    """Say whether the stages come together within accounts (融合), and whether accounts become alike.

    Merging is said only where the diversity within accounts (W) and of the mean mix (Tot) both
    rise; alikeness (趋同) from 500 codes. Changes are over the whole study, corrected by the coded
    posts, with 95% intervals; accounts are the units. `cannot_tell` is not a no.

    Example: stagemix converge predictions/posts --by account,half
    """
    from stagemix.study.converging import convergence_of, details_of_study, fully_coded_tests
    from stagemix.study.correcting import corrected_at

    with steps() as progress:
        progress("reading predictions and codes")
        source = corrected_at(Path.cwd(), predictions, model=model, codes=codes, corpus=corpus)
    if method is not None:
        if between is not None:
            raise typer.BadParameter("--between does not go with --method")
        tests, conclusion = fully_coded_tests(source, by=by, method=method.value)
        for line in source.remarks:
            remark(line.en)
        _print_tests(tests, conclusion, format_)
        return
    with steps() as progress:
        progress("estimating and testing changes")
        found = convergence_of(source, by=by)
        details = details_of_study(source, by=by, between=between)
    if format_ is Format.TEXT:
        print_verdicts(found)
        print_measures(found)
        print_details(found, details)
    for line in source.remarks:
        print(line.en) if format_ is Format.TEXT else remark(line.en)
    if format_ is Format.JSON:
        as_json(_as_objects(found, details))
    elif format_ is Format.CSV:
        as_csv(_as_rows(found))


def _as_objects(found: "Convergence", details: "Details") -> dict[str, object]:
    from stagemix.merge.measures import effective_number
    from stagemix.merge.saying import on_alikeness, on_merging

    alikeness = found.alikeness
    measures: dict[str, dict[str, object]] = {m.name: dict(vars(m)) for m in found.measures}
    within = found.measure("within").values
    measures["within"]["effective_number"] = {k: effective_number(v) for k, v in within.items()}
    return {
        **measures,
        "accounts": len(found.accounts),
        "periods": len(found.periods),
        "codes": found.codes,
        "smallest_cell": found.smallest_cell,
        "merging": found.merging,
        "alike": found.alike,
        "word": found.word,
        "merging_in_words": vars(on_merging(found)),
        "alike_in_words": vars(on_alikeness(found)),
        "account_names": found.accounts,
        "period_names": found.periods,
        "left_out": found.left_out,
        "too_small": found.too_small,
        "design": found.design,
        "alikeness": None
        if alikeness is None
        else {k: vars(v) if hasattr(v, "t") else v for k, v in vars(alikeness).items()},
        "publish_per_account_and_month": None
        if found.publish_rate is None
        else vars(found.publish_rate),
        "per_month": records(found.per_month.reset_index()),
        "lines": records(details.lines),
        "robustness": records(details.robustness),
        "moved": records(details.moved),
        "reached": records(details.reached),
        "errors_differ": {
            "by_account": details.misfit.differs_by_account,
            "by_period": details.misfit.differs_by_period,
            "p_account": details.misfit.p_account,
            "p_period": details.misfit.p_period,
            "p_trend": details.misfit.p_trend,
        },
    }


def _as_rows(found: "Convergence") -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for m in found.measures:
        about = {k: v for k, v in vars(m).items() if k not in ("values", "name")}
        values = {f"value_{period}": value for period, value in m.values.items()}
        rows.append({"measure": m.name, **about, **values})
    return pd.DataFrame(rows)


CONCLUSIONS = {
    "yes": "The accounts became alike (趋同): on shares and on odds.",
    "common_mean_moved": "The shares came closer because all accounts moved the same way; on odds they "
    "did not.",
    "cannot_tell": "Cannot tell (尚不能判断): a test that does not reject is no evidence that accounts "
    "stayed apart.",
    "too_few": "Too few accounts, periods or posts for these tests.",
}


def _print_tests(tests: "tuple[Test, ...]", conclusion: str | None, format_: Format) -> None:
    import pandas as pd

    rows = [{**vars(x), "rejects": x.rejects, "direction": x.direction} for x in tests]
    if format_ is Format.JSON:
        as_json({"tests": rows, "conclusion": conclusion})
    elif format_ is Format.CSV:
        as_csv(pd.DataFrame(rows))
    else:
        table([*rows[0]], [[*row.values()] for row in rows])
        if conclusion is not None:
            print(CONCLUSIONS[conclusion])
