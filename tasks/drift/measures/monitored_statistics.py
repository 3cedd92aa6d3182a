"""The monitored statistics of a reference: what is the same every night, such as names, order and cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.drift.faults.rare_values import JEFFREYS
from tasks.drift.measures.score_layout import CELL, LEVEL, NULLS, STATISTICS, ScoreLayout
from tasks.records import DriftStatistic, Statistic


@dataclass(frozen=True, slots=True, eq=False)
class StatisticValues:
    """Distance, leeway and direction of each statistic, in the order of `MonitoredStatistics`."""

    distance: FloatArray
    leeway: FloatArray
    direction: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class MonitoredStatistics:
    """The statistics of a table: levels and nulls, then shapes, values outside the range, unknown categories.

    Attributes
    ----------
    names, statistics : list of str
        Column and statistic of each entry.
    ordered : ndarray of int
        Indices in the order of these two.
    means, nulls, level, cells : ndarray of int
        Features that are statistics by themselves, and the features of each kind.
    owner, share : ndarray
        Column of each cell, and its share of rows, always above 0.
    shaped, degrees : ndarray of int
        Columns with two or more cells, and their degrees of freedom.
    nulls_before : ndarray
        Nulls in the reference, prior included, by column.
    singles, named : ndarray
        For each category column: categories with one row, prior included, and rows kept by name.
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

    def moved(self, values: StatisticValues, *, only_past: bool = False) -> list[DriftStatistic]:
        """Return the statistics of a window, the largest strain first, or only those past their leeway."""
        strain = np.zeros(len(values.distance))
        np.divide(values.distance, values.leeway, out=strain, where=values.leeway > 0)
        order = self.ordered[np.argsort(-strain[self.ordered], kind="stable")]
        if only_past:
            order = order[strain[order] > 1]
        columns = (values[order].tolist() for values in (values.distance, values.leeway, values.direction))
        return [
            DriftStatistic(self.names[at], self.statistics[at], distance, leeway, direction=direction)
            for at, distance, leeway, direction in zip(order.tolist(), *columns, strict=True)
        ]


def monitored_statistics(layout: ScoreLayout) -> MonitoredStatistics:
    """Return the statistics of a table with these features."""
    means, cells = np.flatnonzero(layout.statistic != CELL), np.flatnonzero(layout.statistic == CELL)
    nulls, level = (np.flatnonzero(layout.statistic == cells) for cells in (NULLS, LEVEL))
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
        singles=np.array([cells.singles for cells in layout.category_cells]) + JEFFREYS,
        named=np.array([max(cells.named, 1.0) for cells in layout.category_cells]),
    )
