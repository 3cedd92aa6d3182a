"""Weekday and yearly seasonality: the mean that a date predicts, as far as the dates of the reference show it.

Two patterns are tested on every feature: a level for each weekday, and the first two harmonics of the year. A pattern
is used where an F test is significant at one in a thousand. Where it is not, its variation stays part of the swing of
the reference: false alarms do not increase, but the comparison is less sensitive. The yearly pattern needs a reference
that spans a year, the weekday pattern single days and three of each weekday.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from tasks.arrays import FloatArray

YEAR_DAYS = 365.25
NEARLY_A_YEAR = YEAR_DAYS - 14  # the two missing weeks are between observed ones
HARMONICS = 2
OF_EACH_WEEKDAY = 3
LEVEL = 0.001
WEEK = 7


@dataclass(frozen=True, slots=True)
class SeasonalPattern:
    """Which of the two seasonal patterns are used."""

    weekday: bool = False
    year: bool = False

    def row(self, day: date) -> list[float]:
        """Return the terms of a date, an intercept first.

        >>> SeasonalPattern(weekday=True).row(date(2026, 1, 6))
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        """
        terms = [1.0]
        if self.weekday:
            terms += [float(day.weekday() == weekday) for weekday in range(1, WEEK)]
        if self.year:
            angle = 2 * np.pi * day.timetuple().tm_yday / YEAR_DAYS
            for harmonic in range(1, HARMONICS + 1):
                terms += [float(np.cos(harmonic * angle)), float(np.sin(harmonic * angle))]
        return terms


@dataclass(frozen=True, slots=True, eq=False)
class SeasonalFit:
    """A pattern fitted to the periods of a reference, for all features at once.

    `solve` maps the means of the periods to coefficients; `left` are the degrees of freedom of the `residuals`.
    """

    pattern: SeasonalPattern
    solve: FloatArray
    coefficients: FloatArray
    residuals: FloatArray
    leverage: FloatArray
    left: int

    def expected(self, day: date) -> FloatArray:
        """Return the predicted mean of every feature on a date."""
        return np.asarray(np.array(self.pattern.row(day)) @ self.coefficients)

    def weights(self, day: date) -> FloatArray:
        """Return the weight of each period in that prediction."""
        return np.asarray(np.array(self.pattern.row(day)) @ self.solve)


def fit_pattern(pattern: SeasonalPattern, days: Sequence[date], means: FloatArray, rows: FloatArray) -> SeasonalFit:
    """Fit a pattern by least squares, with each period weighted by its rows.

    Parameters
    ----------
    days : sequence of date
        First day of each of m periods.
    means : ndarray, shape (m, features)
        Observed means.
    rows : ndarray, shape (m,)
        Rows of each period.

    Examples
    --------
    Three rows at 1 and one row at 5: their mean is 2.

    >>> days, means, rows = [date(2026, 1, 5), date(2026, 1, 6)], np.array([[1.0], [5.0]]), np.array([3.0, 1.0])
    >>> fit = fit_pattern(SeasonalPattern(), days, means, rows)
    >>> fit.coefficients.round(9).tolist(), fit.residuals.round(9).tolist(), fit.left
    ([[2.0]], [[-1.0], [3.0]], 1)
    """
    terms = np.array([pattern.row(day) for day in days])
    weighted = terms * rows[:, None]
    solve = np.linalg.pinv(terms.T @ weighted) @ weighted.T
    coefficients = solve @ means
    leverage = np.einsum("ij,ji->i", terms, solve)
    return SeasonalFit(pattern, solve, coefficients, means - terms @ coefficients, leverage, len(days) - terms.shape[1])


def fit_patterns(days: Sequence[date], means: FloatArray, rows: FloatArray) -> tuple[list[SeasonalFit], np.ndarray]:
    """Return the patterns in use, and for each feature the index of its pattern."""
    pattern_fits = [fit_pattern(SeasonalPattern(), days, means, rows)]
    chosen = np.zeros(means.shape[1], dtype=np.int64)
    for name in _possible(days):
        for index in range(len(pattern_fits)):
            simple = pattern_fits[index]
            richer = fit_pattern(SeasonalPattern(**{**_flags(simple.pattern), name: True}), days, means, rows)
            better = (chosen == index) & _shown(simple, richer, rows)
            if better.any():
                chosen = np.where(better, len(pattern_fits), chosen)
                pattern_fits.append(richer)
    return pattern_fits, chosen


def _flags(pattern: SeasonalPattern) -> dict[str, bool]:
    return {"weekday": pattern.weekday, "year": pattern.year}


def _possible(days: Sequence[date]) -> list[str]:
    names = []
    steps = [(after - before).days for before, after in pairwise(days)]
    typical = float(np.median(steps)) if steps else 0.0
    if days and (days[-1] - days[0]).days + typical >= NEARLY_A_YEAR and len(days) > 6 * HARMONICS:
        names.append("year")
    seen = np.bincount([day.weekday() for day in days], minlength=WEEK)
    if typical == 1 and seen.min() >= OF_EACH_WEEKDAY:
        names.append("weekday")
    return names


def _shown(simple: SeasonalFit, richer: SeasonalFit, rows: FloatArray) -> np.ndarray:
    """Return for each feature whether the richer pattern is significant."""
    from scipy.special import fdtri

    before = rows @ simple.residuals**2
    after = rows @ richer.residuals**2
    more = simple.left - richer.left
    if richer.left < 1:
        return np.zeros(len(before), dtype=bool)
    limit = float(fdtri(more, richer.left, 1 - LEVEL))
    return np.asarray((before - after) / more > limit * np.maximum(after, 1e-300) / richer.left)
