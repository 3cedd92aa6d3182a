"""Two versions on the same rows: what was served, and what another version would have predicted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from tasks.statistics import LOSSES, RESIDUALS


@dataclass(frozen=True, slots=True)
class Contrast:
    """Mean loss and mean signed residual of two sets of answers on the same rows, from `start` to `end`."""

    start: date
    end: date
    rows: int
    served_loss: float
    served_bias: float
    other_loss: float
    other_bias: float

    @property
    def less_error(self) -> float:
        """Share of the other's loss that was saved; negative when the served one is worse."""
        return 1 - self.served_loss / self.other_loss


def contrast(
    predictions: pd.DataFrame, labels: pd.DataFrame, *, metric: str, version: int, days: int
) -> Contrast | None:
    """Compare, over the newest `days` of labelled rows, what was served with what `version` answers.

    Parameters
    ----------
    predictions : DataFrame
        `row_id`, `event_date`, `version`, `role`, `prediction`; what was served has the role champion.
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
    ...                  metric="mean_absolute_error", version=1, days=7)
    >>> found.served_loss, found.other_loss, found.less_error
    (1.0, 4.0, 0.75)
    """
    served = predictions.loc[predictions["role"] == "champion", ["row_id", "event_date", "prediction"]]
    other = predictions.loc[predictions["version"] == version, ["row_id", "prediction"]]
    both = served.merge(other, on="row_id", suffixes=("", "_other")).merge(labels[["row_id", "label"]], on="row_id")
    if both.empty:
        return None
    end = both["event_date"].max()
    newest = both[both["event_date"] > end - timedelta(days=days)]
    truth = newest["label"].to_numpy(float)
    first, second = newest["prediction"].to_numpy(float), newest["prediction_other"].to_numpy(float)
    return Contrast(
        start=newest["event_date"].min(),
        end=end,
        rows=len(newest),
        served_loss=float(LOSSES[metric](truth, first).mean()),
        served_bias=float(RESIDUALS[metric](truth, first).mean()),
        other_loss=float(LOSSES[metric](truth, second).mean()),
        other_bias=float(RESIDUALS[metric](truth, second).mean()),
    )
