"""Rows in another unit among others: a share of the values times an exact factor, looked for in the newest days.

A share p of converted rows adds p (q - s) to the shares s of the cells of a column, where q are the shares that the
values have once they are converted. The score at p = 0 weighs a cell by q / s - 1, the sharpest test of a small share;
its estimate of p has the variance 1 / (n I), with the information I = sum of (q - s)^2 / s of one row (C. Rao
1948, Proceedings of the Cambridge Philosophical Society 44). Days are looked at from the newest backwards, because a
window of a week dilutes what began yesterday.

A population that moves at once in the same way looks the same while few rows are known. So this is drift with a name,
and no fault; it must be a break, and fit the shares of all cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import reduce
from operator import add

import numpy as np

from tasks.arrays import FloatArray
from tasks.drift.faults.displacement import FEWEST_EXPECTED, FITS
from tasks.drift.faults.unit_change import FACTORS, GREAT, WeightedValues, weighted_values
from tasks.drift.measures.score_layout import LEVEL
from tasks.drift.quantiles import normal_quantile
from tasks.drift.reference import Reference
from tasks.profiles import NumberProfile, TableProfile
from tasks.records import DriftStatistic, Statistic, Window

CUTS = np.array([0.01, 0.025, *np.arange(0.05, 0.96, 0.05), 0.975, 0.99])  # cells are finer where factors show most
QUARTILES = np.array([0.25, 0.5, 0.75])
WEEKS_BEFORE = 4  # the same weekdays, so that a weekly pattern is no break
HALF = 0.5  # of the leeway: less is not looked at
DOUBTFUL = 0.05  # chance that any of the tests of a column calls it a break where it is none


@dataclass(frozen=True, slots=True)
class NewestDays:
    """Accepted rows by event date, the newest window, and its length in days."""

    accepted: Mapping[date, TableProfile]
    window: Window
    window_days: int

    def spans(self) -> Iterator[tuple[date, date]]:
        """Yield the newest days of the window: the last, the last two, and so on to all, where each adds rows."""
        end, seen = self.window.end, 0
        for days in range(1, (end - self.window.start).days + 2):
            first = end - timedelta(days=days - 1)
            if (rows := self.rows(first, end)) > seen:
                seen = rows
                yield first, end

    def rows(self, first: date, last: date) -> int:
        """Return the rows of a span of days."""
        return sum(profile.rows for day, profile in self.accepted.items() if first <= day <= last)

    def column(self, name: str, first: date, last: date) -> NumberProfile | None:
        """Return a number column over a span of days; None without a value."""
        days = [profile for day, profile in self.accepted.items() if first <= day <= last]
        if not days:
            return None
        found = days[0].columns[name]
        for profile in days[1:]:
            found = found + profile.columns[name]  # type: ignore[operator]  # columns of one name are of one kind
        return found if isinstance(found, NumberProfile) and found.present else None


@dataclass(frozen=True, slots=True)
class Limits:
    """The smallest share of rows that matters, and the level of each test: against the reference, and earlier rows."""

    effect: float
    reference: float
    earlier: float


def converted_rows(
    reference: Reference, newest: NewestDays, moved: Iterable[DriftStatistic], effect: float, alpha: float
) -> tuple[DriftStatistic, ...]:
    """Return the columns in which some of the newest rows are in another unit, with the share of these rows.

    Parameters
    ----------
    moved : iterable of DriftStatistic
        The statistics of the window: columns that have used less than half of their leeway are not looked at.
    effect : float
        Smallest share of rows that matters.
    alpha : float
        False-alarm probability of all tests of one column on one night.
    """
    named = {statistic.column for statistic in moved if statistic.strain > HALF}
    tests = max(len(_DIRECTIONS) * sum(1 for _ in newest.spans()), 1)
    limits = Limits(effect, alpha / tests, DOUBTFUL / tests)
    found = (_converted(reference, newest, name, limits) for name in converted_columns(reference) if name in named)
    return tuple(statistic for statistic in found if statistic is not None)


def converted_columns(reference: Reference) -> list[str]:
    """Return the columns that are looked at: numbers but ages, which have no other unit."""
    return [name for name in reference.layout.numbers if name not in reference.total.ruler.dates]


def _converted(reference: Reference, newest: NewestDays, name: str, limits: Limits) -> DriftStatistic | None:
    """Return the conversion of a column that is the surest of all spans of days."""
    column = reference.total.columns[name]
    if not isinstance(column, NumberProfile) or not column.present or (column.minimum or 0) < 0 or _is_counted(column):
        return None
    swing = _swing(reference, name, newest.window_days)
    found = []
    for first, last in newest.spans():
        now = newest.column(name, first, last)
        if now is not None:
            cells = _Cells.of(weighted_values(column), now.present)
            rows = _Rows(weighted_values(now), _same_weekdays(newest, name, first, last))
            swung = replace(rows, swing=swing * newest.window_days / ((last - first).days + 1))
            found += [cells.conversion(factors, swung, limits) for factors in _DIRECTIONS]
    conversions = [conversion for conversion in found if conversion is not None]
    if not conversions:
        return None
    best = max(conversions, key=lambda conversion: conversion.evidence)
    how = f"in some rows as if {best.words}"
    leeway = max(limits.effect, best.share / best.evidence)
    return DriftStatistic(name, Statistic.CONVERTED, best.share, leeway, direction=1, how=how)


def _same_weekdays(newest: NewestDays, name: str, first: date, last: date) -> WeightedValues | None:
    """Return the values of the same weekdays in the weeks before."""
    weeks = [timedelta(weeks=number) for number in range(1, WEEKS_BEFORE + 1)]
    columns = [column for apart in weeks if (column := newest.column(name, first - apart, last - apart)) is not None]
    return weighted_values(reduce(add, columns)) if columns else None


def _is_counted(column: NumberProfile) -> bool:
    """Return whether all values are few and known: converted values would be new ones."""
    return column.value_counts is not None and sum(column.value_counts.counts.values()) == column.present


def _swing(reference: Reference, name: str, window_days: int) -> float:
    """Return the variance that the swing from day to day adds to the mean of a window, in units of that of one row."""
    layout = reference.layout
    level = int(np.flatnonzero((layout.statistic == LEVEL) & (layout.column == layout.names.index(name)))[0])
    return float(reference.noise_model(window_days).swing[level] ** 2 / layout.variance[level])


def _directions() -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Return the factors that make values larger, and those that make them smaller, the least first."""
    up = sorted(((words, factor) for words, factor in FACTORS.items() if 1 < factor < GREAT), key=lambda each: each[1])
    return up, [(f"1/{words}", 1 / factor) for words, factor in up]


