"""Laws of profiles: adding them is the same as profiling the rows together, bit for bit."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.drift import build_reference, compare_window, measure_window
from tasks.profiles import (
    Axis,
    NumberProfile,
    Ruler,
    TableProfile,
    fit_ruler,
    from_bytes,
    profile,
    sum_profiles,
    to_bytes,
)

floats = st.one_of(st.none(), st.floats(width=64), st.sampled_from([0.0, -0.0, 1e-320, 5.0, -1e300]))
integers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-5, 5))
texts = st.one_of(st.none(), st.sampled_from(["", "a", "b", "ü"]), st.text(max_size=3))
row = st.tuples(floats, integers, texts, st.sampled_from([True, False, None]))
rows, some_rows = st.lists(row, max_size=30), st.lists(row, min_size=1, max_size=30)
pins = st.lists(st.sampled_from([5.0, -1e300, 2**53 + 1, 1.0]), unique=True).map(tuple)
axes = st.builds(Axis, st.floats(-1e12, 1e12), st.floats(1e-9, 1e9), pins)
rulers = st.builds(lambda x, n: Ruler({"x": x, "n": n}, ("c",), ("b",)), axes, axes)
laws = settings(deadline=None, derandomize=True, max_examples=80)

Rows = list[tuple[float | None, int, str | None, bool | None]]


def frame_of(content: Rows) -> pd.DataFrame:
    x, n, c, b = ([row[i] for row in content] for i in range(4))
    types = {"x": "Float64", "n": "int64", "c": "object", "b": "boolean"}
    values = zip(types.items(), (x, n, c, b), strict=True)
    return pd.DataFrame({name: pd.Series(column, dtype=dtype) for (name, dtype), column in values})


@laws
@given(rows, rows, rulers)
def test_the_sum_of_two_profiles_is_the_profile_of_the_rows_together(first: Rows, second: Rows, ruler: Ruler) -> None:
    together = profile(frame_of(first + second), ruler)
    added = profile(frame_of(first), ruler) + profile(frame_of(second), ruler)
    assert added == together
    assert to_bytes(added) == to_bytes(together)


@laws
@given(rows, rows, rows, rulers)
def test_neither_order_nor_grouping_matters(a: Rows, b: Rows, c: Rows, ruler: Ruler) -> None:
    one, two, three = (profile(frame_of(content), ruler) for content in (a, b, c))
    assert to_bytes((one + two) + three) == to_bytes(three + (one + two)) == to_bytes(one + (three + two))
    assert sum_profiles([three, one, two]) == one + two + three
    assert sum_profiles([one]) == one + TableProfile.empty(ruler) == one


@laws
@given(rows)
def test_rows_in_another_order_have_the_same_profile_and_ruler(content: Rows) -> None:
    forward, backward = frame_of(content), frame_of(content[::-1])
    kinds = {"numbers": ["n"], "categories": ["c"], "booleans": ["b"]}
    ruler = Ruler({**fit_ruler(forward, **kinds).numbers, "x": Axis()}, ("c",), ("b",))
    assert profile(forward, ruler) == profile(backward, ruler)


@laws
@given(rows, rulers)
def test_bytes_give_the_profile_back(content: Rows, ruler: Ruler) -> None:
    one = profile(frame_of(content), ruler)
    assert from_bytes(to_bytes(one)) == one


@laws
@given(rows)
def test_a_fitted_ruler_measures_its_own_rows(content: Rows) -> None:
    frame = frame_of(content)
    ruler = fit_ruler(frame, numbers=["x", "n"], categories=["c"], booleans=["b"])
    assert all(np.isfinite([axis.center, axis.scale]).all() and axis.scale > 0 for axis in ruler.numbers.values())
    one = profile(frame, ruler)
    assert from_bytes(to_bytes(one)) == one


@laws
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40))
def test_quantiles_rise_and_stay_within_the_data(values: list[float]) -> None:
    column = profile(pd.DataFrame({"x": values}), Ruler({"x": Axis(1.0, 3.0)})).columns["x"]
    assert isinstance(column, NumberProfile)
    quantiles = [column.quantile(share) for share in (0.0, 0.1, 0.5, 0.9, 1.0)]
    assert all(low <= high for low, high in pairwise(quantiles))
    assert min(values) <= quantiles[0]
    assert quantiles[-1] <= max(values)


@laws
@given(some_rows, some_rows, rulers)
def test_every_statistic_is_zero_or_more_and_zero_from_itself(first: Rows, second: Rows, ruler: Ruler) -> None:
    one, two = profile(frame_of(first), ruler), profile(frame_of(second), ruler)
    reference = build_reference([("2026-01-05", one)])
    for window in (one, two, one + one):
        moved = compare_window(reference, measure_window(reference, window), effect=0.1, alpha=1e-4).moved
        assert all(np.isfinite([statistic.distance, statistic.leeway]).all() for statistic in moved)
        assert all(statistic.distance >= 0 and statistic.leeway > 0 for statistic in moved)
        if window is not two:
            assert all(statistic.distance < 1e-12 for statistic in moved)


instants = st.one_of(st.none(), st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001 - as contracts have it
dated = st.lists(st.tuples(instants, st.dates(date(2020, 1, 1), date(2030, 1, 1))), max_size=30)


@laws
@given(dated, dated, axes, axes)
def test_profiles_of_dates_add_up_too(
    first: list[tuple[datetime | None, date]], second: list[tuple[datetime | None, date]], when: Axis, age: Axis
) -> None:
    ruler = Ruler({}, dates={"d": when}, ages={"d": age})
    one, two, both = (
        profile(
            pd.DataFrame(
                {"d": pd.Series([d for d, _ in part], dtype="datetime64[us]"), "event_date": [e for _, e in part]}
            ),
            ruler,
        )
        for part in (first, second, first + second)
    )
    assert to_bytes(one + two) == to_bytes(two + one) == to_bytes(both)
    assert from_bytes(to_bytes(both)) == both
