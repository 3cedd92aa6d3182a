"""Baselines: trivial rules that a model must beat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.errors import DataError, SpecError
from tasks.features.row_failures import without_values
from tasks.model.input_matrix import as_numbers, as_text, days_since
from tasks.spec.field_types import QUANTILE_METRICS
from tasks.spec.project_spec import Privacy, ProjectSpec
from tasks.train.data.training_table import Classes, class_names, in_classes, label_values, row_weights
from tasks.train.data.weighted_levels import weighted_median, weighted_quantile
from tasks.user_code.function_calls import UnusableFunctionError, UserFunction, predictions_made

WEEK = 7
CONSTANTS = ("mean", "median", "majority", "last_value", "quantile")


def baseline_prediction(rows: pd.DataFrame, spec: ProjectSpec) -> float:
    """Return the constant prediction of `scope.baseline`, in label units or as P(class 1).

    "mean", "median" and "quantile" are over all rows, "last_value" is the median of the newest seven days. For a
    binary label all of them are the share of ones. The constant of any other rule is the median.

    Parameters
    ----------
    rows : DataFrame
        Training rows: event time and label.

    Raises
    ------
    DataError
        A label cannot be used, or there are several classes.
    """
    if spec.training.task == "multiclass":
        raise DataError("found several classes, which have no single number; use `baseline_predictions`.")
    truth, weights = _newest(rows, label_values(rows, spec), spec)
    if spec.scope.baseline == "quantile":
        return weighted_quantile(truth, QUANTILE_METRICS[spec.scope.metric], weights)
    is_mean = spec.scope.baseline == "mean" or spec.training.task == "binary"
    return float(np.average(truth, weights=weights)) if is_mean else weighted_median(truth, weights)


def baseline_predictions(
    past: pd.DataFrame, rows: pd.DataFrame, spec: ProjectSpec, folder: Path = Path(), classes: Classes = ()
) -> FloatArray:
    """Return the prediction of the baseline for each row.

    Parameters
    ----------
    past : DataFrame
        Labelled rows from which the rule may learn: event time, label and feature columns.
    rows : DataFrame
        Rows to predict; a rule of the project receives them without labels.
    folder : Path
        The folder of the project, where the module of its rule is searched first.
    classes : tuple of str
        Several classes in the order of their columns, with those of the past among them; by default these alone.

    Returns
    -------
    array, shape (n,), or (n, k) for several classes
        Label units, P(class 1) or the share of each class. Rows without a prediction get the constant: the median
        of numbers, the shares of classes.

    Raises
    ------
    DataError
        A label cannot be used, or a rule does not return one prediction for each row. Where it fails on some rows
        only, these get the constant.
    SpecError
        There is no such rule.
    """
    predictions = _predictions(past, rows, spec, folder)
    return in_classes(predictions, class_names(past, spec), classes) if classes else predictions


def _predictions(past: pd.DataFrame, rows: pd.DataFrame, spec: ProjectSpec, folder: Path) -> FloatArray:
    rule, features = spec.scope.baseline, spec.features
    if rule not in CONSTANTS and ":" in rule:
        unlabelled = rows.drop(columns=spec.source.label.column, errors="ignore")
        return _filled(_asked(rule, unlabelled, folder, spec.privacy), past, spec)
    if rule in features.numbers:
        return _filled(as_numbers(rows[rule]), past, spec)
    if rule in {*features.categories, *features.booleans}:
        return _by_value(past, rows, spec)
    return np.repeat(_constant(past, spec), len(rows), axis=0).squeeze(
        axis=1 if spec.training.task != "multiclass" else ()
    )


def _constant(past: pd.DataFrame, spec: ProjectSpec) -> FloatArray:
    """Return the constant as one row: shape (1, 1), or (1, k)."""
    if spec.training.task != "multiclass":
        return np.array([[baseline_prediction(past, spec)]])
    classes = class_names(past, spec)
    return _shares(*_newest(past, label_values(past, spec, classes), spec), len(classes))[None, :]


def _shares(truth: FloatArray, weights: FloatArray | None, classes: int) -> FloatArray:
    counts = np.bincount(truth.astype(np.int64), weights, minlength=classes)
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def _newest(rows: pd.DataFrame, truth: FloatArray, spec: ProjectSpec) -> tuple[FloatArray, FloatArray | None]:
    """Return truth and weights of the newest week where the rule is "last_value", else of all rows."""
    weights = row_weights(rows, spec)
    if spec.scope.baseline != "last_value":
        return truth, weights
    moments = pd.to_datetime(rows[spec.source.event_time], utc=True)
    days = np.floor(days_since(moments, moments.min().date()))
    newest = days > days.max() - WEEK
    return truth[newest], None if weights is None else weights[newest]


def _by_value(past: pd.DataFrame, rows: pd.DataFrame, spec: ProjectSpec) -> FloatArray:
    """Return the constant of the past rows with the same value of the column."""
    column = spec.scope.baseline
    default, out = _constant(past, spec), []
    classes = class_names(past, spec)
    keys = as_text(past[column])
    levels: dict[str, FloatArray] = {}
    for value, part in past.groupby(keys.to_numpy(), sort=True):
        truth, weights = label_values(part, spec, classes), row_weights(part, spec)
        if spec.training.task == "multiclass":
            levels[str(value)] = _shares(truth, weights, len(classes))
        elif spec.training.task == "binary":
            levels[str(value)] = np.array([np.average(truth, weights=weights)])
        else:
            levels[str(value)] = np.array([weighted_median(truth, weights)])
    out = [levels.get(str(value), default[0]) for value in as_text(rows[column])]
    prediction = np.array(out, dtype=np.float64).reshape(len(rows), default.shape[1])
    return prediction if spec.training.task == "multiclass" else prediction[:, 0]


def _filled(prediction: FloatArray, past: pd.DataFrame, spec: ProjectSpec) -> FloatArray:
    default = _constant(past, spec)
    is_known = np.asarray(np.isfinite(prediction))
    if prediction.ndim == 1 and default.shape[1] == 1:
        return np.where(is_known, prediction, default[0, 0])
    if prediction.ndim > 1 and prediction.shape[1] == default.shape[1]:
        return np.where(is_known.all(axis=1, keepdims=True), prediction, default)
    raise DataError(
        f"scope.baseline {spec.scope.baseline!r} returned the shape {prediction.shape}; expected one number a row, or "
        f"{default.shape[1]} shares where there are so many classes"
    )


def _asked(path: str, rows: pd.DataFrame, folder: Path, privacy: Privacy) -> FloatArray:
    """Return what a rule of the project predicts, in a process of its own; missing for rows on which it fails."""
    try:
        made = predictions_made(UserFunction(path, folder, is_private=privacy.is_set), rows)
    except UnusableFunctionError as error:
        raise SpecError([f"scope.baseline is {path!r}, but {error}; put the module next to project.yaml"]) from error
    if made.rows is None and len(rows):
        said = without_values(next(iter(made.failures.values())), privacy)
        raise DataError(f"scope.baseline {path!r} cannot be used: {said}")
    kept = np.empty((0, 1)) if made.rows is None else made.rows.to_numpy(np.float64)
    prediction = np.full((len(rows), kept.shape[1]), np.nan)
    prediction[[place for place in range(len(rows)) if place not in made.failures]] = kept
    return prediction[:, 0] if prediction.shape[1] == 1 else prediction
