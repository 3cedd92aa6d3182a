"""The files of a version that it serves from: the same for one that is registered and for one of a backtest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from flows.steps.challengers.evaluate_challenger import EvaluatedChallenger
from tasks.drift import repeated_rows, row_hashes, to_bytes
from tasks.model import model_files
from tasks.monitor import PredictionReference, Slices, answers, slices, slices_to_json
from tasks.monitor import to_json as answers_to_json
from tasks.spec import ProjectSpec
from tasks.statistics import LOSSES, evidence_to_dict
from tasks.train import row_weights
from tasks.train.task import ReleaseCandidate


@dataclass(frozen=True)
class VersionFiles:
    """What a version serves from, and what its nights are measured against.

    Parameters
    ----------
    model : mapping of str to bytes
        The portable model and its schema.
    reference : bytes
        The profile of what it was trained on.
    answers, slices : bytes, optional
        What its answers mean on rows that it was not trained on, and what they cost there by slice.
    evidence : mapping
        What the gate found.
    training : mapping
        The recipe, the dates, and the importances of the columns.
    """

    model: Mapping[str, bytes]
    reference: bytes
    answers: bytes | None
    slices: bytes | None
    evidence: Mapping[str, Any]
    training: Mapping[str, Any]

    def files(self) -> dict[str, bytes]:
        """Return the files by name."""
        measured = {"answers.json": self.answers, "slices.json": self.slices}
        return {
            **self.model,
            **{name: content for name, content in measured.items() if content is not None},
            "reference.bin": self.reference,
            "evidence.json": json.dumps(self.evidence, sort_keys=True).encode(),
            "training.json": json.dumps(self.training, sort_keys=True).encode(),
        }


def version_files(
    candidate: ReleaseCandidate, evaluated: EvaluatedChallenger, known: pd.DataFrame, spec: ProjectSpec
) -> VersionFiles:
    """Return the files of a candidate that was evaluated, and refitted on every labelled row.

    Parameters
    ----------
    known : DataFrame
        The rows it was refitted on.
    """
    several = spec.training.task == "multiclass"  # there is no watch over several classes yet
    fitted = candidate.fitted
    meaning, cost = (None, None) if several else _measured(answered_rows(candidate, evaluated, known, spec), spec)
    return VersionFiles(
        model=model_files(fitted.portable),
        reference=to_bytes(candidate.reference),
        answers=None if meaning is None else answers_to_json(meaning).encode(),
        slices=None if cost is None else slices_to_json(cost).encode(),
        evidence=evaluated.evidence.to_dict(),
        training={
            "recipe": fitted.recipe.name,
            "rows": fitted.rows,
            "trained_from": fitted.trained_from.isoformat(),
            "trained_until": fitted.trained_until.isoformat(),
            "importances": candidate.importances,
            "parity": fitted.parity,
            "repeated_rows": repeated_rows(row_hashes(known[spec.features.columns], spec.features.categories)).share,
            "promise": None if candidate.evidence is None else evidence_to_dict(candidate.evidence.promise),
        },
    )


def answered_rows(
    candidate: ReleaseCandidate, evaluated: EvaluatedChallenger, known: pd.DataFrame, spec: ProjectSpec
) -> pd.DataFrame:
    """Return labelled rows with `prediction`, what a release may be expected to answer to rows like them.

    They are the rows of its own evidence, each answered by a fit that left it out, over the days of the hold-out and of
    the folds; where there is no such evidence, the hold-out, answered by the challenger.
    """
    if candidate.evidence is not None:
        crossed, days = candidate.evidence.rows, spec.split.holdout_days + spec.split.folds * spec.split.fold_days
        newest = crossed.since(int(crossed.days.max()) - days + 1)
        return known.iloc[newest.rows].assign(prediction=newest.predictions)
    holdout = evaluated.parts.holdout
    return holdout.assign(prediction=evaluated.comparison_set.challenger.predict(holdout))


def _measured(rows: pd.DataFrame, spec: ProjectSpec) -> tuple[PredictionReference | None, Slices | None]:
    """Return what answers mean and what they cost by slice."""
    truth, prediction = rows[spec.source.label.column].to_numpy(float), rows["prediction"].to_numpy(float)
    frame = pd.DataFrame({"event_date": rows["event_date"].to_numpy(), "prediction": prediction, "label": truth})
    losses = LOSSES[spec.scope.metric](truth, prediction)
    return (
        answers(frame, spec.scope.metric, binary=spec.training.task == "binary"),
        slices(rows, losses, spec.features, spec.privacy.min_category_count, row_weights(rows, spec)),
    )
