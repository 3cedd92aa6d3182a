"""Trivial baselines: one number for every row, which a model must beat to be worth anything."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.model.matrix import days_since
from tasks.spec.models import ProjectSpec
from tasks.train.table import truths

WEEK = 7


def baseline_prediction(rows: pd.DataFrame, spec: ProjectSpec) -> float:
    """Return the constant prediction of `scope.baseline`, in label units or as P(class 1).

    "mean" and "median" are over all rows, "last_value" is the median of the newest seven days. For a binary label a
    median of zeros and ones says nothing, so both become the share of ones.

    Parameters
    ----------
    rows : DataFrame
        Training rows: event time and label.

    Raises
    ------
    DataError
        A label cannot be used.
    """
    truth = truths(rows, spec)
    if spec.scope.baseline == "last_value":
        moments = pd.to_datetime(rows[spec.source.event_time], utc=True)
        days = np.floor(days_since(moments, moments.min().date()))
        truth = truth[days > days.max() - WEEK]
    level = np.mean if spec.scope.baseline == "mean" or spec.training.task == "binary" else np.median
    return float(level(truth))
