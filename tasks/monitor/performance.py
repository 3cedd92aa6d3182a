"""Realised performance on the newest matured cohort, with intervals that a year of nightly looks may share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from tasks.metrics import LOSSES, RESIDUALS, mean_interval
from tasks.records import Bounded, Performance
from tasks.spec.models import Monitoring

LOOKS_A_NIGHT = 2


@dataclass(frozen=True, slots=True)
class Promise:
    """What the champion's hold-out showed: its mean loss and bias, on `rows` rows it had not seen."""

    metric: str
    loss: float
    bias: float
    rows: int


def newest_cohort(labelled: pd.DataFrame, *, days: int) -> pd.DataFrame:
    """Return the rows of the newest `days` event dates of labelled predictions.

    Examples
    --------
    >>> rows = pd.DataFrame({"event_date": [date(2026, 1, 1), date(2026, 1, 9)], "prediction": [1.0, 2.0]})
    >>> newest_cohort(rows, days=7)["prediction"].tolist()
    [2.0]
    """
    if labelled.empty:
        return labelled
    start: date = labelled["event_date"].max() - timedelta(days=days - 1)
    return labelled[labelled["event_date"] >= start]


def performance(rows: pd.DataFrame, promise: Promise, policy: Monitoring, nights_per_year: float) -> Performance | None:
    """Measure a cohort against what the champion's hold-out promised.

    As with every statistic, the leeway is the larger of what matters (the policy's share of the promised loss) and what
    chance explains. The promise is itself a mean of as many rows as the hold-out had, so the interval of a cohort of n
    rows is widened by sqrt(1 + n / rows), as in a two-sample comparison.

    The two intervals (error and bias) share the team's budget of false alarms with every other night of the year
    (Bonferroni over looks; Dunn 1961, "Multiple comparisons among means"), so looking nightly does not spend it.

    Returns
    -------
    Performance or None
        None when the cohort has fewer rows than the policy's `min_rows`.
    """
    if len(rows) < policy.min_rows:
        return None
    confidence = 1 - min(0.5, policy.false_alarms_per_year / (nights_per_year * LOOKS_A_NIGHT))
    truth, answer = rows["label"].to_numpy(float), rows["prediction"].to_numpy(float)
    losses = LOSSES[promise.metric](truth, answer)
    residuals = RESIDUALS[promise.metric](truth, answer)
    return Performance(
        start=rows["event_date"].min(),
        end=rows["event_date"].max(),
        rows=len(rows),
        loss=_bounded(losses, confidence, (promise.loss, promise.rows), policy.error_leeway * promise.loss),
        bias=_bounded(residuals, confidence, (promise.bias, promise.rows), policy.bias_leeway * promise.loss),
    )


def _bounded(values: np.ndarray, confidence: float, promised: tuple[float, int], leeway: float) -> Bounded:
    expected, rows = promised
    low, high = mean_interval(values, confidence)
    middle, half = float(values.mean()), (high - low) / 2 * math.sqrt(1 + len(values) / rows)
    return Bounded(value=middle, low=middle - half, high=middle + half, expected=expected, leeway=leeway)
