"""Fitted trees of LightGBM, read from its own text, as trees of a compact file and as an ONNX graph.

A split of a number compares doubles with `<=`. A missing value goes where the split says or, where training had none,
where 0 would go. A split of a category has the set of codes that go left; missing and unknown codes go right. Leaves
are summed in the order of the trees, of several outputs in turns. All of it can be represented exactly; what cannot is
refused by `lightgbm_fault`. An exponential is NumPy's: that of another library has other last digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.arrays import FloatArray
from tasks.compact import GrownTree, trees_file
from tasks.compact.grown_tree import NO_CHILD
from tasks.model.export.boosted_trees import BEFORE_EXP, set_bits
from tasks.model.export.onnx_graph import BRANCH_LEQ, BRANCH_MEMBER, OUTPUT, SUM, TreeNodes, graph_bytes, tree_node

CATEGORICAL, DEFAULT_LEFT, MISSING_KIND = 1, 2, 2  # bits of a decision type, and by how many the kind is shifted
ZERO_IS_MISSING, NAN_IS_MISSING = 1, 2
LOGARITHMS = frozenset({"poisson", "gamma", "tweedie"})
SUMS = frozenset({"regression", "regression_l1", "huber", "fair", "quantile", "mape", "binary", "multiclass"})


@dataclass(frozen=True, slots=True)
class LightgbmTrees:
    """The trees of a fitted estimator, and of each column the codes that some split sends left (None for numbers)."""

    trees: list[GrownTree]
    codes: list[FloatArray | None]
    outputs: int
    is_exponential: bool


def lightgbm_fault(estimator: Any) -> str:
    """Return what of a fitted LGBMRegressor or LGBMClassifier cannot be exported exactly; empty where all can."""
    header, *trees = _sections(estimator)
    objective, *options = header["objective"].split()
    faults = {
        f"the objective {objective}": objective not in SUMS | LOGARITHMS,
        "the option sqrt of the objective": "sqrt" in options,
        "a sigmoid other than 1": any(each.startswith("sigmoid:") and float(each[8:]) != 1 for each in options),
        "boosting_type rf": "average_output" in header,
        "linear trees": any(tree.get("is_linear", "0") != "0" for tree in trees),
        "zero_as_missing": any(
            kind >> MISSING_KIND == ZERO_IS_MISSING for tree in trees for kind in _whole(tree, "decision_type").tolist()
        ),
    }
    return ", ".join(name for name, holds in faults.items() if holds)


def lightgbm_graph(estimator: Any) -> bytes:
    """Return the ONNX graph of a fitted estimator: a regressor's prediction, or the raw scores of a classifier."""
    found, nodes = _read(estimator), TreeNodes()
    for number, tree in enumerate(found.trees):
        _add_tree(nodes, tree, found.codes, number % found.outputs)
    width = len(found.codes)
    if not found.is_exponential:
        return graph_bytes([tree_node(nodes, found.outputs, SUM)], width, found.outputs)
    from onnx import helper

    exp = helper.make_node("Exp", [BEFORE_EXP], [OUTPUT])
    return graph_bytes([tree_node(nodes, found.outputs, SUM, BEFORE_EXP), exp], width, found.outputs)


def compact_lightgbm(estimator: Any) -> bytes:
    """Return the compact file of a fitted estimator."""
    found = _read(estimator)
    return trees_file(found.trees, found.codes, np.zeros(found.outputs), "exp" if found.is_exponential else "none")


def lightgbm_scores(estimator: Any, inputs: FloatArray) -> FloatArray:
    """Return the scores of a fitted estimator, which an export must reproduce: shape (n,), or (n, k)."""
    scores = np.asarray(estimator.booster_.predict(inputs, raw_score=True, num_threads=1), dtype=np.float64)
    if _sections(estimator)[0]["objective"].split()[0] not in LOGARITHMS:
        return scores
    with np.errstate(over="ignore"):
        return np.exp(scores)


