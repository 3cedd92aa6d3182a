"""Laws of profiles: adding them is the same as profiling the rows together, bit for bit."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.drift import DISTANCES
from tasks.drift.aligned import group_uppers
from tasks.profiles import (
    Axis,
    ColumnProfile,
    NumberProfile,
    Ruler,
    TableProfile,
    added,
    fit_ruler,
    from_bytes,
    profile,
    to_bytes,
)

floats = st.one_of(st.none(), st.floats(width=64), st.sampled_from([0.0, -0.0, 1e-320, 5.0, -1e300]))
integers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-5, 5))
texts = st.one_of(st.none(), st.sampled_from(["", "a", "b", "ü"]), st.text(max_size=3))
rows = st.lists(st.tuples(floats, integers, texts, st.sampled_from([True, False, None])), max_size=30)
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
    assert added([three, one, two]) == one + two + three
    assert added([one]) == one + TableProfile.empty(ruler) == one


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


def measurable(column: ColumnProfile) -> list[str]:
    own = ["wasserstein", "kolmogorov_smirnov"] if isinstance(column, NumberProfile) else ["total_variation"]
    return ["psi", "jensen_shannon", "null_share", *own]


@laws
@given(rows, rows, rulers)
def test_every_distance_is_nought_or_more_and_nought_from_itself(first: Rows, second: Rows, ruler: Ruler) -> None:
    one, two = profile(frame_of(first), ruler), profile(frame_of(second), ruler)
    for name, column in one.columns.items():
        for distance in measurable(column):
            far = DISTANCES[distance](column, two.columns[name])
            assert far >= 0
            assert np.isfinite(far)
            assert DISTANCES[distance](column, column) == 0
            assert DISTANCES[distance](column, column + column) < 1e-12  # type: ignore[operator]  # one kind on both sides


numbers = st.lists(st.one_of(st.floats(-1e3, 1e3), st.sampled_from([0.0, 1.0, 7.5])), min_size=1, max_size=30)


def number(values: list[float]) -> NumberProfile:
    column = profile(pd.DataFrame({"x": values}), Ruler({"x": Axis(1.0, 3.0)})).columns["x"]
    assert isinstance(column, NumberProfile)
    return column


@laws
@given(numbers, numbers)
def test_psi_of_profiles_is_the_psi_of_the_rows_cut_where_the_deciles_end(old: list[float], new: list[float]) -> None:
    uppers = group_uppers(number(old))
    places = [np.searchsorted(uppers, [int(number([value]).bins[0]) for value in values]) for values in (old, new)]
    counts = np.array([np.bincount(place, minlength=len(uppers) + 1) for place in places], dtype=np.float64)
    p, q = (np.maximum(side, 0.5) / np.maximum(side, 0.5).sum() for side in counts[:, counts.sum(axis=0) > 0])
    assert np.isclose(DISTANCES["psi"](number(old), number(new)), np.sum((q - p) * np.log(q / p)), atol=1e-12)


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
