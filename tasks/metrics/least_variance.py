"""The least variance of a mean: rows of a small group that are all alike have no spread, yet it is not certain."""

from __future__ import annotations

import numpy as np

from tasks.arrays import FloatArray
from tasks.statistics.losses import Loss

ADDED = 4  # rows, half of them ones: about the square of 1.96


def rate_variance(ones: float, rows: float) -> float:
    """Return the binomial variance of a rate after two ones and two zeros are added to its rows.

    A. Agresti and B. Coull (1998), The American Statistician 52(2): without them, a rate of 0 or 1 has no variance.

    Examples
    --------
    Of 12 rows without a one, 2 of 16 are ones: 1 / 8 x 7 / 8 / 16.

    >>> rate_variance(0, 12) == 7 / 1024
    True
    """
    share = (ones + ADDED / 2) / (rows + ADDED)
    return share * (1 - share) / (rows + ADDED)


def model_variance(measure: Loss, prediction: FloatArray) -> FloatArray:
    """Return the variance of a loss or residual of each row, if labels have the probabilities that a model gives.

    Parameters
    ----------
    measure : callable
        Loss or residual of truth and prediction.
    prediction : array, shape (n,) or (n, k)
        P(class 1), or the probability of each class.

    Examples
    --------
    A label minus its probability p has the variance p (1 - p).

    >>> model_variance(lambda truth, answer: truth - answer, np.array([0.5, 1.0])).tolist()
    [0.25, 0.0]
    """
    classes = prediction if prediction.ndim > 1 else np.column_stack([1 - prediction, prediction])
    mean, square = np.zeros(len(prediction)), np.zeros(len(prediction))
    for index in range(classes.shape[1]):
        value = measure(np.full(len(prediction), float(index)), prediction)
        mean += classes[:, index] * value
        square += classes[:, index] * value**2
    return np.maximum(square - mean**2, 0.0)
