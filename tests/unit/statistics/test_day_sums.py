"""Values added up by day, and since when their mean has left a promise."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics import DaySums, likeliest_shift


def test_with_one_row_a_day_days_tell_how_far_rows_are_apart() -> None:
    # Eight days of one row: -1 and 1 in turn, then 3 and 5 in turn. The mean is 2.
    values = np.array([-1.0, 1.0, -1.0, 1.0, 3.0, 5.0, 3.0, 5.0])
    days = DaySums.of(values, np.arange(8))
    assert days.row_variance == 0.0
    assert days.day_variance == pytest.approx((9 + 1 + 9 + 1 + 1 + 9 + 1 + 9) / 7)
    # The last four explain (16 - 0)^2 / 4 of it.
    found = likeliest_shift(days, 0.0, rise_only=True)
    assert (found.rows, found.days, round(found.explained, 9)) == (4, 4, round(64 / (40 / 7), 9))


def test_rows_of_a_day_that_differ_by_rounding_alone_count_as_one() -> None:
    values = np.repeat([0.1, 0.3, 0.1, 0.3], 3)
    found = likeliest_shift(DaySums.of(values, np.repeat(np.arange(4), 3)), 0.2, rise_only=False)
    assert found.explained < 10


def test_the_first_day_of_a_rise_is_found_among_days_of_many_rows() -> None:
    rng = np.random.default_rng(0)
    days = np.repeat(np.arange(60), 100)
    values = rng.normal(size=len(days)) + np.where(days >= 40, 0.5, 0.0)
    assert likeliest_shift(DaySums.of(values, days), 0.0, rise_only=True).days == 20
