"""Confidence of predictions, by which deferral orders rows: higher is more certain."""

from __future__ import annotations

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.inference.matrix_model import decision_threshold
from tasks.inference.schema import ModelSchema
from tasks.inference.schema_parts import ErrorTable


def confidence(prediction: FloatArray, inputs: FloatArray, schema: ModelSchema) -> FloatArray:
    """Return the confidence of each prediction: shape (n,).

    Parameters
    ----------
    prediction : array, shape (n,) or (n, k)
        Result of `MatrixModel.from_score`.
    inputs : array, shape (n, inputs)
        Inputs of the model, from `input_matrix` or of a served row; only a regression uses them.
    schema : ModelSchema
        For a regression, `deferral` has the table of expected errors; without it, all predictions are equally certain.

    Returns
    -------
    array
        Probability of the chosen class; for a regression, minus the expected error.

    Examples
    --------
    0.2 is class 0 with a probability of 0.8; from a threshold of 0.1 on it is class 1, with 0.2.

    >>> schema = ModelSchema("demo", "binary", "log_loss", "day")
    >>> confidence(np.array([0.2]), np.empty((1, 0)), schema).tolist()
    [0.8]
    """
    if schema.task == "multiclass":
        return np.asarray(prediction.max(axis=1), dtype=np.float64)
    if schema.task == "binary":
        return np.where(prediction >= decision_threshold(schema), prediction, 1 - prediction)
    errors = schema.deferral.errors if schema.deferral else None
    if errors is None:
        return np.zeros(len(prediction))
    names = schema.inputs
    columns = [names.index(name) for name in errors.inputs]
    return -expected_error(errors, prediction, inputs[:, columns])


def expected_error(table: ErrorTable, prediction: FloatArray, leading: FloatArray) -> FloatArray:
    """Return the expected error of each prediction, from its cell: shape (n,)."""
    return table.error_array[error_cells(table, prediction, leading)]


def error_cells(table: ErrorTable, prediction: FloatArray, leading: FloatArray) -> IntArray:
    """Return the cell of each prediction in a table: shape (n,)."""
    cells = np.searchsorted(table.edge_arrays[0], prediction, side="right")
    for column, edges in zip(leading.T, table.edge_arrays[1:], strict=True):
        inside = np.where(np.isnan(column), len(edges) + 1, np.searchsorted(edges, column, side="right"))
        cells = cells * (len(edges) + 2) + inside
    return cells.astype(np.int64)
