"""The tables of an ensemble: thresholds and sets of codes of each column once, and small indices into both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.arrays import BoolArray, FloatArray, IntArray
from tasks.compact.grown_tree import GrownTree, NodeOrder, node_order

BITS_OF_A_WORD = 32


@dataclass(frozen=True, slots=True)
class TreeTables:
    """The content of the sections of a compact file of trees; see `tasks.compact.compact_file`."""

    points: tuple[FloatArray, ...]
    sets: npt.NDArray[np.uint32]
    set_ends: IntArray
    leaf: FloatArray
    leaf_counts: IntArray
    column: IntArray
    missing_left: BoolArray
    split: IntArray
    left: IntArray


def tree_tables(trees: Sequence[GrownTree], codes: Sequence[FloatArray | None]) -> TreeTables:
    """Return the tables of trees on columns, of which the known codes are given for categories, and None for numbers.

    Examples
    --------
    Two trees split at 3 and at 1; the thresholds of the column are 1 and 3, so that they split at number 1 and 0.

    >>> left, right, column = np.array([1, -1, -1]), np.array([2, -1, -1]), np.zeros(3, dtype=int)
    >>> trees = [GrownTree(left, right, column, np.full(3, at), column > 0, np.ones((3, 1)), {}) for at in (3.0, 1.0)]
    >>> tables = tree_tables(trees, [None])
    >>> tables.points[0].tolist(), tables.split.tolist(), tables.left.tolist(), tables.leaf_counts.tolist()
    ([1.0, 3.0], [1, 0], [1, 1], [2, 2])
    """
    orders = [node_order(tree) for tree in trees]
    pairs = list(zip(trees, orders, strict=True))
    column = np.concatenate([tree.column[order.splits] for tree, order in pairs]).astype(np.int64)
    threshold = np.concatenate([tree.threshold[order.splits] for tree, order in pairs])
    split = np.zeros(len(column), dtype=np.int64)
    left_codes = _left_codes(pairs)
    points, sets, set_ends = [], [np.empty(0, dtype=np.uint32)], []
    for number, known in enumerate(codes):
        of_column = np.flatnonzero(column == number)
        if known is None:
            values, split[of_column] = np.unique(threshold[of_column], return_inverse=True)
        else:
            values = known
            distinct, split[of_column] = _distinct_sets([left_codes[node] for node in of_column.tolist()], len(known))
            sets.append(_packed(distinct))
        points.append(values)
        set_ends.append(sum(map(len, sets)))
    return TreeTables(
        points=tuple(points),
        sets=np.concatenate(sets),
        set_ends=np.array(set_ends, dtype=np.int64),
        leaf=np.concatenate([tree.leaves[order.leaves] for tree, order in pairs]),
        leaf_counts=np.array([len(order.leaves) for order in orders], dtype=np.int64),
        column=column,
        missing_left=np.concatenate([tree.missing_left[order.splits] for tree, order in pairs]),
        split=split,
        left=np.concatenate([order.left_leaves for order in orders]),
    )


def _left_codes(pairs: Sequence[tuple[GrownTree, NodeOrder]]) -> dict[int, BoolArray]:
    """Return which codes go left, by the number of the split in the ensemble."""
    found: dict[int, BoolArray] = {}
    first = 0
    for tree, order in pairs:
        if tree.left_codes:
            numbered = enumerate(order.splits.tolist(), first)
            found |= {number: tree.left_codes[node] for number, node in numbered if node in tree.left_codes}
        first += len(order.splits)
    return found


def _distinct_sets(sets: Sequence[BoolArray], size: int) -> tuple[BoolArray, IntArray]:
    if not sets:
        return np.empty((0, size), dtype=bool), np.empty(0, dtype=np.int64)
    distinct, places = np.unique(np.stack(sets), axis=0, return_inverse=True)
    return distinct, places.ravel()


def _packed(sets: BoolArray) -> npt.NDArray[np.uint32]:
    """Return the words of sets (n, codes): bit i % 32 of word i // 32 is code i.

    >>> _packed(np.array([[True, False, True]])).tolist()
    [5]
    """
    count, size = sets.shape
    words = -(-size // BITS_OF_A_WORD)
    bits = np.zeros((count, words * BITS_OF_A_WORD), dtype=bool)
    bits[:, :size] = sets
    return np.packbits(bits, axis=1, bitorder="little").view("<u4").ravel()
