"""Whether new rows resemble the rows before a fault or those with it: the Bayes factor of two sets of counts.

Both sets are described by the same cells. The probability of the new counts after a set of counts is Dirichlet
multinomial, with Jeffreys' prior of one half for each cell (Jeffreys, Theory of Probability, 1961); its logarithm for
the one set minus that for the other says which of them the new rows continue.
"""

from __future__ import annotations

import math

import numpy as np

from tasks.arrays import FloatArray
from tasks.drift.faults.rare_values import JEFFREYS
from tasks.profiles import CategoryProfile, ColumnProfile, NumberProfile

CELLS = 16
DECISIVE = math.log(100)  # Jeffreys' grade "decisive" begins at a hundred to one


def is_back(good: ColumnProfile, bad: ColumnProfile, now: ColumnProfile) -> bool:
    """Return whether the new rows of a column decisively continue the rows before a fault, not those with it.

    Examples
    --------
    Half of the rows had no value since the fault began, none before it:

    >>> good, bad = CategoryProfile(100, 0, {"a": 60, "b": 40}), CategoryProfile(100, 50, {"a": 30, "b": 20})
    >>> is_back(good, bad, CategoryProfile(20, 0, {"a": 11, "b": 9}))
    True
    >>> is_back(good, bad, CategoryProfile(20, 9, {"a": 7, "b": 4}))
    False
    >>> is_back(good, bad, CategoryProfile(2, 0, {"a": 2}))  # too few to tell
    False
    """
    counts = _counts(good, bad, now)
    return log_bayes_factor(counts[0], counts[1], counts[2]) > DECISIVE


def log_bayes_factor(first: FloatArray, second: FloatArray, now: FloatArray) -> float:
    """Return how much more probable new counts are after the first counts than after the second, as a logarithm.

    Examples
    --------
    After (9.5, .5) of ten and (.5, 9.5) of ten, one more in the first cell has the probabilities .95 and .05:

    >>> counts = (np.array([9.0, 0.0]), np.array([0.0, 9.0]), np.array([1.0, 0.0]))
    >>> round(math.exp(log_bayes_factor(*counts)), 6)
    19.0
    """
    return _log_probability(now, first) - _log_probability(now, second)


def _log_probability(now: FloatArray, known: FloatArray) -> float:
    """Return the logarithm of the probability of counts, without the part that depends on these counts alone."""
    from scipy.special import gammaln

    prior = known + JEFFREYS
    each = gammaln(now + prior) - gammaln(prior)
    return float(each.sum() + gammaln(prior.sum()) - gammaln(prior.sum() + now.sum()))


def _counts(*columns: ColumnProfile) -> list[FloatArray]:
    """Return the counts of columns of one kind in common cells, the last of them for rows without a value."""
    nulls = [float(column.rows - column.present) for column in columns]
    numbers = [column for column in columns if isinstance(column, NumberProfile)]
    categories = [column for column in columns if isinstance(column, CategoryProfile)]
    values = _in_bins(numbers) if numbers else _by_name(categories)
    return [np.append(counts, empty) for counts, empty in zip(values, nulls, strict=True)]


def _in_bins(columns: list[NumberProfile]) -> list[FloatArray]:
    """Return counts in cells with equal shares of the first two columns, each of which counts as much as the other."""
    bins = np.unique(np.concatenate([column.bins for column in columns[:2]]))
    share = np.zeros(len(bins))
    for column in columns[:2]:
        share[np.searchsorted(bins, column.bins)] += column.counts / max(column.present, 1) / 2
    cell = np.minimum((np.cumsum(share) - share / 2) * CELLS, CELLS - 1).astype(np.int64)
    return [_in_cells(column, bins, cell) for column in columns]


def _in_cells(column: NumberProfile, bins: np.ndarray, cell: np.ndarray) -> FloatArray:
    if not len(bins):
        return np.zeros(CELLS)
    places = np.minimum(np.searchsorted(bins, column.bins), len(bins) - 1)
    return np.bincount(cell[places], column.counts, minlength=CELLS).astype(np.float64)


def _by_name(columns: list[CategoryProfile]) -> list[FloatArray]:
    """Return the counts of the categories of the first two columns, with one cell for all others."""
    names = sorted({name for column in columns[:2] for name in column.counts})
    kept = [np.array([column.counts.get(name, 0) for name in names], dtype=np.float64) for column in columns]
    return [np.append(counts, column.present - counts.sum()) for counts, column in zip(kept, columns, strict=True)]
