"""Scores and their uncertainty: truth and predictions in; a loss per row, means with intervals and p-values out.

Every metric is a mean of per-row losses, so means over days add up and two models can be compared row by row.
"""

from tasks.metrics.intervals import mean_interval, paired_interval
from tasks.metrics.losses import LOSSES, RESIDUALS
from tasks.metrics.significance import confidence_after, holm, p_value_of_rise

__all__ = [
    "LOSSES",
    "RESIDUALS",
    "confidence_after",
    "holm",
    "mean_interval",
    "p_value_of_rise",
    "paired_interval",
]
