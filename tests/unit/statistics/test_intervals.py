"""Intervals of means and of paired differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.statistics import intervals, mean_interval, paired_interval


def test_a_mean_interval_is_the_t_interval_of_the_textbook() -> None:
    # mean 5, sd 2 (squares 4+4+0+4+4 over 4), n = 5, t(0.975, 4) = 2.776: 5 +- 2.776 * 2 / sqrt(5)
    assert mean_interval([3, 7, 5, 3, 7], 0.95) == pytest.approx((5 - 2.483, 5 + 2.483), abs=1e-3)


@pytest.mark.parametrize("losses", [[], [1.0], [1.0, float("nan")]])
def test_a_mean_without_spread_or_with_an_unknown_loss_has_no_interval(losses: list[float]) -> None:
    assert all(map(math.isnan, mean_interval(losses, 0.95)))


def test_an_unknown_loss_leaves_no_difference_to_believe() -> None:
    assert all(map(math.isnan, paired_interval([1, float("nan"), 1], [2, 2, 2], [1, 2, 3], 0.95, 0)))
    assert all(map(math.isnan, paired_interval([], [], [], 0.95, 0)))


def test_two_days_are_too_few_to_say_how_days_differ() -> None:
    difference, low, high = paired_interval([1, 1, 1], [2, 2, 3], ["mon", "mon", "tue"], 0.95, 0)
    assert difference == pytest.approx(-4 / 3)
    assert math.isnan(low)
    assert math.isnan(high)


def test_the_same_seed_gives_the_same_interval() -> None:
    losses = np.random.default_rng(1).normal(size=(2, 50))
    days = np.arange(50) // 5
    again = [paired_interval(losses[0], losses[1], days, 0.95, seed=3) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0] != paired_interval(losses[0], losses[1], days, 0.95, seed=4)


def test_rows_that_share_their_days_say_less_than_as_many_independent_ones() -> None:
    days = np.repeat(np.arange(20), 30)
    gaps = np.random.default_rng(2).normal(size=20)[days]
    _, low, high = paired_interval(gaps, np.zeros(600), days, 0.95, 0)
    _, row_low, row_high = paired_interval(gaps, np.zeros(600), np.arange(600), 0.95, 0)
    assert high - low > 4 * (row_high - row_low)  # sqrt(30) = 5.5 times, were nothing else different


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(0), 0
    days = np.repeat(np.arange(12), 8)
    for _ in range(400):
        gaps = rng.normal(size=12)[days] + rng.normal(size=96)
        _, low, high = paired_interval(gaps, np.zeros(96), days, 0.9, seed=0)
        held += low <= 0 <= high
    assert 0.86 < held / 400 < 0.94  # 0.9 +- 2.7 standard errors


def test_drawing_in_blocks_changes_nothing_but_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = np.random.default_rng(5).normal(size=40)
    whole = paired_interval(gaps, np.zeros(40), np.arange(40), 0.95, 0)
    monkeypatch.setattr(intervals, "DRAWN_AT_ONCE", 400)
    assert paired_interval(gaps, np.zeros(40), np.arange(40), 0.95, 0) == whole
