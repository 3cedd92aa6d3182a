"""The rim of monitor: reads from the lake what a night is measured from, and measures it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial

import pandas as pd

from tasks.dataset.night_data import NightData
from tasks.drift import Suspicion
from tasks.lake import Batch, Filter, Lake, RowFiles, active_rows
from tasks.logs import line, logger
from tasks.monitor.baseline import ChampionBaseline, drift_monitor
from tasks.monitor.data_quality_checks import broken, to_check
from tasks.monitor.measure import NightInputs, measure_night
from tasks.monitor.profiling.stored_profiles import ACCEPTED
from tasks.monitor.profiling.task import refused_by_day
from tasks.monitor.short_delivery import rows_delivered
from tasks.monitor.slicing.slice_errors import Slices, Tally, cohort_tally
from tasks.prefect_task import leeway_task
from tasks.profiles import TableProfile, added_by_day, digest, from_bytes
from tasks.records import MonitoringResult
from tasks.spec import ProjectSpec


def measure_drift(
    data: NightData,
    baseline: ChampionBaseline,
    *,
    features: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> MonitoringResult:
    """Measure a night from what the lake has stored.

    Parameters
    ----------
    features : callable, optional
        From accepted rows to the same with their features; without it errors are not measured by slice.
    """
    found = measure_night(night_inputs(data, baseline, features), baseline, data.spec)
    worst = found.moved[0] if found.moved else None
    logger().info(
        line(
            "drift_measured",
            column=worst.column if worst else "-",
            kind=found.kind,
            strain=worst.strain if worst else 0.0,
            error_strain=found.performance.strain if found.performance else 0.0,
            window_days=found.window.days if found.window else 0,
            rows=found.window.rows if found.window else 0,
        )
    )
    return found


measure_drift_task = leeway_task("monitor")(measure_drift)


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
    checked = to_check(batches, spec)
    if not checked:
        return found
    files = RowFiles.now(lake, spec.project)
    for batch in checked:
        rows = features(files.rows(batch))
        suspicions = broken(monitor, rows, spec.features.columns)
        if suspicions:
            found[batch.batch_id] = suspicions
            kinds = ",".join(suspicion.kind for suspicion in suspicions)
            logger().warning(line("delivery_suspected", key=batch.key, kinds=kinds))
    return found


suspect_task = leeway_task("suspect")(suspect)


def night_inputs(
    data: NightData, baseline: ChampionBaseline, features: Callable[[pd.DataFrame], pd.DataFrame] | None = None
) -> NightInputs:
    """Read what a night is measured from."""
    answered = data.predictions_of(baseline.version, after=baseline.trained_until)
    ruler = baseline.reference.total.ruler
    return NightInputs(
        night=data.night,
        accepted=_accepted_by_day(data, baseline),
        quarantined=refused_by_day(data.lake, data.spec.project, data.deliveries, ruler, data.night),
        answered=answered,
        labelled=data.matured(answered, labels_after=baseline.trained_until),
        delivered=rows_delivered(data.deliveries, data.night),
        tally=None if features is None else partial(_tally, data, features),
    )


def _accepted_by_day(data: NightData, baseline: ChampionBaseline) -> dict[date, TableProfile]:
    """Return the profile of every event date since the champion's training; the profiles of its batches are added."""
    inside: list[Filter] = [("event_date", ">", baseline.trained_until), ("event_date", "<=", data.night)]
    same_bins: list[Filter] = [("ruler", "=", digest(baseline.reference.total.ruler)), ("source", "=", ACCEPTED)]
    stored = active_rows(data.lake, data.spec.project, "profiles", data.deliveries, where=[*inside, *same_bins])
    return added_by_day(zip(stored["event_date"], map(from_bytes, stored["profile"]), strict=True))


def _tally(
    data: NightData, features: Callable[[pd.DataFrame], pd.DataFrame], slices: Slices, cohort: pd.DataFrame
) -> Tally:
    """Return the losses of a labelled cohort by slice; its rows are read in pieces."""
    inside: list[Filter] = [
        ("event_date", ">=", cohort["event_date"].min()),
        ("event_date", "<=", cohort["event_date"].max()),
    ]
    pieces = (data.deliveries.active(piece) for piece in data.lake.pieces(data.spec.project, "rows", where=inside))
    of_cohort = (piece[piece["row_id"].isin(cohort["row_id"])] for piece in pieces)
    return cohort_tally(slices, cohort, (features(piece) for piece in of_cohort if len(piece)), data.spec.scope.metric)
