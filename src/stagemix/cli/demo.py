"""`stagemix demo`."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagemix.cli.agreement import alpha
from stagemix.cli.convergence import TITLES
from stagemix.cli.output import percent, records, steps, table

if TYPE_CHECKING:
    from stagemix.report.page import Report


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where the example study is run.")
    ] = Path("stagemix-demo"),
) -> None:
    """Run the main job on the example study, whose accounts and posts are invented.

    Copies the study into DIR (unless it is there) and goes from the agreed codes to the stage
    mix per account and a report.

    Example: stagemix demo 示例
    """
    from stagemix.study.example import run_example
    from stagemix.study.folder import INVENTED

    with steps() as progress:
        run = run_example(
            folder,
            now=datetime.now().astimezone(),
            progress=progress if sys.stderr.isatty() else _say,
        )
    print(f"{INVENTED.en}\n")
    _print_report(run.report)
    print(
        f"\nSince the example is invented, the truth is known: {run.held} of {run.intervals} "
        "intervals above hold the true share."
    )
    print(f"Report: {run.page.resolve()}")


def _print_report(report: "Report") -> None:
    from stagemix.mix.words import words

    r = next(r for r in report.reliability if r.variable == report.card.variable)
    print(
        f"Coders (language models, see coding/README.md): {r.units} posts coded twice, "
        f"agreement {percent(r.value('percent_agreement'))}, Krippendorff's alpha "
        + ", ".join(f"{alpha(f)} {f.coefficient.removeprefix('alpha_')}" for f in r.alphas)
    )
    e = report.evaluation
    print(
        f"Classifier, cross-validated: macro-F1 {e.macro_f1:.3f} (always {e.baseline_category}: "
        f"{e.baseline_macro_f1:.3f})\n"
    )
    rows = []
    for account, group in report.per_account.groupby("account", sort=False):
        cells = [
            f"{percent(x['share'])} [{percent(x['low'])}, {percent(x['high'])}]"
            if x["status"] != "refused"
            else words(str(x["note"]), language="en")
            for x in records(group)
        ]
        rows.append([account, int(group["n_posts"].iloc[0]), *cells])
    headers = ["account", "posts", *report.labels.values()]
    table(headers, rows, title="Corrected share and 95% interval")
    print()
    if report.convergence is not None:
        from stagemix.merge.saying import on_alikeness, on_merging

        print(f"1. {on_merging(report.convergence).en}")
        print(f"2. {on_alikeness(report.convergence).en}")
        for m in report.convergence.measures:
            if m.low is not None and m.name in ("above_publish", "within", "total"):
                first, *_, last = m.values
                print(
                    f"   {TITLES[m.name]}: {m.values[first]:.3f} in {first}, {m.values[last]:.3f} in "
                    f"{last}; change {m.change:+.3f} [{m.low:.3f}, {m.high:.3f}]"
                )


def _say(step: str) -> None:
    print(f"… {step}", file=sys.stderr)
