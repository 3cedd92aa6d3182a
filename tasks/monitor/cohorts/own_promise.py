"""What a champion promises once its own first cohort is known: prequential evidence takes the place of cross-fitting.

A cross-fitted promise is provisional: rows between others are answered more easily than rows of the future, which is
what a champion does. Its first labelled cohort shows the latter (P. Dawid 1984, The prequential approach, JRSS A 147).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tasks.arrays import IntArray
from tasks.statistics import DayEvidence, DaySums, joined_days, newest_regime

NORMAL_975 = 1.959964


@dataclass(frozen=True, slots=True)
class OwnPromise:
    """The evidence of a loss that counts on a night, and the first day that is held against it."""

    evidence: DayEvidence
    held_from: int


def own_promise(provisional: DayEvidence, losses: DaySums, cohort_days: int) -> OwnPromise | None:
    """Return the promise by a champion's own first cohort; None while the provisional one counts.

    It counts once a newer cohort without a common day is known, and unless the error changed within the first cohort.
    Where the first cohort agrees with the provisional promise, both count together; where it does not, it counts alone.

    Parameters
    ----------
    provisional : DayEvidence
        What cross-fitting showed.
    losses : DaySums
        The losses of all days since training.
    cohort_days : int
        Days in a cohort.

    Examples
    --------
    Three days since training, cohorts of one day: the first counts alone, because a mean of 1 is not one of 9.

    >>> days = DaySums(np.arange(20), np.full(20, 9.0), np.full(20, 9.0), np.full(20, 9.1))
    >>> since = DaySums(np.array([20, 21, 22]), np.full(3, 9.0), np.full(3, 81.0), np.full(3, 729.1))
    >>> found = own_promise(DayEvidence(days, days), since, 1)
    >>> found.evidence.promised.mean, found.held_from
    (9.0, 21)
    """
    if not len(losses.days) or losses.days[-1] < losses.days[0] + 2 * cohort_days - 1:
        return None
    end = int(losses.days[0]) + cohort_days
    first = losses.where(losses.days < end)
    evidence = _evidence(provisional, tuple(map(tuple, (first.days, first.rows, first.sums, first.squares))))
    return None if evidence is None else OwnPromise(evidence, end)


@lru_cache(maxsize=64)
def _evidence(provisional: DayEvidence, columns: tuple[Sequence[float], ...]) -> DayEvidence | None:
    """Return the evidence with a first cohort; every night of a champion asks for the same."""
    days: IntArray = np.array(columns[0], dtype=np.int64)
    first = DaySums(days, *(np.array(column, dtype=np.float64) for column in columns[1:]))
    if newest_regime(first):
        return None
    promised = provisional.promised
    chance = math.hypot(*(provisional.effects.mean_deviation(span) for span in (first, promised)))
    before = provisional.history.moved(first.mean - provisional.history.mean)
    if abs(first.mean - promised.mean) > NORMAL_975 * chance:
        return DayEvidence(joined_days([before, first]), first)
    both = joined_days([promised, first])
    return DayEvidence(joined_days([before, first]), both)
