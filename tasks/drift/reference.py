"""The reference: the profile of what a model learned from, period by period, and what is normal for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from tasks.drift.layout import Layout, layout
from tasks.drift.quiet import Quiet, Row, quiet
from tasks.errors import DataError
from tasks.profiles import TableProfile


@dataclass(frozen=True)
class Reference:
    """What the champion learned from.

    Parameters
    ----------
    total : TableProfile
        All its rows.
    periods : tuple of (str, TableProfile)
        The same rows by period: ISO date of the first day, profile; ascending. Single days are best: weekdays show in
        them, and longer windows are made of them.
    """

    total: TableProfile
    periods: tuple[tuple[str, TableProfile], ...]

    @cached_property
    def layout(self) -> Layout:
        """The features that are watched."""
        return layout(self.total)

    @cached_property
    def days(self) -> tuple[date, ...]:
        """First day of each period."""
        return tuple(date.fromisoformat(start) for start, _ in self.periods)

    def quiet(self, window_days: int = 1) -> Quiet:
        """Return what is normal for windows of so many days; periods are put together until they are as long."""
        known: dict[int, Quiet] = self.__dict__.setdefault("_of_length", {})
        if window_days not in known:
            known[window_days] = self._quiet(window_days)
        return known[window_days]

    @cached_property
    def _means(self) -> tuple[np.ndarray, np.ndarray]:
        found = [self.layout.means(profile) for _, profile in self.periods]
        return np.array([each.sums for each in found]), np.array([each.rows for each in found])

    def _quiet(self, window_days: int) -> Quiet:
        sums, rows = self._means
        first = self.days[0]
        block = np.array([(day - first).days // window_days for day in self.days])
        starts = np.flatnonzero(np.diff(block, prepend=-1))
        lay = self.layout
        row = Row(lay.mean, lay.variance, lay.skewness, lay.kurtosis)
        return quiet(
            [self.days[start] for start in starts],
            np.add.reduceat(sums, starts),
            np.add.reduceat(rows, starts),
            row,
            lay.statistic,
        )


def reference_of(periods: Sequence[tuple[str, TableProfile]]) -> Reference:
    """Return the reference made of periods, in any order.

    Parameters
    ----------
    periods : sequence of (str, TableProfile)
        ISO date of each period's first day, and the profile of its rows.

    Raises
    ------
    DataError
        There are no rows, a date is no ISO date or comes twice, or the profiles have different rulers.

    Examples
    --------
    >>> import pandas as pd
    >>> from tasks.profiles import Ruler, profile
    >>> weeks = [pd.DataFrame({"plan": plans}) for plans in (["pro"], ["basic", "pro"])]
    >>> profiles = [profile(week, Ruler(numbers={}, categories=("plan",))) for week in weeks]
    >>> reference = reference_of([("2026-01-12", profiles[1]), ("2026-01-05", profiles[0])])
    >>> reference.total.rows, [start for start, _ in reference.periods]
    (3, ['2026-01-05', '2026-01-12'])
    """
    ordered = tuple(sorted(((_iso(start), profile) for start, profile in periods), key=lambda period: period[0]))
    starts = [start for start, _ in ordered]
    twice = sorted({start for start in starts if starts.count(start) > 1})
    if twice:
        raise DataError(f"periods {twice} were given twice; each belongs to a reference once. Add their profiles first")
    if not sum(profile.rows for _, profile in ordered):
        raise DataError(
            f"{len(ordered)} periods without a row were given; a reference needs the rows a model learned from"
        )
    total = ordered[0][1]
    for _, profile in ordered[1:]:
        total = total + profile
    return Reference(total, ordered)


def _iso(start: str) -> str:
    try:
        return date.fromisoformat(start).isoformat()
    except ValueError as error:
        raise DataError(
            f"period {start!r} was found; the ISO date of its first day was expected: '2026-01-05'"
        ) from error
