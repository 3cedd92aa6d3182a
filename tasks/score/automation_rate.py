"""The automation rate: the share of rows decided without a person, and their error once labels are known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray
from tasks.dataset.row_errors import row_errors
from tasks.records import AutomationCounts
from tasks.spec import ProjectSpec


@dataclass(frozen=True, slots=True)
class AutomationRate:
    """How the rows of a period were decided.

    Attributes
    ----------
    rows : int
        Rows that were served.
    deferred_share : float
        Share of them that a person decides; 1 minus the automation rate. NaN without rows.
    automated_labelled : int
        Rows of the automated part with a known label.
    automated_error : float
        Their share of wrong decisions; for numbers, the metric's mean. NaN without such rows.
    target_error : float or None
        What it was to stay below.
    """

    rows: int
    deferred_share: float
    automated_labelled: int
    automated_error: float
    target_error: float | None

    def recorded(self) -> AutomationCounts:
        """Return the numbers for the record."""
        return AutomationCounts(
            served_rows=self.rows,
            deferred_share=_known(self.deferred_share),
            automated_labelled=self.automated_labelled,
            automated_error=_known(self.automated_error),
            target_error=self.target_error,
        )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def automation(served: pd.DataFrame, matured: pd.DataFrame, spec: ProjectSpec) -> AutomationRate:
    """Return how much of what was served was automatic, and the error of that part.

    Parameters
    ----------
    served : DataFrame
        `deferred` of the rows that the share is computed of.
    matured : DataFrame
        `deferred`, `prediction`, `confidence` (of several classes `predicted_class`) and `label` of the rows
        that the error is computed of.
    spec : ProjectSpec
        For the task, the metric and the target.

    Examples
    --------
    One of four rows was deferred; of the two automatic ones with a label, one is off by 4 and one by 0.

    >>> source = {"uri": "rows", "id": ["id"], "event_time": "at", "label": {"column": "price"}}
    >>> scope = {"owner": "me", "objective": "prices", "metric": "mean_absolute_error"}
    >>> spec = ProjectSpec.model_validate(
    ...     {"project": "houses", "scope": scope, "source": source, "features": {"numbers": ["rooms"]}})
    >>> known = pd.DataFrame({"deferred": [False, False, True], "prediction": [5.0, 7.0, 1.0], "confidence": 0.0,
    ...     "label": [9.0, 7.0, 8.0]})
    >>> found = automation(pd.DataFrame({"deferred": [False, False, True, False]}), known, spec)
    >>> found.deferred_share, found.automated_labelled, found.automated_error
    (0.25, 2, 2.0)
    """
    automatic = matured[~_deferred(matured)]
    errors = row_errors(automatic, spec)
    return AutomationRate(
        rows=len(served),
        deferred_share=float(_deferred(served).mean()) if len(served) else math.nan,
        automated_labelled=len(automatic),
        automated_error=float(errors.mean()) if len(errors) else math.nan,
        target_error=spec.automation.target_error,
    )


def _deferred(rows: pd.DataFrame) -> BoolArray:
    """Return which rows were deferred; none where an older record has no value."""
    return np.asarray(rows["deferred"].astype("boolean").fillna(value=False), dtype=bool)
