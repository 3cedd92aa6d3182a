"""A challenger, its rival, and the rows that neither was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import BoolArray, FloatArray
from tasks.errors import DataError
from tasks.model import Predictor
from tasks.model.input_matrix import as_text, category_codes
from tasks.spec.champion_inputs import rows_read_by
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import LOSSES, RESIDUALS, effective_rows


@dataclass(frozen=True, slots=True)
class ComparisonSet:
    """A challenger, the models it must beat, and the rows to compare them on.

    Attributes
    ----------
    challenger : Predictor
        The new model, fitted without the hold-out.
    champion : Predictor or None
        The model in service; None for a first model.
    holdout : DataFrame
        Labelled rows with event time and the columns of both models. Rows that are not newer than both models' last
        training day are left out.
    baseline_prediction : float or array
        The baseline's constant, in label units or as P(class 1); or its prediction of each row of the hold-out,
        shape (n,), or (n, k) for several classes in the challenger's order.
    parity : float
        Largest difference between the exported and the trained challenger, on the model's scale.
    night : date or None
        The night of the comparison. With it, rows with a label that cannot have matured by then are left out too:
        early labels differ from the others.
    awaiting : int
        Rows of the hold-out's days that have no label yet.
    uses : int
        Number of earlier decisions on these rows, or some of them; each one raises the confidence required.
    crossed : array, optional
        The challenger was fitted with the hold-out: its prediction of each row by a fit that left the row out. Then
        its own training days are not left out of the comparison.
    candidates : int
        Number of recipes of which the best on these rows was chosen; they share the error rate of the comparison.
    folder : Path, optional
        The folder of the project, with its own metrics.
    """

    challenger: Predictor
    champion: Predictor | None
    holdout: pd.DataFrame
    baseline_prediction: float | FloatArray
    parity: float
    night: date | None = None
    awaiting: int = 0
    uses: int = 0
    crossed: FloatArray | None = None
    candidates: int = 1
    folder: Path | None = None

    @property
    def rival(self) -> str:
        """What the challenger is compared with: the champion, or the baseline without a champion."""
        return "champion" if self.champion else "baseline"


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """The rows of the comparison, with predictions and losses by model.

    Attributes
    ----------
    days, groups : array
        Event day of each row; its entity, where the spec has a column of groups.
    left_out : int
        Rows that a model was trained on, or with a label that was not mature.
    truth : array
        The label as the challenger reads it: of several classes, the index in its classes.
    predictions, losses, residuals : dict of str to array
        Prediction, loss and signed residual of each row, by model: challenger, champion, baseline.
    weights : array or None
        How much each row counts, where the spec has a column of weights.
    """

    rows: pd.DataFrame
    days: npt.NDArray[np.datetime64]
    groups: npt.NDArray[Any] | None
    left_out: int
    truth: FloatArray
    predictions: dict[str, FloatArray]
    losses: dict[str, FloatArray]
    residuals: dict[str, FloatArray]
    weights: FloatArray | None = None

    @property
    def effective_rows(self) -> float:
        """From how many rows of equal weight a mean is as certain."""
        return float(len(self.days)) if self.weights is None else effective_rows(self.weights)

    @property
    def period(self) -> tuple[date | None, date | None]:
        """First and last event date; None without rows."""
        if not len(self.days):
            return None, None
        first, last = self.days.min(), self.days.max()
        return pd.Timestamp(first).date(), pd.Timestamp(last).date()

    def bias(self, model: str) -> float:
        """Return the mean signed residual of a model on the metric's scale; NaN without rows."""
        return float(np.average(self.residuals[model], weights=self.weights)) if len(self.days) else math.nan


