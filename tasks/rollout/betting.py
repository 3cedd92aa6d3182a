"""Tests by betting of how two versions differ: at any time, however often one looks.

A test of "the mean of values from 0 to 1 is at most m" multiplies its wealth by 1 + b (x - m) with each value x, where
the bet b is between 0 and 1 / m. If the mean is at most m whatever came before, the expected wealth never grows, so it
ever passes 1 / alpha with a probability of at most alpha (Ville 1939). The wealth is the mean over a fixed grid of
bets, so the logarithms for each bet can be summed over workers in any order.

Notes
-----
I. Waudby-Smith and A. Ramdas (2023), Estimating means of bounded random variables by betting, Journal of the Royal
Statistical Society B 86(1), arXiv 2010.09686.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from tasks.arrays import BoolArray, FloatArray
from tasks.rollout.answer_change import AnswerChange

FRACTIONS = np.array([15 / 16, *(0.5**power for power in range(1, 8))])
"""The bets as shares of the largest one, 1 / m; the largest is below 1, so that no value takes all of the wealth."""
MOST, LEAST = 0.999, 0.001
"""A limit outside of these is moved there: only a limit inside can be passed."""


class PairedTest(IntEnum):
    """The tests, in the order of their limits: the first four find a difference that was not promised."""

    CHANGED = 0
    SIZE = 1
    UP = 2
    DOWN = 3
    FEW_CHANGED = 4
    SMALL = 5


ALARMS = (PairedTest.CHANGED, PairedTest.SIZE, PairedTest.UP, PairedTest.DOWN)
CONFIRMING = (PairedTest.FEW_CHANGED, PairedTest.SMALL)
SHAPE = (len(PairedTest), len(FRACTIONS))


def limits(changed: float, size: float, shift: tuple[float, float], leeway: float) -> tuple[float, ...]:
    """Return the limit of each test, from the bounds of a promise and the leeway to them.

    Parameters
    ----------
    changed, size : float
        The upper bounds of the share of changed decisions and of the mean size.
    shift : (float, float)
        The lower and the upper bound of the mean shift, from -1 to 1.
    leeway : float
        By which share a bound may be exceeded.

    Examples
    --------
    .1 and .2 with half of each added. Shifts of -.2 to .2 become -.3 to .3, which are .35 and .65 on the scale of 0 to
    1, on which the lower one is a limit of 1 - .35. The last two ask for the opposite of the first two.

    >>> [round(each, 3) for each in limits(0.1, 0.2, (-0.2, 0.2), leeway=0.5)]
    [0.15, 0.3, 0.65, 0.65, 0.85, 0.7]
    """
    more, room = 1 + leeway, leeway * max(map(abs, shift))
    most, widest = changed * more, size * more
    found = (most, widest, (1 + shift[1] + room) / 2, (1 - shift[0] + room) / 2, 1 - most, 1 - widest)
    return tuple(min(MOST, max(LEAST, each)) for each in found)


def log_wealth(change: AnswerChange, tested: Sequence[float], deferred: BoolArray | None = None) -> FloatArray:
    """Return what rows add to the logarithm of the wealth of each test and bet: shape `SHAPE`.

    Parameters
    ----------
    deferred : array of bool, shape (n,), optional
        Rows that one of both versions defers to a person. The gate promises nothing of them, so they are no alarm, but
        such a row does not confirm that few answers change.

    Examples
    --------
    A changed decision at a limit of one half: the largest bet is 2, of which one half multiplies the wealth by 1.5.

    >>> change = AnswerChange(np.array([True]), np.array([0.5]), np.array([0.0]))
    >>> round(float(np.exp(log_wealth(change, [0.5] * 6)[PairedTest.CHANGED, 1])), 6)
    1.5
    """
    return np.asarray(row_wealth(change, tested, deferred).sum(axis=0), dtype=np.float64)


def row_wealth(change: AnswerChange, tested: Sequence[float], deferred: BoolArray | None = None) -> FloatArray:
    """Return what each row adds to the logarithm of the wealth: shape (n, *SHAPE); see `log_wealth`.

    >>> row_wealth(AnswerChange(np.ones(3, dtype=bool), np.ones(3), np.zeros(3)), [0.5] * 6).shape
    (3, 6, 8)
    """
    changed, signed = change.changed.astype(np.float64), (1 + change.shift) / 2
    other = changed if deferred is None else np.maximum(changed, deferred)
    values = np.stack([changed, change.size, signed, 1 - signed, 1 - other, 1 - change.size], axis=1)
    levels = np.asarray(tested, dtype=np.float64)
    gains = (values - levels) / levels
    return np.asarray(np.log1p(FRACTIONS * gains[:, :, None]), dtype=np.float64)


def evidence(wealth: FloatArray, test: PairedTest) -> float:
    """Return the logarithm of the wealth of a test: of the mean over its bets.

    >>> evidence(np.zeros(SHAPE), PairedTest.SIZE)
    0.0
    """
    return log_mean(wealth[test])


def evidence_since(wealth: FloatArray, starts: Sequence[FloatArray], test: PairedTest) -> float:
    """Return the logarithm of the wealth of a test that bets a part of its money from each start on.

    A half is bet from the beginning, a quarter from the first start, an eighth from the second, and so on; what is left
    is kept. Each start is a time that does not depend on what comes later, so the expected wealth never grows, and it
    passes 1 / alpha with a probability of at most alpha, as that of one bet does. What was seen before a start does not
    count against what is bet from it on: a fault that begins there is found as soon as a new one, but for the logarithm
    of the part.

    Parameters
    ----------
    starts : sequence of array, shape `SHAPE`
        The wealth at each start, oldest first.

    Examples
    --------
    Since the beginning nothing is left, and from the start on the wealth has grown to 8, of which a quarter is 2; a
    quarter is kept.

    >>> now, start = np.full(SHAPE, -100 + math.log(8)), np.full(SHAPE, -100.0)
    >>> round(math.exp(evidence_since(now, [start], PairedTest.SIZE)), 6)
    2.25
    """
    parts = [math.log(0.5 ** (place + 1)) for place in range(len(starts) + 1)]
    since = [evidence(wealth, test), *(evidence(wealth - start, test) for start in starts)]
    bets = [part + found for part, found in zip(parts, since, strict=True)]
    return log_mean(np.array([*bets, parts[-1]])) + math.log(len(bets) + 1)


def log_mean(logs: FloatArray) -> float:
    """Return the logarithm of the mean of numbers, given by their logarithms.

    >>> round(float(np.exp(log_mean(np.log([1.0, 3.0])))), 9)
    2.0
    """
    highest = float(logs.max())
    return highest + math.log(float(np.exp(logs - highest).mean()))


def threshold(alpha: float, tests: int = 1) -> float:
    """Return the logarithm of the wealth that one of some tests passes by chance with probability alpha at most.

    >>> round(threshold(0.01), 3) == round(math.log(100), 3)
    True
    """
    return math.log(tests / alpha)
