"""A student: a smaller model of trees that learns the answers of a model instead of labels.

Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network (2015); of trees, Bucila, Caruana, Niculescu-Mizil:
Model Compression (2006).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tasks.arrays import BoolArray, FloatArray
from tasks.compact import CompactEvaluator
from tasks.compact.compact_file import is_exponential, with_sums_only
from tasks.compact.smaller_trees import OpenedTrees, opened_trees

LEARNING_RATES = (0.1, 0.2, 0.4)
"""The one is used with which a student is nearest to the model on rows that it did not learn from."""
LEFT_OUT = 4
"""One row of so many."""


class StudentShape(NamedTuple):
    """How many trees a student has, and how many leaves each may have."""

    trees: int
    leaves: int


STUDENT_SHAPES = tuple(StudentShape(*shape) for shape in ((100, 16), (50, 16), (25, 16), (25, 8)))


def student_of(content: bytes, columns: FloatArray, shape: StudentShape) -> OpenedTrees:
    """Return a student of a compact model with one output.

    Parameters
    ----------
    columns : array, shape (n, columns)
        Rows without labels; the model answers them.
    """
    from tasks.model.export.compact_forms import compact_boosting

    answers = CompactEvaluator(with_sums_only(content), "a model").run(columns).ravel()
    known = opened_trees(content).is_category
    left_out = np.arange(len(columns)) % LEFT_OUT == 0

    def distance(rate: float) -> float:
        tried = _trees(shape, rate, known).fit(columns[~left_out], answers[~left_out])
        return float(np.square(tried.predict(columns[left_out]) - answers[left_out]).mean())

    fitted = _trees(shape, min(LEARNING_RATES, key=distance), known).fit(columns, answers)
    student = opened_trees(compact_boosting(fitted))
    return replace(student, finish="exp") if is_exponential(content) else student


def _trees(shape: StudentShape, rate: float, known: BoolArray) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=shape.trees,
        max_leaf_nodes=shape.leaves,
        learning_rate=rate,
        early_stopping=False,
        categorical_features=known if known.any() else None,
        random_state=0,
    )
