"""Volume faults: short deliveries and duplicated rows, which the profiles of columns do not show."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.drift.noise_model import student_quantile
from tasks.records import Suspicion

FEWEST_DELIVERIES = 5


def duplicate_share(frame: pd.DataFrame) -> float:
    """Return the share of rows that repeat an earlier row, value for value.

    Examples
    --------
    The third row repeats the first.

    >>> duplicate_share(pd.DataFrame({"a": [1, 2, 1, 3], "b": ["x", "x", "x", "x"]}))
    0.25
    """
    # Hashing rows is much cheaper than comparing them, and only rows with equal hashes can be equal.
    unsigned = {name: column + 0.0 if pd.api.types.is_float_dtype(column) else column for name, column in frame.items()}
    hashes = pd.util.hash_pandas_object(pd.DataFrame(unsigned, index=frame.index), index=False)
    equal_hashes = frame[hashes.duplicated(keep=False).to_numpy()]
    return float(equal_hashes.duplicated().sum() / len(frame)) if len(equal_hashes) else 0.0


def truncated_delivery(rows: int, earlier: Sequence[int], alpha: float) -> Suspicion | None:
    """Return a suspicion when a delivery has less than half of the usual rows, and fewer than chance explains.

    Parameters
    ----------
    rows : int
        Rows delivered.
    earlier : sequence of int
        Rows of earlier deliveries, of the same weekday where weekdays differ; at least five are needed.
    alpha : float
        Probability that a usual delivery is called short. The logarithms of the counts are assumed to be normal.

    Examples
    --------
    >>> truncated_delivery(40, [100, 104, 96, 102, 98], alpha=0.001).evidence
    '40 rows came where 100 are usual'
    >>> truncated_delivery(90, [100, 104, 96, 102, 98], alpha=0.001) is None
    True
    """
    if len(earlier) < FEWEST_DELIVERIES:
        return None
    logs = np.log(np.maximum(np.asarray(earlier, dtype=np.float64), 1.0))
    usual = float(np.exp(logs.mean()))
    spread = max(float(logs.std(ddof=1)), 1 / math.sqrt(usual)) * math.sqrt(1 + 1 / len(logs))
    lack = float(logs.mean()) - math.log(max(rows, 0.5))
    if lack < math.log(2) or lack < student_quantile(2 * alpha, len(logs) - 1) * spread:
        return None
    return Suspicion(
        "truncated", (), f"{rows:,} rows came where {usual:,.0f} are usual", {"rows": rows, "usual": usual}
    )
