"""The first look at a night's deliveries: what is broken is found before anything is scored or learned from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import pandas as pd

from tasks.drift import Leeway, Suspicion, duplicate_share
from tasks.lake import Batch, Lake, batch_rows
from tasks.logs import line, logger
from tasks.monitor.drift_monitor import DriftMonitor
from tasks.monitor.task import ChampionBaseline
from tasks.prefect_task import leeway_task
from tasks.profiles import TableProfile, profile
from tasks.spec import ProjectSpec

UNCLEAR = "unclear"


def suspect(
    lake: Lake,
    spec: ProjectSpec,
    yardstick: ChampionBaseline,
    batches: Sequence[Batch],
    nights_per_year: float,
    *,
    features: Callable[[pd.DataFrame], pd.DataFrame],
) -> dict[str, tuple[Suspicion, ...]]:
    """Return, by batch id, in which known ways a night's deliveries seem to be broken; most nights there are none.

    A batch of fewer rows than `monitoring.min_rows` is judged later, with the days around it; what is only unclear is
    left to the night's decision.
    """
    policy = spec.monitoring
    leeway = Leeway(policy.effect, policy.false_alarms_per_year, nights_per_year)
    watch = DriftMonitor(yardstick.reference, leeway, policy.window_days, None, yardstick.repeated_rows)
    found: dict[str, tuple[Suspicion, ...]] = {}
    for batch in batches:
        if batch.rows_accepted < policy.min_rows or batch.event_from is None:
            continue
        rows = features(batch_rows(lake, spec.project, batch))
        suspicions = broken(watch, rows, spec.features.columns)
        if suspicions:
            found[batch.batch_id] = suspicions
            logger().warning(line("delivery_suspected", key=batch.key, kinds=",".join(s.kind for s in suspicions)))
    return found


suspect_task = leeway_task("suspect")(suspect)


def broken(watch: DriftMonitor, rows: pd.DataFrame, columns: Sequence[str]) -> tuple[Suspicion, ...]:
    """Return in which known ways some rows, with their features, seem to be broken."""
    summary = profile(rows, watch.reference.total.ruler)
    return looks_broken(watch, min(rows["event_date"]), summary, duplicate_share(rows[list(columns)]))


def looks_broken(watch: DriftMonitor, day: date, summary: TableProfile, repeated: float) -> tuple[Suspicion, ...]:
    """Return in which known ways rows seem to be broken, by their profile and the share that repeats another."""
    return tuple(each for each in watch.suspected(day, summary, repeated) if each.kind != UNCLEAR)
