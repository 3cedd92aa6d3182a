"""The way of the data, step by step: which of them moved, the first of them first.

What a later step shows may only be what an earlier one handed on. So an alarm is told with the first step that moved:
rows as delivered, rows accepted, values of feature tables, what the project's own function makes of them, the
champion's answers, labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tasks.monitor.drift_monitor import DriftMonitor
from tasks.profiles import TableProfile
from tasks.records import DriftStatistic, PipelineStage, Window
from tasks.spec.data_sections import Features

DELIVERED, ACCEPTED, FUNCTION = "rows as delivered", "rows accepted", "features of the project's function"
ANSWERS, LABELS = "the champion's answers", "labels"


@dataclass(frozen=True, slots=True)
class Judged:
    """What was judged of each kind, and the rows of the window: as delivered (with those set aside), and accepted.

    `delivered` is None where nothing was set aside: then it is what was accepted.
    """

    inputs: tuple[DriftStatistic, ...]
    answers: tuple[DriftStatistic, ...]
    labels: tuple[DriftStatistic, ...]
    rows: int
    delivered: tuple[DriftStatistic, ...] | None = None
    rows_delivered: int = 0


def way(features: Features, judged: Judged) -> tuple[PipelineStage, ...]:
    """Return every step of a project's own data, in order.

    Examples
    --------
    >>> from tasks.records import Statistic
    >>> from tasks.spec.data_sections import Features
    >>> moved = (DriftStatistic("area", Statistic.LEVEL, 0.2, 0.1),)
    >>> [step.sentence for step in way(Features(numbers=["area"]), Judged(moved, (), (), 90))]
    ['rows as delivered (area)', 'rows accepted (area)', "the champion's answers", 'labels']
    """
    own = set(features.own.all)
    delivered = judged.inputs if judged.delivered is None else judged.delivered
    steps = [
        _step(DELIVERED, max(judged.rows_delivered, judged.rows), _among(delivered, own)),
        _step(ACCEPTED, judged.rows, _among(judged.inputs, own)),
    ]
    made = [*((f"feature table {each.name}", each.columns) for each in features.tables), (FUNCTION, features.made)]
    steps += [_step(name, judged.rows, _among(judged.inputs, set(part.all))) for name, part in made if part.all]
    return (*steps, _step(ANSWERS, judged.rows, judged.answers), _step(LABELS, None, judged.labels))


def delivered_moves(
    watch: DriftMonitor, window: Window, accepted: Mapping[date, TableProfile], refused: Mapping[date, TableProfile]
) -> tuple[tuple[DriftStatistic, ...], int] | None:
    """Return how a window's rows moved as they were delivered, and how many they are; None where none was set aside.

    It is judged by the same leeway as the accepted rows, and is no alarm by itself: what was set aside trains nothing.
    """
    inside = [day for day in sorted({*accepted, *refused}) if window.start <= day <= window.end]
    if not any(day in refused for day in inside):
        return None
    rows = TableProfile.empty(watch.reference.total.ruler)
    for day in inside:
        for profiles in (accepted, refused):
            if day in profiles:
                rows += profiles[day]
    return watch.inputs(watch.begin(), window.start, rows)[1].moved, rows.rows


def _among(moved: Sequence[DriftStatistic], columns: set[str]) -> tuple[DriftStatistic, ...]:
    return tuple(each for each in moved if each.column in columns)


def _step(name: str, rows: int | None, moved: Sequence[DriftStatistic]) -> PipelineStage:
    past = sorted((each for each in moved if each.strain > 1), key=lambda each: -each.strain)
    local = {each.column: each.where for each in past if each.where}
    named = dict.fromkeys(local.get(each.column, each.column) for each in past)
    return PipelineStage(name, rows, tuple(named), past[0].strain if past else 0.0)
