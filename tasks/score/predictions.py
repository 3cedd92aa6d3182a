"""What a version answers for the rows of a batch, as rows of the `predictions` table."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import pandas as pd

from tasks.model import PortableModel

Role = Literal["champion", "shadow"]


def predictions(rows: pd.DataFrame, model: PortableModel, version: int, role: Role, moment: datetime) -> pd.DataFrame:
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
        `prediction` in the label's unit (or the probability of 1), `score` on the model's own scale.
    """
    score = model.score(rows)
    return pd.DataFrame(
        {
            "row_id": rows["row_id"].to_numpy(),
            "batch_id": rows["batch_id"].to_numpy(),
            "revision": rows["revision"].to_numpy(),
            "event_date": rows["event_date"].to_numpy(),
            "version": version,
            "role": role,
            "prediction": model.from_score(score),
            "score": score,
            "time": pd.Timestamp(moment),
        }
    )
