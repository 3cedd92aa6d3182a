"""The steps of a project's data, in order, with what moved in each.

Drift at a later step may only be passed on from an earlier one. So an alarm names the first step that moved: rows as
delivered, rows accepted, values of feature tables, features of the project's own function, the champion's answers,
labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tasks.drift.faults.converted_rows import NewestDays
from tasks.monitor.drift_monitor import DriftMonitor
from tasks.profiles import TableProfile, added_by_day, sum_profiles
from tasks.records import DriftStatistic, PipelineStage, Window, subjects
from tasks.spec.spec_sections.feature_sections import Features

DELIVERED, ACCEPTED, FUNCTION = "rows as delivered", "rows accepted", "features of the project's function"
ANSWERS, LABELS = "the champion's answers", "labels"


@dataclass(frozen=True, slots=True)
class WindowDrift:
    """The statistics of a window by kind, and its rows: accepted, and as delivered (with the quarantined ones).

    `delivered` is None where nothing was quarantined: then it is the same as `inputs`.
    """

    inputs: tuple[DriftStatistic, ...]
    answers: tuple[DriftStatistic, ...]
    labels: tuple[DriftStatistic, ...]
    rows: int
    delivered: tuple[DriftStatistic, ...] | None = None
    rows_delivered: int = 0


def pipeline_steps(features: Features, drift: WindowDrift) -> tuple[PipelineStage, ...]:
    """Return every step of a project's own data, in order.

    Examples
    --------
    >>> from tasks.records import Statistic
    >>> from tasks.spec.spec_sections.feature_sections import Features
    >>> moved = (DriftStatistic("area", Statistic.LEVEL, 0.2, 0.1),)
    >>> [step.sentence for step in pipeline_steps(Features(numbers=["area"]), WindowDrift(moved, (), (), 90))]
    ['rows as delivered (area)', 'rows accepted (area)', "the champion's answers", 'labels']
    """
    own = set(features.own.all)
    delivered = drift.inputs if drift.delivered is None else drift.delivered
    steps = [
        _step(DELIVERED, max(drift.rows_delivered, drift.rows), _among(delivered, own)),
        _step(ACCEPTED, drift.rows, _among(drift.inputs, own)),
    ]
    made = [*((f"feature table {table.name}", table.columns) for table in features.tables), (FUNCTION, features.made)]
    steps += [_step(name, drift.rows, _among(drift.inputs, set(part.all))) for name, part in made if part.all]
    return (*steps, _step(ANSWERS, drift.rows, drift.answers), _step(LABELS, None, drift.labels))


def delivered_drift(
    monitor: DriftMonitor, window: Window, accepted: Mapping[date, TableProfile], refused: Mapping[date, TableProfile]
) -> tuple[tuple[DriftStatistic, ...], int] | None:
    """Return the drift of a window's rows as delivered, and how many they are; None where none was quarantined.

    The leeway is that of the accepted rows. It is no alarm by itself: no model is trained on quarantined rows.
    """
    if not any(window.start <= day <= window.end for day in refused):
        return None
    days = added_by_day([*accepted.items(), *refused.items()])
    rows = sum_profiles([profile for day, profile in days.items() if window.start <= day <= window.end])
    newest = NewestDays(days, window, monitor.window_days)
    return monitor.inputs(monitor.begin(), window.start, rows, newest=newest)[1].moved, rows.rows


def _among(moved: Sequence[DriftStatistic], columns: set[str]) -> tuple[DriftStatistic, ...]:
    return tuple(statistic for statistic in moved if statistic.column in columns)


def _step(name: str, rows: int | None, moved: Sequence[DriftStatistic]) -> PipelineStage:
    past = sorted((statistic for statistic in moved if statistic.strain > 1), key=lambda statistic: -statistic.strain)
    return PipelineStage(name, rows, tuple(subjects(past).values()), past[0].strain if past else 0.0)
