"""Fitted scikit-learn transformers read as the schema's steps: imputation, scaling and one-hot encoding as tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tasks.inference.schema_parts import PreprocessingStep

Steps = tuple[PreprocessingStep, ...]


def preprocessing_steps(transformers: Sequence[Any], inputs: Sequence[str]) -> Steps | None:
    """Return the steps of a sequence of fitted transformers on the columns of a matrix.

    Supported are SimpleImputer, StandardScaler, RobustScaler, MaxAbsScaler, OneHotEncoder (which must ignore unknown
    values), "passthrough", and any ColumnTransformer or Pipeline of these.

    Parameters
    ----------
    transformers : sequence of fitted transformers
        Fitted on a matrix (n, inputs) without column names.
    inputs : sequence of str
        Names of the columns of that matrix.

    Returns
    -------
    tuple of PreprocessingStep or None
        One step for each column (or group of one-hot columns) of the result, in order; empty when nothing changes. None
        when the steps cannot represent a transformer.
    """
    unchanged = tuple(PreprocessingStep(name) for name in inputs)
    columns: Steps | None = unchanged
    for transformer in transformers:
        columns = None if columns is None else _applied(transformer, columns)
    return () if columns == unchanged else columns


def _applied(transformer: Any, columns: Steps) -> Steps | None:
    if transformer is None or transformer == "passthrough":
        return columns
    if transformer == "drop":
        return ()
    read = READERS.get(type(transformer).__name__)
    return read(transformer, columns) if read and type(transformer).__module__.startswith("sklearn.") else None


def _pipeline(pipeline: Any, columns: Steps) -> Steps | None:
    steps: Steps | None = columns
    for _, transformer in pipeline.steps:
        steps = None if steps is None else _applied(transformer, steps)
    return steps


def _column_transformer(transformer: Any, columns: Steps) -> Steps | None:
    """Read the parts in the order of their columns, the remainder last."""
    if any(column.kind == "one_hot" for column in columns):
        return None  # its column numbers would count the encoded columns
    steps: list[PreprocessingStep] = []
    for _, part, chosen in transformer.transformers_:
        try:
            indices = np.atleast_1d(np.arange(len(columns))[chosen])
        except IndexError:  # chosen by name
            return None
        part_steps = _applied(part, tuple(columns[index] for index in indices)) if len(indices) else ()
        if part_steps is None:
            return None
        steps.extend(part_steps)
    return tuple(steps)


def _function(transformer: Any, columns: Steps) -> Steps | None:
    return columns if transformer.func is None else None


def _imputer(imputer: Any, columns: Steps) -> Steps | None:
    values = np.asarray(imputer.statistics_, dtype=np.float64)
    unfit = any(column != PreprocessingStep(column.source) for column in columns)
    if unfit or not _is_nan(imputer.missing_values) or np.isnan(values).any():
        return None
    filled = [replace(column, fill=float(value)) for column, value in zip(columns, values, strict=True)]
    flagged = imputer.indicator_.features_ if imputer.add_indicator else []
    return (*filled, *(PreprocessingStep(columns[index].source, "missing") for index in flagged))


def _scaler(scaler: Any, columns: Steps) -> Steps | None:
    """Read a scaler of (value - shift) / scale; a scaler that multiplies instead differs in the last bit."""
    shifts, scales = _shifts(scaler), getattr(scaler, "scale_", None)
    untouched = all(column.kind == "number" and (column.shift, column.scale) == (0.0, 1.0) for column in columns)
    if not untouched or getattr(scaler, "clip", False):
        return None
    shifts = np.zeros(len(columns)) if shifts is None else shifts
    scales = np.ones(len(columns)) if scales is None else scales
    pairs = zip(columns, shifts, scales, strict=True)
    return tuple(replace(column, shift=float(shift), scale=float(scale)) for column, shift, scale in pairs)


def _shifts(scaler: Any) -> Any:
    name, wanted = {"StandardScaler": ("mean_", "with_mean"), "RobustScaler": ("center_", "with_centering")}.get(
        type(scaler).__name__, ("", "")
    )
    return getattr(scaler, name) if name and getattr(scaler, wanted) else None


def _one_hot(encoder: Any, columns: Steps) -> Steps | None:
    grouped = encoder.max_categories is not None or encoder.min_frequency is not None
    if grouped or encoder.handle_unknown != "ignore":
        return None
    if any(column != PreprocessingStep(column.source, fill=column.fill) for column in columns):
        return None
    dropped = encoder.drop_idx_ if encoder.drop_idx_ is not None else [None] * len(columns)
    steps = []
    for column, values, left_out in zip(columns, encoder.categories_, dropped, strict=True):
        codes = [None if _is_nan(value) else float(value) for index, value in enumerate(values) if index != left_out]
        steps.append(replace(column, kind="one_hot", values=tuple(codes)))
    return tuple(steps)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float | np.floating) and math.isnan(value)


READERS: dict[str, Callable[[Any, Steps], Steps | None]] = {
    "Pipeline": _pipeline,
    "ColumnTransformer": _column_transformer,
    "FunctionTransformer": _function,
    "SimpleImputer": _imputer,
    "StandardScaler": _scaler,
    "RobustScaler": _scaler,
    "MaxAbsScaler": _scaler,
    "OneHotEncoder": _one_hot,
}
