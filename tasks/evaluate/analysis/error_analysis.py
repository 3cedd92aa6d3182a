"""Error analysis: where a model is wrong, by how much, and against what a person would reach; bounded numbers."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.evaluate.analysis.weak_slices import WeakSlice, weak_slices
from tasks.evaluate.comparison_set import Contest, Scored, scored
from tasks.spec.project_spec import ProjectSpec

EXAMPLES = 10
BINS = 10
LONGEST_TEXT = 40
RARE = "(rare)"


@dataclass(frozen=True, slots=True)
class Example:
    """One of the rows with the largest losses: truth, answer, loss, and its columns that are not private."""

    event_date: str
    truth: str
    prediction: float
    loss: float
    columns: dict[str, float | bool | str | None]


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of similar predictions: their mean prediction, mean truth, mean residual and mean loss.

    For classes the prediction is the probability of class 1, or of the most probable class, and the truth is the share
    of rows where that class happened: the two agree where probabilities are calibrated.
    """

    rows: int
    prediction: float
    truth: float
    residual: float
    loss: float


@dataclass(frozen=True, slots=True)
class ErrorAnalysis:
    """Where the challenger is wrong on the hold-out.

    Attributes
    ----------
    loss : float
        Mean loss; NaN without rows.
    human_level : float or None
        The metric's value people reach, as the spec says.
    weak : tuple of WeakSlice
        Slices that are predicted worse than the rest beyond chance, the costliest first.
    examples : tuple of Example
        Rows with the largest losses, the worst first.
    bins : tuple of Bin
        Tenths of the rows by prediction; for probabilities, tenths of the scale.
    calibration_error : float
        Mean distance of probabilities from what happened, over rows; NaN for numbers.
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
        """How much of the loss people would avoid; below zero the model is better than they are."""
        return None if self.human_level is None else self.loss - self.human_level

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that strict JSON can hold; what is not a finite number is None."""
        content: dict[str, Any] = _plain(asdict(self) | {"above_human": self.above_human})
        return content


def error_analysis(contest: Contest, spec: ProjectSpec) -> ErrorAnalysis:
    """Return where the challenger is wrong on the contest's fair rows."""
    found = scored(contest, spec)
    losses = found.losses["challenger"]
    columns = [name for name in spec.features.columns if name in found.rows and name not in _private(spec)]
    prediction, truth = _shown(found, spec)
    bins = _bins(prediction, truth, found, by_scale=spec.training.task != "regression")
    known = np.isfinite(losses)
    weak: tuple[WeakSlice, ...] = ()
    if known.all():
        weak = weak_slices(found.rows, losses, found.days, columns, spec.privacy.min_category_count)
    return ErrorAnalysis(
        metric=spec.scope.metric,
        rows=len(losses),
        loss=float(losses.mean()) if len(losses) else math.nan,
        human_level=spec.scope.human_level,
        weak=weak,
        examples=_examples(found, prediction, columns, spec),
        bins=bins,
        calibration_error=_calibration_error(bins) if spec.training.task != "regression" else math.nan,
    )


def _shown(found: Scored, spec: ProjectSpec) -> tuple[FloatArray, FloatArray]:
    """Return one prediction and one truth a row: the number, P(class 1), or the likeliest class and whether it came."""
    answer = found.answers["challenger"]
    if spec.training.task != "multiclass":
        return answer, found.truth
    return answer.max(axis=1), (answer.argmax(axis=1) == found.truth).astype(np.float64)


def _bins(prediction: FloatArray, truth: FloatArray, found: Scored, *, by_scale: bool) -> tuple[Bin, ...]:
    known = np.isfinite(prediction) & np.isfinite(truth)
    if not known.any():
        return ()
    if by_scale:
        edges = np.linspace(0, 1, BINS + 1)[1:-1]
    else:
        edges = np.unique(np.quantile(prediction[known], np.linspace(0, 1, BINS + 1)[1:-1]))
    places = np.where(known, np.searchsorted(edges, prediction, side="right"), -1)
    residuals, losses = found.residuals["challenger"], found.losses["challenger"]
    return tuple(
        Bin(
            rows=int(inside.sum()),
            prediction=float(prediction[inside].mean()),
            truth=float(truth[inside].mean()),
            residual=float(residuals[inside].mean()),
            loss=float(losses[inside].mean()),
        )
        for inside in (places == place for place in range(len(edges) + 1))
        if inside.any()
    )


def _calibration_error(bins: tuple[Bin, ...]) -> float:
    """Return the expected calibration error: |prediction - truth| of each bin, weighed by rows (Naeini et al. 2015)."""
    rows = sum(each.rows for each in bins)
    return sum(each.rows * abs(each.prediction - each.truth) for each in bins) / rows if rows else math.nan


def _examples(found: Scored, prediction: FloatArray, columns: list[str], spec: ProjectSpec) -> tuple[Example, ...]:
    losses = found.losses["challenger"]
    worst = np.argsort(np.where(np.isfinite(losses), -losses, np.inf), kind="stable")[:EXAMPLES]
    common = {name: _common(found.rows[name], spec) for name in spec.features.categories if name in columns}
    return tuple(
        Example(
            event_date=str(pd.Timestamp(found.days[place]).date()),
            truth=str(found.rows[spec.source.label.column].iloc[place])[:LONGEST_TEXT],
            prediction=float(prediction[place]),
            loss=float(losses[place]),
            columns={name: _value(found.rows[name].iloc[place], common.get(name)) for name in columns},
        )
        for place in worst
        if math.isfinite(losses[place])
    )


def _common(values: pd.Series[Any], spec: ProjectSpec) -> set[str]:
    """Return the categories that many enough rows have to be shown."""
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


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value
