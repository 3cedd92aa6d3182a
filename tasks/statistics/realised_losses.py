"""Truth and answer of rows that were served, as losses take them, from what was kept of both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray


def truth_and_prediction(rows: pd.DataFrame, classes: Sequence[str] = ()) -> tuple[FloatArray, FloatArray]:
    """Return the truth and the answer of each row.

    Parameters
    ----------
    rows : DataFrame
        `label` and `prediction`; of several classes `probabilities` instead of the latter, and labels are names.
    classes : sequence of str
        The names of several classes, in the order of the probabilities; empty for numbers and for two classes.

    Returns
    -------
    truth : array, shape (n,)
        Of several classes, the place of the label among them; their number for a name that is none of them.
    answer : array, shape (n,) or (n, k)

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["b", "z"], "probabilities": [[0.2, 0.8], [0.6, 0.4]]})
    >>> truth, answer = truth_and_prediction(rows, ("a", "b"))
    >>> truth.tolist(), answer.tolist()
    ([1.0, 2.0], [[0.2, 0.8], [0.6, 0.4]])
    """
    if not classes:
        return rows["label"].to_numpy(np.float64), rows["prediction"].to_numpy(np.float64)
    places = {name: float(place) for place, name in enumerate(classes)}
    truth = [np.nan if pd.isna(name) else places.get(str(name), float(len(classes))) for name in rows["label"]]
    held = [np.asarray(each, dtype=np.float64) for each in rows["probabilities"]]
    answer = np.stack(held) if held else np.empty((0, len(classes)))
    return np.asarray(truth, dtype=np.float64), np.asarray(answer, dtype=np.float64)
