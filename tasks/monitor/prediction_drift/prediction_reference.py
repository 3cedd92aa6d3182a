"""What the champion's predictions meant on rows that it was not trained on: how accurate they were, by size and day.

Rows are put into groups of similar predictions. A group's mean loss is what predictions like these may be expected to
cost (for a classifier calibrated-probability estimation, CBPE; for a regressor direct loss estimation, DLE). A row's
surprise is the distance of its residual and its loss from those of its group. Surprises do not move when only the rows
change: they move when the same predictions have become less accurate. That distinguishes concept drift from covariate
drift.
Surprises are clipped at three standard deviations (Huber, Robust Statistics, 1981), so that one wild label is one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.drift import NoiseModel, Reference, ScoreMoments, build_reference, fit_noise_model
from tasks.monitor.prediction_drift.prediction_groups import (
    PREDICTION,
    ROWS_OF_A_GROUP,
    PredictionGroup,
    groups_of,
    isotonic,
    was_right,
)
from tasks.profiles import NumberProfile, TableProfile, fit_ruler, profile
from tasks.profiles.axis import bin_edges
from tasks.records import Statistic
from tasks.statistics import LOSSES, RESIDUALS

CLIPPED = 3.0
SLICES = 5
FEATURES = (
    *(Statistic.RESIDUAL, Statistic.LOSS, Statistic.LABEL),
    *(Statistic.ANSWERS_OF_1, Statistic.ANSWERS_OF_0, Statistic.ANSWERS),
    *(Statistic.FIFTH_1, Statistic.FIFTH_2, Statistic.FIFTH_3, Statistic.FIFTH_4, Statistic.FIFTH_5),
)
RESIDUAL, LOSS, LABEL, OF_1, OF_0, PLACE, SLICE = range(7)


@dataclass(frozen=True)
class PredictionReference:
    """The champion's answers on its hold-out.

    Parameters
    ----------
    metric : str
        The project's.
    binary : bool
        Whether predictions are probabilities of class 1.
    edges : tuple of float
        Predictions between neighbouring groups, ascending: one fewer than groups.
    groups : tuple of Group
        Lowest predictions first.
    days : tuple of (str, sums, rows)
        Of each day the sum and rows of every feature in `FEATURES`.
    row : mapping
        Mean, variance, skewness and excess kurtosis of one row, for each feature.
    predictions : Reference
        Profile of the predictions, by day.
    trusted : bool
        Whether losses estimated from the older half of the hold-out were right about the newer.
    """

    metric: str
    binary: bool
    edges: tuple[float, ...]
    groups: tuple[PredictionGroup, ...]
    days: tuple[tuple[str, tuple[float, ...], tuple[float, ...]], ...]
    row: Mapping[str, tuple[float, ...]]
    predictions: Reference
    trusted: bool

    @property
    def loss(self) -> float:
        """Mean loss on the hold-out."""
        return sum(group.rows * group.loss for group in self.groups) / sum(group.rows for group in self.groups)

    @cached_property
    def quiet(self) -> NoiseModel:
        """What surprises do while nothing is wrong."""
        starts = [date.fromisoformat(start) for start, _, _ in self.days]
        sums, rows = (np.array([day[place] for day in self.days]) for place in (1, 2))
        return fit_noise_model(
            starts, sums, rows, ScoreMoments(**{name: np.array(values) for name, values in self.row.items()})
        )

    def sums(self, predictions: FloatArray, labels: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the sum of every feature over labelled rows, and the rows it rests on."""
        scores, counted = _scores(self, predictions, labels)
        return scores.sum(axis=0), counted.sum(axis=0)

    def profile(self, predictions: FloatArray) -> TableProfile:
        """Return the profile of predictions, to be compared with those of the hold-out."""
        return profile(pd.DataFrame({PREDICTION: predictions}), self.predictions.total.ruler)

    def estimated_loss(self, predictions: TableProfile) -> tuple[float, float]:
        """Return the mean loss to be expected of predictions like these, and its standard error.

        It rests on the answers meaning what they meant on the hold-out: it cannot see concept drift.
        """
        column = predictions.columns[PREDICTION]
        if not isinstance(column, NumberProfile) or not column.present:
            return float("nan"), float("nan")
        values, weights = _values(column)
        share = np.bincount(self.group_of(values), weights, minlength=len(self.groups)).astype(np.float64)
        losses = np.array([group.loss for group in self.groups])
        errors = np.array([self._error(group) for group in self.groups])
        if self.binary:
            losses = losses + self._finer(values, weights, share)
        return float(share @ losses), float(np.sqrt(share**2 @ errors**2))

    def group_of(self, predictions: FloatArray) -> np.ndarray:
        """Return the group of each prediction."""
        return np.searchsorted(np.array(self.edges), predictions, side="right")

    def calibrated(self, probabilities: FloatArray) -> FloatArray:
        """Return how often class 1 really came at such probabilities: isotonic over groups."""
        mean = np.array([group.prediction for group in self.groups])
        came = isotonic(
            np.array([group.label for group in self.groups]), np.array([float(group.rows) for group in self.groups])
        )
        return np.asarray(np.interp(probabilities, mean, came))

    def _error(self, group: PredictionGroup) -> float:
        """Return the standard error of a group's expected loss.

        A class is right or wrong: no miss among 50 rows is not a loss of 0, surely. As if one more row had come, and
        had been answered as wrongly as such rows can be (Laplace's rule of succession).
        """
        variance = group.loss_sd**2
        if self.binary:
            worst = LOSSES[self.metric](np.array([0.0, 1.0]), np.full(2, group.prediction)).max()
            variance = (group.rows * variance + float(worst - group.loss) ** 2) / (group.rows + 1)
        return float(np.sqrt(variance / group.rows))

    def _finer(self, values: FloatArray, weights: FloatArray, share: FloatArray) -> FloatArray:
        """Return by how much each group's expected loss differs because its probabilities lie elsewhere in it."""
        now = self._promised(values, weights)
        return np.where(share > 0, now - self._usual, 0.0)

    @cached_property
    def _usual(self) -> FloatArray:
        column = self.predictions.total.columns[PREDICTION]
        return self._promised(*_values(column)) if isinstance(column, NumberProfile) else np.zeros(len(self.groups))

    def _promised(self, values: FloatArray, weights: FloatArray) -> FloatArray:
        """Return the mean loss that calibrated probabilities promise, in each group."""
        loss, came, groups = LOSSES[self.metric], self.calibrated(values), self.group_of(values)
        expected = came * loss(np.ones(len(values)), values) + (1 - came) * loss(np.zeros(len(values)), values)
        total, rows = (np.bincount(groups, each, minlength=len(self.groups)) for each in (weights * expected, weights))
        return np.asarray(total / np.maximum(rows, 1e-12))


