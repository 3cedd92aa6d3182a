"""A night's numbers by name: the page's series, for a chart over time elsewhere (MLflow's metrics)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tasks.records import AuditedRows, Bounded, NightEntry, OutputMetric, PersonComparison, Statistic
from tasks.report.night_readings import strains


def night_numbers(night: NightEntry) -> dict[str, float]:
    """Return every number that the page draws of a night; one that the night did not measure is left out.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tasks.records import AutomationCounts, DriftStatistic
    >>> moment = datetime(2026, 1, 1, tzinfo=UTC)
    >>> night = NightEntry(
    ...     name="n", night=moment.date(), time=moment, action="hold", reason="", rows=10, rows_quarantined=1,
    ...     moved=(DriftStatistic("a", Statistic.LEVEL, 0.5, 0.25), DriftStatistic("b", Statistic.NULLS, 0.1, 0.2)),
    ...     automation=AutomationCounts(served_rows=10, deferred_share=0.25))
    >>> numbers = night_numbers(night)
    >>> numbers["rows"], numbers["worst_strain"], numbers["columns_past"], numbers["automation_rate"]
    (10.0, 2.0, 1.0, 0.75)
    >>> numbers["worst_null_strain"]
    0.5
    """
    moved, nulls = strains(night), strains(night, Statistic.NULLS)
    counts = {"rows": night.rows, "labels": night.labels, "quarantined": night.rows_quarantined}
    numbers = {name: float(count) for name, count in counts.items()}
    if moved:
        numbers |= {"worst_strain": max(moved.values()), "columns_past": float(sum(s > 1 for s in moved.values()))}
    if nulls:
        numbers["worst_null_strain"] = max(nulls.values())
    if night.performance is not None:
        numbers |= _measured("error", night.performance.loss) | _measured("bias", night.performance.bias)
    if night.estimated is not None:
        numbers["error_estimated"] = night.estimated.loss
    if night.automation is not None and night.automation.deferred_share is not None:
        numbers["automation_rate"] = 1 - night.automation.deferred_share
    for metric in night.metrics:
        parts = {"": metric.value, "_low": metric.low, "_high": metric.high}
        numbers |= {f"metric.{metric.name}{part}": value for part, value in parts.items() if value is not None}
    for gap in night.fairness:
        name = f"fairness.{gap.measure}"
        numbers[name] = max(numbers.get(name, 0.0), abs(gap.difference))
    if (coverage := night.coverage) is not None:
        parts = {"": coverage.value, "_low": coverage.low, "_high": coverage.high, "_expected": coverage.share}
        numbers |= {f"interval.coverage{part}": value for part, value in parts.items() if value is not None}
        numbers["interval.width"] = coverage.width
    if night.slice_coverage:
        numbers["interval.coverage_worst_slice"] = min(one.coverage.value for one in night.slice_coverage)
    numbers |= _outputs(night.outputs) | _people(night.people) | _audit(night.audit)
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def _outputs(metrics: Sequence[OutputMetric]) -> dict[str, float]:
    numbers = {f"output.{metric.name}": metric.value for metric in metrics}
    expected = {f"output.{metric.name}_expected": metric.expected for metric in metrics}
    return numbers | {name: value for name, value in expected.items() if value is not None}


def _people(comparison: PersonComparison | None) -> dict[str, float]:
    if comparison is None:
        return {}
    hidden = comparison.hidden
    means = {"agreement": hidden.agreement, "error": hidden.person_error, "model_error": hidden.model_error}
    return {
        f"people.{name}{part}": value
        for name, mean in means.items()
        if mean is not None
        for part, value in (("", mean.value), ("_low", mean.low), ("_high", mean.high))
    }


def _audit(audit: AuditedRows | None) -> dict[str, float]:
    if audit is None:
        return {}
    error = audit.error
    bounds = {} if error is None else {"": error.value, "_low": error.low, "_high": error.high}
    return {"audit.rows": float(audit.known)} | {f"audit.error{part}": value for part, value in bounds.items()}


def _measured(name: str, measured: Bounded) -> dict[str, float]:
    parts = {"": measured.value, "_low": measured.low, "_high": measured.high, "_promised": measured.expected}
    return {f"{name}{part}": value for part, value in parts.items()} | {f"{name}_tolerated": measured.tolerated}
