"""The rim of monitor: reads from the lake what a night is measured from, and measures it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from tasks.dataset.landed_batches import judged_nights, landed_batches
from tasks.dataset.night_data import NightData
from tasks.dataset.withheld_values import WithheldValues, withheld_values
from tasks.drift import RepeatedRows, Suspicion
from tasks.lake import Batch, Deliveries, Filter, ParallelMap
from tasks.logs import line, logger
from tasks.metrics import Measuring
from tasks.monitor.baseline import ChampionBaseline, drift_monitor
from tasks.monitor.cohorts.cohort_metrics import (
    cohort_coverage,
    cohort_gaps,
    cohort_metrics,
    cohort_slice_coverage,
    interval_slices,
)
from tasks.monitor.cohorts.cohort_rows import CohortRows
from tasks.monitor.data_quality_checks import looks_broken, to_check
from tasks.monitor.measure import NightInputs, measure_night
from tasks.monitor.profiling.stored_profiles import ACCEPTED, QUARANTINED
from tasks.monitor.profiling.task import BatchSummaries, refused_by_day
from tasks.monitor.profiling.window_distributions import window_distributions
from tasks.monitor.short_delivery import rows_delivered
from tasks.monitor.suspicion_watch import LAG_DAYS, DailyRows
from tasks.prefect_task import leeway_task
from tasks.profiles import TableProfile, added_by_day, digest, from_bytes
from tasks.records import MonitoringResult, SuspicionState, suspected_in


def measure_drift(
    data: NightData,
    baseline: ChampionBaseline,
    *,
    summaries: BatchSummaries | None = None,
    folder: Path | None = None,
) -> MonitoringResult:
    """Measure a night from what the lake has stored.

    Parameters
    ----------
    summaries : BatchSummaries, optional
        Those of the night's batches; without them errors are not measured by slice, nor repeated rows.
    folder : Path, optional
        The project's, with its own metrics; without it neither further metrics, differences between groups nor the
        coverage of intervals are measured, which no decision needs.
    """
    features = None if summaries is None else summaries.features
    groups, by_slice = data.spec.fairness.groups, interval_slices(data.spec)
    rows = CohortRows(data, features, tuple(dict.fromkeys([*groups, *by_slice])) if folder else ())
    inputs = night_inputs(data, baseline, summaries, rows)
    if folder is not None and data.spec.metrics:
        how = Measuring(data.spec, data.spec.gate.confidence, folder)
        inputs = replace(inputs, metrics=partial(cohort_metrics, baseline=baseline, how=how))
    if folder is not None and groups:
        gaps = partial(cohort_gaps, baseline=baseline, spec=data.spec, groups_of=rows.groups_of)
        inputs = replace(inputs, gaps=gaps)
    if folder is not None and baseline.interval_share is not None:
        inputs = replace(inputs, coverage=partial(cohort_coverage, baseline=baseline, spec=data.spec))
        if by_slice:
            sliced = partial(cohort_slice_coverage, baseline=baseline, spec=data.spec, groups_of=rows.groups_of)
            inputs = replace(inputs, slice_coverage=sliced)
    found = measure_night(inputs, baseline, data.spec)
    least, reference = data.spec.privacy.min_category_count, baseline.reference.total
    drawn = window_distributions(inputs.accepted, found.window, reference, min_count=least)
    found = replace(found, distributions=drawn)
    if found.coverage is not None and found.coverage.is_past_leeway:
        logger().warning(line("coverage_past_leeway", found=found.coverage.value, promised=found.coverage.share))
    for one in found.slice_coverage:
        if one.coverage.is_past_leeway:
            logger().warning(line("coverage_past_leeway", found=one.coverage.value, where=one.where))
    for metric in found.metrics:
        if metric.fault:
            logger().warning(line("metric_failed", metric=metric.name, why=metric.fault))
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
    data: NightData, baseline: ChampionBaseline, summaries: BatchSummaries, *, spread: ParallelMap = map
) -> dict[str, tuple[Suspicion, ...]]:
    """Return, by batch id, in which ways deliveries of the night are broken; most nights there are none.

    A batch with fewer rows than `monitoring.min_rows` is measured later, with the days around it; what can be scored
    is left to the night's decision.

    Parameters
    ----------
    spread : callable, optional
        Makes the summaries of parts of the deliveries, as in `BatchSummaries.of`.
    """
    spec, monitor = data.spec, drift_monitor(baseline, data.spec)
    found: dict[str, tuple[Suspicion, ...]] = {}
    checked = to_check(data.deliveries.of(data.night), spec)
    if not checked:
        return found
    earlier = daily_rows(data, baseline)
    for batch, summary in zip(checked, summaries.of(checked, spread), strict=True):
        if not summary.days:  # its rows were erased meanwhile
            continue
        suspicions = looks_broken(monitor, min(summary.days), summary.whole, summary.repeated, earlier)
        if suspicions:
            found[batch.batch_id] = suspicions
            kinds = ",".join(suspicion.kind for suspicion in suspicions)
            logger().warning(line("delivery_suspected", key=batch.key, kinds=kinds))
    return found


suspect_task = leeway_task("suspect")(suspect)


def daily_rows(data: NightData, baseline: ChampionBaseline) -> DailyRows:
    """Read what earlier nights took in, and the suspicions before this night."""
    suspected = _suspected(data, baseline)
    accepted, quarantined = _rows_by_day(data, baseline, data.deliveries.before(data.night))
    return DailyRows(accepted, quarantined if suspected else {}, suspected, _withheld(data))


def _suspected(data: NightData, baseline: ChampionBaseline) -> tuple[SuspicionState, ...]:
    """Return the suspicions before the night; those of columns that the spec or the champion uses count."""
    used = {*data.spec.trained_on, *baseline.reference.total.columns}
    return suspected_in(data.entries, data.night, used)


def night_inputs(
    data: NightData,
    baseline: ChampionBaseline,
    summaries: BatchSummaries | None = None,
    rows: CohortRows | None = None,
) -> NightInputs:
    """Read what a night is measured from; `rows` are read when a cohort is known."""
    rows = rows or CohortRows(data, None if summaries is None else summaries.features)
    answered = data.predictions_of(baseline.version, after=baseline.trained_until)
    accepted, quarantined = _rows_by_day(data, baseline, data.deliveries)
    return NightInputs(
        night=data.night,
        accepted=accepted,
        quarantined=quarantined,
        answered=answered,
        labelled=data.matured(answered, labels_after=baseline.trained_until),
        delivered=rows_delivered(data.deliveries, data.night),
        judged=judged_nights(data.deliveries, data.entries, data.night, data.spec),
        suspected=_suspected(data, baseline),
        repeated=() if summaries is None else _repeated(data, summaries),
        tally=None if summaries is None else rows.tally,
        withheld=_withheld(data),
    )


def _withheld(data: NightData) -> WithheldValues:
    """Return which values of feature tables are withheld from the rows."""

    def raw(batch: Batch) -> list[str]:
        where: list[Filter] = [("arrival", "=", batch.arrival), ("batch_id", "=", batch.batch_id)]
        return [*data.lake.read(data.spec.project, "quarantine", columns=["raw"], where=where)["raw"]]

    return withheld_values(data.deliveries.latest(), data.spec, data.night, raw)


def _repeated(data: NightData, summaries: BatchSummaries) -> tuple[RepeatedRows, ...]:
    """Return the repeated rows of each delivery that the night judges."""
    batches = to_check(landed_batches(data.deliveries, data.entries, data.night, data.spec), data.spec)
    return tuple(map(summaries.repeated, batches))


def _rows_by_day(
    data: NightData, baseline: ChampionBaseline, known: Deliveries
) -> tuple[dict[date, TableProfile], dict[date, TableProfile]]:
    """Return the profiles of accepted rows since the champion's training, and those of quarantined rows, by event date.

    Quarantined rows are compared with those under a suspicion, which may be older than the champion.
    """
    begun = [baseline.trained_until, *(state.since for state in suspected_in(data.entries, data.night))]
    stored = data.lake.read(
        data.spec.project,
        "profiles",
        where=[
            ("event_date", ">=", min(begun) - timedelta(days=LAG_DAYS)),
            ("event_date", "<=", data.night),
            ("ruler", "=", digest(baseline.reference.total.ruler)),
        ],
    )
    newer = stored[(stored["source"] == ACCEPTED) & (stored["event_date"] > baseline.trained_until)]
    accepted = known.active(newer)
    return (
        added_by_day(zip(accepted["event_date"], map(from_bytes, accepted["profile"]), strict=True)),
        refused_by_day(stored[stored["source"] == QUARANTINED], known, data.night),
    )