def _read(estimator: Any) -> LightgbmTrees:
    header, *sections = _sections(estimator)
    width = int(header["max_feature_idx"]) + 1
    sets = [_left_sets(section) for section in sections]
    codes: list[FloatArray | None] = [None] * width
    for section, of_tree in zip(sections, sets, strict=True):
        columns = _whole(section, "split_feature")
        for node, left in of_tree.items():
            known = codes[columns[node]]
            codes[columns[node]] = np.union1d(left, [] if known is None else known)
    return LightgbmTrees(
        [_grown(section, of_tree, codes) for section, of_tree in zip(sections, sets, strict=True)],
        codes,
        int(header["num_tree_per_iteration"]),
        header["objective"].split()[0] in LOGARITHMS,
    )


def _grown(section: Mapping[str, str], sets: Mapping[int, FloatArray], codes: Sequence[FloatArray | None]) -> GrownTree:
    """Return a tree of which the splits are the first nodes, and the leaves the others."""
    splits, leaves = int(section["num_leaves"]) - 1, _real(section, "leaf_value")
    kinds, columns, thresholds = (
        _whole(section, "decision_type"),
        _whole(section, "split_feature"),
        _real(section, "threshold"),
    )
    children = [_whole(section, name) for name in ("left_child", "right_child")]
    left, right = (
        np.concatenate([np.where(each < 0, splits - each - 1, each), np.full(len(leaves), NO_CHILD)])
        for each in children
    )
    known_missing = kinds >> MISSING_KIND == NAN_IS_MISSING
    missing_left = np.where(known_missing, kinds & DEFAULT_LEFT > 0, thresholds >= 0) & (kinds & CATEGORICAL == 0)
    blank = np.zeros(len(leaves))
    return GrownTree(
        left=left,
        right=right,
        column=np.concatenate([columns, blank]).astype(np.int64),
        threshold=np.concatenate([thresholds, blank]),
        missing_left=np.concatenate([missing_left, blank > 0]),
        leaves=np.concatenate([np.zeros(splits), leaves])[:, None],
        left_codes={node: np.isin(codes[columns[node]], found) for node, found in sets.items()},
    )


def _left_sets(section: Mapping[str, str]) -> dict[int, FloatArray]:
    """Return the codes that go left, by the number of each split on a category."""
    ends, words = _whole(section, "cat_boundaries"), _whole(section, "cat_threshold")
    places, kinds = _real(section, "threshold"), _whole(section, "decision_type")
    found = {}
    for node in np.flatnonzero(kinds & CATEGORICAL).tolist():
        place = int(places[node])
        found[node] = np.array(list(set_bits(words[ends[place] : ends[place + 1]])), dtype=np.float64)
    return found


def _add_tree(nodes: TreeNodes, tree: GrownTree, codes: Sequence[FloatArray | None], target: int) -> None:
    splits = np.flatnonzero(tree.left != NO_CHILD).tolist()
    if not splits:
        nodes.add_constant(float(tree.leaves[0, 0]), target)
        return
    first = len(nodes.feature)
    nodes.roots.append(first)
    for node in splits:
        column = int(tree.column[node])
        if node in tree.left_codes:
            nodes.add_node(column, BRANCH_MEMBER, 0.0, missing_is_true=False)
            known = codes[column]
            members = [] if known is None else known[tree.left_codes[node]].tolist()
            nodes.members.extend([*members, float("nan")])
        else:
            missing = bool(tree.missing_left[node])
            nodes.add_node(column, BRANCH_LEQ, float(tree.threshold[node]), missing_is_true=missing)
        sides = ((tree.left, nodes.true_id, nodes.true_is_leaf), (tree.right, nodes.false_id, nodes.false_is_leaf))
        for children, ids, leaf_flags in sides:
            child = int(children[node])
            leaf_flags[-1] = int(tree.left[child] == NO_CHILD)
            ids[-1] = nodes.add_leaf(float(tree.leaves[child, 0]), target) if leaf_flags[-1] else first + child


def _sections(estimator: Any) -> list[dict[str, str]]:
    """Return the header of a model's text, then its trees: texts by name, with every digit of the numbers."""
    text = estimator.booster_.model_to_string(num_iteration=-1).partition("\nend of trees")[0]
    parts = text.split("\nTree=")
    return [dict(line.split("=", 1) if "=" in line else (line, "") for line in part.splitlines()) for part in parts]


def _whole(section: Mapping[str, str], name: str) -> Any:
    return np.array(section.get(name, "").split(), dtype=np.int64)


def _real(section: Mapping[str, str], name: str) -> FloatArray:
    return np.array(section.get(name, "").split(), dtype=np.float64)
