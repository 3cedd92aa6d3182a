"""Measures what users see of the answers: how many rows have none, and what happened to the others."""

from tasks.output_metrics.shares import daily_shares, output_metric
from tasks.output_metrics.task import compare_versions, measure_outputs
from tasks.output_metrics.users_by_version import logged_users

__all__ = ["compare_versions", "daily_shares", "logged_users", "measure_outputs", "output_metric"]
