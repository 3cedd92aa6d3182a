"""Places: where the values of number columns lie among the reference's, all columns at once.

The occupied bins of every column of the reference stand in one sorted array, each column in a span of its own, so that
a night's values of all columns are placed by a single search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.profiles import ColumnProfile, NumberProfile
from tasks.profiles.axis import bin_edges

GROUPS = 10
FEWEST_FAR = 2
LIGHTEST_TAIL = 0.02  # a column that ends abruptly is still taken to fall off, if steeply
SPAN = 1 << 17  # bins are 16 bits; the place after a column's last bin is its own end


@dataclass(frozen=True, slots=True, eq=False)
class NumberTable:
    """The reference's values of all number columns, one after another, each column closed by an end of its own."""

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
    """Return sums of u, rows in each cell, and what lies outside the range."""
    size = len(columns)
    profiles = [each for each in columns if isinstance(each, NumberProfile)]
    if not profiles:
        none, pair = np.zeros(0), np.zeros((2, 0))
        return none, none, Outside(none, none, none, pair, pair)
    owner = np.repeat(np.arange(size), [len(each.bins) for each in profiles])
    bins = np.concatenate([each.bins for each in profiles])
    counts = np.concatenate([each.counts for each in profiles]).astype(np.float64)
    keys = bins.astype(np.int64) + owner * SPAN
    at = np.searchsorted(table.keys, keys)
    met = table.keys[at] == keys
    u = np.where(met, table.middle[at], table.below[at])
    low, high = (at == table.first[owner]) & ~met, at == table.last[owner]
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
        mine = slice(starts[side][column], starts[side][column + 1])
        edge, z, weights = float(table.edges[side, column]), z_of[side][mine], weights_of[side][mine]
        excess[column] += float(np.abs(z - edge) @ weights) / max(profiles[column].present, 1)
        far[side, column], ratio[side, column] = _far(np.abs(z), weights, abs(edge))
    return Outside(rows[0], rows[1], excess, far, ratio)


def _far(distances: FloatArray, weights: FloatArray, edge: float) -> tuple[float, float]:
    """Return how many rows are the farther half, and how many times as far as the edge they all lie."""
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
    found = np.full((2, len(columns)), 1.0)
    for place, column in enumerate(columns):
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
            found[side, place] = 1 / max(index * (1 + 1.645 / np.sqrt(top)), LIGHTEST_TAIL)
    return found


def _middles(bins: np.ndarray) -> FloatArray:
    low, high = bin_edges(bins)
    return (low + high) / 2


def number_table(columns: list[ColumnProfile]) -> NumberTable:
    """Return the places of a reference's number columns."""
    keys, middle, below, cell, first, last, owners, edges = [], [], [], [], [], [], [], []
    start = cells = 0
    for place, column in enumerate(columns):
        if not isinstance(column, NumberProfile):
            continue
        share = column.counts / max(column.present, 1)
        upto = np.cumsum(share)
        groups = _groups(upto)
        count = int(groups[-1]) + 1 if len(groups) else 1
        keys.append(np.append(column.bins.astype(np.int64), SPAN - 1) + place * SPAN)
        middle.append(np.append(upto - share / 2, 1.0))
        below.append(np.append(upto - share, 1.0))
        cell.append(np.append(groups, count - 1) + cells)
        first.append(start)
        last.append(start + len(column.bins))
        owners += [place] * count
        edges.append(_middles(column.bins[[0, -1]]) if len(column.bins) else np.zeros(2))
        start, cells = start + len(column.bins) + 1, cells + count
    joined = [np.concatenate(each) if each else np.zeros(0) for each in (keys, middle, below, cell)]
    whole = [np.array(each, dtype=np.int64) for each in (first, last, owners)]
    return NumberTable(
        joined[0].astype(np.int64), joined[1], joined[2], joined[3].astype(np.int64), whole[0], whole[1], cells,
        whole[2], np.array(edges).reshape(-1, 2).T,
    )  # fmt: skip


def _groups(upto: FloatArray) -> IntArray:
    """Return the group of each bin: ten of equal share, fewer where many values are equal."""
    if not len(upto):
        return np.zeros(0, dtype=np.int64)
    wanted = upto[-1] * np.arange(1, GROUPS) / GROUPS
    uppers = np.unique(np.append(np.searchsorted(upto, wanted - 1e-12), len(upto) - 1))
    return np.searchsorted(uppers, np.arange(len(upto)))
