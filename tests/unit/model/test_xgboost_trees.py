"""Trees of XGBoost are exported with every bit of their floats, or refused by name; only known classes may be named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.arrays import FloatArray
from tasks.compact import CompactEvaluator
from tasks.compact.compact_file import has_single_sums
from tasks.errors import DataError
from tasks.inference.onnx_session import onnx_session, run_session
from tasks.model import ModelSchema, OnnxModel, export_model, prove_parity, raw_scores
from tasks.model.export.onnx_graph import double_thresholds
from tasks.model.export.xgboost_trees import compact_xgboost, xgboost_graph
from tasks.spec.project_spec import Estimator, ProjectSpec
from tasks.train import Recipe, fit_model
from tasks.train.fit.estimators import fit_estimator
from tests.unit.model.test_lightgbm_trees import LABELS as LABELS_OF_BOOSTING
from tests.unit.model.test_lightgbm_trees import hard, rows, truth
from tests.unit.train.conftest import market, spec_of

xgboost = pytest.importorskip("xgboost")
QUIET: dict[str, Any] = {"n_jobs": 1, "verbosity": 0, "n_estimators": 12}
AS_OF = date(2024, 4, 4)
CODES = {2: 40, 3: 3}
LABELS: dict[str, Callable[[FloatArray], FloatArray]] = LABELS_OF_BOOSTING | {
    "absolute": lambda level: level,
    "quantile": lambda level: level,
    "gamma": lambda level: np.abs(level) + 0.1,
    "tweedie": lambda level: np.floor(np.abs(level)),
    "huber": lambda level: level,
}
KINDS: dict[str, dict[str, Any]] = {
    "regression": {"max_depth": 9, "min_child_weight": 0.1, "learning_rate": 0.5},
    "binary": {"scale_pos_weight": 3.0, "grow_policy": "lossguide", "max_leaves": 40},
    "multiclass": {"subsample": 0.7, "max_cat_to_onehot": 100},
    "poisson": {"objective": "count:poisson"},
    "constant": {},
    "absolute": {"objective": "reg:absoluteerror"},
    "quantile": {"objective": "reg:quantileerror", "quantile_alpha": 0.9},
    "gamma": {"objective": "reg:gamma", "n_estimators": 70},
    "tweedie": {"objective": "reg:tweedie"},
    "huber": {"objective": "reg:pseudohubererror"},
}


def tried() -> FloatArray:
    """Rows of the training, and hard ones; a code that the encoder does not know is missing."""
    found = np.concatenate([rows(), hard(rows())])
    found[found[:, 2] >= CODES[2], 2] = np.nan
    return found


def estimator(kind: str, **more: Any) -> Any:
    name = "XGBClassifier" if kind in {"binary", "multiclass"} else "XGBRegressor"
    return getattr(xgboost, name)(**QUIET | KINDS[kind] | more)


def fitted(kind: str, **more: Any) -> Any:
    model = estimator(kind, **more)
    fit_estimator(model, (rows(), np.asarray(LABELS[kind](truth(rows())), dtype=float)), [2, 3])
    return model


fitted_once = cache(fitted)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_compact_file_and_the_graph_have_every_bit(kind: str) -> None:
    model, inputs = fitted(kind), tried()
    expected = raw_scores(model, inputs)
    content = compact_xgboost(model, CODES)
    assert has_single_sums(content)
    evaluator = CompactEvaluator(content, "demo")
    np.testing.assert_array_equal(np.squeeze(evaluator.run(inputs)), expected)
    few = np.concatenate([evaluator.run(inputs[first : first + 5]) for first in range(0, 50, 5)])
    np.testing.assert_array_equal(np.squeeze(few), expected[:50])
    graph = np.squeeze(run_session(onnx_session(xgboost_graph(model), "demo", 1), inputs))
    if evaluator.is_exponential:  # that of onnxruntime has other last digits than NumPy's
        np.testing.assert_allclose(graph, expected, rtol=1e-12)
    else:
        np.testing.assert_array_equal(graph, expected)


def test_what_xgboost_itself_predicts_has_the_bits_of_the_compact_file() -> None:
    model, inputs = fitted("regression"), tried()
    found = CompactEvaluator(compact_xgboost(model, CODES), "demo").run(inputs).ravel()
    assert np.array_equal(found.astype(np.float32), model.predict(inputs))
    assert np.array_equal(found, found.astype(np.float32))  # a sum of floats is a float


numbers = st.one_of(
    st.floats(-4, 4), st.floats(-4, 4, width=32), st.sampled_from([0.0, -0.0, 1e-46, -1e-46, 3e38, -3e38, np.nan])
)


@given(
    kind=st.sampled_from(["regression", "binary", "multiclass", "quantile"]),
    row=st.tuples(numbers, numbers, st.sampled_from([np.nan, *range(40)]), st.sampled_from([np.nan, 0, 1, 2])),
)
@settings(max_examples=200, deadline=None)
def test_any_row_has_the_bits_that_xgboost_gives_it(kind: str, row: tuple[float, ...]) -> None:
    model, inputs = fitted_once(kind), np.array([row], dtype=float)
    found = CompactEvaluator(compact_of(kind), "demo").run(inputs)
    assert found.ravel().tolist() == raw_scores(model, inputs).ravel().tolist()


@cache
def compact_of(kind: str) -> bytes:
    return compact_xgboost(fitted_once(kind), CODES)


@given(threshold=st.floats(-(2.0**126), 2.0**126, width=32))
def test_a_double_threshold_parts_doubles_as_the_float_does(threshold: float) -> None:
    (found,) = double_thresholds(np.array([threshold]))
    assert np.float32(found) < np.float32(threshold)
    assert not np.float32(np.nextafter(found, np.inf)) < np.float32(threshold)


def test_every_row_at_and_next_to_a_threshold_is_proven() -> None:
    schema = ModelSchema("demo", "regression", "mean_absolute_error", "day", numbers=("a", "b"))
    frame = pd.DataFrame(rows()[:, :2], columns=["a", "b"])
    model = estimator("regression").fit(frame.to_numpy(), truth(rows()))
    found = prove_parity(export_model(model, schema), lambda some: raw_scores(model, some.to_numpy()), frame)
    assert isinstance(found.model, OnnxModel)
    assert found.model.compact_bytes is not None
    assert found.difference == 0.0


@pytest.mark.parametrize(
    ("kind", "more", "message"),
    [
        ("regression", {"booster": "dart"}, "booster dart"),
        ("regression", {"booster": "gblinear"}, "booster gblinear"),
        ("gamma", {"objective": "reg:squaredlogerror"}, "the objective reg:squaredlogerror"),
        ("regression", {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]}, "several targets"),
        ("multiclass", {"num_parallel_tree": 2}, "num_parallel_tree with several classes"),
    ],
)
def test_what_has_no_exact_form_is_refused_by_name(kind: str, more: dict[str, Any], message: str) -> None:
    inputs = np.nan_to_num(rows())[:, :2]
    model = estimator(kind, **more).fit(inputs, LABELS[kind](truth(rows())))
    task = kind if kind in {"binary", "multiclass"} else "regression"
    schema = ModelSchema("demo", task, "mean_absolute_error", "day", numbers=("a", "b"))  # type: ignore[arg-type]  # a task
    with pytest.raises(DataError, match=message):
        export_model(model, schema)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_a_training_registers_what_it_has_proven_and_repeats_it(task: str) -> None:
    name = "XGBRegressor" if task == "regression" else "XGBClassifier"
    use = {"use": f"xgboost:{name}", "parameters": {"n_estimators": 30, "max_depth": 4}}
    metric = "mean_absolute_error" if task == "regression" else "log_loss"
    spec = spec_of(scope={"metric": metric}, training={"task": task, "estimators": [use]})
    known = market()
    known = known.assign(zip=known["zip"].where(known.index % 9 > 0))
    level = known["price"]
    if task == "binary":
        known = known.assign(price=(level > 150).astype(float))
    if task == "multiclass":
        known = known.assign(price=np.array(["low", "middle", "high"])[np.digitize(level, [100, 200])])
    recipe = Recipe(
        () if task == "multiclass" else ("recency",),
        half_life_days=30,
        estimator=f"xgboost:{name}",
        parameters=(("n_estimators", 30), ("max_depth", 4)),
    )
    found, again = (fit_model(recipe, known, spec, AS_OF) for _ in range(2))
    assert isinstance(found.portable, OnnxModel)
    assert found.portable.schema.estimator == f"xgboost.sklearn.{name}"
    assert found.portable.compact_bytes == again.portable.compact_bytes is not None  # type: ignore[attr-defined]  # both are
    assert found.parity <= 1e-9
    if task == "multiclass":
        assert found.portable.schema.class_names == ("high", "low", "middle")
        return
    assert pd.Series(found.portable.predict(known)).corr(known["price"]) > 0.7


def test_only_known_classes_and_parameters_of_xgboost_may_be_named() -> None:
    for use in ("xgboost:Booster", "xgboost:train", "xgboost.dask:DaskXGBRegressor", "catboost:CatBoostRegressor"):
        with pytest.raises(ValueError, match="expected"):
            Estimator(use=use)
    for parameter in ({"device": "cuda"}, {"callbacks": "os:system"}, {"booster": "dart"}):
        with pytest.raises(ValueError, match=rf"found the parameters \['{next(iter(parameter))}'\]"):
            Estimator(use="xgboost:XGBRegressor", parameters=parameter)  # type: ignore[arg-type]  # what a spec may say
    assert isinstance(spec_of(training={"estimators": [{"use": "xgboost:XGBRegressor"}]}), ProjectSpec)
