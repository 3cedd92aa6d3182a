"""The command line, `leeway COMMAND PROJECT`. An error prints one paragraph and exits with a non-zero code."""

from __future__ import annotations

import os
import sys
import threading
import time
from importlib.metadata import version
from typing import Annotated

import typer

from flows.cli.parsers.arguments import FAILED
from flows.cli.parsers.doctor_commands import doctor_app
from flows.cli.parsers.model_commands import model_app
from flows.cli.parsers.night_commands import night_app
from flows.cli.parsers.run_commands import run_app
from flows.cli.parsers.service_commands import service_app
from flows.cli.parsers.start_commands import start_app
from flows.cli.parsers.upkeep_commands import upkeep_app
from tasks.errors import Error

EXIT_SECONDS = 30.0
RENAMED = {"again": "recompute", "begin": "start", "beside": "compare-with", "take": "labels"}
"""Options as they were called before, and as they are called now; both work, only the new name is in the help."""

app = typer.Typer(
    help="Leeway keeps models in production honest: nightly checks, drift monitoring, proven and approved retraining.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda name: RENAMED.get(name, name),
    },
)
for group in (start_app, service_app, night_app, model_app, upkeep_app):
    app.add_typer(group)
app.add_typer(run_app, name="run")
app.add_typer(doctor_app, name="doctor")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"leeway {version('leeway')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Read the options that all commands share."""
    if debug:
        os.environ["LEEWAY_DEBUG"] = "1"


def run() -> None:
    """Run the command line as a process of its own, which ends soon after its command has."""
    code: object = FAILED
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code
        raise
    finally:
        if "prefect" in sys.modules:
            end_within(EXIT_SECONDS, code if isinstance(code, int) else int(code is not None))


def end_within(seconds: float, code: int) -> None:
    """End this process if it does not end by itself: at exit, threads of Prefect may wait for ever."""

    def end() -> None:
        time.sleep(seconds)
        os._exit(code)

    threading.Thread(target=end, daemon=True).start()


def main() -> None:
    """Run the command line. Errors print as a paragraph, and with --debug as a traceback.

    On an interrupt typer exits with code 130.
    """
    try:
        app()
    except Exception as error:
        if os.environ.get("LEEWAY_DEBUG"):
            raise
        from flows.cli.console import screen
        from tasks.render.safe_text import terminal

        text = str(error) if isinstance(error, Error) else _unexpected(error)
        screen(stderr=True).print(f"[bold red]error:[/] {terminal(text)}")
        sys.exit(FAILED)


def _unexpected(error: Exception) -> str:
    """Return the message for an error that is none of Leeway's own; errors of the machine explain themselves."""
    text = f"{type(error).__name__}: {error}"
    return text if isinstance(error, OSError) else f"{text}; this is unexpected: `leeway --debug ...` shows where"
