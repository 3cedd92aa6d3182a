"""Explanations for reviewers: which values of a row changed its prediction most, compared with typical values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.arrays import FloatArray
from tasks.inference.matrix_model import MatrixModel
from tasks.inference.schema import ModelSchema

MOST = 3
SHOWN = 40


def typical_values(inputs: FloatArray, schema: ModelSchema) -> tuple[float | None, ...]:
    """Return a typical value of each input: median, or most common boolean or category; None is missing.

    Examples
    --------
    >>> schema = ModelSchema("demo", "binary", "log_loss", "day", ("age",), (), {"plan": ("free", "paid")})
    >>> typical_values(np.array([[30.0, 1.0], [np.nan, 1.0], [40.0, np.nan]]), schema)
    (35.0, 1.0)
    """
    counted = {*schema.booleans, *schema.categories}
    return tuple(
        _most_common(inputs[:, column]) if name in counted else _median(inputs[:, column])
        for column, name in enumerate(schema.inputs)
    )


def reasons(model: MatrixModel, inputs: FloatArray, typical: Sequence[float | None]) -> list[str]:
    """Return for each row, in words, the three inputs that changed its prediction most.

    Each input is replaced by its typical value in turn; the change of the prediction is the effect of the value of the
    row. For several classes, it is the change of the probability of the chosen class. The effects need not add up.

    Parameters
    ----------
    inputs : array, shape (n, inputs)
        The rows to explain: usually the few deferred rows, because every input needs one prediction a row. They are
        changed while this runs, and restored.
    typical : sequence of (float or None)
        Result of `typical_values`.

    Returns
    -------
    list of str
        Such as "area=120 (+31.5), zip=98103 (-12)"; empty for a row without effects.
    """
    if not len(inputs):
        return []
    schema = model.schema
    moves = _moves(model, inputs, typical)
    order = np.argsort(-np.abs(moves), axis=1, kind="stable")[:, :MOST]
    shown = {column: _shown(inputs[:, column], schema, column) for column in np.unique(order)}
    names = schema.inputs
    return [
        ", ".join(
            f"{names[column]}={shown[column][row]} ({moves[row, column]:+.3g})"
            for column in columns
            if moves[row, column] != 0
        )
        for row, columns in enumerate(order)
    ]


def _moves(model: MatrixModel, inputs: FloatArray, typical: Sequence[float | None]) -> FloatArray:
    """Return the effect of the values of each row on its prediction: shape (n, inputs)."""
    whole = model.from_score(model.score_matrix(inputs))
    chosen = whole.argmax(axis=1)[:, None] if whole.ndim > 1 else None
    moves = np.zeros(inputs.shape)
    for column, value in enumerate(typical):
        original = inputs[:, column].copy()
        inputs[:, column] = np.nan if value is None else value
        change = whole - model.from_score(model.score_matrix(inputs))
        moves[:, column] = change if chosen is None else np.take_along_axis(change, chosen, axis=1).ravel()
        inputs[:, column] = original
    return moves


def _shown(values: FloatArray, schema: ModelSchema, column: int) -> list[str]:
    """Return the values of an input in words: a category name, yes or no, a number."""
    name = schema.inputs[column]
    if name in schema.categories:
        table = schema.categories[name]
        return ["missing or unknown" if np.isnan(value) else table[int(value)][:SHOWN] for value in values]
    if name in schema.booleans:
        return ["missing" if np.isnan(value) else "yes" if value else "no" for value in values]
    return ["missing" if np.isnan(value) else f"{value:.6g}" for value in values]


def _median(values: FloatArray) -> float | None:
    present = values[~np.isnan(values)]
    return float(np.median(present)) if len(present) else None


def _most_common(values: FloatArray) -> float | None:
    present = values[~np.isnan(values)]
    if not len(present):
        return None
    codes, counts = np.unique(present, return_counts=True)
    return float(codes[counts.argmax()])
