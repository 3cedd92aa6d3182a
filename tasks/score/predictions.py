"""What a version answers for the rows of a batch, as rows of the `predictions` table."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import pandas as pd

from tasks.model import PortableModel

Role = Literal["champion", "shadow"]


def served_key(write_key: str) -> str:
    """Return the name of the write that serves a batch's revision: whichever champion does it first, it is served once.

    >>> served_key("ab12/1")
    'served/ab12/1'
    """
    return f"served/{write_key}"


def version_key(write_key: str, version: int) -> str:
    """Return the name under which a version's answers for a batch's revision are found, served or not.

    >>> version_key("ab12/1", 3)
    'version/3/ab12/1'
    """
    return f"version/{version}/{write_key}"


def predictions(rows: pd.DataFrame, model: PortableModel, version: int, role: Role, moment: datetime) -> pd.DataFrame:
    """Score rows that already have their features.

    Parameters
    ----------
    rows : DataFrame
        `row_id`, `batch_id`, `event_date` and the model's columns.
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
            "event_date": rows["event_date"].to_numpy(),
            "version": version,
            "role": role,
            "prediction": model.from_score(score),
            "score": score,
            "time": pd.Timestamp(moment),
        }
    )
