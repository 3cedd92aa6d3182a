"""The night: ingest, validate, quarantine, profile, score, measure, decide; and start a retraining when it is due."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, runtime

from flows.loaded_version import Champion
from flows.steps.corrected_tables import release_corrected
from flows.steps.decide_night import NightOutcome, decide_night, decided
from flows.steps.events import emit_event
from flows.steps.exclusive_run import run_exclusively
from flows.steps.executor import executor
from flows.steps.in_service.post_release import shadow_scored
from flows.steps.in_service.served_rows import score_served
from flows.steps.kept_version import keep_champions
from flows.steps.publish import show_verdicts
from flows.workspace import Workspace, open_workspace
from tasks import clock
from tasks.dataset.feature_lookup import keep_latest_values
from tasks.dataset.night_data import NightData
from tasks.ingest.task import take_in_task
from tasks.lake import SUPERSEDED, Batch, Deliveries
from tasks.logs import line, logger
from tasks.metrics_export.task import timed
from tasks.monitor.data_quality_checks import finding_of
from tasks.monitor.profiling.task import profile_batches_task, profile_refused_task
from tasks.monitor.table_checks.task import profile_values_task, values_check_task
from tasks.monitor.task import suspect_task
from tasks.notify.task import notify_failure
from tasks.records import Delivery, Unread, ValidatedDelivery
from tasks.score.task import Scorer, score_batches_task
from tasks.validate.acceptance.quarantine_rows import as_delivered
from tasks.validate.acceptance.task import quarantine_task, store_task
from tasks.validate.task import RELEASED, verdicts_task


def _run_name() -> str:
    given = runtime.flow_run.parameters
    return f"{given['project']} {given.get('date') or 'tonight'}"


@flow(name="nightly", flow_run_name=_run_name, on_failure=[notify_failure], on_crashed=[notify_failure])
def nightly(project: str, date: Date | None = None, reason: str = "by hand") -> dict[str, Any]:
    """Run one night of a project.

    Parameters
    ----------
    project : str
        Its name: the folder under deployments/.
    date : date, optional
        The night to run; when left out, today in the project's time zone, and before it every scheduled night that
        was missed. A night that was decided, and since which nothing new has landed, is left as it is.
    reason : str
        Why it is run, for the record.
    """
    workspace = open_workspace(project)
    # With a monitoring schedule of its own nothing is decided here, and this night takes in what missed nights did not.
    return run_exclusively(workspace, date, reason, run_night, catch_up=workspace.spec.schedule.monitoring is None)


def run_night(workspace: Workspace, night: Date, reason: str) -> NightOutcome:
    """Ingest, validate, score, measure and decide one night; with a monitoring schedule of its own, ingest to score."""
    workspace = workspace.reading_for(workspace.champion()).with_degree()
    checked = take_in_and_validate(workspace, night)
    keep_champions(workspace)
    data = NightData.read(workspace.lake, workspace.spec, night, aliases=workspace.registry.aliases)
    champion, apart = workspace.champion(data.entries), workspace.spec.schedule.monitoring
    before, fault = None if checked or apart else decided(data), ""
    if champion is not None:
        if before is None and release_corrected(workspace, champion, data):
            data = data.reread()
        if before is None and quarantine_suspects(workspace, champion, data):
            data = data.reread()
        score_served(workspace, data.deliveries.of(night))
        summarise_and_score(workspace, champion, data.deliveries)
        summarise_refused(workspace, champion, data.deliveries)
        fault = shadow_scored(workspace, champion, data)
    emit_quarantine_events(workspace, checked)
    counts = {"rows_in": sum(each.rows_in for each in checked), "refused": sum(each.rows_refused for each in checked)}
    if apart:
        decision = {"action": "taken in", "kind": "none", "reason": f"drift is decided on by {apart!r}", "name": ""}
        return NightOutcome({"night": night.isoformat(), **counts, **decision}, champion, data.entries)
    outcome = decide_night(workspace, champion, data, reason, shadow_fault=fault, before=before)
    return replace(outcome, summary={**outcome.summary, **counts})


def take_in_and_validate(workspace: Workspace, night: Date) -> list[ValidatedDelivery]:
    """Ingest, validate and store everything that landed up to the night; return what was new.

    Deliveries that are too large for memory are kept in a temporary folder meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="leeway-", ignore_cleanup_errors=True) as folder:
        with timed("ingest"):
            landed = take_in_task(
                workspace.lake, workspace.spec, workspace.folder, night, spool=Path(folder) / "landed"
            )
        with timed("validate"):
            checked = _checked(workspace, landed, night, Path(folder) / "checked") if landed else []
        if checked:
            with timed("store"):
                checked = store_task(workspace.lake, workspace.spec, checked, night, clock.now())
            tables = {each.landed.table for each in checked if each.landed.kind == "features"}
            keep_latest_values(workspace.lake, workspace.spec, tables)
            if tables:
                with timed("profile"):
                    profile_values_task(workspace.lake, workspace.spec, night)
            show_verdicts(workspace, night, checked)
    return checked


