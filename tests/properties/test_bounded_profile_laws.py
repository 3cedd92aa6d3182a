"""Laws of what profiles keep in bounded memory: dropping the rest never breaks a sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.profiles import (
    Axis,
    CategoryProfile,
    NumberProfile,
    Ruler,
    categories_side_by_side,
    from_bytes,
    profile,
    profile_stream,
    to_bytes,
)
from tasks.profiles.value_counts import EXACT_VALUES

laws = settings(deadline=None, derandomize=True, max_examples=60)
names = st.lists(st.sampled_from([f"customer {i}" for i in range(12)]), max_size=40)
whole = st.integers(-90, 90).map(float)
numbers = st.lists(st.one_of(whole, st.floats(allow_nan=False), st.sampled_from([0.0, -0.0])), max_size=120)
instants = st.datetimes(min_value=pd.Timestamp("1800-01-01"), max_value=pd.Timestamp("2200-01-01"))
tales = st.lists(st.tuples(st.none() | instants, st.none() | st.text(max_size=4)), max_size=20)
CATEGORY = Ruler({}, ("c",))
NUMBER = Ruler({"x": Axis(1.0, 3.0, (5.0, 7.0))})
TALE = Ruler({}, times={"at": Axis(1e15, 1e13)}, texts={"note": Axis(2.0, 1.0)})

Tales = list[tuple[object, str | None]]


@contextmanager
def few_kept() -> Iterator[None]:
    """Bound categories so tightly that examples overflow."""
    with (
        patch("tasks.profiles.category_profile.MOST_CATEGORIES", 4),
        patch("tasks.profiles.category_profile.BUCKETS", 3),
    ):
        yield


def category(values: list[str]) -> CategoryProfile:
    column = profile(pd.DataFrame({"c": pd.Series(values, dtype="str")}), CATEGORY).columns["c"]
    assert isinstance(column, CategoryProfile)
    return column


def number(values: list[float]) -> NumberProfile:
    column = profile(pd.DataFrame({"x": np.array(values, dtype=np.float64)}), NUMBER).columns["x"]
    assert isinstance(column, NumberProfile)
    return column


def tale(content: Tales) -> pd.DataFrame:
    at = pd.Series([row[0] for row in content], dtype="datetime64[us]")
    return pd.DataFrame({"at": at, "note": pd.Series([row[1] for row in content], dtype="str")})


@laws
@given(names, names, names)
def test_categories_past_their_bound_still_add_up_in_any_order(a: list[str], b: list[str], c: list[str]) -> None:
    with few_kept():
        one, two, three = category(a), category(b), category(c)
        assert (one + two) + three == one + (three + two) == category(c + a + b)
        assert one + CategoryProfile.empty() == one


@laws
@given(names)
def test_a_category_that_is_kept_has_all_of_its_rows(values: list[str]) -> None:
    with few_kept():
        column = category(values)
    counted = Counter(values)
    assert all(counted[name] == rows for name, rows in column.counts.items())
    assert sum(column.cells.values()) == len(values)
    assert len(column.counts) == min(len(counted), 4)


@laws
@given(names, names)
def test_coarser_cells_lose_no_row_and_never_widen_a_distance(a: list[str], b: list[str]) -> None:
    with few_kept():
        _, before, now = categories_side_by_side(category(a), category(b))
    assert (before.sum(), now.sum()) == (len(a), len(b))
    exact = sum(abs(Counter(a)[name] - Counter(b)[name]) for name in {*a, *b})
    assert np.abs(before - now).sum() <= exact


@laws
@given(numbers, numbers)
def test_values_past_their_bound_still_add_up(a: list[float], b: list[float]) -> None:
    added, together = number(a) + number(b), number(b + a)
    assert added == together
    assert together.held is not None
    assert together.held.complete == (len({value for value in a + b if np.isfinite(value)}) <= EXACT_VALUES)


@laws
@given(numbers, st.lists(st.integers(0, 120), max_size=4))
def test_a_stream_may_be_cut_anywhere(values: list[float], cuts: list[int]) -> None:
    batch = pa.record_batch({"x": pa.array(values, pa.float64())})
    ends = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    streamed = profile_stream([batch.slice(start, end - start) for start, end in pairwise(ends)], NUMBER)
    assert to_bytes(streamed) == to_bytes(profile_stream([batch], NUMBER))
    assert streamed.columns["x"] == number(values)


@laws
@given(tales, tales)
def test_times_and_texts_add_up_and_come_back_from_bytes(a: Tales, b: Tales) -> None:
    added = profile(tale(a), TALE) + profile(tale(b), TALE)
    assert added == profile(tale(b + a), TALE)
    assert from_bytes(to_bytes(added)) == added
