"""The second half of a night: measure, decide, write it down, show it, and start a retraining when it is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date as Date  # noqa: N812 - as in the flows
from typing import Any
from uuid import UUID

from prefect import get_client, runtime

from flows.steps.decision_record import NightContext, decision_entry, situation
from flows.steps.events import emit_event
from flows.steps.post_release import show_shadow
from flows.steps.publish import publish
from flows.workspace import Workspace
from tasks import clock
from tasks.decide import decide
from tasks.lake import Entry, append_entry, read_entries
from tasks.logs import line, logger
from tasks.metrics_export.task import timed
from tasks.monitor.measure import MonitoringResult
from tasks.monitor.task import measure_drift_task
from tasks.spec import missed_nights


def decide_night(context: NightContext, reason: str, *, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """Judge a night, unless `before` says how it was decided; see to it that a retraining decided on is started."""
    decision = before
    if decision is None:
        decision = judge(context, reason)
        said = {"night": context.night.isoformat(), **decision}
        if decision["action"] in {"hold", "ask", "retrain"}:
            emit_event(context.workspace.project, "drift.detected", said)
        emit_event(context.workspace.project, "night.decided", said)
    if decision["action"] == "retrain":
        start_retraining(context.workspace, context.night, decision)
    return decision


def judge(context: NightContext, reason: str) -> dict[str, Any]:
    """Measure, decide, write the decision down, and show it where people look."""
    workspace, champion, view = context.workspace, context.champion, MonitoringResult()
    if champion is not None:
        with timed("monitor"):
            view = measure_drift_task(context.data, champion.baseline, features=workspace.features)
    with timed("decide"):
        seen = situation(context, view)
        decision = decide(seen, workspace.spec)
    entry = decision_entry(context, decision, view, reason, clock.now())
    written = append_entry(workspace.lake, workspace.project, entry)
    logger().info(line("night_decided", action=decision.action, kind=decision.kind, reason=decision.reason))
    show_shadow(workspace, seen.shadowed)
    publish(workspace, entry, [*context.past, entry] if written else context.past)
    return {"action": decision.action, "kind": decision.kind, "reason": decision.reason, "name": entry.name}


def start_retraining(workspace: Workspace, night: Date, decision: dict[str, Any]) -> None:
    """Start the retrain deployment, once for a decision however often its night is run again."""
    from prefect.deployments import run_deployment

    run_deployment(
        f"retrain/{workspace.project}",
        parameters={
            "project": workspace.project,
            "date": night.isoformat(),
            "reason": decision["reason"],
            "decision": decision["name"],
        },
        idempotency_key=f"{workspace.project}/{decision['name']}",
        timeout=0,
        as_subflow=False,
    )


def decided(past: Sequence[Entry], night: Date) -> dict[str, Any] | None:
    """Return how a night was decided last, or None."""
    mine = [entry for entry in past if entry.kind == "night" and entry.night == night]
    if not mine:
        return None
    last = mine[-1]
    return {"action": last.action, "kind": last.drift, "reason": last.reason, "name": last.name}


def missed_looks(workspace: Workspace, context: Date) -> list[Date]:
    """Return the scheduled nights before this one that nobody decided on, because nothing ran."""
    decided = [entry.night for entry in read_entries(workspace.lake, workspace.project, "night")]
    return missed_nights(workspace.spec.schedule, max(decided, default=None), context)


def name_run(name: str) -> None:
    """Let the run's name in the Prefect UI say what came of it."""
    if runtime.flow_run.id:
        with get_client(sync_client=True) as client:
            client.update_flow_run(UUID(runtime.flow_run.id), name=name)
