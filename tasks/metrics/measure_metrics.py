"""The metrics that a spec lists, of one model or of a challenger and a champion on the same rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import FloatArray
from tasks.errors import DataError
from tasks.features.row_failures import without_values
from tasks.metrics.answered_rows import AnsweredRows
from tasks.metrics.known_metrics import KNOWN_METRICS
from tasks.metrics.sum_of_sizes import SizedParts, SizesWithout, interval_of_sizes
from tasks.records.answer_quality.further_metrics import MeasuredMetric, MetricComparison, known
from tasks.spec.project_spec import FurtherMetric, ProjectSpec
from tasks.statistics import Blocks, jackknife_interval
from tasks.user_code.function_calls import UnusableFunctionError, UserFunction, metric_values

NO_VALUE = "it is not defined on these rows, or a prediction has none"


@dataclass(frozen=True, slots=True)
class Measuring:
    """How metrics are measured: for which spec, with which confidence, and the folder of the project's own ones."""

    spec: ProjectSpec
    confidence: float
    folder: Path = Path()


@dataclass(frozen=True, slots=True, eq=False)
class Comparing:
    """The answers of a challenger, and of the champion, to the same rows; `entities` where the spec groups rows."""

    challenger: AnsweredRows
    champion: AnsweredRows | None
    entities: npt.NDArray[Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """A metric of all rows, and without each block, for every way to cut the rows into blocks.

    `sizes` are the parts of a metric that is a sum of sizes.
    """

    whole: float
    without: tuple[FloatArray, ...]
    fault: str = ""
    sizes: SizesWithout | None = None

    def minus(self, other: _Values) -> _Values:
        pairs = zip(self.without, other.without, strict=True)
        sizes = self.sizes.minus(other.sizes) if self.sizes and other.sizes else None
        return _Values(self.whole - other.whole, tuple(one - two for one, two in pairs), sizes=sizes)


def measured_metrics(rows: AnsweredRows, how: Measuring) -> tuple[MeasuredMetric, ...]:
    """Return every metric of the spec with its interval, on the rows that have a truth and a prediction."""
    if not how.spec.metrics:
        return ()
    complete = rows.where(rows.complete)
    cuts = (Blocks.of_days(complete.days),)
    return tuple(_measured(metric, _values(metric, complete, cuts, how), cuts, how) for metric in how.spec.metrics)


def compared_metrics(rows: Comparing, how: Measuring) -> tuple[MetricComparison, ...]:
    """Return every metric of a challenger and the champion, with a paired interval of their difference.

    The same blocks of rows are left out of both. Where entities return on other days, the wider of both intervals
    counts. Without an answer to some row nothing is known: rows may not be left out in favour of a model.
    """
    return tuple(_compared(rows, how)) if how.spec.metrics else ()


def _compared(rows: Comparing, how: Measuring) -> Iterator[MetricComparison]:
    cuts = [Blocks.of_days(rows.challenger.days)]
    if rows.entities is not None:
        cuts.append(Blocks.of_entities(rows.entities))
    for metric in how.spec.metrics:
        new = _values(metric, rows.challenger, tuple(cuts), how)
        measured = _measured(metric, new, tuple(cuts), how)
        if rows.champion is None:
            yield MetricComparison(measured, max_loss=metric.max_loss)
            continue
        old = _values(metric, rows.champion, tuple(cuts), how)
        gap = new.minus(old)
        low, high = _interval(gap, tuple(cuts), how.confidence)
        if old.fault and not measured.fault:
            measured = replace(measured, fault=f"of the champion: {old.fault}")
        yield MetricComparison(
            measured, known(old.whole), known(gap.whole), known(low), known(high), max_loss=metric.max_loss
        )


def _values(metric: FurtherMetric, rows: AnsweredRows, cuts: tuple[Blocks, ...], how: Measuring) -> _Values:
    nothing = tuple(np.full(cut.count, math.nan) for cut in cuts)
    unknown = int((~rows.complete).sum())
    if not len(rows.truth) or unknown:
        what = f"found {unknown} of {len(rows.truth)} rows without a truth or a prediction; expected none"
        return _Values(math.nan, nothing, what if unknown else "")
    if metric.is_own:
        found = [_own_values(metric, rows, cut, how) for cut in cuts]
        fault = next((fault for _, fault in found if fault), "")
        if fault:
            return _Values(math.nan, nothing, fault)
        return _Values(float(found[0][0][0]), tuple(numbers[1:] for numbers, _ in found))
    kind, at = KNOWN_METRICS[metric.use], metric.at or 0.0
    if kind.parts is not None:
        return _sized_values(kind.parts, rows, cuts)
    score = kind.score
    try:
        whole = score(rows, at)
        without = tuple(cut.without_each(lambda kept: score(rows.where(kept), at)) for cut in cuts)
    except Exception as error:  # noqa: BLE001 - a metric that raises is unknown and stops no night
        return _Values(math.nan, nothing, without_values(f"{type(error).__name__}: {error}", how.spec.privacy))
    return _Values(whole, without, "" if math.isfinite(whole) else NO_VALUE)


def _sized_values(parts: Callable[[AnsweredRows], SizedParts], rows: AnsweredRows, cuts: tuple[Blocks, ...]) -> _Values:
    """Return a sum of sizes: of all rows, and without each block."""
    whole = parts(rows)
    without = tuple(
        np.array([parts(rows.where(cut.codes != block)).signed for block in range(cut.count)]) for cut in cuts
    )
    sums = tuple(np.abs(each).sum(axis=1) for each in without)
    sizes = SizesWithout(whole, without, np.ones(len(whole.signed)))
    return _Values(float(np.abs(whole.signed).sum()), sums, sizes=sizes)


def _own_values(metric: FurtherMetric, rows: AnsweredRows, cut: Blocks, how: Measuring) -> tuple[FloatArray, str]:
    """Return a function's value of all rows and without each block, or why it has none."""
    several = rows.prediction if rows.prediction.ndim > 1 else rows.prediction[:, None]
    answers = {str(index): several[:, index] for index in range(several.shape[1])}
    frame = pd.DataFrame({"truth": rows.truth, "block": cut.codes, **answers})
    function = UserFunction(metric.use, how.folder, is_private=how.spec.privacy.is_set)
    try:
        values, fault = metric_values(function, frame, cut.count)
    except (UnusableFunctionError, DataError) as error:
        values, fault = [], f"{type(error).__name__}: {error}"
    return np.array(values, dtype=np.float64), without_values(fault, how.spec.privacy)


def _measured(metric: FurtherMetric, found: _Values, cuts: tuple[Blocks, ...], how: Measuring) -> MeasuredMetric:
    low, high = _interval(found, cuts, how.confidence)
    higher = bool(metric.higher_is_better)
    if not metric.is_own:
        kind = KNOWN_METRICS[metric.use]
        low, high, higher = max(low, kind.least), min(high, kind.most), kind.higher_is_better
    return MeasuredMetric(metric.name, higher, known(found.whole), known(low), known(high), found.fault)


def _interval(found: _Values, cuts: tuple[Blocks, ...], confidence: float) -> tuple[float, float]:
    """Return the widest of the intervals of all cuts; NaN where one of them is not known."""
    if found.sizes is not None:
        pairs = zip(found.sizes.without, cuts, strict=True)
        ends = [interval_of_sizes(found.sizes, each, confidence, in_order=cut.in_order) for each, cut in pairs]
    else:
        ends = [
            jackknife_interval(found.whole, without, confidence, in_order=cut.in_order)
            for without, cut in zip(found.without, cuts, strict=True)
        ]
    bounds = np.array(ends)
    return float(np.min(bounds[:, 0])), float(np.max(bounds[:, 1]))
