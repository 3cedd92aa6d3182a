"""Rows in another unit among others: a share of the values times an exact factor, looked for in the newest days.

Days are looked at from the newest backwards, because a window of a week dilutes what began yesterday.

A population that moves at once in the same way looks the same while few rows are known. So this is drift with a name,
and no fault; it must be a break, and fit the shares of all cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import add
from typing import TypeAlias

import numpy as np

from tasks.drift.faults.conversion_cells import DIRECTIONS, Conversion, ConversionCells, Limits, NewRows
from tasks.drift.faults.unit_change import WeightedValues, weighted_values
from tasks.drift.measures.score_layout import LEVEL
from tasks.drift.reference import Reference
from tasks.profiles import NumberProfile, TableProfile
from tasks.records import DriftStatistic, Window

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


_Look: TypeAlias = tuple[NumberProfile | None, WeightedValues | None, int]


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
    tests = max(len(DIRECTIONS) * sum(1 for _ in newest.spans()), 1)
    limits = Limits(effect, alpha / tests, DOUBTFUL / tests)
    found = {
        name: _conversion(reference, newest, name, [_look(newest, name, *span) for span in newest.spans()], limits)
        for name in _strained(reference, moved)
    }
    return tuple(one.statistic(name, effect) for name, one in found.items() if one is not None)


def converted_since(
    reference: Reference, days: NewestDays, moved: Iterable[DriftStatistic], effect: float, error_rate: float
) -> dict[str, Conversion]:
    """Return the conversions of some rows of a whole window, by column, after an alarm.

    The window is that since the alarm began: it must differ from the four weeks before it, if there are accepted rows
    in them, and all of it must fit: twenty times as likely as with all rows moved by one factor.

    Parameters
    ----------
    moved, effect
        As in `converted_rows`.
    error_rate : float
        False-alarm probability that the tests of all columns share.
    """
    names, window = _strained(reference, moved), days.window
    level = error_rate / max(len(DIRECTIONS) * len(names), 1)
    limits = Limits(effect, level, level, 1 / DOUBTFUL)
    before = window.start - timedelta(weeks=WEEKS_BEFORE), window.start - timedelta(days=1)
    found = {}
    for name in names:
        now, then = days.column(name, window.start, window.end), days.column(name, *before)
        look = now, None if then is None else weighted_values(then), window.days
        if (one := _conversion(reference, days, name, [look], limits)) is not None:
            found[name] = one
    return found


def converted_columns(reference: Reference) -> list[str]:
    """Return the columns that are looked at: numbers but ages, which have no other unit."""
    return [name for name in reference.layout.numbers if name not in reference.total.ruler.dates]


def _strained(reference: Reference, moved: Iterable[DriftStatistic]) -> list[str]:
    """Return the columns that have used half of their leeway at least."""
    named = {statistic.column for statistic in moved if statistic.strain > HALF}
    return [name for name in converted_columns(reference) if name in named]


def _conversion(
    reference: Reference, newest: NewestDays, name: str, looks: Iterable[_Look], limits: Limits
) -> Conversion | None:
    """Return the conversion of a column that is the surest of some looks at it."""
    column = reference.total.columns[name]
    if not isinstance(column, NumberProfile) or not column.present or (column.minimum or 0) < 0 or _is_counted(column):
        return None
    swing = _swing(reference, name, newest.window_days)
    found = []
    for now, earlier, days in looks:
        if now is not None:
            cells = ConversionCells.of(weighted_values(column), now.present)
            rows = NewRows(weighted_values(now), earlier, swing * newest.window_days / days)
            found += [cells.conversion(factors, rows, limits) for factors in DIRECTIONS]
    conversions = [conversion for conversion in found if conversion is not None]
    return max(conversions, key=lambda conversion: conversion.evidence, default=None)


def _look(newest: NewestDays, name: str, first: date, last: date) -> _Look:
    """Return the values of some days, those of the same weekdays before, and how many days they are."""
    return newest.column(name, first, last), _same_weekdays(newest, name, first, last), (last - first).days + 1


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
