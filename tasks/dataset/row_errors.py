"""The error of each decided row: of the model's answers, and of what people decided."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.spec import ProjectSpec
from tasks.statistics import LOSSES


def decided(rows: pd.DataFrame, spec: ProjectSpec) -> pd.Series:
    """Return what the model decides for each row: a number, 0 or 1, or the name of a class.

    The decision of a binary model is read from its confidence, the probability of the class that it chose, so it does
    not depend on the threshold.

    Parameters
    ----------
    rows : DataFrame
        `prediction` and `confidence`; of several classes `predicted_class`.

    Examples
    --------
    0.3 with a confidence of 0.3 was decided as 1, from a threshold below; with one of 0.7, as 0.

    >>> from types import SimpleNamespace as Part
    >>> spec = Part(training=Part(task="binary"))
    >>> decided(pd.DataFrame({"prediction": [0.3, 0.3], "confidence": [0.3, 0.7]}), spec).tolist()
    [1.0, 0.0]
    """
    if spec.training.task == "multiclass":
        return rows["predicted_class"].astype("str")
    prediction = rows["prediction"].astype("float64")
    if spec.training.task == "regression":
        return prediction
    sure, chance = rows["confidence"].to_numpy(np.float64), prediction.to_numpy()
    return pd.Series(np.where(np.isnan(sure), chance >= 0.5, sure == chance), rows.index).astype("float64")  # noqa: PLR2004 - one half


def errors(decision: pd.Series, label: pd.Series, spec: ProjectSpec) -> FloatArray:
    """Return the error of each decision: the metric's loss of a number, 1 for a wrong class; else none.

    Examples
    --------
    >>> from types import SimpleNamespace as Part
    >>> spec = Part(training=Part(task="binary"))
    >>> errors(pd.Series([1.0, 0.0]), pd.Series([1.0, 1.0]), spec)
    array([0., 1.])
    """
    if spec.training.task == "regression":
        truth, given = label.to_numpy(np.float64), decision.to_numpy(np.float64)
        return np.asarray(LOSSES[spec.scope.metric](truth, given), dtype=np.float64)
    if spec.training.task == "multiclass":
        return np.asarray(decision.astype("str") != label.astype("str"), dtype=np.float64)
    return np.asarray(decision.to_numpy(np.float64) != label.to_numpy(np.float64), dtype=np.float64)


def row_errors(rows: pd.DataFrame, spec: ProjectSpec) -> FloatArray:
    """Return the error of the model's decision of each row with a `label`: see `decided` and `errors`.

    >>> from types import SimpleNamespace as Part
    >>> spec = Part(training=Part(task="binary"))
    >>> row_errors(pd.DataFrame({"prediction": [0.3, 0.3], "confidence": [0.3, 0.7], "label": [1.0, 1.0]}), spec)
    array([0., 1.])
    """
    return errors(decided(rows, spec), rows["label"], spec)
