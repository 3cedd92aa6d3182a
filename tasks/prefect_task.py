"""The one way a room becomes a Prefect task: no caching of frames, retried only when its error's type says so.

Prefect is imported when a task first runs. Commands that run no flow, and the prediction service's controller, import
the rooms for their functions, and start two seconds of processor time sooner without it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from tasks.errors import is_retryable

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import State, TaskRun

P = ParamSpec("P")
R = TypeVar("R")
RETRIES = 3
RETRY_DELAYS_SECONDS = [2.0, 10.0, 30.0]


class LeewayTask(Generic[P, R]):
    """A function that runs as a Prefect task of the given name, with arguments that Prefect passes on as they are.

    Prefect looks for results of other tasks in whatever a task is given, value by value and twice: in the decision
    record of a few years that takes longer than the night. No task is given any here.
    """

    def __init__(self, function: Callable[P, R], name: str) -> None:
        update_wrapper(self, function)
        self.name = name
        self._function = function

    @cached_property
    def task(self) -> Task[..., R]:
        """The task as Prefect knows it."""
        from prefect import Task
        from prefect.cache_policies import NO_CACHE

        return Task(
            self._function,
            name=self.name,
            cache_policy=NO_CACHE,
            retries=RETRIES,
            retry_delay_seconds=RETRY_DELAYS_SECONDS,
            retry_condition_fn=_can_help,
        )

    def __call__(self, *args: P.args, **options: P.kwargs) -> R:
        """Run the task; its arguments are quoted."""
        from prefect.utilities.annotations import quote

        run: Callable[..., R] = self.task
        return run(*map(quote, args), **{name: quote(value) for name, value in options.items()})


def leeway_task(name: str) -> Callable[[Callable[P, R]], LeewayTask[P, R]]:
    """Return the decorator that makes a function a task of the given name."""

    def decorate(function: Callable[P, R]) -> LeewayTask[P, R]:
        return LeewayTask(function, name)

    return decorate


def _can_help(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    try:
        state.result(raise_on_failure=True)
    except BaseException as error:  # noqa: BLE001 - whatever it was, only its type is asked
        return is_retryable(error)
    return False
