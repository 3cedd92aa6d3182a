"""Distances, on columns small enough to be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tasks.drift import DISTANCES
from tasks.errors import DataError
from tasks.profiles import Axis, CategoryProfile, ColumnProfile, NumberProfile, Ruler, profile


def number(values: object, axis: Axis | None = None) -> ColumnProfile:
    return profile(pd.DataFrame({"x": values}, dtype="float64"), Ruler({"x": axis or Axis()})).columns["x"]


def category(**counts: int) -> CategoryProfile:
    return CategoryProfile(sum(counts.values()), 0, counts)


EMPTY = NumberProfile.empty(Axis())
NORMAL = np.random.default_rng(3).normal(size=20_000)


def test_every_row_moved_by_half_a_standard_deviation_is_half_away() -> None:
    axis = Axis(500.0, 100.0)
    before, after = number(500 + 100 * NORMAL, axis), number(550 + 100 * NORMAL, axis)
    assert DISTANCES["wasserstein"](before, after) == pytest.approx(0.5, abs=0.005)


def test_a_wider_spread_is_a_distance_although_the_mean_stays() -> None:
    # E|2Z - Z| = E|Z| = sqrt(2 / pi)
    assert DISTANCES["wasserstein"](number(NORMAL), number(2 * NORMAL)) == pytest.approx(
        math.sqrt(2 / math.pi), abs=0.01
    )


def test_kolmogorov_smirnov_is_the_largest_gap() -> None:
    assert DISTANCES["kolmogorov_smirnov"](number([1, 2, 3, 4]), number([3, 4, 5, 6])) == 0.5


def test_psi_of_a_number_column_moved_out_of_its_range_is_large() -> None:
    # nine tenths empty (half a row counts) into the last, which is open: shares .5/104.5 and 100/104.5
    before = number(np.repeat(np.arange(10.0), 10))
    p, q = np.full(10, 0.1), np.array([*[0.5] * 9, 100]) / 104.5
    expected = float(np.sum((q - p) * np.log(q / p)))
    assert DISTANCES["psi"](before, before) == 0
    assert DISTANCES["psi"](number(np.arange(1e4)), number(np.arange(2e4, 3e4))) > 8
    assert DISTANCES["psi"](before, number(np.full(100, 8.5))) == pytest.approx(expected)


def test_psi_sees_a_constant_column_change_in_either_direction() -> None:
    constant = number([5.0] * 50)
    assert all(DISTANCES["psi"](constant, number([moved] * 50)) > 5 for moved in (4.0, 6.0))


def test_psi_moves_one_decile_into_the_next() -> None:
    # ten rows a decile; the lowest empties (half a row counts) into the second: shares .005/1.005 and .2/1.005
    values = np.repeat(np.arange(1.0, 11.0), 10)
    moved = np.where(values == 1.0, 2.0, values)
    p = np.full(10, 0.1)
    q = np.array([0.005, 0.2, *[0.1] * 8]) / 1.005
    assert DISTANCES["psi"](number(values), number(moved)) == pytest.approx(float(np.sum((q - p) * np.log(q / p))))


def test_jensen_shannon_of_half_overlapping_categories() -> None:
    # p = (1, 0), q = (1/2, 1/2): divergence = (log2(4/3) + log2(2/3)/2 + log2(2)/2) / 2 = .3113
    assert DISTANCES["jensen_shannon"](category(a=2), category(a=1, b=1)) == pytest.approx(math.sqrt(0.3113), abs=1e-4)


def test_a_category_not_met_before_is_a_share_that_moved() -> None:
    assert DISTANCES["total_variation"](category(a=8, b=2), category(a=3, b=1, new=1)) == pytest.approx(0.2)


def test_infinities_count_as_missing_and_not_as_far() -> None:
    before, after = number([1.0, 1.0]), number([1.0, np.inf])
    assert DISTANCES["wasserstein"](before, after) == 0
    assert DISTANCES["null_share"](before, after) == 0.5


@pytest.mark.parametrize("name", ["psi", "jensen_shannon", "wasserstein", "kolmogorov_smirnov", "null_share"])
def test_nothing_is_no_distance_from_something(name: str) -> None:
    assert DISTANCES[name](EMPTY, number([1.0])) == DISTANCES[name](number([1.0]), EMPTY) == 0


@pytest.mark.parametrize("name", ["psi", "jensen_shannon", "total_variation", "null_share"])
def test_no_category_is_no_distance_from_some(name: str) -> None:
    assert DISTANCES[name](CategoryProfile.empty(), category(a=1)) == 0


def test_a_distance_says_which_kind_of_column_it_measures() -> None:
    with pytest.raises(DataError, match=r"wasserstein was asked of a category column.*Use 'total_variation'"):
        DISTANCES["wasserstein"](category(a=1), category(a=1))
    with pytest.raises(DataError, match=r"total_variation was asked of a number column.*Use 'wasserstein'"):
        DISTANCES["total_variation"](EMPTY, EMPTY)


def test_columns_on_different_axes_are_not_compared() -> None:
    with pytest.raises(DataError, match="the bins differ"):
        DISTANCES["wasserstein"](number([1.0]), number([1.0], Axis(1.0)))
