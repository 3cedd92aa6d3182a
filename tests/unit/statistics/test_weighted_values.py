"""Weighted means by plain means: their value, and how certain they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluate import compare
from tasks.statistics import effective_rows, mean_interval, weighted_values

ROWS = st.lists(st.tuples(st.floats(-100, 100), st.integers(1, 5)), min_size=2, max_size=40)


@given(ROWS)
def test_the_mean_of_weighted_values_is_that_of_repeated_ones(rows: list[tuple[float, int]]) -> None:
    values, times = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    found = weighted_values(values, times)
    assert found.mean() == pytest.approx(np.repeat(values, times.astype(int)).mean(), abs=1e-9)


@given(ROWS, st.floats(0.01, 100))
def test_only_the_ratio_of_weights_matters(rows: list[tuple[float, int]], unit: float) -> None:
    values, times = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    assert weighted_values(values, times * unit) == pytest.approx(weighted_values(values, times), abs=1e-6)
    assert effective_rows(times * unit) == pytest.approx(effective_rows(times))
    assert 1 <= effective_rows(times) + 1e-9 <= len(values) + 2e-9


@given(st.floats(0.1, 9))
def test_rows_of_one_weight_are_left_as_they_are(weight: float) -> None:
    values = np.array([0.1, 0.7, 0.2])
    assert (weighted_values(values, np.full(3, weight)) == values).all()
    assert weighted_values(values, None) is values


def test_the_interval_holds_the_mean_as_often_as_it_says_though_weights_depend_on_the_values() -> None:
    rng, held = np.random.default_rng(5), 0
    for _ in range(600):
        values = rng.random(200)
        weights = np.where(rng.random(200) < 0.5, 1.0, 1 + 4 * values)
        low, high = mean_interval(weighted_values(values, weights), 0.95)
        held += low < (1 / 4 + 1 / 4 + 2 / 3) / 2 < high  # E(x) / 2 + E(x (1 + 4 x)) / 2 over 1 / 2 + E(1 + 4 x) / 2
    assert 0.92 < held / 600 < 0.97


def test_a_pair_of_models_is_compared_by_weight() -> None:
    days, weights = np.repeat(np.arange(10), 20), np.tile([9.0, 1.0], 100)
    first = np.tile([1.0, 5.0], 100)  # better where it counts
    found = compare(
        weighted_values(first, weights), weighted_values(np.full(200, 2.0), weights), days, min_gain=0, confidence=0.9
    )
    assert (found.difference, found.challenger_loss) == pytest.approx((-0.6, 1.4))
    assert found.outcome == "clear_win"
