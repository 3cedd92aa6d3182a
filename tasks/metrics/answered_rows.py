"""Rows with their truth, their prediction and their decision."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tasks.arrays import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class RowArrays:
    """Arrays with a place for each row."""

    def where(self, kept: BoolArray) -> Self:
        """Return some of the rows; what is no array, such as weights of None, stays as it is.

        >>> rows = AnsweredRows.decided([0, 1], [0.2, 0.8])
        >>> rows.where(np.array([False, True])).prediction.tolist(), rows.weights
        ([0.8], None)
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: value[kept] for name, value in values.items() if isinstance(value, np.ndarray)})


@dataclass(frozen=True, slots=True, eq=False)
class AnsweredRows(RowArrays):
    """The rows that a metric is computed of.

    Attributes
    ----------
    truth : array, shape (n,)
        Label units; 0 or 1; or the index of a class, which is the number of classes for an unknown one.
    prediction : array, shape (n,) or (n, k)
        Label units, P(class 1), or the probability of each class.
    decision : array, shape (n,)
        The chosen class; for numbers the prediction.
    days : array, shape (n,)
        Event day of each row.
    weights : array, shape (n,), or None
        How much each row counts; None where all count alike.
    """

    truth: FloatArray
    prediction: FloatArray
    decision: FloatArray
    days: npt.NDArray[Any]
    weights: FloatArray | None = None

    @classmethod
    def decided(
        cls,
        truth: npt.ArrayLike,
        prediction: npt.ArrayLike,
        days: npt.ArrayLike | None = None,
        *,
        threshold: float = 0.5,
    ) -> AnsweredRows:
        """Return rows of two or several classes with their decision: by the threshold, or the most probable class.

        >>> AnsweredRows.decided([0, 1], [0.2, 0.4], threshold=0.3).decision.tolist()
        [0.0, 1.0]
        >>> AnsweredRows.decided([0, 1], [[0.2, 0.8], [0.6, 0.4]]).decision.tolist()
        [1.0, 0.0]
        """
        answers = np.asarray(prediction, dtype=np.float64)
        decision = answers.argmax(axis=1) if answers.ndim > 1 else answers >= threshold
        event_days = np.zeros(len(answers)) if days is None else np.asarray(days)
        return cls(np.asarray(truth, dtype=np.float64), answers, np.asarray(decision, dtype=np.float64), event_days)

    @property
    def complete(self) -> BoolArray:
        """Which rows have a truth and a prediction."""
        answered = np.isfinite(self.prediction)
        return np.asarray(np.isfinite(self.truth) & (answered if answered.ndim == 1 else answered.all(axis=1)))
