"""Rank tables: ranks of the values of number columns among those of the reference, for all columns at once.

The occupied bins of all columns of the reference are in one sorted array, each column in its own span, so that a single
search ranks the values of all columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.profiles import ColumnProfile, NumberProfile
from tasks.profiles.axis import bin_edges

GROUPS = 10
FEWEST_FAR = 2
LIGHTEST_TAIL = 0.02  # a column that ends abruptly is assumed to have a tail all the same, a steep one
SPAN = 1 << 17  # bins have 16 bits; the position after the last bin of a column marks its end


@dataclass(frozen=True, slots=True, eq=False)
class NumberTable:
    """The bins of all number columns of the reference, one column after the other, each with an end marker."""

    keys: IntArray
    middle: FloatArray
    below: FloatArray
    cell: IntArray
    first: IntArray
    last: IntArray
    cells: int
    owners: IntArray
    edges: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """Rows beyond the reference's range, by number column; see `Means`."""

    below: FloatArray
    above: FloatArray
    excess: FloatArray
    far: FloatArray
    far_ratio: FloatArray


def number_sums(table: NumberTable, columns: list[ColumnProfile]) -> tuple[FloatArray, FloatArray, Outside]:
    """Return the sums of u, the rows in each cell, and the rows outside the range."""
    size = len(columns)
    profiles = [profile for profile in columns if isinstance(profile, NumberProfile)]
    if not profiles:
        none, pair = np.zeros(0), np.zeros((2, 0))
        return none, none, Outside(none, none, none, pair, pair)
    owner = np.repeat(np.arange(size), [len(profile.bins) for profile in profiles])
    bins = np.concatenate([profile.bins for profile in profiles])
    counts = np.concatenate([profile.counts for profile in profiles]).astype(np.float64)
    keys = bins.astype(np.int64) + owner * SPAN
    at = np.searchsorted(table.keys, keys)
    occupied = table.keys[at] == keys
    u = np.where(occupied, table.middle[at], table.below[at])
    low, high = (at == table.first[owner]) & ~occupied, at == table.last[owner]
    return (
        np.bincount(owner, counts * u, minlength=size).astype(np.float64),
        np.bincount(table.cell[at], counts, minlength=table.cells).astype(np.float64),
        _outside(table, (owner, bins, counts), (low, high), profiles),
    )


def _outside(
    table: NumberTable,
    values: tuple[IntArray, IntArray, FloatArray],
    sides: tuple[np.ndarray, np.ndarray],
    profiles: list[NumberProfile],
) -> Outside:
    owner, bins, counts = values
    size = len(profiles)
    rows = np.stack([np.bincount(owner[side], counts[side], minlength=size) for side in sides])
    excess, far, ratio = np.zeros(size), np.zeros((2, size)), np.ones((2, size))
    beyond = [np.flatnonzero(side) for side in sides]
    starts = [np.searchsorted(owner[each], np.arange(size + 1)).tolist() for each in beyond]
    z_of, weights_of = [_middles(bins[each]) for each in beyond], [counts[each] for each in beyond]
    for side, column in zip(*(each.tolist() for each in np.nonzero(rows)), strict=True):
        if table.first[column] == table.last[column]:
            continue
        rows_beyond = slice(starts[side][column], starts[side][column + 1])
        edge, z, weights = float(table.edges[side, column]), z_of[side][rows_beyond], weights_of[side][rows_beyond]
        excess[column] += float(np.abs(z - edge) @ weights) / max(profiles[column].present, 1)
        far[side, column], ratio[side, column] = _far(np.abs(z), weights, abs(edge))
    return Outside(rows[0], rows[1], excess, far, ratio)


def _far(distances: FloatArray, weights: FloatArray, edge: float) -> tuple[float, float]:
    """Return the rows of the farther half, and their smallest distance as a multiple of that of the edge."""
    order = np.argsort(-distances)
    upto = np.cumsum(weights[order])
    half = float(np.ceil(upto[-1] / 2))
    if half < FEWEST_FAR or edge <= 0:
        return 0.0, 1.0
    nearest = float(distances[order[int(np.searchsorted(upto, half))]])
    return half, max(nearest / edge, 1.0)


def tails(columns: list[ColumnProfile]) -> FloatArray:
    """Return how fast each column's lower and upper tail fall at least.

    Hill's estimate (Annals of Statistics 3, 1975) from as many rows as the root of all, less its error, one in twenty.
    """
    exponents = np.full((2, len(columns)), 1.0)
    for position, column in enumerate(columns):
        if not isinstance(column, NumberProfile) or column.present < FEWEST_FAR:
            continue
        z = _middles(column.bins)
        for side, ordered in ((0, slice(None)), (1, slice(None, None, -1))):
            distances, counts = np.abs(z[ordered]), column.counts[ordered]
            top = int(np.sqrt(column.present)) + 1
            taken = np.diff(np.minimum(np.cumsum(counts), top), prepend=0)
            edge = distances[int(np.searchsorted(np.cumsum(counts), top))]
            if edge <= 0:
                continue
            index = float(taken @ np.log(np.maximum(distances, edge) / edge)) / top
            exponents[side, position] = 1 / max(index * (1 + 1.645 / np.sqrt(top)), LIGHTEST_TAIL)
    return exponents


def _middles(bins: np.ndarray) -> FloatArray:
    low, high = bin_edges(bins)
    return (low + high) / 2


def number_table(columns: list[ColumnProfile]) -> NumberTable:
    """Build the rank table of the number columns of a reference."""
    keys, middle, below, cell, first, last, owners, edges = [], [], [], [], [], [], [], []
    start = cells = 0
    for position, column in enumerate(columns):
        if not isinstance(column, NumberProfile):
            continue
        share = column.counts / max(column.present, 1)
        upto = np.cumsum(share)
        groups = _groups(upto)
        count = int(groups[-1]) + 1 if len(groups) else 1
        keys.append(np.append(column.bins.astype(np.int64), SPAN - 1) + position * SPAN)
        middle.append(np.append(upto - share / 2, 1.0))
        below.append(np.append(upto - share, 1.0))
        cell.append(np.append(groups, count - 1) + cells)
        first.append(start)
        last.append(start + len(column.bins))
        owners += [position] * count
        edges.append(_middles(column.bins[[0, -1]]) if len(column.bins) else np.zeros(2))
        start, cells = start + len(column.bins) + 1, cells + count
    joined = [np.concatenate(arrays) if arrays else np.zeros(0) for arrays in (keys, middle, below, cell)]
    whole = [np.array(arrays, dtype=np.int64) for arrays in (first, last, owners)]
    return NumberTable(
        joined[0].astype(np.int64), joined[1], joined[2], joined[3].astype(np.int64), whole[0], whole[1], cells,
        whole[2], np.array(edges).reshape(-1, 2).T,
    )  # fmt: skip


def _groups(upto: FloatArray) -> IntArray:
    """Return the group of each bin: ten groups of equal share, fewer where many values are equal."""
    if not len(upto):
        return np.zeros(0, dtype=np.int64)
    wanted = upto[-1] * np.arange(1, GROUPS) / GROUPS
    uppers = np.unique(np.append(np.searchsorted(upto, wanted - 1e-12), len(upto) - 1))
    return np.searchsorted(uppers, np.arange(len(upto)))
