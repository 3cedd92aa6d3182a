"""Two versions on the same rows: what was served, and what another version would have predicted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from tasks.spec.spec_sections.purpose_section import Scope
from tasks.statistics import LOSSES, RESIDUALS, decision_costs, truth_and_prediction

BOTH = ("", "_other")
NO_CLASSES: Mapping[int, Sequence[str]] = {}


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
    predictions: pd.DataFrame,
    labels: pd.DataFrame,
    *,
    scope: Scope,
    version: int,
    days: int,
    classes: Mapping[int, Sequence[str]] = NO_CLASSES,
) -> Contrast | None:
    """Compare, over the newest `days` of labelled rows, what was served with what `version` answers.

    Parameters
    ----------
    predictions : DataFrame
        `row_id`, `event_date`, `version`, `role`, `prediction`; what was served has the role champion. With costs of
        wrong decisions also `decision`: 0 or 1. Of several classes `probabilities` instead of `prediction`.
    labels : DataFrame
        `row_id`, `label`; one a row.
    classes : mapping of int to sequence of str, optional
        The names of several classes by version, in the order of its probabilities.

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
    labelled = predictions.merge(labels[["row_id", "label"]], on="row_id")
    if labelled.empty:
        return None
    parts = [_measured(part, scope, classes.get(int(part["version"].iloc[0]), ())) for part in _by_version(labelled)]
    measured = pd.concat(parts)
    answer = ["loss", "residual", "decision"] if priced else ["loss", "residual"]
    served = measured.loc[measured["role"] == "champion", ["row_id", "event_date", "label", *answer]]
    both = served.merge(measured.loc[measured["version"] == version, ["row_id", *answer]], on="row_id", suffixes=BOTH)
    if both.empty:
        return None
    end = both["event_date"].max()
    newest = both[both["event_date"] > end - timedelta(days=days)]
    costs = [_cost(newest, name, scope) for name in ("decision", "decision_other")] if priced else []
    return Contrast(
        start=newest["event_date"].min(),
        end=end,
        rows=len(newest),
        served_loss=float(newest["loss"].mean()),
        served_bias=float(newest["residual"].mean()),
        other_loss=float(newest["loss_other"].mean()),
        other_bias=float(newest["residual_other"].mean()),
        served_cost=costs[0] if costs else math.nan,
        other_cost=costs[1] if costs else math.nan,
    )


def _by_version(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    return (rows[rows["version"] == number] for number in rows["version"].unique())


def _measured(rows: pd.DataFrame, scope: Scope, classes: Sequence[str]) -> pd.DataFrame:
    """Return the labelled answers of one version with their loss and their residual."""
    truth, answer = truth_and_prediction(rows, classes)
    return rows.assign(loss=LOSSES[scope.metric](truth, answer), residual=RESIDUALS[scope.metric](truth, answer))


def _cost(rows: pd.DataFrame, decision: str, scope: Scope) -> float:
    """Return the cost of all wrong decisions."""
    costs = scope.false_positive_cost or 0.0, scope.false_negative_cost or 0.0
    return float(decision_costs(rows["label"].to_numpy(float), rows[decision], *costs).sum())
