"""The first check of a night's deliveries: broken ones are found before anything is scored or learned from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from tasks.drift import RepeatedRows, Suspicion, cannot_be_scored
from tasks.lake import Batch
from tasks.monitor.drift_monitor import DriftMonitor
from tasks.monitor.suspicion_watch import DailyRows, still_broken
from tasks.profiles import TableProfile, sum_profiles
from tasks.records import Finding, Window
from tasks.spec import ProjectSpec

UNCLEAR = "unclear"
NOT_RELEASED = frozenset({"accepted", "partly_quarantined"})  # a released batch was checked by a person


def to_check(batches: Iterable[Batch], spec: ProjectSpec) -> list[Batch]:
    """Return the batches that have rows enough to be checked one by one, and were not released by a person."""
    least = max(spec.monitoring.min_rows, 1)
    return [
        batch
        for batch in batches
        if batch.kind == "rows" and batch.verdict in NOT_RELEASED and batch.rows_accepted >= least and batch.event_from
    ]


def looks_broken(
    monitor: DriftMonitor, day: date, summary: TableProfile, repeated: RepeatedRows, earlier: DailyRows
) -> tuple[Suspicion, ...]:
    """Return in which ways rows are broken so that they cannot be scored.

    Parameters
    ----------
    day : date
        First event date of the rows.
    summary : TableProfile
        Their profile.
    repeated : RepeatedRows
        How many of them repeat another.
    earlier : DailyRows
        What earlier nights took in, and the suspicions before this night.
    """
    hints = earlier.hints(day, summary.rows, repeated, monitor.repeated_before)
    seen = monitor.suspicions_of(day, summary, hints)
    found = [one for one in seen if cannot_be_scored(one) and not _called_drift(one, day, earlier)]
    found = [one for one in found if not earlier.withheld.explain(one.columns, day)]
    named = {name for one in found for name in one.columns}
    still = still_broken(summary, day, earlier, monitor.reference.total)
    return (*found, *(one for one in still if not named & set(one.columns)))


def _called_drift(found: Suspicion, day: date, earlier: DailyRows) -> bool:
    """Return whether a person has called the same drift, so recently that the rows before do not show it yet."""
    dated = replace(found, since=day)
    return any(
        state.answer == "drift" and state.kind == found.kind and state.explains(dated) for state in earlier.suspected
    )


def doubtful(
    monitor: DriftMonitor, newest: Window, repeated: Sequence[RepeatedRows], rows: DailyRows
) -> tuple[Suspicion, ...]:
    """Return in which ways the newest accepted rows are broken, although they can be scored.

    What is only unclear is found in the whole window, which has more rows. Repeated rows explain what the columns show,
    unless there is a delivery without them.

    Parameters
    ----------
    repeated : sequence of RepeatedRows
        Those of each delivery of tonight.
    """
    copies = monitor.repeated_in(repeated)
    found = list(copies[:1])
    if not copies or len(copies) < len(repeated):
        now = sum_profiles([each for day, each in rows.accepted.items() if newest.start <= day <= newest.end])
        found += monitor.suspicions_of(newest.start, now, rows.hints(newest.start, now.rows))
    kept = (one for one in found if one.kind != UNCLEAR and not cannot_be_scored(one))
    return tuple(replace(one, since=newest.start) for one in kept)


def finding_of(suspicion: Suspicion, batch: Batch) -> Finding:
    """Return the finding for which a batch is quarantined."""
    column = ", ".join(suspicion.columns)
    message = f"{suspicion.kind.replace('_', ' ')}{f' in {column}' if column else ''}: {suspicion.evidence}"
    return Finding(suspicion.kind, column, "critical", batch.rows_accepted, message)
