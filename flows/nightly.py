"""The night: take in, check, set aside, summarise, score, measure, decide; and start a retraining when it is due."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import flow, get_client, runtime

from flows.events import tell_prefect
from flows.house import Champion, House, open_house
from flows.record import Tonight, decision_entry, situation
from flows.tell import publish, show_verdicts
from tasks import clock
from tasks.decide import decide
from tasks.drift import Suspicion
from tasks.features import latest_values
from tasks.gauges import Attempt, due_after, failed_night, night_facts
from tasks.gauges.task import measured, timed, watched, write_gauges
from tasks.ingest.task import take_in
from tasks.lake import Batch, Deliveries, Entry, deliveries, entries, held, record
from tasks.logs import line, logger
from tasks.monitor.suspect import suspect
from tasks.monitor.task import View, look, profile_batches
from tasks.notify.task import tell_failure
from tasks.records import Checked, Finding
from tasks.score import results_of
from tasks.score.task import Scorer, score_batches
from tasks.spec import missed_nights, nights_per_year
from tasks.validate.large import LargeChecked
from tasks.validate.storing import set_aside, store
from tasks.validate.task import verdicts

LEASE = "night"
FRESH = {"accepted", "partly_quarantined"}  # what a person let in is not suspected again


def _run_name() -> str:
    given = runtime.flow_run.parameters
    return f"{given['project']} {given.get('date') or 'tonight'}"


@flow(name="nightly", flow_run_name=_run_name, on_failure=[tell_failure], on_crashed=[tell_failure])
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
    house = open_house(project)
    tonight = date or clock.tonight(house.spec.schedule.time_zone)
    with held(house.lake, house.project, LEASE):
        for missed in [] if date else _missed(house, tonight):
            logger().warning(line("night_caught_up", night=missed))
            measured_night(house, missed, "missed, caught up")
        result = measured_night(house, tonight, reason)
    _name_run(f"{house.project} {tonight}: {result['action']}")
    return result


def measured_night(house: House, night: Date, reason: str) -> dict[str, Any]:
    """Run a night, and write down for Prometheus how it went, however it ended."""
    begun = clock.now()
    with watched() as seconds:
        try:
            result = run_night(house, night, reason)
        except BaseException as error:
            write_gauges(house.home, failed_night(house.project, error, begun))
            raise
    past, champion = entries(house.lake, house.project), house.champion()
    entry = [each for each in past if each.kind == "night" and each.night == night][-1]
    attempt, due = Attempt(begun, clock.now(), seconds), due_after(house.spec.schedule, clock.now())
    facts = night_facts(house.project, entry, past, attempt, champion.trained_until if champion else None, due)
    write_gauges(house.home, measured(facts, house.lake, house.home))
    return result


def run_night(house: House, night: Date, reason: str) -> dict[str, Any]:
    """Take in, check, score, measure and decide one night."""
    checked = settle_landed(house, night)
    known, champion = deliveries(house.lake, house.project), house.champion()
    past = entries(house.lake, house.project)
    decision = None if checked else _decided(past, night)
    if champion is not None:
        if decision is None and set_suspects_aside(house, champion, known, night):
            known = deliveries(house.lake, house.project)
        summarise_and_score(house, champion, known)
    if decision is None:
        decision = judge(Tonight(house, night, champion, known, past), reason)
        _emit(house, night, checked, decision)
    if decision["action"] == "retrain":
        start_retraining(house, night, decision)
    return {"night": night.isoformat(), "rows_in": sum(each.rows_in for each in checked), **decision}


def settle_landed(house: House, night: Date) -> list[Checked | LargeChecked]:
    """Take in all that landed up to the night, check it and store it; return what was new.

    Deliveries too large to be held lie in a folder of their own for as long as this takes.
    """
    with tempfile.TemporaryDirectory(prefix="leeway-", ignore_cleanup_errors=True) as place:
        with timed("ingest"):
            landed = take_in(house.lake, house.spec, house.folder, night, spool=Path(place) / "landed")
        with timed("validate"):
            checked = verdicts(landed, house.spec, house.folder, Path(place) / "checked") if landed else []
        if checked:
            with timed("store"):
                store(house.lake, house.spec, checked, night, clock.now())
            keep_latest_values(house, {each.landed.table for each in checked if each.landed.kind == "features"})
            show_verdicts(house, night, checked)
    return checked


def keep_latest_values(house: House, tables: set[str]) -> None:
    """Keep the newest values of each entity of those feature tables that something landed for, for a quick look-up."""
    for table in (each for each in house.spec.features.tables if each.name in tables):
        newest = latest_values(house.feature_values(table), table)
        buffer = BytesIO()
        newest.to_parquet(buffer, index=False)
        house.lake.put(house.project, f"latest-{table.name}.parquet", buffer.getvalue())


def set_suspects_aside(house: House, champion: Champion, known: Deliveries, night: Date) -> list[Batch]:
    """Quarantine what landed tonight and is broken in a way the contract does not know; return these batches."""
    tonight = [each for each in known.of(night) if each.kind == "rows" and each.verdict in FRESH and each.rows_accepted]
    nights = nights_per_year(house.spec.schedule)
    found = suspect(house.lake, house.spec, champion.yardstick, tonight, nights, features=house.features)
    if not found:
        return []
    by_id = {batch.batch_id: batch for batch in tonight}
    findings = {by_id[name]: [_finding(each, by_id[name]) for each in suspected] for name, suspected in found.items()}
    return set_aside(house.lake, house.spec, findings)


def _finding(suspicion: Suspicion, batch: Batch) -> Finding:
    column = ", ".join(suspicion.columns)
    said = f"{suspicion.kind.replace('_', ' ')}{f' in {column}' if column else ''}: {suspicion.evidence}"
    return Finding(suspicion.kind, column, "critical", batch.rows_accepted, said)


def summarise_and_score(house: House, champion: Champion, known: Deliveries) -> None:
    """Bring profiles and predictions up to date with the accepted rows newer than what the champion learned from."""
    batches = known.accepted(after=champion.trained_until)
    ruler = champion.reference.total.ruler
    with timed("profile"):
        profile_batches(house.lake, house.project, batches, ruler, features=house.features)
    results = results_of(house.spec, house.folder)
    scorer = Scorer(
        house.lake,
        house.project,
        champion.model,
        champion.number,
        house.features,
        clock.now(),
        results,
        house.spec.automation.degree,
    )
    with timed("score"):
        score_batches(scorer, batches)


def judge(tonight: Tonight, reason: str) -> dict[str, Any]:
    """Measure, decide, write the decision down, and show it where people look."""
    house, champion, view = tonight.house, tonight.champion, View(None, (), None, 0)
    if champion is not None:
        nights = nights_per_year(house.spec.schedule)
        with timed("monitor"):
            view = look(house.lake, house.spec, champion.yardstick, tonight.night, nights)
    with timed("decide"):
        decision = decide(situation(tonight, view), house.spec)
    entry = decision_entry(tonight, decision, view, reason, clock.now())
    written = record(house.lake, house.project, entry)
    logger().info(line("night_decided", action=decision.action, kind=decision.kind, reason=decision.reason))
    publish(house, entry, [*tonight.past, entry] if written else tonight.past)
    return {"action": decision.action, "kind": decision.kind, "reason": decision.reason, "name": entry.name}


def start_retraining(house: House, night: Date, decision: dict[str, Any]) -> None:
    """Start the retrain deployment, once for a decision however often its night is run again."""
    from prefect.deployments import run_deployment

    run_deployment(
        f"retrain/{house.project}",
        parameters={
            "project": house.project,
            "date": night.isoformat(),
            "reason": decision["reason"],
            "decision": decision["name"],
        },
        idempotency_key=f"{house.project}/{decision['name']}",
        timeout=0,
        as_subflow=False,
    )


def _missed(house: House, tonight: Date) -> list[Date]:
    """Return the scheduled nights before this one that nobody decided, because nothing ran."""
    decided = [entry.night for entry in entries(house.lake, house.project, "night")]
    return missed_nights(house.spec.schedule, max(decided, default=None), tonight)


def _name_run(name: str) -> None:
    """Let the run's name in the Prefect UI say what came of it."""
    if runtime.flow_run.id:
        with get_client(sync_client=True) as client:
            client.update_flow_run(UUID(runtime.flow_run.id), name=name)


def _emit(house: House, night: Date, checked: list[Checked | LargeChecked], decision: dict[str, Any]) -> None:
    said = {"night": night.isoformat(), **decision}
    for each in checked:
        if each.rows_refused or each.verdict == "quarantined":
            counts = {"rows_in": each.rows_in, "rows_refused": each.rows_refused}
            tell_prefect(
                house.project, "batch.quarantined", {"batch": each.landed.key, "verdict": each.verdict, **counts}
            )
    if decision["action"] in {"hold", "ask", "retrain"}:
        tell_prefect(house.project, "drift.detected", said)
    tell_prefect(house.project, "night.decided", said)


def _decided(past: Sequence[Entry], night: Date) -> dict[str, Any] | None:
    mine = [entry for entry in past if entry.kind == "night" and entry.night == night]
    if not mine:
        return None
    last = mine[-1]
    return {"action": last.action, "kind": last.drift, "reason": last.reason, "name": last.name}
