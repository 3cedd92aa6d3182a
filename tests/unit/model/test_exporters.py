"""Whatever scikit-learn fitted, the exported model answers as it does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from tasks.errors import EvidenceError, ParityError
from tasks.model import (
    EXPORTERS,
    OnnxModel,
    Predictor,
    SkopsModel,
    export_model,
    load_model,
    model_facts,
    model_files,
    prove_parity,
    raw_scores,
)

if TYPE_CHECKING:
    from tests.unit.model.conftest import Flats

TASKS = ("regression", "binary", "multiclass")


def proven(fitted: Any, model: Predictor, flats: Flats, rows: pd.DataFrame) -> float:
    def trained(frame: pd.DataFrame) -> Any:
        return raw_scores(fitted, flats.inputs(frame)) + np.asarray(model.schema.offset)

    proof = prove_parity(model, trained, rows)
    assert proof.model is model  # the compact file is proven too
    return proof.difference


def trees(task: str) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return kind(max_iter=8, categorical_features=[3], random_state=0)


def forest(name: str, task: str) -> Any:
    import sklearn.ensemble
    import sklearn.tree

    ending = "Regressor" if task == "regression" else "Classifier"
    where = sklearn.tree if name.startswith("Decision") else sklearn.ensemble
    more = {} if name.startswith("Decision") else {"n_estimators": 7}
    return getattr(where, name + ending)(random_state=0, **more)


def spread_and_scaled(final: Any) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    scaled = Pipeline([("fill", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    flagged = SimpleImputer(strategy="most_frequent", add_indicator=True)
    parts = [
        ("numbers", scaled, [0, 1]),
        ("garden", flagged, [2]),
        ("city", OneHotEncoder(handle_unknown="ignore"), [3]),
    ]
    return Pipeline([("prepare", ColumnTransformer(parts)), ("model", final)])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", ["HistGradientBoosting", "RandomForest", "ExtraTrees", "DecisionTree"])
def test_trees_answer_the_same_at_every_edge(name: str, task: str, flats: Flats) -> None:
    frame = flats.frame(400)
    estimator = trees(task) if name == "HistGradientBoosting" else forest(name, task)
    fitted = estimator.fit(flats.inputs(frame), flats.target(frame, task))
    model = export_model(fitted, flats.schema(task))
    assert isinstance(model, OnnxModel)
    assert proven(fitted, model, flats, frame) <= 1e-12


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "name", [name for name in EXPORTERS if not any(kind in name for kind in ("Tree", "Forest", "Hist", "LGBM", "XGB"))]
)
def test_linear_models_answer_the_same_with_what_came_before_them(name: str, flats: Flats) -> None:
    import sklearn.linear_model

    frame, classifies = flats.frame(300), name.startswith("Logistic")
    options = (
        {"l1_ratios": (0.0,), "use_legacy_attributes": False, "scoring": "accuracy"}
        if name == "LogisticRegressionCV"
        else {}
    )
    for task in ("binary", "multiclass") if classifies else ("regression",):
        target = flats.target(frame, task)
        target = target if classifies else target - target.min() + 1
        fitted = spread_and_scaled(getattr(sklearn.linear_model, name)(**options)).fit(flats.inputs(frame), target)
        model = export_model(fitted, flats.schema(task))
        assert isinstance(model, OnnxModel)
        assert model.schema.steps
        assert proven(fitted, model, flats, frame) <= 1e-9


@pytest.mark.parametrize("seed", range(8))
def test_random_forests_of_any_shape_answer_the_same(seed: int, flats: Flats) -> None:
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestRegressor

    rng = np.random.default_rng(seed)
    frame = flats.frame(int(rng.integers(30, 300)), seed, missing=float(rng.choice([0.0, 0.3])))
    shape = {
        "n_estimators": int(rng.integers(1, 6)),
        "max_depth": [1, 4, None][int(rng.integers(0, 3))],
        "random_state": seed,
    }
    for estimator, task in (
        (RandomForestRegressor(**shape), "regression"),
        (ExtraTreesClassifier(**shape), "multiclass"),
    ):
        fitted = estimator.fit(flats.inputs(frame), flats.target(frame, task))
        assert proven(fitted, export_model(fitted, flats.schema(task)), flats, frame) <= 1e-12


def test_trees_after_scaling_meet_their_thresholds_on_the_scale_of_the_rows(flats: Flats) -> None:
    frame = flats.frame(300)
    fitted = spread_and_scaled(forest("RandomForest", "regression"))
    fitted.fit(flats.inputs(frame), flats.target(frame, "regression"))
    assert proven(fitted, export_model(fitted, flats.schema()), flats, frame) <= 1e-12


@pytest.mark.parametrize("loss", ["poisson", "gamma", "absolute_error", "quantile"])
def test_a_regressor_of_another_loss_predicts_in_the_labels_unit(loss: str, flats: Flats) -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    frame = flats.frame(200)
    target = flats.target(frame, "regression")
    fitted = HistGradientBoostingRegressor(loss=loss, max_iter=3, quantile=0.5).fit(
        flats.inputs(frame), target - target.min() + 1
    )
    assert proven(fitted, export_model(fitted, flats.schema()), flats, frame) <= 1e-9


@pytest.mark.parametrize("task", TASKS)
def test_a_level_is_added_on_the_models_scale(task: str, flats: Flats) -> None:
    frame = flats.frame(200)
    fitted = forest("RandomForest", task).fit(flats.inputs(frame), flats.target(frame, task))
    level = (0.5, 0.0, -0.25) if task == "multiclass" else 0.5
    model, plain = (export_model(fitted, flats.schema(task, offset=offset)) for offset in (level, 0.0))
    assert model.score(frame) == pytest.approx(plain.score(frame) + np.asarray(level))
    prediction = model.predict(frame)
    if task == "binary":  # odds are multiplied by exp(0.5)
        before = np.clip(plain.predict(frame), 1e-9, 1 - 1e-9)
        assert prediction / (1 - prediction) == pytest.approx(np.exp(0.5) * before / (1 - before))
    if task == "multiclass":
        assert prediction.shape == (200, 3)
        assert prediction.sum(axis=1) == pytest.approx(1)


def test_a_log_target_comes_back_through_the_link(flats: Flats) -> None:
    from sklearn.linear_model import Ridge

    frame = flats.frame(200, missing=0)
    price = flats.target(frame, "regression") + 200
    fitted = Ridge().fit(flats.inputs(frame), np.log(price))
    model = export_model(fitted, flats.schema(link="exp"))
    assert model.predict(frame) == pytest.approx(np.exp(fitted.predict(flats.inputs(frame))))


def test_probabilities_are_those_of_scikit_learn_and_the_classes_are_named(flats: Flats) -> None:
    frame = flats.frame(200)
    names = np.array(["cheap", "fair", "dear"])[flats.target(frame, "multiclass").astype(int)]
    fitted = forest("ExtraTrees", "multiclass").fit(flats.inputs(frame), names)
    model = export_model(fitted, flats.schema("multiclass"))
    assert model.schema.classes == ("cheap", "dear", "fair")
    assert model.predict(frame) == pytest.approx(fitted.predict_proba(flats.inputs(frame)), abs=1e-8)
    assert [model.schema.classes[place] for place in model.decisions(model.predict(frame))] == list(
        fitted.predict(flats.inputs(frame))
    )
    assert model.predict(frame.iloc[:0]).shape == (0, 3)


def test_a_binary_decision_follows_the_threshold(flats: Flats) -> None:
    frame = flats.frame(100)
    fitted = trees("binary").fit(flats.inputs(frame), flats.target(frame, "binary"))
    model = export_model(fitted, flats.schema("binary", threshold=0.2))
    assert model.decisions(np.array([0.1, 0.2, 0.9])).tolist() == [0, 1, 1]
    with pytest.raises(TypeError, match="no classes"):
        export_model(trees("regression").fit(flats.inputs(frame), np.arange(100.0)), flats.schema()).decisions(
            np.zeros(1)
        )


@pytest.mark.parametrize("task", TASKS)
def test_what_no_exporter_can_say_is_kept_and_answers_the_same(task: str, flats: Flats) -> None:
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    frame = flats.frame(200)
    kind = GradientBoostingRegressor if task == "regression" else GradientBoostingClassifier
    fitted = spread_and_scaled(kind(n_estimators=3)).fit(flats.inputs(frame), flats.target(frame, task))
    model = export_model(fitted, flats.schema(task))
    assert isinstance(model, SkopsModel)
    assert model_facts(model)["format"].startswith("skops")
    again = load_model(model_files(model))
    assert set(model_files(model)) == {"model.skops", "schema.json"}
    assert proven(fitted, again, flats, frame) == 0


def test_a_portable_model_is_loaded_from_its_files(flats: Flats) -> None:
    frame = flats.frame(100)
    model = export_model(
        trees("multiclass").fit(flats.inputs(frame), flats.target(frame, "multiclass")), flats.schema("multiclass")
    )
    files = model_files(model)
    assert set(files) == {"model.onnx", "model.compact", "schema.json"}
    assert load_model(files).predict(frame).tolist() == model.predict(frame).tolist()
    without = load_model({name: files[name] for name in ("model.onnx", "schema.json")})
    assert without.predict(frame).tolist() == model.predict(frame).tolist()
    with pytest.raises(EvidenceError, match=r"so model.onnx is expected"):
        load_model({"schema.json": files["schema.json"]})
    with pytest.raises(EvidenceError, match=r"expected schema.json too"):
        load_model({"model.onnx": files["model.onnx"]})


def test_an_export_with_other_predictions_is_refused(flats: Flats) -> None:
    frame = flats.frame(200)
    fitted = trees("binary").fit(flats.inputs(frame), flats.target(frame, "binary"))
    model = export_model(fitted, flats.schema("binary"))
    lying = replace(model, schema=replace(model.schema, categories={"city": ("Bonn", "Aachen", "Celle", "Dresden")}))
    with pytest.raises(ParityError, match="differs from the trained one"):
        proven(fitted, lying, flats, frame)
    with pytest.raises(ParityError, match="returns the shape"):
        prove_parity(model, lambda rows: np.zeros((len(rows), 2)), frame)


def test_many_trees_of_many_classes_are_answered_in_smaller_blocks(flats: Flats) -> None:
    from sklearn.ensemble import RandomForestClassifier

    frame = flats.frame(100)
    fitted = RandomForestClassifier(200, max_depth=1).fit(flats.inputs(frame), np.arange(100) % 20)
    assert export_model(fitted, flats.schema("multiclass")).schema.block_rows == 8_000_000 // (4 + 200 * 22)
