"""Fitted gradient-boosted trees as an ONNX graph, split by split, in double precision.

scikit-learn's HistGradientBoosting has categorical splits (a set of codes goes left) and sends missing values, and
unknown codes, to a side chosen in training. Known converters lose one or the other, or round thresholds to floats; the
operator TreeEnsemble of ai.onnx.ml opset 5 represents all of it. Written for the tree records of scikit-learn 1.9;
`prove_parity` checks each export on rows before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.model.export.onnx_graph import BRANCH_LEQ, BRANCH_MEMBER, OUTPUT, SUM, TreeNodes, graph_bytes, tree_node

BITS_OF_A_WORD = 32
BEFORE_EXP = "log_score"


@dataclass(frozen=True, slots=True)
class BoostingColumns:
    """The order of columns in the trees: categorical columns are first, with their own codes, in ascending order."""

    source: list[int]
    codes: dict[int, list[float]]


def boosting_graph(estimator: Any) -> bytes:
    """Return the ONNX graph of a fitted HistGradientBoostingRegressor or HistGradientBoostingClassifier.

    Parameters
    ----------
    estimator : HistGradientBoostingRegressor or HistGradientBoostingClassifier
        Fitted on a matrix; categorical columns contain codes.

    Returns
    -------
    bytes
        A graph from `features` (n, columns), double, NaN for missing, to `score` (n, outputs), double: a regressor's
        prediction, or a classifier's raw score, one output for two classes and k for more. It consists of splits and
        leaf values, without code.
    """
    columns = boosting_columns(estimator)
    nodes = TreeNodes()
    start, rounds = estimator._baseline_prediction, estimator._predictors  # noqa: SLF001 - there is no public access to the fitted trees
    starts = np.ravel(start)
    for target, value in enumerate(starts):
        nodes.add_constant(float(value), target)
    for trees in rounds:
        for target, tree in enumerate(trees):
            _add_tree(nodes, tree, columns, target)
    width, outputs = int(estimator.n_features_in_), len(starts)
    if not predicts_a_logarithm(estimator):
        return graph_bytes([tree_node(nodes, outputs, SUM)], width, outputs)
    from onnx import helper

    exp = helper.make_node("Exp", [BEFORE_EXP], [OUTPUT])
    return graph_bytes([tree_node(nodes, outputs, SUM, BEFORE_EXP), exp], width, outputs)


def predicts_a_logarithm(estimator: Any) -> bool:
    """Return whether the trees of a regressor sum to the logarithm of the prediction (losses poisson and gamma)."""
    return type(estimator._loss.link).__name__ == "LogLink"  # noqa: SLF001 - there is no public access to the link


def boosting_columns(estimator: Any) -> BoostingColumns:
    """Return which column of the matrix each column of the trees is, and the known codes of the categorical ones."""
    count = int(estimator.n_features_in_)
    if estimator.is_categorical_ is None:
        return BoostingColumns(list(range(count)), {})
    categorical = np.flatnonzero(estimator.is_categorical_).tolist()
    numeric = np.flatnonzero(~np.asarray(estimator.is_categorical_, dtype=bool)).tolist()
    encoder = estimator._preprocessor.named_transformers_["encoder"]  # noqa: SLF001 - there is no public access to the encoder
    codes = {
        column: [float(code) for code in values if not np.isnan(code)]
        for column, values in enumerate(encoder.categories_[: len(categorical)])
    }
    return BoostingColumns(categorical + numeric, codes)


def _add_tree(nodes: TreeNodes, tree: Any, columns: BoostingColumns, target: int) -> None:
    records = tree.nodes
    if records[0]["is_leaf"]:
        nodes.add_constant(float(records[0]["value"]), target)
        return
    inner = np.flatnonzero(records["is_leaf"] == 0)
    node_of = {int(number): len(nodes.feature) + rank for rank, number in enumerate(inner)}
    nodes.roots.append(node_of[0])
    for number in inner:
        record = records[number]
        swapped = _add_split(nodes, record, tree, columns)
        left, right = int(record["left"]), int(record["right"])
        for child, true_side in ((left, not swapped), (right, swapped)):
            ids, leaf_flags = (
                (nodes.true_id, nodes.true_is_leaf) if true_side else (nodes.false_id, nodes.false_is_leaf)
            )
            if records[child]["is_leaf"]:
                ids[-1], leaf_flags[-1] = nodes.add_leaf(float(records[child]["value"]), target), 1
            else:
                ids[-1] = node_of[child]


def _add_split(nodes: TreeNodes, record: Any, tree: Any, columns: BoostingColumns) -> bool:
    """Add one split; return whether its true branch is the right one of the tree.

    A code outside the set takes the false branch, and so does NaN. The set is therefore that of the side to which
    missing values do *not* go: unknown codes then follow missing values, as in scikit-learn.
    """
    feature, missing_left = int(record["feature_idx"]), bool(record["missing_go_to_left"])
    source = columns.source[feature]
    if not record["is_categorical"]:
        nodes.add_node(source, BRANCH_LEQ, float(record["num_threshold"]), missing_is_true=missing_left)
        return False
    left = set(set_bits(tree.raw_left_cat_bitsets[int(record["bitset_idx"])]))
    codes = columns.codes[feature]
    members = [code for index, code in enumerate(codes) if (index in left) != missing_left]
    nodes.add_node(source, BRANCH_MEMBER, 0.0, missing_is_true=False)
    nodes.members.extend([*members, float("nan")])
    return missing_left


def set_bits(words: Any) -> Iterator[int]:
    """Yield the numbers of the bits that are set in words of 32 bits.

    >>> list(set_bits([5, 1]))
    [0, 2, 32]
    """
    for word, value in enumerate(words):
        for bit in range(BITS_OF_A_WORD):
            if int(value) >> bit & 1:
                yield word * BITS_OF_A_WORD + bit
