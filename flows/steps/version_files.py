"""The files of a version that it serves from: the same for one that is registered and for one of a backtest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from flows.steps.evaluate_challenger import EvaluatedChallenger
from tasks.drift import duplicate_share, to_bytes
from tasks.model import model_files
from tasks.monitor import slices_to_json
from tasks.monitor import to_json as answers_to_json
from tasks.spec import ProjectSpec
from tasks.statistics import evidence_to_dict
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
        What its answers meant on the hold-out, and what they cost there by slice.
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
    fitted, answers, slices = candidate.fitted, evaluated.answers(spec), evaluated.slices(spec)
    return VersionFiles(
        model=model_files(fitted.portable),
        reference=to_bytes(candidate.reference),
        answers=None if answers is None else answers_to_json(answers).encode(),
        slices=None if slices is None else slices_to_json(slices).encode(),
        evidence=evaluated.evidence.to_dict(),
        training={
            "recipe": fitted.recipe.name,
            "rows": fitted.rows,
            "trained_from": fitted.trained_from.isoformat(),
            "trained_until": fitted.trained_until.isoformat(),
            "importances": candidate.importances,
            "parity": fitted.parity,
            "repeated_rows": duplicate_share(known[spec.features.columns]),
            "promise": None if candidate.evidence is None else evidence_to_dict(candidate.evidence),
        },
    )
