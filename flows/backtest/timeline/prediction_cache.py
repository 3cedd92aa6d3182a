"""A champion's answers to the rows of a timeline, and their losses by slice, worked out for many nights at once.

An answer does not depend on the night it is given on, so answering a month of rows together changes nothing but the
time it takes. Losses by slice are added up with the labels that arrived last; an event date with other labels on a
night is added up for that night alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd

from flows.backtest.timeline.label_feed import LabelFeed
from flows.backtest.timeline.timeline import Timeline
from flows.loaded_version import Champion
from tasks.arrays import FloatArray, IntArray
from tasks.monitor import Slices
from tasks.monitor.slicing.slice_errors import Tally, merged
from tasks.statistics import LOSSES


@dataclass(frozen=True, slots=True)
class _DayTally:
    """The sums of an event date, and the rows and losses they were made of."""

    rows: int
    loss: float
    tally: Tally

    def is_of(self, rows: int, loss: float) -> bool:
        """Return whether they were made of these."""
        return (rows, loss) == (self.rows, self.loss)


@dataclass
class PredictionCache:
    """What a champion answers to the rows of a timeline.

    Parameters
    ----------
    ahead : timedelta
        Rows of so many later days are answered together with those that are asked for.
    weights : array, optional
        How much each row of the timeline counts; NaN for one without a weight, which is not added up.
    """

    timeline: Timeline
    labels: LabelFeed
    champion: Champion
    metric: str
    ahead: timedelta
    weights: FloatArray | None = None
    tallies: dict[date, _DayTally] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._answers = np.full(self.timeline.count, np.nan)  # of several classes a row of probabilities each
        self._answered = np.zeros(self.timeline.count, dtype=bool)

    def answers(self, positions: IntArray, night: date) -> FloatArray:
        """Return the answers to rows with event dates up to a night, of several classes with shape (n, k)."""
        if not self._answered[positions].all():
            everything = np.flatnonzero(~self._answered)
            near = self.timeline.between(everything, self.champion.trained_until, night + self.ahead)
            near = np.union1d(near, positions[~self._answered[positions]])
            made = self.champion.model.predict(self.timeline.rows(near))
            if self._answers.ndim < made.ndim:
                self._answers = np.full((self.timeline.count, made.shape[1]), np.nan)
            self._answers[near] = made
            self._answered[near] = True
        return self._answers[positions]

    def tally(self, slices: Slices, cohort: pd.DataFrame) -> Tally:
        """Return the sums of a labelled cohort by event date and slice.

        Parameters
        ----------
        cohort : DataFrame
            `prediction`, `label` and `position`.
        """
        positions = cohort["position"].to_numpy()
        losses = LOSSES[self.metric](cohort["label"].to_numpy(float), cohort["prediction"].to_numpy(float))
        scored = np.isfinite(losses)
        return merged(self._by_day(slices, positions[scored], losses[scored]))

    def _by_day(self, slices: Slices, positions: IntArray, losses: FloatArray) -> Iterator[Tally]:
        codes, days = pd.factorize(self.timeline.days[positions], sort=True)
        counts, sums = np.bincount(codes), np.bincount(codes, weights=losses)
        for code, day in enumerate(days.astype(object)):
            if day not in self.tallies:
                self._look_ahead(slices, day)
            if not (day in self.tallies and self.tallies[day].is_of(int(counts[code]), float(sums[code]))):
                of_day = codes == code
                self._keep(slices, positions[of_day], losses[of_day])
            yield self.tallies[day].tally

    def _look_ahead(self, slices: Slices, first: date) -> None:
        """Add up all event dates from one on with rows that were answered and have a label in the end."""
        positions = np.flatnonzero(self._answered & (self.timeline.days >= np.datetime64(first)))
        losses = LOSSES[self.metric](self.labels.final[positions], self._answers[positions])
        scored = np.isfinite(losses)
        if self.weights is not None:
            scored &= np.isfinite(self.weights[positions])
        self._keep(slices, positions[scored], losses[scored])

    def _keep(self, slices: Slices, positions: IntArray, losses: FloatArray) -> None:
        codes, days = pd.factorize(self.timeline.days[positions], sort=True)
        counts, sums = np.bincount(codes), np.bincount(codes, weights=losses)
        weights = None if self.weights is None else self.weights[positions]
        tally = slices.tally(self.timeline.rows(positions), losses, weights)
        for code, day in enumerate(days.astype(object)):
            self.tallies[day] = _DayTally(int(counts[code]), float(sums[code]), {day: tally[day]})
