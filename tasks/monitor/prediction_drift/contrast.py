"""Two versions on the same rows: what was served, and what another version would have predicted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from tasks.arrays import FloatArray
from tasks.spec.spec_sections.purpose_section import Scope
from tasks.statistics import LOSSES, RESIDUALS, decision_costs


@dataclass(frozen=True, slots=True)
class Contrast:
    """Mean loss and mean signed residual of two sets of answers on the same rows, from `start` to `end`.

    The costs are those of all wrong decisions, in the currency of the owner; NaN where the spec has none.
    """

    start: date
    end: date
    rows: int
    served_loss: float
    served_bias: float
    other_loss: float
    other_bias: float
    served_cost: float = math.nan
    other_cost: float = math.nan

    @property
    def less_error(self) -> float:
        """Share of the other's loss that was saved; negative when the served one is worse."""
        return 1 - self.served_loss / self.other_loss


def contrast(
    predictions: pd.DataFrame, labels: pd.DataFrame, *, scope: Scope, version: int, days: int
) -> Contrast | None:
    """Compare, over the newest `days` of labelled rows, what was served with what `version` answers.

    Parameters
    ----------
    predictions : DataFrame
        `row_id`, `event_date`, `version`, `role`, `prediction`; what was served has the role champion. With costs of
        wrong decisions also `decision`: 0 or 1.
    labels : DataFrame
        `row_id`, `label`; one a row.

    Returns
    -------
    Contrast or None
        None when there is no row with both answers and a label.

    Examples
    --------
    >>> day = date(2026, 1, 1)
    >>> rows = pd.DataFrame({"row_id": ["a", "a"], "event_date": [day, day], "version": [2, 1],
    ...                      "role": ["champion", "shadow"], "prediction": [9.0, 6.0]})
    >>> found = contrast(rows, pd.DataFrame({"row_id": ["a"], "label": [10.0]}),
    ...                  scope=Scope(owner="o", objective="x", metric="mean_absolute_error"), version=1, days=7)
    >>> found.served_loss, found.other_loss, found.less_error
    (1.0, 4.0, 0.75)
    """
    priced = scope.false_positive_cost is not None
    answer = ["prediction", "decision"] if priced else ["prediction"]
    served = predictions.loc[predictions["role"] == "champion", ["row_id", "event_date", *answer]]
    other = predictions.loc[predictions["version"] == version, ["row_id", *answer]]
    both = served.merge(other, on="row_id", suffixes=("", "_other")).merge(labels[["row_id", "label"]], on="row_id")
    if both.empty:
        return None
    end = both["event_date"].max()
    newest = both[both["event_date"] > end - timedelta(days=days)]
    truth = newest["label"].to_numpy(float)
    first, second = newest["prediction"].to_numpy(float), newest["prediction_other"].to_numpy(float)
    costs = [_cost(truth, newest[name], scope) for name in ("decision", "decision_other")] if priced else []
    return Contrast(
        start=newest["event_date"].min(),
        end=end,
        rows=len(newest),
        served_loss=float(LOSSES[scope.metric](truth, first).mean()),
        served_bias=float(RESIDUALS[scope.metric](truth, first).mean()),
        other_loss=float(LOSSES[scope.metric](truth, second).mean()),
        other_bias=float(RESIDUALS[scope.metric](truth, second).mean()),
        served_cost=costs[0] if costs else math.nan,
        other_cost=costs[1] if costs else math.nan,
    )


def _cost(truth: FloatArray, decision: pd.Series, scope: Scope) -> float:
    """Return the cost of all wrong decisions."""
    costs = scope.false_positive_cost or 0.0, scope.false_negative_cost or 0.0
    return float(decision_costs(truth, decision, *costs).sum())
