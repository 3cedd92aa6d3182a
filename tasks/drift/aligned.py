"""Two profiles of one column laid side by side: counts over the same bins or the same categories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.errors import DataError
from tasks.profiles import CategoryProfile, ColumnProfile, NumberProfile, categories_side_by_side
from tasks.profiles.axis import Bins, Counts, Floats, side_by_side

GROUPS = 10


@dataclass(frozen=True, slots=True)
class Aligned:
    """Counts of the reference and of the new rows, cell by cell."""

    reference: Counts
    new: Counts

    @property
    def comparable(self) -> bool:
        """Whether both sides have rows with a value."""
        return bool(self.reference.sum() and self.new.sum())

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """Share of each cell, on either side; they sum to 1."""
        return self.reference / self.reference.sum(), self.new / self.new.sum()

    @property
    def smoothed_shares(self) -> tuple[Floats, Floats]:
        """Shares of the cells met on either side; one empty on a side counts as half a row there."""
        met = (self.reference + self.new) > 0
        reference, new = (np.maximum(counts[met], 0.5) for counts in (self.reference, self.new))
        return reference / reference.sum(), new / new.sum()


def numbers_aligned(reference: ColumnProfile, new: ColumnProfile, distance: str) -> tuple[Bins, Aligned]:
    """Return the occupied bins of two number profiles, and both counts over them.

    Raises
    ------
    DataError
        One of them is no number column, or their bins lie elsewhere.
    """
    if not (isinstance(reference, NumberProfile) and isinstance(new, NumberProfile)):
        raise DataError(f"{distance} was asked of a category column; it measures numbers. Use 'total_variation'")
    if reference.axis != new.axis:
        raise DataError(f"the bins differ: {reference.axis} and {new.axis}; profile both with one ruler")
    bins, before, now = side_by_side((reference.bins, new.bins), (reference.counts, new.counts))
    return bins, Aligned(before, now)


def categories_aligned(reference: ColumnProfile, new: ColumnProfile, distance: str) -> Aligned:
    """Return the counts of two category profiles over every category that either has, in order of name.

    Raises
    ------
    DataError
        One of them is a number column.
    """
    if not (isinstance(reference, CategoryProfile) and isinstance(new, CategoryProfile)):
        raise DataError(f"{distance} was asked of a number column; it measures categories. Use 'wasserstein'")
    _, before, now = categories_side_by_side(reference, new)
    return Aligned(before, now)


def groups_aligned(reference: ColumnProfile, new: ColumnProfile, distance: str) -> Aligned:
    """Return counts over few cells: the categories, or ten groups between the reference's deciles.

    The outer groups are open, as those of a scorecard are (Siddiqi, Credit Risk Scorecards, 2006): what lies beyond the
    reference's range is in them. Deciles that coincide (many equal values) make fewer groups; where a tenth of the
    rows has the lowest or the highest value, it is a group of its own and what lies beyond it another.

    A group ends with the bin its decile lies in, on either side the same, so the counts are those of the rows
    themselves, cut there. (A group beyond the exact maximum would not be: whether a row is above it or only in its bin
    would decide between half a row and many.)
    """
    if isinstance(reference, CategoryProfile):
        return categories_aligned(reference, new, distance)
    bins, aligned = numbers_aligned(reference, new, distance)
    if not (aligned.comparable and isinstance(reference, NumberProfile)):
        return aligned
    uppers = group_uppers(reference)
    group = np.searchsorted(uppers, bins)
    return Aligned(*(_summed(group, counts, len(uppers) + 1) for counts in (aligned.reference, aligned.new)))


def group_uppers(reference: NumberProfile) -> Counts:
    """Return the highest bin of each group but the last, ascending: those the reference's deciles lie in.

    Examples
    --------
    Each of ten values fills a bin of its own and a tenth of the rows; the lowest is a group of its own, so that there
    is one below it.

    >>> from tasks.profiles import Axis
    >>> bins = np.arange(100, 110, dtype=np.uint16)
    >>> rest = {"minimum": 0.0, "maximum": 1.0, "total": 0, "total_squares": 0}
    >>> group_uppers(NumberProfile(Axis(), 10, 0, 0, 0, bins, np.ones(10, dtype=np.int64), **rest)).tolist()
    [99, 100, 101, 102, 103, 104, 105, 106, 107, 108]
    """
    cumulated = np.cumsum(reference.counts)
    wanted = cumulated[-1] * np.arange(1, GROUPS) / GROUPS
    deciles = reference.bins[np.searchsorted(cumulated, wanted)].astype(np.int64)
    lowest = int(reference.bins[0])
    return np.unique([lowest - 1, *deciles] if deciles[0] == lowest else deciles)


def _summed(group: np.ndarray, counts: Counts, cells: int) -> Counts:
    sums = np.zeros(cells, dtype=np.int64)
    np.add.at(sums, group, counts)
    return sums
