"""The file of a compact model: the trees of an ensemble, or the weights of a linear model, as tables of numbers.

All numbers are little-endian. A header of 64 bytes is followed by sections; each begins at a multiple of 8 bytes, after
zeros, and the file ends after the last one. PROTOCOL is the number of the format. To change the format: raise it, let
the evaluator read every older number, and keep a frozen file of the old format under tests/unit/compact/frozen. A file
has the smallest number that can say what it says, for the sake of older evaluators: 2 only where sums are rounded.

=======  =====  =======================================================================================
byte     type   header
=======  =====  =======================================================================================
0        8      "LEEWAYCF"
8        u32    PROTOCOL
12       u8     kind: 1 trees, 2 linear
13       u8     finish: 0 none, 1 the sum is divided by the number of trees, 2 the caller takes exp of the sum
14, 15   u8     bytes of a number in the sections `split` and `left` (1, 2 or 4)
16, 20   u32    columns (1 to 32767), outputs (1 to 4096)
24       u32    trees
28, 32   u32    splits, leaves: a tree has one leaf more than splits
36       u32    values of a leaf: 1, or as many as outputs
40       u32    points: thresholds of number columns and known codes of category columns
44       u32    words of all sets
48       u8     1: after each tree the sum is rounded to a float of 4 bytes, as XGBoost has it; 0: it is a double
49       15     zeros
=======  =====  =======================================================================================

Sections of a linear model: `start` f64[outputs], added last; `weights` f64[outputs][columns]. The score of an output is
the sum of value x weight, from the first column to the last.

Sections of trees:

==========  =====  ====================================================================================
section     type   content
==========  =====  ====================================================================================
start       f64    the first summand of each output
points      f64    column by column, ascending: its thresholds (the last may be infinite) or its codes
leaf        f64    the values of each leaf, tree by tree, from left to right
point_end   u32    of each column, the end of its points
set_end     u32    of each column, the end of its sets, in words
leaf_count  u32    leaves of each tree
set         u32    sets of codes that go left: bit i % 32 of word i // 32 is the column's i-th code
column      u16    of each split: its column; 0x8000 is added where missing values and unknown codes go left
split       u8...  of each split: its threshold among those of the column, or its set among those of the column
left        u8...  of each split: the leaves of its left branch
kind        u8     of each column: 0 numbers, 1 categories
==========  =====  ====================================================================================

The splits of a tree are in preorder, and a split with `left` leaves on its left is followed by `left` - 1 splits of
that branch. So a tree is walked with three numbers: a split, the first leaf below it and the number of leaves below it.
To go left, go to the next split: `left` leaves remain. To go right, go `left` splits and `left` leaves on: the others
remain. Where one remains, it is the leaf of the row. A row goes left where its value is not above the threshold, or its
code is in the set. A leaf with one value counts towards output (number of its tree) % outputs.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tasks.arrays import BoolArray, FloatArray
from tasks.compact.grown_tree import GrownTree
from tasks.compact.tree_tables import TreeTables, tree_tables

COMPACT_FILE = "model.compact"
PROTOCOL, UNROUNDED_PROTOCOL = 2, 1
MAGIC = b"LEEWAYCF"
HEADER, HEADER_BYTES = "<8sIBBBB8I", 64
Finish = Literal["none", "mean", "exp"]
FINISHES: tuple[Finish, ...] = ("none", "mean", "exp")
TREES, LINEAR = 1, 2
MEAN = FINISHES.index("mean")
MISSING_LEFT = 0x8000
KIND_AT, FINISH_AT, ROUNDED_AT = 12, 13, 48
WIDTHS = (("<u1", 0xFF), ("<u2", 0xFFFF), ("<u4", 0xFFFF_FFFF))
NO_TABLES = (0, 0, 0, 0, 0, 0)


def linear_file(weights: FloatArray, start: FloatArray, finish: Finish) -> bytes:
    """Return the file of a linear model.

    Parameters
    ----------
    weights : array, shape (outputs, columns)
    start : array, shape (outputs,)
        The intercepts.
    finish : {"none", "exp"}
        What follows the sum.

    Examples
    --------
    A header of 64 bytes, one intercept and two weights of 8 bytes.

    >>> len(linear_file(np.array([[2.0, 3.0]]), np.array([1.0]), "none"))
    88
    """
    outputs, columns = weights.shape
    header = _header(LINEAR, finish, (0, 0), (columns, outputs, *NO_TABLES))
    return b"".join([header, _section(start, "<f8"), _section(weights, "<f8")])


def trees_file(
    trees: Sequence[GrownTree],
    codes: Sequence[FloatArray | None],
    start: FloatArray,
    finish: Finish,
    *,
    is_single: bool = False,
) -> bytes:
    """Return the file of an ensemble of trees.

    Parameters
    ----------
    trees : sequence of GrownTree
        At least one. A tree with one value in a leaf counts towards output (its number) % outputs.
    codes : sequence of (array or None)
        Of each column, the known codes of a category column, ascending; None for numbers.
    start : array, shape (outputs,)
        The first summand of each output.
    finish : {"none", "mean", "exp"}
        What follows the sum.
    is_single : bool
        Whether the sum is rounded to a float of 4 bytes after each tree.

    Examples
    --------
    A tree of one leaf. Header, 64 bytes; start and leaf, 8 each; no points, sets and splits; the ends of one column and
    the leaves of one tree, 4 bytes and padded to 8 each; the kind of one column, padded to 8.

    >>> none = np.array([-1])
    >>> tree = GrownTree(none, none, none, np.zeros(1), none > 0, np.array([[7.5]]), {})
    >>> len(trees_file([tree], [None], np.array([0.0]), "none"))
    112
    """
    is_category = np.array([values is not None for values in codes])
    return tables_file(tree_tables(trees, codes), is_category, start, finish, is_single=is_single)


def tables_file(
    tables: TreeTables, is_category: BoolArray, start: FloatArray, finish: Finish, *, is_single: bool = False
) -> bytes:
    """Return the file of an ensemble that is given by its tables; see `trees_file`.

    Parameters
    ----------
    is_category : array of bool, shape (columns,)
    """
    splits, split_width = _narrow(tables.split)
    lefts, left_width = _narrow(tables.left)
    counts = (
        *(len(is_category), len(start), len(tables.leaf_counts), len(tables.column), *tables.leaf.shape),
        *(sum(map(len, tables.points)), int(tables.set_ends[-1])),
    )
    return b"".join(
        [
            _header(TREES, finish, (split_width, left_width), counts, is_single=is_single),
            _section(start, "<f8"),
            _section(np.concatenate(tables.points), "<f8"),
            _section(tables.leaf, "<f8"),
            _section(np.cumsum([len(points) for points in tables.points]), "<u4"),
            _section(tables.set_ends, "<u4"),
            _section(tables.leaf_counts, "<u4"),
            _section(tables.sets, "<u4"),
            _section(_flagged_columns(tables), "<u2"),
            splits,
            lefts,
            _section(is_category, "<u1"),
        ]
    )


def _flagged_columns(tables: TreeTables) -> npt.NDArray[np.int64]:
    return tables.column + MISSING_LEFT * tables.missing_left


def _header(
    kind: int, finish: Finish, widths: tuple[int, int], counts: Sequence[int], *, is_single: bool = False
) -> bytes:
    protocol = PROTOCOL if is_single else UNROUNDED_PROTOCOL
    packed = struct.pack(HEADER, MAGIC, protocol, kind, FINISHES.index(finish), *widths, *counts)
    return packed + bytes([is_single]) + bytes(HEADER_BYTES - len(packed) - 1)


def _narrow(numbers: npt.NDArray[np.int64]) -> tuple[bytes, int]:
    """Return a section of unsigned numbers in the fewest bytes that the largest needs, and how many these are."""
    most = int(numbers.max(initial=0))
    kind = next(kind for kind, largest in WIDTHS if most <= largest)
    return _section(numbers, kind), np.dtype(kind).itemsize


def _section(values: npt.ArrayLike, kind: str) -> bytes:
    content = np.asarray(values).astype(kind).tobytes()
    return content + bytes(-len(content) % 8)


def has_fixed_sums(content: bytes) -> bool:
    """Return whether a compact model sums in the order of the trained one: trees do, linear models do not.

    >>> has_fixed_sums(linear_file(np.ones((1, 1)), np.ones(1), "none"))
    False
    """
    return kind_of(content) == "trees"


def kind_of(content: bytes) -> Literal["trees", "linear"]:
    """Return what a compact model is.

    >>> kind_of(linear_file(np.ones((1, 1)), np.ones(1), "none"))
    'linear'
    """
    return "trees" if content[KIND_AT] == TREES else "linear"


def is_exponential(content: bytes) -> bool:
    """Return whether the caller takes exp of the sums of a compact model."""
    return FINISHES[content[FINISH_AT]] == "exp"


def has_single_sums(content: bytes) -> bool:
    """Return whether a compact model rounds its sums to floats of 4 bytes.

    >>> has_single_sums(linear_file(np.ones((1, 1)), np.ones(1), "none"))
    False
    """
    return content[ROUNDED_AT] == 1


def with_sums_only(content: bytes) -> bytes:
    """Return a compact model with its sums as output, of which no exponential is taken; others are returned unchanged.

    >>> is_exponential(with_sums_only(linear_file(np.ones((1, 1)), np.ones(1), "exp")))
    False
    """
    if not is_exponential(content):
        return content
    return content[:FINISH_AT] + bytes([FINISHES.index("none")]) + content[FINISH_AT + 1 :]
