"""By how much more a slice's mean loss rose than that of all other rows, and how much of that chance explains.

What a day does to all rows alike cancels. Where the others became better, a slice is not worse for that. Days are
taken whole, as what happens to a day happens to all its rows (Liang and Zeger, Biometrika 73, 1986); their spread is
taken to be that of both periods together (Student's t). How long days resemble each other is learned from the period
before, of all slices together (`long_run_factor`). Losses are skewed, so the mean of a few of them is too (Cornish
and Fisher, 1938).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.drift.quantiles import student_quantile
from tasks.monitor.drift_kind import DOUBTFUL
from tasks.statistics import long_run_factor


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """Mean losses of slices and of all other rows in some days, and what the days' sums leave unexplained by them.

    `longer` and `longer_of_others` are the long-run variances of the latter, in units of the variance of one day.
    """

    rows: FloatArray
    days: FloatArray
    mean: FloatArray
    others: FloatArray
    other_rows: FloatArray
    apart: FloatArray
    of_others: FloatArray
    longer: float
    longer_of_others: float

    @classmethod
    def of(cls, table: FloatArray, looked: IntArray) -> Period:
        """Summarise daily sums, shape (days, 3, 1 + slices), of the slices looked at; weights count as rows do."""
        sums, counts = (table[:, part, 1:][:, looked] for part in (0, 1))
        other_sums, other_counts = table[:, 0, :1] - sums, table[:, 1, :1] - counts
        rows, other_rows = (np.maximum(each.sum(axis=0), 1.0) for each in (counts, other_counts))
        mean, others = sums.sum(axis=0) / rows, other_sums.sum(axis=0) / other_rows
        of_others = other_sums - others * other_counts
        apart = sums - mean * counts - of_others * rows / other_rows
        squares = ((each**2).sum(axis=0) for each in (apart, of_others))
        scaled = apart / np.maximum(np.sqrt((apart**2).sum(axis=0)), np.finfo(float).tiny)  # each slice counts alike
        longer = (long_run_factor(each) for each in (scaled, of_others))
        return cls(rows, (counts > 0).sum(axis=0).astype(np.float64), mean, others, other_rows, *squares, *longer)


@dataclass(frozen=True, slots=True, eq=False)
class Rise:
    """By how much slices rose above what is expected of them: the hold-out's loss, and as much more as the rest's."""

    size: FloatArray
    expected: FloatArray
    error: FloatArray
    lopsided: FloatArray
    degrees: FloatArray
    others: FloatArray
    others_before: FloatArray
    error_of_others: FloatArray

    @classmethod
    def between(cls, before: Period, now: Period) -> Rise:
        """Compare the same slices in two periods."""
        others = now.others - before.others
        expected = before.mean + np.maximum(others, 0.0)
        spread = (before.apart + now.apart) / (before.rows + now.rows)
        rest = (before.of_others + now.of_others) / (before.other_rows + now.other_rows)
        fewer = 1 / before.rows + 1 / now.rows
        return cls(
            size=now.mean - expected,
            expected=expected,
            error=np.sqrt(spread * fewer * before.longer),
            lopsided=np.maximum(1 / now.rows**2 - 1 / before.rows**2, 0.0) / fewer**1.5,
            degrees=np.maximum(before.days + now.days - 2, 1.0),
            others=others,
            others_before=before.others,
            error_of_others=np.sqrt(rest * (1 / before.other_rows + 1 / now.other_rows) * before.longer_of_others),
        )

    def leeway(self, alpha: float, relative: float, skewness: float) -> FloatArray:
        """Return how far each slice may rise: what is tolerated, or what chance explains, whichever is more."""
        quantile = self._quantiles(alpha)
        skewed = quantile + max(skewness, 0.0) * self.lopsided * np.maximum(quantile**2 - 1, 0.0) / 6
        tolerated = relative * np.maximum(self.expected, 0.0)
        return np.maximum(np.maximum(skewed * self.error, tolerated), 1e-12)

    def others_still(self, relative: float) -> np.ndarray:
        """Tell whether the loss of all other rows is within what is tolerated or chance explains."""
        by_chance = self._quantiles(2 * DOUBTFUL) * self.error_of_others
        return np.asarray(self.others <= np.maximum(by_chance, relative * self.others_before))

    def _quantiles(self, alpha: float) -> FloatArray:
        degrees, inverse = np.unique(self.degrees, return_inverse=True)
        return np.array([student_quantile(min(alpha, 1.0), float(each)) for each in degrees])[inverse]
