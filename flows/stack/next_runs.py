"""The time of each project's next night: as planned by Prefect, or else by the schedule in the spec."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flows.stack.endpoints import Endpoints, prefect_client
from tasks.spec import ProjectSpec

MINUTE, HOUR, DAY = 60, 3600, 86400


def by_schedule(spec: ProjectSpec, moment: datetime) -> str:
    """Return the time of a project's next night by the schedule in its spec.

    Parameters
    ----------
    moment : datetime
        Now, with its time zone.
    """
    from tasks.metrics_export import due_after

    return f"{_time_and_distance(due_after(spec.schedule, moment), moment)}, by its schedule, if the stack runs then"


def overdue(spec: ProjectSpec, decided: date | None, moment: datetime) -> bool:
    """Return whether the scheduled time of tonight has passed without a run, for a project with at least one night.

    Parameters
    ----------
    decided : date or None
        The newest night with a decision.
    moment : datetime
        Now, with its time zone.
    """
    from tasks.metrics_export import due_after

    local = moment.astimezone(ZoneInfo(spec.schedule.time_zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    due = due_after(spec.schedule, midnight - timedelta(seconds=1))
    return decided is not None and decided < local.date() and due.date() == local.date() and due <= local


def by_prefect(specs: Sequence[ProjectSpec], endpoints: Endpoints, moment: datetime) -> dict[str, str]:
    """Return, by project name, when Prefect runs the next night, or why it does not.

    Raises
    ------
    Unreachable
        When Prefect does not answer, or asks for a key that is not configured.
    """
    with prefect_client(endpoints, "the next runs") as client:
        return {spec.project: _of_deployment(client, spec, moment) for spec in specs}


def _of_deployment(client: Any, spec: ProjectSpec, moment: datetime) -> str:
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.exceptions import ObjectNotFound

    name = f"nightly/{spec.project}"
    try:
        deployment = client.read_deployment_by_name(name)
        pool = client.read_work_pool(deployment.work_pool_name)
    except ObjectNotFound:
        return "none: it is not deployed; `leeway up` deploys it"
    runs = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=1,
    )
    if not runs:
        off = deployment.paused or not any(schedule.active for schedule in deployment.schedules)
        return "none: its schedule is off in Prefect" if off else "none planned by Prefect yet"
    planned = _time_and_distance(runs[0].expected_start_time.astimezone(ZoneInfo(spec.schedule.time_zone)), moment)
    ready = pool.status is None or pool.status.value == "READY"
    return planned if ready else f"{planned}, but no worker serves the pool {pool.name}: `leeway up` starts one"


def _time_and_distance(when: datetime, moment: datetime) -> str:
    """Return a time, and how far it is from now.

    >>> from datetime import UTC
    >>> _time_and_distance(datetime(2026, 1, 2, 2, tzinfo=UTC), datetime(2026, 1, 1, 23, tzinfo=UTC))
    '2026-01-02 02:00 UTC, in 3 h'
    >>> _time_and_distance(datetime(2026, 1, 1, 22, tzinfo=UTC), datetime(2026, 1, 1, 23, tzinfo=UTC))
    '2026-01-01 22:00 UTC, late by 1 h'
    """
    seconds = (when - moment).total_seconds()
    distance = abs(seconds)
    span = f"{distance // MINUTE:.0f} min" if distance < HOUR else f"{distance // HOUR:.0f} h"
    span = f"{distance // DAY:.0f} days" if distance >= 2 * DAY else span
    return f"{when:%Y-%m-%d %H:%M %Z}, {'in' if seconds >= 0 else 'late by'} {span}"
