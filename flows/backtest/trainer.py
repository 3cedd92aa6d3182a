"""Trains models for a backtest with the functions of a retraining; what was trained is kept for other strategies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from flows.backtest.history import History
from flows.loaded_version import Champion, champion_of
from flows.steps.challengers.evaluate_challenger import PLAIN, EvaluatedChallenger, TrainingRequest, train_and_evaluate
from flows.steps.challengers.version_files import version_files
from tasks.dataset.known_rows import consented_rows, training_rows
from tasks.spec import ProjectSpec
from tasks.train.task import refit

Progress = Callable[[str], None]
EVALUATED = frozenset({"training", "gate", "split", "scope", "features", "source", "privacy", "automation"})
"""The blocks of a spec that decide what is trained, and whether it passes the gate."""


@dataclass(frozen=True)
class KnownThen:
    """What was known at a moment.

    Parameters
    ----------
    night : date
        The night of the training.
    rows : DataFrame
        The rows that counted, with their features.
    labels : DataFrame
        The labels that counted: `row_id`, `label`, `arrival` and `arrival_rank`.
    uses : tuple of (date, date)
        First and last days of the hold-outs of earlier trainings.
    """

    night: date
    rows: pd.DataFrame
    labels: pd.DataFrame
    uses: tuple[tuple[date, date], ...] = ()


def training_settings(spec: ProjectSpec) -> str:
    """Return what decides which model a training makes: policies that differ in nothing else share their models."""
    policy = spec.monitoring
    return f"{spec.model_dump_json(include=set(EVALUATED))} {policy.period_days} {policy.window_days}"


@dataclass
class BacktestTrainer:
    """Trains the models of a backtest.

    Parameters
    ----------
    history : History
        The project's history.
    folder : Path
        The project's folder.
    made : dict
        What was trained so far; other strategies and trainers of the same project may share it.
    progress : callable
        Is called with what is being trained, in words.
    """

    history: History
    folder: Path
    made: dict[Any, tuple[EvaluatedChallenger, dict[str, bytes] | None]] = field(default_factory=dict)
    progress: Progress = lambda _text: None

    def request(self, spec: ProjectSpec, known: KnownThen, champion: Champion | None) -> TrainingRequest:
        """Return the request for a challenger that must beat a champion, from what was known.

        Raises
        ------
        DataError
            Too few labelled rows were known.
        """
        rows = consented_rows(known.rows, spec)
        return TrainingRequest(
            known=training_rows(rows, known.labels, known.night, spec),
            rows=rows[["row_id", "event_date"]],
            night=known.night,
            champion=champion.model if champion else None,
            trained_until=champion.trained_until if champion else None,
            uses=known.uses,
        )

    def trained(
        self, spec: ProjectSpec, request: TrainingRequest, champion: Champion | None, number: int
    ) -> tuple[EvaluatedChallenger, Champion | None]:
        """Train as requested; return the evaluation, and the version it makes unless the gate refused it.

        Parameters
        ----------
        champion : Champion or None
            The model that serves, which a challenger must beat.
        number : int
            The number of the version.
        """
        rows = request.known
        beaten = None if champion is None else (champion.trained_from, champion.trained_until, champion.recipe)
        weight = [] if spec.scope.weight is None else [spec.scope.weight]
        learned = [*spec.features.columns, "row_id", spec.source.label.column, *weight]
        digest = int(pd.util.hash_pandas_object(rows[learned], index=False).sum())
        key = (training_settings(spec), request.night, beaten, request.uses, len(request.rows), digest)
        if key not in self.made:
            self.progress(f"training as of {request.night}")
            self.made[key] = self._train(spec, request, champion)
        evaluated, files = self.made[key]
        return evaluated, None if files is None else champion_of(number, files, spec.scoring.threads)

    def _train(
        self, spec: ProjectSpec, request: TrainingRequest, champion: Champion | None
    ) -> tuple[EvaluatedChallenger, dict[str, bytes] | None]:
        evaluated = train_and_evaluate(request, spec, self.folder, steps=PLAIN)
        if not evaluated.evidence.passed:
            return evaluated, None
        stored = self.history.accepted.ruler if self.history.accepted else None
        ruler = champion.ruler if champion else stored
        compared = evaluated.comparison_set
        released = refit(evaluated.trained, request.known, compared.holdout, spec, ruler, compared.crossed)
        return evaluated, version_files(released, evaluated, request.known, spec).files()
