"""Differences between groups: of decisions, errors and calibration, each group against all other rows.

Every measure is a ratio of sums over rows. The sums of each block of days are kept, so that leaving out one day after
the other costs nothing: see `tasks.statistics.jackknife`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import BoolArray, FloatArray
from tasks.metrics.answered_rows import AnsweredRows
from tasks.metrics.least_variance import model_variance, rate_variance
from tasks.records.answer_quality.further_metrics import known
from tasks.records.answer_quality.group_gap import GroupGap, GroupMeasure
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import (
    LOSSES,
    RESIDUALS,
    Blocks,
    ErrorBounds,
    effective_rows,
    holm,
    jackknife_interval,
    p_value_beyond,
)

MOST_GROUPS = 20
MISSING = "missing"
FEWEST_TESTED = 10  # blocks with rows of the group, and of the others


@dataclass(frozen=True, slots=True, eq=False)
class GroupedAnswers:
    """Answers of a model, the group of each row by column, and its entity where the spec groups rows."""

    answers: AnsweredRows
    groups: pd.DataFrame
    entities: npt.NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class GapTest:
    """A difference, and the p-value of "it is within its limit": the larger one of days and entities; NaN untested.

    It is untested without a limit, and where fewer than ten days, or entities, have rows of the group or of the others.
    """

    gap: GroupGap
    p_value: float


def group_gaps(rows: GroupedAnswers, spec: ProjectSpec, confidence: float) -> list[GapTest]:
    """Return every measure of every group with enough rows, the groups of a column in the order of their names.

    A group, and all other rows, must have `privacy.min_category_count` rows of what a measure is about. The 20 most
    frequent values of a column are groups. Rows without a truth or a prediction are left out.
    """
    kept = rows.answers.complete
    measures = _measures(rows.answers.where(kept), spec)
    cuts = [Blocks.of_days(rows.answers.days[kept])]
    if rows.entities is not None:
        cuts.append(Blocks.of_entities(rows.entities[kept]))
    found = []
    for column in spec.fairness.groups:
        for group, inside in _groups(rows.groups[column][kept]):
            for measure, ratio in measures.items():
                gap = _gap((column, group, measure), ratio, inside, cuts, (spec, confidence))
                found += [gap] if gap else []
    return found


def corrected(tests: Sequence[GapTest], alpha: float) -> list[GapTest]:
    """Return differences with Holm's correction over all that are tested, and which are past their limit.

    Without a difference that is truly past its limit, one of them all is found to be with a chance of `alpha` at most.

    Examples
    --------
    Of two tests the smaller p-value is doubled, and a difference without a test is past no limit.

    >>> gap = GroupGap("town", "Ely", "error", 90, 2.0, 1.0, 1.0, limit=0.5)
    >>> found = corrected([GapTest(gap, 0.02), GapTest(gap, 0.03), GapTest(gap, math.nan)], 0.05)
    >>> [(one.p_value, one.gap.is_past_limit) for one in found]
    [(0.04, True), (0.04, True), (nan, False)]
    """
    p_values = holm([one.p_value for one in tests])
    return [
        GapTest(replace(one.gap, is_past_limit=p_value < alpha), p_value)  # NaN is below nothing
        for one, p_value in zip(tests, p_values, strict=True)
    ]


def _groups(values: pd.Series[Any]) -> Iterator[tuple[str, BoolArray]]:
    names = values.astype("str").fillna(MISSING)
    for name in sorted(names.value_counts(sort=True).index[:MOST_GROUPS]):
        yield str(name), (names == name).to_numpy(dtype=bool)


@dataclass(frozen=True, slots=True, eq=False)
class _Ratio:
    """What is added up of each row, the rows that it is about, and how much each counts.

    `variance` is that of the amount by the model's own probabilities; None for a rate, of ones and zeros, and for
    numbers, of which nothing is known.
    """

    amount: FloatArray
    about: BoolArray
    weights: FloatArray
    variance: FloatArray | None = None
    is_rate: bool = False

    def mean(self, kept: BoolArray) -> float:
        """Return the weighted mean over some rows."""
        return float(np.average(self.amount[kept], weights=self.weights[kept]))

    def least_variance(self, kept: BoolArray) -> float:
        """Return the least variance of the mean over some rows."""
        if self.is_rate:
            rows = effective_rows(self.weights[kept])
            return rate_variance(self.mean(kept) * rows, rows)
        if self.variance is None:
            return 0.0
        weights = self.weights[kept]
        return float(weights**2 @ self.variance[kept] / weights.sum() ** 2)


def _measures(rows: AnsweredRows, spec: ProjectSpec) -> Mapping[GroupMeasure, _Ratio]:
    metric, binary = spec.scope.metric, spec.training.task == "binary"
    answer = rows.decision if binary and metric == "error_rate" else rows.prediction
    loss, residual = LOSSES[metric](rows.truth, answer), RESIDUALS[metric](rows.truth, rows.prediction)
    usable = np.isfinite(loss) & np.isfinite(residual)
    measures: dict[GroupMeasure, _Ratio] = {}
    weights = np.ones(len(rows.truth)) if rows.weights is None else rows.weights
    if binary:
        chosen = rows.decision
        measures["selection_rate"] = _Ratio(chosen, np.ones(len(chosen), dtype=bool), weights, is_rate=True)
        measures["true_positive_rate"] = _Ratio(chosen, rows.truth == 1, weights, is_rate=True)
        measures["false_positive_rate"] = _Ratio(chosen, rows.truth == 0, weights, is_rate=True)
    of_loss, of_residual = (
        None if spec.training.task == "regression" else model_variance(kind[metric], rows.prediction)
        for kind in (LOSSES, RESIDUALS)
    )
    measures["error"] = _Ratio(np.where(usable, loss, 0.0), usable, weights, of_loss, is_rate=metric == "error_rate")
    measures["calibration"] = _Ratio(np.where(usable, residual, 0.0), usable, weights, of_residual)
    return measures


def _gap(
    name: tuple[str, str, GroupMeasure],
    ratio: _Ratio,
    inside: BoolArray,
    cuts: Sequence[Blocks],
    policy: tuple[ProjectSpec, float],
) -> GapTest | None:
    """Return a difference; None where the group, or the others, have too few rows to be shown."""
    spec, confidence = policy
    mine, others = inside & ratio.about, ~inside & ratio.about
    rows = int(mine.sum())
    if min(rows, int(others.sum())) < max(spec.privacy.min_category_count, 1):
        return None
    value, rest = ratio.mean(mine), ratio.mean(others)
    limit = spec.fairness.limits.of(name[2])
    low, high, p_value = math.inf, -math.inf, 0.0
    least_error = math.sqrt(ratio.least_variance(mine) + ratio.least_variance(others))
    for cut in cuts:
        without = _without_each(ratio, mine, cut) - _without_each(ratio, others, cut)
        filled = min(len(np.unique(cut.codes[side])) for side in (mine, others))
        bounds = ErrorBounds(least_error, filled)
        least, most = jackknife_interval(value - rest, without, confidence, in_order=cut.in_order, bounds=bounds)
        low, high = float(np.minimum(low, least)), float(np.maximum(high, most))  # NaN stays NaN
        if limit is not None:
            beyond = p_value_beyond(value - rest, without, limit, in_order=cut.in_order, bounds=bounds)
            p_value = float(np.maximum(p_value, beyond if filled >= FEWEST_TESTED else math.nan))
    gap = GroupGap(*name, rows, value, rest, value - rest, known(low), known(high), limit)
    return GapTest(gap, p_value if limit is not None else math.nan)


def _without_each(ratio: _Ratio, kept: BoolArray, cut: Blocks) -> FloatArray:
    """Return the mean of some rows without each block of them; NaN where no row is left."""
    codes, weights = cut.codes[kept], ratio.weights[kept]
    sums = np.bincount(codes, weights * ratio.amount[kept], minlength=cut.count)
    whole, rows = np.bincount(codes, weights, minlength=cut.count), np.bincount(codes, minlength=cut.count)
    left = np.where(rows < rows.sum(), whole.sum() - whole, np.nan)
    return np.asarray((sums.sum() - sums) / left, dtype=np.float64)
