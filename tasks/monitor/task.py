"""The rim of monitor: reads back what the night is judged on, and measures it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pandas as pd

from tasks.dataset.night_data import NightData
from tasks.drift import Leeway, Reference, Suspicion
from tasks.lake import SUPERSEDED, Filter, active_rows
from tasks.logs import line, logger
from tasks.monitor.drift_monitor import DriftMonitor
from tasks.monitor.night_view import MonitoringInputs, NightView, WindowPolicy, view_night
from tasks.monitor.performance import Promise, newest_cohort, performance
from tasks.monitor.pipeline_stages import Judged, PipelineStage, delivered_moves, way
from tasks.monitor.predictions.prediction_reference import PredictionReference
from tasks.monitor.profiles.profile_batches import SOURCE
from tasks.monitor.profiles.profile_quarantine import refused_by_day
from tasks.monitor.short_delivery import short_delivery
from tasks.monitor.slicing.slice_errors import Slices, bounded_cohort, cohort_tally, local_errors, tolerance
from tasks.monitor.window import Window
from tasks.prefect_task import leeway_task
from tasks.profiles import TableProfile, digest, from_bytes
from tasks.records import DriftKind, DriftStatistic, Estimated, LocalError, Performance
from tasks.spec import ProjectSpec

_Days = Mapping[date, TableProfile]


@dataclass(frozen=True, slots=True)
class MonitoringResult:
    """What monitoring saw: the judged window, every column against its leeway, and the realised performance.

    `predictions` and `surprises` are the same for the champion's answers and for what labels say about them; both are
    empty for a champion whose hold-out was not kept. `suspicions` name what looks broken rather than drifted. `worse`
    are errors by slice, the worst first; `steps` is the way of the data, step by step.
    """

    window: Window | None
    moved: tuple[DriftStatistic, ...]
    performance: Performance | None
    fresh_rows: int
    predictions: tuple[DriftStatistic, ...] = ()
    surprises: tuple[DriftStatistic, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    kind: DriftKind = "none"
    estimated: Estimated | None = None
    worse: tuple[LocalError, ...] = ()
    steps: tuple[PipelineStage, ...] = ()


@dataclass(frozen=True, slots=True)
class ChampionBaseline:
    """What a night is measured against: the champion's reference and promise, and its last training day.

    `answers` is what its answers meant on its hold-out, `slices` what they cost there by slice; `repeated_rows` the
    share of repeated rows it learned from.
    """

    version: int
    reference: Reference
    promise: Promise
    trained_until: date
    answers: PredictionReference | None = None
    repeated_rows: float = 0.0
    slices: Slices | None = None


def measure_drift(
    data: NightData,
    yardstick: ChampionBaseline,
    nights_per_year: float,
    *,
    features: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> MonitoringResult:
    """Compare the newest window with the reference, and the newest matured cohort with the promise.

    Parameters
    ----------
    features : callable, optional
        From accepted rows to the same with their features; without it errors are not looked at by slice.
    """
    spec, night, policy = data.spec, data.night, data.spec.monitoring
    answered = data.predictions_of(yardstick.version, after=yardstick.trained_until)
    labelled = data.matured(answered, labels_after=yardstick.trained_until)
    leeway = Leeway(policy.effect, policy.false_alarms_per_year, nights_per_year)
    watch = DriftMonitor(
        yardstick.reference,
        leeway,
        policy.window_days,
        yardstick.answers,
        yardstick.repeated_rows,
        local=yardstick.slices is not None,
    )
    since = MonitoringInputs(yardstick.trained_until, _by_day(data, yardstick), answered, labelled)
    worse = _worse(_Asked(data, yardstick, leeway), labelled, features)
    found = view_night(watch, since, WindowPolicy(policy.window_days, policy.min_rows), worse=worse)
    ruler = yardstick.reference.total.ruler
    refused = refused_by_day(data.lake, spec.project, data.deliveries, ruler, night)
    realised = _realised(spec, yardstick, labelled, night, nights_per_year)
    worst = found.seen.moved[0] if found.seen.moved else None
    logger().info(
        line(
            "drift_measured",
            column=worst.column if worst else "-",
            kind=found.kind,
            strain=worst.strain if worst else 0.0,
            error_strain=realised.strain if realised else 0.0,
            window_days=found.window.days if found.window else 0,
            rows=found.window.rows if found.window else 0,
        )
    )
    return MonitoringResult(
        found.window,
        found.seen.moved,
        realised,
        len(labelled),
        predictions=found.seen.predictions,
        surprises=found.learnt.moved if found.learnt else (),
        suspicions=(*_short(data, nights_per_year), *found.seen.suspicions),
        kind=found.kind,
        estimated=found.estimated,
        worse=worse,
        steps=() if found.window is None else _steps(spec, found, watch, (since.profiles, refused)),
    )


measure_drift_task = leeway_task("monitor")(measure_drift)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked about a night: its data, what it is measured against, and by which leeway."""

    data: NightData
    yardstick: ChampionBaseline
    leeway: Leeway


