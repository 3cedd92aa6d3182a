"""Who meets whom, and the rows that are fair to both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.arrays import BoolArray, FloatArray
from tasks.errors import DataError
from tasks.model import Predictor
from tasks.model.input_matrix import as_text, category_codes
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics import LOSSES, RESIDUALS


@dataclass(frozen=True, slots=True)
class Contest:
    """A challenger, whom it must beat, and on what.

    Attributes
    ----------
    challenger : Predictor
        The new model, fitted without the hold-out.
    champion : Predictor or None
        The one that serves; None for a first model.
    holdout : DataFrame
        Labelled rows with event time and the columns of both models. Rows that are not newer than both models' last
        training day are left out, whoever put them in.
    baseline_prediction : float or array
        The trivial rule's constant, in label units or as P(class 1); or its prediction of each row of the hold-out,
        shape (n,), or (n, k) for several classes in the challenger's order.
    parity : float
        Largest difference between the exported and the trained challenger, on the model's scale.
    night : date or None
        The night that judges. With it, rows whose label could not have matured by then are left out too: labels that
        come early are not like the others.
    awaiting : int
        Rows of the hold-out's days whose label has not come.
    uses : int
        How often these rows, or some of them, decided before; each time the win must be clearer.
    """

    challenger: Predictor
    champion: Predictor | None
    holdout: pd.DataFrame
    baseline_prediction: float | FloatArray
    parity: float
    night: date | None = None
    awaiting: int = 0
    uses: int = 0

    @property
    def rival(self) -> str:
        """Whom the challenger is compared with: the champion, or the baseline when there is none."""
        return "champion" if self.champion else "baseline"


@dataclass(frozen=True, slots=True)
class Scored:
    """The fair rows with everybody's answers.

    Attributes
    ----------
    days, groups : array
        Event day of each row; its entity, where the spec names a column of groups.
    left_out : int
        Rows that were not fair to both, or whose label was not mature.
    truth : array
        The label as the challenger reads it: of several classes, the place among its classes.
    answers, losses, residuals : dict of str to array
        By name - challenger, champion, baseline - prediction, loss and signed residual of each row.
    """

    rows: pd.DataFrame
    days: npt.NDArray[np.datetime64]
    groups: npt.NDArray[Any] | None
    left_out: int
    truth: FloatArray
    answers: dict[str, FloatArray]
    losses: dict[str, FloatArray]
    residuals: dict[str, FloatArray]

    @property
    def period(self) -> tuple[date | None, date | None]:
        """First and last event date; None without rows."""
        if not len(self.days):
            return None, None
        first, last = self.days.min(), self.days.max()
        return pd.Timestamp(first).date(), pd.Timestamp(last).date()

    def bias(self, who: str) -> float:
        """Return somebody's mean signed residual on the metric's scale; NaN without rows."""
        return float(self.residuals[who].mean()) if len(self.days) else math.nan


def scored(contest: Contest, spec: ProjectSpec) -> Scored:
    """Return the rows newer than both models, with the answers and losses of challenger, champion and baseline.

    Raises
    ------
    DataError
        The hold-out lacks the label, the event time, a slice's column or a column of a model.
    """
    group = [spec.split.group] if spec.split.group else []
    needed = [spec.source.event_time, spec.source.label.column, *spec.gate.slices, *group]
    missing = [column for column in needed if column not in contest.holdout.columns]
    if missing:
        raise DataError(
            f"found no column {missing} in the hold-out of {spec.project!r}; expected {needed} and the model's. "
            "Join the labels first, and keep what gate.slices names."
        )
    moments = pd.to_datetime(contest.holdout[spec.source.event_time], utc=True).dt.tz_localize(None)
    days = moments.dt.normalize()
    fair = _fair(days, contest, spec)
    rows = contest.holdout[fair]
    models = {"challenger": contest.challenger, "champion": contest.champion}
    answers = {name: model.predict(rows) for name, model in models.items() if model}
    answers["baseline"] = _baseline(contest, fair.to_numpy(dtype=bool))
    truths = {name: truth_for(model or contest.challenger, rows, spec) for name, model in models.items()}
    truths["baseline"] = truths["challenger"]
    decided = {name: _decided(models.get(name), answer, spec) for name, answer in answers.items()}
    loss, residual = LOSSES[spec.scope.metric], RESIDUALS[spec.scope.metric]
    return Scored(
        rows=rows,
        days=days[fair].to_numpy(),
        groups=as_text(rows[group[0]]).fillna("").to_numpy() if group else None,
        left_out=int((~fair).sum()),
        truth=truths["challenger"],
        answers=answers,
        losses={name: loss(truths[name], decided[name]) for name in answers},
        residuals={name: residual(truths[name], answers[name]) for name in answers},
    )


def truth_for(model: Predictor, rows: pd.DataFrame, spec: ProjectSpec) -> FloatArray:
    """Return the labels as a model reads them: numbers, or places among its classes (their number for another)."""
    labels, classes = rows[spec.source.label.column], model.schema.classes
    if spec.training.task != "multiclass":
        return np.asarray(labels.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    found = category_codes(labels, tuple(str(name) for name in classes)).copy()
    found[np.isnan(found) & ~as_text(labels).isna().to_numpy(dtype=bool)] = len(classes)
    return found


def _fair(days: pd.Series[Any], contest: Contest, spec: ProjectSpec) -> pd.Series[Any]:
    """Tell which rows neither model has learned from, and whose label had its time."""
    models = (contest.challenger, contest.champion)
    seen = [model.schema.trained_until for model in models if model and model.schema.trained_until]
    fair = days > pd.Timestamp(max(seen)) if seen else days.notna()
    return fair if contest.night is None else fair & (days <= pd.Timestamp(spec.matured_until(contest.night)))


def _baseline(contest: Contest, fair: BoolArray) -> FloatArray:
    given = np.asarray(contest.baseline_prediction, dtype=np.float64)
    return np.full(int(fair.sum()), float(given)) if given.ndim == 0 else given[fair]


def _decided(model: Predictor | None, answer: FloatArray, spec: ProjectSpec) -> FloatArray:
    """Return what the metric judges: the answer; where misses are counted, the decision at the model's threshold."""
    if model is None or spec.training.task != "binary" or spec.scope.metric != "error_rate":
        return answer
    return np.where(np.isnan(answer), np.nan, model.decisions(answer))
