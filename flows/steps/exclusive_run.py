"""Whose turn it is: one run at a time does a project's nights, those that were missed before tonight's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date as Date  # noqa: N812 - as in the flows
from typing import Any, TypeAlias

from flows.steps.decide_night import missed_looks, name_run
from flows.workspace import House
from tasks import clock
from tasks.lake import entries, held
from tasks.logs import line, logger
from tasks.metrics_export import Attempt, due_after, failed_night, night_facts, taken_in
from tasks.metrics_export.task import measured, watched, write_gauges

LEASE = "night"
CAUGHT_UP = "missed, caught up"
Work: TypeAlias = Callable[[House, Date, str], dict[str, Any]]


def in_turn(house: House, date: Date | None, reason: str, work: Work, *, catch_up: bool) -> dict[str, Any]:
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
    tonight = date or clock.tonight(house.spec.schedule.time_zone)
    with held(house.lake, house.project, LEASE) as lease:
        mine = house.under(lease)
        for missed in missed_looks(mine, tonight) if catch_up and date is None else []:
            logger().warning(line("night_caught_up", night=missed))
            _measured(mine, missed, CAUGHT_UP, work)
        result = _measured(mine, tonight, reason, work)
    name_run(f"{house.project} {tonight}: {result['action']}")
    return result


def _measured(house: House, night: Date, reason: str, work: Work) -> dict[str, Any]:
    """Do a night's work, and write down for Prometheus how it went, however it ended."""
    begun = clock.now()
    with watched() as seconds:
        try:
            result = work(house, night, reason)
        except BaseException as error:
            write_gauges(house.home, failed_night(house.project, error, begun))
            raise
    past, champion = entries(house.lake, house.project), house.champion()
    attempt, due = Attempt(begun, clock.now(), seconds), due_after(house.spec.schedule, clock.now())
    mine = [each for each in past if each.kind == "night" and each.name == result["name"]]
    facts = (
        night_facts(house.project, mine[-1], past, attempt, champion.trained_until if champion else None, due)
        if mine
        else taken_in(house.project, result["rows_in"] - result["refused"], result["refused"], attempt, due)
    )
    write_gauges(house.home, measured(facts, house.lake, house.home))
    return result
