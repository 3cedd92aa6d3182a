"""Converts scores on the scale of the model to label units or probabilities, by the link or by calibration tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tasks.arrays import FloatArray
from tasks.inference.schema import ModelSchema
from tasks.inference.schema_parts import Calibration

SUREST = 1e-9  # probabilities of a forest are clipped this far from 0 and 1, so that log odds are finite


def _identity(score: FloatArray) -> FloatArray:
    return score


def _exp(score: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.exp(score)


def _logistic(score: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-score)), written so that nothing overflows."""
    return 0.5 * (1.0 + np.tanh(0.5 * score))


def _softmax(score: FloatArray) -> FloatArray:
    """Return exp(score) / sum(exp(scores of the row)), written so that nothing overflows."""
    powers = np.exp(score - score.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


LINKS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "identity": _identity,
    "exp": _exp,
    "logistic": _logistic,
    "softmax": _softmax,
}


def scores_from_probabilities(probability: FloatArray) -> FloatArray:
    """Return the scores of probabilities, on the scale of the level correction.

    Parameters
    ----------
    probability : array, shape (n,) or (n, 1) for P(class 1), (n, k) for k classes
        Clipped to [1e-9, 1 - 1e-9].

    Returns
    -------
    array of the same shape
        Log odds of class 1, or the logarithm of each class's probability.

    Examples
    --------
    Three quarters are odds of 3 to 1, and log 3 = 1.0986.

    >>> scores_from_probabilities(np.array([0.5, 0.75])).round(4).tolist()
    [0.0, 1.0986]
    """
    if probability.ndim == 1 or probability.shape[1] == 1:
        return log_odds(probability)
    return np.log(np.clip(probability, SUREST, 1 - SUREST))


def predictions_from_scores(score: FloatArray, schema: ModelSchema) -> FloatArray:
    """Return label units, P(class 1) of shape (n,), or the probability of each class of shape (n, k)."""
    if not schema.calibration:
        return LINKS[schema.link](score)
    if score.ndim == 1:
        return calibrate(score, schema.calibration[0])
    return calibrate_classes(LINKS[schema.link](score), schema.calibration)


def calibrate_classes(probability: FloatArray, tables: Sequence[Calibration]) -> FloatArray:
    """Return the calibrated probability of each of several classes: by its own table, then normalised to a sum of 1.

    A table maps the log odds of its class against all others, which do not change when all scores are shifted.

    Parameters
    ----------
    probability : array, shape (n, k)
        Each row sums to 1.

    Examples
    --------
    One half has log odds of 0 and does not change; the other two become one tenth; 0.5 of 0.7 is 0.7143.

    >>> tables = (Calibration("sigmoid"), *[Calibration("isotonic", scores=(0.0,), probabilities=(0.1,))] * 2)
    >>> calibrate_classes(np.array([[0.5, 0.25, 0.25]]), tables).round(4).tolist()
    [[0.7143, 0.1429, 0.1429]]
    """
    odds = log_odds(probability)
    columns = np.column_stack([calibrate(odds[:, index], table) for index, table in enumerate(tables)])
    sums = columns.sum(axis=1, keepdims=True)
    equal = np.full_like(columns, 1 / columns.shape[1])
    return np.asarray(np.divide(columns, sums, out=equal, where=sums > 0), dtype=np.float64)


def log_odds(probability: FloatArray) -> FloatArray:
    """Return the log odds of each probability, clipped to [1e-9, 1 - 1e-9].

    Examples
    --------
    >>> log_odds(np.array([0.5, 0.75])).round(4).tolist()
    [0.0, 1.0986]
    """
    clipped = np.clip(probability, SUREST, 1 - SUREST)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float64)


def calibrate(score: FloatArray, table: Calibration) -> FloatArray:
    """Return the calibrated probability of each score; NaN stays NaN.

    Examples
    --------
    Halfway between the points (-1, 0.1) and (1, 0.5) is (0, 0.3); beyond the last point it stays 0.5.

    >>> table = Calibration("isotonic", scores=(-1.0, 1.0), probabilities=(0.1, 0.5))
    >>> calibrate(np.array([0.0, 7.0]), table).round(6).tolist()
    [0.3, 0.5]
    """
    if table.kind == "sigmoid":
        return _logistic(table.slope * score + table.intercept)
    return np.asarray(np.interp(score, table.scores, table.probabilities), dtype=np.float64)
