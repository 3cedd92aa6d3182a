"""The further metrics of a labelled cohort, as the champion answered it, and its differences between groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from tasks.dataset.event_days import days_of
from tasks.metrics import (
    AnsweredRows,
    BoundedAnswers,
    GroupedAnswers,
    Measuring,
    SlicedAnswers,
    corrected,
    coverage_by_slice,
    group_gaps,
    measured_coverage,
    measured_metrics,
)
from tasks.monitor.baseline import ChampionBaseline
from tasks.records import GroupGap, IntervalCoverage, MeasuredMetric, SliceCoverage
from tasks.spec import ProjectSpec, nights_per_year
from tasks.statistics import truth_and_prediction, weights_of

MOST_KEPT = 100


def cohort_metrics(cohort: pd.DataFrame, baseline: ChampionBaseline, how: Measuring) -> tuple[MeasuredMetric, ...]:
    """Return every further metric of the spec, with its interval.

    Parameters
    ----------
    cohort : DataFrame
        `event_date`, `label`, and `prediction` or, of several classes, `probabilities`.
    """
    return measured_metrics(answered_cohort(cohort, baseline, how.spec.training.task), how)


def cohort_coverage(cohort: pd.DataFrame, baseline: ChampionBaseline, spec: ProjectSpec) -> IntervalCoverage | None:
    """Return the share of labels inside the intervals of the champion; None without intervals.

    All nights of a year together find `monitoring.false_alarms_per_year` shares past their leeway by mistake at most.
    """
    if baseline.interval_share is None or "lower" not in cohort:
        return None
    return measured_coverage(
        _bounded(cohort),
        baseline.interval_share,
        leeway=spec.monitoring.coverage_leeway,
        confidence=spec.gate.confidence,
        alpha=_alpha(spec),
    )


def cohort_slice_coverage(
    cohort: pd.DataFrame,
    baseline: ChampionBaseline,
    spec: ProjectSpec,
    groups_of: Callable[[pd.DataFrame], pd.DataFrame],
) -> tuple[SliceCoverage, ...]:
    """Return the same by slice of the columns in `interval_slices`: of many slices, those with the smallest share.

    Numbers are cut as the champion's hold-out was, other columns by value. All nights of a year together find
    `monitoring.false_alarms_per_year` slices past their leeway by mistake at most.

    Parameters
    ----------
    groups_of : callable
        From a cohort to these columns, in the order of its rows.
    """
    if baseline.interval_share is None or "lower" not in cohort or not (columns := interval_slices(spec)):
        return ()
    values, cuts = (
        groups_of(cohort),
        {} if baseline.slices is None else {cut.column: cut for cut in baseline.slices.cuts},
    )
    named = {
        name: values[name].astype("str").radd(f"{name} is ") if name not in cuts else cuts[name].named(values[name])
        for name in columns
    }
    found = coverage_by_slice(
        SlicedAnswers(_bounded(cohort), pd.DataFrame(named), spec.privacy.min_category_count),
        baseline.interval_share,
        leeway=spec.monitoring.coverage_leeway,
        confidence=spec.gate.confidence,
        alpha=_alpha(spec),
    )
    ranked = sorted(found, key=lambda one: (not one.coverage.is_past_leeway, one.coverage.value))[:MOST_KEPT]
    return tuple(one for one in found if one in ranked)


def interval_slices(spec: ProjectSpec) -> tuple[str, ...]:
    """Return the columns by which the coverage of intervals is watched; none without intervals."""
    if spec.training.interval is None:
        return ()
    by = [spec.training.interval_by] if spec.training.interval_by else []
    return tuple(dict.fromkeys([*spec.gate.slices, *by]))


def _bounded(cohort: pd.DataFrame) -> BoundedAnswers:
    truth, lower, upper = (cohort[name].to_numpy(float) for name in ("label", "lower", "upper"))
    return BoundedAnswers(truth, lower, upper, days_of(cohort["event_date"]), weights_of(cohort))


def _alpha(spec: ProjectSpec) -> float:
    """Return the chance of a false alarm that one night has for each kind of what it watches."""
    return min(1 - spec.gate.confidence, spec.monitoring.false_alarms_per_year / nights_per_year(spec.schedule))


def cohort_gaps(
    cohort: pd.DataFrame,
    baseline: ChampionBaseline,
    spec: ProjectSpec,
    groups_of: Callable[[pd.DataFrame], pd.DataFrame],
) -> tuple[GroupGap, ...]:
    """Return the differences between groups: of a spec with many groups, the largest.

    As at the gate, those past their limit are found with a correction for all of a night. All nights of a year
    together find `monitoring.false_alarms_per_year` of them by mistake at most.

    Parameters
    ----------
    groups_of : callable
        From a cohort to the columns that define groups, in the order of its rows.
    """
    rows = GroupedAnswers(answered_cohort(cohort, baseline, spec.training.task), groups_of(cohort))
    gaps = [one.gap for one in corrected(group_gaps(rows, spec, spec.gate.confidence), _alpha(spec))]
    if len(gaps) <= MOST_KEPT:
        return tuple(gaps)
    ranked = sorted(gaps, key=lambda gap: (not gap.is_past_limit, -abs(gap.difference)))[:MOST_KEPT]
    return tuple(gap for gap in gaps if gap in ranked)


def answered_cohort(cohort: pd.DataFrame, baseline: ChampionBaseline, task: str) -> AnsweredRows:
    """Return a cohort with the champion's decisions: by its threshold, or the most probable class."""
    truth, prediction = truth_and_prediction(cohort, baseline.promise.classes)
    days, weights = days_of(cohort["event_date"]), weights_of(cohort)
    if task == "regression":
        return AnsweredRows(truth, prediction, prediction, days, weights)
    decided = AnsweredRows.decided(truth, prediction, days, threshold=baseline.threshold)
    return replace(decided, weights=weights)
