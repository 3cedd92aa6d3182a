"""Levels of weighted numbers: a number with weight 2 counts as one that is there twice."""

from __future__ import annotations

import numpy as np

from tasks.arrays import FloatArray


def weighted_median(values: FloatArray, weights: FloatArray | None = None) -> float:
    """Return the median of some numbers; without weights, NumPy's.

    Parameters
    ----------
    values, weights : array, shape (n,)
        At least one finite number; weights above 0.

    Examples
    --------
    1, 2, 2, 2 and 1, 1, 4, 4: the middle of the first is 2, of the second halfway between 1 and 4.

    >>> weighted_median(np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    2.0
    >>> weighted_median(np.array([4.0, 1.0]), np.array([2.0, 2.0]))
    2.5
    """
    if weights is None:
        return float(np.median(values))
    ordered, reached = _cumulated(values, weights)
    half = reached[-1] / 2
    places = (np.searchsorted(reached, half, side=side) for side in ("left", "right"))
    low, high = (float(ordered[min(place, len(ordered) - 1)]) for place in places)
    return (low + high) / 2


def weighted_quantile(values: FloatArray, share: float, weights: FloatArray | None = None) -> float:
    """Return a quantile; with weights, the least number that a share of the weight does not exceed.

    >>> weighted_quantile(np.array([1.0, 2.0, 9.0]), 0.5, np.array([1.0, 2.0, 1.0]))
    2.0
    """
    if weights is None:
        return float(np.quantile(values, share))
    ordered, reached = _cumulated(values, weights)
    return float(ordered[min(np.searchsorted(reached, share * reached[-1]), len(ordered) - 1)])


def _cumulated(values: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    order = np.argsort(values, kind="stable")
    return values[order], np.cumsum(weights[order])