def _checked(
    workspace: Workspace, landed: Sequence[Delivery | Unread], night: Date, spool: Path
) -> list[ValidatedDelivery]:
    """Return what landed after its contract, and what feature tables delivered after a look at what they did before."""
    has_values = any(each.landed.kind == "features" for each in landed)
    known = values_check_task(workspace.lake, workspace.spec, night) if has_values else None
    return verdicts_task(landed, workspace.spec, workspace.folder, spool, known)


def quarantine_suspects(workspace: Workspace, champion: Champion, data: NightData) -> list[Batch]:
    """Quarantine the deliveries of the night that are broken in a way the contract cannot see; return these batches."""
    with executor(workspace.spec.compute) as spread:
        found = suspect_task(data, champion.baseline, workspace.summaries(champion.ruler), spread=spread)
    if not found:
        return []
    by_id = {batch.batch_id: batch for batch in data.deliveries.of(data.night)}
    findings = {by_id[name]: [finding_of(each, by_id[name]) for each in suspected] for name, suspected in found.items()}
    return quarantine_task(workspace.lake, workspace.spec, findings)


def late_batches(champion: Champion, known: Deliveries) -> list[Batch]:
    """Return the batches that came after the champion was trained, with rows of days that it was trained on only.

    The champion did not learn from these rows, so they are answered like any other. They are not measured: a window
    never reaches into the days of the reference.
    """
    since, until = champion.signed_at, champion.trained_until
    batches = [] if since is None else [batch for batch in known.accepted() if batch.time > since]
    return [batch for batch in batches if batch.event_until is not None and batch.event_until <= until]


def summarise_and_score(workspace: Workspace, champion: Champion, known: Deliveries) -> None:
    """Profile and score the accepted rows that are newer than the champion's training rows and have not been yet.

    Rows that came late, of days that the champion was trained on, are scored only: see `late_batches`.

    With `compute.backend: dask`, partitions of the rows are profiled and scored on the workers.
    """
    batches, summaries = known.accepted(after=champion.trained_until), workspace.summaries(champion.ruler)
    with executor(workspace.spec.compute) as spread:
        with timed("profile"):
            profile_batches_task(batches, summaries, spread=spread)
        scorer = Scorer(
            workspace.lake,
            workspace.project,
            champion.model,
            champion.number,
            summaries.features,
            clock.now(),
            workspace.answer_destination(),
            workspace.spec.automation.degree,
            spread,
        )
        late = late_batches(champion, known)
        if new := scorer.unanswered(late):
            lag = max((batch.arrival - batch.event_until).days for batch in new if batch.event_until is not None)
            rows = sum(batch.rows_accepted for batch in new)
            logger().info(line("late_rows_answered", lag_days=lag, rows=rows, trained_until=champion.trained_until))
        with timed("score"):
            score_batches_task(scorer, [*batches, *late])


def summarise_refused(workspace: Workspace, champion: Champion, known: Deliveries) -> None:
    """Profile quarantined rows that have not been yet: with the accepted ones they are the rows as delivered."""
    quarantined = [
        batch
        for batch in known.latest()
        if batch.kind == "rows"
        and batch.rows_quarantined
        and batch.verdict not in {SUPERSEDED, RELEASED}
        and batch.arrival > champion.trained_until
    ]
    with timed("profile"):
        profile_refused_task(
            workspace.lake,
            workspace.project,
            quarantined,
            champion.ruler,
            read=partial(as_delivered, spec=workspace.spec),
        )


def emit_quarantine_events(workspace: Workspace, checked: Sequence[ValidatedDelivery]) -> None:
    """Emit an event for each delivery that was quarantined, wholly or in part."""
    for each in checked:
        if each.rows_refused or each.verdict == "quarantined":
            counts = {"rows_in": each.rows_in, "rows_refused": each.rows_refused}
            emit_event(
                workspace.project, "batch.quarantined", {"batch": each.landed.key, "verdict": each.verdict, **counts}
            )
