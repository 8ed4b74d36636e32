"""`stagemix report`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from stagemix.cli.output import steps


def command(
    out: Annotated[Path | None, typer.Option(help="The folder of the report [reports].")] = None,
) -> None:
    """Write the report of the study: one HTML file that opens without a network, one workbook.

    Needs the predictions of the study's corpus; codes and reliability come from its round.

    Example: stagemix report --out reports/
    """
    from stagemix.study.folder import need_study
    from stagemix.study.reporting import write_report

    study = need_study(Path.cwd())
    with steps() as progress:
        files = write_report(
            study,
            out=out or study.root / "reports",
            written_at=datetime.now().astimezone(),
            progress=progress,
        )
    for path in files:
        print(path)
