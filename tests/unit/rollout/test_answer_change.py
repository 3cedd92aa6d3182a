"""How the answers of two versions to the same rows differ."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.rollout import class_change, number_change, probability_change

numbers = arrays(np.float64, 5, elements=st.floats(allow_nan=True, allow_infinity=True))
shares = arrays(np.float64, (4, 3), elements=st.floats(0.001, 1)).map(lambda each: each / each.sum(axis=1)[:, None])


@given(numbers, numbers, st.floats(0, 1e9))
def test_a_change_of_numbers_is_bounded_and_the_shift_is_never_larger_than_the_size(
    champion: np.ndarray, candidate: np.ndarray, unit: float
) -> None:
    change = number_change(champion, candidate, unit)
    assert ((change.size >= 0) & (change.size <= 1)).all()
    assert (np.abs(change.shift) <= change.size).all()


@given(shares, shares)
def test_a_change_of_class_probabilities_is_bounded(champion: np.ndarray, candidate: np.ndarray) -> None:
    change = class_change(champion, candidate)
    assert ((change.size >= 0) & (change.size <= 1)).all()
    assert (np.abs(change.shift) <= change.size + 1e-12).all()


@given(numbers, st.floats(0, 1e9))
def test_equal_finite_answers_are_no_change(champion: np.ndarray, unit: float) -> None:
    finite = champion[np.isfinite(champion)]
    change = number_change(finite, finite.copy(), unit)
    assert not change.changed.any()
    assert not change.size.any()


def test_an_answer_that_is_no_number_is_a_change_of_full_size() -> None:
    broken = np.array([np.nan])
    assert number_change(np.array([1.0]), broken, 1.0).changed.tolist() == [True]
    same = np.array([False])
    assert probability_change(np.array([0.5]), broken, (same, same)).size.tolist() == [1.0]
    assert class_change(np.array([[0.5, 0.5]]), np.array([[np.nan, np.nan]])).changed.tolist() == [True]


def test_without_a_usual_error_every_difference_is_a_change() -> None:
    change = number_change(np.array([1.0, 1.0]), np.array([1.0, 1.5]), unit=0.0)
    assert change.changed.tolist() == [False, True]
    assert change.size.tolist() == [0.0, 1.0]
