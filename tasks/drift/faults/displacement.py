"""Values of a cycle that are displaced as a whole: hours of another time zone, weekdays counted from another day.

A population that moves also changes its shape. Where rotated values fit those before, shape and all, the values have
probably not moved, but are counted from another zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from tasks.arrays import FloatArray
from tasks.drift.faults.resemblance import DECISIVE, log_bayes_factor
from tasks.profiles import NumberProfile

PERIODS = frozenset({7, 12, 24, 60, 360})  # days of a week, months, hours, minutes, degrees
FEWEST_EXPECTED = 5  # rows of a cell of Pearson's test (Cochran, Biometrics 10, 1954)
FITS = 0.01  # a fit is rejected one time in a hundred


@dataclass(frozen=True, slots=True)
class Rotation:
    """Whole numbers of a cycle that are `steps` further, modulo `period`.

    `share` is that of the rows that have a number in excess of the rows before (the total variation distance).
    """

    steps: int
    period: int
    share: float = field(compare=False)


def find_rotation(before: NumberProfile, now: NumberProfile, period: int) -> Rotation | None:
    """Return the rotation of a cyclic column, such as hours of a day: decisively likelier than none, and a good fit.

    Parameters
    ----------
    period : int
        The length of the cycle; without one, 0, nothing is rotated.
    """
    known, new = _whole_numbers(before, period), _whole_numbers(now, period)
    if not period or known is None or new is None:
        return None
    odds = [log_bayes_factor(np.roll(known, steps), known, new) for steps in range(1, period)]
    steps = int(np.argmax(odds)) + 1
    if odds[steps - 1] < DECISIVE + math.log(period - 1) or not _fits(np.roll(known, steps), new):
        return None
    return Rotation(steps, period, float(np.abs(known / known.sum() - new / new.sum()).sum()) / 2)


def is_rotated(before: NumberProfile, rows: NumberProfile, rotation: Rotation) -> bool:
    """Return whether rows are likelier rotated than not: less evidence than it takes to find a rotation."""
    known, seen = (_whole_numbers(column, rotation.period) for column in (before, rows))
    if known is None or seen is None:
        return False
    return log_bayes_factor(np.roll(known, rotation.steps), known, seen) > 0


def cycle(before: NumberProfile) -> int:
    """Return the length of the cycle that a column counts from 0 or 1, or 0."""
    low, high = before.minimum, before.maximum
    if low not in {0, 1} or high is None or high - low + 1 not in PERIODS:
        return 0
    return int(high - low + 1)


def _whole_numbers(column: NumberProfile, period: int) -> FloatArray | None:
    """Return how often each number of a cycle occurs; None where other values do, or not all values are counted."""
    counted = column.value_counts
    if not period or counted is None or sum(counted.counts.values()) != column.present:
        return None
    if any(value != int(value) for value in counted.counts):
        return None
    found = np.zeros(period)
    for value, rows in counted.counts.items():
        found[int(value) % period] += rows
    return found


def _fits(known: FloatArray, new: FloatArray) -> bool:
    """Return whether two sets of counts may have the same shares, by Pearson's test; rare numbers share a cell."""
    from scipy.special import chdtri

    expected = (known + new) * new.sum() / (known + new).sum()
    cell = np.where(expected >= FEWEST_EXPECTED, np.arange(len(new)) + 1, 0)
    both, found = (np.bincount(cell, counts) for counts in (known + new, new))
    both, found = both[both > 0], found[both > 0]
    expected = both * new.sum() / both.sum()
    squares = float(((found - expected) ** 2 * (1 / expected + 1 / (both - expected))).sum())
    return squares <= float(chdtri(max(len(both) - 1, 1), FITS))
