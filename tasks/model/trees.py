"""Fitted gradient-boosted trees as an ONNX graph, split by split, in double precision.

scikit-learn's HistGradientBoosting has categorical splits (a set of codes goes left) and sends missing values, and
codes it never saw, to a side chosen in training. Converters known to us lose one or the other, or round thresholds to
floats; the operator TreeEnsemble of ai.onnx.ml opset 5 can say all of it. Written for scikit-learn 1.9's tree records;
`parity` proves each export on rows before it is believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

INPUT, OUTPUT = "features", "score"
BRANCH_LEQ, BRANCH_MEMBER = 0, 6
SUM, NO_TRANSFORM = 1, 0
BITS_OF_A_WORD = 32


@dataclass(slots=True)
class _Nodes:
    """The operator's parallel lists, filled tree by tree."""

    feature: list[int] = field(default_factory=list)
    split: list[float] = field(default_factory=list)
    mode: list[int] = field(default_factory=list)
    true_id: list[int] = field(default_factory=list)
    false_id: list[int] = field(default_factory=list)
    true_is_leaf: list[int] = field(default_factory=list)
    false_is_leaf: list[int] = field(default_factory=list)
    missing_is_true: list[int] = field(default_factory=list)
    members: list[float] = field(default_factory=list)
    leaf: list[float] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Columns:
    """How the estimator renumbers its input: trees see categorical columns first, with codes of their own."""

    source: list[int]
    codes: dict[int, list[float]]


def tree_ensemble(estimator: Any) -> bytes:
    """Return the ONNX graph of a fitted HistGradientBoostingRegressor or binary HistGradientBoostingClassifier.

    Parameters
    ----------
    estimator : HistGradientBoostingRegressor or HistGradientBoostingClassifier
        Fitted on a matrix; categorical columns hold codes. A classifier must have two classes.

    Returns
    -------
    bytes
        A graph from `features` (n, columns), double, NaN for missing, to `score` (n, 1), double: the raw score, before
        any link. Only splits and leaf values are in it, no code.
    """
    columns = _columns(estimator)
    nodes = _Nodes()
    start, trees = estimator._baseline_prediction, estimator._predictors  # noqa: SLF001 - the fitted trees are nowhere public
    _add_leaf_only_tree(nodes, float(np.ravel(start)[0]))
    for (tree,) in trees:
        _add_tree(nodes, tree, columns)
    return _graph(nodes, int(estimator.n_features_in_))


def split_points(graph: bytes) -> dict[int, list[float]]:
    """Return the thresholds of each numeric input column, by column number, sorted: where an answer can jump."""
    import onnx
    from onnx import numpy_helper

    (node,) = onnx.load_from_string(graph).graph.node
    found = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    modes, splits = (numpy_helper.to_array(found[name]) for name in ("nodes_modes", "nodes_splits"))
    points: dict[int, set[float]] = {}
    for column, mode, split in zip(found["nodes_featureids"], modes, splits, strict=True):
        if mode == BRANCH_LEQ and np.isfinite(split):
            points.setdefault(int(column), set()).add(float(split))
    return {column: sorted(values) for column, values in points.items()}


def _columns(estimator: Any) -> _Columns:
    count = int(estimator.n_features_in_)
    if estimator.is_categorical_ is None:
        return _Columns(list(range(count)), {})
    categorical = np.flatnonzero(estimator.is_categorical_).tolist()
    numeric = np.flatnonzero(~np.asarray(estimator.is_categorical_, dtype=bool)).tolist()
    encoder = estimator._preprocessor.named_transformers_["encoder"]  # noqa: SLF001 - the renumbering is nowhere public
    codes = {
        place: [float(code) for code in values if not np.isnan(code)]
        for place, values in enumerate(encoder.categories_[: len(categorical)])
    }
    return _Columns(categorical + numeric, codes)


def _add_leaf_only_tree(nodes: _Nodes, value: float) -> None:
    """Add a tree whose both branches end in one leaf: the score every row starts from."""
    nodes.roots.append(len(nodes.feature))
    _add_node(nodes, 0, BRANCH_LEQ, 0.0, missing_is_true=False)
    nodes.true_id[-1] = nodes.false_id[-1] = len(nodes.leaf)
    nodes.true_is_leaf[-1] = nodes.false_is_leaf[-1] = 1
    nodes.leaf.append(value)


