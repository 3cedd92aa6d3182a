"""The second half of a night: measure, decide, record and publish the decision, and start a retraining when due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

from flows.loaded_version import Champion
from flows.steps.decision_record import decision_entry, night_name
from flows.steps.events import emit_event
from flows.steps.in_service.post_release import show_people, show_shadow
from flows.steps.in_service.rollout_guardrails import compared_versions
from flows.steps.in_service.served_rows import prove_served
from flows.steps.lineage import downstream, upstream
from flows.steps.night_context import NightContext, situation
from flows.steps.publish import publish
from flows.workspace import Workspace
from tasks import clock
from tasks.dataset.degree_in_force import degree_since
from tasks.dataset.landed_batches import landed_batches
from tasks.dataset.night_data import NightData
from tasks.decide import decide
from tasks.lake import append_entry, read_nights
from tasks.logs import line, logger
from tasks.metrics_export.task import timed
from tasks.monitor.task import measure_drift_task
from tasks.output_metrics.task import measure_outputs_task
from tasks.people.task import audit_answers_task, compare_with_people_task
from tasks.records import Entry, MonitoringResult, NightEntry, nights_of
from tasks.score.task import automated
from tasks.spec import missed_nights


@dataclass(frozen=True, slots=True)
class NightOutcome:
    """The outcome of a night: a summary for Prefect, the serving champion, and the decision record with the night.

    `entry` is None where the night only takes in and scores, because monitoring has a schedule of its own.
    """

    summary: dict[str, Any]
    champion: Champion | None
    record: Sequence[Entry]
    entry: NightEntry | None = None


def decide_night(
    workspace: Workspace,
    champion: Champion | None,
    data: NightData,
    reason: str,
    *,
    shadow_fault: str = "",
    before: NightEntry | None = None,
) -> NightOutcome:
    """Decide a night, unless `before` is its decision already, and start the retraining that it asks for.

    A decision that was recorded before is published again while it is the newest: nothing is sent twice.

    Parameters
    ----------
    shadow_fault : str
        Why the version that waits could not answer.
    """
    if before is None:
        projects = upstream(workspace, data.night), downstream(workspace)
        context = NightContext(champion, data, partial(workspace.load, entries=data.entries), *projects, shadow_fault)
        context = replace(context, served=prove_served(workspace, context.landed), outputs=measure_outputs_task(data))
        context = replace(context, guarded=compared_versions(workspace, data))
        if champion is not None:
            changed = degree_since(data.entries, workspace.spec.automation)
            since = max(champion.trained_until, changed or date.min)
            people = compare_with_people_task(data, champion.number, since)
            context = replace(context, people=people, audit=audit_answers_task(data, champion.number, since))
        entry, record = _decide(workspace, context, data, reason)
    else:
        entry, record = before, data.entries
        if entry == nights_of(record)[-1]:  # its run may have been killed before it could tell anybody
            publish(workspace, entry, record, champion.number if champion else None)
    decision = {"action": entry.action, "kind": entry.drift, "reason": entry.reason, "name": entry.name}
    summary = {"night": data.night.isoformat(), **decision}
    if before is None:
        if entry.action in {"hold", "ask", "retrain"}:
            emit_event(workspace.project, "drift.detected", summary)
        emit_event(workspace.project, "night.decided", summary)
    if entry.action == "retrain":
        start_retraining(workspace, data.night, entry)
    return NightOutcome(summary, champion, record, entry)


def _decide(
    workspace: Workspace, context: NightContext, data: NightData, reason: str
) -> tuple[NightEntry, Sequence[Entry]]:
    """Measure and decide; record the decision and publish it. Return its entry, and the record with it."""
    champion, measured, automation = context.champion, MonitoringResult(), None
    if champion is not None:
        with timed("monitor"):
            summaries = workspace.summaries(champion.ruler)
            measured = measure_drift_task(data, champion.baseline, summaries=summaries, folder=workspace.folder)
    with timed("decide"):
        facts = situation(context, measured)
        decision = decide(facts, workspace.spec)
    if champion is not None:
        automation = automated(data).recorded()
    entry = decision_entry(context, decision, measured, moment=clock.now(), reason=reason, automation=automation)
    written = append_entry(workspace.lake, workspace.project, entry)
    logger().info(line("night_decided", action=decision.action, kind=decision.kind, reason=decision.reason))
    show_shadow(workspace, facts.shadowed)
    show_people(workspace, facts)
    record = [*data.entries, entry] if written else data.entries
    publish(workspace, entry, record, champion.number if champion else None, measured.distributions)
    return entry, record


def start_retraining(workspace: Workspace, night: date, decision: NightEntry) -> None:
    """Start the retrain deployment: once for a decision, however often its night runs again."""
    from prefect.deployments import run_deployment

    run_deployment(
        f"retrain/{workspace.project}",
        parameters={
            "project": workspace.project,
            "date": night.isoformat(),
            "reason": decision.reason,
            "decision": decision.name,
        },
        idempotency_key=f"{workspace.project}/{decision.name}",
        timeout=0,
        as_subflow=False,
    )


def decided(data: NightData) -> NightEntry | None:
    """Return the last decision of a night, or None where it was not decided since its last delivery was taken in."""
    last = next((entry for entry in reversed(nights_of(data.entries)) if entry.night == data.night), None)
    if last is None:
        return None
    landed = landed_batches(data.deliveries, data.entries, data.night, data.spec)
    return last if last.name == night_name(data.night, landed) else None


def missed_looks(workspace: Workspace, night: date) -> list[date]:
    """Return the scheduled nights before this one that have no decision, because nothing ran."""
    decided = [entry.night for entry in read_nights(workspace.lake, workspace.project)]
    return missed_nights(workspace.spec.schedule, max(decided, default=None), night)
