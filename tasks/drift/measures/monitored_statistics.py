"""The statistics a reference is tested by, and what of them is the same every night: names, order, counts of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.drift.faults.rare_values import JEFFREYS
from tasks.drift.measures.score_layout import CELL, LEVEL, NULLS, STATISTICS, ScoreLayout
from tasks.records import DriftStatistic, Statistic


@dataclass(frozen=True, slots=True, eq=False)
class StatisticValues:
    """Of each statistic, in the order of `MonitoredStatistics`: how far it moved, how far it may, and which way."""

    distance: FloatArray
    leeway: FloatArray
    direction: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class MonitoredStatistics:
    """What is tested of a table: levels and nulls, then shapes, values outside the range, unknown categories.

    Attributes
    ----------
    names, statistics : list of str
        Column and statistic of each test.
    ordered : ndarray of int
        The tests in order of these two.
    means, nulls, level, cells : ndarray of int
        Features that are means by themselves, and those of each kind.
    owner, share : ndarray
        Of each cell its column, and its share of rows, never none.
    shaped, degrees : ndarray of int
        Columns of two cells or more, and one less than those.
    nulls_before : ndarray
        Rows without a value in the reference, prior included, by column.
    singles, named : ndarray
        Of each category column the categories met once, prior included, and the rows kept by name.
    """

    names: list[str]
    statistics: list[Statistic]
    ordered: IntArray
    means: IntArray
    nulls: IntArray
    level: IntArray
    cells: IntArray
    owner: IntArray
    share: FloatArray
    shaped: IntArray
    degrees: IntArray
    nulls_before: FloatArray
    singles: FloatArray
    named: FloatArray

    def moved(self, found: StatisticValues, *, only_past: bool = False) -> list[DriftStatistic]:
        """Return the statistics of a night, the most strained first, or only those past their leeway."""
        strain = np.zeros(len(found.distance))
        np.divide(found.distance, found.leeway, out=strain, where=found.leeway > 0)
        order = self.ordered[np.argsort(-strain[self.ordered], kind="stable")]
        if only_past:
            order = order[strain[order] > 1]
        columns = (each[order].tolist() for each in (found.distance, found.leeway, found.direction))
        return [
            DriftStatistic(self.names[at], self.statistics[at], distance, leeway, direction=direction)
            for at, distance, leeway, direction in zip(order.tolist(), *columns, strict=True)
        ]


def monitored_statistics(layout: ScoreLayout) -> MonitoredStatistics:
    """Return what is tested of a table with these features."""
    means, cells = np.flatnonzero(layout.statistic != CELL), np.flatnonzero(layout.statistic == CELL)
    nulls, level = (np.flatnonzero(layout.statistic == each) for each in (NULLS, LEVEL))
    owner = layout.column[cells]
    count = np.bincount(owner, minlength=len(layout.names))
    shaped = np.flatnonzero(count > 1)
    shapes, outside, unknown = [layout.names[at] for at in shaped], layout.numbers, layout.categories
    names = [*(layout.names[at] for at in layout.column[means]), *shapes, *outside, *unknown]
    statistics = [STATISTICS[at] for at in layout.statistic[means]]
    statistics += [Statistic.SHAPE] * len(shapes)
    statistics += [Statistic.OUTSIDE] * len(outside) + [Statistic.UNKNOWN] * len(unknown)
    return MonitoredStatistics(
        names=names,
        statistics=statistics,
        ordered=np.array(sorted(range(len(names)), key=lambda at: (names[at], statistics[at])), dtype=np.int64),
        means=means,
        nulls=nulls,
        level=level,
        cells=cells,
        owner=owner,
        share=np.maximum(layout.mean[cells], 0.5 / np.maximum(layout.rows[cells], 1.0)),
        shaped=shaped,
        degrees=count[shaped] - 1,
        nulls_before=layout.mean[nulls] * layout.rows[nulls] + JEFFREYS,
        singles=np.array([each.singles for each in layout.known]) + JEFFREYS,
        named=np.array([max(each.named, 1.0) for each in layout.known]),
    )
