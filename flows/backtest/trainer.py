"""Where a replay's models are made: the retraining's own rooms, called as plain functions; what was made is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from flows.backtest.history import History
from flows.steps.evaluate_challenger import PLAIN, EvaluatedChallenger, TrainingRequest, train_and_evaluate
from flows.workspace import Champion
from tasks.dataset.label_join import labelled, matured
from tasks.drift import duplicate_share
from tasks.errors import DataError
from tasks.monitor import Promise
from tasks.spec import ProjectSpec
from tasks.train.task import refit

FIRST = 1
Said = Callable[[str], None]


@dataclass
class BacktestTrainer:
    """Where models are made for a replay; what was made once is not made again for another strategy."""

    history: History
    folder: Path
    made: dict[Any, Any] = field(default_factory=dict)
    said: Said = lambda _text: None

    def first(self, spec: ProjectSpec, night: date) -> Champion:
        """Return the first champion, trained on what was known on a night.

        Raises
        ------
        DataError
            When that is too little, or the gate refused it.
        """
        proven, champion = self.trained(spec, night, None)
        if champion is None:
            raise DataError(
                f"no first model on {night}: {'; '.join(proven.evidence.reasons)}; start later with --start"
            )
        return champion

    def trained(
        self, spec: ProjectSpec, night: date, before: Champion | None
    ) -> tuple[EvaluatedChallenger, Champion | None]:
        """Train on what was known on a night; return the proof, and the champion it makes unless the gate refused."""
        trainer = spec.model_dump_json(include={"training", "gate", "split", "scope", "features", "source"})
        beaten = None if before is None else (before.trained_from, before.trained_until, before.recipe)
        key = (trainer, night, beaten, self._digest(spec, night))
        if key not in self.made:
            self.said(f"training as of {night}")
            self.made[key] = self._train(spec, night, before)
        made: tuple[EvaluatedChallenger, Champion | None] = self.made[key]
        return made

    def _digest(self, spec: ProjectSpec, night: date) -> int:
        """Return a number that tells what was known on a night from anything else that might have been."""
        rows, labels = self.history.rows, self.history.labels
        seen = rows.loc[rows["arrival"] <= night, ["row_id", *spec.features.columns]]
        told = labels.loc[labels["arrival"] <= night, ["row_id", "label"]]
        return hash(tuple(int(pd.util.hash_pandas_object(each, index=False).sum()) for each in (seen, told)))

    def known(self, spec: ProjectSpec, night: date) -> pd.DataFrame:
        """Return the labelled rows known on a night."""
        rows = self.history.rows[self.history.rows["arrival"] <= night]
        known = labelled(rows, self.history.labels, night, spec.source.label.column)
        return matured(known, spec.matured_until(night)) if len(known) else known

    def _train(
        self, spec: ProjectSpec, night: date, before: Champion | None
    ) -> tuple[EvaluatedChallenger, Champion | None]:
        known = self.known(spec, night)
        if len(known) < spec.training.min_rows:
            raise DataError(
                f"{len(known)} labelled rows are known on {night}; training.min_rows is {spec.training.min_rows}: "
                "start later, with --start"
            )
        question = TrainingRequest(
            known=known,
            rows=self.history.rows.loc[self.history.rows["arrival"] <= night, ["row_id", "event_date"]],
            night=night,
            champion=before.model if before else None,
            trained_until=before.trained_until if before else None,
        )
        proven = train_and_evaluate(question, spec, self.folder, steps=PLAIN)
        if not proven.evidence.passed:
            return proven, None
        kept = self.history.stored.ruler if self.history.stored else None
        ruler = before.reference.total.ruler if before else kept
        released = refit(proven.trained, known, proven.parts.holdout, spec, ruler)
        evidence, fitted = proven.evidence, released.fitted
        return proven, Champion(
            number=FIRST if before is None else before.number + 1,
            model=fitted.portable,
            reference=released.reference,
            promise=Promise(spec.scope.metric, evidence.challenger_loss, evidence.challenger_bias, evidence.rows),
            trained_from=fitted.trained_from,
            trained_until=fitted.trained_until,
            importances=tuple(released.importances.items()),
            recipe=fitted.recipe.name,
            answers=proven.answers(spec),
            slices=proven.slices(spec),
            repeated_rows=duplicate_share(known[spec.features.columns]),
        )
