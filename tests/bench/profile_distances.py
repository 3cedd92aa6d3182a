"""Textbook distances between two profiles of one column: what the benches compare the drift monitor with."""

from __future__ import annotations

import numpy as np

from tasks.arrays import BinArray, FloatArray, IntArray
from tasks.profiles import CategoryProfile, ColumnProfile, NumberProfile
from tasks.profiles.axis import bin_edges

GROUPS = 10


def psi(reference: ColumnProfile, new: ColumnProfile) -> float:
    """Return the population stability index over categories or reference deciles; an empty cell counts half a row."""
    before, now = _cells(reference, new)
    p, q = (np.maximum(side, 0.5) / np.maximum(side, 0.5).sum() for side in (before, now))
    return float(np.sum((q - p) * np.log(q / p)))


def jensen_shannon(reference: ColumnProfile, new: ColumnProfile) -> float:
    """Return the Jensen-Shannon distance over categories or reference deciles: root of the bits, 0 to 1."""
    p, q = (side / side.sum() for side in _cells(reference, new))
    middle = (p + q) / 2
    bits = sum(float(np.sum(s[s > 0] * np.log2(s[s > 0] / middle[s > 0]))) for s in (p, q)) / 2
    return float(np.sqrt(max(bits, 0.0)))


def wasserstein(reference: ColumnProfile, new: ColumnProfile) -> float:
    """Return the Wasserstein-1 distance of two number columns, in scales of the ruler."""
    bins, before, now = _bins(reference, new)
    low, high = bin_edges(bins)
    return float(np.abs(np.cumsum(now / now.sum() - before / before.sum())[:-1]) @ np.diff((low + high) / 2))


def kolmogorov_smirnov(reference: ColumnProfile, new: ColumnProfile) -> float:
    """Return the largest gap between the cumulative curves of two number columns, 0 to 1."""
    _, before, now = _bins(reference, new)
    return float(np.abs(np.cumsum(now / now.sum() - before / before.sum())).max())


def _bins(reference: ColumnProfile, new: ColumnProfile) -> tuple[BinArray, FloatArray, FloatArray]:
    """Return the occupied bins of two number columns, and the counts of both over them."""
    sides = [column for column in (reference, new) if isinstance(column, NumberProfile)]
    bins = np.unique(np.concatenate([side.bins for side in sides]))
    counts = np.zeros((2, len(bins)))
    for row, side in zip(counts, sides, strict=True):
        row[np.searchsorted(bins, side.bins)] = side.counts
    return bins, counts[0], counts[1]


def _cells(reference: ColumnProfile, new: ColumnProfile) -> tuple[FloatArray, FloatArray]:
    """Return the counts of both columns over the categories, or over ten groups that end in the reference's deciles."""
    if isinstance(reference, CategoryProfile) and isinstance(new, CategoryProfile):
        names = sorted({*reference.counts, *new.counts})
        before, now = (np.array([side.counts.get(name, 0.0) for name in names]) for side in (reference, new))
        return before, now
    bins, before, now = _bins(reference, new)
    uppers = _group_uppers(bins[before > 0], before[before > 0])
    group = np.searchsorted(uppers, bins)
    sums = np.array([np.bincount(group, side, minlength=len(uppers) + 1) for side in (before, now)])
    occupied = sums.sum(axis=0) > 0
    return sums[0, occupied], sums[1, occupied]


def _group_uppers(bins: BinArray, counts: FloatArray) -> IntArray:
    """Return the highest bin of each group but the last; the outer groups are open, as those of a scorecard are."""
    cumulated = np.cumsum(counts)
    deciles = bins[np.searchsorted(cumulated, cumulated[-1] * np.arange(1, GROUPS) / GROUPS)].astype(np.int64)
    lowest = int(bins[0])
    return np.unique([lowest - 1, *deciles] if deciles[0] == lowest else deciles)
