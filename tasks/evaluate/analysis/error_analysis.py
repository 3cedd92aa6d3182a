"""Error analysis: where the errors of a model are, how large they are, and how they compare with human errors."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.evaluate.analysis.weak_slices import WeakSlice, weak_slices
from tasks.evaluate.comparison_set import ComparisonSet, ScoredRows, score_rows
from tasks.evaluate.evidence import plain_values
from tasks.metrics import AnsweredRows
from tasks.metrics.class_scores import calibration_error
from tasks.spec.project_spec import ProjectSpec

EXAMPLES = 10
BINS = 10
LONGEST_TEXT = 40
RARE = "(rare)"


@dataclass(frozen=True, slots=True)
class Example:
    """One of the rows with the largest losses: truth, prediction, loss, and its columns that are not private."""

    event_date: str
    truth: str
    prediction: float
    loss: float
    columns: dict[str, float | bool | str | None]


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of similar predictions: their mean prediction, mean truth, mean residual and mean loss.

    Where rows have weights, so have the means. For classes the prediction is the probability of class 1, or of the most
    probable class, and the truth is the share of rows of that class: the two agree where probabilities are calibrated.
    """

    rows: int
    prediction: float
    truth: float
    residual: float
    loss: float


@dataclass(frozen=True, slots=True)
class ErrorAnalysis:
    """Where the errors of the challenger are, on the hold-out.

    Attributes
    ----------
    loss : float
        Mean loss; NaN without rows.
    human_level : float or None
        The value of the metric that people reach, from the spec.
    weak : tuple of WeakSlice
        Slices with significantly larger errors than the rest, the costliest first.
    examples : tuple of Example
        Rows with the largest losses, the worst first; none where the spec sets `privacy`.
    bins : tuple of Bin
        Tenths of the rows by prediction; for probabilities, tenths of the scale.
    calibration_error : float
        Mean distance of probabilities from the observed shares, over rows; NaN for numbers.
    """

    metric: str
    rows: int
    loss: float
    human_level: float | None
    weak: tuple[WeakSlice, ...]
    examples: tuple[Example, ...]
    bins: tuple[Bin, ...]
    calibration_error: float

    @property
    def above_human(self) -> float | None:
        """How much larger the loss is than that of people; below zero, the model is better."""
        return None if self.human_level is None else self.loss - self.human_level

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that strict JSON can hold; numbers that are not finite are None."""
        content: dict[str, Any] = plain_values(asdict(self) | {"above_human": self.above_human})
        return content


def error_analysis(compared: ComparisonSet, spec: ProjectSpec) -> ErrorAnalysis:
    """Return where the errors of the challenger are, on rows that no model was trained on."""
    rows = score_rows(compared, spec)
    losses = rows.losses["challenger"]
    columns = [name for name in spec.features.columns if name in rows.rows and name not in _private(spec)]
    prediction, truth = _shown(rows, spec)
    is_regression = spec.training.task == "regression"
    bins = _bins(prediction, truth, rows, by_scale=not is_regression)
    finite = np.isfinite(losses)
    weak: tuple[WeakSlice, ...] = ()
    if finite.all():
        fewest = spec.privacy.min_category_count
        weak = weak_slices(rows.rows, losses, rows.days, columns, fewest, rows.weights)
    return ErrorAnalysis(
        metric=spec.scope.metric,
        rows=len(losses),
        loss=float(np.average(losses, weights=rows.weights)) if len(losses) else math.nan,
        human_level=spec.scope.human_level,
        weak=weak,
        examples=() if spec.privacy.is_set else _examples(rows, prediction, columns, spec),
        bins=bins,
        calibration_error=math.nan if is_regression else _calibration_error(prediction, truth, rows.weights),
    )


def _shown(rows: ScoredRows, spec: ProjectSpec) -> tuple[FloatArray, FloatArray]:
    """Return one prediction and one truth per row; of several classes, P(likeliest) and whether it is the label."""
    prediction = rows.predictions["challenger"]
    if spec.training.task != "multiclass":
        return prediction, rows.truth
    return prediction.max(axis=1), (prediction.argmax(axis=1) == rows.truth).astype(np.float64)


def _bins(prediction: FloatArray, truth: FloatArray, rows: ScoredRows, *, by_scale: bool) -> tuple[Bin, ...]:
    finite = np.isfinite(prediction) & np.isfinite(truth)
    if not finite.any():
        return ()
    if by_scale:
        edges = np.linspace(0, 1, BINS + 1)[1:-1]
    else:
        edges = np.unique(np.quantile(prediction[finite], np.linspace(0, 1, BINS + 1)[1:-1]))
    numbers = np.where(finite, np.searchsorted(edges, prediction, side="right"), -1)
    shown = (prediction, truth, rows.residuals["challenger"], rows.losses["challenger"])
    weights = np.ones(len(truth)) if rows.weights is None else rows.weights
    return tuple(
        Bin(int(inside.sum()), *(float(np.average(each[inside], weights=weights[inside])) for each in shown))
        for inside in (numbers == number for number in range(len(edges) + 1))
        if inside.any()
    )


def _calibration_error(prediction: FloatArray, truth: FloatArray, weights: FloatArray | None) -> float:
    rows = replace(AnsweredRows.decided(truth, prediction), weights=weights)
    return calibration_error(rows.where(rows.complete))


def _examples(rows: ScoredRows, prediction: FloatArray, columns: list[str], spec: ProjectSpec) -> tuple[Example, ...]:
    losses = rows.losses["challenger"]
    worst = np.argsort(np.where(np.isfinite(losses), -losses, np.inf), kind="stable")[:EXAMPLES]
    common = {name: _common(rows.rows[name], spec) for name in spec.features.categories if name in columns}
    return tuple(
        Example(
            event_date=str(pd.Timestamp(rows.days[index]).date()),
            truth=str(rows.rows[spec.source.label.column].iloc[index])[:LONGEST_TEXT],
            prediction=float(prediction[index]),
            loss=float(losses[index]),
            columns={name: _value(rows.rows[name].iloc[index], common.get(name)) for name in columns},
        )
        for index in worst
        if math.isfinite(losses[index])
    )


def _common(values: pd.Series[Any], spec: ProjectSpec) -> set[str]:
    """Return the categories with enough rows to be shown."""
    counts = values.astype("str").value_counts()
    return set(counts.index[counts >= spec.privacy.min_category_count])


def _value(value: Any, common: set[str] | None) -> float | bool | str | None:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if common is not None:
        return str(value)[:LONGEST_TEXT] if str(value) in common else RARE
    return bool(value) if isinstance(value, bool | np.bool_) else float(value)


def _private(spec: ProjectSpec) -> set[str]:
    return {*spec.privacy.drop, *spec.privacy.pseudonymise, *spec.source.id}
