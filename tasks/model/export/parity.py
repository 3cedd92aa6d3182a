"""Parity: the exported model must predict as the trained one, also where predictions jump."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.errors import ParityError
from tasks.inference.schema import ModelSchema
from tasks.model.export.compact_parity import TOLERANCE, answers_equally, score_differences
from tasks.model.export.onnx_graph import split_points
from tasks.model.input_matrix import as_moments, as_numbers, as_text
from tasks.model.onnx_model import OnnxModel
from tasks.model.predictor import Predictor

FEWEST_ROWS = 10_000
POINTS_PER_COLUMN = 100
EXTREME = 1e38  # close to the largest 32-bit float, the limit of forests
UNKNOWN_CATEGORY = "a category that no row has"
HARD_DATES = (
    *("NaT", "1899-12-31T23:59:59.999999", "1900-01-01", "1969-12-31T23:59:59", "2000-02-29", "2023-12-31"),
    *("2024-12-31", "2024-02-29T23:59:59.999999", "2026-01-01", "2100-02-28", "2199-06-30T12:00", "9999-12-31"),
)
"""Missing; years with and without a leap day, their first and last days, before and after 1970."""
SEED = 0


class ParityProof(NamedTuple):
    """The model as proven, without a compact file that is not, and its largest difference from the trained one."""

    model: Predictor
    difference: float


def prove_parity(
    model: Predictor, reference_score: Callable[[pd.DataFrame], FloatArray], frame: pd.DataFrame
) -> ParityProof:
    """Compare the exported with the trained model, on the scale of the model.

    At least 10,000 rows are compared: the given ones; mixtures of them, each value from another row; and hard ones
    derived from them, with a value missing, infinite, extreme, of an unknown category, or exactly at, just below or
    just above a threshold of the trees. A compact file must answer these rows as the trained model does, and rows at
    and next to up to 10,000 thresholds as the graph does: see `compact_parity`.

    Parameters
    ----------
    model : Predictor
        The exported model.
    reference_score : callable
        Raw scores of the trained pipeline for a frame, with level correction. It receives missing values where the
        export receives infinite ones, because the model must treat them alike.
    frame : DataFrame
        Real rows, at least one; more are better.

    Returns
    -------
    ParityProof
        The largest |difference|; for scores above 1,000 it is divided by score / 1,000, because doubles are coarser.

    Raises
    ------
    ParityError
        A difference is above 1e-9, or not a number; or there are no rows.
    """
    if not len(frame):
        raise ParityError("found no rows to prove parity on; expected at least one. Give some training rows.")
    rows = pd.concat([_model_columns(frame, model.schema), hard_rows(frame, model)], ignore_index=True)
    if len(rows) < FEWEST_ROWS:
        rows = pd.concat([rows, _mixed(frame, model.schema, FEWEST_ROWS - len(rows))], ignore_index=True)
    graph = replace(model, compact_bytes=None) if isinstance(model, OnnxModel) else model
    expected = reference_score(_model_columns(rows, model.schema))
    differences = score_differences(graph.score(rows), expected)
    worst = float(differences.max())
    if not worst <= TOLERANCE:
        row = int(np.argmax(np.where(np.isnan(differences), np.inf, differences)))
        raise ParityError(
            f"the exported model differs from the trained one by {worst:.3g} (row {row} of {len(rows)}); expected at "
            f"most {TOLERANCE:g}. Do not register it: compare the scikit-learn version with the one that "
            "tasks/model/export/boosted_trees.py names."
        )
    return ParityProof(model if answers_equally(model, rows, expected) else graph, worst)


def hard_rows(frame: pd.DataFrame, model: Predictor) -> pd.DataFrame:
    """Return copies of the rows, each with one value where models are likely to differ."""
    rows = _model_columns(frame, model.schema)
    pieces = [rows.iloc[:0]]
    for column, values in _hard_values(model):
        piece = rows.iloc[np.arange(len(values)) % len(rows)].copy()
        piece[column] = values
        pieces.append(piece)
    return pd.concat(pieces, ignore_index=True)


def _hard_values(model: Predictor) -> Iterator[tuple[str, Any]]:
    schema, points = model.schema, _thresholds(model)
    for column in (*schema.numbers, *schema.booleans):
        thresholds = np.array(points.get(column, []), dtype=np.float64)
        sample = thresholds[:: max(1, len(thresholds) // POINTS_PER_COLUMN)]
        around = [np.nextafter(sample, -np.inf), sample, np.nextafter(sample, np.inf)]
        yield column, np.concatenate([[np.nan, np.inf, -np.inf, -EXTREME, EXTREME], *around])
    for column in schema.categories:
        yield column, pd.array([None, UNKNOWN_CATEGORY], dtype="str")
    for column in dict.fromkeys(part.column for part in schema.dates):
        yield column, np.array([np.datetime64(moment, "us") for moment in HARD_DATES])


def _thresholds(model: Predictor) -> dict[str, list[float]]:
    """Return the values of each input at which predictions can jump, on the scale of the input."""
    if not isinstance(model, OnnxModel):
        return {}
    schema, points = model.schema, split_points(model.onnx_bytes)
    if not schema.steps:
        return {name: points.get(column, []) for column, name in enumerate(schema.inputs)}
    thresholds: dict[str, list[float]] = {}
    column = 0
    for step in schema.steps:
        if step.kind == "number":
            thresholds[step.source] = [point * step.scale + step.shift for point in points.get(column, [])]
        column += step.width
    return thresholds


def _mixed(frame: pd.DataFrame, schema: ModelSchema, count: int) -> pd.DataFrame:
    """Return rows with every value drawn from another row."""
    rows, rng = _model_columns(frame, schema), np.random.default_rng(SEED)
    drawn = {name: rows[name].array.take(rng.integers(0, len(rows), count)) for name in rows.columns}
    return pd.DataFrame(drawn)


def _model_columns(frame: pd.DataFrame, schema: ModelSchema) -> pd.DataFrame:
    """Return the columns of the model, numbers as doubles and categories as text, so that any value fits."""
    columns = {column: as_numbers(frame[column]) for column in (*schema.numbers, *schema.booleans)}
    texts = {column: as_text(frame[column]).array for column in schema.categories}
    dated = [*(part.column for part in schema.dates), *([schema.event_time] if schema.time else [])]
    times = {column: as_moments(frame[column]).array for column in dict.fromkeys(dated)}
    return pd.DataFrame({**columns, **texts, **times})
