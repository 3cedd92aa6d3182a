"""How far a mean over days may be from what was promised, by one look or by any number of looks.

Rows of one day share its weather, so the variance of a mean has two parts: that of rows, and that of days. The second
is told from neighbouring days (von Neumann 1941, Annals of Mathematical Statistics 12(4)): one lasting change is one
odd difference among many, where the plain variance of days would grow with it and hide it. Days are taken as
independent of each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import FloatArray, IntArray
from tasks.statistics.intervals import t_quantile


@dataclass(frozen=True, slots=True)
class Spread:
    """What makes a mean over days unsure.

    Parameters
    ----------
    rows, days : int
        What it was learned from.
    variance : float
        Of one row's value.
    day_variance : float
        Of a day's true mean; 0 where days differ no more than their rows explain.
    rows_a_day : float
        Rows of the day that a row is of, in the mean over rows.

    Examples
    --------
    >>> Spread(rows=400, days=5, variance=4.0, day_variance=0.1, rows_a_day=80.0).effective
    12.0
    """

    rows: int
    days: int
    variance: float
    day_variance: float
    rows_a_day: float

    @property
    def effective(self) -> float:
        """Variance that rows without any days in common would need for a mean as unsure."""
        return self.variance + self.day_variance * self.rows_a_day

    @property
    def degrees(self) -> float:
        """Degrees of freedom `effective` is known with (Satterthwaite 1946, Biometrics Bulletin 2(6))."""
        by_row, by_day = self.variance, self.day_variance * self.rows_a_day
        if by_day == 0:
            return self.rows - 1.0
        found = (by_row + by_day) ** 2 / (by_row**2 / (self.rows - 1) + by_day**2 / (self.days - 1))
        return min(found, self.rows - 1.0)


def estimate_spread(values: FloatArray, days: npt.ArrayLike) -> Spread:
    """Return what makes the mean of values unsure.

    Parameters
    ----------
    values : array, shape (n,)
        Of at least two rows, finite.
    days : array, shape (n,)
        The day of each.

    Examples
    --------
    Days with 0 and 2, then 10 and 12: means 1 and 11. The variance is (36 + 16 + 16 + 36) / 3, and of the squared
    difference 100 chance explains one variance: the rest is twice that of days.

    >>> found = estimate_spread(np.array([0.0, 2.0, 10.0, 12.0]), ["mon", "mon", "tue", "tue"])
    >>> round(found.variance, 3), round(found.day_variance, 3), found.rows_a_day
    (34.667, 32.667, 2.0)
    """
    codes = _numbered(np.asarray(days))
    counts = np.bincount(codes).astype(np.float64)
    means = np.bincount(codes, weights=values) / counts
    variance = float(values.var(ddof=1))
    by_chance = 1 / counts[1:] + 1 / counts[:-1]
    beyond = np.diff(means) ** 2 - variance * by_chance
    by_day = float(np.average(beyond, weights=1 / by_chance)) / 2 if len(counts) > 1 else 0.0
    return Spread(len(values), len(counts), variance, max(by_day, 0.0), float(counts @ counts / counts.sum()))


def _numbered(days: npt.NDArray[Any]) -> IntArray:
    """Return the number of each day, in order; of days that are numbers below that of rows without looking them up.

    >>> _numbered(np.array([3, 0, 3])).tolist()
    [1, 0, 1]
    """
    if days.dtype.kind != "i" or not len(days) or days.min() < 0 or days.max() >= len(days):
        return np.asarray(pd.factorize(days, sort=True)[0], dtype=np.int64)
    return np.asarray((np.cumsum(np.bincount(days) > 0) - 1)[days], dtype=np.int64)


def single_look_margin(spread: Spread, rows: int, promised_rows: int, alpha: float) -> float:
    """Return how far the mean of `rows` rows lies, with probability alpha at most, from one of `promised_rows` others.

    Examples
    --------
    Variance 1 over 400 and over 100 rows, of which much is known: 1.96 sqrt(1 / 400 + 1 / 100) = .219.

    >>> round(single_look_margin(Spread(10**6, 5, 1.0, 0.0, 80.0), 400, 100, alpha=0.05), 3)
    0.219
    """
    return t_quantile(1 - alpha, spread.degrees) * math.sqrt(spread.effective * (1 / rows + 1 / promised_rows))


def all_looks_margin(spread: Spread, rows: int, promised_rows: int, alpha: float) -> float:
    """Return how far the mean of all rows so far may lie from a promise, at every look with probability 1 - alpha.

    A confidence sequence: with that probability it holds at each of any number of looks at once, so that looking
    nightly, and stopping on a whim, costs nothing. The difference d of the two means has the variance
    v = s^2 (1 / rows + 1 / promised_rows) while nothing has changed; its density where a change was drawn from
    normal(0, t^2), over the one without a change, is a martingale of mean 1, and passes 1 / alpha with probability
    alpha at most (Ville): it does so where

        d^2 > v (1 + v / t^2) log((1 + t^2 / v) / alpha^2).

    t is the one that makes it tightest once there are as many rows as were promised on: more can hardly teach more.

    Notes
    -----
    H. Robbins (1970), Annals of Mathematical Statistics 41(5), for normal rows; I. Waudby-Smith, D. Arbour, R. Sinha,
    E. Kennedy and A. Ramdas, Time-uniform central limit theory and asymptotic confidence sequences, Annals of
    Statistics 52(6), 2024 (arXiv 2103.06476), for rows of any kind once there are many of them, with the variance
    estimated. They know their target; here it is itself a mean, which the second part of v stands for.

    Examples
    --------
    Variance 1, 400 rows on either side: v = .005. r = t^2 / v solves r = log(1 + r) - 2 log .05, which is 8.21; then
    d^2 = v (1 + r) = .046. One look alone would reach 1.96 sqrt(.005) = .139.

    >>> round(all_looks_margin(Spread(10**6, 5, 1.0, 0.0, 80.0), 400, 400, alpha=0.05), 4)
    0.2146
    """
    now, best = (spread.effective * (1 / each + 1 / promised_rows) for each in (rows, promised_rows))
    changed = best * _best_share(alpha)
    if now == 0:
        return 0.0
    return math.sqrt(now * (1 + now / changed) * math.log((1 + changed / now) / alpha**2))


def _best_share(alpha: float) -> float:
    """Return r = t^2 / v for which (1 + 1 / r) log((1 + r) / alpha^2) is least: where r = log(1 + r) - 2 log alpha.

    >>> r = _best_share(0.05)
    >>> r == math.log(1 + r) - 2 * math.log(0.05)
    True
    """
    found = 1.0
    for _ in range(100):
        found = math.log1p(found) - 2 * math.log(alpha)
    return found
