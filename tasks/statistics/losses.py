"""Loss and signed residual of every row, for each metric a spec may name.

Lower is better everywhere. For a binary label the truth is 0 or 1 and the prediction is P(class 1), shape (n,). For
several classes the truth is the index of a class and the prediction the probability of each class, shape (n, k); an
index beyond the classes is a class that the model does not know, with a probability of 0. Rows that cannot be scored (a
missing truth or prediction, a logarithm of a value that is not positive) are NaN, not 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import FloatArray
from tasks.spec.field_types import QUANTILE_METRICS

Loss = Callable[[npt.ArrayLike, npt.ArrayLike], FloatArray]

SMALLEST_PROBABILITY = 1e-15  # log_loss of a certain and wrong prediction is 34.5, not infinite


def absolute_errors(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
    """Return |truth - prediction|, in the label's unit.

    Examples
    --------
    >>> absolute_errors([3, 5], [1, 6]).tolist()
    [2.0, 1.0]
    """
    return np.abs(residuals(truth, prediction))


def absolute_log_errors(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
    """Return |log truth - log prediction|: 0.1 is about ten per cent too high or too low.

    Examples
    --------
    Twice as much and half as much are equally wrong, by log 2 = 0.693; a price of 0 has no logarithm.

    >>> absolute_log_errors([200, 200, 0], [100, 400, 1]).round(3).tolist()
    [0.693, 0.693, nan]
    """
    return np.abs(log_residuals(truth, prediction))


def percentage_errors(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
    """Return |truth - prediction| / |truth|, as a share; a truth of 0 has none.

    >>> percentage_errors([4, 0], [5, 1]).tolist()
    [0.25, nan]
    """
    return np.abs(relative_residuals(truth, prediction))


def relative_residuals(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
    """Return (truth - prediction) / |truth|; NaN for a truth of 0.

    >>> relative_residuals([4, -4], [5, -5]).tolist()
    [-0.25, 0.25]
    """
    happened, expected = _floats(truth, prediction)
    size = np.abs(happened)
    return np.where(size > 0, (happened - expected) / np.where(size > 0, size, 1.0), np.nan)


def quantile_losses(quantile: float) -> Loss:
    """Return the loss of a predicted quantile: what it costs to be one unit too low, and 1 minus that to be too high.

    R. Koenker and G. Bassett (1978), Regression quantiles, Econometrica 46(1).

    >>> quantile_losses(0.75)([3, 1], [1, 3]).tolist()  # 2 too low, 2 too high
    [1.5, 0.5]
    """

    def losses(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
        gap = residuals(truth, prediction)
        return np.maximum(quantile * gap, (quantile - 1) * gap)

    return losses


def quantile_residuals(quantile: float) -> Loss:
    """Return whether the truth is above the predicted quantile, minus the share that is to be: its mean is 0 then.

    >>> quantile_residuals(0.75)([3, 1], [1, 3]).tolist()
    [0.75, -0.25]
    """

    def found(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
        gap = residuals(truth, prediction)
        return np.where(np.isnan(gap), np.nan, (gap > 0) - (1 - quantile))

    return found


def squared_errors(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
    """Return (truth - prediction) squared; for a probability this is the Brier score, summed over several classes.

    Examples
    --------
    >>> squared_errors([3, 1], [1, 0.5]).tolist()
    [4.0, 0.25]

    Class 1 of three with 0.2, 0.5 and 0.3: 0.04 + 0.25 + 0.09.

    >>> squared_errors([1], [[0.2, 0.5, 0.3]]).round(6).tolist()
    [0.38]
    """
    happened, expected = _floats(truth, prediction)
    if expected.ndim == 1:
        return residuals(happened, expected) ** 2
    probability = true_class_probability(happened, expected)
    return np.asarray((expected**2).sum(axis=1) - probability**2 + (1 - probability) ** 2)


def log_losses(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
    """Return minus the logarithm of the predicted probability of the true class.

    Examples
    --------
    P(class 1) = 0.8: -log 0.8 = 0.223 for class 1, -log 0.2 = 1.609 for class 0.

    >>> log_losses([1, 0], [0.8, 0.8]).round(3).tolist()
    [0.223, 1.609]
    >>> log_losses([2, 0], [[0.1, 0.1, 0.8], [0.2, 0.4, 0.4]]).round(3).tolist()
    [0.223, 1.609]
    """
    happened, probability = _floats(truth, prediction)
    if probability.ndim > 1:
        return -np.log(np.clip(true_class_probability(happened, probability), SMALLEST_PROBABILITY, 1.0))
    probability = np.clip(probability, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return -(happened * np.log(probability) + (1 - happened) * np.log1p(-probability))


def zero_one_losses(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
    """Return 1 where the class does not agree with P(class 1) >= 0.5, or is not the most probable of several; else 0.

    Examples
    --------
    >>> zero_one_losses([1, 1, 0], [0.5, 0.4, float("nan")]).tolist()
    [0.0, 1.0, nan]
    >>> zero_one_losses([2, 0], [[0.1, 0.1, 0.8], [0.2, 0.4, 0.4]]).tolist()
    [0.0, 1.0]
    """
    happened, probability = _floats(truth, prediction)
    if probability.ndim > 1:
        missed = (probability.argmax(axis=1) != happened).astype(np.float64)
        return np.where(np.isnan(happened) | np.isnan(probability).any(axis=1), np.nan, missed)
    wrong = ((probability >= 0.5) != (happened >= 0.5)).astype(np.float64)  # noqa: PLR2004 - the metric's threshold
    return np.where(np.isnan(happened) | np.isnan(probability), np.nan, wrong)


def residuals(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
    """Return truth - prediction; its mean is the bias, positive when predictions are too low.

    Of several classes: whether the most probable one was right (1 or 0) minus its probability; the mean is below zero
    where the model is overconfident.

    Examples
    --------
    >>> residuals([3, 1], [1, 0.5]).tolist()
    [2.0, 0.5]
    >>> residuals([1, 0], [[0.25, 0.75, 0.0], [0.25, 0.75, 0.0]]).tolist()
    [0.25, -0.75]
    """
    happened, expected = _floats(truth, prediction)
    if expected.ndim == 1:
        return happened - expected
    return np.asarray((1.0 - zero_one_losses(happened, expected)) - expected.max(axis=1), dtype=np.float64)


def true_class_probability(truth: npt.ArrayLike, probabilities: npt.ArrayLike) -> FloatArray:
    """Return the predicted probability of the true class; 0 for an unknown class, NaN without a truth.

    Examples
    --------
    >>> true_class_probability([1, 2, float("nan")], [[0.3, 0.7], [0.3, 0.7], [0.3, 0.7]]).tolist()
    [0.7, 0.0, nan]
    """
    happened, probability = _floats(truth, probabilities)
    is_known = (happened >= 0) & (happened < probability.shape[1])
    indices = np.where(is_known, happened, 0).astype(np.int64)
    chosen = np.take_along_axis(probability, indices[:, None], axis=1)[:, 0]
    return np.where(np.isnan(happened) | np.isnan(probability).any(axis=1), np.nan, np.where(is_known, chosen, 0.0))


def log_residuals(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
    """Return log truth - log prediction.

    Examples
    --------
    >>> log_residuals([200, 50], [100, 100]).round(3).tolist()
    [0.693, -0.693]
    """
    happened, expected = _floats(truth, prediction)
    return _log(happened) - _log(expected)


def truth_and_prediction(rows: pd.DataFrame, classes: Sequence[str] = ()) -> tuple[FloatArray, FloatArray]:
    """Return the truth and the prediction of each row, as the losses take them.

    Parameters
    ----------
    rows : DataFrame
        `label` and `prediction`; for several classes `probabilities` instead of `prediction`, and labels are names.
    classes : sequence of str
        Names of several classes, in the order of the probabilities; empty for numbers and for two classes.

    Returns
    -------
    truth : array, shape (n,)
        For several classes, the index of the label; their number for an unknown label.
    prediction : array, shape (n,) or (n, k)

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["b", "z"], "probabilities": [[0.2, 0.8], [0.6, 0.4]]})
    >>> truth, prediction = truth_and_prediction(rows, ("a", "b"))
    >>> truth.tolist(), prediction.tolist()
    ([1.0, 2.0], [[0.2, 0.8], [0.6, 0.4]])
    """
    if not classes:
        return rows["label"].to_numpy(np.float64), rows["prediction"].to_numpy(np.float64)
    index_of = {name: float(index) for index, name in enumerate(classes)}
    truth = [np.nan if pd.isna(name) else index_of.get(str(name), float(len(classes))) for name in rows["label"]]
    probabilities = [np.asarray(row, dtype=np.float64) for row in rows["probabilities"]]
    prediction = np.stack(probabilities) if probabilities else np.empty((0, len(classes)))
    return np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)


def weights_of(rows: pd.DataFrame) -> FloatArray | None:
    """Return how much each row of an answered cohort counts, its `weight`; None where all count alike."""
    return rows["weight"].to_numpy(np.float64) if "weight" in rows else None


LOSSES: dict[str, Loss] = {
    "mean_absolute_error": absolute_errors,
    "mean_absolute_log_error": absolute_log_errors,
    "mean_squared_error": squared_errors,
    "log_loss": log_losses,
    "brier_score": squared_errors,
    "error_rate": zero_one_losses,
    "mean_absolute_percentage_error": percentage_errors,
    **{name: quantile_losses(quantile) for name, quantile in QUANTILE_METRICS.items()},
}
RESIDUALS: dict[str, Loss] = {
    "mean_absolute_error": residuals,
    "mean_absolute_log_error": log_residuals,
    "mean_squared_error": residuals,
    "log_loss": residuals,
    "brier_score": residuals,
    "error_rate": residuals,
    "mean_absolute_percentage_error": relative_residuals,
    **{name: quantile_residuals(quantile) for name, quantile in QUANTILE_METRICS.items()},
}


def _floats(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    return np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)


def _log(values: FloatArray) -> FloatArray:
    positive = values > 0
    return np.where(positive, np.log(np.where(positive, values, 1.0)), np.nan)
