"""Trees of a file that comes from elsewhere: scikit-learn follows their numbers without looking whether they exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tasks.arrays import IntArray

SEARCH_TREES = ("KDTree", "BallTree")
OUTSIDE = "a split of a tree points to no node or column of it. Fit it again: the file is damaged"


def tree_fault(fitted: Any) -> str:
    """Return why the trees of an estimator cannot be followed; empty where they can.

    The children of a node come after it, and columns are among those of the estimator: so a row always reaches a leaf,
    and nothing outside of the arrays is read.
    """
    for part in all_parts(fitted):
        name = type(part).__name__
        if name in SEARCH_TREES:
            return f"a {name} cannot be checked. Fit the neighbours with algorithm='brute'"
        if name == "Tree" and not _is_sound(part.children_left, part.children_right, part.feature, part.n_features):
            return OUTSIDE
        tree: Any = getattr(part, "tree_", None)
        if type(tree).__name__ == "Tree" and tree.n_features != getattr(part, "n_features_in_", None):
            return OUTSIDE  # it would read beyond the columns that its estimator is given
        rounds = getattr(part, "_predictors", ())
        if not all(_is_sound_predictor(tree, part.n_features_in_) for trees in rounds for tree in trees):
            return OUTSIDE
    return ""


def all_parts(fitted: Any) -> Iterator[Any]:
    """Yield an estimator and everything in it: members of lists and dicts, and attributes of scikit-learn's objects."""
    if isinstance(fitted, list | tuple):
        for each in fitted:
            yield from all_parts(each)
    elif isinstance(fitted, dict):
        yield from all_parts(list(fitted.values()))
    elif isinstance(fitted, np.ndarray) and fitted.dtype == object:
        yield from all_parts(fitted.ravel().tolist())
    elif type(fitted).__module__.startswith("sklearn."):
        yield fitted
        yield from all_parts(list(getattr(fitted, "__dict__", {}).values()))


def _is_sound_predictor(tree: Any, columns: int) -> bool:
    nodes = tree.nodes
    leaf = nodes["is_leaf"] != 0
    left, right = (np.where(leaf, -1, nodes[name].astype(np.int64)) for name in ("left", "right"))
    sets = nodes["bitset_idx"][(nodes["is_categorical"] != 0) & ~leaf].astype(np.int64)
    known_sets = min(len(tree.raw_left_cat_bitsets), len(tree.binned_left_cat_bitsets))
    return bool((sets < known_sets).all()) and _is_sound(left, right, nodes["feature_idx"].astype(np.int64), columns)


def _is_sound(left: IntArray, right: IntArray, column: IntArray, columns: int) -> bool:
    """Return whether both children of each split come after it and exist, and its column exists.

    >>> left, right, column = np.array([1, -1, -1]), np.array([2, -1, -1]), np.array([0, -2, -2])
    >>> _is_sound(left, right, column, 1), _is_sound(left, np.array([3, -1, -1]), column, 1)
    (True, False)
    """
    places = np.arange(len(left))
    leaf = left == -1
    children = [(leaf | ((each > places) & (each < len(left)))).all() for each in (left, right)]
    return bool(len(left) and all(children) and (leaf | ((column >= 0) & (column < columns))).all())
