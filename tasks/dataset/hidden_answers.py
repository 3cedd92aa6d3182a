"""Which rows people decide without seeing what the model answers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray
from tasks.inference.automation_degree import is_drawn
from tasks.spec.spec_sections.answer_sections import Automation


def are_audited(rows: pd.DataFrame, automation: Automation) -> BoolArray:
    """Return which rows the model decides by itself and a person decides too.

    >>> rows = pd.DataFrame({"row_id": ["a", "b"], "deferred": [True, False]})
    >>> [are_audited(rows, Automation(degree=degree, audit_share=1)).tolist() for degree in ("partial", "assist")]
    [[False, True], [False, False]]
    """
    if automation.degree not in {"partial", "full"} or not automation.audit_share:
        return np.zeros(len(rows), dtype=bool)
    drawn = [is_drawn(row_id, automation.audit_share, "audit") for row_id in rows["row_id"]]
    sure = ~rows["deferred"].astype("boolean").fillna(value=False).to_numpy(bool)
    return np.array(drawn, dtype=bool) & sure


def were_hidden(rows: pd.DataFrame, automation: Automation) -> BoolArray:
    """Return which rows people decide without the model's answer.

    >>> rows = pd.DataFrame({"row_id": ["a", "b"], "deferred": True})
    >>> [were_hidden(rows, Automation(degree=degree)).tolist() for degree in ("shadow", "assist")]
    [[True, True], [False, False]]
    >>> were_hidden(rows, Automation(degree="assist", blind_share=1)).tolist()
    [True, True]
    """
    if automation.answers_kept_back:
        return np.ones(len(rows), dtype=bool)
    if automation.degree == "assist":
        return np.array([is_drawn(row_id, automation.blind_share, "blind") for row_id in rows["row_id"]], dtype=bool)
    return are_audited(rows, automation)
