"""Trees as an ONNX graph in double precision: the operator TreeEnsemble (ai.onnx.ml opset 5), and its graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tasks.arrays import FloatArray

INPUT, OUTPUT = "features", "score"
BRANCH_LEQ, BRANCH_LT, BRANCH_MEMBER = 0, 1, 6
AVERAGE, SUM, NO_TRANSFORM = 0, 1, 0
PRODUCER, IR_VERSION = "leeway", 10
OPSETS = (("", 18), ("ai.onnx.ml", 5))


@dataclass(slots=True)
class TreeNodes:
    """The parallel lists of the operator, filled tree by tree."""

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
    target: list[int] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)

    def add_node(self, feature: int, mode: int, split: float, *, missing_is_true: bool) -> None:
        """Add a split without its children."""
        self.feature.append(feature)
        self.mode.append(mode)
        self.split.append(split)
        self.missing_is_true.append(int(missing_is_true))
        for ids in (self.true_id, self.false_id, self.true_is_leaf, self.false_is_leaf):
            ids.append(0)

    def add_leaf(self, value: float, target: int) -> int:
        """Add a leaf that counts towards an output; return its number."""
        self.leaf.append(value)
        self.target.append(target)
        return len(self.leaf) - 1

    def add_constant(self, value: float, target: int) -> None:
        """Add a tree with equal leaves on both branches: a constant for every row.

        onnxruntime 1.31 counts one leaf of two branches twice where there are several outputs.
        """
        self.roots.append(len(self.feature))
        self.add_node(0, BRANCH_LEQ, 0.0, missing_is_true=False)
        self.true_id[-1], self.false_id[-1] = self.add_leaf(value, target), self.add_leaf(value, target)
        self.true_is_leaf[-1] = self.false_is_leaf[-1] = 1


def tree_node(
    nodes: TreeNodes, outputs: int, aggregate: int, output: str = OUTPUT, *, single: bool = False, source: str = INPUT
) -> Any:
    """Return the operator: from `source` (n, columns) to (n, outputs), both double, or both floats of 4 bytes."""
    from onnx import TensorProto, helper, numpy_helper

    def tensor(name: str, values: Sequence[float]) -> Any:
        return numpy_helper.from_array(np.asarray(values, dtype=np.float32 if single else np.float64), name)

    attributes: dict[str, Any] = {
        "n_targets": outputs,
        "aggregate_function": aggregate,
        "post_transform": NO_TRANSFORM,
        "tree_roots": nodes.roots,
        "nodes_featureids": nodes.feature,
        "nodes_modes": helper.make_tensor("nodes_modes", TensorProto.UINT8, [len(nodes.mode)], nodes.mode),
        "nodes_splits": tensor("nodes_splits", nodes.split),
        "nodes_truenodeids": nodes.true_id,
        "nodes_falsenodeids": nodes.false_id,
        "nodes_trueleafs": nodes.true_is_leaf,
        "nodes_falseleafs": nodes.false_is_leaf,
        "nodes_missing_value_tracks_true": nodes.missing_is_true,
        "leaf_targetids": nodes.target,
        "leaf_weights": tensor("leaf_weights", nodes.leaf),
    }
    if nodes.members:
        attributes["membership_values"] = tensor("membership_values", nodes.members)
    return helper.make_node("TreeEnsemble", [source], [output], domain="ai.onnx.ml", **attributes)


def double_tensor(name: str, values: Sequence[float] | FloatArray) -> Any:
    """Return a tensor of doubles: flat from a list, of its own shape from an array."""
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(values, dtype=np.float64), name)


def graph_bytes(nodes: Sequence[Any], columns: int, outputs: int, tensors: Sequence[Any] = ()) -> bytes:
    """Return the graph of operators from `features` (n, columns) to `score` (n, outputs), as deterministic bytes."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        list(nodes),
        "model",
        [helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, [None, columns])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, [None, outputs])],
        list(tensors),
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name=PRODUCER)
    return bytes(model.SerializeToString(deterministic=True))


def double_thresholds(floats: FloatArray) -> FloatArray:
    """Return, of each float of 4 bytes, the largest double that is rounded to a smaller float.

    It is half way to the next smaller float, where that is rounded down, else the double before.

    Examples
    --------
    Floats have 24 bits: below 1 they are 2^-24 apart, and half way is 1 - 2^-25. Of two equally near floats the even
    one is taken, which is 1 here; so the double before it is the largest.

    >>> found = double_thresholds(np.array([1.0]))[0]
    >>> bool(found == np.nextafter(1 - 2.0**-25, 0)), float(np.float32(found)) < 1
    (True, True)
    >>> float(np.float32(np.nextafter(found, 2)))
    1.0
    """
    single = np.asarray(floats, dtype=np.float32)
    half = (single.astype(np.float64) + np.nextafter(single, np.float32(-np.inf)).astype(np.float64)) / 2
    return np.where(half.astype(np.float32) < single, half, np.nextafter(half, -np.inf))


def split_points(graph: bytes) -> dict[int, list[float]]:
    """Return the sorted thresholds of each numeric column of a graph: the largest doubles before predictions jump."""
    import onnx
    from onnx import numpy_helper

    points: dict[int, set[float]] = {}
    trees = [node for node in onnx.load_from_string(graph).graph.node if node.op_type == "TreeEnsemble"]
    for node in trees:
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        modes, splits = (numpy_helper.to_array(attributes[name]) for name in ("nodes_modes", "nodes_splits"))
        splits = np.where(modes == BRANCH_LT, double_thresholds(splits), splits)
        for column, mode, split in zip(attributes["nodes_featureids"], modes, splits, strict=True):
            if mode in {BRANCH_LEQ, BRANCH_LT} and np.isfinite(split):
                points.setdefault(int(column), set()).add(float(split))
    return {column: sorted(values) for column, values in points.items()}
