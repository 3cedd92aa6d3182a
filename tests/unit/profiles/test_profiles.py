"""What a profile keeps of some rows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tasks.errors import DataError
from tasks.profiles import Axis, CategoryProfile, NumberProfile, Ruler, TableProfile, profile


def number(values: object, axis: Axis | None = None, dtype: str = "float64") -> NumberProfile:
    frame = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
    column = profile(frame, Ruler({"x": axis or Axis()})).columns["x"]
    assert isinstance(column, NumberProfile)
    return column


def category(values: object, dtype: str = "str", *, boolean: bool = False) -> CategoryProfile:
    ruler = Ruler({}, booleans=("x",)) if boolean else Ruler({}, categories=("x",))
    frame = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
    column = profile(frame, ruler).columns["x"]
    assert isinstance(column, CategoryProfile)
    return column


def test_rows_nulls_and_infinities_are_counted_apart() -> None:
    column = number([1.0, None, np.inf, -np.inf, np.inf])
    counted = (column.rows, column.nulls, column.positive_infinities, column.negative_infinities, column.present)
    assert counted == (5, 1, 2, 1, 1)


@pytest.mark.parametrize("dtype", ["float64", "Float64", "Int64", "double[pyarrow]"])
def test_the_type_a_number_arrives_in_does_not_matter(dtype: str) -> None:
    assert number([1, 2, None], dtype=dtype) == number([1.0, 2.0, float("nan")])


def test_mean_and_sd_are_in_the_datas_units() -> None:
    column = number([500_000.0, 510_000.0, 520_000.0], Axis(510_000.0, 5_000.0))
    assert column.mean == pytest.approx(510_000)
    assert column.sd == pytest.approx(math.sqrt(2 / 3) * 10_000)


def test_a_constant_column_has_no_spread_at_all() -> None:
    assert number([0.1] * 1000).sd == 0.0


def test_values_far_from_the_axis_are_still_summed_exactly() -> None:
    assert number([1000.0, -1000.0, 3000.0]).sd == pytest.approx(math.sqrt(8 / 3) * 1000)


def test_more_rows_than_are_summed_at_once_are_summed_as_well() -> None:
    values = np.tile([1.0, 2.0, 3.0, 20.0], 50_000)
    column = number(values)
    assert (column.present, column.mean, int(column.counts.sum())) == (200_000, 6.5, 200_000)
    assert column == number(values[:70_001]) + number(values[70_001:])


def test_values_beyond_a_million_scales_count_as_that_far_and_keep_their_extremes() -> None:
    column = number([1e300, -1e300, 1e300])
    assert (column.minimum, column.maximum) == (-1e300, 1e300)
    assert column.mean == pytest.approx(2**20 / 3)


def test_extremes_of_large_integers_are_exact() -> None:
    column = number([2**62 + 1, 2**62 + 5], dtype="int64")
    assert (column.minimum, column.maximum) == (2**62 + 1, 2**62 + 5)


def test_close_large_integers_do_not_share_a_bin() -> None:
    first = 2**62
    assert len(number([first, first + 1, first + 2], Axis(float(first), 1.0), "int64").bins) == 3


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0.0), (0.25, 25.0), (0.5, 50.0), (0.9, 90.0), (1.0, 100.0)])
def test_quantiles_are_exact_to_a_bin(share: float, expected: float) -> None:
    column = number(np.linspace(0, 100, 10_001), Axis(50.0, 29.0))
    assert column.quantile(share) == pytest.approx(expected, abs=0.5)


def test_no_quantile_is_outside_the_data() -> None:
    column = number([4.0, 4.0, 4.0], Axis(1.0, 1.0))
    assert [column.quantile(share) for share in (0.0, 0.5, 1.0)] == [4.0, 4.0, 4.0]


def test_a_share_outside_0_to_1_is_refused() -> None:
    with pytest.raises(DataError, match="between 0 and 1"):
        number([1.0]).quantile(50)


def test_no_rows_have_no_mean() -> None:
    empty = NumberProfile.empty(Axis())
    assert all(math.isnan(value) for value in (empty.mean, empty.sd, empty.quantile(0.5)))
    assert (empty.nulls, empty.minimum, empty.maximum) == (0, None, None)


@pytest.mark.parametrize("dtype", ["str", "category", "object", "string[pyarrow]"])
def test_categories_are_counted_however_they_are_held(dtype: str) -> None:
    assert category(["b", "a", "b", None, ""], dtype) == CategoryProfile(5, 1, {"a": 1, "b": 2, "": 1})


def test_a_declared_category_without_rows_is_not_kept() -> None:
    values = pd.Categorical(["a"], categories=["a", "b"])
    assert category(values, "category") == CategoryProfile(1, 0, {"a": 1})


@pytest.mark.parametrize(("values", "dtype"), [([True, False, None], "boolean"), ([True, False, None], "object")])
def test_booleans_are_the_categories_true_and_false(values: list[bool | None], dtype: str) -> None:
    assert category(values, dtype, boolean=True) == CategoryProfile(3, 1, {"true": 1, "false": 1})


def test_text_in_a_boolean_column_is_refused() -> None:
    with pytest.raises(DataError, match="column 'x' holds str; true and false were expected"):
        category(["yes"], boolean=True)


def test_a_column_without_any_value_is_all_null_whatever_its_type() -> None:
    assert number([None, None], dtype="object").nulls == 2


def test_profiles_of_different_columns_cannot_be_added() -> None:
    with pytest.raises(DataError, match=r"columns \['b'\] are in one only"):
        TableProfile.empty(Ruler({})) + TableProfile.empty(Ruler({}, categories=("b",)))


def test_profiles_of_different_bins_cannot_be_added() -> None:
    one, other = (TableProfile.empty(Ruler({"age": Axis(center)})) for center in (0.0, 1.0))
    with pytest.raises(DataError, match=r"the bins of \['age'\] differ"):
        one + other


def test_number_columns_on_different_axes_cannot_be_added() -> None:
    with pytest.raises(DataError, match="different axes"):
        number([1.0], Axis(0.0)) + number([1.0], Axis(1.0))


def test_a_delivery_without_a_column_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"lacks \['age'\]"):
        profile(pd.DataFrame({"plan": ["pro"]}), Ruler({"age": Axis()}))


def test_equal_columns_have_equal_hashes() -> None:
    assert len({number([1.0, 2.0]), number([2.0, 1.0])}) == 1
