"""From the output of a bundled model to its answer: sums are exact, what follows is within the last digits.

A decision, and whether a row is unsure, are read from the sums by limits that were found with the code of the nightly
batch. So they do not depend on how this machine rounds an exponential.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

SUREST = 1e-9


class Numbers(NamedTuple):
    """What a model answers for a row.

    Attributes
    ----------
    prediction : float
        Label units, P(class 1), or of several classes the number of the chosen one.
    confidence : float
        Higher is more certain.
    unsure : bool
        Whether the rule of the model leaves the row to a person.
    decision : int
        The chosen class; 0 for a regression.
    probabilities : list of float
        Of several classes.
    score : float
        On the scale of the model; of several classes that of the chosen one.
    """

    prediction: float
    confidence: float
    unsure: bool
    decision: int = 0
    probabilities: Sequence[float] = ()
    score: float = math.nan


def numbers_of(sums: Sequence[float], inputs: Sequence[float], plan: dict[str, Any]) -> Numbers:
    """Return the answer for the sums of a row.

    Parameters
    ----------
    plan : dict
        The part `answer` of a bundle.
    """
    if plan["task"] == "multiclass":
        return _of_classes(sums, plan)
    score = (_exp(sums[0]) if plan["exponential"] else sums[0]) if not plan["probability"] else _log_odds(sums[0])
    score += plan["offset"]
    prediction = _prediction(score, plan)
    if plan["task"] == "binary":
        decision = int(sums[0] >= plan["decide_from"])
        sure = plan["sure"] is None or sums[0] >= plan["sure"]["above"] or sums[0] < plan["sure"]["below"]
        return Numbers(prediction, prediction if decision else 1 - prediction, not sure, decision, score=score)
    if plan["sure"] is None:
        return Numbers(prediction, 0.0, unsure=False, score=score)
    confidence = -_expected_error(sums[0], inputs, plan["sure"])
    return Numbers(prediction, confidence, not confidence >= plan["sure"]["threshold"], score=score)


def _of_classes(sums: Sequence[float], plan: dict[str, Any]) -> Numbers:
    scores = [math.log(min(max(value, SUREST), 1 - SUREST)) for value in sums] if plan["probability"] else sums
    offset = plan["offset"] if isinstance(plan["offset"], list) else [plan["offset"]] * len(scores)
    scores = [score + level for score, level in zip(scores, offset, strict=True)]
    shares = _softmax(scores)
    order: Sequence[float] = scores
    if plan["calibration"]:
        shares = [
            _calibrated(_log_odds(share), table) for share, table in zip(shares, plan["calibration"], strict=True)
        ]
        total = sum(shares)
        shares = [share / total if total > 0 else 1 / len(shares) for share in shares]
        order = shares
    chosen = order.index(max(order))
    confidence = max(shares)
    unsure = plan["sure"] is not None and not confidence >= plan["sure"]["threshold"]
    return Numbers(float(chosen), confidence, unsure, chosen, shares, scores[chosen])


def _prediction(score: float, plan: dict[str, Any]) -> float:
    if plan["calibration"]:
        return _calibrated(score, plan["calibration"][0])
    if plan["link"] == "exp":
        return _exp(score)
    return _logistic(score) if plan["link"] == "logistic" else score


def _expected_error(total: float, inputs: Sequence[float], table: dict[str, Any]) -> float:
    """Return the mean error of the cell of a row; see `tasks.inference.confidence.error_cells`."""
    cell = len(table["edges"]) if math.isnan(total) else bisect_right(table["edges"], total)
    for column, edges in table["inputs"]:
        value = inputs[column]
        cell = cell * (len(edges) + 2) + (len(edges) + 1 if math.isnan(value) else bisect_right(edges, value))
    return float(table["errors"][cell])


def _calibrated(score: float, table: dict[str, Any]) -> float:
    if table["kind"] == "sigmoid":
        return _logistic(table["slope"] * score + table["intercept"])
    x, y = table["scores"], table["probabilities"]
    place = bisect_right(x, score) - 1
    if math.isnan(score) or place < 0:
        return math.nan if math.isnan(score) else float(y[0])
    if place == len(x) - 1 or x[place] == score:
        return float(y[place])
    return float((y[place + 1] - y[place]) / (x[place + 1] - x[place]) * (score - x[place]) + y[place])


def _log_odds(probability: float) -> float:
    clipped = min(max(probability, SUREST), 1 - SUREST)
    return math.log(clipped / (1 - clipped))


def _logistic(score: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * score))


def _softmax(scores: Sequence[float]) -> list[float]:
    largest = max(scores)
    powers = [math.exp(score - largest) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def _exp(score: float) -> float:
    try:
        return math.exp(score)
    except OverflowError:
        return math.inf
