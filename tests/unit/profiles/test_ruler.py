"""The ruler fixes where the bins lie, whatever the numbers look like."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.errors import DataError
from tasks.profiles import Axis, fit_ruler


def axis_of(values: object, dtype: str | None = None) -> Axis:
    frame = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
    return fit_ruler(frame, numbers=["x"], categories=[], booleans=[]).numbers["x"]


def test_the_center_is_the_median_and_the_scale_the_standard_deviation() -> None:
    assert axis_of([1.0, 2.0, 3.0, 4.0, 5.0]) == Axis(3.0, 2.0**0.5)


@pytest.mark.parametrize("values", [[7.0] * 5, [None, None], [], [float("inf"), float("-inf")], [0.1 + 0.2, 0.3]])
def test_a_column_that_says_nothing_has_scale_one(values: list[float | None]) -> None:
    assert axis_of(values, "float64").scale == 1.0


def test_nulls_and_infinities_do_not_move_it() -> None:
    assert axis_of([1.0, None, 2.0, float("inf"), 3.0, 4.0, 5.0], "Float64") == axis_of([1.0, 2.0, 3.0, 4.0, 5.0])


def test_a_huge_offset_keeps_its_scale() -> None:
    near = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    assert axis_of(near + 1e15) == Axis(1e15, axis_of(near).scale)


def test_integers_beyond_the_floats_keep_their_distances() -> None:
    first = 2**62 + 1
    assert axis_of([first, first + 3, first + 6], "int64").scale == pytest.approx(6**0.5)


def test_unsigned_integers_beyond_int64_are_measured_too() -> None:
    assert axis_of([2**63, 2**63 + 2**20, 2**63 + 2**21], "uint64").center == 2.0**63 + 2.0**20


def test_one_gross_error_does_not_blind_the_column() -> None:
    quiet = np.random.default_rng(0).normal(size=1000)
    assert axis_of([*quiet, 1e30]).scale < 2 * axis_of(quiet).scale


def test_a_rare_value_still_sets_a_scale() -> None:
    assert axis_of([0.0] * 999 + [1000.0]).scale == pytest.approx((0.001 * 0.999) ** 0.5 * 1000)


def test_the_largest_floats_overflow_nothing() -> None:
    assert np.isfinite(axis_of([-1.7e308, 1.7e308, 1.7e308]).scale)


def test_a_missing_column_is_named_with_the_nearest() -> None:
    with pytest.raises(DataError, match=r"lacks \['size'\].*did you mean 'sizes'"):
        fit_ruler(pd.DataFrame({"sizes": [1.0]}), numbers=["size"], categories=[], booleans=[])


def test_text_in_a_number_column_is_refused() -> None:
    with pytest.raises(DataError, match="column 'x' holds str; a number column was expected"):
        axis_of(["12", "13"], "str")
