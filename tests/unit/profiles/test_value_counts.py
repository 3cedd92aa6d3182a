"""Which values a number column holds: all while they are few, then how many, and the pinned ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.profiles import Axis, NumberProfile, Ruler, fit_ruler, profile


def number(values: object, axis: Axis | None = None, dtype: str | None = None) -> NumberProfile:
    frame = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
    column = profile(frame, Ruler({"x": axis or Axis()})).columns["x"]
    assert isinstance(column, NumberProfile)
    return column


def counts_of(column: NumberProfile) -> dict[float, int]:
    assert column.value_counts is not None
    return dict(column.value_counts.counts)


@pytest.mark.parametrize("repeats", [1, 5_000])
def test_up_to_64_values_are_counted_one_by_one(repeats: int) -> None:
    column = number(np.tile(np.arange(64.0), repeats))
    assert column.distinct == 64
    assert counts_of(column) == dict.fromkeys(np.arange(64.0), repeats)


@pytest.mark.parametrize("repeats", [1, 5_000])
def test_of_65_values_there_remain_how_many_and_the_pinned_ones(repeats: int) -> None:
    column = number(np.tile(np.arange(65.0), repeats), Axis(pins=(7.0,)))
    assert column.distinct == pytest.approx(65, rel=0.15)
    assert counts_of(column) == {0.0: repeats, 7.0: repeats}


def test_values_that_share_a_bin_are_counted_separately() -> None:
    near = np.repeat([1.0, 1.0 + 1e-9, 5.0], [9_000, 1_000, 2_000])
    assert counts_of(number(near)) == {1.0: 9_000, 1.0 + 1e-9: 1_000, 5.0: 2_000}


@pytest.mark.parametrize("distinct", [1_000, 100_000])
def test_many_values_are_counted_within_three_standard_errors(distinct: int) -> None:
    assert number(np.repeat(np.arange(distinct) * 0.01, 2)).distinct == pytest.approx(distinct, rel=0.14)


def test_ids_beyond_the_floats_are_counted_separately() -> None:
    ids = 2**62 + np.arange(1_000)
    assert number(ids, dtype="int64").distinct == pytest.approx(1_000, rel=0.14)
    assert counts_of(number(ids[:2], dtype="int64")) == {float(2**62): 1, 2**62 + 1: 1}


def test_the_share_of_zeros_is_exact_among_any_values() -> None:
    values = np.concatenate([np.zeros(300), -np.zeros(100), np.random.default_rng(0).normal(size=600)])
    column = number(values)
    assert column.rows == 1_000
    assert column.most_frequent == (0.0, 400)


def test_a_constant_column_is_known_as_one() -> None:
    column = number([7.5, 7.5, None])
    assert (column.constant, column.distinct, column.most_frequent) == (True, 1.0, (7.5, 2))
    assert not number([1.0, 2.0]).constant
    assert not NumberProfile.empty(Axis()).constant


def test_frequent_values_of_the_first_training_are_pinned() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": [*[0.0] * 200, *[999.0] * 100, *[-1.0] * 60, *rng.normal(50, 9, size=640)]})
    ruler = fit_ruler(frame, numbers=["x"], categories=[], booleans=[])
    assert ruler.numbers["x"].pins == (-1.0, 999.0)
    column = profile(frame, ruler).columns["x"]
    assert isinstance(column, NumberProfile)
    assert counts_of(column) == {999.0: 100, -1.0: 60, 0.0: 200}


def test_a_pinned_id_is_counted_exactly_and_no_float_is_taken_for_it() -> None:
    first = 2**60 + 1
    assert first != float(first)
    axis = Axis(float(first), 1e6, (first,))
    ids = np.concatenate([np.full(50, first), first + 1 + np.arange(100)])
    assert counts_of(number(ids, axis, "int64")) == {first: 50}
    assert counts_of(number(ids.astype("float64") + np.arange(150) * 1e6, axis)) == {}


def test_infinities_and_nulls_are_no_values() -> None:
    assert counts_of(number([1.0, np.inf, -np.inf, None, np.nan])) == {1.0: 1}


@pytest.mark.parametrize("dtype", ["float32", "float64", "Int64", "uint8", "int32[pyarrow]"])
def test_values_do_not_depend_on_the_type_that_holds_them(dtype: str) -> None:
    assert number(np.arange(100), dtype=dtype) == number(np.arange(100.0))
