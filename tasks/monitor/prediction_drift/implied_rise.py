"""How much of a rise of the loss a shift of the residuals implies, where that shift is one that quiet days have too.

Where days resemble each other, the residuals of a week may all be a little too high or too low: quiet weeks show it,
and the leeway of the residual has room for it. Whichever way they shift, the loss rises, and it rises by the square of
the shift: a quiet week hardly shows that, and a large shift shows it plainly. So the loss is judged by what it rises
beyond this.

Assumptions: residuals are normal around the prediction, and a shift moves all of them. The residuals of heavier tails
make the loss rise by more than is taken off here.
"""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

from tasks.arrays import FloatArray
from tasks.drift import ExpectedShift
from tasks.monitor.prediction_drift.prediction_reference import LOSS, RESIDUAL

ABSOLUTE = frozenset({"mean_absolute_error", "mean_absolute_log_error", "mean_absolute_percentage_error"})
SQUARED = frozenset({"mean_squared_error"})
NORMAL = NormalDist()
DEVIATION_OF_ABSOLUTE = math.sqrt(1 - 2 / math.pi)
DEVIATION_OF_SQUARED = math.sqrt(2)


def implied_rise(metric: str, shift: float) -> float:
    """Return by how much the mean loss rises if residuals shift, in standard deviations of the loss of one row.

    It is that of normal residuals. Losses that are not even in the residual, such as those of probabilities, change in
    proportion to a shift, which quiet days show: for them it is 0.

    Parameters
    ----------
    metric : str
        The metric of the project.
    shift : float
        In standard deviations of a residual.

    Examples
    --------
    The mean of a squared residual rises by 1, and its standard deviation is the root of 2. The mean of an absolute one
    rises from .7979 to 2 x .2420 + .6827 = 1.1666, and its standard deviation is .6028.

    >>> round(implied_rise("mean_squared_error", 1.0), 4), round(implied_rise("mean_absolute_error", -1.0), 4)
    (0.7071, 0.6117)
    >>> implied_rise("log_loss", 1.0)
    0.0
    """
    if metric in SQUARED:
        return shift**2 / DEVIATION_OF_SQUARED
    if metric not in ABSOLUTE:
        return 0.0
    mean = 2 * NORMAL.pdf(shift) + shift * (2 * NORMAL.cdf(shift) - 1)
    return (mean - 2 * NORMAL.pdf(0)) / DEVIATION_OF_ABSOLUTE


def beyond_implied(shift: ExpectedShift, leeway: FloatArray, metric: str) -> ExpectedShift:
    """Return the shifts of a night's labels with the loss reduced by what the shift of the residuals implies.

    Of a shift past the leeway of the residual, only the leeway counts. A rise is reduced to 0 at most.

    Examples
    --------
    >>> import numpy as np
    >>> night = ExpectedShift(np.array([0.5, 0.2]), *(np.ones(2) for _ in range(4)))
    >>> beyond_implied(night, np.array([0.8, 0.1]), "mean_squared_error").shift.round(3).tolist()
    [0.5, 0.023]
    >>> beyond_implied(night, np.array([0.2, 0.1]), "mean_squared_error").shift.round(3).tolist()
    [0.5, 0.172]
    """
    usual = min(abs(float(shift.shift[RESIDUAL])), float(leeway[RESIDUAL]))
    rise = float(shift.shift[LOSS])
    reduced = shift.shift.copy()
    reduced[LOSS] = max(rise - implied_rise(metric, usual), min(rise, 0.0))
    return replace(shift, shift=reduced)
