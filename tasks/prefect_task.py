"""The one way a room becomes a Prefect task: no caching of frames, retried only when its error's type says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.utilities.annotations import quote

from tasks.errors import is_retryable

P = ParamSpec("P")
R = TypeVar("R")
RETRIES = 3
RETRY_DELAYS_SECONDS = [2.0, 10.0, 30.0]


def leeway_task(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Return the decorator that makes a function a task of the given name."""

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        return _QuotingTask(
            function,
            name=name,
            cache_policy=NO_CACHE,
            retries=RETRIES,
            retry_delay_seconds=RETRY_DELAYS_SECONDS,
            retry_condition_fn=_can_help,
        )

    return decorate


class _QuotingTask(Task[P, R]):
    """A task with arguments that Prefect passes on as they are.

    Prefect looks for results of other tasks in whatever a task is given, value by value and twice: in the decision
    record of a few years that takes longer than the night. No task is given any here.
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Run the task; its arguments are quoted."""
        run: Callable[..., Any] = super().__call__
        return run(*map(quote, args), **{name: quote(value) for name, value in options.items()})


def _can_help(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    try:
        state.result(raise_on_failure=True)
    except BaseException as error:  # noqa: BLE001 - whatever it was, only its type is asked
        return is_retryable(error)
    return False
