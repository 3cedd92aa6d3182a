"""Margins of a mean over days against a promised mean, for one look or for any number of looks.

Rows of one day have common causes, so the variance of a mean has two parts: between rows and between days. The second
is estimated from differences of neighbouring days (von Neumann 1941, Annals of Mathematical Statistics 12(4)): a
lasting change is one outlier among many differences, while the variance of days would grow with it and hide it. Days
are assumed to be independent.
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
    """The variance of a mean over days, by rows and by days.

    Parameters
    ----------
    rows, days : int
        Rows and days of the estimate.
    variance : float
        Variance of the value of one row.
    day_variance : float
        Variance of the true mean of a day; 0 where days differ no more than their rows explain.
    rows_a_day : float
        Rows of the day of a row, on average over rows.

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
        """Variance of independent rows that would make the mean equally uncertain."""
        return self.variance + self.day_variance * self.rows_a_day

    @property
    def degrees(self) -> float:
        """Degrees of freedom of `effective` (Satterthwaite 1946, Biometrics Bulletin 2(6))."""
        by_row, by_day = self.variance, self.day_variance * self.rows_a_day
        if by_day == 0:
            return self.rows - 1.0
        degrees = (by_row + by_day) ** 2 / (by_row**2 / (self.rows - 1) + by_day**2 / (self.days - 1))
        return min(degrees, self.rows - 1.0)


def estimate_spread(values: FloatArray, days: npt.ArrayLike) -> Spread:
    """Estimate the variance of the mean of values.

    Parameters
    ----------
    values : array, shape (n,)
        Finite values of at least two rows.
    days : array, shape (n,)
        Day of each row.

    Examples
    --------
    Days with 0 and 2, then 10 and 12: means 1 and 11. The variance is (36 + 16 + 16 + 36) / 3; of the squared
    difference 100, chance explains one variance, and the rest is twice the variance of days.

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
    """Return the index of each day in their order; small integers are indexed without a search.

    >>> _numbered(np.array([3, 0, 3])).tolist()
    [1, 0, 1]
    """
    if days.dtype.kind != "i" or not len(days) or days.min() < 0 or days.max() >= len(days):
        return np.asarray(pd.factorize(days, sort=True)[0], dtype=np.int64)
    return np.asarray((np.cumsum(np.bincount(days) > 0) - 1)[days], dtype=np.int64)


def single_look_margin(spread: Spread, rows: int, promised_rows: int, alpha: float) -> float:
    """Return the margin that the difference of two means, of `rows` and `promised_rows`, passes with probability alpha.

    Examples
    --------
    A well-known variance of 1, over 400 and over 100 rows: 1.96 sqrt(1 / 400 + 1 / 100) = .219.

    >>> round(single_look_margin(Spread(10**6, 5, 1.0, 0.0, 80.0), 400, 100, alpha=0.05), 3)
    0.219
    """
    return t_quantile(1 - alpha, spread.degrees) * math.sqrt(spread.effective * (1 / rows + 1 / promised_rows))


def all_looks_margin(spread: Spread, rows: int, promised_rows: int, alpha: float) -> float:
    """Return the margin of the mean of all rows so far against a promise, for all looks at once.

    A confidence sequence: with probability 1 - alpha it holds at every one of any number of looks, so that looking
    every night and stopping at any time add no error. Without a change, the difference d of the two means has the
    variance v = s^2 (1 / rows + 1 / promised_rows). Its density when a change is drawn from normal(0, t^2), divided by
    that without a change, is a martingale of mean 1 and passes 1 / alpha with probability alpha at most (Ville):

        d^2 > v (1 + v / t^2) log((1 + t^2 / v) / alpha^2).

    t gives the smallest margin when there are as many rows as in the promise; more rows hardly improve it.

    Notes
    -----
    H. Robbins (1970), Annals of Mathematical Statistics 41(5), for normal rows; I. Waudby-Smith, D. Arbour, R. Sinha,
    E. Kennedy and A. Ramdas, Time-uniform central limit theory and asymptotic confidence sequences, Annals of
    Statistics 52(6), 2024 (arXiv 2103.06476), for rows of any kind once there are many of them, with the variance
    estimated. Their target is known; here it is a mean, which the second term of v accounts for.

    Examples
    --------
    Variance 1, 400 rows on either side: v = .005. r = t^2 / v solves r = log(1 + r) - 2 log .05, which is 8.21; then
    d^2 = v (1 + r) = .046. The margin of a single look is 1.96 sqrt(.005) = .139.

    >>> round(all_looks_margin(Spread(10**6, 5, 1.0, 0.0, 80.0), 400, 400, alpha=0.05), 4)
    0.2146
    """
    variance, at_promise = (spread.effective * (1 / sample + 1 / promised_rows) for sample in (rows, promised_rows))
    change_variance = at_promise * best_share(alpha)
    if variance == 0:
        return 0.0
    return math.sqrt(
        variance * (1 + variance / change_variance) * math.log((1 + change_variance / variance) / alpha**2)
    )


def best_share(alpha: float) -> float:
    """Return r = t^2 / v for which (1 + 1 / r) log((1 + r) / alpha^2) is smallest: r = log(1 + r) - 2 log alpha.

    >>> r = best_share(0.05)
    >>> r == math.log(1 + r) - 2 * math.log(0.05)
    True
    """
    ratio = 1.0
    for _ in range(100):
        ratio = math.log1p(ratio) - 2 * math.log(alpha)
    return ratio
