"""Exporters by estimator: a fitted model becomes an ONNX graph if an exporter exists, else a skops file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from tasks.arrays import FloatArray
from tasks.compact import COMPACT_FILE, is_built
from tasks.errors import DataError, EvidenceError
from tasks.inference.answer_scale import scores_from_probabilities
from tasks.inference.onnx_session import ONNX_FILE
from tasks.inference.schema import SCHEMA_FILE, ModelSchema, Output
from tasks.model.export.boosted_trees import boosting_graph
from tasks.model.export.compact_forms import (
    compact_boosting,
    compact_forest,
    compact_linear,
    compact_log_linear,
)
from tasks.model.export.forests import forest_graph
from tasks.model.export.lightgbm_trees import compact_lightgbm, lightgbm_fault, lightgbm_graph, lightgbm_scores
from tasks.model.export.linear import linear_graph, log_linear_graph
from tasks.model.export.transformers import preprocessing_steps
from tasks.model.export.xgboost_trees import compact_xgboost, xgboost_fault, xgboost_graph, xgboost_scores
from tasks.model.onnx_model import OnnxModel
from tasks.model.predictor import Predictor
from tasks.model.skops_model import SKOPS_FILE, SkopsModel, skops_bytes

CELLS_AT_ONCE = 8_000_000  # doubles of intermediate results: 64 MB
MOST_ROWS_AT_ONCE = 65_536
TWO = 2


@dataclass(frozen=True, slots=True)
class Exporter:
    """How an estimator becomes a graph and a compact file, and whether these return scores or probabilities."""

    graph: Callable[[Any], bytes]
    compact: Callable[[Any], bytes]
    output: Output = "score"


_TREES, _FOREST = Exporter(boosting_graph, compact_boosting), Exporter(forest_graph, compact_forest)
_LINEAR, _LOG_LINEAR = Exporter(linear_graph, compact_linear), Exporter(log_linear_graph, compact_log_linear)
_LIGHTGBM = Exporter(lightgbm_graph, compact_lightgbm)
_XGBOOST = Exporter(xgboost_graph, partial(compact_xgboost, code_counts={}))
_FOREST_OF_CLASSES = Exporter(forest_graph, compact_forest, "probability")

EXPORTERS: dict[str, Exporter] = {
    "HistGradientBoostingRegressor": _TREES,
    "HistGradientBoostingClassifier": _TREES,
    "RandomForestRegressor": _FOREST,
    "RandomForestClassifier": _FOREST_OF_CLASSES,
    "ExtraTreesRegressor": _FOREST,
    "ExtraTreesClassifier": _FOREST_OF_CLASSES,
    "DecisionTreeRegressor": _FOREST,
    "DecisionTreeClassifier": _FOREST_OF_CLASSES,
    "LinearRegression": _LINEAR,
    "Ridge": _LINEAR,
    "RidgeCV": _LINEAR,
    "Lasso": _LINEAR,
    "LassoCV": _LINEAR,
    "ElasticNet": _LINEAR,
    "ElasticNetCV": _LINEAR,
    "BayesianRidge": _LINEAR,
    "HuberRegressor": _LINEAR,
    "QuantileRegressor": _LINEAR,
    "SGDRegressor": _LINEAR,
    "LogisticRegression": _LINEAR,
    "LogisticRegressionCV": _LINEAR,
    "PoissonRegressor": _LOG_LINEAR,
    "GammaRegressor": _LOG_LINEAR,
    "LGBMRegressor": _LIGHTGBM,
    "LGBMClassifier": _LIGHTGBM,
    "XGBRegressor": _XGBOOST,
    "XGBClassifier": _XGBOOST,
}
"""By the name of the class; other estimators of scikit-learn are stored with skops."""

SCORED = (
    *("HistGradientBoostingClassifier", "LogisticRegression", "LogisticRegressionCV"),
    *("LGBMClassifier", "XGBClassifier"),
)
"""Classifiers with a decision function of log odds, or of logarithms of odds between classes."""

FAULTS: dict[str, Callable[[Any], str]] = {"lightgbm": lightgbm_fault, "xgboost": xgboost_fault}
SCORES: dict[str, Callable[[Any, FloatArray], FloatArray]] = {"lightgbm": lightgbm_scores, "xgboost": xgboost_scores}
"""By package: what cannot be exported exactly, and the scores of a fitted estimator."""


def export_model(fitted: Any, schema: ModelSchema) -> Predictor:
    """Return a model that predicts as the fitted one does.

    Parameters
    ----------
    fitted : estimator or Pipeline
        A scikit-learn estimator fitted on the schema's input matrix (categories as codes, missing values NaN), or a
        Pipeline with earlier steps that impute, scale or encode that matrix.
    schema : ModelSchema
        The columns and other facts; `format`, `estimator`, `classes`, `output`, `steps` and `block_rows` are
        set by this function, and `link` where it follows from the task.

    Returns
    -------
    Predictor
        An OnnxModel if an exporter and the steps of the schema represent all of it, else a SkopsModel. It has a compact
        file where this installation can evaluate one: what is not proven is not used.

    Raises
    ------
    DataError
        An estimator of LightGBM or XGBoost that cannot be represented: it has no other form that is safe to load.
    """
    final, before = _parts(fitted)
    if _package(final) in FAULTS and (fault := FAULTS[_package(final)](final)):
        raise DataError(
            f"{type(final).__name__} cannot be exported exactly: {fault}. Leave that out of its parameters, or use an "
            "estimator of scikit-learn"
        )
    schema = replace(
        schema,
        estimator=f"{type(final).__module__}.{type(final).__qualname__}",
        classes=tuple(_class_label(label) for label in _classes(final)),
        link={"regression": schema.link, "binary": "logistic", "multiclass": "softmax"}[schema.task],
        output=output_kind(final),
    )
    exporter = _exporter(final, schema)
    steps = preprocessing_steps(before, schema.inputs) if exporter else None
    if exporter is None or steps is None:
        parts = [part for _, part in getattr(fitted, "steps", ())]
        widest = max(int(getattr(part, "n_features_in_", 1)) for part in (final, *parts))
        return SkopsModel(replace(schema, format="skops", block_rows=_block_rows(final, widest)), skops_bytes(fitted))
    columns = sum(step.width for step in steps) or int(final.n_features_in_)
    schema = replace(schema, format="onnx", steps=steps, output=exporter.output, block_rows=_block_rows(final, columns))
    compact_bytes = exporter.compact(final) if is_built() else None
    return OnnxModel(schema, exporter.graph(final), compact_bytes=compact_bytes)


def raw_scores(fitted: Any, inputs: FloatArray) -> FloatArray:
    """Return the scores of the fitted model, which an export must reproduce, before level correction.

    A regressor's prediction; log odds of class 1; or, of several classes, the decision function or the logarithm of
    each probability.

    Returns
    -------
    array, shape (n,), or (n, k) for more than two classes
    """
    final, before = _parts(fitted)
    if _package(final) in SCORES:
        for step in before:
            inputs = step.transform(inputs)
        return SCORES[_package(final)](final, inputs)
    if not hasattr(final, "classes_"):
        with np.errstate(over="ignore"):  # exp of a large value is infinite, as in the graph
            return np.asarray(fitted.predict(inputs), dtype=np.float64).ravel()
    if output_kind(final) == "score":
        return np.asarray(fitted.decision_function(inputs), dtype=np.float64)
    shares = np.asarray(fitted.predict_proba(inputs), dtype=np.float64)
    return scores_from_probabilities(shares[:, 1] if shares.shape[1] == TWO else shares)


def output_kind(final: Any) -> Output:
    """Return whether an estimator is used for scores or for probabilities."""
    has_probabilities = hasattr(final, "classes_") and hasattr(final, "predict_proba")
    return "probability" if has_probabilities and type(final).__name__ not in SCORED else "score"


def model_files(model: Predictor) -> dict[str, bytes]:
    """Return the two or three files of a model by name, as `load_model` reads them."""
    name, content = model.file
    compact = model.compact_bytes if isinstance(model, OnnxModel) else None
    files = {name: content, SCHEMA_FILE: model.schema.to_json().encode()}
    return files if compact is None else {**files, COMPACT_FILE: compact}


def load_model(files: Mapping[str, bytes], threads: int = 1) -> Predictor:
    """Load the model of a version from its files, which the registry has verified against the signed manifest.

    Parameters
    ----------
    threads : int
        Threads of one call of an ONNX model.

    Raises
    ------
    EvidenceError
        A file is missing, or the schema is damaged or has an unknown protocol.
    """
    if SCHEMA_FILE not in files:
        raise EvidenceError(f"found the files {sorted(files)}; expected {SCHEMA_FILE} too. Register the version again.")
    schema = ModelSchema.from_json(files[SCHEMA_FILE])
    name = SKOPS_FILE if schema.format == "skops" else ONNX_FILE
    if name not in files:
        raise EvidenceError(
            f"found the files {sorted(files)}; the schema says {schema.format!r}, so {name} is expected. "
            "Register the version again."
        )
    if schema.format == "skops":
        return SkopsModel(schema, files[name])
    return OnnxModel(schema, files[name], threads, files.get(COMPACT_FILE))


def model_facts(model: Predictor) -> dict[str, str]:
    """Return the facts of a model card about the model file."""
    portable = model.schema.format == "onnx"
    requirement = "runs without scikit-learn" if portable else "needs scikit-learn: it has no exporter"
    compact = model.compact_bytes if isinstance(model, OnnxModel) else None
    return {
        "format": f"{model.schema.format} ({requirement})",
        "estimator": model.schema.estimator or "unknown",
        "size_mb": f"{model.size_mb:.2f}",
        "compact_mb": "no compact form" if compact is None else f"{len(compact) / 1e6:.2f}",
    }


def _parts(fitted: Any) -> tuple[Any, list[Any]]:
    """Return the final estimator, and the transformers before it."""
    steps = getattr(fitted, "steps", None)
    return (fitted, []) if steps is None else (steps[-1][1], [step for _, step in steps[:-1]])


def _package(final: Any) -> str:
    """Return the package of an estimator.

    >>> _package(np.float64(1))
    'numpy'
    """
    return type(final).__module__.partition(".")[0]


def _classes(final: Any) -> Any:
    """Return the labels of a classifier: XGBoost learns numbers, and has their names from `tasks.train`."""
    return getattr(final, "class_names_", getattr(final, "classes_", ()))


def _exporter(final: Any, schema: ModelSchema) -> Exporter | None:
    """Return the exporter of a class of scikit-learn with one label, of LightGBM or of XGBoost."""
    exporter = EXPORTERS.get(type(final).__name__)
    if exporter is _XGBOOST:
        first = len(schema.numbers) + len(schema.booleans)
        counts = {column: len(values) for column, values in enumerate(schema.categories.values(), first)}
        return replace(exporter, compact=partial(compact_xgboost, code_counts=counts))
    if _package(final) in FAULTS:
        return exporter
    one_label = getattr(final, "n_outputs_", 1) == 1 and np.ndim(getattr(final, "intercept_", 0.0)) <= 1
    return exporter if _package(final) == "sklearn" and one_label else None


def _block_rows(final: Any, columns: int) -> int:
    """Return how many rows are scored at once; `columns` is the width of what is computed from a row."""
    classes, trees = len(getattr(final, "classes_", ())), len(getattr(final, "estimators_", ()))
    learned = max(len(getattr(final, "X_train_", ())), int(getattr(final, "n_samples_fit_", 0)))  # each row meets all
    cells = columns + learned + (trees * (classes + 2) if classes > TWO else 0)
    return max(1, min(MOST_ROWS_AT_ONCE, CELLS_AT_ONCE // cells))


def _class_label(label: Any) -> str | float:
    return label if isinstance(label, str) else float(label)
