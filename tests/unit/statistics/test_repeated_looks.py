"""Intervals that are to hold at every look do hold."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics import mean_interval_at_every_look, share_interval


def test_the_interval_of_a_share_ends_where_the_likelihood_has_fallen_to_alpha() -> None:
    """Of one in one row: B(2, 1) = 1/2, so p = .05 / 2 is the lowest share at 95 %."""
    found = share_interval(1, 1, 0.95)
    assert (found.value, round(found.low, 6), found.high) == (1.0, 0.025, 1.0)


@pytest.mark.parametrize("share", [0.03, 0.5, 0.9])
def test_looked_at_again_and_again_the_interval_misses_the_share_in_at_most_alpha(share: float) -> None:
    rng, missed, runs, rows = np.random.default_rng(7), 0, 100, 400
    for _ in range(runs):
        counted = np.cumsum(rng.random(rows) < share)
        intervals = (share_interval(int(counted[n - 1]), n, 0.9) for n in range(10, rows + 1, 10))
        missed += any(not found.low <= share <= found.high for found in intervals)
    assert missed / runs <= 0.1


def test_the_interval_of_a_mean_holds_for_days_with_a_value_of_their_own() -> None:
    rng, missed, runs = np.random.default_rng(8), 0, 100
    for _ in range(runs):
        days = np.repeat(np.arange(60), 10)
        values = rng.exponential(2.0, 600) + np.repeat(rng.normal(0, 0.5, 60), 10)
        looks = (
            mean_interval_at_every_look(values[: 10 * n], days[: 10 * n], 0.9, are_shares=False)
            for n in range(10, 61, 5)
        )
        missed += any(not found.low <= 2.0 <= found.high for found in looks)
    assert missed / runs <= 0.1


def test_a_share_of_days_that_differ_has_the_interval_of_fewer_rows() -> None:
    days = np.repeat(np.arange(20), 50)
    mixed, blocks = np.tile([0.0, 1.0], 500), np.repeat([0.0, 1.0], 50)
    alone = mean_interval_at_every_look(mixed, days, 0.95, are_shares=True)
    dependent = mean_interval_at_every_look(np.tile(blocks, 10), days, 0.95, are_shares=True)
    assert alone.value == dependent.value == 0.5
    assert dependent.high - dependent.low > 3 * (alone.high - alone.low)


@pytest.mark.parametrize("values", [np.zeros(100), np.full(100, 2.0), np.array([2.0, 3.0]), np.arange(29.0)])
def test_numbers_that_are_few_or_do_not_differ_have_no_bounds(values: np.ndarray) -> None:
    """Errors of 0 so far are no shares: the next one may be 1,000."""
    found = mean_interval_at_every_look(values, np.arange(len(values)) // 5, 0.95, are_shares=False)
    assert (found.value, found.low, found.high) == (values.mean(), -np.inf, np.inf)
