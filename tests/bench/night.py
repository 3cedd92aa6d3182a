"""One night of a thousand rows with the servers up, where its time goes, and the floor it is compared with.

Nights through Prefect and nights of the same rooms as plain functions take turns, so that both meet the same lake.
"""

from __future__ import annotations

import os
from datetime import date
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Console

from flows.stack.local_stack import open_stack
from tests.bench.figures import Figures, Time
from tests.bench.places import own_place
from tests.bench.project import NAME, ROWS_A_NIGHT, day_rows, nights_after_first, write_project
from tests.bench.rooms import plain_rooms, timed_rooms
from tests.bench.sizes import sized

if TYPE_CHECKING:
    from flows.workspace import Workspace

NIGHTS = sized(5, 1)
WARMING = sized(2, 0)
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
        with timed_rooms() as seconds:
            whole.append(Time.of(partial(_through_prefect, through)))
        rooms.append(seconds)
        with plain_rooms():
            plain.append(Time.of(partial(_plainly, without)))
    return rooms, whole, plain


def _through_prefect(night: date) -> None:
    from flows.stack.run_deployment import run

    run("nightly", NAME, date=night.isoformat(), reason="bench")


def _plainly(night: date) -> None:
    from flows.nightly import run_night
    from flows.steps.exclusive_run import run_exclusively
    from flows.workspace import open_workspace

    run_exclusively(open_workspace(NAME), night, "bench", run_night, catch_up=False)


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
