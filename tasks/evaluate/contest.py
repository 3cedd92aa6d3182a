"""Who meets whom, and the rows that are fair to both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.errors import DataError
from tasks.metrics import LOSSES, RESIDUALS
from tasks.model import PortableModel
from tasks.spec.models import ProjectSpec

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contest:
    """A challenger, whom it must beat, and on what.

    Attributes
    ----------
    challenger : PortableModel
        The new model, fitted without the hold-out.
    champion : PortableModel or None
        The one that serves; None for a first model.
    holdout : DataFrame
        Labelled rows with event time and the columns of both models. Rows that are not newer than both models' last
        training day are left out, whoever put them in.
    baseline_prediction : float
        The trivial rule's constant, in label units or as P(class 1).
    parity : float
        Largest difference between the exported and the trained challenger, on the model's scale.
    """

    challenger: PortableModel
    champion: PortableModel | None
    holdout: pd.DataFrame
    baseline_prediction: float
    parity: float

    @property
    def rival(self) -> str:
        """Whom the challenger is compared with: the champion, or the baseline when there is none."""
        return "champion" if self.champion else "baseline"


@dataclass(frozen=True, slots=True)
class Scored:
    """The fair rows with everybody's answers: event day, truth, and by name prediction and loss of each row."""

    rows: pd.DataFrame
    days: npt.NDArray[np.datetime64]
    left_out: int
    truth: FloatArray
    answers: dict[str, FloatArray]
    losses: dict[str, FloatArray]

    @property
    def period(self) -> tuple[date | None, date | None]:
        """First and last event date; None without rows."""
        if not len(self.days):
            return None, None
        first, last = self.days.min(), self.days.max()
        return pd.Timestamp(first).date(), pd.Timestamp(last).date()

    def bias(self, who: str, metric: str) -> float:
        """Return somebody's mean signed residual on the metric's scale; NaN without rows."""
        return float(RESIDUALS[metric](self.truth, self.answers[who]).mean()) if len(self.days) else math.nan


def scored(contest: Contest, spec: ProjectSpec) -> Scored:
    """Return the rows newer than both models, with the answers and losses of challenger, champion and baseline.

    Raises
    ------
    DataError
        The hold-out lacks the label, the event time, a slice's column or a column of a model.
    """
    needed = [spec.source.event_time, spec.source.label.column, *spec.gate.slices]
    missing = [column for column in needed if column not in contest.holdout.columns]
    if missing:
        raise DataError(
            f"found no column {missing} in the hold-out of {spec.project!r}; expected {needed} and the model's. "
            "Join the labels first, and keep what gate.slices names."
        )
    moments = pd.to_datetime(contest.holdout[spec.source.event_time], utc=True).dt.tz_localize(None)
    models = {"challenger": contest.challenger, "champion": contest.champion}
    seen = [model.schema.trained_until for model in models.values() if model and model.schema.trained_until]
    days = moments.dt.normalize()
    fair = days > pd.Timestamp(max(seen)) if seen else days.notna()
    rows = contest.holdout[fair]
    truth = rows[spec.source.label.column].to_numpy(dtype=np.float64, na_value=np.nan)
    answers = {name: model.predict(rows) for name, model in models.items() if model}
    answers["baseline"] = np.full(len(rows), contest.baseline_prediction, dtype=np.float64)
    losses = {name: LOSSES[spec.scope.metric](truth, answer) for name, answer in answers.items()}
    return Scored(rows, days[fair].to_numpy(), int((~fair).sum()), truth, answers, losses)
