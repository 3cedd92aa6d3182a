"""Preprocessing: imputes, scales and one-hot encodes inputs by the steps of the schema, as scikit-learn does."""

from __future__ import annotations

import numpy as np

from tasks.arrays import FloatArray
from tasks.inference.schema import ModelSchema
from tasks.inference.schema_parts import PreprocessingStep


def preprocess(inputs: FloatArray, schema: ModelSchema) -> FloatArray:
    """Return the columns that the model receives: the inputs themselves if the schema has no steps.

    Parameters
    ----------
    inputs : array, shape (n, inputs)
        Result of `input_matrix`.

    Returns
    -------
    array, shape (n, columns)
        The columns of the steps, in their order.

    Examples
    --------
    A missing age becomes 40, then (40 - 30) / 5 = 2; "paid" has code 1, and the unknown "gold" is neither.

    >>> steps = (PreprocessingStep("age", fill=40.0, shift=30.0, scale=5.0), PreprocessingStep("plan", "one_hot",
    ... values=(0.0, 1.0)))
    >>> categories = {"plan": ("free", "paid")}
    >>> schema = ModelSchema("demo", "binary", "log_loss", "day", ("age",), categories=categories, steps=steps)
    >>> preprocess(np.array([[30.0, 1.0], [np.nan, np.nan]]), schema).tolist()
    [[0.0, 0.0, 1.0], [2.0, 0.0, 0.0]]
    """
    if not schema.steps:
        return inputs
    index_of = {name: index for index, name in enumerate(schema.inputs)}
    out = np.empty((len(inputs), sum(step.width for step in schema.steps)), dtype=np.float64)
    start = 0
    for step in schema.steps:
        out[:, start : start + step.width] = _columns(inputs[:, index_of[step.source]], step)
        start += step.width
    return out


def _columns(values: FloatArray, step: PreprocessingStep) -> FloatArray:
    if step.kind == "missing":
        return np.isnan(values)[:, None].astype(np.float64)
    filled = values if step.fill is None else np.where(np.isnan(values), step.fill, values)
    if step.kind == "number":
        return ((filled - step.shift) / step.scale)[:, None]
    table = np.array([np.nan if value is None else value for value in step.values])
    hits = filled[:, None] == table
    if None in step.values:
        hits[:, step.values.index(None)] = np.isnan(filled)
    return np.asarray(hits, dtype=np.float64)
