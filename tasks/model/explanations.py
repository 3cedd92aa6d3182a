"""Reasons: which values of a row moved its answer most, compared with typical ones; for people who review it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.model.input_matrix import input_matrix
from tasks.model.predictor import Predictor
from tasks.model.schema import ModelSchema

MOST = 3
SHOWN = 40


def typical_values(inputs: FloatArray, schema: ModelSchema) -> tuple[float | None, ...]:
    """Return a typical value of each input: a number's median, the commonest boolean or category; None is missing.

    Examples
    --------
    >>> schema = ModelSchema("demo", "binary", "log_loss", "day", ("age",), (), {"plan": ("free", "paid")})
    >>> typical_values(np.array([[30.0, 1.0], [np.nan, 1.0], [40.0, np.nan]]), schema)
    (35.0, 1.0)
    """
    counted = {*schema.booleans, *schema.categories}
    return tuple(
        _commonest(inputs[:, place]) if name in counted else _median(inputs[:, place])
        for place, name in enumerate(schema.inputs)
    )


def reasons(model: Predictor, frame: pd.DataFrame, typical: Sequence[float | None]) -> list[str]:
    """Return for each row, in words, the three inputs that moved its prediction most.

    Each input is replaced by its typical value in turn, and the prediction's change is what the row's own value did:
    of a classifier with several classes, to the probability of the chosen one. Together they need not add up.

    Parameters
    ----------
    frame : DataFrame
        The rows to explain, with the model's columns: usually the few that are deferred, because every input costs one
        answer a row.
    typical : sequence of (float or None)
        As `typical_values` gives it.

    Returns
    -------
    list of str
        Such as "area=120 (+31.5), zip=98103 (-12)"; empty for a row that nothing moved.
    """
    if not len(frame):
        return []
    schema, inputs = model.schema, input_matrix(frame, model.schema)
    moves = _moves(model, inputs, typical)
    order = np.argsort(-np.abs(moves), axis=1, kind="stable")[:, :MOST]
    shown = {place: _shown(inputs[:, place], schema, place) for place in np.unique(order)}
    names = schema.inputs
    return [
        ", ".join(
            f"{names[place]}={shown[place][row]} ({moves[row, place]:+.3g})"
            for place in places
            if moves[row, place] != 0
        )
        for row, places in enumerate(order)
    ]


def _moves(model: Predictor, inputs: FloatArray, typical: Sequence[float | None]) -> FloatArray:
    """Return what each row's own value did to its prediction, input by input: shape (n, inputs)."""
    whole = model.from_score(model.score_matrix(inputs))
    chosen = whole.argmax(axis=1)[:, None] if whole.ndim > 1 else None
    moves = np.zeros(inputs.shape)
    for place, value in enumerate(typical):
        kept = inputs[:, place].copy()
        inputs[:, place] = np.nan if value is None else value
        change = whole - model.from_score(model.score_matrix(inputs))
        moves[:, place] = change if chosen is None else np.take_along_axis(change, chosen, axis=1).ravel()
        inputs[:, place] = kept
    return moves


def _shown(values: FloatArray, schema: ModelSchema, place: int) -> list[str]:
    """Return an input's values as people know them: the category's name, yes or no, a number."""
    name = schema.inputs[place]
    if name in schema.categories:
        table = schema.categories[name]
        return ["missing or unknown" if np.isnan(value) else table[int(value)][:SHOWN] for value in values]
    if name in schema.booleans:
        return ["missing" if np.isnan(value) else "yes" if value else "no" for value in values]
    return ["missing" if np.isnan(value) else f"{value:.6g}" for value in values]


def _median(values: FloatArray) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None


def _commonest(values: FloatArray) -> float | None:
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    codes, counts = np.unique(known, return_counts=True)
    return float(codes[counts.argmax()])
