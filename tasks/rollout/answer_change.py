"""How the answers of two versions to the same rows differ: whether the decision does, how much, and in which direction.

All three are bounded, so that the tests and bounds of means in [0, 1] apply to them without further assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.arrays import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """What changes in n rows when a candidate answers instead of the champion.

    Attributes
    ----------
    changed : array of bool, shape (n,)
        Whether the decision differs: the class; or, of numbers, the answers by more than a unit.
    size : array, shape (n,)
        How far the answers differ, from 0 to 1.
    shift : array, shape (n,)
        The same with a sign, from -1 to 1.
    """

    changed: BoolArray
    size: FloatArray
    shift: FloatArray


def number_change(champion: FloatArray, candidate: FloatArray, unit: float) -> AnswerChange:
    """Return how numbers differ: a difference d has the size d / (d + unit), which is one half at one unit.

    Parameters
    ----------
    unit : float
        The usual error of the champion, in the unit of the label; with 0, every difference is a change of size 1.

    Examples
    --------
    3 / (3 + 1) = 0.75 down; 1 / (1 + 1) = 0.5 up, which is not more than a unit.

    >>> change = number_change(np.array([5.0, 5.0, 5.0]), np.array([2.0, 6.0, 5.0]), unit=1.0)
    >>> change.changed.tolist(), change.size.tolist(), change.shift.tolist()
    ([True, False, False], [0.75, 0.5, 0.0], [-0.75, 0.5, 0.0])
    """
    with np.errstate(invalid="ignore", over="ignore"):
        gaps = candidate - champion
    sizes = np.abs(gaps)
    known = np.isfinite(sizes)
    shares = np.divide(sizes, sizes + unit, out=np.ones_like(sizes), where=known & (sizes > 0))
    shares[sizes == 0] = 0.0
    return AnswerChange(~known | (sizes > unit), shares, np.where(known, np.sign(gaps) * shares, 0.0))


def probability_change(
    champion: FloatArray, candidate: FloatArray, decided: tuple[BoolArray, BoolArray]
) -> AnswerChange:
    """Return how probabilities of class 1 differ, with the decisions that the champion and the candidate make of them.

    >>> change = probability_change(np.array([0.25]), np.array([0.75]), (np.array([False]), np.array([True])))
    >>> change.changed.tolist(), change.size.tolist(), change.shift.tolist()
    ([True], [0.5], [0.5])
    """
    gaps = candidate - champion
    known = np.isfinite(gaps)
    shift = np.where(known, gaps, 0.0)
    return AnswerChange(~known | (decided[0] != decided[1]), np.where(known, np.abs(gaps), 1.0), shift)


def class_change(champion: FloatArray, candidate: FloatArray) -> AnswerChange:
    """Return how the probabilities of several classes differ: by half the sum of all differences (total variation).

    The direction is that of the probability of the champion's class.

    Parameters
    ----------
    champion, candidate : array, shape (n, k)
        In the same order of classes; see `aligned`.

    Examples
    --------
    >>> change = class_change(np.array([[0.5, 0.25, 0.25]]), np.array([[0.25, 0.5, 0.25]]))
    >>> change.changed.tolist(), change.size.tolist(), change.shift.tolist()
    ([True], [0.25], [-0.25])
    """
    gaps = candidate - champion
    known = np.isfinite(gaps).all(axis=1)
    chosen = champion.argmax(axis=1)
    sizes = np.where(known, np.clip(np.abs(gaps).sum(axis=1) / 2, 0.0, 1.0), 1.0)
    shift = np.where(known, np.take_along_axis(gaps, chosen[:, None], axis=1).ravel(), 0.0)
    return AnswerChange(~known | (chosen != candidate.argmax(axis=1)), sizes, shift)


def aligned(
    champion: tuple[FloatArray, tuple[str, ...]], candidate: tuple[FloatArray, tuple[str, ...]]
) -> tuple[FloatArray, FloatArray]:
    """Return the probabilities of two versions for the classes of both; a class that a version does not know has 0.

    >>> one, other = aligned((np.array([[0.25, 0.75]]), ("a", "b")), (np.array([[1.0]]), ("b",)))
    >>> one.tolist(), other.tolist()
    ([[0.25, 0.75]], [[0.0, 1.0]])
    """
    names = tuple(dict.fromkeys([*champion[1], *candidate[1]]))
    made = []
    for values, own in (champion, candidate):
        wide = np.zeros((len(values), len(names)))
        wide[:, [names.index(name) for name in own]] = values
        made.append(wide)
    return made[0], made[1]
