"""What a night measured of the champion's answers next to the one metric."""

from __future__ import annotations

from tasks.records import MeasuredMetric, NightEntry
from tasks.render.sections import ReportTable, Section
from tasks.render.values import number


def other_metrics(night: NightEntry) -> Section:
    """Return the further metrics of the newest labelled cohort with their intervals; no lines without any."""
    rows = tuple(metric_cells(metric) for metric in night.metrics)
    heads = ("metric", "value", "interval", "better")
    lines = tuple(f"{metric.name}: {metric.fault}" for metric in night.metrics if metric.fault)
    return Section("Other metrics", lines, ReportTable(heads, rows) if rows else None)


def metric_cells(metric: MeasuredMetric) -> tuple[str, str, str, str]:
    """Return a metric as the cells of a table.

    >>> metric_cells(MeasuredMetric("roc_auc", True, 0.75, 0.7, 0.8))
    ('roc_auc', '0.75', '0.7 to 0.8', 'higher')
    """
    low, high = metric.low, metric.high
    interval = "n/a" if low is None or high is None else f"{number(low)} to {number(high)}"
    return metric.name, number(metric.value), interval, "higher" if metric.higher_is_better else "lower"
