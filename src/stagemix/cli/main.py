"""The commands `stagemix` and `classify`."""

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from stagemix import __version__
from stagemix.cli import (
    agree,
    check,
    classify,
    code,
    compare,
    converge,
    demo,
    evaluate,
    import_,
    init,
    mix,
    report,
    sample,
    train,
)
from stagemix.errors import StagemixError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(show: bool) -> None:
    if show:
        print(f"stagemix {__version__}")
        raise typer.Exit


@app.callback()
def stagemix(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From posts of government accounts to the mix of e-government stages per account.

    In this order: init, import, sample, code, agree, train, evaluate, classify, mix, converge,
    compare, report; `check` for posts that show a stage. `stagemix demo` shows all of it on an invented example.
    """


app.command("demo")(demo.command)
app.command("init")(init.command)
app.command("import")(import_.command)
app.command("sample")(sample.command)
app.command("code")(code.command)
app.command("agree")(agree.command)
app.command("check")(check.command)
app.command("train")(train.command)
app.command("evaluate")(evaluate.command)
app.command("classify")(classify.command)
app.command("mix")(mix.command)
app.command("converge")(converge.command)
app.command("compare")(compare.command)
app.command("report")(report.command)

_classify = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
_classify.command()(classify.command)


def main() -> None:
    """Run `stagemix`; exit 0 done, 1 a problem with data or files, 2 wrong usage."""
    _run(app)


def main_classify() -> None:
    """Run `classify`, the same as `stagemix classify`."""
    _run(_classify)


def _run(program: Callable[[], None]) -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # a pipe on Windows has the system's code page, which lacks some characters
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")
    try:
        program()
    except StagemixError as error:
        _fail(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")
    finally:
        _flush()


def _flush() -> None:
    """Write what is left on stdout; a reader that has had enough, such as head, is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(text: str) -> None:
    print("stagemix: " + " ".join(text.split()), file=sys.stderr)
    sys.exit(1)
