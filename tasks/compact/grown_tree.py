"""A fitted tree as arrays, in any order of its nodes, and its order in a compact file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import BoolArray, FloatArray, IntArray

NO_CHILD = -1


@dataclass(frozen=True, slots=True)
class GrownTree:
    """A tree of n nodes; the first is the root.

    Attributes
    ----------
    left, right : array of int, shape (n,)
        The nodes of the branches; -1 for a leaf.
    column : array of int, shape (n,)
        The column that a node splits on.
    threshold : array, shape (n,)
        A row goes left where its value is not above. Not read where a node has left codes.
    missing_left : array of bool, shape (n,)
        Whether a missing value goes left, and so does an unknown code.
    leaves : array, shape (n, width)
        The values of a leaf.
    left_codes : dict of int to array of bool
        By node, for a split on a category: which of the known codes of its column, in ascending order, go left.
    """

    left: IntArray
    right: IntArray
    column: IntArray
    threshold: FloatArray
    missing_left: BoolArray
    leaves: FloatArray
    left_codes: dict[int, BoolArray]


@dataclass(frozen=True, slots=True)
class NodeOrder:
    """The nodes of a tree as a compact file has them.

    Attributes
    ----------
    splits : array of int
        The inner nodes in preorder: a node, all of its left branch, all of its right branch.
    leaves : array of int
        The leaves from left to right.
    left_leaves : array of int
        Of each inner node, the leaves of its left branch.
    """

    splits: IntArray
    leaves: IntArray
    left_leaves: IntArray


def node_order(tree: GrownTree) -> NodeOrder:
    """Return the order of the nodes of a tree.

    Examples
    --------
    The root 0 has the leaf 1 on its left, and on its right node 2 with the leaves 3 and 4.

    >>> left, right = np.array([1, -1, 3, -1, -1]), np.array([2, -1, 4, -1, -1])
    >>> unread = np.zeros(5)
    >>> order = node_order(GrownTree(left, right, unread.astype(int), unread, unread > 0, unread[:, None], {}))
    >>> order.splits.tolist(), order.leaves.tolist(), order.left_leaves.tolist()
    ([0, 2], [1, 3, 4], [1, 1])
    """
    left, right = tree.left.tolist(), tree.right.tolist()
    order, waiting = [], [0]
    while waiting:
        node = waiting.pop()
        order.append(node)
        if left[node] != NO_CHILD:
            waiting += (right[node], left[node])
    leaves_below = [1] * len(left)
    for node in reversed(order):
        if left[node] != NO_CHILD:
            leaves_below[node] = leaves_below[left[node]] + leaves_below[right[node]]
    nodes = np.array(order, dtype=np.int64)
    is_split = tree.left[nodes] != NO_CHILD
    splits = nodes[is_split]
    return NodeOrder(splits, nodes[~is_split], np.array(leaves_below, dtype=np.int64)[tree.left[splits]])
