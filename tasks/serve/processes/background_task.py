"""Tasks that run with a server: one that fails ends the server, so that its supervisor starts it again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from tasks.logs import line, raised_at

LOG = logging.getLogger("leeway.serve")


def end_with(server: Any) -> Callable[[asyncio.Task[None]], None]:
    """Return the callback of a task that a server cannot do without: when the task ends, the server ends.

    Parameters
    ----------
    server : uvicorn.Server
        Ended by its `should_exit`.
    """

    def end(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            LOG.error(line("task_failed", error=type(error).__name__, task=task.get_name(), where=raised_at(error)))
        server.should_exit = True

    return end
