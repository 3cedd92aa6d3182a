"""Progress of a flow that a command runs: the log lines of Leeway's own code, without those of Prefect."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from flows.cli.console import screen
from tasks.render.safe_text import terminal

OWN_CODE = (str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "tasks"))
RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


class _OwnLines(logging.Handler):
    """Prints each line that Leeway's own code logs."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        if record.pathname.startswith(OWN_CODE):
            self.console.print(f"[dim]{terminal(record.getMessage())}[/]")


def silence_prefect() -> None:
    """Keep Prefect's own lines off the console; call it before Prefect is imported. `--debug` shows them.

    The flow runs keep their logs: they are in the Prefect UI.
    """
    if not os.environ.get("LEEWAY_DEBUG"):
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


@contextmanager
def show_progress(what: str) -> Iterator[None]:
    """Show what runs while the block runs, with its log lines; Prefect must have been imported before."""
    console = screen(stderr=True)
    handler, loggers = _OwnLines(console), [logging.getLogger(name) for name in RUN_LOGGERS]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        with console.status(what):
            yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
