"""Faults of serving: what goes wrong between a request and the answer of a candidate that was fine in the batch.

A fault changes the inputs that the candidate receives, or what it answers; the champion is not touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tasks.arrays import BoolArray, FloatArray


@dataclass(frozen=True)
class ServedInputs:
    """What a candidate receives for n rows.

    Attributes
    ----------
    inputs : array, shape (n, k)
        Missing is NaN; categories are codes.
    numbers, categories : tuple of int
        The columns of numbers and of categories, the most important first.
    dates : tuple of int
        The columns of parts of dates, and of the event time.
    draws : Generator
        For faults of some rows.
    """

    inputs: FloatArray
    numbers: tuple[int, ...]
    categories: tuple[int, ...]
    dates: tuple[int, ...]
    draws: np.random.Generator

    def with_column(self, column: int, values: FloatArray | float, rows: BoolArray | None = None) -> FloatArray:
        """Return the inputs with other values of a column, in some rows or in all."""
        changed = self.inputs.copy()
        where = np.ones(len(changed), dtype=bool) if rows is None else rows
        changed[where, column] = np.broadcast_to(values, (len(changed),))[where]
        return changed

    def chance(self, share: float) -> BoolArray:
        """Return rows that are drawn with a probability."""
        return np.asarray(self.draws.random(len(self.inputs)) < share, dtype=bool)

    def column(self, column: int) -> FloatArray:
        """Return the values of a column."""
        return np.asarray(self.inputs[:, column], dtype=np.float64)


SILENT_SHARE = 0.2
InputFault = Callable[[ServedInputs], FloatArray]


class AnswerFault(Protocol):
    """Returns what is answered instead."""

    def __call__(self, answers: FloatArray, draws: np.random.Generator) -> FloatArray:
        """Return other answers."""


def _number(change: Callable[[ServedInputs, int], FloatArray]) -> InputFault:
    return lambda served: change(served, served.numbers[0])


def _category(change: Callable[[ServedInputs, int], FloatArray]) -> InputFault:
    return lambda served: change(served, served.categories[0])


def _typical(values: FloatArray) -> float:
    """Return the median, 0 where all are missing."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0


def _codes_shifted(served: ServedInputs, column: int) -> FloatArray:
    codes = served.column(column)
    return served.with_column(column, (codes + 1) % (np.nanmax(codes, initial=0.0) + 1))


def _swapped(served: ServedInputs) -> FloatArray:
    first, second = served.numbers[:2]
    changed = served.inputs.copy()
    changed[:, [first, second]] = served.inputs[:, [second, first]]
    return changed


def _in_most_common(served: ServedInputs, column: int) -> BoolArray:
    """Return the rows with the most common value of a category; without one, those with larger numbers."""
    if not served.categories:
        return np.asarray(served.column(column) > _typical(served.column(column)), dtype=bool)
    values, counts = np.unique(served.column(served.categories[0]), return_counts=True)
    return np.asarray(served.column(served.categories[0]) == values[counts.argmax()], dtype=bool)


