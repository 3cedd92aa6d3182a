"""What the last stop left in Prefect: runs that nobody carries out any more, and polls whose minute is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tasks.spec import ProjectSpec

WORTH_REPEATING = frozenset({"nightly", "monitor", "retrain"})  # what a poll missed, the next poll sees
MOST = 200  # what Prefect gives at once


def settle(specs: Sequence[ProjectSpec], moment: datetime) -> int:
    """Put interrupted nights and trainings up again, end other interrupted runs, remove what was due and never began.

    To be called while no worker runs: whatever is then said to run does not, and keeps the place of those to come.

    Parameters
    ----------
    moment : datetime
        Now, with its time zone.

    Returns
    -------
    int
        How many runs are put up again.
    """
    from prefect import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName, FlowRunFilter, FlowRunFilterState
    from prefect.client.schemas.filters import FlowRunFilterStateType as OfType
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed, Scheduled

    unfinished = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    again = 0
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[spec.project for spec in specs])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=OfType(any_=unfinished))),
            limit=MOST,
        )
        kinds = {each: client.read_flow(each).name for each in {run.flow_id for run in runs}}
        for run in runs:
            if run.state_type != StateType.SCHEDULED and kinds[run.flow_id] in WORTH_REPEATING:
                client.set_flow_run_state(run.id, Scheduled(message="the stack was stopped while it ran"), force=True)
                again += 1
            elif run.state_type != StateType.SCHEDULED:
                client.set_flow_run_state(run.id, Crashed(message="the stack was stopped while it ran"), force=True)
            elif run.auto_scheduled and run.expected_start_time and run.expected_start_time < moment:
                client.delete_flow_run(run.id)
    return again
