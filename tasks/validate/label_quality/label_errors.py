"""Likely wrong labels: those that a quick model contradicts on rows that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray, IntArray

FOLDS = 3
MOST_CATEGORIES = 60
FEWEST_ROWS = 200
SMALL: dict[str, Any] = {
    "max_iter": 40,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 40,
    "learning_rate": 0.15,
    "max_bins": 63,
    "early_stopping": False,
    "random_state": 0,
}
LISTED = 20
FAR = 8.0  # robust standard deviations: a quick model has errors of a few of them where rows are few
MAD_TO_SD = 1.4826  # of a normal distribution


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row with a likely wrong label: the label, and the prediction from other rows (a probability, or a number)."""

    row_id: str
    label: float
    expected: float


@dataclass(frozen=True, slots=True)
class Suspects:
    """The number of examined rows with a likely wrong label, and the least plausible of them."""

    examined: int
    found: int
    listed: tuple[Suspect, ...] = ()


def likely_wrong(features: pd.DataFrame, label: pd.Series, names: pd.Series, *, binary: bool, log: bool) -> Suspects:
    """Return the labels that a cross-validated model contradicts.

    For classes: confident learning of cleanlab on out-of-fold probabilities. For numbers: out-of-fold residuals (of the
    logarithm, if the task has this scale) more than 8 robust standard deviations from their median.

    Parameters
    ----------
    features : DataFrame
        One column a feature; meant for thousands of rows, not more.
    label : Series of float64
        The label of every row.
    names : Series of str
        Row ids.

    Notes
    -----
    Source: Northcutt, Jiang, Chuang, Confident Learning, JAIR 70 (2021).
    """
    from threadpoolctl import threadpool_limits

    values = label.to_numpy(np.float64)
    log = log and bool((values > 0).all())
    rare = min(np.unique(values, return_counts=True)[1]) if binary else FOLDS
    if len(values) < FEWEST_ROWS or len(np.unique(values)) == 1 or rare < FOLDS:
        return Suspects(0, 0)
    matrix, categorical = _matrix(features)
    with threadpool_limits(1):  # more threads only slow so small a fit down
        if binary:
            expected, order = _by_class(matrix, categorical, values)
        else:
            expected, order = _by_residual(matrix, categorical, np.log(values) if log else values)
            expected = np.exp(expected) if log else expected
    listed = tuple(
        Suspect(str(names.iloc[row]), float(values[row]), float(expected[row])) for row in order[:LISTED].tolist()
    )
    return Suspects(len(values), len(order), listed)


def _by_class(matrix: FloatArray, categorical: list[int], values: FloatArray) -> tuple[FloatArray, IntArray]:
    from cleanlab.filter import find_label_issues
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold

    model = HistGradientBoostingClassifier(**SMALL, categorical_features=categorical or None)
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(matrix, values))

    def contradicted(probabilities: FloatArray) -> IntArray:
        both = np.column_stack([1 - probabilities, probabilities])
        rows = find_label_issues(
            values.astype(int),
            both,
            filter_by="confident_learning",
            return_indices_ranked_by="self_confidence",
            n_jobs=1,
        )
        return np.asarray(rows, np.int64)

    return _in_two_rounds(lambda train, test: _probability(model, matrix, values, train, test), contradicted, folds)


def _by_residual(matrix: FloatArray, categorical: list[int], values: FloatArray) -> tuple[FloatArray, IntArray]:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.model_selection import KFold

    model = HistGradientBoostingRegressor(**SMALL, loss="absolute_error", categorical_features=categorical or None)
    folds = list(KFold(FOLDS, shuffle=True, random_state=0).split(matrix))

    def contradicted(expected: FloatArray) -> IntArray:
        residuals = values - expected
        deviations = np.abs(residuals - np.median(residuals))
        spread = MAD_TO_SD * float(np.median(deviations))
        order = np.argsort(-deviations, kind="stable")
        return np.asarray(order[deviations[order] > FAR * spread] if spread > 0 else order[:0], np.int64)

    def predicted(train: IntArray, test: IntArray) -> FloatArray:
        return np.asarray(model.fit(matrix[train], values[train]).predict(matrix[test]), np.float64)

    return _in_two_rounds(predicted, contradicted, folds)


def _in_two_rounds(
    predicted: Callable[[IntArray, IntArray], FloatArray],
    contradicted: Callable[[FloatArray], IntArray],
    folds: list[tuple[IntArray, IntArray]],
) -> tuple[FloatArray, IntArray]:
    """Predict each row from the others, then again without contradicted rows: they distort other predictions."""
    trusted = np.ones(sum(len(test) for _, test in folds), dtype=bool)
    expected, suspects = np.zeros(len(trusted)), np.empty(0, np.int64)
    for _ in range(2):
        for train, test in folds:
            expected[test] = predicted(train[trusted[train]], test)
        suspects = contradicted(expected)
        trusted[suspects] = False
    return expected, suspects


def _probability(model: Any, matrix: FloatArray, values: FloatArray, train: IntArray, test: IntArray) -> FloatArray:
    """Return the probability of a 1, also where the training rows have one class only."""
    if len(np.unique(values[train])) == 1:
        return np.full(len(test), values[train][0])
    return np.asarray(model.fit(matrix[train], values[train]).predict_proba(matrix[test])[:, 1], np.float64)


def _matrix(features: pd.DataFrame) -> tuple[FloatArray, list[int]]:
    """Return features as numbers, and the positions of categorical columns, which are codes of the 60 most frequent."""
    columns, categorical = [], []
    for name in features:
        column = features[name]
        if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
            columns.append(column.astype("Float64").to_numpy(np.float64, na_value=np.nan))
            continue
        text = column.astype("str")
        frequent = {value: code for code, value in enumerate(text.value_counts().index[:MOST_CATEGORIES])}
        categorical.append(len(columns))
        columns.append(text.map(frequent).to_numpy(np.float64, na_value=np.nan))
    return np.column_stack(columns) if columns else np.empty((len(features), 0)), categorical