def _dates_moved(served: ServedInputs) -> FloatArray:
    changed = served.inputs.copy()
    for column in served.dates:
        changed[:, column] = np.roll(served.inputs[:, column], len(changed) // 3)
    return changed


INPUT_FAULTS: dict[str, tuple[str, InputFault]] = {
    "number lost": ("number", _number(lambda served, at: served.with_column(at, np.nan))),
    "number lost in a third of the rows": (
        "number",
        _number(lambda served, at: served.with_column(at, np.nan, served.chance(1 / 3))),
    ),
    "number lost in one slice": (
        "number",
        _number(lambda served, at: served.with_column(at, np.nan, _in_most_common(served, at))),
    ),
    "nulls as 0, a third of the cells": (
        "number",
        _number(lambda served, at: served.with_column(at, 0.0, served.chance(1 / 3))),
    ),
    "another unit, a thousand times as large": (
        "number",
        _number(lambda served, at: served.with_column(at, 1000 * served.column(at))),
    ),
    "another unit, feet as metres": (
        "number",
        _number(lambda served, at: served.with_column(at, 3.2808 * served.column(at))),
    ),
    "sign lost": ("number", _number(lambda served, at: served.with_column(at, -served.column(at)))),
    "number stuck at its median": (
        "number",
        _number(lambda served, at: served.with_column(at, _typical(served.column(at)))),
    ),
    "number cut off at its median": (
        "number",
        _number(lambda served, at: served.with_column(at, np.minimum(served.column(at), _typical(served.column(at))))),
    ),
    "number of another row (stale table)": (
        "number",
        _number(lambda served, at: served.with_column(at, np.roll(served.column(at), len(served.inputs) // 3))),
    ),
    "two numbers swapped": ("two numbers", _swapped),
    "all numbers lost": (
        "number",
        lambda served: np.where(np.isin(np.arange(served.inputs.shape[1]), served.numbers), np.nan, served.inputs),
    ),
    "category lost": ("category", _category(lambda served, at: served.with_column(at, np.nan))),
    "codes of a category shifted by one": ("category", _category(_codes_shifted)),
    "category always its first value": ("category", _category(lambda served, at: served.with_column(at, 0.0))),
    "dates of another row (wrong zone, late clock)": ("date", _dates_moved),
}
"""What a fault needs, and the inputs with it."""


def _constant(answers: FloatArray) -> FloatArray:
    """Return the same answer for all rows: the median or, of several classes, the mean probability of each."""
    answer = answers.mean(axis=0) if answers.ndim > 1 else _typical(answers)
    return np.full_like(answers, answer)


def _answers_of_other_rows(answers: FloatArray, draws: np.random.Generator) -> FloatArray:
    return np.asarray(answers[draws.permutation(len(answers))], dtype=np.float64)


def _sometimes_no_number(answers: FloatArray, draws: np.random.Generator) -> FloatArray:
    silent = answers.copy()
    silent[draws.random(len(answers)) < SILENT_SHARE] = np.nan
    return silent


def _changed(change: Callable[[FloatArray], FloatArray]) -> AnswerFault:
    return lambda answers, draws: change(answers)  # noqa: ARG005 - it needs no chance


ANSWER_FAULTS: dict[str, tuple[str, AnswerFault]] = {
    "constant answer": ("any", _changed(_constant)),
    "answer of another row": ("any", _answers_of_other_rows),
    "model cut short (halfway to its mean)": ("any", _changed(lambda answers: (answers + answers.mean(axis=0)) / 2)),
    "answers a tenth lower": ("number", _changed(lambda answers: 0.9 * answers)),
    "classes in another order": ("classes", _changed(lambda answers: np.roll(answers, 1, axis=1))),
    "no number in every fifth answer": ("any", _sometimes_no_number),
    "no number": ("any", _changed(lambda answers: np.full_like(answers, np.nan))),
}
"""The answers that it can happen to, and what they become."""


def answer_faults(answers: FloatArray) -> dict[str, AnswerFault]:
    """Return the faults that can happen to these answers, by name.

    Parameters
    ----------
    answers : array, shape (n,) or (n, k)
        Numbers, P(class 1), or the probability of each class.

    Examples
    --------
    >>> found = answer_faults(np.array([[0.5, 0.25, 0.25]]))
    >>> found["classes in another order"](np.array([[0.5, 0.25, 0.25]]), draws=np.random.default_rng(0)).tolist()
    [[0.25, 0.5, 0.25]]
    """
    kinds = {"any", "number" if answers.ndim == 1 else "classes"}
    return {name: fault for name, (kind, fault) in ANSWER_FAULTS.items() if kind in kinds}


def input_faults(served: ServedInputs) -> dict[str, InputFault]:
    """Return the faults that can happen to these inputs, by name.

    Examples
    --------
    >>> served = ServedInputs(np.array([[1.0, 0.0], [2.0, 1.0]]), (0,), (1,), (), np.random.default_rng(0))
    >>> found = input_faults(served)
    >>> "two numbers swapped" in found, found["codes of a category shifted by one"](served).tolist()
    (False, [[1.0, 1.0], [2.0, 0.0]])
    """
    has = {
        "number": len(served.numbers) > 0,
        "two numbers": len(served.numbers) > 1,
        "category": len(served.categories) > 0,
        "date": len(served.dates) > 0,
    }
    return {name: fault for name, (needs, fault) in INPUT_FAULTS.items() if has[needs]}