_DIRECTIONS = _directions()  # larger factors take values out of their range


@dataclass(frozen=True, slots=True)
class _Conversion:
    """The share of converted rows, the factor in words, and the score as a share of its limit."""

    share: float
    words: str
    evidence: float


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """New values, those of the same weekdays before, and what the swing from day to day adds to their variance."""

    now: WeightedValues
    earlier: WeightedValues | None
    swing: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """The cells of a column before: their upper edges but the last, their shares, and the values."""

    before: WeightedValues
    edges: FloatArray
    share: FloatArray

    @classmethod
    def of(cls, before: WeightedValues, rows: int) -> _Cells:
        """Return cells in which as many of some new rows are expected as their test needs."""
        cuts = CUTS[np.minimum(CUTS, 1 - CUTS) * rows >= FEWEST_EXPECTED]
        at = np.searchsorted(before.cumulative_share(before.values), cuts)
        edges = before.values[np.unique(np.clip(at, 0, max(len(before.values) - 2, 0)))]
        return cls(before, edges, _shares(before, edges))

    def conversion(self, factors: list[tuple[str, float]], rows: _Rows, limits: Limits) -> _Conversion | None:
        """Return the conversion of some of the rows; None where it is not past its limit, or does not fit.

        One test, of the least factor, is made for all factors of a direction, since the others move the same cells by
        more. The factor that fits best is named.
        """
        z, limit = self._score(factors[0][1], rows, limits)
        if z <= limit:
            return None
        shares, best = _shares(rows.now, self.edges), (np.inf, 0.0, "")
        for words, factor in factors:
            change = _shares(self.before, self.edges / factor) - self.share
            information = float((change**2 / self.share).sum())
            share = float(change / self.share @ shares) / information if information else 0.0
            best = min(best, (self._misfit(factor, share, rows), share, words))
        misfit, share, words = best
        if not limits.effect < share <= 1 or misfit > 1:
            return None
        return _Conversion(share, words, float(z / limit))

    def _score(self, factor: float, rows: _Rows, limits: Limits) -> tuple[float, float]:
        """Return the normal score of a share of converted rows, 0 if it is no break, and its limit."""
        change = _shares(self.before, self.edges / factor) - self.share
        weights = change / self.share
        information = float(weights @ change)
        limit = normal_quantile(2 * limits.reference)
        if not information:
            return 0.0, limit

        mean, variance = _moments(_shares(rows.now, self.edges), weights)
        skewness = max(float(weights**3 @ self.share) / information**1.5, 0.0)
        limit += skewness * (limit**2 - 1) / 6 / float(np.sqrt(rows.now.rows))
        if rows.earlier is not None:
            then, spread = _moments(_shares(rows.earlier, self.edges), weights)
            noise = variance / rows.now.rows + spread / rows.earlier.rows + 2 * information * rows.swing
            if mean - then <= normal_quantile(2 * limits.earlier) * np.sqrt(noise):
                return 0.0, limit
        noise = information * (1 / rows.now.rows + 1 / self.before.rows + rows.swing)
        return mean / float(np.sqrt(noise)), limit

    def _misfit(self, factor: float, share: float, rows: _Rows) -> float:
        """Return Pearson's statistic of a mixture, as a share of its limit; cells also divide the converted values.

        The swing is no excuse: it does not move rows to where a factor takes them, or away from there.
        """
        from scipy.special import chdtri

        quartiles = np.searchsorted(self.before.cumulative_share(self.before.values), QUARTILES)
        edges = np.unique(np.concatenate([self.edges, factor * self.before.values[quartiles]]))
        usual, converted, found = (
            _shares(values, at)
            for values, at in ((self.before, edges), (self.before, edges / factor), (rows.now, edges))
        )
        expected = (1 - share) * usual + share * converted
        cell = np.where(expected * rows.now.rows >= FEWEST_EXPECTED, np.arange(len(expected)) + 1, 0)
        among, seen = np.bincount(cell, expected), np.bincount(cell, found)
        among, seen = among[among > 0], seen[among > 0]
        noise = 1 / rows.now.rows + 1 / self.before.rows
        limit = float(chdtri(max(len(among) - 2, 1), FITS))
        return float(((seen - among) ** 2 / among).sum()) / noise / limit


def _moments(shares: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Return the mean and the variance of the weight of one row.

    >>> _moments(np.array([0.5, 0.5]), np.array([0.0, 2.0]))
    (1.0, 1.0)
    """
    mean = float(weights @ shares)
    return mean, float((weights - mean) ** 2 @ shares)


def _shares(values: WeightedValues, edges: FloatArray) -> FloatArray:
    """Return the share of rows in each cell."""
    return np.diff(np.concatenate([[0.0], values.cumulative_share(edges), [1.0]]))
