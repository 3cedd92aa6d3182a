"""A night against its reference: every statistic beside its leeway."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date

import numpy as np

from tasks.arrays import FloatArray
from tasks.drift.cusum import CusumCharts, new_charts, threshold
from tasks.drift.measures.drift_statistics import drift_statistics, units
from tasks.drift.measures.measured_window import MeasuredWindow, WindowAtLevel
from tasks.drift.measures.row_share_slices import single_slice_shifts, sliced_columns
from tasks.drift.measures.score_layout import CELL, LEVEL, ScoreLayout
from tasks.drift.reference import Reference
from tasks.errors import DataError
from tasks.profiles import TableProfile
from tasks.records import DriftStatistic

FAMILIES = 3  # single nights, creep, and what labels show: each gets a third of the false alarms


@dataclass(frozen=True, slots=True)
class Leeway:
    """How far statistics may move, and how often they may do so by chance.

    Parameters
    ----------
    effect : float
        Smallest change that matters, above 0: in standard deviations for numbers, in share of rows for categories and
        nulls.
    false_alarms_per_year : float
        Alarms by chance that are accepted in a year, over all columns and nights together; above 0.
    nights_per_year : float
        Comparisons made in a year; above 0.
    """

    effect: float
    false_alarms_per_year: float
    nights_per_year: float

    def __post_init__(self) -> None:
        wrong = {f.name: getattr(self, f.name) for f in fields(self) if not getattr(self, f.name) > 0}
        if wrong:
            raise DataError(f"{wrong} was found in a Leeway; each must be above 0, or every night would be an alarm")

    def alpha(self, statistics: int) -> float:
        """Return the false-alarm probability that one statistic has on one night, the budget being shared evenly.

        Single nights, creep and labels have a third each. Expected alarms add up whatever the columns share
        (Bonferroni), and also over windows that overlap.

        >>> Leeway(effect=0.1, false_alarms_per_year=6, nights_per_year=400).alpha(statistics=50)
        0.0001
        """
        return min(self.false_alarms_per_year / (FAMILIES * self.nights_per_year * statistics), 0.25)

    def run_length_nights(self, count: int) -> float:
        """Return the nights between false alarms of one of so many cumulative charts.

        >>> Leeway(effect=0.1, false_alarms_per_year=6, nights_per_year=400).run_length_nights(50)
        10000.0
        """
        return max(FAMILIES * self.nights_per_year * count / self.false_alarms_per_year, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceComparison:
    """A night beside its reference.

    `moved` has every statistic, the most strained first; `z` each feature's shift in standard units, for the charts;
    `unit` what one of those units is, in the statistic's own, and `doubt` how well the expectation is known, in them.
    """

    moved: tuple[DriftStatistic, ...]
    z: FloatArray
    unit: FloatArray
    doubt: FloatArray


def measure_window(
    reference: Reference, window: TableProfile, day: date | None = None, window_days: int = 1
) -> MeasuredWindow:
    """Return the means and shifts of a window, to be judged at one level or several.

    Parameters
    ----------
    reference : Reference
        What the champion learned from. It must not hold any row of the window: a batch that is compared with itself
        looks quieter than it is. The caller ensures it; profiles cannot tell.
    window : TableProfile
        The newest rows, of the reference's ruler.
    day : date, optional
        Its first day; the reference's last when left out.
    window_days : int
        Its length.

    Raises
    ------
    DataError
        The window has no rows, or another ruler.
    """
    if window.ruler != reference.total.ruler:
        raise DataError(
            "the window's ruler is not the reference's, so their bins lie elsewhere; profile the window with "
            "`reference.total.ruler`"
        )
    if not window.rows:
        raise DataError("the window has no rows; merge it with the days before until it has enough to be judged")
    quiet, found = reference.quiet(window_days), reference.layout.means(window)
    return MeasuredWindow(quiet, found, quiet.shift(found.sums, found.rows, day or reference.days[-1]))


def compare_window(reference: Reference, window: MeasuredWindow, effect: float, alpha: float) -> ReferenceComparison:
    """Return how far each statistic of a measured window has moved and how far it may.

    Numbers are watched by level, shape and what lies outside the known range, categories by shape and unknown
    ones, every column by its share of nulls and for a slice that moves alone. The leeway is the largest of the effect
    size and what sampling noise and the reference's own swing, by weekday and season, explain; a strain above 1 is an
    alarm.

    Parameters
    ----------
    reference : Reference
        What the champion learned from.
    window : MeasuredWindow
        The newest rows, measured against it.
    effect : float
        Smallest change that matters.
    alpha : float
        False-alarm probability of one statistic.
    """
    moved = tuple(_moved(reference, window, effect, alpha))
    unit = window.quiet.unit(window.shift)
    shift = window.shift
    return ReferenceComparison(moved, shift.shift / unit, unit * units(reference.layout), shift.doubt / unit)


def statistics_past_leeway(
    reference: Reference, window: MeasuredWindow, effect: float, alpha: float
) -> tuple[DriftStatistic, ...]:
    """Return those statistics of a measured window that are past their leeway, the most strained first."""
    return tuple(_moved(reference, window, effect, alpha, only_past=True))


def _moved(
    reference: Reference, window: MeasuredWindow, effect: float, alpha: float, *, only_past: bool = False
) -> Iterable[DriftStatistic]:
    leeway = window.quiet.leeway(window.shift, alpha)
    night = WindowAtLevel(reference.layout, reference.tested, window, leeway, alpha, effect)
    local = list(single_slice_shifts(night, reference.total))
    found = reference.tested.moved(drift_statistics(night), only_past=only_past)
    if not local:
        return found
    return sorted([*found, *local], key=lambda one: (-one.strain, one.column, one.statistic))


def statistic_count(layout: ScoreLayout) -> int:
    """Return how many statistics a night is judged by: four a number column, three a category, and slices."""
    return max(4 * len(layout.numbers) + 3 * len(layout.categories) + sliced_columns(layout), 1)


def cusum_charts(layout: ScoreLayout, policy: Leeway, columns: int) -> CusumCharts:
    """Return cumulative charts for a table before its first night, the budget shared evenly by so many columns.

    Numbers are followed by their level, categories by the shares of their cells, and every column with nulls in the
    reference by their share; what is followed by no chart has a threshold out of reach.
    """
    number = np.arange(len(layout.names)) < len(layout.numbers)
    followed = np.where(
        layout.statistic == CELL, ~number[layout.column], (layout.statistic == LEVEL) | (layout.mean > 0)
    )
    of_column = np.bincount(layout.column[followed], minlength=len(layout.names))
    sharing, place = np.unique(of_column[layout.column[followed]], return_inverse=True)
    height = np.array([threshold(policy.run_length_nights(columns * each)) for each in sharing.tolist()])
    heights = np.full(len(layout.column), np.inf)
    heights[followed] = height[place]
    return new_charts(heights)
