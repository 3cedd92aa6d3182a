"""Monitoring by itself: how far the model has drifted since the last look, and what is done about it.

Every night does this at its end, unless the spec gives monitoring a schedule of its own. Nothing is taken in here: what
nights have accepted and scored, and the labels that have come, are measured.
"""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from functools import partial
from typing import Any

from prefect import flow, runtime

from flows.house import House, open_house
from flows.judging import decide_night, decided, missed_looks, name_run
from flows.nightly import CAUGHT_UP, LEASE, measured_night
from flows.record import Tonight, night_name
from tasks import clock
from tasks.lake import deliveries, entries, held
from tasks.logs import line, logger
from tasks.notify.task import tell_failure


def _run_name() -> str:
    given = runtime.flow_run.parameters
    return f"{given['project']} {given.get('date') or 'now'}: monitor"


@flow(name="monitor", flow_run_name=_run_name, on_failure=[tell_failure], on_crashed=[tell_failure])
def monitor(project: str, date: Date | None = None, reason: str = "by hand") -> dict[str, Any]:
    """Measure a project's drift and decide what to do about it, without taking anything in.

    Parameters
    ----------
    project : str
        Its name: the folder under deployments/.
    date : date, optional
        The night to decide; when left out, today in the project's time zone, and before it every scheduled look that
        was missed. A night that was decided, and since which nothing new has landed, is left as it is.
    reason : str
        Why it is run, for the record.
    """
    house = open_house(project)
    tonight = date or clock.tonight(house.spec.schedule.time_zone)
    with held(house.lake, house.project, LEASE) as lease:
        house = house.under(lease)
        for missed in [] if date else missed_looks(house, tonight):
            logger().warning(line("look_caught_up", night=missed))
            measured_night(house, missed, partial(look_at, reason=CAUGHT_UP))
        result = measured_night(house, tonight, partial(look_at, reason=reason))
    name_run(f"{house.project} {tonight}: {result['action']}")
    return result


def look_at(house: House, night: Date, reason: str) -> dict[str, Any]:
    """Decide a night from what is stored."""
    past, known = entries(house.lake, house.project), deliveries(house.lake, house.project)
    tonight = Tonight(house, night, house.champion(), known, past)
    before = decided(past, night)
    if before is not None and before["name"] != night_name(tonight):
        before = None
    return {"night": night.isoformat(), **decide_night(tonight, reason, before=before)}
