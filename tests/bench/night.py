"""One night of a thousand rows with the servers up, where its time goes, and what stands beside it.

Nights through Prefect and nights of the same rooms as plain functions take turns, so that both meet the same lake.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import partial, wraps
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from rich.console import Console

from flows.stack.local_stack import open_stack
from tests.bench.figures import Figures, Time
from tests.bench.places import own_place
from tests.bench.project import NAME, ROWS_A_NIGHT, day_rows, nights_after_first, write_project

if TYPE_CHECKING:
    from flows.workspace import Workspace

NIGHTS = 5
WARMING = 2
TOTAL = f"a night of {ROWS_A_NIGHT:,} rows, servers up"
PLAIN = "the same rooms without Prefect"
BARE = f"the bare model on {ROWS_A_NIGHT:,} rows"
Rooms = list[dict[str, float]]


def bench_night(console: Console) -> Figures:
    with own_place() as where:
        nights = nights_after_first(WARMING + 2 * NIGHTS)
        write_project(where / "projects", len(nights))
        os.environ["LEEWAY_PROJECTS"] = str(where / "projects")
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
        with open_stack(where / "home", say=console.print):
            workspace = _first_champion()
            console.print("a champion serves; now the nights")
            for night in nights[:WARMING]:
                _through_prefect(night)
            measured, whole, plain = _measured(nights[WARMING:])
            return _figures(measured, whole, plain, _bare(workspace))


def _first_champion() -> Workspace:
    from flows.stack.deployments import deploy
    from flows.stack.run_deployment import run
    from flows.workspace import open_workspace
    from tasks.registry.mlflow_names import APPROVAL
    from tests.bench.project import FIRST_NIGHT

    workspace = open_workspace(NAME)
    deploy([workspace.spec], workspace.home)
    for kind in ("nightly", "retrain"):
        run(kind, NAME, date=FIRST_NIGHT.isoformat())
    workspace.registry.set_tag(NAME, 1, APPROVAL, "approved")
    run("promote", NAME, date=FIRST_NIGHT.isoformat())
    return workspace


def _measured(nights: list[date]) -> tuple[Rooms, list[Time], list[Time]]:
    """Run nights by turns; return each Prefect night's seconds by room, and the times of both kinds of night."""
    rooms, whole, plain = [], [], []
    for through, without in zip(nights[::2], nights[1::2], strict=True):
        with _timed_rooms() as seconds:
            whole.append(Time.of(partial(_through_prefect, through)))
        rooms.append(seconds)
        with _plain_rooms():
            plain.append(Time.of(partial(_plainly, without)))
    return rooms, whole, plain


def _through_prefect(night: date) -> None:
    from flows.stack.run_deployment import run

    run("nightly", NAME, date=night.isoformat(), reason="bench")


def _plainly(night: date) -> None:
    from flows.nightly import nightly

    nightly.fn(NAME, night, "bench")


@contextmanager
def _timed_rooms() -> Iterator[dict[str, float]]:
    """Give a table that every room's seconds are added to, by its name, while the block runs."""
    seconds: dict[str, float] = {}
    with ExitStack() as patches:
        for task in {id(task): task for _, _, task in _tasks()}.values():
            patches.enter_context(patch.object(task, "fn", _timed(task.fn, task.name, seconds)))
        yield seconds


@contextmanager
def _plain_rooms() -> Iterator[None]:
    """Put the plain function in each task's place while the block runs."""
    with ExitStack() as patches:
        for module, name, task in _tasks():
            patches.enter_context(patch.object(module, name, task.fn))
        yield


def _tasks() -> list[tuple[Any, str, Any]]:
    """Return where each room is known by which name: a flow's module is asked, not the room's own."""
    from prefect import Task

    flows = [module for name, module in sys.modules.items() if name.startswith("flows.")]
    return [(module, name, each) for module in flows for name, each in vars(module).items() if isinstance(each, Task)]


def _timed(function: Callable[..., Any], name: str, seconds: dict[str, float]) -> Callable[..., Any]:
    @wraps(function)
    def timed(*args: Any, **options: Any) -> Any:
        began = perf_counter()
        try:
            return function(*args, **options)
        finally:
            seconds[name] = seconds.get(name, 0.0) + perf_counter() - began

    return timed


def _bare(workspace: Workspace) -> Time:
    champion, rows = workspace.champion(), day_rows(nights_after_first(1)[0])
    if champion is None:
        raise AssertionError("the bench's first model was not promoted")
    return Time.median([Time.of(partial(champion.model.predict, rows)) for _ in range(NIGHTS)])


def _figures(rooms: Rooms, whole: list[Time], plain: list[Time], bare: Time) -> Figures:
    figures = Figures(f"one night (median of {NIGHTS}, warm process, servers' processors not counted)")
    figures.add(TOTAL, Time.median(whole), PLAIN)
    by_room = {name: median(each.get(name, 0.0) for each in rooms) for name in rooms[0]}
    for name, seconds in by_room.items():
        figures.add(f"  {name}", Time(seconds))
    inside = Time.median(plain).seconds - sum(by_room.values())
    figures.add("  between the rooms: record, registry, report", Time(max(inside, 0.0)))
    figures.add("  Prefect", Time(max(Time.median(whole).seconds - Time.median(plain).seconds, 0.0)))
    figures.add(PLAIN, Time.median(plain), BARE)
    figures.add(BARE, bare)
    return figures
