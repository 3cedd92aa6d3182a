"""A champion on a tape: its answers, and what they cost by slice, worked out for many nights at once.

An answer does not depend on the night it is given on, so answering a month of rows in one go changes nothing but the
time it takes. Costs by slice are added up with the labels that came last; a date of which other labels were known on a
night is added up for that night alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import isclose

import numpy as np
import pandas as pd

from flows.backtest.timeline import LabelFeed, Timeline
from flows.workspace import Champion
from tasks.arrays import FloatArray, IntArray
from tasks.monitor import Slices
from tasks.monitor.slicing.slice_errors import Tally, merged
from tasks.statistics import LOSSES

SAME = 1e-9


@dataclass(frozen=True, slots=True)
class _Known:
    """The sums of an event date, and the rows and losses they were made of."""

    rows: int
    loss: float
    tally: Tally

    def is_of(self, rows: int, loss: float) -> bool:
        """Tell whether they were made of these."""
        return rows == self.rows and isclose(loss, self.loss, rel_tol=SAME, abs_tol=SAME)


@dataclass
class PredictionCache:
    """What a champion answers to the rows of a tape.

    Parameters
    ----------
    ahead : timedelta
        Of how many days rows are answered together with those that are asked about.
    """

    tape: Timeline
    told: LabelFeed
    champion: Champion
    metric: str
    ahead: timedelta
    tallies: dict[date, _Known] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._answer = np.full(self.tape.count, np.nan)
        self._asked = np.zeros(self.tape.count, dtype=bool)

    def to(self, places: IntArray, until: date) -> FloatArray:
        """Return the answers to rows that had landed on a night."""
        if not self._asked[places].all():
            near = self.tape.newer(self.tape.landed(None, until + self.ahead), self.champion.trained_until)
            near = np.union1d(places, near)
            near = near[~self._asked[near]]
            self._answer[near] = self.champion.model.predict(self.tape.rows(near))
            self._asked[near] = True
        return self._answer[places]

    def by_slice(self, slices: Slices, cohort: pd.DataFrame) -> Tally:
        """Return the sums of a labelled cohort by date and slice.

        Parameters
        ----------
        cohort : DataFrame
            `event_date`, `prediction`, `label` and `place`.
        """
        places = cohort["place"].to_numpy()
        losses = LOSSES[self.metric](cohort["label"].to_numpy(float), cohort["prediction"].to_numpy(float))
        return merged(self._dates(slices, places[np.isfinite(losses)], losses[np.isfinite(losses)]))

    def _dates(self, slices: Slices, places: IntArray, losses: FloatArray) -> Iterator[Tally]:
        codes, days = pd.factorize(self.tape.days[places], sort=True)
        counts, sums = np.bincount(codes), np.bincount(codes, weights=losses)
        for code, day in enumerate(days.astype(object)):
            if day not in self.tallies:
                self._look_ahead(slices, day)
            if not (day in self.tallies and self.tallies[day].is_of(int(counts[code]), float(sums[code]))):
                mine = codes == code
                self._keep(slices, places[mine], losses[mine])
            yield self.tallies[day].tally

    def _look_ahead(self, slices: Slices, first: date) -> None:
        """Add up all dates from one on whose rows have been answered and whose label came at some time."""
        places = np.flatnonzero(self._asked & (self.tape.days >= np.datetime64(first)))
        losses = LOSSES[self.metric](self.told.final[places], self._answer[places])
        scored = np.isfinite(losses)
        self._keep(slices, places[scored], losses[scored])

    def _keep(self, slices: Slices, places: IntArray, losses: FloatArray) -> None:
        codes, days = pd.factorize(self.tape.days[places], sort=True)
        counts, sums = np.bincount(codes), np.bincount(codes, weights=losses)
        tally = slices.tally(self.tape.rows(places), losses)
        for code, day in enumerate(days.astype(object)):
            self.tallies[day] = _Known(int(counts[code]), float(sums[code]), {day: tally[day]})
