"""Parity of the compact file: trees answer as the trained ones in every bit, linear models to the last digits.

A linear model of scikit-learn has itself other last digits in a batch of another size, because it leaves the order of
its sum to a BLAS library. The compact one sums in the order of the columns.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray, FloatArray
from tasks.compact import CompactEvaluator, has_fixed_sums
from tasks.errors import EvidenceError, ParityError
from tasks.inference.model_runner import model_runner
from tasks.inference.preprocessing import preprocess
from tasks.model.export.onnx_graph import split_points
from tasks.model.input_matrix import input_matrix
from tasks.model.onnx_model import OnnxModel
from tasks.model.predictor import Predictor

TOLERANCE = 1e-9
LARGE = 1000.0
MOST_POINTS = 10_000


def answers_equally(model: Predictor, rows: pd.DataFrame, expected: FloatArray) -> bool:
    """Return whether the compact file of a model is proven: to be used in place of its graph.

    Parameters
    ----------
    model : Predictor
        With a compact file; a model without one has nothing to prove.
    rows : DataFrame
        Rows chosen to find differences.
    expected : array
        The scores of the trained model for them.
    """
    if not isinstance(model, OnnxModel) or model.compact_bytes is None:
        return True
    try:
        evaluator = CompactEvaluator(model.compact_bytes, model.schema.project)
    except EvidenceError:
        return False  # larger than the format allows
    exact = has_fixed_sums(model.compact_bytes)
    if not _agree(model.score(rows), expected, exact=exact):
        return False
    at = _rows_at_splits(model, rows)
    graph = model_runner(model.onnx_bytes, None, model.schema.project)(at)
    # onnxruntime's exp has other last digits than NumPy's, which scikit-learn uses
    return _agree(evaluator.run(at), graph, exact=exact and not evaluator.is_exponential)


def score_differences(scores: FloatArray, expected: FloatArray) -> FloatArray:
    """Return the largest difference of each row, relative to large scores; equal infinities agree.

    Raises
    ------
    ParityError
        The scores are not as many.

    Examples
    --------
    Above 1,000 a difference counts less: 1 of 2,000 as 0.5.

    >>> score_differences(np.array([1.0, 2001.0]), np.array([1.5, 2000.0])).tolist()
    [0.5, 0.5]
    """
    if scores.shape != expected.shape:
        raise ParityError(
            f"the exported model returns the shape {scores.shape}, the trained one {expected.shape}; "
            "expected the same. Do not register it."
        )
    with np.errstate(invalid="ignore"):
        gaps = np.abs(scores - expected) / np.maximum(1.0, np.abs(expected) / LARGE)
    gaps = np.where(scores == expected, 0.0, gaps)
    return gaps if gaps.ndim == 1 else np.asarray(gaps.max(axis=1), dtype=np.float64)


def _agree(scores: FloatArray, expected: FloatArray, *, exact: bool) -> bool:
    if exact:
        return np.array_equal(scores, expected)
    within: BoolArray = score_differences(scores, expected) <= TOLERANCE
    return bool(within.all())


def _rows_at_splits(model: OnnxModel, rows: pd.DataFrame) -> FloatArray:
    """Return columns of the model, each row with one value at, just below or just above a threshold.

    Without thresholds, they are those of the rows.
    """
    known = preprocess(input_matrix(rows, model.schema), model.schema)
    points = [(column, point) for column, values in split_points(model.onnx_bytes).items() for point in values]
    points = points[:: -(-len(points) // MOST_POINTS) or 1]
    if not points:
        return known
    at = known[np.arange(3 * len(points)) % len(known)]
    for number, (column, point) in enumerate(points):
        at[3 * number : 3 * number + 3, column] = np.nextafter(point, -np.inf), point, np.nextafter(point, np.inf)
    return at