def score_rows(compared: ComparisonSet, spec: ProjectSpec) -> ScoredRows:
    """Return the rows newer than both models, with predictions and losses of challenger, champion and baseline.

    Raises
    ------
    DataError
        The hold-out lacks the label, the event time, the weight, a slice's column or a column of a model.
    """
    group = [spec.split.group] if spec.split.group else []
    weight = [spec.scope.weight] if spec.scope.weight else []
    needed = [spec.source.event_time, spec.source.label.column, *spec.gate.slices, *group, *weight]
    missing = [column for column in needed if column not in compared.holdout.columns]
    if missing:
        raise DataError(
            f"found no column {missing} in the hold-out of {spec.project!r}; expected {needed} and the model's. "
            "Join the labels first, and keep the columns of gate.slices."
        )
    moments = pd.to_datetime(compared.holdout[spec.source.event_time], utc=True).dt.tz_localize(None)
    days = moments.dt.normalize()
    unseen = _unseen(days, compared, spec)
    rows = compared.holdout[unseen]
    models = {"challenger": compared.challenger, "champion": compared.champion}
    predictions = {
        name: model.predict(rows_read_by(rows, spec, model.schema)) for name, model in models.items() if model
    }
    if compared.crossed is not None:
        predictions["challenger"] = compared.crossed[unseen.to_numpy(dtype=bool)]
    predictions["baseline"] = _baseline(compared, unseen.to_numpy(dtype=bool))
    truths = {name: truth_for(model or compared.challenger, rows, spec) for name, model in models.items()}
    truths["baseline"] = truths["challenger"]
    decided = {name: _decided(models.get(name), values, spec) for name, values in predictions.items()}
    loss, residual = LOSSES[spec.scope.metric], RESIDUALS[spec.scope.metric]
    return ScoredRows(
        rows=rows,
        days=days[unseen].to_numpy(),
        groups=as_text(rows[group[0]]).fillna("").to_numpy() if group else None,
        left_out=int((~unseen).sum()),
        truth=truths["challenger"],
        predictions=predictions,
        losses={name: loss(truths[name], decided[name]) for name in predictions},
        residuals={name: residual(truths[name], predictions[name]) for name in predictions},
        weights=rows[weight[0]].to_numpy(np.float64) if weight else None,
    )


def truth_for(model: Predictor, rows: pd.DataFrame, spec: ProjectSpec) -> FloatArray:
    """Return the labels as a model reads them: numbers, or indices in its classes (their count if unknown)."""
    labels, classes = rows[spec.source.label.column], model.schema.classes
    if spec.training.task != "multiclass":
        return np.asarray(labels.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    return class_truth(labels, tuple(str(name) for name in classes))


def class_truth(labels: pd.Series[Any], names: tuple[str, ...]) -> FloatArray:
    """Return the index of each label in the names of classes; their count for another label, NaN without one."""
    codes = category_codes(labels, names).copy()
    codes[np.isnan(codes) & ~as_text(labels).isna().to_numpy(dtype=bool)] = len(names)
    return codes


def _unseen(days: pd.Series[Any], compared: ComparisonSet, spec: ProjectSpec) -> pd.Series[Any]:
    """Return which rows neither model was trained on, and have a mature label."""
    models = (compared.challenger if compared.crossed is None else None, compared.champion)
    seen = [model.schema.trained_until for model in models if model and model.schema.trained_until]
    unseen = days > pd.Timestamp(max(seen)) if seen else days.notna()
    return unseen if compared.night is None else unseen & (days <= pd.Timestamp(spec.matured_until(compared.night)))


def _baseline(compared: ComparisonSet, unseen: BoolArray) -> FloatArray:
    given = np.asarray(compared.baseline_prediction, dtype=np.float64)
    return np.full(int(unseen.sum()), float(given)) if given.ndim == 0 else given[unseen]


def _decided(model: Predictor | None, prediction: FloatArray, spec: ProjectSpec) -> FloatArray:
    """Return what the metric is computed on: the prediction or, for the error rate, the decision at the threshold."""
    if model is None or spec.training.task != "binary" or spec.scope.metric != "error_rate":
        return prediction
    return np.where(np.isnan(prediction), np.nan, model.decisions(prediction))
