"""Between the rooms and the record: what a decision is made from, and how it is written down."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flows.house import Champion, House
from tasks.decide import Situation, Suspected
from tasks.lake import Deliveries, Entry
from tasks.monitor.task import View
from tasks.records import Decision, Moved
from tasks.registry.names import CHALLENGER
from tasks.score.task import automated
from tasks.spec import ProjectSpec

MONTH_DAYS = 30
COLUMNS_SHOWN = 50
STEPS_SHOWN = 5
UNDER_WAY_DAYS = 7  # a run that was lost must not stand in the way for ever


@dataclass(frozen=True, slots=True)
class Tonight:
    """What a night is decided from, each read once: who serves, what was delivered, and what was done so far."""

    house: House
    night: date
    champion: Champion | None
    deliveries: Deliveries
    past: list[Entry]


def situation(tonight: Tonight, view: View) -> Situation:
    """Gather everything the decision of a night may rest on."""
    house, night, champion = tonight.house, tonight.night, tonight.champion
    batches = tonight.deliveries.of(night)
    past = [entry for entry in tonight.past if entry.kind == "retraining" and entry.night <= night]
    refused = [entry.night for entry in past if entry.action == "refused"]
    registered = [entry.night for entry in past if entry.action == "registered"]
    month_ago = night - timedelta(days=MONTH_DAYS)
    recent = tonight.deliveries.accepted(after=month_ago)
    return Situation(
        project=house.project,
        night=night,
        champion=None if champion is None else champion.number,
        champion_age_days=None if champion is None else (night - champion.trained_until).days,
        window_rows=view.window.rows if view.window else 0,
        window_days=view.window.days if view.window else 0,
        quarantined=tuple(batch.key for batch in batches if batch.verdict == "quarantined"),
        refused_rows=sum(batch.rows_quarantined for batch in batches),
        moved=tuple(sorted((*view.moved, *view.predictions), key=lambda moved: -moved.strain)),
        suspicions=tuple(Suspected(each.kind, each.columns, each.evidence) for each in view.suspicions),
        surprises=view.surprises,
        kind=view.kind,
        estimated=view.estimated,
        importances=champion.importances if champion else (),
        performance=view.performance,
        waiting=house.registry.aliases(house.project).get(CHALLENGER),
        last_retraining=max(registered, default=None),
        under_way=_under_way(tonight),
        last_refused=max(refused, default=None),
        retrainings_in_30_days=sum(day > month_ago for day in registered),
        fresh_rows=view.fresh_rows,
        rows_in_30_days=sum(batch.rows_accepted for batch in recent),
    )


def decision_entry(tonight: Tonight, decision: Decision, view: View, reason: str, moment: datetime) -> Entry:
    """Return the record of a night: every answer with its numbers, every column against its leeway."""
    batches = tonight.deliveries.of(decision.night)
    digest = hashlib.sha256("".join(sorted(batch.batch_id for batch in batches)).encode()).hexdigest()[:8]
    details: dict[str, Any] = {
        "run_because": reason,
        "champion": tonight.champion.number if tonight.champion else None,
        "waiting": tonight.house.registry.aliases(tonight.house.project).get(CHALLENGER),
        "answers": [asdict(answer) for answer in decision.answers],
        "moved": _moved((*view.moved, *view.predictions)),
        "surprises": _moved(view.surprises),
        "suspicions": [asdict(each) for each in view.suspicions],
        "rows": sum(batch.rows_accepted for batch in batches if batch.kind == "rows"),
        "labels": sum(batch.rows_accepted for batch in batches if batch.kind == "labels"),
        "quarantined": sum(batch.rows_quarantined for batch in batches),
        "batches": {f"{batch.kind} {batch.key}": batch.verdict for batch in batches},
    }
    if tonight.champion is not None:
        details |= automated.fn(tonight.house.lake, tonight.house.spec, tonight.deliveries, decision.night).to_dict()
    first = where_first(tonight.house.spec, view)
    if first:
        details["where_first"] = first
    if tonight.champion is not None and view.window is not None:
        details["speed"] = speed(view.moved, (view.window.end - tonight.champion.trained_until).days)
    if view.estimated is not None:
        details["estimated"] = asdict(view.estimated)
    if view.performance is not None:
        seen = view.performance
        details["performance"] = asdict(seen) | {"start": seen.start.isoformat(), "end": seen.end.isoformat()}
    return Entry(
        name=f"{decision.night.isoformat()}/{digest}",
        kind="night",
        night=decision.night,
        time=moment,
        action=decision.action,
        drift=decision.kind,
        reason=decision.reason,
        details=details,
    )


def where_first(spec: ProjectSpec, view: View) -> str:
    """Return the first step on the way of the data at which something moved, from the delivery to the labels.

    What a later step shows may only be what an earlier one handed on.
    """
    moved = {each.column for each in view.moved if each.strain > 1}
    steps = {
        "rows as delivered": set(spec.features.own.all),
        **{f"feature table {table.name}": set(table.columns.all) for table in spec.features.tables},
        "features of the project's function": set(spec.features.made.all),
    }
    named = next((step for step, columns in steps.items() if moved & columns), "")
    if named:
        return f"{named} ({', '.join(sorted(moved & steps[named])[:STEPS_SHOWN])})"
    if any(each.strain > 1 for each in view.predictions):
        return "the champion's answers"
    return "labels" if any(each.strain > 1 for each in view.surprises) else ""


def speed(moved: Sequence[Moved], days: int) -> dict[str, float]:
    """Return how quickly the columns that moved most do so: distance a month since the champion's training.

    >>> speed([Moved("area", "level", distance=0.3, leeway=0.1)], days=60)
    {'area': 0.15}
    """
    worst = [each for each in moved if each.strain > 1][:STEPS_SHOWN]
    return {each.column: round(each.distance / max(days, 1) * MONTH_DAYS, 4) for each in worst}


def _under_way(tonight: Tonight) -> date | None:
    """Return the night of a retraining that was decided on within a week, and has no outcome yet."""
    done = {entry.name for entry in tonight.past if entry.kind == "retraining"}
    since = tonight.night - timedelta(days=UNDER_WAY_DAYS)
    waiting = [
        entry.night
        for entry in tonight.past
        if entry.kind == "night" and entry.action == "retrain" and entry.name not in done and since < entry.night
    ]
    return max((night for night in waiting if night < tonight.night), default=None)


def _moved(moved: Sequence[Moved]) -> list[dict[str, Any]]:
    """Return the most strained statistics as they are kept."""
    worst = sorted(moved, key=lambda each: -each.strain)[:COLUMNS_SHOWN]
    return [asdict(each) | {"strain": round(each.strain, 4)} for each in worst]
