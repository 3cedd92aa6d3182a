"""The cells of a category column: groups of categories with comparable shares of rows.

Categories below a tenth of the rows share a cell. A column with more categories than a profile keeps by name uses hash
buckets instead: every category has one, whether its name is kept or not, so that the rows of both sides are counted in
the same cells. New categories are then only detected among those that both sides would keep by name, the ones with the
smallest ranks: a sample of the categories that depends only on their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.profiles import CategoryProfile
from tasks.profiles.category_profile import BUCKETS
from tasks.profiles.distinct_count import Ranks, text_ranks

SMALLEST_CELL = 0.1  # share of rows


@dataclass(frozen=True)
class CategoryCells:
    """The cells of one category column of the reference.

    Parameters
    ----------
    counts : mapping of str to int
        Rows of each category kept by name.
    cells : int
        Number of cells; rows of unknown categories are counted in the last one.
    cell_of : mapping of str to int
        Cell of each category; empty where cells consist of buckets.
    cell_of_bucket : ndarray of int, optional
        Cell of each bucket.
    """

    counts: Mapping[str, int]
    cells: int
    cell_of: Mapping[str, int]
    cell_of_bucket: IntArray | None = None

    @property
    def named(self) -> float:
        """Rows of the categories kept by name."""
        return float(sum(self.counts.values()))

    @property
    def singles(self) -> float:
        """Categories with one row, of those kept by name: they estimate the categories not yet seen (Good, 1953)."""
        return float(sum(rows == 1 for rows in self.counts.values()))

    @cached_property
    def _last(self) -> np.uint64:
        """The largest rank of a kept name."""
        return np.uint64(text_ranks(list(self.counts)).max())

    @cached_property
    def _of_hidden(self) -> tuple[Ranks, IntArray]:
        """The ranks of the names, and their cells."""
        return text_ranks(list(self.cell_of)), np.array(list(self.cell_of.values()), dtype=np.int64)

    def sums(self, column: CategoryProfile) -> tuple[FloatArray, float, float]:
        """Return the rows in each cell, the rows of unknown categories, and the rows in which those are detected.

        Examples
        --------
        >>> known = category_cells(CategoryProfile(10, 0, {"a": 8, "b": 2}))
        >>> [part if isinstance(part, float) else part.tolist() for part in known.sums(
        ...     CategoryProfile(5, 0, {"a": 3, "c": 2}))]
        [[3.0, 2.0], 2.0, 5.0]
        """
        if self.cell_of_bucket is not None:
            return self._by_bucket(column, self.cell_of_bucket)
        cells, unknown = np.zeros(self.cells), 0.0
        for name, count in column.counts.items():
            cell = self.cell_of.get(name)
            unknown += count if cell is None else 0
            cells[self.cells - 1 if cell is None else cell] += count
        if column.rest:
            unknown += self._hidden(column, cells)
        return cells, unknown, float(column.present)

    def _hidden(self, column: CategoryProfile, cells: FloatArray) -> float:
        """Count the rows of categories that the new profile did not keep by name; return those of unknown categories.

        Rows in the bucket of a known category count as rows of that category.
        """
        ranks, owners = self._of_hidden
        hidden = ranks > text_ranks(list(column.counts)).max()
        cell_of = dict(zip((ranks[hidden] % np.uint64(BUCKETS)).tolist(), owners[hidden].tolist(), strict=True))
        unknown = 0.0
        for bucket, count in column.rest.items():
            cells[cell_of.get(bucket, self.cells - 1)] += count
            unknown += 0 if bucket in cell_of else count
        return unknown

    def _by_bucket(self, column: CategoryProfile, cell_of_bucket: IntArray) -> tuple[FloatArray, float, float]:
        names, counts = list(column.counts), np.array(list(column.counts.values()), dtype=np.float64)
        ranks = text_ranks(names)
        cells = np.bincount(cell_of_bucket, _buckets(ranks, counts, column.rest), minlength=self.cells)
        comparable = ranks <= self._last
        fresh = np.array([name not in self.counts for name in names], dtype=bool)
        return cells.astype(np.float64), float(counts[comparable & fresh].sum()), float(counts[comparable].sum())

    def name_of(self, cell: int) -> str:
        """Return the category of a cell; one below a tenth of the rows is not named, because it may be a person.

        >>> known = category_cells(CategoryProfile(100, 0, {"a": 80, "b": 11, "c": 4, "d": 3, "e": 2}))
        >>> [known.name_of(cell) for cell in range(known.cells)]
        ["'a'", "'b'", 'one of its rarer values']
        """
        frequent = (name for name, cell_of_name in self.cell_of.items() if cell_of_name == cell)
        named = (name for name in frequent if self.counts[name] >= SMALLEST_CELL * self.named)
        return next((repr(name) for name in named), "one of its rarer values")


def category_cells(column: CategoryProfile) -> CategoryCells:
    """Return the cells of a column of the reference."""
    if column.rest:
        names, counts = list(column.counts), np.array(list(column.counts.values()), dtype=np.float64)
        rows = _buckets(text_ranks(names), counts, column.rest)
        order = np.argsort(-rows, kind="stable")
        cell = np.empty(BUCKETS, dtype=np.int64)
        cell[order] = _cells(rows[order])
        return CategoryCells(column.counts, int(cell.max()) + 1, {}, cell)
    names = sorted(column.counts, key=lambda name: (-column.counts[name], name))
    places = _cells(np.array([float(column.counts[name]) for name in names]))
    return CategoryCells(
        column.counts, int(places[-1]) + 1 if names else 1, dict(zip(names, places.tolist(), strict=True))
    )


def comparable_categories(before: CategoryProfile, now: CategoryProfile) -> tuple[CategoryProfile, CategoryProfile]:
    """Return both columns with only the categories that either would keep by name: a sample of the categories.

    These are all categories while neither column has more than a profile keeps.
    """
    full = [column for column in (before, now) if column.rest]
    if not full:
        return before, now
    last = min(text_ranks(list(column.counts)).max() for column in full)
    return _up_to(before, last), _up_to(now, last)


def most_rows(column: CategoryProfile, name: str) -> int:
    """Return the rows of a category or, where its name was not kept, those of its bucket."""
    if name in column.counts or not column.rest:
        return column.counts.get(name, 0)
    return column.rest.get(int(text_ranks([name])[0] % np.uint64(BUCKETS)), 0)


def _up_to(column: CategoryProfile, last: np.uint64) -> CategoryProfile:
    names = list(column.counts)
    counts = {names[at]: column.counts[names[at]] for at in np.flatnonzero(text_ranks(names) <= last)}
    return CategoryProfile(sum(counts.values()), 0, counts)


def _buckets(ranks: Ranks, counts: FloatArray, rest: Mapping[int, int]) -> FloatArray:
    """Return the rows in every bucket, with those of categories kept by name."""
    rows = np.bincount((ranks % np.uint64(BUCKETS)).astype(np.int64), counts, minlength=BUCKETS).astype(np.float64)
    for bucket, count in rest.items():
        rows[bucket] += count
    return rows


def _cells(rows: FloatArray) -> IntArray:
    """Return the cell of each entry, in descending order of rows: alone with a tenth of the rows, else shared."""
    cells, share, cell, total = np.zeros(len(rows), dtype=np.int64), 0.0, 0, max(float(rows.sum()), 1.0)
    for entry, count in enumerate(rows):
        if share >= SMALLEST_CELL:
            cell, share = cell + 1, 0.0
        cells[entry] = cell
        share += count / total
    return cells
