"""Margins of means over days: as wide as chance allows, and never without an end."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.statistics import DayEffects, DaySums, cohort_margins, lasting_margin
from tasks.statistics.day_margins import MOST_DEVIATIONS


def effects(variance: float = 1.0, skewness: float = 0.0) -> DayEffects:
    """Return days without effects of their own."""
    return DayEffects(variance, np.zeros(1), np.zeros(1), np.ones(1), skewness)


def days(count: int, rows: float) -> DaySums:
    return DaySums(np.arange(count), np.full(count, rows), np.zeros(count), np.zeros(count))


SURE = days(4, 1e12)


@settings(deadline=None)
@given(st.floats(1e-6, 0.3), st.integers(1, 5_000))
def test_a_single_look_has_the_margin_of_the_normal_distribution(alpha: float, rows: int) -> None:
    margins = cohort_margins(effects(), days(1, rows), SURE, looks=0, alpha=alpha)
    assert margins == pytest.approx([NormalDist().inv_cdf(1 - alpha) / math.sqrt(rows)] * 2, rel=1e-4)


@settings(deadline=None)
@given(st.floats(1e-6, 0.3), st.floats(0.0, 5.0))
def test_a_long_tail_makes_the_margin_on_its_side_no_smaller_and_the_other_no_larger(
    alpha: float, skewness: float
) -> None:
    plain, skewed = (
        cohort_margins(effects(skewness=each), days(28, 9), days(90, 9), looks=0, alpha=alpha) for each in (0, skewness)
    )
    assert skewed.above >= plain.above - 1e-6
    assert skewed.below <= plain.below + 1e-6
    mirrored = cohort_margins(effects(skewness=-skewness), days(28, 9), days(90, 9), looks=0, alpha=alpha)
    assert mirrored == pytest.approx(skewed[::-1])
    assert cohort_margins(effects(), days(28, 9), days(90, 9), looks=365, alpha=alpha) >= plain


@pytest.mark.parametrize("events", [4.0, 16.0])
@pytest.mark.parametrize("alpha", [0.01, 0.001])
def test_counts_of_rare_events_pass_neither_margin_more_often_than_by_chance(events: float, alpha: float) -> None:
    # A day of 100 rows with one or four events: the mean of four days is a Poisson count, and so is its tail. Counts
    # jump, margins do not: half of the count next to a margin is on either side (mid-p, H. Lancaster 1961).
    row, many = events / 400, 4.0
    skewed = effects(row, 1 / math.sqrt(events / many))
    below, above = cohort_margins(skewed, days(4, 100), SURE, looks=0, alpha=alpha)
    counts = np.arange(200)
    chances = np.exp(counts * math.log(events) - events - np.array([math.lgamma(each + 1) for each in counts]))
    apart = counts / 400 - row
    for passed in (chances[apart > above], chances[apart < -below][::-1]):
        assert passed.sum() - passed[:1].sum() / 2 <= 1.2 * alpha


def test_a_mean_that_is_skewed_beyond_measure_has_the_largest_margin() -> None:
    # A skewness of 10,000 makes a deviate of 100 as usual as one of .35 of the normal distribution.
    above = cohort_margins(effects(skewness=1e4), days(1, 1), SURE, looks=365, alpha=0.0025).above
    assert above == pytest.approx(MOST_DEVIATIONS, rel=1e-6)


def test_without_variance_there_is_no_margin() -> None:
    margins = cohort_margins(effects(0.0), days(4, 9), days(9, 9), looks=365, alpha=0.005)
    assert margins == pytest.approx([0.0, 0.0], abs=1e-99)
    assert lasting_margin(effects(0.0), days(4, 9), days(9, 9), alpha=0.005) == pytest.approx(0.0, abs=1e-99)
