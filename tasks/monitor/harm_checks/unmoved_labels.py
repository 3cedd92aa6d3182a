"""Predictions that moved at once while the labels stayed: a source broke, because the world would have moved both.

A fault changes what is delivered, not what happens. Where inputs move as the world does, the labels move as the
predictions say, more or less of it if the relation has changed as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.drift.quantiles import normal_quantile
from tasks.monitor.drift_kind import DOUBTFUL
from tasks.statistics import DaySums, fit_day_effects


@dataclass(frozen=True, slots=True)
class LevelShift:
    """The difference of a mean after a day and before it, with its standard error: days resemble each other."""

    size: float
    error: float


def jump(values: FloatArray, days: IntArray, first: int) -> LevelShift | None:
    """Return how far the mean of some values is from that before a day; None without rows on either side.

    Examples
    --------
    >>> days = np.repeat(np.arange(20), 2)
    >>> found = jump(np.where(days < 14, 1.0, 3.0) + np.tile([0.5, -0.5], 20), days, 14)
    >>> found.size, found.error < 0.5
    (2.0, True)
    """
    usable = np.isfinite(values)
    sums = DaySums.of(values[usable], days[usable])
    old = sums.days < first
    if old.all() or not old.any():
        return None
    before, after = sums.where(old), sums.where(~old)
    effects = fit_day_effects(before)
    return LevelShift(after.mean - before.mean, math.hypot(*(effects.mean_deviation(span) for span in (before, after))))


def stayed(labels: LevelShift, predictions: LevelShift) -> bool:
    """Return whether predictions moved and labels likelier stayed than moved with them.

    If the world has moved, the labels move as far as the predictions, give or take as much again. The ratio of both
    probabilities of what is measured is the Bayes factor; broken and moved are as likely beforehand.

    Examples
    --------
    >>> stayed(LevelShift(0.1, 0.1), LevelShift(2.0, 0.1)), stayed(LevelShift(1.0, 0.1), LevelShift(2.0, 0.1))
    (True, False)
    >>> stayed(LevelShift(0.0, 0.1), LevelShift(0.1, 0.1))  # too little to see
    False
    """
    if abs(predictions.size) <= normal_quantile(DOUBTFUL) * predictions.error:
        return False
    chance, moved = labels.error**2, labels.error**2 + predictions.error**2 + predictions.size**2
    if not chance:
        return labels.size == 0
    as_before = labels.size**2 / chance + math.log(chance)
    with_them = (labels.size - predictions.size) ** 2 / moved + math.log(moved)
    return as_before < with_them
