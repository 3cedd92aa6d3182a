"""Measures what users see of the answers: how many rows have none, and what happened to the others."""

from tasks.output_metrics.shares import daily_shares, output_metric
from tasks.output_metrics.task import measure_outputs

__all__ = ["daily_shares", "measure_outputs", "output_metric"]
