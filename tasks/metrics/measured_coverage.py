"""The share of labels inside their prediction intervals, and whether it is surely too small."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import BoolArray, FloatArray
from tasks.metrics.answered_rows import RowArrays
from tasks.metrics.group_differences import FEWEST_TESTED
from tasks.metrics.least_variance import rate_variance
from tasks.records.answer_quality.further_metrics import known
from tasks.records.answer_quality.interval_coverage import IntervalCoverage, SliceCoverage
from tasks.statistics import Blocks, ErrorBounds, effective_rows, holm, jackknife_interval, p_value_beyond

MOST_SLICES = 20  # of a column


@dataclass(frozen=True, slots=True, eq=False)
class BoundedAnswers(RowArrays):
    """Labels, the bounds that they were to be between, event days, and weights where rows count differently."""

    truth: FloatArray
    lower: FloatArray
    upper: FloatArray
    days: npt.NDArray[Any]
    weights: FloatArray | None = None

    @property
    def complete(self) -> BoolArray:
        """Which rows have a label and an interval."""
        return np.asarray(np.isfinite(self.truth) & ~np.isnan(self.lower) & ~np.isnan(self.upper))


def measured_coverage(
    answers: BoundedAnswers, share: float, *, leeway: float, confidence: float, alpha: float
) -> IntervalCoverage | None:
    """Return the share of labels inside their intervals; None without a row that has both.

    Parameters
    ----------
    share : float
        The share that was promised.
    leeway : float
        How far below it the share may be.
    confidence : float
        Of the interval of the share, which leaves out whole days.
    alpha : float
        The chance of finding a share past its leeway that is not.

    Examples
    --------
    Two of four labels, over four days, are inside.

    >>> of, days = np.array, np.arange(4)
    >>> rows = BoundedAnswers(of([1.0, 2.0, 3.0, 4.0]), np.full(4, 0.0), np.full(4, 2.0), days)
    >>> found = measured_coverage(rows, 0.9, leeway=0.05, confidence=0.95, alpha=0.01)
    >>> found.value, found.width, found.is_past_leeway
    (0.5, 2.0, False)
    """
    rows = answers.where(answers.complete)
    if not len(rows.truth):
        return None
    found, beyond = _tested(rows, share, leeway, confidence)
    return replace(found, is_past_leeway=beyond < alpha)


@dataclass(frozen=True, slots=True, eq=False)
class SlicedAnswers:
    """Answers with bounds, the slice of each row in words by column, and the fewest rows of a slice that is shown."""

    answers: BoundedAnswers
    slices: pd.DataFrame
    fewest: int


def coverage_by_slice(
    rows: SlicedAnswers, share: float, *, leeway: float, confidence: float, alpha: float
) -> tuple[SliceCoverage, ...]:
    """Return the share of labels inside their intervals for each slice, in the order of their names.

    Holm's correction is over all slices that are tested, those with at least ten days: while no slice is truly past its
    leeway, one of them all is found to be with a chance of `alpha` at most. A column has at most 20 slices, those with
    the most rows; a row without a name is in none.

    Parameters
    ----------
    share, leeway, confidence, alpha : float
        As in `measured_coverage`.
    """
    kept = rows.answers.complete
    complete, named = rows.answers.where(kept), rows.slices[kept]
    found, p_values = [], []
    for column in named:
        counts = named[column].value_counts()
        for where in sorted(counts[counts >= max(rows.fewest, 1)].index[:MOST_SLICES]):
            part = complete.where((named[column] == where).to_numpy(dtype=bool, na_value=False))
            measured, beyond = _tested(part, share, leeway, confidence)
            found.append(SliceCoverage(str(column), str(where), measured))
            p_values.append(beyond if len(np.unique(part.days)) >= FEWEST_TESTED else math.nan)
    return tuple(
        replace(one, coverage=replace(one.coverage, is_past_leeway=bool(p_value < alpha)))  # NaN is below nothing
        for one, p_value in zip(found, holm(p_values), strict=True)
    )


def _tested(rows: BoundedAnswers, share: float, leeway: float, confidence: float) -> tuple[IntervalCoverage, float]:
    """Return the share of complete rows, and the p-value of "it is within its leeway"."""
    inside = ((rows.truth >= rows.lower) & (rows.truth <= rows.upper)).astype(np.float64)
    weights = np.ones(len(inside)) if rows.weights is None else rows.weights
    value, cut = float(np.average(inside, weights=weights)), Blocks.of_days(rows.days)
    without = cut.without_each(lambda kept: float(np.average(inside[kept], weights=weights[kept])))
    size = effective_rows(weights)
    bounds = ErrorBounds(float(np.sqrt(rate_variance(value * size, size))))
    low, high = jackknife_interval(value, without, confidence, in_order=True, bounds=bounds)
    gap, gaps = value - share, without - share
    beyond = p_value_beyond(gap, gaps, leeway, in_order=True, bounds=bounds) if gap < -leeway else 1.0
    found = IntervalCoverage(
        rows=len(inside),
        value=value,
        share=share,
        leeway=leeway,
        width=float(np.average(rows.upper - rows.lower, weights=weights)),
        low=known(max(low, 0.0)),
        high=known(min(high, 1.0)),
    )
    return found, beyond