def _add_tree(nodes: _Nodes, tree: Any, columns: _Columns) -> None:
    records = tree.nodes
    if records[0]["is_leaf"]:
        _add_leaf_only_tree(nodes, float(records[0]["value"]))
        return
    inner = np.flatnonzero(records["is_leaf"] == 0)
    place = {int(number): len(nodes.feature) + rank for rank, number in enumerate(inner)}
    nodes.roots.append(place[0])
    for number in inner:
        record = records[number]
        swapped = _add_split(nodes, record, tree, columns)
        left, right = int(record["left"]), int(record["right"])
        for child, true_side in ((left, not swapped), (right, swapped)):
            ids, leaf_flags = (
                (nodes.true_id, nodes.true_is_leaf) if true_side else (nodes.false_id, nodes.false_is_leaf)
            )
            if records[child]["is_leaf"]:
                ids[-1], leaf_flags[-1] = len(nodes.leaf), 1
                nodes.leaf.append(float(records[child]["value"]))
            else:
                ids[-1] = place[child]


def _add_split(nodes: _Nodes, record: Any, tree: Any, columns: _Columns) -> bool:
    """Add one split; tell whether its true branch is the tree's right one.

    A code outside the set takes the false branch, and so does NaN. Therefore the set is always that of the side missing
    values do *not* go to: then codes the trees never saw follow the missing ones, as in scikit-learn.
    """
    feature, missing_left = int(record["feature_idx"]), bool(record["missing_go_to_left"])
    source = columns.source[feature]
    if not record["is_categorical"]:
        _add_node(nodes, source, BRANCH_LEQ, float(record["num_threshold"]), missing_is_true=missing_left)
        return False
    left = set(_bits(tree.raw_left_cat_bitsets[int(record["bitset_idx"])]))
    known = columns.codes[feature]
    members = [code for place, code in enumerate(known) if (place in left) != missing_left]
    _add_node(nodes, source, BRANCH_MEMBER, 0.0, missing_is_true=False)
    nodes.members.extend([*members, float("nan")])
    return missing_left


def _bits(words: Any) -> Iterator[int]:
    for word, value in enumerate(words):
        for bit in range(BITS_OF_A_WORD):
            if int(value) >> bit & 1:
                yield word * BITS_OF_A_WORD + bit


def _add_node(nodes: _Nodes, feature: int, mode: int, split: float, *, missing_is_true: bool) -> None:
    nodes.feature.append(feature)
    nodes.mode.append(mode)
    nodes.split.append(split)
    nodes.missing_is_true.append(int(missing_is_true))
    for ids in (nodes.true_id, nodes.false_id, nodes.true_is_leaf, nodes.false_is_leaf):
        ids.append(0)


def _graph(nodes: _Nodes, columns: int) -> bytes:
    from onnx import TensorProto, helper

    def doubles(name: str, values: list[float]) -> Any:
        return helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)

    attributes: dict[str, Any] = {
        "n_targets": 1,
        "aggregate_function": SUM,
        "post_transform": NO_TRANSFORM,
        "tree_roots": nodes.roots,
        "nodes_featureids": nodes.feature,
        "nodes_modes": helper.make_tensor("nodes_modes", TensorProto.UINT8, [len(nodes.mode)], nodes.mode),
        "nodes_splits": doubles("nodes_splits", nodes.split),
        "nodes_truenodeids": nodes.true_id,
        "nodes_falsenodeids": nodes.false_id,
        "nodes_trueleafs": nodes.true_is_leaf,
        "nodes_falseleafs": nodes.false_is_leaf,
        "nodes_missing_value_tracks_true": nodes.missing_is_true,
        "leaf_targetids": [0] * len(nodes.leaf),
        "leaf_weights": doubles("leaf_weights", nodes.leaf),
    }
    if nodes.members:
        attributes["membership_values"] = doubles("membership_values", nodes.members)
    node = helper.make_node("TreeEnsemble", [INPUT], [OUTPUT], domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, [None, columns])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="leeway")
    return bytes(model.SerializeToString(deterministic=True))
