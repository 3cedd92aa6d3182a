"""Margins of means over days: as wide as chance allows, and never without an end."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.statistics import DayEffects, DaySums, cohort_margin, lasting_margin
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
    margin = cohort_margin(effects(), days(1, rows), SURE, looks=0, alpha=alpha)
    assert margin == pytest.approx(NormalDist().inv_cdf(1 - alpha / 2) / math.sqrt(rows), rel=1e-4)


@settings(deadline=None)
@given(st.floats(1e-6, 0.3), st.floats(0.0, 5.0))
def test_skewed_days_and_more_looks_never_make_a_margin_smaller(alpha: float, skewness: float) -> None:
    plain = cohort_margin(effects(), days(28, 9), days(90, 9), looks=0, alpha=alpha)
    assert cohort_margin(effects(skewness=skewness), days(28, 9), days(90, 9), looks=0, alpha=alpha) >= plain - 1e-6
    assert cohort_margin(effects(), days(28, 9), days(90, 9), looks=365, alpha=alpha) >= plain


def test_a_mean_that_is_skewed_beyond_measure_has_the_largest_margin() -> None:
    # A skewness of 10,000 makes a deviate of 100 as usual as one of .35 of the normal distribution.
    margin = cohort_margin(effects(skewness=1e4), days(1, 1), SURE, looks=365, alpha=0.005)
    assert margin == pytest.approx(MOST_DEVIATIONS, rel=1e-6)


def test_without_variance_there_is_no_margin() -> None:
    assert cohort_margin(effects(0.0), days(4, 9), days(9, 9), looks=365, alpha=0.005) == pytest.approx(0.0, abs=1e-99)
    assert lasting_margin(effects(0.0), days(4, 9), days(9, 9), alpha=0.005) == pytest.approx(0.0, abs=1e-99)
