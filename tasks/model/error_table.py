"""The table of expected errors of a regression, fitted from rows with known errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.arrays import FloatArray
from tasks.inference.confidence import error_cells
from tasks.inference.schema_parts import ErrorTable

PREDICTION_CELLS, INPUT_CELLS = 6, 4
FEW = 10.0  # rows of a cell with a weight of one half; the mean of all cells has the other half


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
    cells, size = error_cells(table, prediction, leading), _size(table)
    rows = np.bincount(cells, minlength=size)
    sums = np.bincount(cells, weights=error, minlength=size)
    mean = float(np.mean(error))
    shrunk = (sums + FEW * mean) / (rows + FEW)
    return ErrorTable(table.inputs, edges, tuple(shrunk.tolist()))


def _edges(values: FloatArray, cells: int) -> tuple[float, ...]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return ()
    return tuple(np.unique(np.quantile(finite, np.arange(1, cells) / cells)).tolist())


def _size(table: ErrorTable) -> int:
    return (len(table.edges[0]) + 1) * int(np.prod([len(edges) + 2 for edges in table.edges[1:]], dtype=np.int64))
