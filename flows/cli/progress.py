"""What a person at the command line sees of a flow that runs: what the rooms say, and none of Prefect's tracebacks."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from flows.cli.console import screen

OURS = (str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "tasks"))
RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


class _Lines(logging.Handler):
    """Prints each line that our own code logs."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        if record.pathname.startswith(OURS):
            self.console.print(f"[dim]{escape(record.getMessage())}[/]")


def hush() -> None:
    """Keep Prefect's own lines from the screen, before it is imported; the runs keep them. `--debug` shows them."""
    if not os.environ.get("LEEWAY_DEBUG"):
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Say what is going on while it does; Prefect must have been imported by then."""
    console = screen(stderr=True)
    lines, loggers = _Lines(console), [logging.getLogger(name) for name in RUN_LOGGERS]
    for logger in loggers:
        logger.addHandler(lines)
    try:
        with console.status(what):
            yield
    finally:
        for logger in loggers:
            logger.removeHandler(lines)
