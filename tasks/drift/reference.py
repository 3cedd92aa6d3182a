"""The reference: the profile of the rows that a model learned from, by period, and their normal variation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

import numpy as np

from tasks.arrays import FloatArray
from tasks.drift.measures.monitored_statistics import MonitoredStatistics, monitored_statistics
from tasks.drift.measures.score_layout import ScoreLayout, score_layout
from tasks.drift.noise_model import NoiseModel, fit_noise_model, resemblance_of_blocks
from tasks.drift.period_scatter import ScoreMoments
from tasks.errors import DataError
from tasks.profiles import TableProfile, sum_profiles

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Reference:
    """The profile of the rows that a champion learned from.

    Parameters
    ----------
    total : TableProfile
        All its rows.
    days : tuple of date
        First day of each period, ascending. Single days are best: they show weekdays, and longer windows are
        composed of them.
    sums, rows : ndarray, shape (periods, features)
        Sums of scores and rows of each period, as `layout.means` computes them from its profile: enough to estimate
        the swing, in a tenth of the space.
    """

    total: TableProfile
    days: tuple[date, ...]
    sums: FloatArray
    rows: FloatArray

    @cached_property
    def layout(self) -> ScoreLayout:
        """The monitored features."""
        return score_layout(self.total)

    @cached_property
    def tested(self) -> MonitoredStatistics:
        """The monitored statistics."""
        return monitored_statistics(self.layout)

    def noise_model(self, window_days: int = 1) -> NoiseModel:
        """Return the noise model of windows of `window_days` days; periods are joined until they are as long."""
        return self.kept("noise model", window_days, lambda: self._quiet(window_days))

    def kept(self, name: str, window_days: int, made: Callable[[], T]) -> T:
        """Return what is computed of a reference for windows of a length, once; every night asks for the same."""
        known: dict[tuple[str, int], T] = self.__dict__.setdefault("_kept", {})
        key = name, window_days
        if key not in known:
            known[key] = made()
        return known[key]

    def shows_days(self, window_days: int) -> bool:
        """Return whether the reference has single days, which show more than periods as long as a longer window."""
        steps = [(after - before).days for before, after in pairwise(self.days)]
        return window_days > 1 and bool(steps) and float(np.median(steps)) == 1

    def periods(self, window_days: int) -> tuple[list[date], FloatArray, FloatArray]:
        """Return the first days, sums and rows of periods that are joined until they are as long as a window."""
        first = self.days[0]
        block = np.array([(day - first).days // window_days for day in self.days])
        starts = np.flatnonzero(np.diff(block, prepend=-1))
        sums, rows = (np.add.reduceat(values, starts) for values in (self.sums, self.rows))
        return [self.days[start] for start in starts], sums, rows

    def _quiet(self, window_days: int) -> NoiseModel:
        lay = self.layout
        row = ScoreMoments(lay.mean, lay.variance, lay.skewness, lay.kurtosis)
        least = resemblance_of_blocks(self.noise_model(), window_days) if self.shows_days(window_days) else 0.0
        return fit_noise_model(*self.periods(window_days), row, lay.statistic, resemblance=least)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Reference)
            and (self.total, self.days) == (other.total, other.days)
            and np.array_equal(self.sums, other.sums)
            and np.array_equal(self.rows, other.rows)
        )

    def __hash__(self) -> int:
        return hash((self.days, self.total.rows))


def build_reference(periods: Sequence[tuple[str, TableProfile]]) -> Reference:
    """Build the reference from its periods, in any order.

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
    >>> reference = build_reference([("2026-01-12", profiles[1]), ("2026-01-05", profiles[0])])
    >>> reference.total.rows, [day.isoformat() for day in reference.days]
    (3, ['2026-01-05', '2026-01-12'])
    """
    ordered = tuple(sorted(((_iso(start), profile) for start, profile in periods), key=lambda period: period[0]))
    starts = [start for start, _ in ordered]
    twice = sorted({start for start in starts if starts.count(start) > 1})
    if twice:
        raise DataError(f"periods {twice} were given twice; expected each once. Add their profiles first")
    if not sum(profile.rows for _, profile in ordered):
        raise DataError(
            f"{len(ordered)} periods without a row were given; a reference needs the rows a model learned from"
        )
    total = sum_profiles([profile for _, profile in ordered])
    layout = score_layout(total)
    period_means = [layout.means(profile) for _, profile in ordered]
    days = tuple(date.fromisoformat(start) for start in starts)
    return Reference(
        total, days, np.array([means.sums for means in period_means]), np.array([means.rows for means in period_means])
    )


def _iso(start: str) -> str:
    try:
        return date.fromisoformat(start).isoformat()
    except ValueError as error:
        raise DataError(
            f"found period {start!r}; expected the ISO date of its first day, such as '2026-01-05'"
        ) from error
