"""What a version answers for the rows of a batch, as rows of the `predictions` table."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

from tasks.inference import answers
from tasks.inference.automation_degree import is_drawn
from tasks.model import Predictor
from tasks.model.input_matrix import input_matrix

Role = Literal["champion", "shadow"]
ANSWERED = ("prediction", "score", "confidence", "reasons", "probabilities", "predicted_class", "lower", "upper")


def as_proposals(answers: pd.DataFrame, blind_share: float) -> pd.DataFrame:
    """Return answers as the people who decide may see them: of the blind share, nothing of the model.

    >>> as_proposals(pd.DataFrame({"row_id": ["a"], "prediction": [0.5]}), blind_share=1.0).values.tolist()
    [['a', nan, False]]
    """
    blind = np.array([is_drawn(row_id, blind_share, "blind") for row_id in answers["row_id"]], dtype=bool)
    hidden = {name: answers[name].where(~blind) for name in ANSWERED if name in answers}
    return answers.assign(**hidden, proposal=~blind)


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
        the name of the chosen one as `predicted_class`; `lower` and `upper`, the bounds of the interval of a number,
        where the model has intervals.
    """
    block = model.schema.block_rows
    starts = range(0, max(len(rows), 1), block)
    answered = pd.concat([_answers(rows.iloc[start : start + block], model) for start in starts], ignore_index=True)
    for place, name in enumerate(("row_id", "batch_id", "revision", "event_date")):
        answered.insert(place, name, rows[name].array)
    return answered.assign(version=version, role=role, time=pd.Timestamp(moment))


def _answers(rows: pd.DataFrame, model: Predictor) -> pd.DataFrame:
    answered = answers(input_matrix(rows, model.schema), model)
    names = pd.array([None] * len(rows), dtype="str")
    if model.schema.class_names:
        chosen = answered.prediction.astype(np.int64)
        names = pd.array(np.array(model.schema.class_names)[chosen], dtype="str")
    none = np.full(len(rows), np.nan)
    probabilities: Any = None if answered.probabilities is None else list(answered.probabilities)
    return pd.DataFrame(
        {
            "prediction": answered.prediction,
            "score": answered.score,
            "confidence": answered.confidence,
            "deferred": answered.unsure,
            "reasons": pd.array(answered.reasons, dtype="str"),
            "probabilities": probabilities,
            "predicted_class": names,
            "lower": none if answered.bounds is None else answered.bounds[0],
            "upper": none if answered.bounds is None else answered.bounds[1],
        }
    )
