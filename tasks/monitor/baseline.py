"""What a champion's nights are measured against, and the drift monitor that it gives: the same for every reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tasks.drift import Leeway, Reference
from tasks.monitor.cohorts.cohort_performance import Promise
from tasks.monitor.drift_monitor import DriftMonitor
from tasks.monitor.prediction_drift.prediction_reference import PredictionReference
from tasks.monitor.slicing.slice_errors import Slices
from tasks.spec import ProjectSpec, nights_per_year


@dataclass(frozen=True, slots=True)
class ChampionBaseline:
    """What a night is measured against.

    Parameters
    ----------
    version : int
        The champion's number.
    reference : Reference
        The profile of what it was trained on.
    promise : Promise
        What its hold-out showed.
    trained_until : date
        Its last training day.
    answers : PredictionReference, optional
        What its predictions meant on its hold-out.
    repeated_rows : float
        Share of repeated rows in its training data.
    slices : Slices, optional
        Its losses on the hold-out, by slice.
    threshold : float
        The probability of class 1 from which it decides on it.
    interval_share : float, optional
        The share of labels that are to be inside its intervals.
    """

    version: int
    reference: Reference
    promise: Promise
    trained_until: date
    answers: PredictionReference | None = None
    repeated_rows: float = 0.0
    slices: Slices | None = None
    threshold: float = 0.5
    interval_share: float | None = None


def leeway_of(spec: ProjectSpec) -> Leeway:
    """Return the effect size and the budget of false alarms that a spec gives each of its nights."""
    policy = spec.monitoring
    return Leeway(policy.effect, policy.false_alarms_per_year, nights_per_year(spec.schedule))


def drift_monitor(baseline: ChampionBaseline, spec: ProjectSpec) -> DriftMonitor:
    """Return the monitor of a champion's nights."""
    return DriftMonitor(
        baseline.reference,
        leeway_of(spec),
        spec.monitoring.window_days,
        baseline.answers,
        baseline.repeated_rows,
        local=baseline.slices is not None,
    )
