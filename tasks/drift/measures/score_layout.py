"""The monitored features of a table: means of bounded scores, one number a row, so that one rule fits every statistic.

The score of a number is its rank u among the values of the reference, between 0 and 1 (equal values share their middle
rank). The mean of u is the level of the column (Mann and Whitney, 1947), the mean of |2u - 1| its spread (Ansari and
Bradley, 1960), and the shares of rows between the deciles of the reference its shape. An outlier counts as the largest
value, so heavy tails need no rule of their own. A category column is monitored by the shares of its cells; categories
below a tenth of the rows share a cell, because a cell needs about five rows a night to be judged by its mean (Cochran,
Biometrics 10, 1954) and a night has 50. Every column is monitored by its share of nulls.

Values that the reference hardly has are counted instead: values beyond its range and unknown categories.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.drift.measures.category_cells import CategoryCells, category_cells
from tasks.drift.measures.rank_table import NumberTable, number_sums, number_table, tails
from tasks.profiles import CategoryProfile, ColumnProfile, NumberProfile, TableProfile
from tasks.records import Statistic

LAYOUT = 1  # raise it when a feature or its sum changes its meaning: references store sums
LEVEL, NULLS, CELL = range(3)
STATISTICS = (Statistic.LEVEL, Statistic.NULLS, Statistic.SHAPE)


@dataclass(frozen=True, slots=True, eq=False)
class WindowMeans:
    """The summary of a window: sums of scores with their numbers of rows, and the rows outside the known values.

    `sums` and `rows` have one entry a feature; `below`, `above` (rows beyond the range of the reference) and `excess`
    (how far these move the mean of the column, in scales) one a number column; `unknown` has one a category column,
    among the `named` rows in which unknown categories are detected. `far` counts, below and above, the farther half of
    the rows beyond the range, and `far_ratio` is their smallest distance from the center as a multiple of that of the
    range. Single rows are left to the contract and are not counted.
    """

    sums: FloatArray
    rows: FloatArray
    below: FloatArray
    above: FloatArray
    excess: FloatArray
    unknown: FloatArray
    named: FloatArray
    far: FloatArray
    far_ratio: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ScoreLayout:
    """The features of a table, defined by its reference.

    Attributes
    ----------
    column, statistic : ndarray of int
        For each feature the index of its column, and of its statistic in `STATISTICS`.
    mean, variance, skewness, kurtosis : ndarray
        Moments of the score of one row in the reference; kurtosis is the excess over the normal distribution.
    category_cells : tuple of CategoryCells
        Categories of the reference and their cells, for each category column.
    tails : ndarray, shape (2, numbers)
        Tail exponents of each number column, lower and upper: the share beyond r times the range is r to minus this.
    """

    names: tuple[str, ...]
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    table: NumberTable
    category_cells: tuple[CategoryCells, ...]
    column: IntArray
    statistic: IntArray
    mean: FloatArray
    variance: FloatArray
    skewness: FloatArray
    kurtosis: FloatArray
    rows: FloatArray
    tails: FloatArray

    def means(self, profile: TableProfile) -> WindowMeans:
        """Return the feature sums of a profile with the same ruler."""
        numbers = [profile.columns[name] for name in self.numbers]
        level, cells, outside = number_sums(self.table, numbers)
        categories = [_as_categories(profile.columns[name]) for name in self.categories]
        counts = [cells.sums(column) for cells, column in zip(self.category_cells, categories, strict=True)]
        columns = [profile.columns[name] for name in self.names]
        present = np.array([column.present for column in columns], dtype=np.float64)
        total = np.array([column.rows for column in columns], dtype=np.float64)
        sums = np.concatenate([level, total - present, cells, *(column for column, _, _ in counts)])
        rows = np.where(self.statistic == NULLS, total[self.column], present[self.column])
        unknown, named = (np.array([column[part] for column in counts], dtype=np.float64) for part in (1, 2))
        far = outside.far, outside.far_ratio
        return WindowMeans(sums, rows, outside.below, outside.above, outside.excess, unknown, named, *far)


def score_layout(total: TableProfile) -> ScoreLayout:
    """Return the features of a table with the reference `total`."""
    names = tuple(sorted(total.columns))  # a stored profile is read in another order
    numbers = tuple(name for name in names if isinstance(total.columns[name], NumberProfile))
    categories = tuple(name for name in names if isinstance(total.columns[name], CategoryProfile))
    columns = [total.columns[name] for name in (*numbers, *categories)]
    table = number_table([total.columns[name] for name in numbers])
    known_categories = tuple(category_cells(_as_categories(total.columns[name])) for name in categories)
    owners = np.repeat(np.arange(len(categories)) + len(numbers), [cells.cells for cells in known_categories])
    all_columns = np.arange(len(numbers) + len(categories))
    number_columns = np.arange(len(numbers))
    column = np.concatenate([number_columns, all_columns, table.owners, owners])
    sizes = (len(numbers), len(all_columns), table.cells + len(owners))
    statistic = np.repeat([LEVEL, NULLS, CELL], sizes)
    blank = np.zeros(len(column))
    draft = ScoreLayout(
        (*numbers, *categories), numbers, categories, table, known_categories, column, statistic,
        blank, blank, blank, blank, blank, tails([total.columns[name] for name in numbers]),
    )  # fmt: skip
    return _with_moments(draft, total, columns)


def _with_moments(draft: ScoreLayout, total: TableProfile, columns: list[ColumnProfile]) -> ScoreLayout:
    """Return the layout with the moments of the score of one row."""
    means = draft.means(total)
    rows = np.maximum(means.rows, 1.0)
    mean = means.sums / rows
    share = (means.sums + 0.5) / (rows + 1)  # of a cell or of nulls: above 0 and below 1
    variance = share * (1 - share)
    skewness, kurtosis = (1 - 2 * share) / np.sqrt(variance), 1 / variance - 6
    for index in np.flatnonzero(draft.statistic == LEVEL):
        variance[index], skewness[index], kurtosis[index] = _level_moments(
            draft.table, int(draft.column[index]), columns
        )
    return replace(draft, mean=mean, variance=variance, skewness=skewness, kurtosis=kurtosis, rows=rows)


def _level_moments(table: NumberTable, column: int, columns: list[ColumnProfile]) -> tuple[float, float, float]:
    profile = columns[column]
    least = 0.25 / (profile.present + 1)  # a constant column may still vary in the future
    if not isinstance(profile, NumberProfile) or not profile.present:
        return least, 0.0, 0.0
    weights = profile.counts / profile.present
    u = table.middle[table.first[column] : table.last[column]]
    centred = u - weights @ u
    variance = float(weights @ centred**2)
    if variance <= least:
        return least, 0.0, 0.0
    scaled = centred / np.sqrt(variance)
    return variance, float(weights @ scaled**3), float(weights @ scaled**4) - 3.0


def _as_categories(column: ColumnProfile) -> CategoryProfile:
    return column if isinstance(column, CategoryProfile) else CategoryProfile.empty()
