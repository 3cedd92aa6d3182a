"""What is watched of a table: means of bounded scores, one number a row, so that one rule serves every statistic.

A value of a number column is scored by its place among the reference's values, u between 0 and 1 (equal values share
the middle of their places). The mean of u is the column's level (Mann and Whitney, 1947), the mean of |2u - 1| its
spread (Ansari and Bradley, 1960), and the shares of rows between the reference's deciles its shape. A wild value counts
as the largest, not as a million: heavy tails need no rule of their own. Of a category the shares of its cells are
watched; categories below a tenth of the rows are put together, because a cell needs about five rows a night to be
judged by its mean (Cochran, Biometrics 10, 1954) and a night has 50. Of every column the share of nulls is watched.

What a mean cannot judge, because the reference has next to none of it, is counted: values beyond the reference's range
and categories it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.drift.measures.category_cells import CategoryCells, category_cells
from tasks.drift.measures.rank_table import NumberTable, number_sums, number_table, tails
from tasks.profiles import CategoryProfile, ColumnProfile, NumberProfile, TableProfile
from tasks.records import Statistic

LAYOUT = 1  # to be raised when a feature, or the sum it is watched by, means something else: references keep sums
LEVEL, NULLS, CELL = range(3)
STATISTICS = (Statistic.LEVEL, Statistic.NULLS, Statistic.SHAPE)


@dataclass(frozen=True, slots=True, eq=False)
class WindowMeans:
    """Rows summarised for the watch: sums of scores and the rows they rest on, and what lies outside the known.

    `sums` and `rows` have one entry a feature; `below`, `above` (rows beyond the reference's range) and `excess` (how
    far that carries the column's mean, in scales) one a number column; `unknown` one a category column, of the `named`
    rows in which unknown categories can be told. `far` counts,
    below and above, the farther half of the rows beyond the range, `far_ratio` says how many times as far from the
    center as the range they all are; rows alone are the contract's matter and are not counted.
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
    """The features of a table, fixed by its reference.

    Attributes
    ----------
    column, statistic : ndarray of int
        For each feature the index of its column, and of its statistic in `STATISTICS`.
    mean, variance, skewness, kurtosis : ndarray
        Of one row's score in the reference; kurtosis is the excess over the normal's 0.
    known : tuple of Known
        For each category column the reference's categories and their cells.
    tails : ndarray, shape (2, numbers)
        How fast each number column's lower and upper tail fall: the share beyond r times the range is r to minus this.
    """

    names: tuple[str, ...]
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    table: NumberTable
    known: tuple[CategoryCells, ...]
    column: IntArray
    statistic: IntArray
    mean: FloatArray
    variance: FloatArray
    skewness: FloatArray
    kurtosis: FloatArray
    rows: FloatArray
    tails: FloatArray

    def means(self, profile: TableProfile) -> WindowMeans:
        """Return what a profile of the same ruler comes to."""
        numbers = [profile.columns[name] for name in self.numbers]
        level, cells, outside = number_sums(self.table, numbers)
        categories = [_as_categories(profile.columns[name]) for name in self.categories]
        found = [known.sums(column) for known, column in zip(self.known, categories, strict=True)]
        every = [profile.columns[name] for name in self.names]
        present = np.array([each.present for each in every], dtype=np.float64)
        total = np.array([each.rows for each in every], dtype=np.float64)
        sums = np.concatenate([level, total - present, cells, *(each for each, _, _ in found)])
        rows = np.where(self.statistic == NULLS, total[self.column], present[self.column])
        unknown, named = (np.array([each[place] for each in found], dtype=np.float64) for place in (1, 2))
        far = outside.far, outside.far_ratio
        return WindowMeans(sums, rows, outside.below, outside.above, outside.excess, unknown, named, *far)


def score_layout(total: TableProfile) -> ScoreLayout:
    """Return the features of a table whose whole reference is `total`."""
    names = tuple(sorted(total.columns))  # a profile that was stored comes back in another order
    numbers = tuple(name for name in names if isinstance(total.columns[name], NumberProfile))
    categories = tuple(name for name in names if isinstance(total.columns[name], CategoryProfile))
    known = [total.columns[name] for name in (*numbers, *categories)]
    table = number_table([total.columns[name] for name in numbers])
    watched = tuple(category_cells(_as_categories(total.columns[name])) for name in categories)
    owners = np.repeat(np.arange(len(categories)) + len(numbers), [each.cells for each in watched])
    every = np.arange(len(numbers) + len(categories))
    places = np.arange(len(numbers))
    column = np.concatenate([places, every, table.owners, owners])
    sizes = (len(numbers), len(every), table.cells + len(owners))
    statistic = np.repeat([LEVEL, NULLS, CELL], sizes)
    blank = np.zeros(len(column))
    draft = ScoreLayout(
        (*numbers, *categories), numbers, categories, table, watched, column, statistic,
        blank, blank, blank, blank, blank, tails([total.columns[name] for name in numbers]),
    )  # fmt: skip
    return _with_moments(draft, total, known)


def _with_moments(draft: ScoreLayout, total: TableProfile, known: list[ColumnProfile]) -> ScoreLayout:
    """Return the layout with what one row's score does in the reference."""
    found = draft.means(total)
    rows = np.maximum(found.rows, 1.0)
    mean = found.sums / rows
    share = (found.sums + 0.5) / (rows + 1)  # of a cell or of nulls: never quite none, never quite all
    variance = share * (1 - share)
    skewness, kurtosis = (1 - 2 * share) / np.sqrt(variance), 1 / variance - 6
    for index in np.flatnonzero(draft.statistic == LEVEL):
        variance[index], skewness[index], kurtosis[index] = _level_moments(draft.table, int(draft.column[index]), known)
    return replace(draft, mean=mean, variance=variance, skewness=skewness, kurtosis=kurtosis, rows=rows)


def _level_moments(table: NumberTable, column: int, known: list[ColumnProfile]) -> tuple[float, float, float]:
    profile = known[column]
    least = 0.25 / (profile.present + 1)  # a column that never varied has still not been seen for ever
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
