"""The middle of a retraining, the same for a real one and a replayed one: choose a recipe, and prove it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from tasks.evaluate import ComparisonSet, Evidence
from tasks.evaluate.task import examine, examine_task
from tasks.features import Parts, holdout_parts
from tasks.model import Predictor
from tasks.records import Entry, retrainings_of
from tasks.spec import ProjectSpec
from tasks.train import ParallelMap, SearchOptions, TrainingResult, baseline_predictions, without_holdout_groups
from tasks.train.task import choose_and_fit, choose_and_fit_task


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
        parts = holdout_parts(self.known, days=spec.split.holdout_days, after=self.trained_until)
        newer = int((parts.holdout["event_date"] > self.trained_until).sum())
        if newer >= spec.gate.min_rows:
            return ""
        return (
            f"found {newer} labelled rows to compare on that are newer than the champion's training; expected "
            f"{spec.gate.min_rows}. Nothing was trained. Wait for labels, or lower gate.min_rows"
        )


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
    """How a training runs its two steps: as Prefect tasks, or as plain functions."""

    choose_and_fit: Callable[..., TrainingResult]
    examine: Callable[[ComparisonSet, ProjectSpec], Evidence]


AS_TASKS = TrainingSteps(choose_and_fit_task, examine_task)
PLAIN = TrainingSteps(choose_and_fit, examine)


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
        The project's, for a baseline that is a rule of its own.
    steps : TrainingSteps
        `AS_TASKS` inside a Prefect flow, `PLAIN` in a replay.
    """
    parts = holdout_parts(question.known, days=spec.split.holdout_days, after=question.trained_until)
    past = without_holdout_groups(parts.past, parts.holdout, spec)
    learned_on = parts.holdout_from + timedelta(days=spec.source.label.delay_days - 1)
    trained = steps.choose_and_fit(past, spec, learned_on, spread, search)
    first, last = parts.holdout_from, max(parts.holdout["event_date"])
    inside = question.rows["event_date"].between(first, last)
    comparison_set = ComparisonSet(
        challenger=trained.fitted.portable,
        champion=question.champion,
        holdout=parts.holdout,
        baseline_prediction=baseline_predictions(past, parts.holdout, spec, folder),
        parity=trained.fitted.parity,
        night=question.night,
        awaiting=int((~question.rows.loc[inside, "row_id"].isin(parts.holdout["row_id"])).sum()),
        uses=sum(begin <= last and end >= first for begin, end in question.uses),
    )
    return EvaluatedChallenger(parts, past, learned_on, trained, comparison_set, steps.examine(comparison_set, spec))
