"""Which rows people decide without seeing what the model answers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray
from tasks.spec.spec_sections.answer_sections import Automation


def were_hidden(rows: pd.DataFrame, automation: Automation) -> BoolArray:
    """Return which rows people decide without the model's answer.

    >>> rows = pd.DataFrame({"row_id": ["a", "b"], "deferred": True})
    >>> [were_hidden(rows, Automation(degree=degree)).tolist() for degree in ("shadow", "assist")]
    [[True, True], [False, False]]
    """
    return np.full(len(rows), automation.answers_kept_back)
