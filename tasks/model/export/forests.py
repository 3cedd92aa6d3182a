"""Fitted forests (random forest, extra trees, single trees) as an ONNX graph with equal predictions, in doubles.

scikit-learn reads a forest's input as 32-bit floats and compares those with its thresholds. Here the input stays a
double, and each threshold becomes the largest double that rounds to a float not above it: every double then takes the
same branch as in scikit-learn. A value past the largest float, which scikit-learn rejects, takes the branch of the
largest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.arrays import FloatArray
from tasks.model.export.onnx_graph import (
    AVERAGE,
    BRANCH_LEQ,
    OUTPUT,
    SUM,
    TreeNodes,
    double_tensor,
    graph_bytes,
    tree_node,
)

TWO = 2
NO_CHILD = -1
LEAVES, LEAF_NUMBERS, LEAF_TABLE, SHARES = "leaves", "leaf_numbers", "leaf_table", "shares"


def forest_graph(estimator: Any) -> bytes:
    """Return the ONNX graph of a fitted forest or tree of scikit-learn, regressor or classifier, with one output.

    Parameters
    ----------
    estimator : RandomForest..., ExtraTrees..., DecisionTree... or ExtraTree...
        Fitted on a matrix without multiple outputs.

    Returns
    -------
    bytes
        A graph from `features` (n, columns), double, NaN for missing, to `score`, double: the prediction (n, 1) of a
        regressor, P(class 1) as (n, 1) of two classes, or the probabilities (n, k) of more.
    """
    trees = [member.tree_ for member in getattr(estimator, "estimators_", [estimator])]
    classes, width = len(getattr(estimator, "classes_", ())), int(estimator.n_features_in_)
    if classes > TWO:
        return _classes_graph(trees, width, classes)
    nodes = TreeNodes()
    column = 1 if classes else 0
    for tree in trees:
        _add_tree(nodes, tree, tree.value[:, 0, column], target=0)
    return graph_bytes([tree_node(nodes, 1, AVERAGE)], width, 1)


def _classes_graph(trees: Sequence[Any], width: int, classes: int) -> bytes:
    """Return a graph that finds the leaf of each tree, looks up its class shares in a table, and averages them.

    A leaf of TreeEnsemble counts towards one output only; one forest for each class would also work, but evaluate every
    tree once a class.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes = TreeNodes()
    tables: list[FloatArray] = []
    for target, tree in enumerate(trees):
        is_leaf = tree.children_left == NO_CHILD
        numbers = np.cumsum(is_leaf) - 1 + sum(len(table) for table in tables)
        _add_tree(nodes, tree, numbers.astype(np.float64), target)
        tables.append(tree.value[is_leaf, 0, :])
    operators = [
        tree_node(nodes, len(trees), SUM, LEAVES),
        helper.make_node("Cast", [LEAVES], [LEAF_NUMBERS], to=TensorProto.INT64),
        helper.make_node("Gather", [LEAF_TABLE, LEAF_NUMBERS], [SHARES], axis=0),
        helper.make_node("ReduceMean", [SHARES, "trees"], [OUTPUT], keepdims=0),
    ]
    tensors = [double_tensor(LEAF_TABLE, np.concatenate(tables)), numpy_helper.from_array(np.array([1]), "trees")]
    return graph_bytes(operators, width, classes, tensors)


def _add_tree(nodes: TreeNodes, tree: Any, values: FloatArray, target: int) -> None:
    """Add a tree with the given leaf values, one for each node of the tree."""
    inner = tree.children_left != NO_CHILD
    if not inner[0]:
        nodes.add_constant(float(values[0]), target)
        return
    first_node, first_leaf = len(nodes.feature), len(nodes.leaf)
    indices = np.where(inner, first_node + np.cumsum(inner) - 1, first_leaf + np.cumsum(~inner) - 1)
    left, right = tree.children_left[inner], tree.children_right[inner]
    nodes.roots.append(first_node)
    nodes.feature.extend(tree.feature[inner].tolist())
    nodes.split.extend(widen_thresholds(tree.threshold[inner]).tolist())
    nodes.mode.extend([BRANCH_LEQ] * len(left))
    nodes.true_id.extend(indices[left].tolist())
    nodes.false_id.extend(indices[right].tolist())
    nodes.true_is_leaf.extend((~inner[left]).astype(int).tolist())
    nodes.false_is_leaf.extend((~inner[right]).astype(int).tolist())
    nodes.missing_is_true.extend(tree.missing_go_to_left[inner].astype(int).tolist())
    leaves = values[~inner]
    nodes.leaf.extend(leaves.tolist())
    nodes.target.extend([target] * len(leaves))


def widen_thresholds(thresholds: npt.ArrayLike) -> FloatArray:
    """Return for each threshold the largest double that, rounded to a 32-bit float, is not above it.

    Examples
    --------
    The floats around 1 are 1 and 1 + 2^-23. A double halfway between is rounded to the even one, 1, so with a threshold
    of 1 all doubles up to 1 + 2^-24 go left.

    >>> bool(widen_thresholds([1.0])[0] == 1 + 2**-24)
    True

    Halfway between 1 + 2^-23 and 1 + 2^-22 the even one is above: only what is below the middle goes left.

    >>> bool(widen_thresholds([1 + 2**-23])[0] == np.nextafter(1 + 1.5 * 2**-23, 0))
    True
    """
    bounds = np.asarray(thresholds, dtype=np.float64)
    with np.errstate(over="ignore"):
        below = bounds.astype(np.float32)
    below = np.where(below > bounds, np.nextafter(below, np.float32(-np.inf)), below)
    above = np.nextafter(below, np.float32(np.inf))
    highest = below == np.finfo(np.float32).max
    middle = (below.astype(np.float64) + np.where(highest, below, above).astype(np.float64)) / 2
    with np.errstate(over="ignore"):
        stays = middle.astype(np.float32) == below
    return np.where(highest, np.finfo(np.float64).max, np.where(stays, middle, np.nextafter(middle, -np.inf)))
