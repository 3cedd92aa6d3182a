"""Confidence of predictions, by which deferral orders rows: higher is more certain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.arrays import FloatArray, IntArray
from tasks.model.predictor import decision_threshold
from tasks.model.schema import ModelSchema
from tasks.model.schema_parts import ErrorTable

PREDICTION_CELLS, INPUT_CELLS = 6, 4
FEW = 10.0  # rows of a cell with a weight of one half; the mean of all cells has the other half


def confidence(prediction: FloatArray, inputs: FloatArray, schema: ModelSchema) -> FloatArray:
    """Return the confidence of each prediction: shape (n,).

    Parameters
    ----------
    prediction : array, shape (n,) or (n, k)
        Result of `Predictor.predict`.
    inputs : array, shape (n, inputs)
        Inputs of the model, from `input_matrix`; only a regression uses them.
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
    columns = [schema.inputs.index(name) for name in errors.inputs]
    return -expected_error(errors, prediction, inputs[:, columns])


def fit_error_table(prediction: FloatArray, leading: FloatArray, names: Sequence[str], error: FloatArray) -> ErrorTable:
    """Fit the table of expected errors, from rows with known errors that the model did not learn from.

    Cells are quantiles: six of the prediction, four of each leading input and one for its missing values. The error of
    a cell is shrunk towards the mean of all cells, the more the fewer rows it has.

    Parameters
    ----------
    prediction : array, shape (n,)
        In label units.
    leading : array, shape (n, m)
        The most important inputs; one or two are enough, because cells multiply.
    names : sequence of str
        Names of these inputs in the schema.
    error : array, shape (n,)
        Loss of each row by the metric.

    Examples
    --------
    Twenty rows of small predictions are 1 off, twenty of large ones 3; the mean is 2. A cell of seven rows that are 1
    off has (7 * 1 + 10 * 2) / 17 = 1.59.

    >>> prediction = np.arange(40.0)
    >>> table = fit_error_table(prediction, np.empty((40, 0)), [], np.where(prediction < 20, 1.0, 3.0))
    >>> round(table.errors[0], 2)
    1.59
    """
    values = [prediction, *leading.T]
    counts = [PREDICTION_CELLS, *[INPUT_CELLS] * leading.shape[1]]
    edges = tuple(_edges(column, count) for column, count in zip(values, counts, strict=True))
    table = ErrorTable(tuple(names), edges, ())
    cells, size = _cells(table, prediction, leading), _size(table)
    rows = np.bincount(cells, minlength=size)
    sums = np.bincount(cells, weights=error, minlength=size)
    mean = float(np.mean(error))
    shrunk = (sums + FEW * mean) / (rows + FEW)
    return ErrorTable(table.inputs, edges, tuple(shrunk.tolist()))


def expected_error(table: ErrorTable, prediction: FloatArray, leading: FloatArray) -> FloatArray:
    """Return the expected error of each prediction, from its cell: shape (n,)."""
    return np.asarray(table.errors, dtype=np.float64)[_cells(table, prediction, leading)]


def _edges(values: FloatArray, cells: int) -> tuple[float, ...]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return ()
    return tuple(np.unique(np.quantile(finite, np.arange(1, cells) / cells)).tolist())


def _cells(table: ErrorTable, prediction: FloatArray, leading: FloatArray) -> IntArray:
    cells = np.searchsorted(table.edges[0], prediction, side="right")
    for column, edges in zip(leading.T, table.edges[1:], strict=True):
        inside = np.where(np.isnan(column), len(edges) + 1, np.searchsorted(edges, column, side="right"))
        cells = cells * (len(edges) + 2) + inside
    return cells.astype(np.int64)


def _size(table: ErrorTable) -> int:
    return (len(table.edges[0]) + 1) * int(np.prod([len(edges) + 2 for edges in table.edges[1:]], dtype=np.int64))
