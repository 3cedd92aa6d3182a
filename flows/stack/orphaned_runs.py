"""Clean up runs in Prefect after the stack was stopped: interrupted runs, and polls that are out of date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flows.stack.deployments import ALL
from tasks.spec import ProjectSpec

REPEATED = frozenset({"nightly", "monitor", "retrain"})  # the next poll makes up for a missed one
PAGE_SIZE = 200  # the most runs that Prefect returns at once


def settle_orphans(specs: Sequence[ProjectSpec], moment: datetime) -> int:
    """Schedule interrupted nights and retrainings again, end other interrupted runs, and delete runs that never began.

    Call it while no worker runs. A run that Prefect then reports as running is not, and blocks the runs after it.

    Parameters
    ----------
    moment : datetime
        Now, with its time zone.

    Returns
    -------
    int
        The number of runs that are scheduled again.
    """
    from prefect import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName, FlowRunFilter, FlowRunFilterState
    from prefect.client.schemas.filters import FlowRunFilterStateType as OfType
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed, Scheduled

    unfinished = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    rescheduled = 0
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            deployment_filter=DeploymentFilter(
                name=DeploymentFilterName(any_=[ALL, *(spec.project for spec in specs)])
            ),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=OfType(any_=unfinished))),
            limit=PAGE_SIZE,
        )
        kinds = {flow: client.read_flow(flow).name for flow in {run.flow_id for run in runs}}
        for run in runs:
            if run.state_type != StateType.SCHEDULED and kinds[run.flow_id] in REPEATED:
                client.set_flow_run_state(run.id, Scheduled(message="the stack was stopped while it ran"), force=True)
                rescheduled += 1
            elif run.state_type != StateType.SCHEDULED:
                client.set_flow_run_state(run.id, Crashed(message="the stack was stopped while it ran"), force=True)
            elif run.auto_scheduled and run.expected_start_time and run.expected_start_time < moment:
                client.delete_flow_run(run.id)
    return rescheduled
