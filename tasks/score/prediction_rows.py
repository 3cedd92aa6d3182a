"""What a version answers for the rows of a batch, as rows of the `predictions` table."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

from tasks.model import Predictor, confidence, reasons
from tasks.model.input_matrix import input_matrix

Role = Literal["champion", "shadow"]


def predictions(rows: pd.DataFrame, model: Predictor, version: int, role: Role, moment: datetime) -> pd.DataFrame:
    """Score rows that already have their features.

    Parameters
    ----------
    rows : DataFrame
        `row_id`, `batch_id`, `revision`, `event_date` and the model's columns.
    moment : datetime
        When this is done, aware.

    Returns
    -------
    DataFrame
        `prediction` in the label's unit, the probability of 1, or of several classes the chosen one's place in the
        model's list; `score` on the model's own scale; `confidence`, the higher the surer; `deferred`, whether a person
        must decide, and for such rows in `reasons` what moved the answer most; of several classes `probabilities`, and
        the name of the chosen one as `predicted_class`.
    """
    block = model.schema.block_rows
    starts = range(0, max(len(rows), 1), block)
    answered = pd.concat([_answers(rows.iloc[start : start + block], model) for start in starts], ignore_index=True)
    for place, name in enumerate(("row_id", "batch_id", "revision", "event_date")):
        answered.insert(place, name, rows[name].to_numpy())
    return answered.assign(version=version, role=role, time=pd.Timestamp(moment))


def _answers(rows: pd.DataFrame, model: Predictor) -> pd.DataFrame:
    schema, inputs = model.schema, input_matrix(rows, model.schema)
    score = model.score_matrix(inputs)
    prediction = model.from_score(score)
    sure = confidence(prediction, inputs, schema)
    probabilities: Any = None
    names = pd.array([None] * len(rows), dtype="str")
    if schema.task == "multiclass":
        chosen = model.decisions(prediction)
        probabilities, score = list(prediction), np.take_along_axis(score, chosen[:, None], axis=1).ravel()
        prediction, names = chosen.astype(np.float64), pd.array(np.array(schema.class_names)[chosen], dtype="str")
    deferred, why = _deferred(sure, model), np.full(len(rows), "", dtype=object)
    if schema.deferral is not None:
        why[deferred] = reasons(model, rows[deferred], schema.deferral.typical)
    return pd.DataFrame(
        {
            "prediction": prediction,
            "score": score,
            "confidence": sure,
            "deferred": deferred,
            "reasons": pd.array(why, dtype="str"),
            "probabilities": probabilities,
            "predicted_class": names,
        }
    )


def _deferred(sure: Any, model: Predictor) -> Any:
    """Return which rows are passed to a person: none without a rule, all where no confidence is enough."""
    rule = model.schema.deferral
    if rule is None:
        return np.zeros(len(sure), dtype=bool)
    return np.ones(len(sure), dtype=bool) if rule.threshold is None else ~(sure >= rule.threshold)
