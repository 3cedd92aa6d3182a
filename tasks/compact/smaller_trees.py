"""Smaller forms of a compact file of trees: fewer trees, narrower leaves, and how far their sums may be from its own.

The bounds hold for every row, because they follow from the tables alone: a row has one leaf of each tree. A form of
narrower leaves is a compact file as well, of doubles that need fewer bytes.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tasks.arrays import BoolArray, FloatArray
from tasks.compact.compact_file import (
    FINISHES,
    HEADER,
    HEADER_BYTES,
    MISSING_LEFT,
    Finish,
    has_single_sums,
    tables_file,
)
from tasks.compact.tree_tables import BITS_OF_A_WORD, TreeTables

LeafKind = Literal["f8", "f4", "i2"]
MOST_I2 = 2**15 - 1
UNIT, SINGLE_UNIT = 2.0**-53, 2.0**-24
"""The largest relative error of one rounding to a double, and to a float of 4 bytes."""


@dataclass(frozen=True, slots=True)
class OpenedTrees:
    """The tables of a compact file of trees; `is_category` and `start` are of each column and each output.

    The sums of a single one are floats of 4 bytes.
    """

    tables: TreeTables
    is_category: BoolArray
    start: FloatArray
    finish: Finish
    is_single: bool = False

    @property
    def file(self) -> bytes:
        """The compact file."""
        return tables_file(self.tables, self.is_category, self.start, self.finish, is_single=self.is_single)

    @property
    def largest_leaves(self) -> FloatArray:
        """The largest absolute value of the leaves of each tree: shape (trees, width)."""
        return _of_trees(np.abs(self.tables.leaf), self.tables)


def opened_trees(content: bytes) -> OpenedTrees:
    """Return the tables of a compact file of trees, which is trusted."""
    _, _, _, finish, split_width, left_width, *counts = struct.unpack_from(HEADER, content)
    columns, outputs, trees, splits, leaves, width, points, words = counts
    at = HEADER_BYTES

    def section(kind: str, count: int) -> npt.NDArray[Any]:
        nonlocal at
        found = np.frombuffer(content, kind, count, at)
        at += -(-found.nbytes // 8) * 8
        return found

    start, point, leaf = (section("<f8", count).astype(np.float64) for count in (outputs, points, leaves * width))
    point_ends, set_ends, leaf_counts = (section("<u4", count).astype(np.int64) for count in (columns, columns, trees))
    sets, flagged = section("<u4", words).astype(np.uint32), section("<u2", splits).astype(np.int64)
    split = section(f"<u{split_width}", splits).astype(np.int64)
    left = section(f"<u{left_width}", splits).astype(np.int64)
    tables = TreeTables(
        points=tuple(np.split(point, point_ends[:-1])),
        sets=sets,
        set_ends=set_ends,
        leaf=leaf.reshape(leaves, width),
        leaf_counts=leaf_counts,
        column=flagged % MISSING_LEFT,
        missing_left=flagged >= MISSING_LEFT,
        split=split,
        left=left,
    )
    is_category = section("<u1", columns) > 0
    return OpenedTrees(tables, is_category, start, FINISHES[finish], has_single_sums(content))


def first_trees(model: OpenedTrees, count: int) -> OpenedTrees:
    """Return a model of the first trees, with the thresholds and sets that these use.

    Parameters
    ----------
    count : int
        Of several outputs, a multiple of their number, so that each has as many.
    """
    tables = model.tables
    leaves = int(tables.leaf_counts[:count].sum())
    splits = leaves - count
    column, split = tables.column[:splits], tables.split[:splits].copy()
    points, sets, set_ends = list(tables.points), list[npt.NDArray[np.uint32]](), list[int]()
    for number, values in enumerate(tables.points):
        own = column == number
        used, split[own] = np.unique(split[own], return_inverse=True)
        if model.is_category[number]:
            words = -(-len(values) // BITS_OF_A_WORD)
            first = int(tables.set_ends[number - 1]) if number else 0
            of_column = tables.sets[first : int(tables.set_ends[number])].reshape(-1, max(words, 1))
            sets.append(of_column[used].ravel())
        else:
            points[number] = values[used]
        set_ends.append(sum(map(len, sets)))
    kept = TreeTables(
        points=tuple(points),
        sets=np.concatenate([np.empty(0, np.uint32), *sets]),
        set_ends=np.array(set_ends, dtype=np.int64),
        leaf=tables.leaf[:leaves],
        leaf_counts=tables.leaf_counts[:count],
        column=column,
        missing_left=tables.missing_left[:splits],
        split=split,
        left=tables.left[:splits],
    )
    return replace(model, tables=kept)


def with_leaves(model: OpenedTrees, kind: LeafKind) -> OpenedTrees:
    """Return a model with the nearest leaves of a kind: floats of 8 or 4 bytes, or whole numbers of `leaf_step`."""
    leaf = model.tables.leaf
    if kind == "f4":
        leaf = leaf.astype(np.float32).astype(np.float64)
    elif kind == "i2":
        step = leaf_step(leaf)
        leaf = np.round(leaf / step) * step
    return replace(model, tables=replace(model.tables, leaf=leaf))


def leaf_step(leaf: FloatArray) -> float:
    """Return the smallest power of two of which 32,767 reach the largest leaf: multiples of it are exact doubles.

    Examples
    --------
    2^-5 x 32,767 = 1023.97, just too little for 1,024.

    >>> leaf_step(np.array([[1000.0], [-3.0]])), leaf_step(np.array([[1024.0]])), leaf_step(np.zeros((1, 1)))
    (0.03125, 0.0625, 1.0)
    """
    largest = float(np.abs(leaf).max())
    if largest == 0:
        return 1.0
    step = 2.0 ** math.ceil(math.log2(largest / MOST_I2))
    return step if largest <= MOST_I2 * step else 2 * step


def sum_bound(model: OpenedTrees, smaller: OpenedTrees) -> float:
    """Return how far the sums of a smaller form, of the same or the first trees, may be from those of a model.

    It is the sum, over trees, of the largest change of a leaf, and of the largest leaf where a tree is left out. Both
    additions may be rounded too: of n numbers, by at most n units of the sum of their sizes (Higham, Accuracy and
    Stability of Numerical Algorithms, 4.2). Infinite where a mean of fewer trees is taken.

    Examples
    --------
    A leaf of 0.1, as a float of 4 bytes, is 1.5e-9 more.

    >>> from tasks.compact.compact_file import trees_file
    >>> from tasks.compact.grown_tree import GrownTree
    >>> none = np.array([-1])
    >>> tree = GrownTree(none, none, none, np.zeros(1), none > 0, np.array([[0.1]]), {})
    >>> model = opened_trees(trees_file([tree], [None], np.array([0.0]), "none"))
    >>> round(sum_bound(model, with_leaves(model, "f4")) * 1e9, 3), sum_bound(model, model) < 1e-16
    (1.49, True)
    """
    trees, kept = len(model.tables.leaf_counts), len(smaller.tables.leaf_counts)
    if model.finish == "mean" and kept < trees:
        return math.inf
    leaves = len(smaller.tables.leaf)
    changes = model.largest_leaves.copy()
    changes[:kept] = _of_trees(np.abs(smaller.tables.leaf - model.tables.leaf[:leaves]), smaller.tables)
    sizes = np.abs(model.start) + _of_outputs(model.largest_leaves, len(model.start))
    unit = SINGLE_UNIT if model.is_single else UNIT
    rounded = 2 * (trees + 2) * unit * 1.01 * (sizes + _of_outputs(changes, len(model.start)))
    bound = float((_of_outputs(changes, len(model.start)) + rounded).max())
    return bound / trees if model.finish == "mean" else bound


def _of_trees(leaf: FloatArray, tables: TreeTables) -> FloatArray:
    first = np.concatenate([[0], np.cumsum(tables.leaf_counts)[:-1]])
    return np.asarray(np.maximum.reduceat(leaf, first, axis=0), dtype=np.float64)


def _of_outputs(of_trees: FloatArray, outputs: int) -> FloatArray:
    """Return the sums over the trees of each output: shape (outputs,)."""
    if of_trees.shape[1] > 1:
        return np.asarray(of_trees.sum(axis=0), dtype=np.float64)
    return np.array([of_trees[output::outputs].sum() for output in range(outputs)])