def answers(rows: pd.DataFrame, metric: str, *, binary: bool) -> PredictionReference | None:
    """Learn what answers mean from rows the model had not seen.

    Parameters
    ----------
    rows : DataFrame
        `event_date`, `prediction` and `label`.
    metric : str
        The project's.

    Returns
    -------
    Answers or None
        None without enough rows for a single group.
    """
    truth, prediction = rows["label"].to_numpy(np.float64), rows[PREDICTION].to_numpy(np.float64)
    scored = np.isfinite(LOSSES[metric](truth, prediction))
    rows, truth, prediction = rows[scored], truth[scored], prediction[scored]
    if len(rows) < ROWS_OF_A_GROUP:
        return None
    edges, groups = groups_of(truth, prediction, metric, binary=binary)
    ruler = fit_ruler(rows, numbers=[PREDICTION], categories=[], booleans=[])
    by_day = list(rows.groupby("event_date", sort=True).indices.items())
    profiles = [(str(day), profile(rows.iloc[at], ruler)) for day, at in by_day]
    draft = PredictionReference(metric, binary, edges, groups, (), {}, build_reference(profiles), trusted=True)
    scores, counted = _scores(draft, prediction, truth)
    days = tuple((str(day), tuple(scores[at].sum(axis=0)), tuple(counted[at].sum(axis=0))) for day, at in by_day)
    trusted = was_right(rows, metric, binary=binary)
    return PredictionReference(
        metric, binary, edges, groups, days, _moments(scores, counted), draft.predictions, trusted
    )


def _values(column: NumberProfile) -> tuple[FloatArray, FloatArray]:
    """Return the middle of each bin in the data's units, and its share of rows."""
    low, high = bin_edges(column.bins)
    return column.axis.center + column.axis.scale * (low + high) / 2, column.counts / column.present


def _scores(known: PredictionReference, predictions: FloatArray, labels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return each row's score for every feature, and whether it counts there."""
    truth, prediction = np.asarray(labels, dtype=np.float64), np.asarray(predictions, dtype=np.float64)
    residual, loss = RESIDUALS[known.metric](truth, prediction), LOSSES[known.metric](truth, prediction)
    usable = np.isfinite(residual) & np.isfinite(loss)
    place = known.group_of(prediction)
    table = np.array([[g.residual, g.residual_sd, g.loss, g.loss_sd] for g in known.groups])[place]
    surprise = np.clip((residual - table[:, 0]) / table[:, 1], -CLIPPED, CLIPPED)
    dearer = np.clip((loss - table[:, 2]) / table[:, 3], -CLIPPED, CLIPPED)
    of_slice = (place * SLICES // len(known.groups))[:, None] == np.arange(SLICES)
    size = _place(known, prediction)
    one = (truth >= 0.5) & known.binary  # noqa: PLR2004 - a binary label is 0 or 1
    zero = (truth < 0.5) & known.binary  # noqa: PLR2004 - as above
    label = np.full(len(truth), known.binary)
    scores = np.column_stack([surprise, dearer, one, size, size, size, np.repeat(surprise[:, None], SLICES, axis=1)])
    counted = np.column_stack([np.ones(len(truth), bool), np.ones(len(truth), bool), label, one, zero, label, of_slice])
    counted &= usable[:, None]
    return np.where(counted, scores, 0.0), counted.astype(np.float64)


def _place(known: PredictionReference, predictions: FloatArray) -> FloatArray:
    """Return the place of each prediction among the hold-out's, 0 to 1."""
    if len(known.groups) == 1:
        return np.full(len(predictions), 0.5)
    upto = np.cumsum([0, *(group.rows for group in known.groups)])
    return np.asarray(((upto[:-1] + upto[1:]) / 2 / upto[-1])[known.group_of(predictions)])


def _moments(scores: FloatArray, counted: FloatArray) -> dict[str, tuple[float, ...]]:
    rows = np.maximum(counted.sum(axis=0), 1.0)
    mean = scores.sum(axis=0) / rows
    centred = (scores - mean) * counted
    variance = np.maximum((centred**2).sum(axis=0) / rows, 0.25 / (rows + 1))
    third, fourth = ((centred**power).sum(axis=0) / rows / variance ** (power / 2) for power in (3, 4))
    found = {"mean": mean, "variance": variance, "skewness": third, "kurtosis": np.maximum(fourth - 3, -2)}
    return {name: tuple(float(value) for value in values) for name, values in found.items()}
