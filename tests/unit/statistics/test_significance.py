"""P-values of a worsening, and what remains of them when many slices are looked at."""

from __future__ import annotations

import math

import numpy as np

from tasks.statistics import holm, p_value_of_rise


def test_a_rise_without_spread_is_certain_and_a_fall_is_none() -> None:
    assert p_value_of_rise([1, 1, 1], [1, 2, 3]) == 0
    assert p_value_of_rise([-1, -1, -1], [1, 2, 3]) == 1
    assert p_value_of_rise([0, 0, 0], [1, 2, 3]) == 1


def test_one_day_or_an_unknown_loss_says_nothing() -> None:
    assert math.isnan(p_value_of_rise([1, 2], ["mon", "mon"]))
    assert math.isnan(p_value_of_rise([1, math.nan], ["mon", "tue"]))
    assert math.isnan(p_value_of_rise([], []))


def test_without_a_rise_small_p_values_are_as_rare_as_they_claim() -> None:
    rng, days = np.random.default_rng(0), np.repeat(np.arange(15), 6)
    found = [p_value_of_rise(rng.normal(size=15)[days] + rng.normal(size=90), days) for _ in range(1000)]
    assert 0.03 < np.mean(np.array(found) < 0.05) < 0.07


def test_looking_at_more_slices_makes_each_less_surprising() -> None:
    assert holm([0.01]) == [0.01]
    assert holm([0.01] + [0.9] * 9)[0] == 0.1


def test_slices_that_were_not_tested_do_not_count() -> None:
    corrected = holm([0.01, math.nan, 0.04])
    assert corrected[0] == 0.02
    assert math.isnan(corrected[1])


def test_nothing_to_test_is_no_error() -> None:
    assert holm([]) == []
