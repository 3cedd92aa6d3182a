"""Compares a window of new rows with a reference: every statistic with its leeway."""

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

FAMILIES = 3  # single nights, creep and labels: each has a third of the false alarms


@dataclass(frozen=True, slots=True)
class Leeway:
    """How far statistics may move, and how often they may alarm by chance.

    Parameters
    ----------
    effect : float
        Smallest change that matters, above 0: in standard deviations for numbers, in share of rows for categories and
        nulls.
    false_alarms_per_year : float
        Accepted false alarms in a year, over all columns and nights together; above 0.
    nights_per_year : float
        Comparisons made in a year; above 0.
    """

    effect: float
    false_alarms_per_year: float
    nights_per_year: float

    def __post_init__(self) -> None:
        wrong = {f.name: getattr(self, f.name) for f in fields(self) if not getattr(self, f.name) > 0}
        if wrong:
            raise DataError(
                f"found {wrong} in a Leeway; expected values above 0, because every night would be an alarm otherwise"
            )

    def alpha(self, statistics: int) -> float:
        """Return the false-alarm probability of one statistic on one night, with the budget shared evenly.

        Single nights, creep and labels have a third each. Expected alarms add up whatever the columns share
        (Bonferroni), and also over windows that overlap.

        >>> Leeway(effect=0.1, false_alarms_per_year=6, nights_per_year=400).alpha(statistics=50)
        0.0001
        """
        return min(self.false_alarms_per_year / (FAMILIES * self.nights_per_year * statistics), 0.25)

    def run_length_nights(self, count: int) -> float:
        """Return the nights between false alarms of one of `count` cumulative charts.

        >>> Leeway(effect=0.1, false_alarms_per_year=6, nights_per_year=400).run_length_nights(50)
        10000.0
        """
        return max(FAMILIES * self.nights_per_year * count / self.false_alarms_per_year, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceComparison:
    """A window compared with its reference.

    `moved` has every statistic, the largest strain first; `z` is the shift of each feature in standard units, for the
    charts; `unit` is the size of a standard unit, in the unit of the statistic, and `doubt` the standard error of the
    expected value, in standard units.
    """

    moved: tuple[DriftStatistic, ...]
    z: FloatArray
    unit: FloatArray
    doubt: FloatArray


def measure_window(
    reference: Reference, window: TableProfile, day: date | None = None, window_days: int = 1
) -> MeasuredWindow:
    """Measure the means and shifts of a window, to be compared at one or several levels.

    Parameters
    ----------
    reference : Reference
        It must not contain rows of the window: a batch that is compared with itself looks closer than it is. The caller
        ensures it; profiles cannot show it.
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
            "the ruler of the window is not that of the reference, so their bins differ; profile the window with "
            "`reference.total.ruler`"
        )
    if not window.rows:
        raise DataError("the window has no rows; merge it with the days before until it has enough to be judged")
    noise_model, means = reference.noise_model(window_days), reference.layout.means(window)
    return MeasuredWindow(noise_model, means, noise_model.shift(means.sums, means.rows, day or reference.days[-1]))


def compare_window(reference: Reference, window: MeasuredWindow, effect: float, alpha: float) -> ReferenceComparison:
    """Return how far each statistic of a measured window has moved, and its leeway.

    Numbers are monitored by level, shape and values outside the known range, categories by shape and unknown values,
    every column by its share of nulls and by single slices. The leeway is the larger of the effect size and the
    variation that sampling noise and the swing of the reference, by weekday and season, explain. A strain above 1 is an
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
    unit = window.noise_model.unit(window.shift)
    shift = window.shift
    return ReferenceComparison(moved, shift.shift / unit, unit * units(reference.layout), shift.doubt / unit)


def statistics_past_leeway(
    reference: Reference, window: MeasuredWindow, effect: float, alpha: float
) -> tuple[DriftStatistic, ...]:
    """Return the statistics of a measured window that are past their leeway, the largest strain first."""
    return tuple(_moved(reference, window, effect, alpha, only_past=True))


def _moved(
    reference: Reference, window: MeasuredWindow, effect: float, alpha: float, *, only_past: bool = False
) -> Iterable[DriftStatistic]:
    leeway = window.noise_model.leeway(window.shift, alpha)
    night = WindowAtLevel(reference.layout, reference.tested, window, leeway, alpha, effect)
    local = list(single_slice_shifts(night, reference.total))
    statistics = reference.tested.moved(drift_statistics(night), only_past=only_past)
    if not local:
        return statistics
    return sorted(
        [*statistics, *local], key=lambda statistic: (-statistic.strain, statistic.column, statistic.statistic)
    )


def statistic_count(layout: ScoreLayout) -> int:
    """Return the number of statistics of a window: four a number column, three a category column, and slices."""
    return max(4 * len(layout.numbers) + 3 * len(layout.categories) + sliced_columns(layout), 1)


def cusum_charts(layout: ScoreLayout, policy: Leeway, columns: int) -> CusumCharts:
    """Return the CUSUM charts of a table before its first night, with the budget shared evenly by `columns` columns.

    Charted are the level of numbers, the shares of category cells, and the share of nulls where the reference has
    nulls; the other features have an infinite threshold.
    """
    number = np.arange(len(layout.names)) < len(layout.numbers)
    followed = np.where(
        layout.statistic == CELL, ~number[layout.column], (layout.statistic == LEVEL) | (layout.mean > 0)
    )
    of_column = np.bincount(layout.column[followed], minlength=len(layout.names))
    sharing, group = np.unique(of_column[layout.column[followed]], return_inverse=True)
    height = np.array([threshold(policy.run_length_nights(columns * count)) for count in sharing.tolist()])
    heights = np.full(len(layout.column), np.inf)
    heights[followed] = height[group]
    return new_charts(heights)
