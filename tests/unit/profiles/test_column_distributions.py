"""The bars of a column: shares of the rows with a value, of both profiles, on the same axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.profiles import Axis, Ruler, column_distributions, profile
from tasks.records import ColumnDistribution

SIZE = Ruler(numbers={"size": Axis(center=50.0, scale=29.0)})
PLAN = Ruler(numbers={}, categories=("plan",))


def of_numbers(before: Sequence[float | None], now: Sequence[float | None], min_count: int = 1) -> ColumnDistribution:
    profiles = [profile(pd.DataFrame({"size": np.array(values, dtype=float)}), SIZE) for values in (before, now)]
    (found,) = column_distributions(*profiles, min_count=min_count)
    return found


def of_plans(before: Sequence[str | None], now: Sequence[str | None], min_count: int = 1) -> ColumnDistribution:
    profiles = [profile(pd.DataFrame({"plan": list(names)}, dtype="str"), PLAN) for names in (before, now)]
    (found,) = column_distributions(*profiles, min_count=min_count)
    return found


def test_a_few_values_have_a_bar_each_in_their_order() -> None:
    found = of_numbers([0, 0, 0, 1], [1, 1, None, 2])
    assert found.names == ("0", "1", "2")
    assert (found.reference, found.window) == ((0.75, 0.25, 0), (0, 0.66667, 0.33333))
    assert (found.reference_nulls, found.window_nulls) == (0, 0.25)


def test_many_values_have_bars_of_equal_width_between_the_outermost_hundredths() -> None:
    before = [float(value) for value in range(1000)]
    found = of_numbers(before, [value + 500 for value in before])
    assert found.names == ()
    assert found.low == pytest.approx(10, abs=6)  # the 1 % quantile of 0..999
    assert found.high == pytest.approx(1490, abs=12)  # the 99 % quantile of 500..1499
    width = (found.high - found.low) / 24
    assert found.reference[:15] == pytest.approx([width / 1000] * 15, abs=0.006)  # up to 10 + 15 x 61.7 = 935
    assert (sum(found.reference), sum(found.window)) == pytest.approx((0.99, 0.99), abs=0.006)
    assert found.reference[18:] == (0,) * 6  # from 1120 on
    assert found.window[:7] == (0,) * 7  # up to 442


def test_a_value_far_away_does_not_squeeze_the_others_into_one_bar() -> None:
    values = [float(value) for value in range(1000)]
    assert of_numbers([*values, 1e6], values).high == pytest.approx(990, abs=10)


def test_no_end_of_the_bars_is_the_value_of_a_few_rows() -> None:
    values = [float(value) for value in range(1000)]
    few = [51.2, 49.1, 987654.0]
    assert of_numbers(values, few, min_count=5).high < 1000
    assert of_numbers([*values, *few], few * 2, min_count=5).high < 1000
    alone = of_numbers([value / 7 for value in range(9)], few, min_count=5)
    assert (alone.reference, alone.window, alone.low, alone.high) == ((0,), (0,), 0, 0)


def test_the_eight_most_frequent_categories_of_either_are_drawn_and_the_rare_ones_not_named() -> None:
    before = [name for name in "abcdefghi" for _ in range(5)]
    found = of_plans([*before, "secret"], ["new"] * 9 + ["a"] * 3, min_count=5)
    assert found.names == ("new", "a", "b", "c", "d", "e", "f", "g")
    assert found.window == (0.75, 0, 0, 0, 0, 0, 0, 0)  # the three rows of a are too few to be shown


def test_numbers_of_too_few_rows_are_not_named() -> None:
    assert of_numbers([1.0] * 6 + [77.0], [1.0] * 6, min_count=5).names == ("1",)


def test_a_column_without_values_in_the_window_has_empty_bars() -> None:
    found = of_numbers([1, 2], [None, None])
    assert (found.window, found.window_nulls) == ((0, 0), 1)


def test_a_column_without_values_in_the_reference_and_a_window_without_rows_are_left_out() -> None:
    empty, some = (profile(pd.DataFrame({"size": [value]}, dtype="float64"), SIZE) for value in (None, 1.0))
    assert column_distributions(empty, some) == ()
    assert column_distributions(some, profile(pd.DataFrame({"size": []}, dtype="float64"), SIZE)) == ()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200), st.lists(st.floats(-1e9, 1e9), max_size=200))
def test_shares_are_between_none_and_all_and_no_row_is_in_two_bars(before: list[float], now: list[float]) -> None:
    profiles = [profile(pd.DataFrame({"size": np.array(values)}), SIZE) for values in (before, now)]
    for found in column_distributions(*profiles):
        for shares in (found.reference, found.window):
            assert all(0 <= share <= 1 for share in shares)
            assert sum(shares) <= 1 + 1e-3
