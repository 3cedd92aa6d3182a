"""Fitted estimators in their compact form: the trees or weights of an estimator of which there is an ONNX graph too."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.arrays import FloatArray
from tasks.compact import GrownTree, linear_file, trees_file
from tasks.compact.grown_tree import NO_CHILD
from tasks.model.export.boosted_trees import BoostingColumns, boosting_columns, predicts_a_logarithm, set_bits
from tasks.model.export.forests import TWO, widen_thresholds


def compact_boosting(estimator: Any) -> bytes:
    """Return the compact file of a fitted HistGradientBoostingRegressor or HistGradientBoostingClassifier."""
    columns = boosting_columns(estimator)
    start, rounds = estimator._baseline_prediction, estimator._predictors  # noqa: SLF001 - there is no public access to the fitted trees
    trees = [_boosted_tree(tree, columns) for trees in rounds for tree in trees]
    codes = [None] * int(estimator.n_features_in_)
    known: list[FloatArray | None] = list(codes)
    for feature, values in columns.codes.items():
        known[columns.source[feature]] = np.array(values, dtype=np.float64)
    return trees_file(trees, known, np.ravel(start), "exp" if predicts_a_logarithm(estimator) else "none")


def _boosted_tree(tree: Any, columns: BoostingColumns) -> GrownTree:
    records = tree.nodes
    is_leaf = records["is_leaf"].astype(bool)
    left_codes = {}
    for node in np.flatnonzero(records["is_categorical"].astype(bool) & ~is_leaf).tolist():
        known = columns.codes[int(records["feature_idx"][node])]
        in_set = set(set_bits(tree.raw_left_cat_bitsets[int(records["bitset_idx"][node])]))
        left_codes[node] = np.array([index in in_set for index in range(len(known))], dtype=bool)
    return GrownTree(
        left=np.where(is_leaf, NO_CHILD, records["left"].astype(np.int64)),
        right=np.where(is_leaf, NO_CHILD, records["right"].astype(np.int64)),
        column=np.array(columns.source)[records["feature_idx"]],
        threshold=records["num_threshold"],
        missing_left=records["missing_go_to_left"].astype(bool),
        leaves=records["value"][:, None],
        left_codes=left_codes,
    )


def compact_forest(estimator: Any) -> bytes:
    """Return the compact file of a fitted forest or tree of scikit-learn, regressor or classifier, with one label."""
    classes, width = len(getattr(estimator, "classes_", ())), int(estimator.n_features_in_)
    outputs = slice(None) if classes > TWO else slice(1, 2) if classes else slice(0, 1)
    trees = [
        _forest_tree(member.tree_, np.asarray(member.tree_.value[:, 0, outputs]))
        for member in getattr(estimator, "estimators_", [estimator])
    ]
    return trees_file(trees, [None] * width, np.zeros(classes if classes > TWO else 1), "mean")


def _forest_tree(tree: Any, leaves: FloatArray) -> GrownTree:
    inner = tree.children_left != NO_CHILD
    threshold = np.zeros(len(inner))
    threshold[inner] = widen_thresholds(tree.threshold[inner])
    return GrownTree(
        left=np.asarray(tree.children_left, dtype=np.int64),
        right=np.asarray(tree.children_right, dtype=np.int64),
        column=np.asarray(tree.feature, dtype=np.int64),
        threshold=threshold,
        missing_left=tree.missing_go_to_left.astype(bool),
        leaves=leaves,
        left_codes={},
    )


def compact_linear(estimator: Any) -> bytes:
    """Return the compact file of a fitted linear model with one label."""
    return linear_file(*_weights(estimator), "none")


def compact_log_linear(estimator: Any) -> bytes:
    """Return the compact file of a generalised linear model that predicts exp of its sum (PoissonRegressor, ...)."""
    return linear_file(*_weights(estimator), "exp")


def _weights(estimator: Any) -> tuple[FloatArray, FloatArray]:
    weights = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64))
    start = np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64).ravel(), (len(weights),))
    return weights, start
