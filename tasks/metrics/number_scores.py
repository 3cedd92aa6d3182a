"""Metrics of numbers, on the predictions of a model: scikit-learn's where it has them and we do not."""

from __future__ import annotations

import numpy as np

from tasks.metrics.answered_rows import AnsweredRows
from tasks.statistics import quantile_losses


def root_mean_squared_error(rows: AnsweredRows, _at: float = 0) -> float:
    """Return the root of the mean squared error, in the label's unit."""
    from sklearn.metrics import root_mean_squared_error as score

    return float(score(rows.truth, rows.prediction, sample_weight=rows.weights))


def symmetric_percentage_error(rows: AnsweredRows, _at: float = 0) -> float:
    """Return the mean of 2 |truth - prediction| / (|truth| + |prediction|), from 0 to 2 (SMAPE; 0 / 0 is 0).

    J. Armstrong (1985), Long-range Forecasting, 2nd edition, as used in the M3 competition; scikit-learn has none.

    Examples
    --------
    3 instead of 1: 2 x 2 / 4; 0 instead of 0 is right.

    >>> of = np.array
    >>> symmetric_percentage_error(AnsweredRows(of([1.0, 0.0]), of([3.0, 0.0]), of([3.0, 0.0]), of([0, 0])))
    0.5
    """
    error, size = np.abs(rows.truth - rows.prediction), np.abs(rows.truth) + np.abs(rows.prediction)
    return float(np.average(2 * error / np.where(size > 0, size, 1.0), weights=rows.weights))


def pinball_loss(rows: AnsweredRows, at: float) -> float:
    """Return the mean quantile loss: too low a prediction of a high quantile costs more than too high a one.

    Examples
    --------
    Of the .9 quantile, 2 too low costs 2 x .9 and 2 too high 2 x .1: the mean is 1.

    >>> of = np.array
    >>> pinball_loss(AnsweredRows(of([3.0, 1.0]), of([1.0, 3.0]), of([1.0, 3.0]), of([0, 0])), 0.9)
    1.0
    """
    return float(np.average(quantile_losses(at)(rows.truth, rows.prediction), weights=rows.weights))


def r2(rows: AnsweredRows, _at: float = 0) -> float:
    """Return the share of the label's variance that the predictions explain; NaN of a single row."""
    from sklearn.metrics import r2_score

    if len(rows.truth) < 2:  # noqa: PLR2004 - a single row has no variance
        return float("nan")
    return float(r2_score(rows.truth, rows.prediction, sample_weight=rows.weights))


def median_absolute_error(rows: AnsweredRows, _at: float = 0) -> float:
    """Return the median of |truth - prediction|, in the label's unit."""
    from sklearn.metrics import median_absolute_error as score

    return float(score(rows.truth, rows.prediction, sample_weight=rows.weights))
