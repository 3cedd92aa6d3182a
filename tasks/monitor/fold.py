"""From dated profiles and labelled predictions to one night's view: the watch, folded over all days since training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from tasks.monitor.kinds import kind
from tasks.monitor.watch import Learnt, Memory, Seen, Watch
from tasks.monitor.window import Window, newest_window, steps
from tasks.profiles import TableProfile
from tasks.records import DriftKind, Estimated


@dataclass(frozen=True, slots=True)
class Since:
    """Everything since training that a night may look at.

    Parameters
    ----------
    after : date
        The champion's last training day.
    profiles : mapping of date to TableProfile
        Of each event date up to the night.
    answered : DataFrame
        `event_date` and `prediction` of the champion's answers.
    labelled : DataFrame
        `event_date`, `prediction` and `label` of those whose labels have matured.
    """

    after: date
    profiles: Mapping[date, TableProfile]
    answered: pd.DataFrame
    labelled: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a window is, and how many rows it needs at least."""

    days: int
    min_rows: int


@dataclass(frozen=True, slots=True)
class Folded:
    """One night: the judged window, what was seen in it, what labels taught, and what kind of drift that is."""

    window: Window | None = None
    seen: Seen = field(default_factory=lambda: Seen(()))
    learnt: Learnt | None = None
    kind: DriftKind = "none"
    estimated: Estimated | None = None


def fold(watch: Watch, since: Since, pace: Pace, *, repeated: float | None = None) -> Folded:
    """Return what a night shows; nothing is remembered but what is given.

    Parameters
    ----------
    repeated : float, optional
        Share of the newest window's rows that repeat another.
    """
    memory = watch.begin()
    memory, learnt = _labels(watch, memory, since, pace)
    counts = [(day, profile.rows) for day, profile in since.profiles.items()]
    window = newest_window(counts, days=pace.days, min_rows=pace.min_rows, after=since.after)
    if window is None:
        return Folded(learnt=learnt)
    for step in steps(counts, days=pace.days, min_rows=pace.min_rows, after=since.after):
        if step.end < window.start:
            memory, _ = _inputs(watch, memory, since, step, None)
    _, seen = _inputs(watch, memory, since, window, repeated)
    return Folded(window, seen, learnt, kind(watch.evidence(seen, learnt)), _estimated(watch, since, window, learnt))


def _inputs(watch: Watch, memory: Memory, since: Since, window: Window, repeated: float | None) -> tuple[Memory, Seen]:
    merged = TableProfile.empty(watch.reference.total.ruler)
    for day in sorted(since.profiles):
        if window.start <= day <= window.end:
            merged += since.profiles[day]
    return watch.inputs(memory, window.start, merged, predictions=_answers(watch, since, window), repeated=repeated)


def _answers(watch: Watch, since: Since, window: Window) -> TableProfile | None:
    if watch.answers is None:
        return None
    inside = since.answered["event_date"].between(window.start, window.end)
    return watch.answers.profile(since.answered.loc[inside, "prediction"].to_numpy(float))


def _labels(watch: Watch, memory: Memory, since: Since, pace: Pace) -> tuple[Memory, Learnt | None]:
    learnt = None
    if watch.answers is None or since.labelled.empty:
        return memory, learnt
    days = since.labelled["event_date"]
    counts = [(day, int((days == day).sum())) for day in days.unique()]
    for step in steps(counts, days=pace.days, min_rows=pace.min_rows, after=since.after):
        rows = since.labelled[since.labelled["event_date"].between(step.start, step.end)]
        sums = watch.answers.sums(rows["prediction"].to_numpy(float), rows["label"].to_numpy(float))
        memory, learnt = watch.outcomes(memory, step.start, *sums)
    return memory, learnt


def _estimated(watch: Watch, since: Since, window: Window, learnt: Learnt | None) -> Estimated | None:
    predictions = _answers(watch, since, window)
    if watch.answers is None or predictions is None or not predictions.rows:
        return None
    loss, error = watch.answers.estimated_loss(predictions)
    contradicted = learnt is not None and bool(learnt.alarms)
    return Estimated(loss, error, watch.answers.loss, watch.answers.trusted and not contradicted)
