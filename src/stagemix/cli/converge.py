"""`stagemix converge`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagemix.cli.mix import CodesOption, CorpusOption, ModelOption
from stagemix.cli.output import (
    Format,
    FormatOption,
    as_csv,
    as_json,
    p_value,
    records,
    remark,
    steps,
    table,
)

if TYPE_CHECKING:
    import pandas as pd

    from stagemix.merge.converge import Convergence, Measure
    from stagemix.merge.details import Details
    from stagemix.merge.dispersion import Test

TITLES = {
    "above_publish": "share above publish (u)",
    "within": "diversity within accounts (W)",
    "total": "diversity of the mean mix (Tot)",
    "evenness": "evenness of the higher stages (Q)",
    "between": "differences between accounts (D)",
}


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
    from stagemix.study.correcting import corrected
    from stagemix.study.folder import codebook_at, find_study

    here = Path.cwd()
    with steps() as progress:
        progress("reading predictions and codes")
        source = corrected(
            predictions,
            codebook=codebook_at(here),
            model=model,
            codes=codes,
            corpus=corpus,
            study=find_study(here),
        )
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
        _print_verdicts(found)
        _print_measures(found)
        _print_details(found, details)
    for line in source.remarks:
        print(line.en) if format_ is Format.TEXT else remark(line.en)
    if format_ is Format.JSON:
        as_json(_as_objects(found, details))
    elif format_ is Format.CSV:
        as_csv(_as_rows(found))


def _print_verdicts(found: "Convergence") -> None:
    from stagemix.merge.saying import on_alikeness, on_merging

    print(f"1. {on_merging(found).en}")
    print(f"2. {on_alikeness(found).en}\n")


def _print_measures(found: "Convergence") -> None:
    from stagemix.merge.measures import effective_number
    from stagemix.mix.words import words

    rows = [_row(m, found.periods) for m in found.measures if m.name != "evenness"]
    within = found.measure("within").values
    if set(found.periods) <= within.keys():
        numbers = [effective_number(within[p]) for p in found.periods]
        rows.insert(2, ["effective number of stages, 1/(1-W)", *numbers, *[None] * 4, "", ""])
    headers = ["", *found.periods, "change", "95% interval", "p", "seen from", "verdict", ""]
    table(headers, rows)
    for m in found.measures:
        if "first_half" in m.values:
            first, last = m.values["first_half"], m.values["last_half"]
            print(f"{TITLES[m.name]}: {first:.3f} in the first half, {last:.3f} in the last.")
        elif m.name == "evenness":
            print(f"{TITLES[m.name]}: {words(m.note, language='en')}.")
    print(
        f"\n{len(found.accounts)} accounts, {len(found.periods)} periods, {found.codes} codes, "
        f"smallest account and period {found.smallest_cell} posts. 'seen from' is the change that "
        "would be found four times in five. The change of u, W and Tot is the slope over the periods times "
        "their number less one; that of D comes from products of different periods in the two halves. "
        "Values are estimates and can fall slightly below 0."
    )
    if found.left_out:
        print(
            "Left out, without two posts (or a code, where codes were drawn by cell) in every "
            f"period: {', '.join(found.left_out)}"
        )
    if found.too_small:
        print(f"Too little for any test of change: {', '.join(found.too_small)}.")


def _row(m: "Measure", periods: tuple[str, ...]) -> list[object]:
    from stagemix.mix.words import words

    interval = "–" if m.low is None or m.high is None else f"{m.low:.3f} – {m.high:.3f}"
    values = [m.values.get(p) for p in periods]
    note = words(m.note, language="en")
    seen = None if m.name == "between" else m.mdc
    return [TITLES[m.name], *values, m.change, interval, p_value(m.p_value), seen, m.verdict, note]


def _print_details(found: "Convergence", details: "Details") -> None:
    from stagemix.mix.words import words
    from stagemix.study.remarks import on_errors

    print("\nPosts per account and month, corrected")
    stages = list(found.per_month.columns)
    table(["", *stages], [[p, *row] for p, row in zip(found.periods, found.per_month.to_numpy(), strict=True)])  # fmt: skip
    if found.publish_rate is not None:
        rate = found.publish_rate
        print(
            f"{stages[0]}, from the first half to the last: {rate.change:+.2f} "
            f"[{rate.low:.2f}, {rate.high:.2f}]"
        )
    early, late = (", ".join(names) for names in details.spans)
    print(f"\nEach account's change in the share above publish, from {early} to {late}")
    table(
        ["account", "codes", "before", "after", "change", "95% interval", "p adjusted", ""],
        [
            [
                x["account"],
                f"{x['n_codes_before']} + {x['n_codes_after']}",
                x["before"],
                x["after"],
                x["change"],
                "–" if x["status"] == "refused" else f"{x['low']:.3f} – {x['high']:.3f}",
                p_value(x["p_adjusted"]),
                words(str(x["note"]), language="en"),
            ]
            for x in records(details.moved)
        ],
    )
    print("\nThe same changes computed in other ways (change of u, W, Tot)")
    _print_robustness(details)
    print("\nStages reached, from coded posts alone")
    highest = details.reached.groupby("account", sort=False)
    rows = [[name, " ".join(_reached(group))] for name, group in highest]
    table(["account", "stages found / codes, by period"], rows)
    print(f"\n{on_errors(details.misfit).en}\n")


def _reached(group: "pd.DataFrame") -> list[str]:
    return [
        f"{x['period']}: {x['n_reached']}/{x['n_codes']}" for x in records(group) if x["n_codes"]
    ]


def _print_robustness(details: "Details") -> None:
    from stagemix.merge.robustness import MEASURES, WITHOUT_ACCOUNT, WITHOUT_PERIOD

    frame = details.robustness
    rows: list[list[object]] = []
    for what in frame["what"].unique():
        group = frame[frame["what"] == what]
        if what in (WITHOUT_ACCOUNT, WITHOUT_PERIOD):
            for bound in ("min", "max"):
                rows.append([f"{what}: {bound}", *(_bound(group, m, bound) for m in MEASURES)])
        else:
            rows.append([what, *(_interval(group, m) for m in MEASURES)])
    table(["", "u", "W", "Tot"], rows)


def _bound(group: "pd.DataFrame", measure: str, bound: str) -> str:
    own = group[group["measure"] == measure]
    if own.empty:
        return "–"
    row = records(own.sort_values("change"))[0 if bound == "min" else -1]
    return f"{row['change']:+.3f} (without {row['left_out']})"


def _interval(group: "pd.DataFrame", measure: str) -> str:
    own = group[group["measure"] == measure]
    if own.empty:
        return "–"
    row = records(own)[0]
    return f"{row['change']:+.3f} [{row['low']:.3f}, {row['high']:.3f}]"


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