def _steps(
    spec: ProjectSpec, found: NightView, watch: DriftMonitor, days: tuple[_Days, _Days]
) -> tuple[PipelineStage, ...]:
    """Return the way of the data over the judged window; `days` are the profiles of accepted and of refused rows."""
    if found.window is None:
        return ()
    delivered = delivered_moves(watch, found.window, *days)
    labels = found.learnt.moved if found.learnt else ()
    judged = Judged(found.seen.moved, found.seen.predictions, labels, found.window.rows)
    if delivered is not None:
        judged = replace(judged, delivered=delivered[0], rows_delivered=delivered[1])
    return way(spec.features, judged)


def _worse(
    asked: _Asked, labelled: pd.DataFrame, features: Callable[[pd.DataFrame], pd.DataFrame] | None
) -> tuple[LocalError, ...]:
    """Return the errors by slice of the newest matured cohort; its rows are read piece by piece."""
    slices, data, spec = asked.yardstick.slices, asked.data, asked.data.spec
    if slices is None or features is None or labelled.empty:
        return ()
    cohort = bounded_cohort(newest_cohort(labelled, days=spec.monitoring.cohort_days))
    inside: list[Filter] = [
        ("event_date", ">=", cohort["event_date"].min()),
        ("event_date", "<=", cohort["event_date"].max()),
    ]
    pieces = (data.deliveries.standing(each) for each in data.lake.pieces(spec.project, "rows", where=inside))
    mine = (each[each["row_id"].isin(cohort["row_id"])] for each in pieces)
    now = cohort_tally(slices, cohort, (features(each) for each in mine if len(each)), spec.scope.metric)
    return local_errors(slices, now, tolerance(spec.monitoring, asked.leeway))


def _short(data: NightData, nights_per_year: float) -> tuple[Suspicion, ...]:
    """Return the suspicion that what came for the night was cut off, by the rows of earlier deliveries."""
    rows: dict[date, int] = {}
    for batch in data.deliveries.latest():
        if batch.kind == "rows" and batch.night <= data.night and batch.verdict != SUPERSEDED:
            rows[batch.night] = rows.get(batch.night, 0) + batch.rows_in
    found = short_delivery(rows, data.night, data.spec.monitoring.false_alarms_per_year / nights_per_year)
    return () if found is None else (found,)


def _by_day(data: NightData, yardstick: ChampionBaseline) -> dict[date, TableProfile]:
    """Return the profile of every event date since the champion's training; a date's batches are added."""
    inside: list[Filter] = [("event_date", ">", yardstick.trained_until), ("event_date", "<=", data.night)]
    mine: list[Filter] = [("ruler", "=", digest(yardstick.reference.total.ruler)), ("source", "=", SOURCE)]
    kept = active_rows(data.lake, data.spec.project, "profiles", data.deliveries, where=[*inside, *mine])
    found: dict[date, TableProfile] = {}
    for day, stored in zip(kept["event_date"], kept["profile"], strict=True):
        profile = from_bytes(stored)
        found[day] = found[day] + profile if day in found else profile
    return found


def _realised(
    spec: ProjectSpec, yardstick: ChampionBaseline, labelled: pd.DataFrame, night: date, nights_per_year: float
) -> Performance | None:
    """Return the champion's performance on its newest matured cohort."""
    policy, until = spec.monitoring, spec.matured_until(night)
    newest = until - timedelta(days=policy.cohort_days * 2)
    recent = labelled[labelled["event_date"] > newest]
    judged = newest_cohort(recent, days=policy.cohort_days)
    return performance(judged, yardstick.promise, policy, nights_per_year, since=labelled)
