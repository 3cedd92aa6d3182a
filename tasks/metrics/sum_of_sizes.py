"""Intervals of a sum of sizes |x| + |y| + ..., such as the calibration error: chance alone makes it larger.

Where a part may truly be 0, its size has a bias of about its standard error, and leaving out days does not show it. So
each end of the interval assumes what is worse for it of what the rows allow: the lower end, that a part that is not
surely apart from 0 is 0; the upper end, that its sign is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.arrays import FloatArray
from tasks.statistics import long_run_factor, t_quantile
from tasks.statistics.jackknife import FEWEST_BLOCKS

FOLDED_MEAN = math.sqrt(2 / math.pi)  # of the size of a standard normal


@dataclass(frozen=True, slots=True, eq=False)
class SizedParts:
    """The parts of a sum of sizes, of some rows.

    Attributes
    ----------
    signed : array, shape (k,)
        The parts, with their signs, each a mean over all rows.
    least_variance : array, shape (k,)
        The variance of each is not taken to be smaller: few rows that are all alike have no spread by chance.
    rows : int
        The rows that they are of.
    """

    signed: FloatArray
    least_variance: FloatArray
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class SizesWithout:
    """Parts of all rows, and without each block of them; `turns` is -1 for those that are subtracted."""

    whole: SizedParts
    without: tuple[FloatArray, ...]
    turns: FloatArray

    def minus(self, other: SizesWithout) -> SizesWithout:
        """Return the sizes of these parts minus those of others, on the same rows and blocks."""
        values = np.concatenate([self.whole.signed, other.whole.signed])
        least = np.concatenate([self.whole.least_variance, other.whole.least_variance])
        pairs = zip(self.without, other.without, strict=True)
        without = tuple(np.concatenate(pair, axis=1) for pair in pairs)
        return SizesWithout(
            SizedParts(values, least, self.whole.rows), without, np.concatenate([self.turns, -other.turns])
        )


def interval_of_sizes(
    parts: SizesWithout, without: FloatArray, confidence: float, *, in_order: bool
) -> tuple[float, float]:
    """Return the interval of a sum of sizes from its parts without each of some blocks.

    Parameters
    ----------
    without : array, shape (blocks, k)
        The parts of the rows without each block, in order of date where they are days.
    confidence : float
        Confidence of the two-sided interval, at least: it is wider where a part may be 0.
    in_order : bool
        Whether the blocks are days: then resembling neighbours make it wider (`long_run_factor`).

    Returns
    -------
    (low, high) : tuple of float
        NaN with fewer than three blocks, or where a part is not finite.

    Notes
    -----
    A sum of sizes has directional derivatives only: Z. Fang and A. Santos (2019), The Review of Economic Studies 86(1).
    A part is surely apart from 0 beyond root(log rows) standard errors: D. Andrews and G. Soares (2010), Econometrica
    78(1). Sizes of normal variables with correlation r have the covariance 2 / pi (r asin r + root(1 - r^2) - 1).
    Of 400 draws each of 500 and of 5,000 rows over 28 days, with ten bins, of two calibrated and five miscalibrated
    models, it holds the true value in .98 to 1 of them at a confidence of .95; without regard to the bias, in .41 to
    .98.

    Examples
    --------
    One part of 1 with a variance of 1, of 20 rows, is less than root(log 20) standard errors from 0. Of 2 degrees t(.5)
    is .8165: the upper end is 1 + .8165. If it is 0, its size has the mean root(2 / pi) = .798 and the standard
    deviation root(1 - 2 / pi) = .603: the lower end is 1 - .798 - .8165 x .603.

    >>> means = np.array([[0.5], [-0.5], [0.0]]) * math.sqrt(3)
    >>> one = SizesWithout(SizedParts(np.array([1.0]), np.array([0.0]), 20), (means,), np.ones(1))
    >>> low, high = interval_of_sizes(one, means, 0.5, in_order=False)
    >>> round(low, 3), round(high, 3)
    (-0.29, 1.816)
    """
    count = len(without)
    if count < FEWEST_BLOCKS or not (np.isfinite(without).all() and np.isfinite(parts.whole.signed).all()):
        return math.nan, math.nan
    influence = without.mean(axis=0) - without
    factor = long_run_factor(influence) if in_order else 1.0
    covariance = (count - 1) / count * influence.T @ influence * factor
    covariance += np.diag(np.maximum(parts.whole.least_variance - np.diag(covariance), 0.0))
    errors = np.sqrt(np.diag(covariance))
    is_apart = np.abs(parts.whole.signed) > math.sqrt(math.log(parts.whole.rows)) * errors
    value, reach = float(parts.turns @ np.abs(parts.whole.signed)), t_quantile(confidence, count - 1)
    ends = []
    for side in (1, -1):
        folded = np.where(~is_apart & (parts.turns == side), errors, 0.0)
        signed = np.where(folded > 0, 0.0, parts.turns * np.sign(parts.whole.signed))
        variance = float(signed @ covariance @ signed) + _folded_variance(folded, covariance)
        ends.append(value - side * (FOLDED_MEAN * float(folded.sum()) + reach * math.sqrt(variance)))
    return ends[0], ends[1]


def _folded_variance(errors: FloatArray, covariance: FloatArray) -> float:
    """Return the variance of the sum of the sizes of normal variables; those with an error of 0 are left out."""
    kept = errors > 0
    scale = np.outer(errors[kept], errors[kept])
    r = np.clip(covariance[np.ix_(kept, kept)] / scale, -1, 1)
    return float((2 / math.pi * (r * np.arcsin(r) + np.sqrt(1 - r**2) - 1) * scale).sum())
