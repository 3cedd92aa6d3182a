"""A metric of the project, of all rows and without each block of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from tasks.user_code.row_attempts import described


def metric_without_each(function: Callable[..., Any], frame: pd.DataFrame, blocks: int) -> tuple[list[float], str]:
    """Return the values, or none and why the function gives no number.

    Parameters
    ----------
    function : callable
        From the truth and the prediction to a number, as scikit-learn's metrics: arrays of shape (n,), and (n, k) for
        the prediction of several classes.
    frame : DataFrame
        `truth` and `block`, then the columns of the prediction.

    Examples
    --------
    >>> rows = pd.DataFrame({"truth": [1.0, 2.0, 3.0], "block": [0, 1, 1], "0": [1.0, 1.0, 1.0]})
    >>> metric_without_each(lambda truth, prediction: (truth - prediction).sum(), rows, 2)
    ([3.0, 3.0, 0.0], '')
    >>> metric_without_each(lambda truth, prediction: "good", rows, 2)
    ([], "returned 'good'; expected a number")
    """
    truth, block = frame["truth"].to_numpy(np.float64), frame["block"].to_numpy()
    columns = frame.drop(columns=["truth", "block"]).to_numpy(np.float64)
    prediction = columns[:, 0] if columns.shape[1] == 1 else columns
    values = []
    for kept in (np.ones(len(truth), dtype=bool), *(block != number for number in range(blocks))):
        try:
            value = function(truth[kept], prediction[kept])
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's function may raise anything
            return [], described(error)
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            return [], f"returned {value!r:.80}; expected a number"
        values.append(float(value))
    return values, ""
