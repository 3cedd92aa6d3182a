"""A histogram that grows: few rows are stored as sorted bins, many in an array of all bins."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from tasks.arrays import BinArray, IndexArray, IntArray
from tasks.profiles.axis import ALL_BINS, ZERO_BIN

Occupied: TypeAlias = tuple[IndexArray, IntArray]

NEGATIVE = 0x8000  # the first bit is the sign: negative values follow, in descending order
SMALL_ROWS = 1 << 12  # sorting fewer rows is cheaper than scanning an array of all bins


class Histogram:
    """Counts by the upper 16 bits of z."""

    def __init__(self) -> None:
        self._small: Occupied | None = None
        self._all: IntArray | None = None

    def add(self, bins: IndexArray) -> IntArray:
        """Add rows; return their counts by bin, up to the last occupied one, or an empty array for few rows."""
        if bins.size <= SMALL_ROWS and self._small is None and self._all is None:
            self._small = np.unique(bins, return_counts=True)
            return np.empty(0, dtype=np.int64)
        counts = np.bincount(bins)
        self._everything()[: len(counts)] += counts
        return counts

    def ordered(self) -> tuple[BinArray, IntArray]:
        """Return the occupied bins in the order of their values, and their counts."""
        bins, counts = occupied_bins(self._everything()) if self._small is None else self._small
        first = int(np.searchsorted(bins, NEGATIVE))
        below, above = bins[first:][::-1], bins[:first]
        numbered = np.concatenate([ALL_BINS - 1 - below, above + ZERO_BIN])
        return numbered.astype(np.uint16), np.concatenate([counts[first:][::-1], counts[:first]])

    def _everything(self) -> IntArray:
        if self._all is None:
            self._all = np.zeros(ALL_BINS, dtype=np.int64)
        if self._small is not None:
            self._all[self._small[0]] += self._small[1]
            self._small = None
        return self._all


def occupied_bins(counts: IntArray) -> Occupied:
    """Return the bins with counts above 0, and those counts."""
    bins = np.flatnonzero(counts != 0)  # searching booleans is ten times as fast as searching integers
    return bins, counts[bins]
