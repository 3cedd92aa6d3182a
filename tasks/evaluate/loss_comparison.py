"""The losses of two models on the same rows: whether the new model is better, significantly and by enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tasks.arrays import FloatArray
from tasks.statistics import DaySums, long_run_factor, mean_interval, paired_interval

Outcome = Literal["clear_win", "borderline", "equal", "worse", "refused"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The challenger against another model, on the same rows.

    `difference` is challenger minus other, below zero when the challenger is better; `low` and `high` bound it;
    `needed` is the required improvement, in units of the metric.
    """

    challenger_loss: float
    challenger_low: float
    challenger_high: float
    other_loss: float
    difference: float
    low: float
    high: float
    needed: float

    @property
    def outcome(self) -> Outcome:
        """The result; a bound that is not a number gives "refused".

        clear_win: the whole interval is better by more than the required improvement. worse: the whole interval is
        worse. borderline: better on average, but not clearly. equal: neither.
        """
        if not all(map(math.isfinite, (self.challenger_loss, self.other_loss, self.low, self.high))):
            return "refused"
        if self.high < -self.needed:
            return "clear_win"
        if self.low > 0:
            return "worse"
        return "borderline" if self.difference < 0 else "equal"


def compare(
    challenger_losses: FloatArray,
    other_losses: FloatArray,
    days: npt.ArrayLike,
    *,
    min_gain: float,
    confidence: float,
    groups: npt.ArrayLike | None = None,
) -> Comparison:
    """Return how the mean losses differ, paired by row, with intervals over whole days that may resemble each other.

    Parameters
    ----------
    challenger_losses, other_losses : array, shape (n,)
        Loss of each row, in the same order.
    days : array, shape (n,)
        Event day of each row.
    min_gain : float
        Least relative improvement that counts, as a share of the other mean loss.
    confidence : float
        Confidence of the intervals. Of two equally good models the new one is a clear win in (1 - confidence) / 2 of
        the cases: 2.5 % at 0.95.
    groups : array, shape (n,), optional
        Entity of each row, where entities return on other days: then the wider of both intervals counts.

    Examples
    --------
    Better by exactly 0.1 of 1.0 each day: a clear win when 5 % is required, not when 20 % is.

    >>> better, other = np.full(6, 0.9), np.full(6, 1.0)
    >>> [compare(better, other, [1, 1, 2, 2, 3, 3], min_gain=gain, confidence=0.95).outcome for gain in (0.05, 0.2)]
    ['clear_win', 'borderline']
    """
    low, high = mean_interval(challenger_losses, confidence)
    difference, gap_low, gap_high = paired_interval(challenger_losses, other_losses, days, confidence, seed=0)
    wider = math.sqrt(_resemblance(challenger_losses - other_losses, days))
    gap_low, gap_high = (difference + wider * (bound - difference) for bound in (gap_low, gap_high))
    if groups is not None:
        _, low_of_groups, high_of_groups = paired_interval(challenger_losses, other_losses, groups, confidence, seed=0)
        gap_low, gap_high = np.minimum(gap_low, low_of_groups), np.maximum(gap_high, high_of_groups)  # NaN stays NaN
    other_loss = float(np.mean(other_losses)) if len(other_losses) else math.nan
    return Comparison(
        challenger_loss=float(np.mean(challenger_losses)) if len(challenger_losses) else math.nan,
        challenger_low=low,
        challenger_high=high,
        other_loss=other_loss,
        difference=difference,
        low=float(gap_low),
        high=float(gap_high),
        needed=min_gain * other_loss,
    )


def _resemblance(gaps: FloatArray, days: npt.ArrayLike) -> float:
    """Return by how much resembling days make the variance of a mean difference larger; 1 where it is not known."""
    if not len(gaps) or not np.isfinite(gaps).all():
        return 1.0
    sums = DaySums.of(gaps, np.asarray(days).astype("datetime64[D]").astype(np.int64))
    return long_run_factor(sums.sums - sums.mean * sums.rows)
