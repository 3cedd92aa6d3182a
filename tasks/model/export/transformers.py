"""Fitted scikit-learn transformers read as the schema's steps: imputation, scaling and one-hot encoding as tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tasks.model.schema_parts import PreprocessingStep

Steps = tuple[PreprocessingStep, ...]


def preprocessing_steps(transformers: Sequence[Any], inputs: Sequence[str]) -> Steps | None:
    """Return what fitted transformers, one after the other, do to the columns of a matrix.

    Read are SimpleImputer, StandardScaler, RobustScaler, MaxAbsScaler, OneHotEncoder (which must ignore what it does
    not know), "passthrough", and any ColumnTransformer or Pipeline of these.

    Parameters
    ----------
    transformers : sequence of fitted transformers
        Fitted on a matrix (n, inputs) without column names.
    inputs : sequence of str
        What the columns of that matrix are called.

    Returns
    -------
    tuple of Step or None
        One step for each column (or group of one-hot columns) of the result, in order; empty when nothing is changed.
        None when a transformer does something that the steps cannot say.
    """
    plain = tuple(PreprocessingStep(name) for name in inputs)
    columns: Steps | None = plain
    for transformer in transformers:
        columns = None if columns is None else _applied(transformer, columns)
    return () if columns == plain else columns


def _applied(transformer: Any, columns: Steps) -> Steps | None:
    if transformer is None or transformer == "passthrough":
        return columns
    if transformer == "drop":
        return ()
    read = READERS.get(type(transformer).__name__)
    return read(transformer, columns) if read and type(transformer).__module__.startswith("sklearn.") else None


def _pipeline(pipeline: Any, columns: Steps) -> Steps | None:
    found: Steps | None = columns
    for _, transformer in pipeline.steps:
        found = None if found is None else _applied(transformer, found)
    return found


def _column_transformer(transformer: Any, columns: Steps) -> Steps | None:
    """Read the parts in the order in which their columns stand side by side, the remainder last."""
    if any(column.kind == "one_hot" for column in columns):
        return None  # its column numbers would count the spread columns
    found: list[PreprocessingStep] = []
    for _, part, chosen in transformer.transformers_:
        try:
            places = np.atleast_1d(np.arange(len(columns))[chosen])
        except IndexError:  # chosen by name
            return None
        made = _applied(part, tuple(columns[place] for place in places)) if len(places) else ()
        if made is None:
            return None
        found.extend(made)
    return tuple(found)


def _function(transformer: Any, columns: Steps) -> Steps | None:
    return columns if transformer.func is None else None


def _imputer(imputer: Any, columns: Steps) -> Steps | None:
    values = np.asarray(imputer.statistics_, dtype=np.float64)
    unfit = any(column != PreprocessingStep(column.source) for column in columns)
    if unfit or not _is_nan(imputer.missing_values) or np.isnan(values).any():
        return None
    filled = [replace(column, fill=float(value)) for column, value in zip(columns, values, strict=True)]
    flagged = imputer.indicator_.features_ if imputer.add_indicator else []
    return (*filled, *(PreprocessingStep(columns[place].source, "missing") for place in flagged))


def _scaler(scaler: Any, columns: Steps) -> Steps | None:
    """Read a scaler of (value - shift) / scale; one that multiplies instead is not the same to the last bit."""
    shifts, scales = _shifts(scaler), getattr(scaler, "scale_", None)
    untouched = all(each.kind == "number" and (each.shift, each.scale) == (0.0, 1.0) for each in columns)
    if not untouched or getattr(scaler, "clip", False):
        return None
    shifts = np.zeros(len(columns)) if shifts is None else shifts
    scales = np.ones(len(columns)) if scales is None else scales
    pairs = zip(columns, shifts, scales, strict=True)
    return tuple(replace(each, shift=float(shift), scale=float(scale)) for each, shift, scale in pairs)


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
    found = []
    for column, values, left_out in zip(columns, encoder.categories_, dropped, strict=True):
        kept = [None if _is_nan(value) else float(value) for place, value in enumerate(values) if place != left_out]
        found.append(replace(column, kind="one_hot", values=tuple(kept)))
    return tuple(found)


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
