"""Whose turn it is: one run at a time does a project's nights, those that were missed before tonight's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date as Date  # noqa: N812 - as in the flows
from typing import Any, TypeAlias

from flows.steps.decide_night import missed_looks, name_run
from flows.workspace import Workspace
from tasks import clock
from tasks.lake import acquire_lease, read_entries
from tasks.logs import line, logger
from tasks.metrics_export import RunTiming, due_after, failed_night, night_facts, taken_in
from tasks.metrics_export.task import measured, watched, write_gauges

LEASE = "night"
CAUGHT_UP = "missed, caught up"
Work: TypeAlias = Callable[[Workspace, Date, str], dict[str, Any]]


def run_exclusively(
    workspace: Workspace, date: Date | None, reason: str, work: Work, *, catch_up: bool
) -> dict[str, Any]:
    """Do a night's work once it is this run's turn, and name the run in Prefect after what came of it.

    Parameters
    ----------
    date : date, optional
        The night; tonight in the project's time zone when left out.
    work : callable
        Given the house, a night and the reason it is run for; returns what came of it.
    catch_up : bool
        Whether nights that were missed are done first, when no date is given.
    """
    night = date or clock.tonight(workspace.spec.schedule.time_zone)
    with acquire_lease(workspace.lake, workspace.project, LEASE) as lease:
        mine = workspace.with_lease(lease)
        for missed in missed_looks(mine, night) if catch_up and date is None else []:
            logger().warning(line("night_caught_up", night=missed))
            _measured(mine, missed, CAUGHT_UP, work)
        result = _measured(mine, night, reason, work)
    name_run(f"{workspace.project} {night}: {result['action']}")
    return result


def _measured(workspace: Workspace, night: Date, reason: str, work: Work) -> dict[str, Any]:
    """Do a night's work, and write down for Prometheus how it went, however it ended."""
    begun = clock.now()
    with watched() as seconds:
        try:
            result = work(workspace, night, reason)
        except BaseException as error:
            write_gauges(workspace.home, failed_night(workspace.project, error, begun))
            raise
    past, champion = read_entries(workspace.lake, workspace.project), workspace.champion()
    attempt, due = RunTiming(begun, clock.now(), seconds), due_after(workspace.spec.schedule, clock.now())
    mine = [each for each in past if each.kind == "night" and each.name == result["name"]]
    facts = (
        night_facts(workspace.project, mine[-1], past, attempt, champion.trained_until if champion else None, due)
        if mine
        else taken_in(workspace.project, result["rows_in"] - result["refused"], result["refused"], attempt, due)
    )
    write_gauges(workspace.home, measured(facts, workspace.lake, workspace.home))
    return result
