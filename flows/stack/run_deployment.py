"""Run deployments in this process, as a worker does, but without a new process and its imports for every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from prefect import Flow
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
from prefect.flow_engine import run_flow
from prefect.flows import load_flow_from_entrypoint
from prefect.states import Pending

from flows.stack.deployments import entrypoint


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


def run_due(kind: str, project: str, *, started: Callable[[FlowRun], None] = lambda _run: None) -> list[Any]:
    """Run the due runs of a deployment that no worker has taken, oldest first; return what the flows return."""
    with _shared_client() as client:
        deployment = client.read_deployment_by_name(f"{kind}/{project}")
        waiting = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
            ),
            sort=FlowRunSort.START_TIME_ASC,
        )
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
