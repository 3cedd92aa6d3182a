"""Which of many names are among many others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.arrays import BoolArray


def among(names: pd.Series, others: pd.Series) -> BoolArray:
    """Return which names are among the others; a missing one never is.

    pandas makes a Python text of every one of the others for the same answer.

    Examples
    --------
    >>> among(pd.Series(["a", None, "c"]), pd.Series(["c", "d", None])).tolist()
    [False, False, True]
    """
    if not len(names) or not len(others):
        return np.zeros(len(names), dtype=bool)
    texts, known = (pa.array(each, pa.large_string(), from_pandas=True) for each in (names, others))
    return np.asarray(pc.is_in(texts, value_set=known, skip_nulls=True), dtype=bool)
