"""Log lines: an event, then sorted key=value pairs with units in the keys."""

from __future__ import annotations

import logging
import sys


def line(verb: str, **numbers: object) -> str:
    r"""Return one log line; what steers a terminal, or begins another line, is replaced by its code.

    Examples
    --------
    >>> line("drift_measured", column="plan", window_days=7, score=0.31234567)
    'drift_measured column=plan score=0.3123 window_days=7'
    >>> line("object_left_alone", key="a\x1b[2J\nerror=1")
    "object_left_alone key='a\\x1b[2J\\nerror=1'"
    """
    return " ".join([verb, *(f"{key}={_short(numbers[key])}" for key in sorted(numbers))])


def _short(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return repr(text) if " " in text or not text.isprintable() else text


def raised_at(error: BaseException) -> str:
    """Return the file and line that raised an error, for logs that must not have its text.

    >>> try:
    ...     line("x", **{"a": 1 / 0})
    ... except ZeroDivisionError as error:
    ...     raised_at(error).startswith("<doctest")
    True
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "unknown"


def logger() -> logging.Logger | logging.LoggerAdapter[logging.Logger]:
    """Return the logger of the running flow or task, or the logger `leeway` outside of Prefect."""
    if "prefect" not in sys.modules:  # so nothing runs in this process
        return logging.getLogger("leeway")
    from prefect.context import FlowRunContext, TaskRunContext
    from prefect.logging import get_run_logger

    if TaskRunContext.get() or FlowRunContext.get():
        return get_run_logger()
    return logging.getLogger("leeway")
