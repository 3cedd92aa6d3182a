"""Trees of LightGBM: exported with every bit, or refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.compact import CompactEvaluator
from tasks.errors import DataError
from tasks.inference.onnx_session import onnx_session, run_session
from tasks.model import ModelSchema, OnnxModel, export_model
from tasks.model.export.exporters import raw_scores
from tasks.model.export.lightgbm_trees import compact_lightgbm, lightgbm_graph
from tasks.spec.project_spec import Estimator, ProjectSpec
from tasks.train import Recipe, fit_model
from tests.unit.train.conftest import market, spec_of

lightgbm = pytest.importorskip("lightgbm")
QUIET: dict[str, Any] = {
    "n_jobs": 1,
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "n_estimators": 12,
}
AS_OF = date(2024, 4, 4)


def rows(count: int = 1200) -> np.ndarray:
    """Two numbers, of which the second has gaps, and two categories, of which the first has gaps."""
    rng = np.random.default_rng(0)
    gap = rng.random((count, 2)) < 0.1
    numbers = np.column_stack([rng.normal(size=count), np.where(gap[:, 0], np.nan, rng.normal(size=count))])
    codes = np.column_stack([np.where(gap[:, 1], np.nan, rng.integers(0, 40, count)), rng.integers(0, 3, count)])
    return np.column_stack([numbers, codes])


def hard(inputs: np.ndarray) -> np.ndarray:
    """Rows with values in other columns, gaps where training had none, and codes that it did not have."""
    rng = np.random.default_rng(1)
    mixed = np.column_stack([rng.permutation(column) for column in inputs.T])
    mixed[::7, 0] = np.nan
    mixed[::11, 2], mixed[::13, 3] = 77.0, np.nan
    mixed[::17, 0] = 0.0
    return mixed


def truth(inputs: np.ndarray) -> np.ndarray:
    level = inputs[:, 0] + np.nan_to_num(inputs[:, 1]) + np.where(inputs[:, 2] % 3 == 1, 2, 0) + inputs[:, 3]
    return np.asarray(level + np.random.default_rng(2).normal(size=len(inputs)))


LABELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "regression": lambda level: level,
    "binary": lambda level: level > 1,
    "multiclass": lambda level: np.digitize(level, [0, 2]),
    "poisson": lambda level: np.floor(np.abs(level)),
    "constant": np.zeros_like,
}
KINDS: dict[str, dict[str, Any]] = {
    "regression": {"num_leaves": 63, "min_child_samples": 2},
    "binary": {"boosting_type": "dart"},
    "multiclass": {"subsample": 0.7, "subsample_freq": 1},
    "poisson": {"objective": "poisson"},
    "constant": {},
}


def fitted(kind: str, **more: Any) -> Any:
    inputs = rows()
    name = "LGBMClassifier" if kind in {"binary", "multiclass"} else "LGBMRegressor"
    model = getattr(lightgbm, name)(**QUIET | KINDS[kind] | more)
    return model.fit(inputs, LABELS[kind](truth(inputs)), categorical_feature=[2, 3])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_compact_file_has_every_bit_and_the_graph_all_but_the_last_digits(kind: str) -> None:
    model, inputs = fitted(kind), np.concatenate([rows(), hard(rows())])
    expected = raw_scores(model, inputs)
    evaluator = CompactEvaluator(compact_lightgbm(model), "demo")
    sums = evaluator.run(inputs)
    np.testing.assert_array_equal(np.squeeze(sums), expected)
    graph = run_session(onnx_session(lightgbm_graph(model), "demo", 1), inputs)
    np.testing.assert_allclose(np.squeeze(graph), expected, rtol=1e-12, atol=1e-12)


def test_a_class_with_a_tree_of_one_leaf_among_others_has_the_scores_of_the_trained_model() -> None:
    inputs, label = rows(), np.zeros(1200)
    label[inputs[:, 0] > 0], label[:3] = 1, 2  # three rows of a class have no split of at least twenty
    model = lightgbm.LGBMClassifier(**QUIET).fit(inputs, label)
    graph = run_session(onnx_session(lightgbm_graph(model), "demo", 1), inputs)
    np.testing.assert_allclose(graph, raw_scores(model, inputs), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "more", "message"),
    [
        ("regression", {"zero_as_missing": True}, "zero_as_missing"),
        ("regression", {"linear_tree": True}, "linear trees"),
        ("regression", {"reg_sqrt": True}, "the option sqrt"),
        ("regression", {"boosting_type": "rf", "subsample": 0.5, "subsample_freq": 1}, "boosting_type rf"),
        ("binary", {"sigmoid": 2.0}, "a sigmoid other than 1"),
        ("multiclass", {"objective": "multiclassova"}, "the objective multiclassova"),
    ],
)
def test_what_has_no_exact_form_is_refused_by_name(kind: str, more: dict[str, Any], message: str) -> None:
    inputs = np.nan_to_num(rows())[:, :2]
    name = "LGBMClassifier" if kind in {"binary", "multiclass"} else "LGBMRegressor"
    model = getattr(lightgbm, name)(**QUIET | KINDS[kind] | more).fit(inputs, LABELS[kind](truth(rows())))
    task = kind if kind in {"binary", "multiclass"} else "regression"
    schema = ModelSchema("demo", task, "mean_absolute_error", "day", numbers=("a", "b"))  # type: ignore[arg-type]  # a task
    with pytest.raises(DataError, match=message):
        export_model(model, schema)


@pytest.mark.parametrize(("task", "name"), [("regression", "LGBMRegressor"), ("binary", "LGBMClassifier")])
def test_a_training_registers_what_it_has_proven_and_repeats_it(task: str, name: str) -> None:
    metric = "log_loss" if task == "binary" else "mean_absolute_error"
    use = {"use": f"lightgbm:{name}", "parameters": {"n_estimators": 30, "num_leaves": 8}}
    spec = spec_of(scope={"metric": metric}, training={"task": task, "estimators": [use]})
    known = market()
    known = known.assign(price=known["price"] > 150 if task == "binary" else known["price"])
    known = known.assign(price=known["price"].astype(float), zip=known["zip"].where(known.index % 9 > 0))
    recipe = Recipe(
        ("recency",),
        half_life_days=30,
        estimator=f"lightgbm:{name}",
        parameters=(("n_estimators", 30), ("num_leaves", 8)),
    )
    found, again = (fit_model(recipe, known, spec, AS_OF) for _ in range(2))
    assert isinstance(found.portable, OnnxModel)
    assert found.portable.schema.estimator == f"lightgbm.sklearn.{name}"
    assert found.portable.compact_bytes == again.portable.compact_bytes is not None  # type: ignore[attr-defined]  # both are
    assert found.parity <= 1e-9
    assert pd.Series(found.portable.predict(known)).corr(known["price"]) > 0.7


def test_only_known_classes_and_parameters_of_lightgbm_may_be_named() -> None:
    for use in ("lightgbm:Booster", "lightgbm:train", "os:system"):
        with pytest.raises(ValueError, match="expected"):
            Estimator(use=use)
    with pytest.raises(ValueError, match=r"found the parameters \['forcedsplits_filename'\]"):
        Estimator(use="lightgbm:LGBMRegressor", parameters={"forcedsplits_filename": "/etc/passwd"})
    assert isinstance(spec_of(training={"estimators": [{"use": "lightgbm:LGBMRegressor"}]}), ProjectSpec)
