"""Limits of the raw sums of a model at which its answer changes, found with the code of the nightly batch.

An exponential or a logarithm differs in its last bit between machines, languages and processors; a sum does not. So a
bundle decides by sums: by the smallest one at which the batch decides for class 1, is sure enough, or reaches an edge.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from tasks.arrays import FloatArray
from tasks.errors import DataError
from tasks.inference.answer_scale import predictions_from_scores, scores_from_probabilities
from tasks.inference.matrix_model import decision_threshold
from tasks.inference.schema import ModelSchema

LARGEST = float(np.finfo(np.float64).max)
ROUNDING = 1e-13
"""How far the confidence of several classes may be rounded from that of the batch, as a share of it."""
CALIBRATED_ROUNDING = 1e-6
"""The same where calibration takes the log odds of a share, which are steep next to 0 and 1."""


def scores_of(sums: FloatArray, schema: ModelSchema, *, exponential: bool) -> FloatArray:
    """Return the scores of raw sums, as `MatrixModel.score_matrix` does: shape (n,), or (n, k) for several classes."""
    with np.errstate(over="ignore"):
        raw = np.exp(sums) if exponential else sums
    if schema.output == "probability":
        raw = scores_from_probabilities(raw)
    return np.asarray(raw + np.asarray(schema.offset), dtype=np.float64)


def smallest_where(condition: Callable[[float], bool]) -> float:
    """Return the smallest number for which a condition holds that holds for all larger ones; infinity if for none.

    Examples
    --------
    >>> smallest_where(lambda number: number >= 0.1), smallest_where(lambda number: number > 1)
    (0.1, 1.0000000000000002)
    >>> smallest_where(lambda number: False)
    inf
    """
    if not condition(LARGEST):
        return math.inf
    low, high = _place(-LARGEST), _place(LARGEST)
    if condition(-LARGEST):
        return -math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if condition(_number(middle)) else (middle, high)
    return _number(high)


def _place(number: float) -> int:
    """Return the place of a number among all of them, in ascending order."""
    bits = int.from_bytes(struct.pack("<d", number), "little", signed=True)
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF_FFFF_FFFF)


def _number(place: int) -> float:
    sign = -1.0 if place < 0 else 1.0
    (number,) = struct.unpack("<d", struct.pack("<q", abs(place)))
    return sign * float(number)


def limits_of(schema: ModelSchema, *, exponential: bool) -> dict[str, Any]:
    """Return `decide_from` of a binary model, and `sure`: by which sums a row is not left to a person.

    Limits that no row reaches are the largest number, which JSON has: infinity it has not.

    Raises
    ------
    DataError
        When a larger sum may mean a smaller prediction.
    """
    return {name: _finite(value) for name, value in _limits(schema, exponential=exponential).items()}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return max(-LARGEST, min(LARGEST, value)) if isinstance(value, float) else value


def _limits(schema: ModelSchema, *, exponential: bool) -> dict[str, Any]:
    def prediction(raw: float) -> float:
        with np.errstate(all="ignore"):
            scores = scores_of(np.array([raw]), schema, exponential=exponential)
            return float(predictions_from_scores(scores, schema)[0])

    if schema.task == "multiclass":
        return {"sure": None if schema.deferral is None else _sure_of_classes(schema, schema.deferral.threshold)}
    if not prediction(-LARGEST) <= prediction(LARGEST):
        raise DataError(
            f"the model of {schema.project} cannot be bundled: its calibration falls where its score rises. Train it "
            "again without calibration"
        )
    if schema.task == "binary":
        decided = decision_threshold(schema)
        return {"decide_from": _smallest_predicted(prediction, decided), "sure": _sure_of_two(schema, prediction)}
    return {"sure": _sure_of_number(schema, prediction)}


def _smallest_predicted(prediction: Callable[[float], float], least: float) -> float:
    """Return the smallest sum with a prediction of at least a number."""
    return smallest_where(lambda raw: prediction(raw) >= least)


def _sure_of_classes(schema: ModelSchema, limit: float | None) -> dict[str, Any]:
    rounding = CALIBRATED_ROUNDING if schema.calibration else ROUNDING
    return {"threshold": math.inf if limit is None else limit * (1 - rounding)}


def _sure_of_two(schema: ModelSchema, prediction: Callable[[float], float]) -> dict[str, Any] | None:
    if schema.deferral is None:
        return None
    limit, decided = schema.deferral.threshold, decision_threshold(schema)
    if limit is None:
        return {"above": math.inf, "below": -math.inf}

    def is_not_sure_of_zero(raw: float) -> bool:
        return prediction(raw) >= decided or 1 - prediction(raw) < limit

    return {"above": _smallest_predicted(prediction, max(decided, limit)), "below": smallest_where(is_not_sure_of_zero)}


def _sure_of_number(schema: ModelSchema, prediction: Callable[[float], float]) -> dict[str, Any] | None:
    rule = schema.deferral
    if rule is None:
        return None
    threshold = math.inf if rule.threshold is None else rule.threshold
    if rule.errors is None:
        return {"threshold": threshold, "edges": [], "inputs": [], "errors": [-0.0]}  # a confidence of +0.0
    own, *others = rule.errors.edges
    edges = [_smallest_predicted(prediction, edge) for edge in own]
    columns = [schema.inputs.index(name) for name in rule.errors.inputs]
    leading = [[column, list(column_edges)] for column, column_edges in zip(columns, others, strict=True)]
    return {"threshold": threshold, "edges": edges, "inputs": leading, "errors": list(rule.errors.errors)}
