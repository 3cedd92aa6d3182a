"""One night's measurement, from plain data: the nightly run, a recomputed night and a backtest all use this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

import pandas as pd

from tasks.dataset.known_rows import trusted_rows
from tasks.dataset.withheld_values import NOTHING_WITHHELD, WithheldValues
from tasks.drift import RepeatedRows, Suspicion
from tasks.monitor.baseline import ChampionBaseline, drift_monitor, leeway_of
from tasks.monitor.cohorts.cohort_performance import newest_cohort, performance
from tasks.monitor.data_quality_checks import doubtful
from tasks.monitor.harm_checks.harm_suspicions import KnownSince, harm_suspicions, still_in_doubt
from tasks.monitor.harm_checks.label_faults import LabelLook, labels_back
from tasks.monitor.night_view import MonitoringInputs, NightView, ReplayCache, WindowPolicy, view_night
from tasks.monitor.pipeline_stages import WindowDrift, delivered_drift, pipeline_steps
from tasks.monitor.short_delivery import known_short, short_delivery
from tasks.monitor.slicing.slice_errors import Slices, Tally, bounded_cohort, local_errors, tolerance
from tasks.monitor.suspicion_watch import DailyRows, ended
from tasks.monitor.window import newest_window
from tasks.profiles import TableProfile
from tasks.records import (
    GroupGap,
    IntervalCoverage,
    LocalError,
    MeasuredMetric,
    MonitoringResult,
    Performance,
    PipelineStage,
    SliceCoverage,
    SuspicionState,
    suspected_days,
    without_names,
)
from tasks.spec import ProjectSpec, landing_nights_per_year, nights_per_year

Profiles: TypeAlias = Mapping[date, TableProfile]
SliceTally: TypeAlias = Callable[[Slices, pd.DataFrame], Tally]
CohortMetrics: TypeAlias = Callable[[pd.DataFrame], tuple[MeasuredMetric, ...]]
CohortGaps: TypeAlias = Callable[[pd.DataFrame], tuple[GroupGap, ...]]
CohortCoverage: TypeAlias = Callable[[pd.DataFrame], IntervalCoverage | None]
CohortSliceCoverage: TypeAlias = Callable[[pd.DataFrame], tuple[SliceCoverage, ...]]


@dataclass(frozen=True)
class NightInputs:
    """What a night is measured from.

    Parameters
    ----------
    night : date
        The night.
    accepted : mapping of date to TableProfile
        Profiles of the accepted rows by event date, from the day after the champion's training up to the night.
    quarantined : mapping of date to TableProfile
        Profiles of the quarantined rows by event date.
    answered : DataFrame
        `row_id`, `event_date` and `prediction` (of several classes `probabilities`) of the champion's answers to rows
        newer than its training, by row id.
    labelled : DataFrame
        The same of those with matured labels, with their `label`.
    delivered : mapping of date to int
        Rows delivered, by night, accepted or not.
    judged : tuple of date
        The nights with deliveries to judge: the night and, with a schedule for monitoring, those since the last one.
    suspected : tuple of SuspicionState
        The suspicions before the night.
    repeated : tuple of RepeatedRows
        Those of each delivery of these nights that can be judged.
    tally : callable, optional
        From slices and a labelled cohort to the cohort's losses by slice; without it no slice is measured.
    metrics : callable, optional
        From a labelled cohort to the further metrics of the spec; without it none is measured. No decision needs them.
    gaps : callable, optional
        From a labelled cohort to its differences between groups, likewise.
    coverage : callable, optional
        From a labelled cohort to the share of labels inside their intervals, likewise.
    slice_coverage : callable, optional
        From a labelled cohort to the same by slice, likewise.
    """

    night: date
    accepted: Profiles
    quarantined: Profiles
    answered: pd.DataFrame
    labelled: pd.DataFrame
    delivered: Mapping[date, int]
    judged: tuple[date, ...]
    suspected: tuple[SuspicionState, ...] = ()
    repeated: tuple[RepeatedRows, ...] = ()
    tally: SliceTally | None = None
    metrics: CohortMetrics | None = None
    gaps: CohortGaps | None = None
    coverage: CohortCoverage | None = None
    slice_coverage: CohortSliceCoverage | None = None
    withheld: WithheldValues = NOTHING_WITHHELD


def measure_night(
    inputs: NightInputs, baseline: ChampionBaseline, spec: ProjectSpec, cache: ReplayCache | None = None
) -> MonitoringResult:
    """Compare the newest window with the reference, and the newest matured cohort with the promise.

    Parameters
    ----------
    cache : ReplayCache, optional
        Results of earlier nights of the same champion; the result is the same without it.
    """
    policy, monitor = spec.monitoring, drift_monitor(baseline, spec)
    inputs = _trusted(inputs)
    since = MonitoringInputs(baseline.trained_until, inputs.accepted, inputs.answered, inputs.labelled)
    cohort = newest_cohort(inputs.labelled, until=spec.matured_until(inputs.night), days=policy.cohort_days)
    worse = _slice_errors(inputs, baseline, spec, cohort)
    view = view_night(monitor, since, WindowPolicy(policy.window_days, policy.min_rows), known=cache, worse=worse)
    nights = nights_per_year(spec.schedule)
    found = performance(cohort, baseline.promise, policy, nights, since=inputs.labelled)
    of_known = _of_known_classes(inputs, found, baseline, spec)
    if found is not None and found.past_leeway:
        found = replace(found, unknown_alone=of_known is None or not of_known.past_leeway)
    if found is not None and spec.privacy.is_set:
        found = replace(found, unknown_classes=without_names(found.unknown_classes))
    suspicions, back = _suspicions(inputs, baseline, spec, view, of_known)
    return MonitoringResult(
        window=view.window,
        moved=view.seen.moved,
        performance=found,
        fresh_rows=len(inputs.labelled),
        predictions=view.seen.predictions,
        surprises=view.learnt.moved if view.learnt else (),
        suspicions=suspicions,
        back=back,
        kind=view.kind,
        estimated=view.estimated,
        worse=worse,
        steps=_stages(inputs, baseline, spec, view),
        metrics=() if found is None or inputs.metrics is None else inputs.metrics(bounded_cohort(cohort)),
        fairness=() if found is None or inputs.gaps is None else inputs.gaps(bounded_cohort(cohort)),
        coverage=None if found is None or inputs.coverage is None else inputs.coverage(cohort),
        slice_coverage=()
        if found is None or inputs.slice_coverage is None
        else inputs.slice_coverage(bounded_cohort(cohort)),
    )


def _trusted(inputs: NightInputs) -> NightInputs:
    """Return a night without the rows of suspicions that have ended, and of days without values that are withheld.

    They say nothing about the champion.
    """
    spans = suspected_days([state for state in inputs.suspected if state.until is not None], inputs.night)
    spans = (*spans, *inputs.withheld.spans)
    if not spans:
        return inputs
    return replace(
        inputs,
        accepted={
            day: rows for day, rows in inputs.accepted.items() if not any(first <= day <= last for first, last in spans)
        },
        answered=trusted_rows(inputs.answered, spans),
        labelled=trusted_rows(inputs.labelled, spans),
    )


def _of_known_classes(
    inputs: NightInputs, found: Performance | None, baseline: ChampionBaseline, spec: ProjectSpec
) -> Performance | None:
    """Return the error of rows with a label that the champion could have given: of others no column is the cause."""
    if found is None or not found.unknown_classes:
        return found
    rows = inputs.labelled[inputs.labelled["label"].astype(str).isin(baseline.promise.classes)]
    cohort = newest_cohort(rows, until=spec.matured_until(inputs.night), days=spec.monitoring.cohort_days)
    return performance(cohort, baseline.promise, spec.monitoring, nights_per_year(spec.schedule), since=rows)


def _suspicions(
    inputs: NightInputs, baseline: ChampionBaseline, spec: ProjectSpec, view: NightView, error: Performance | None
) -> tuple[tuple[Suspicion, ...], dict[str, date]]:
    """Return what looks broken tonight, and the suspicions that ended."""
    policy, monitor = spec.monitoring, drift_monitor(baseline, spec)
    allowed = policy.delivery_alarms_per_year / landing_nights_per_year(spec.schedule)
    reported = known_short(inputs.suspected)
    each_night = (
        short_delivery(inputs.delivered, night, allowed, policy.calendar, reported) for night in inputs.judged
    )
    found = [short for short in each_night if short]
    if view.window is None:
        return tuple(found), {}
    rows = DailyRows(inputs.accepted, inputs.quarantined, inputs.suspected)
    counts = [(day, profile.rows) for day, profile in inputs.accepted.items()]
    newest = newest_window(counts, days=1, min_rows=policy.min_rows, after=baseline.trained_until) or view.window
    found += doubtful(monitor, newest, inputs.repeated, rows)
    named = {(one.kind, one.columns) for one in found}
    of_window = (replace(one, since=view.window.start) for one in view.seen.suspicions)
    found += [one for one in of_window if (one.kind, one.columns) not in named]
    arrived = any(night in inputs.delivered for night in inputs.judged)
    back = ended(rows, baseline.reference.total, found, newest, arrived=arrived)
    promise, label = baseline.promise, spec.source.label.column
    look = LabelLook(label, promise.metric, policy.min_rows, monitor.alpha, spec.privacy.is_set)
    back |= labels_back(inputs.labelled, look, inputs.suspected)
    if error is not None and error.past_leeway:
        known = KnownSince(inputs.accepted, inputs.labelled, promise.classes)
        behind = harm_suspicions(monitor, view.seen, known, error, look)
        found += still_in_doubt(behind, inputs.suspected, back)
    return tuple(found), back


def _slice_errors(
    inputs: NightInputs, baseline: ChampionBaseline, spec: ProjectSpec, cohort: pd.DataFrame
) -> tuple[LocalError, ...]:
    """Return the errors by slice of a cohort."""
    if baseline.slices is None or inputs.tally is None or cohort.empty:
        return ()
    tally = inputs.tally(baseline.slices, bounded_cohort(cohort))
    return local_errors(baseline.slices, tally, tolerance(spec.monitoring, leeway_of(spec)))


def _stages(
    inputs: NightInputs, baseline: ChampionBaseline, spec: ProjectSpec, view: NightView
) -> tuple[PipelineStage, ...]:
    """Return the steps of the data over the measured window."""
    if view.window is None:
        return ()
    labels = view.learnt.moved if view.learnt else ()
    delivered = delivered_drift(drift_monitor(baseline, spec), view.window, inputs.accepted, inputs.quarantined)
    moved, rows = (None, 0) if delivered is None else delivered
    drift = WindowDrift(view.seen.moved, view.seen.predictions, labels, view.window.rows, moved, rows)
    return pipeline_steps(spec.features, drift)
