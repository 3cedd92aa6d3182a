"""The answers of a model for rows of inputs: the same code for the nightly batch and for the prediction service."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import BoolArray, FloatArray
from tasks.inference.confidence import confidence
from tasks.inference.explanations import reasons
from tasks.inference.matrix_model import MatrixModel
from tasks.inference.prediction_interval import interval_bounds


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model answers for n rows.

    Attributes
    ----------
    prediction : array, shape (n,)
        Label units, P(class 1), or of several classes the index of the chosen one.
    score : array, shape (n,)
        On the scale of the model; of several classes that of the chosen one.
    confidence : array, shape (n,)
        Higher is more certain.
    unsure : array of bool, shape (n,)
        Rows that the rule of the model passes to a person.
    reasons : list of str
        Of unsure rows, the values that changed the prediction most; of others, an empty text.
    probabilities : array, shape (n, k), or None
        Of several classes.
    bounds : (array, array), each of shape (n,), or None
        Lower and upper bound of the interval of each prediction, in label units.
    """

    prediction: FloatArray
    score: FloatArray
    confidence: FloatArray
    unsure: BoolArray
    reasons: list[str]
    probabilities: FloatArray | None = None
    bounds: tuple[FloatArray, FloatArray] | None = None


def answers(inputs: FloatArray, model: MatrixModel) -> Answers:
    """Return the answers for rows of model inputs: shape (n, inputs)."""
    schema = model.schema
    score = model.score_matrix(inputs)
    prediction = model.from_score(score)
    sure = confidence(prediction, inputs, schema)
    probabilities = None
    if schema.task == "multiclass":
        chosen = model.decisions(prediction)
        probabilities, score = prediction, np.take_along_axis(score, chosen[:, None], axis=1).ravel()
        prediction = chosen.astype(np.float64)
    unsure = unsure_rows(sure, model)
    why = [""] * len(inputs)
    if schema.deferral is not None and unsure.any():
        for row, text in zip(
            np.flatnonzero(unsure), reasons(model, inputs[unsure], schema.deferral.typical), strict=True
        ):
            why[row] = text
    return Answers(prediction, score, sure, unsure, why, probabilities, interval_bounds(score, inputs, schema))


def unsure_rows(sure: FloatArray, model: MatrixModel) -> BoolArray:
    """Return which rows are passed to a person: none without a rule, all where no confidence is enough."""
    rule = model.schema.deferral
    if rule is None:
        return np.zeros(len(sure), dtype=bool)
    return np.ones(len(sure), dtype=bool) if rule.threshold is None else ~(sure >= rule.threshold)
