"""Exported trees answer as the fitted ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.arrays import FloatArray
from tasks.model import ModelSchema, OnnxModel, boosting_graph
from tasks.model.export.onnx_graph import split_points

SCHEMA = ModelSchema("demo", "regression", "mean_absolute_error", "day")
ROWS = 1500


def answers(estimator: Any, inputs: FloatArray) -> FloatArray:
    return OnnxModel(SCHEMA, boosting_graph(estimator)).score_matrix(np.ascontiguousarray(inputs))


def sample(values: int, seed: int, missing: float) -> tuple[FloatArray, FloatArray]:
    """A number, two categories between two more numbers, and a target that needs all of them."""
    rng = np.random.default_rng(seed)
    many, few = rng.integers(0, values, ROWS), rng.integers(0, 5, ROWS)
    inputs = np.column_stack(
        [rng.normal(size=ROWS), many, rng.exponential(size=ROWS), few * 3 + 1, rng.normal(size=ROWS)]
    )
    target = rng.normal(size=values)[many] * inputs[:, 0] + rng.normal(size=5)[few] + np.sin(3 * inputs[:, 2])
    inputs[rng.random(inputs.shape) < missing] = np.nan
    return inputs, target


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("values", [2, 70, 254])
@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_every_answer_is_the_same_double(kind: str, values: int, missing: float) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    inputs, target = sample(values, seed=values, missing=missing)
    if kind == "binary":
        estimator = HistGradientBoostingClassifier(max_iter=25, categorical_features=[1, 3]).fit(inputs, target > 0)
    else:
        estimator = HistGradientBoostingRegressor(max_iter=25, categorical_features=[1, 3]).fit(inputs, target)
    rng = np.random.default_rng(0)
    hard = inputs[rng.permutation(ROWS)]
    hard[rng.random(hard.shape) < 0.2] = np.nan
    unseen = rng.random(ROWS) < 0.3
    hard[unseen, 3] = rng.integers(0, 40, int(unseen.sum()))  # trained codes are 1, 4, 7, 10, 13; the rest are unknown
    score = estimator.predict if kind == "regression" else estimator.decision_function
    assert np.abs(answers(estimator, hard) - score(hard)).max() <= 1e-12


def test_predictions_agree_at_thresholds_and_next_to_them() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    inputs, target = sample(3, seed=1, missing=0.05)
    estimator = HistGradientBoostingRegressor(max_iter=10).fit(inputs, target)
    for column, points in split_points(boosting_graph(estimator)).items():
        near = np.concatenate([np.nextafter(points, -np.inf), points, np.nextafter(points, np.inf)])
        hard = np.tile(inputs[0], (len(near), 1))
        hard[:, column] = near
        assert np.abs(answers(estimator, hard) - estimator.predict(hard)).max() <= 1e-12


def test_trees_without_a_split_answer_their_constant() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    estimator = HistGradientBoostingRegressor(max_iter=3).fit(np.arange(60.0).reshape(-1, 1), np.full(60, 7.5))
    assert answers(estimator, np.array([[1.0], [np.nan]])).tolist() == [7.5, 7.5]


def test_the_same_trees_give_the_same_bytes() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    inputs, target = sample(4, seed=2, missing=0.0)
    graphs = {boosting_graph(HistGradientBoostingRegressor(max_iter=5).fit(inputs, target)) for _ in range(2)}
    assert len(graphs) == 1
