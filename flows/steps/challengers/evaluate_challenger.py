"""The middle of a retraining, the same for a real one and a replayed one: choose a recipe, and prove it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray, IntArray
from tasks.evaluate import ComparisonSet, Evidence
from tasks.evaluate.comparison_set import truth_for
from tasks.evaluate.task import examine, examine_task
from tasks.features import Parts, holdout_parts
from tasks.model import Predictor
from tasks.records import Entry, retrainings_of
from tasks.spec import ProjectSpec
from tasks.statistics import LOSSES, RESIDUALS, DaySums, newest_regime, weighted_values
from tasks.train import (
    CrossFit,
    ParallelMap,
    SearchOptions,
    TrainingResult,
    baseline_predictions,
    row_weights,
    without_holdout_groups,
)
from tasks.train.task import choose_and_fit, choose_and_fit_task, fit_after_change, fit_after_change_task

LIKELIER_THAN_NOT = 0.5  # probability of "no change" below which one counts


@dataclass(frozen=True)
class TrainingRequest:
    """The input of a retraining: what is known on a night, and the model that a challenger must beat.

    Parameters
    ----------
    known : DataFrame
        Every labelled row known that night, with its features, oldest first.
    rows : DataFrame
        `row_id` and `event_date` of every row taken in by then, labelled or not.
    night : date
        The night of the training.
    champion, trained_until : Predictor and date, or None
        Who serves now, and the last day it learned from.
    uses : tuple of (date, date)
        First and last day of the hold-outs of earlier tries.
    """

    known: pd.DataFrame
    rows: pd.DataFrame
    night: date
    champion: Predictor | None = None
    trained_until: date | None = None
    uses: tuple[tuple[date, date], ...] = ()

    def too_early(self, spec: ProjectSpec) -> str:
        """Return why no challenger can be examined yet, so that none is trained; empty where one can."""
        if self.trained_until is None:
            return ""
        changed = self.changed_on(spec)
        if changed is not None and (self.known["event_date"] >= changed).sum() >= spec.gate.min_rows:
            return ""
        parts = holdout_parts(self.known, days=spec.split.holdout_days, after=self.trained_until)
        newer = int((parts.holdout["event_date"] > self.trained_until).sum())
        if newer >= spec.gate.min_rows:
            return ""
        return (
            f"found {newer} labelled rows to compare on that are newer than the champion's training; expected "
            f"{spec.gate.min_rows}. Nothing was trained. Wait for labels, or lower gate.min_rows"
        )

    def changed_on(self, spec: ProjectSpec) -> date | None:
        """Return the first day since the newest lasting change of the champion's error, if the hold-out is older.

        Then candidates without the hold-out would know nothing of the new regime. It is enough that a change is
        likelier than none: that a model is tried is decided already, and the change only says on which rows.
        """
        if self.champion is None or self.trained_until is None:
            return None
        rows = self.known[self.known["event_date"] > self.trained_until]
        if rows.empty:
            return None
        truth, answer = truth_for(self.champion, rows, spec), self.champion.predict(rows)
        days = rows["event_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
        weights, metric = row_weights(rows, spec), spec.scope.metric
        changed = max(_changed_on(measure[metric](truth, answer), weights, days) for measure in (LOSSES, RESIDUALS))
        parts = holdout_parts(self.known, days=spec.split.holdout_days, after=self.trained_until)
        first = date(1970, 1, 1) + timedelta(days=changed)
        enough_before = timedelta(days=spec.split.holdout_days)
        return first if parts.holdout_from < first + enough_before and changed > days.min() else None


def _changed_on(values: FloatArray, weights: FloatArray | None, days: IntArray) -> int:
    usable = np.isfinite(values)
    counted = None if weights is None else weights[usable]
    by_day = DaySums.of(weighted_values(values[usable], counted), days[usable])
    return int(by_day.days[newest_regime(by_day, LIKELIER_THAN_NOT)]) if usable.any() else int(days.min())


@dataclass(frozen=True)
class EvaluatedChallenger:
    """A recipe and its proof; `past` is what it learned from, until `learned_on`."""

    parts: Parts
    past: pd.DataFrame
    learned_on: date
    trained: TrainingResult
    comparison_set: ComparisonSet
    evidence: Evidence


def earlier_holdouts(record: Iterable[Entry], night: date) -> tuple[tuple[date, date], ...]:
    """Return the first and last days of earlier hold-outs: each use of the same rows makes a lucky result likelier."""
    return tuple(
        (entry.holdout_start, entry.holdout_end)
        for entry in retrainings_of(record)
        if entry.night < night and entry.holdout_start and entry.holdout_end
    )


@dataclass(frozen=True)
class TrainingSteps:
    """How a training runs its steps: as Prefect tasks, or as plain functions."""

    choose_and_fit: Callable[..., TrainingResult]
    fit_after_change: Callable[..., tuple[TrainingResult, CrossFit] | None]
    examine: Callable[[ComparisonSet, ProjectSpec], Evidence]


AS_TASKS = TrainingSteps(choose_and_fit_task, fit_after_change_task, examine_task)
PLAIN = TrainingSteps(choose_and_fit, fit_after_change, examine)


def train_and_evaluate(
    question: TrainingRequest,
    spec: ProjectSpec,
    folder: Path,
    *,
    spread: ParallelMap = map,
    search: SearchOptions | None = None,
    steps: TrainingSteps,
) -> EvaluatedChallenger:
    """Choose a recipe on the past and examine it on the newest labelled rows, which no candidate saw.

    Parameters
    ----------
    folder : Path
        The project's, for a baseline or metrics of its own.
    steps : TrainingSteps
        `AS_TASKS` inside a Prefect flow, `PLAIN` in a replay.
    """
    changed = question.changed_on(spec)
    examined = None if changed is None else _since_change(question, spec, folder, changed, steps)
    if examined is not None:
        return examined
    parts = holdout_parts(question.known, days=spec.split.holdout_days, after=question.trained_until)
    past = without_holdout_groups(parts.past, parts.holdout, spec)
    learned_on = parts.holdout_from + timedelta(days=spec.source.label.delay_days - 1)
    trained = steps.choose_and_fit(past, spec, learned_on, spread, search)
    baseline = baseline_predictions(past, parts.holdout, spec, folder)
    compared = replace(comparison_set(question, parts, trained, baseline), folder=folder)
    return EvaluatedChallenger(parts, past, learned_on, trained, compared, steps.examine(compared, spec))


def _since_change(
    question: TrainingRequest, spec: ProjectSpec, folder: Path, changed: date, steps: TrainingSteps
) -> EvaluatedChallenger | None:
    """Choose a recipe by cross-fitting on the days since a change, and examine it on the answers that it gave there.

    None where too little is known of these days.
    """
    known = question.known
    since = known["event_date"] >= changed
    parts = Parts(known[~since], known[since], changed)
    fitted = steps.fit_after_change(known, spec, question.night, changed)
    if fitted is None:
        return None
    trained, crossed = fitted
    answers = np.full((len(known), *crossed.predictions.shape[1:]), np.nan)
    answers[crossed.rows] = crossed.predictions
    classes = trained.fitted.portable.schema.classes if spec.training.task == "multiclass" else ()
    baseline = baseline_predictions(parts.past, parts.holdout, spec, folder, tuple(map(str, classes)))
    compared = replace(
        comparison_set(question, parts, trained, baseline),
        crossed=answers[since.to_numpy()],
        candidates=len(trained.leaderboard),
        folder=folder,
    )
    evidence = steps.examine(compared, spec)
    return EvaluatedChallenger(parts, known, question.night, trained, compared, evidence)


def comparison_set(
    question: TrainingRequest, parts: Parts, trained: TrainingResult, baseline: float | FloatArray
) -> ComparisonSet:
    """Return a challenger, its rival, and the rows of the hold-out to compare them on."""
    first, last = parts.holdout_from, max(parts.holdout["event_date"])
    inside = question.rows["event_date"].between(first, last)
    return ComparisonSet(
        challenger=trained.fitted.portable,
        champion=question.champion,
        holdout=parts.holdout,
        baseline_prediction=baseline,
        parity=trained.fitted.parity,
        night=question.night,
        awaiting=int((~question.rows.loc[inside, "row_id"].isin(parts.holdout["row_id"])).sum()),
        uses=sum(begin <= last and end >= first for begin, end in question.uses),
    )
