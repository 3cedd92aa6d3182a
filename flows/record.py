"""Between the rooms and the record: what a decision is made from, and how it is written down."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from flows.house import Champion, House
from tasks.decide import Situation
from tasks.lake import Entry, accepted, entries, latest
from tasks.monitor.task import View
from tasks.records import Decision
from tasks.registry.names import CHALLENGER

MONTH_DAYS = 30
COLUMNS_SHOWN = 50


def situation(house: House, night: date, champion: Champion | None, view: View) -> Situation:
    """Gather everything the decision of a night may rest on."""
    tonight = [batch for batch in latest(house.lake, house.project) if batch.night == night]
    past = [entry for entry in entries(house.lake, house.project, "retraining") if entry.night <= night]
    refused = [entry.night for entry in past if entry.action == "refused"]
    registered = [entry.night for entry in past if entry.action == "registered"]
    waiting = house.registry.by_alias(house.project, CHALLENGER)
    month_ago = night - timedelta(days=MONTH_DAYS)
    recent = accepted(house.lake, house.project, after=month_ago)
    return Situation(
        project=house.project,
        night=night,
        champion=None if champion is None else champion.number,
        champion_age_days=None if champion is None else (night - champion.trained_until).days,
        window_rows=view.window.rows if view.window else 0,
        window_days=view.window.days if view.window else 0,
        quarantined=tuple(batch.key for batch in tonight if batch.verdict == "quarantined"),
        refused_rows=sum(batch.rows_quarantined for batch in tonight),
        moved=view.moved,
        importances=champion.importances if champion else (),
        performance=view.performance,
        waiting=waiting.number if waiting else None,
        last_retraining=max(registered, default=None),
        last_refused=max(refused, default=None),
        retrainings_in_30_days=sum(day > month_ago for day in registered),
        fresh_rows=view.fresh_rows,
        rows_in_30_days=sum(batch.rows_accepted for batch in recent),
    )


def decision_entry(house: House, decision: Decision, view: View, reason: str, moment: datetime) -> Entry:
    """Return the record of a night: every answer with its numbers, every column against its leeway."""
    tonight = [batch for batch in latest(house.lake, house.project) if batch.night == decision.night]
    digest = hashlib.sha256("".join(sorted(batch.batch_id for batch in tonight)).encode()).hexdigest()[:8]
    details: dict[str, Any] = {
        "run_because": reason,
        "answers": [asdict(answer) for answer in decision.answers],
        "moved": [asdict(moved) | {"strain": round(moved.strain, 4)} for moved in view.moved[:COLUMNS_SHOWN]],
        "rows": sum(batch.rows_accepted for batch in tonight if batch.kind == "rows"),
        "labels": sum(batch.rows_accepted for batch in tonight if batch.kind == "labels"),
        "quarantined": sum(batch.rows_quarantined for batch in tonight),
        "batches": {f"{batch.kind} {batch.key}": batch.verdict for batch in tonight},
    }
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
