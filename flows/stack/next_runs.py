"""When each project's next night is: as Prefect has it, else as the spec's schedule says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flows.stack.endpoints import Endpoints
from tasks.errors import Unreachable
from tasks.spec import ProjectSpec

MINUTE, HOUR, DAY = 60, 3600, 86400


def by_schedule(spec: ProjectSpec, moment: datetime) -> str:
    """Return when a project's next night would be if something ran it.

    Parameters
    ----------
    moment : datetime
        Now, with its time zone.
    """
    from tasks.metrics_export import due_after

    return f"{_said(due_after(spec.schedule, moment), moment)} by its schedule, if the stack runs then"


def overdue(spec: ProjectSpec, decided: date | None, moment: datetime) -> bool:
    """Tell whether tonight's hour has come while nothing ran, for a project whose nights have begun.

    Parameters
    ----------
    decided : date or None
        The newest night that was decided.
    moment : datetime
        Now, with its time zone.
    """
    from tasks.metrics_export import due_after

    here = moment.astimezone(ZoneInfo(spec.schedule.time_zone))
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    due = due_after(spec.schedule, midnight - timedelta(seconds=1))
    return decided is not None and decided < here.date() and due.date() == here.date() and due <= here


def by_prefect(specs: Sequence[ProjectSpec], addresses: Endpoints, moment: datetime) -> dict[str, str]:
    """Return for each project's name when Prefect will run its next night, or why it will not.

    Raises
    ------
    Unreachable
        When Prefect does not answer, or wants a key that is not given.
    """
    from httpx import HTTPError
    from prefect import get_client
    from prefect.exceptions import PrefectException
    from prefect.settings import PREFECT_API_URL, temporary_settings

    try:
        with (
            temporary_settings({PREFECT_API_URL: addresses.prefect}),
            get_client(sync_client=True) as client,
        ):
            return {spec.project: _of_deployment(client, spec, moment) for spec in specs}
    except (HTTPError, PrefectException) as error:
        raise Unreachable(f"Prefect at {addresses.prefect} cannot be asked for the next runs: {error}") from error


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
        return "none: it is not deployed; `leeway up` does that"
    found = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=1,
    )
    if not found:
        off = deployment.paused or not any(each.active for each in deployment.schedules)
        return "none: its schedule is off in Prefect" if off else "none planned by Prefect yet"
    said = _said(found[0].expected_start_time.astimezone(ZoneInfo(spec.schedule.time_zone)), moment)
    ready = pool.status is None or pool.status.value == "READY"
    return said if ready else f"{said}, but no worker serves the pool {pool.name}: `leeway up` starts one"


def _said(when: datetime, moment: datetime) -> str:
    """Return a moment as people say it.

    >>> from datetime import UTC
    >>> _said(datetime(2026, 1, 2, 2, tzinfo=UTC), datetime(2026, 1, 1, 23, tzinfo=UTC))
    '2026-01-02 02:00 UTC, in 3 h'
    >>> _said(datetime(2026, 1, 1, 22, tzinfo=UTC), datetime(2026, 1, 1, 23, tzinfo=UTC))
    '2026-01-01 22:00 UTC, late by 1 h'
    """
    seconds = (when - moment).total_seconds()
    size = abs(seconds)
    span = f"{size // MINUTE:.0f} min" if size < HOUR else f"{size // HOUR:.0f} h"
    span = f"{size // DAY:.0f} days" if size >= 2 * DAY else span
    return f"{when:%Y-%m-%d %H:%M %Z}, {'in' if seconds >= 0 else 'late by'} {span}"
