"""The further metrics of a labelled cohort, as the champion answered it."""

from __future__ import annotations

import pandas as pd

from tasks.metrics import AnsweredRows, Measuring, measured_metrics
from tasks.monitor.baseline import ChampionBaseline
from tasks.monitor.event_days import days_of
from tasks.records import MeasuredMetric
from tasks.statistics import truth_and_prediction


def cohort_metrics(cohort: pd.DataFrame, baseline: ChampionBaseline, how: Measuring) -> tuple[MeasuredMetric, ...]:
    """Return every further metric of the spec, with its interval.

    Parameters
    ----------
    cohort : DataFrame
        `event_date`, `label`, and `prediction` or, of several classes, `probabilities`.
    """
    return measured_metrics(answered_cohort(cohort, baseline, how.spec.training.task), how)


def answered_cohort(cohort: pd.DataFrame, baseline: ChampionBaseline, task: str) -> AnsweredRows:
    """Return a cohort with the champion's decisions: by its threshold, or the most probable class."""
    truth, prediction = truth_and_prediction(cohort, baseline.promise.classes)
    days = days_of(cohort["event_date"])
    if task == "regression":
        return AnsweredRows(truth, prediction, prediction, days)
    return AnsweredRows.decided(truth, prediction, days, threshold=baseline.threshold)
