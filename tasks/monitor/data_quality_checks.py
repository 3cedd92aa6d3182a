"""The first check of a night's deliveries: broken ones are found before anything is scored or learned from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import pandas as pd

from tasks.drift import Suspicion, duplicate_share
from tasks.lake import Batch
from tasks.monitor.drift_monitor import DriftMonitor
from tasks.profiles import TableProfile, profile
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


def broken(monitor: DriftMonitor, rows: pd.DataFrame, columns: Sequence[str]) -> tuple[Suspicion, ...]:
    """Return in which known ways some rows, with their features, seem to be broken."""
    summary = profile(rows, monitor.reference.total.ruler)
    return looks_broken(monitor, min(rows["event_date"]), summary, duplicate_share(rows[list(columns)]))


def looks_broken(monitor: DriftMonitor, day: date, summary: TableProfile, repeated: float) -> tuple[Suspicion, ...]:
    """Return in which known ways rows seem to be broken, by their profile and the share of repeated rows."""
    found = monitor.suspicions_of(day, summary, repeated)
    return tuple(suspicion for suspicion in found if suspicion.kind != UNCLEAR)
