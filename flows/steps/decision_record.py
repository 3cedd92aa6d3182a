"""The decision record: how a night's decision is written down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from flows.loaded_version import Champion
from tasks.lake import Batch
from tasks.records import AutomationCounts, BatchVerdict, Decision, DriftStatistic, MonitoringResult, NightEntry
from tasks.validate.verdict.validation_findings import NO_CONSENT

if TYPE_CHECKING:
    from flows.steps.night_context import NightContext

MONTH_DAYS = 30
COLUMNS_SHOWN = 50
COLUMNS_TIMED = 5


def night_name(night: date, landed: Iterable[Batch]) -> str:
    """Return the name of a night's decision: the same night, with the same deliveries, is decided once."""
    digest = hashlib.sha256("".join(sorted(batch.batch_id for batch in landed)).encode()).hexdigest()[:8]
    return f"{night.isoformat()}/{digest}"


def decision_entry(
    context: NightContext,
    decision: Decision,
    view: MonitoringResult,
    *,
    moment: datetime,
    reason: str = "",
    automation: AutomationCounts | None = None,
) -> NightEntry:
    """Return the record of a night: every answer with its numbers, every column against its leeway.

    Parameters
    ----------
    moment : datetime
        When it is written.
    reason : str
        Why the night was run.
    automation : AutomationCounts, optional
        How much of what was served was decided without a person.
    """
    batches, champion = context.landed, context.champion
    return NightEntry(
        name=night_name(decision.night, batches),
        night=decision.night,
        time=moment,
        action=decision.action,
        drift=decision.kind,
        reason=decision.reason,
        run_because=reason,
        champion=champion.number if champion else None,
        waiting=context.waiting,
        shadow_fault=context.shadow_fault,
        answers=decision.answers,
        moved=_most_strained((*view.moved, *view.predictions)),
        surprises=_most_strained(view.surprises),
        steps=view.steps,
        suspicions=view.suspicions,
        rows=sum(batch.rows_accepted for batch in batches if batch.kind == "rows"),
        labels=sum(batch.rows_accepted if batch.kind == "labels" else int(batch.labels or 0) for batch in batches),
        rows_quarantined=sum(batch.rows_quarantined for batch in batches),
        rows_without_consent=_without_consent(batches),
        batches=tuple(BatchVerdict(batch.kind, batch.key, batch.verdict) for batch in batches),
        automation=automation,
        drift_per_month=_drift_per_month(champion, view),
        metrics=view.metrics,
        fairness=view.fairness,
        coverage=view.coverage,
        slice_coverage=view.slice_coverage,
    )


def _without_consent(batches: Sequence[Batch]) -> int:
    """Return how many rows of some deliveries may not be learned from, by what the contract found."""
    findings = (finding for batch in batches for finding in json.loads(batch.findings))
    return sum(int(finding["rows_failed"]) for finding in findings if finding["rule"] == NO_CONSENT)


def _drift_per_month(champion: Champion | None, view: MonitoringResult) -> dict[str, float]:
    if champion is None or view.window is None:
        return {}
    return speed(view.moved, (view.window.end - champion.trained_until).days)


def speed(moved: Sequence[DriftStatistic], days: int) -> dict[str, float]:
    """Return how quickly the columns that moved most do so: distance a month since the champion's training.

    Of several statistics of a column, the one that used most of its leeway counts.

    >>> from tasks.records import Statistic
    >>> level = DriftStatistic("area", Statistic.LEVEL, 0.3, leeway=0.1)
    >>> speed([level, DriftStatistic("area", Statistic.SHAPE, 0.2, leeway=0.1)], days=60)
    {'area': 0.15}
    """
    worst: dict[str, DriftStatistic] = {}
    for statistic in sorted(moved, key=lambda statistic: -statistic.strain):
        if statistic.strain > 1 and len(worst) < COLUMNS_TIMED:
            worst.setdefault(statistic.column, statistic)
    return {column: round(statistic.distance / max(days, 1) * MONTH_DAYS, 4) for column, statistic in worst.items()}


def _most_strained(moved: Sequence[DriftStatistic]) -> tuple[DriftStatistic, ...]:
    """Return the most strained statistics, as many as are kept."""
    return tuple(sorted(moved, key=lambda statistic: -statistic.strain)[:COLUMNS_SHOWN])
