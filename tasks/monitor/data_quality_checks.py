"""The first check of a night's deliveries: broken ones are found before anything is scored or learned from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date

import pandas as pd

from tasks.drift import Suspicion, duplicate_share
from tasks.lake import Batch, Lake, batch_rows
from tasks.logs import line, logger
from tasks.monitor.baseline import ChampionBaseline, drift_monitor
from tasks.monitor.drift_monitor import DriftMonitor
from tasks.prefect_task import leeway_task
from tasks.profiles import TableProfile, profile
from tasks.spec import ProjectSpec

UNCLEAR = "unclear"
NOT_RELEASED = frozenset({"accepted", "partly_quarantined"})  # a released batch was checked by a person


def suspect(
    lake: Lake,
    spec: ProjectSpec,
    baseline: ChampionBaseline,
    batches: Sequence[Batch],
    *,
    features: Callable[[pd.DataFrame], pd.DataFrame],
) -> dict[str, tuple[Suspicion, ...]]:
    """Return, by batch id, in which known ways deliveries seem to be broken; most nights there are none.

    A batch with fewer rows than `monitoring.min_rows` is measured later, with the days around it; what is only unclear
    is left to the night's decision.
    """
    monitor = drift_monitor(baseline, spec)
    found: dict[str, tuple[Suspicion, ...]] = {}
    for batch in to_check(batches, spec):
        rows = features(batch_rows(lake, spec.project, batch))
        suspicions = broken(monitor, rows, spec.features.columns)
        if suspicions:
            found[batch.batch_id] = suspicions
            kinds = ",".join(suspicion.kind for suspicion in suspicions)
            logger().warning(line("delivery_suspected", key=batch.key, kinds=kinds))
    return found


suspect_task = leeway_task("suspect")(suspect)


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
    found = monitor.suspected(day, summary, repeated)
    return tuple(suspicion for suspicion in found if suspicion.kind != UNCLEAR)
