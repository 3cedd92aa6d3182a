"""Fitted trees of XGBoost, read from its own JSON, as trees of a compact file and as an ONNX graph.

XGBoost computes with floats of 4 bytes: it rounds a value to one, compares with `<`, and rounds the sum of the leaves
after each tree, beginning with the score of a row without trees. A value is rounded to less than a float where it is
not above a certain double (`double_thresholds`), so that doubles decide as floats do. A missing value goes where the
split says. The set of a split on a category has the codes that go right; codes that no set has go left. All of it can
be represented exactly; what cannot is refused by `xgboost_fault`. An exponential is NumPy's, of the sum as a double.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.compact import GrownTree, trees_file
from tasks.compact.grown_tree import NO_CHILD
from tasks.model.export.boosted_trees import BEFORE_EXP
from tasks.model.export.onnx_graph import (
    BRANCH_LT,
    BRANCH_MEMBER,
    INPUT,
    OUTPUT,
    SUM,
    TreeNodes,
    double_thresholds,
    graph_bytes,
    tree_node,
)

LOGARITHMS = frozenset({"count:poisson", "reg:gamma", "reg:tweedie"})
SUMS = frozenset(
    {
        *("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror"),
        *("binary:logistic", "multi:softprob", "multi:softmax"),
    }
)
FLOATS, SUM_OF_FLOATS = "floats", "sum_of_floats"


@dataclass(frozen=True, slots=True)
class XgboostTree:
    """A tree of n nodes: the threshold of a split or the value of a leaf, and by node the codes that go right."""

    left: IntArray
    right: IntArray
    column: IntArray
    value: FloatArray
    missing_left: IntArray
    right_codes: Mapping[int, FloatArray]


def xgboost_fault(estimator: Any) -> str:
    """Return what of a fitted XGBRegressor or XGBClassifier cannot be exported exactly; empty where all can."""
    learner = _learner(estimator)
    objective, booster = learner["objective"]["name"], learner["gradient_booster"]["name"]
    if booster != "gbtree":
        return f"booster {booster}"
    model, outputs = learner["gradient_booster"]["model"], _outputs(learner)
    faults = {
        f"the objective {objective}": objective not in SUMS | LOGARITHMS,
        "several targets": int(learner["learner_model_param"]["num_target"]) > 1 or _values_of_a_leaf(model) > 1,
        "num_parallel_tree with several classes": any(
            output != number % outputs for number, output in enumerate(model["tree_info"])
        ),
        "early_stopping_rounds": "best_iteration" in learner["attributes"],
        "categories of a DataFrame": bool(model.get("cats", {}).get("enc")),
    }
    return ", ".join(name for name, holds in faults.items() if holds)


def xgboost_graph(estimator: Any) -> bytes:
    """Return the ONNX graph of a fitted estimator: a regressor's prediction, or the raw scores of a classifier.

    One thread of onnxruntime adds in the order of the trees; several have other last digits of a float.
    """
    from onnx import TensorProto, helper

    learner, nodes = _learner(estimator), TreeNodes()
    outputs = _outputs(learner)
    for target, first in enumerate(_start(estimator).tolist()):
        nodes.add_constant(first, target)
    for number, tree in enumerate(_trees(learner)):
        _add_tree(nodes, tree, number % outputs)
    sums = BEFORE_EXP if _is_exponential(learner) else OUTPUT
    operators = [
        helper.make_node("Cast", [INPUT], [FLOATS], to=TensorProto.FLOAT),
        tree_node(nodes, outputs, SUM, SUM_OF_FLOATS, single=True, source=FLOATS),
        helper.make_node("Cast", [SUM_OF_FLOATS], [sums], to=TensorProto.DOUBLE),
    ]
    if sums == BEFORE_EXP:
        operators.append(helper.make_node("Exp", [BEFORE_EXP], [OUTPUT]))
    return graph_bytes(operators, int(estimator.n_features_in_), outputs)


def compact_xgboost(estimator: Any, code_counts: Mapping[int, int]) -> bytes:
    """Return the compact file of a fitted estimator.

    Parameters
    ----------
    code_counts : dict of int to int
        By the number of a category column, how many codes it has: 0, 1, 2 and so on.
    """
    learner = _learner(estimator)
    columns = range(int(estimator.n_features_in_))
    codes = [np.arange(code_counts[column], dtype=np.float64) if column in code_counts else None for column in columns]
    trees = [_grown(tree, codes) for tree in _trees(learner)]
    return trees_file(trees, codes, _start(estimator), "exp" if _is_exponential(learner) else "none", is_single=True)


def xgboost_scores(estimator: Any, inputs: FloatArray) -> FloatArray:
    """Return the scores of a fitted estimator, which an export must reproduce: shape (n,), or (n, k)."""
    scores = np.asarray(estimator.predict(inputs, output_margin=True), dtype=np.float64)
    if not _is_exponential(_learner(estimator)):
        return scores
    with np.errstate(over="ignore"):
        return np.exp(scores)


def _learner(estimator: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(bytes(estimator.get_booster().save_raw("json")))
    return dict(content["learner"])


def _outputs(learner: Mapping[str, Any]) -> int:
    return max(1, int(learner["learner_model_param"]["num_class"]))


def _values_of_a_leaf(model: Mapping[str, Any]) -> int:
    return max((int(tree["tree_param"]["size_leaf_vector"]) for tree in model["trees"]), default=1)


def _is_exponential(learner: Mapping[str, Any]) -> bool:
    return learner["objective"]["name"] in LOGARITHMS


def _start(estimator: Any) -> FloatArray:
    """Return the scores before the first tree: those of the same model with leaves of 0.

    XGBoost computes them from `base_score` with functions of its own, of which each platform has other last digits.
    """
    from xgboost import Booster

    content = json.loads(bytes(estimator.get_booster().save_raw("json")))
    for tree in content["learner"]["gradient_booster"]["model"]["trees"]:
        tree["split_conditions"] = [0.0] * len(tree["split_conditions"])
    booster = Booster(params={"nthread": 1})
    booster.load_model(bytearray(json.dumps(content).encode()))
    row = np.full((1, int(estimator.n_features_in_)), np.nan)
    return np.asarray(booster.inplace_predict(row, predict_type="margin"), dtype=np.float64).ravel()


def _trees(learner: Mapping[str, Any]) -> list[XgboostTree]:
    return [_tree(found) for found in learner["gradient_booster"]["model"]["trees"]]


def _tree(found: Mapping[str, Any]) -> XgboostTree:
    left, right, column, missing_left = (
        np.array(found[name], dtype=np.int64)
        for name in ("left_children", "right_children", "split_indices", "default_left")
    )
    parts = zip(found["categories_nodes"], found["categories_segments"], found["categories_sizes"], strict=True)
    rights = {
        node: np.array(found["categories"][first : first + size], dtype=np.float64) for node, first, size in parts
    }
    value = np.array(found["split_conditions"], dtype=np.float32).astype(np.float64)
    return XgboostTree(left, right, column, value, missing_left, rights)


def _grown(tree: XgboostTree, codes: Sequence[FloatArray | None]) -> GrownTree:
    left_codes = {}
    for node, rights in tree.right_codes.items():
        known = codes[tree.column[node]]
        left_codes[node] = np.isin(np.empty(0) if known is None else known, rights, invert=True)
    return GrownTree(
        left=tree.left,
        right=tree.right,
        column=tree.column,
        threshold=double_thresholds(tree.value),
        missing_left=tree.missing_left > 0,
        leaves=tree.value[:, None],
        left_codes=left_codes,
    )


def _add_tree(nodes: TreeNodes, tree: XgboostTree, target: int) -> None:
    """Add a tree; a split on a category is true, and so on the left of the graph, for the codes that go right."""
    splits = np.flatnonzero(tree.left != NO_CHILD).tolist()
    if tree.left[0] == NO_CHILD:
        nodes.add_constant(float(tree.value[0]), target)
        return
    places = {node: len(nodes.feature) + number for number, node in enumerate(splits)}
    nodes.roots.append(places[0])
    for node in splits:
        rights, missing_left = tree.right_codes.get(node), bool(tree.missing_left[node])
        if rights is None:
            mode, when_true, when_false = BRANCH_LT, tree.left[node], tree.right[node]
        else:
            mode, when_true, when_false = BRANCH_MEMBER, tree.right[node], tree.left[node]
            nodes.members.extend([*rights.tolist(), float("nan")])
        threshold = float(tree.value[node]) if rights is None else 0.0
        nodes.add_node(int(tree.column[node]), mode, threshold, missing_is_true=missing_left == (rights is None))
        for child, ids, leaf_flags in (
            (int(when_true), nodes.true_id, nodes.true_is_leaf),
            (int(when_false), nodes.false_id, nodes.false_is_leaf),
        ):
            leaf_flags[-1] = int(tree.left[child] == NO_CHILD)
            ids[-1] = nodes.add_leaf(float(tree.value[child]), target) if leaf_flags[-1] else places[child]
