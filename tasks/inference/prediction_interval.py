"""Prediction intervals: the bounds between which a share of the labels is, from the score of a row and its slice.

The reach is added to the score on the scale of the model: of prices that are learned as logarithms it is a factor.
Batch and service compute bounds with the same code from the same score, so that they agree to the last bit.
"""

from __future__ import annotations

import numpy as np

from tasks.arrays import FloatArray
from tasks.inference.answer_scale import predictions_from_scores
from tasks.inference.schema import ModelSchema


def interval_bounds(score: FloatArray, inputs: FloatArray, schema: ModelSchema) -> tuple[FloatArray, FloatArray] | None:
    """Return the lower and the upper bound of each row in label units: shape (n,); None without an interval.

    Parameters
    ----------
    score : array, shape (n,)
        On the scale of the model, with its level correction.
    inputs : array, shape (n, inputs)
        Inputs of the model, of which one names the slice of a row.

    Examples
    --------
    Rows of the second zone reach 2, others 1; so does a row of an unknown zone.

    >>> from tasks.inference.schema_parts import ConformalInterval
    >>> found = ConformalInterval(0.9, reach=1.0, rows=99, by="zone", reaches=(1.0, 2.0))
    >>> zones = {"zone": ("a", "b")}
    >>> schema = ModelSchema("demo", "regression", "mean_absolute_error", "day", categories=zones, interval=found)
    >>> lower, upper = interval_bounds(np.full(3, 5.0), np.array([[0.0], [1.0], [np.nan]]), schema)
    >>> lower.tolist(), upper.tolist()
    ([4.0, 3.0, 4.0], [6.0, 7.0, 6.0])
    """
    found = schema.interval
    if found is None:
        return None
    reach = np.full(len(score), found.reach)
    if found.by is not None:
        codes = inputs[:, schema.inputs.index(found.by)]
        known = np.isfinite(codes)
        reach[known] = np.asarray(found.reaches)[codes[known].astype(np.int64)]
    return predictions_from_scores(score - reach, schema), predictions_from_scores(score + reach, schema)
