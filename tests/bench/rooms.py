"""The tasks of the flows as functions without Prefect, and how long each of them takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from inspect import unwrap
from time import perf_counter
from typing import Any
from unittest.mock import patch

from tasks.prefect_task import LeewayTask, leeway_task

Wrap = Callable[[str, Callable[..., Any]], Callable[..., Any]]


@contextmanager
def plain_rooms(wrap: Wrap = lambda _name, function: function) -> Iterator[None]:
    """Put the function in each task's place while the block runs.

    Parameters
    ----------
    wrap : callable
        Given a task's name and its function; returns what is called instead.
    """
    with _replaced(wrap):
        yield


@contextmanager
def timed_rooms() -> Iterator[dict[str, float]]:
    """Give a table to which every task's seconds are added by its name, without Prefect's own, while the block runs."""
    seconds: dict[str, float] = {}

    def task(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return leeway_task(name)(_timed(function, name, seconds))

    with _replaced(task):
        yield seconds


@contextmanager
def _replaced(wrap: Wrap) -> Iterator[None]:
    with ExitStack() as patches:
        for module, name, task in _tasks():
            patches.enter_context(patch.object(module, name, wrap(task.name, unwrap(task))))
        yield


def _tasks() -> list[tuple[Any, str, LeewayTask[..., Any]]]:
    """Return each task where a flow looks it up: in the flow's module, not in the task's own."""
    flows = [module for name, module in sys.modules.items() if name.startswith("flows.")]
    return [
        (module, name, each) for module in flows for name, each in vars(module).items() if isinstance(each, LeewayTask)
    ]


def _timed(function: Callable[..., Any], name: str, seconds: dict[str, float]) -> Callable[..., Any]:
    @wraps(function)
    def timed(*args: Any, **options: Any) -> Any:
        began = perf_counter()
        try:
            return function(*args, **options)
        finally:
            seconds[name] = seconds.get(name, 0.0) + perf_counter() - began

    return timed
