"""One night's measurement, from plain data: the nightly run, a recomputed night and a backtest all use this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import pandas as pd

from tasks.monitor.baseline import ChampionBaseline, drift_monitor, leeway_of
from tasks.monitor.cohort_performance import newest_cohort, performance
from tasks.monitor.night_view import MonitoringInputs, NightView, ReplayCache, WindowPolicy, view_night
from tasks.monitor.pipeline_stages import WindowDrift, delivered_drift, pipeline_steps
from tasks.monitor.short_delivery import short_delivery
from tasks.monitor.slicing.slice_errors import Slices, Tally, bounded_cohort, local_errors, tolerance
from tasks.profiles import TableProfile
from tasks.records import LocalError, MonitoringResult, PipelineStage
from tasks.spec import ProjectSpec, nights_per_year

Profiles: TypeAlias = Mapping[date, TableProfile]
SliceTally: TypeAlias = Callable[[Slices, pd.DataFrame], Tally]


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
    tally : callable, optional
        From slices and a labelled cohort to the cohort's losses by slice; without it no slice is measured.
    """

    night: date
    accepted: Profiles
    quarantined: Profiles
    answered: pd.DataFrame
    labelled: pd.DataFrame
    delivered: Mapping[date, int]
    tally: SliceTally | None = None


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
    since = MonitoringInputs(baseline.trained_until, inputs.accepted, inputs.answered, inputs.labelled)
    cohort = newest_cohort(inputs.labelled, until=spec.matured_until(inputs.night), days=policy.cohort_days)
    worse = _slice_errors(inputs, baseline, spec, cohort)
    view = view_night(monitor, since, WindowPolicy(policy.window_days, policy.min_rows), known=cache, worse=worse)
    nights = nights_per_year(spec.schedule)
    short = short_delivery(inputs.delivered, inputs.night, policy.false_alarms_per_year / nights)
    return MonitoringResult(
        window=view.window,
        moved=view.seen.moved,
        performance=performance(cohort, baseline.promise, policy, nights, since=inputs.labelled),
        fresh_rows=len(inputs.labelled),
        predictions=view.seen.predictions,
        surprises=view.learnt.moved if view.learnt else (),
        suspicions=(*([short] if short else []), *view.seen.suspicions),
        kind=view.kind,
        estimated=view.estimated,
        worse=worse,
        steps=_stages(inputs, baseline, spec, view),
    )


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
