"""Run deployments: by a worker, or in this process as a worker does, without a new process for every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from prefect import Flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import SettingsContext, SyncClientContext, get_settings_context
from prefect.exceptions import ObjectNotFound
from prefect.flow_engine import run_flow
from prefect.flows import load_flow_from_entrypoint
from prefect.states import Pending

from flows.stack.deployments import entrypoint

UNDER_WAY = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING]
LONGEST_RUN = timedelta(hours=1)
"""Of a run that began earlier, its process and its worker may both be gone, which Prefect does not notice."""


def run(kind: str, project: str, **parameters: Any) -> Any:
    """Run a project's deployment now in this process, and return what its flow returns.

    The run belongs to the deployment and is shown in the Prefect UI. It is created as pending, so that no worker takes
    it as well.
    """
    with _shared_client() as client:
        deployment = client.read_deployment_by_name(f"{kind}/{project}")
        created = client.create_flow_run_from_deployment(
            deployment.id, parameters={"project": project, **parameters}, state=Pending()
        )
        return run_flow(_flow(kind), flow_run=created)


def start(kind: str, project: str, moment: datetime) -> Literal["started", "under way", "not deployed"]:
    """Let a worker run a project's deployment, unless a run of it waits or is under way; return what was done.

    Schedules of the deployment itself are not counted. A run that began long ago is no reason to wait for it: if its
    process is alive, the limit of the deployment cancels the new run.
    """
    with get_client(sync_client=True) as client:
        try:
            deployment = client.read_deployment_by_name(f"{kind}/{project}")
        except ObjectNotFound:
            return "not deployed"
        if any(
            not each.auto_scheduled and _may_go_on(each, moment) for each in _runs(client, deployment.id, UNDER_WAY)
        ):
            return "under way"
        client.create_flow_run_from_deployment(deployment.id, parameters={"project": project})
    return "started"


def _may_go_on(flow_run: FlowRun, moment: datetime) -> bool:
    return flow_run.start_time is None or moment - flow_run.start_time < LONGEST_RUN


def _runs(client: SyncPrefectClient, deployment: UUID, states: list[StateType]) -> list[FlowRun]:
    """Return the runs of a deployment in some states, oldest first."""
    return client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states))),
        sort=FlowRunSort.START_TIME_ASC,
    )


def run_due(kind: str, project: str, *, started: Callable[[FlowRun], None] = lambda _run: None) -> list[Any]:
    """Run the due runs of a deployment that no worker has taken, oldest first; return what the flows return."""
    with _shared_client() as client:
        deployment = client.read_deployment_by_name(f"{kind}/{project}")
        waiting = _runs(client, deployment.id, [StateType.SCHEDULED])
        taken = [flow_run for flow_run in waiting if not flow_run.auto_scheduled and _claim(client, flow_run)]
        results = []
        for flow_run in taken:
            started(flow_run)
            results.append(run_flow(_flow(kind), flow_run=flow_run))
    return results


def _flow(kind: str) -> Flow[..., Any]:
    """Load a flow by its entrypoint, as a worker does."""
    return load_flow_from_entrypoint(entrypoint(kind), use_placeholder_flow=False)


@contextmanager
def _shared_client() -> Iterator[SyncPrefectClient]:
    """Give the client that a run and its tasks share, and send no heartbeats.

    Heartbeats show a server that a remote process is alive. They are not needed here, and each run would wait up to a
    second for the thread of its heartbeat to end.
    """
    with _without_heartbeats(), SyncClientContext.get_or_create() as context:
        yield context.client


def _without_heartbeats() -> SettingsContext:
    """Return the settings of this process, but for heartbeats.

    They are copied: Prefect's own `temporary_settings` validates all settings again, which takes 60 ms.
    """
    now = get_settings_context()
    flows = now.settings.flows.model_copy(update={"heartbeat_frequency": None})
    return SettingsContext(profile=now.profile, settings=now.settings.model_copy(update={"flows": flows}))


def _claim(client: Any, waiting: FlowRun) -> bool:
    """Move a run to pending as a worker does; return whether this process was the first."""
    from prefect.client.schemas.responses import SetStateStatus

    answer = client.set_flow_run_state(waiting.id, Pending())
    return bool(answer.status == SetStateStatus.ACCEPT)
