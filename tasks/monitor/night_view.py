"""One night's view, from profiles and labelled predictions by date: the drift monitor over all days since training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

import pandas as pd

from tasks.dataset.event_days import between, days_of, numbered
from tasks.drift.faults.converted_rows import NewestDays
from tasks.monitor.drift_kind import kind
from tasks.monitor.drift_monitor import ChartState, DriftMonitor, InputDrift, LabelDrift
from tasks.monitor.suspicion_watch import DailyRows
from tasks.monitor.window import newest_window, steps
from tasks.profiles import TableProfile, sum_profiles
from tasks.records import DriftKind, Estimated, LocalError, Window


@dataclass(frozen=True, slots=True)
class MonitoringInputs:
    """Everything since training that a night is measured from.

    Parameters
    ----------
    after : date
        The champion's last training day.
    profiles : mapping of date to TableProfile
        Of each event date up to the night.
    answered : DataFrame
        `event_date` and `prediction` of the champion's answers.
    labelled : DataFrame
        `event_date`, `prediction` and `label` of those with matured labels.
    """

    after: date
    profiles: Mapping[date, TableProfile]
    answered: pd.DataFrame
    labelled: pd.DataFrame


@dataclass(frozen=True, slots=True)
class WindowPolicy:
    """How long a window is, and how many rows it needs at least."""

    days: int
    min_rows: int


@dataclass(frozen=True, slots=True)
class NightView:
    """One night: the measured window, its drift, what labels say, and the kind of drift."""

    window: Window | None = None
    seen: InputDrift = field(default_factory=lambda: InputDrift(()))
    learnt: LabelDrift | None = None
    kind: DriftKind = "none"
    estimated: Estimated | None = None


Steps = tuple[Window, ...]
State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class ReplayCache:
    """Results of earlier nights, so that a replay does not begin each night at the first: empty for a new champion.

    A step with another number of rows is another step, and everything after it is computed again.
    """

    inputs: dict[Steps, ChartState] = field(default_factory=dict)
    outcomes: dict[Steps, tuple[ChartState, LabelDrift | None]] = field(default_factory=dict)


def view_night(
    monitor: DriftMonitor,
    since: MonitoringInputs,
    pace: WindowPolicy,
    *,
    known: ReplayCache | None = None,
    worse: Sequence[LocalError] = (),
) -> NightView:
    """Return one night's view; it depends on nothing but the arguments.

    Parameters
    ----------
    known : ReplayCache, optional
        Filled and used, for many nights of one champion in order; the result is the same without it.
    worse : sequence of LocalError, optional
        Errors by slice, as far as they are known.
    """
    known = known or ReplayCache()
    learnt = _labels(monitor, since, pace, known)
    counts = [(day, profile.rows) for day, profile in since.profiles.items()]
    window = newest_window(counts, days=pace.days, min_rows=pace.min_rows, after=since.after)
    if window is None:
        return NightView(learnt=learnt)
    whole = steps(counts, days=pace.days, min_rows=pace.min_rows, after=since.after)
    memory = _folded(
        known.inputs,
        tuple(step for step in whole if step.end < window.start),
        monitor.begin(),
        lambda memory, step: monitor.inputs(
            memory, step.start, _rows(since, step), predictions=_answers(monitor, since, step)
        )[0],
    )
    answered = _answers(monitor, since, window)
    hints = DailyRows(since.profiles).hints(window.start, window.rows)
    newest = NewestDays(since.profiles, window, pace.days)
    rows = _rows(since, window)
    _, seen = monitor.inputs(memory, window.start, rows, predictions=answered, hints=hints, newest=newest)
    found = kind(monitor.symptoms(seen, learnt, worse))
    return NightView(window, seen, learnt, found, _estimated(monitor, answered, learnt))


def _folded(known: dict[Steps, State], steps: Steps, begin: State, after: Callable[[State, Window], State]) -> State:
    """Return the state after some steps, continued from the longest run of first steps that is known."""
    place = len(steps)
    while place and steps[:place] not in known:
        place -= 1
    state = known[steps[:place]] if place else begin
    for at in range(place, len(steps)):
        state = known[steps[: at + 1]] = after(state, steps[at])
    return state


def _rows(since: MonitoringInputs, window: Window) -> TableProfile:
    return sum_profiles([since.profiles[day] for day in sorted(since.profiles) if window.start <= day <= window.end])


def _answers(monitor: DriftMonitor, since: MonitoringInputs, window: Window) -> TableProfile | None:
    if monitor.answers is None:
        return None
    inside = between(days_of(since.answered["event_date"]), window.start, window.end)
    return monitor.answers.profile(since.answered["prediction"].to_numpy(float)[inside])


def _labels(
    monitor: DriftMonitor, since: MonitoringInputs, pace: WindowPolicy, known: ReplayCache
) -> LabelDrift | None:
    if monitor.answers is None or since.labelled.empty:
        return None
    _, rows, days = numbered(days_of(since.labelled["event_date"]))
    counts = list(zip(days.tolist(), rows.tolist(), strict=True))
    whole = tuple(steps(counts, days=pace.days, min_rows=pace.min_rows, after=since.after))
    begin: tuple[ChartState, LabelDrift | None] = (monitor.begin(), None)
    return _folded(known.outcomes, whole, begin, lambda state, step: _outcomes(monitor, state[0], since, step))[1]


def _outcomes(
    monitor: DriftMonitor, memory: ChartState, since: MonitoringInputs, step: Window
) -> tuple[ChartState, LabelDrift | None]:
    if monitor.answers is None:
        return memory, None
    rows = since.labelled[since.labelled["event_date"].between(step.start, step.end)]
    sums = monitor.answers.sums(rows["prediction"].to_numpy(float), rows["label"].to_numpy(float))
    return monitor.outcomes(memory, step.start, *sums)


def _estimated(monitor: DriftMonitor, predictions: TableProfile | None, learnt: LabelDrift | None) -> Estimated | None:
    if monitor.answers is None or predictions is None or not predictions.rows:
        return None
    loss, error = monitor.answers.estimated_loss(predictions)
    contradicted = learnt is not None and bool(learnt.alarms)
    return Estimated(loss, error, monitor.answers.loss, monitor.answers.trusted and not contradicted)
