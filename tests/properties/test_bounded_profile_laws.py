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
    profile,
    to_bytes,
)
from tasks.profiles.table_profile import TableCounter
from tasks.profiles.value_counts import EXACT_VALUES

laws = settings(deadline=None, derandomize=True, max_examples=60)
names = st.lists(st.sampled_from([f"customer {i}" for i in range(12)]), max_size=40)
whole = st.integers(-90, 90).map(float)
numbers = st.lists(st.one_of(whole, st.floats(allow_nan=False), st.sampled_from([0.0, -0.0])), max_size=120)
CATEGORY = Ruler({}, ("c",))
NUMBER = Ruler({"x": Axis(1.0, 3.0, (5.0, 7.0))})


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
    assert sum(column.counts.values()) + sum(column.rest.values()) == len(values)
    assert len(column.counts) == min(len(counted), 4)


@laws
@given(numbers, numbers)
def test_values_past_their_bound_still_add_up(a: list[float], b: list[float]) -> None:
    added, together = number(a) + number(b), number(b + a)
    assert added == together
    assert together.value_counts is not None
    assert together.value_counts.complete == (len({value for value in a + b if np.isfinite(value)}) <= EXACT_VALUES)


@laws
@given(numbers, st.lists(st.integers(0, 120), max_size=4))
def test_a_stream_may_be_cut_anywhere(values: list[float], cuts: list[int]) -> None:
    batch = pa.record_batch({"x": pa.array(values, pa.float64())})
    ends = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    counter, whole = TableCounter(NUMBER), TableCounter(NUMBER)
    for start, end in pairwise(ends):
        counter.add(batch.slice(start, end - start))
    whole.add(batch)
    streamed = counter.profile()
    assert to_bytes(streamed) == to_bytes(whole.profile())
    assert streamed.columns["x"] == number(values)
