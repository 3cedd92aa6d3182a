"""Trees of a file that comes from elsewhere: scikit-learn follows their numbers without looking whether they exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray, IntArray

SEARCH_TREES = ("KDTree", "BallTree")
SET_WORDS = 8  # of 32 bits: the 256 bins of a column
START_NDIM = 2
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
        if (is_sound := CHECKS.get(name.removesuffix("Regressor").removesuffix("Classifier"))) and not is_sound(part):
            return OUTSIDE
        tree: Any = getattr(part, "tree_", None)
        if type(tree).__name__ == "Tree" and tree.n_features != getattr(part, "n_features_in_", None):
            return OUTSIDE  # it would read beyond the columns that its estimator is given
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


def _is_sound_forest(forest: Any) -> bool:
    """Return whether its trees are for the columns that it is given: they do not look at how many these are."""
    trees = getattr(forest, "estimators_", ())
    return all(tree.n_features_in_ == forest.n_features_in_ for tree in trees)


def _is_sound_tree(tree: Any) -> bool:
    return _is_sound(tree.children_left, tree.children_right, tree.feature, tree.n_features)


def _is_sound_boosting(fitted: Any) -> bool:
    """Return whether the trees are for as many columns as reach them, and split by sets only what is a category."""
    if not hasattr(fitted, "_predictors"):  # not fitted: it raises when it is used
        return True
    columns = fitted.n_features_in_
    is_category = np.zeros(columns, dtype=bool)
    found = fitted._bin_mapper.is_categorical_  # noqa: SLF001 - what its own predict reads
    if found is not None:
        if len(found) != columns:
            return False
        is_category = np.asarray(found) != 0
    if fitted._preprocessor is not None and _encoded(fitted).shape != (1, columns):  # noqa: SLF001 - as above
        return False
    rounds = fitted._predictors  # noqa: SLF001 - as above
    return all(_is_sound_predictor(tree, columns, is_category) for trees in rounds for tree in trees)


def _encoded(fitted: Any) -> Any:
    """Return one row of known categories as it reaches the trees."""
    cells = np.full(fitted.n_features_in_, np.nan, dtype=object)
    encoder = fitted._preprocessor.named_transformers_["encoder"]  # noqa: SLF001 - as above
    cells[np.asarray(fitted.is_categorical_)] = [known[0] for known in encoder.categories_]
    row = pd.DataFrame([cells], columns=getattr(fitted, "feature_names_in_", None))
    return fitted._preprocessor.transform(row.infer_objects())  # noqa: SLF001 - as above


def _are_sound_stages(fitted: Any) -> bool:
    """Return whether each stage has as many trees as the first answers have columns, all for the given columns."""
    if not hasattr(fitted, "estimators_"):  # not fitted: it raises when it is used
        return True
    stages, columns = fitted.estimators_, fitted.n_features_in_
    trees: list[Any] = [getattr(tree, "tree_", None) for tree in stages.ravel()]
    start = fitted._raw_predict_init(np.zeros((1, columns), dtype=np.float32))  # noqa: SLF001 - as predict does
    fits = stages.ndim == START_NDIM and start.shape == (1, stages.shape[1])
    return fits and all(type(tree).__name__ == "Tree" and tree.n_features == columns for tree in trees)


def _is_sound_predictor(tree: Any, columns: int, is_category: BoolArray) -> bool:
    nodes = tree.nodes
    leaf = nodes["is_leaf"] != 0
    left, right = (np.where(leaf, -1, nodes[name].astype(np.int64)) for name in ("left", "right"))
    by_set = (nodes["is_categorical"] != 0) & ~leaf
    column, known = nodes["feature_idx"].astype(np.int64), (tree.raw_left_cat_bitsets, tree.binned_left_cat_bitsets)
    if not _is_sound(left, right, column, columns) or any(sets.shape[1:] != (SET_WORDS,) for sets in known):
        return False
    sets = nodes["bitset_idx"][by_set].astype(np.int64)
    return bool((sets < min(map(len, known))).all() and is_category[column[by_set]].all())


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


CHECKS = {
    "Tree": _is_sound_tree,
    "RandomForest": _is_sound_forest,
    "ExtraTrees": _is_sound_forest,
    "HistGradientBoosting": _is_sound_boosting,
    "GradientBoosting": _are_sound_stages,
}
"""By the name of a class, without Regressor or Classifier."""
