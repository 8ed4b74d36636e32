"""`stagemix demo`."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from stagemix.cli.converge import TITLES
from stagemix.cli.output import percent, records, steps, table


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
    from stagemix.mix.words import words
    from stagemix.study.example import run_example
    from stagemix.study.folder import INVENTED

    with steps() as progress:
        run = run_example(
            folder,
            now=datetime.now().astimezone(),
            progress=progress if sys.stderr.isatty() else _say,
        )
    print(f"{INVENTED.en}\n")
    r = run.reliability
    print(
        f"Coders (language models, see coding/README.md): {r.units} posts coded twice, agreement {percent(r.percent_agreement)}, "
        f"Krippendorff's alpha {_number(r.alpha_nominal)} nominal, "
        f"{_number(r.alpha_ordinal)} ordinal"
    )
    e = run.evaluation
    print(
        f"Classifier, cross-validated: macro-F1 {e.macro_f1:.3f} (always {e.baseline_category}: "
        f"{e.baseline_macro_f1:.3f})\n"
    )
    names = [label for key, label in run.labels.items() if key != "uncodable"]
    rows = []
    for account, group in run.mix.groupby("account", sort=False):
        cells = [
            f"{percent(x['share'])} [{percent(x['low'])}, {percent(x['high'])}]"
            if x["status"] != "refused"
            else words(str(x["note"]), language="en")
            for x in records(group)
        ]
        rows.append([account, int(group["n_posts"].iloc[0]), *cells])
    table(["account", "posts", *names], rows, title="Corrected share and 95% interval")
    print()
    for m in run.convergence.measures:
        if m.values and m.name != "evenness":
            values = list(m.values.items())
            print(
                f"{TITLES[m.name]}: {values[0][1]:.3f} in {values[0][0]}, "
                f"{values[-1][1]:.3f} in {values[-1][0]}"
            )
    print(
        "Estimates, whose changes are not tested here; differences between accounts can be "
        "estimated as slightly below 0."
    )
    print(
        f"\nSince the example is invented, the truth is known: {run.held} of {run.intervals} "
        "intervals above hold the true share."
    )
    print(f"Report: {run.report.resolve()}")


def _say(step: str) -> None:
    print(f"… {step}", file=sys.stderr)


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
