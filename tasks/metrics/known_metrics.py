"""The known metrics by name: how each is computed, which values it may have, and which of them are better."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tasks.metrics import class_scores, number_scores
from tasks.metrics.answered_rows import AnsweredRows
from tasks.metrics.sum_of_sizes import SizedParts
from tasks.spec.quality_sections.further_metric import OF_TASK
from tasks.statistics import LOSSES

Score = Callable[[AnsweredRows, float], float]


@dataclass(frozen=True, slots=True)
class KnownMetric:
    """How a metric is computed; its values are from `least` to `most`.

    `parts` are those of a metric that is a sum of sizes.
    """

    score: Score
    higher_is_better: bool
    least: float = 0.0
    most: float = 1.0
    parts: Callable[[AnsweredRows], SizedParts] | None = None


def _mean_loss(name: str) -> KnownMetric:
    """Return a metric that a spec may also minimise, by its name; the error rate is that of the decisions.

    Rows with a truth that it cannot score, such as the logarithm of 0, are left out, of every model the same ones. A
    prediction that it cannot score makes it NaN: rows may not be left out in favour of a model.
    """

    def score(rows: AnsweredRows, _at: float) -> float:
        answer = rows.decision if name == "error_rate" and rows.prediction.ndim == 1 else rows.prediction
        loss, weights = LOSSES[name](rows.truth, answer), rows.weights
        if answer.ndim == 1:
            scored = np.isfinite(LOSSES[name](rows.truth, rows.truth))
            loss, weights = loss[scored], None if weights is None else weights[scored]
        return float(np.average(loss, weights=weights)) if len(loss) else math.nan

    return KnownMetric(score, higher_is_better=False, most=1.0 if name == "error_rate" else math.inf)


KNOWN_METRICS: dict[str, KnownMetric] = {
    **{name: _mean_loss(name) for name in LOSSES if name in OF_TASK},
    "roc_auc": KnownMetric(class_scores.roc_auc, higher_is_better=True),
    "pr_auc": KnownMetric(class_scores.pr_auc, higher_is_better=True),
    "f1": KnownMetric(class_scores.f1, higher_is_better=True),
    "precision": KnownMetric(class_scores.precision, higher_is_better=True),
    "recall": KnownMetric(class_scores.recall, higher_is_better=True),
    "recall_at_precision": KnownMetric(class_scores.recall_at_precision, higher_is_better=True),
    "recall_at_k": KnownMetric(class_scores.recall_at_k, higher_is_better=True),
    "precision_at_k": KnownMetric(class_scores.precision_at_k, higher_is_better=True),
    "top_k_accuracy": KnownMetric(class_scores.top_k_accuracy, higher_is_better=True),
    "calibration_error": KnownMetric(
        class_scores.calibration_error, higher_is_better=False, parts=class_scores.calibration_parts
    ),
    "root_mean_squared_error": KnownMetric(
        number_scores.root_mean_squared_error, higher_is_better=False, most=math.inf
    ),
    "symmetric_percentage_error": KnownMetric(
        number_scores.symmetric_percentage_error, higher_is_better=False, most=2.0
    ),
    "pinball_loss": KnownMetric(number_scores.pinball_loss, higher_is_better=False, most=math.inf),
    "r2": KnownMetric(number_scores.r2, higher_is_better=True, least=-math.inf),
    "median_absolute_error": KnownMetric(number_scores.median_absolute_error, higher_is_better=False, most=math.inf),
}
