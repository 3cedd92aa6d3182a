"""Millions of categories fit into bounded memory, and what is kept of them can be compared."""

from __future__ import annotations

import pandas as pd
import pytest

from tasks.profiles import CategoryProfile, Ruler, profile, to_bytes
from tasks.profiles.category_profile import BUCKETS, MOST_CATEGORIES


def category(values: object) -> CategoryProfile:
    column = profile(pd.DataFrame({"x": values}), Ruler({}, ("x",))).columns["x"]
    assert isinstance(column, CategoryProfile)
    return column


def customers(first: int, last: int) -> list[str]:
    return [f"customer {i}" for i in range(first, last)]


def test_as_many_as_are_kept_are_all_exact() -> None:
    column = category(customers(0, MOST_CATEGORIES))
    assert (len(column.counts), column.rest, column.distinct) == (MOST_CATEGORIES, {}, MOST_CATEGORIES)


def test_of_more_every_row_is_still_counted_once() -> None:
    column = category(customers(0, 50_000) * 2)
    assert len(column.counts) == MOST_CATEGORIES
    assert len(column.rest) <= BUCKETS
    assert set(column.counts.values()) == {2}
    assert sum(column.counts.values()) + sum(column.rest.values()) == column.present == 100_000
    assert column.distinct == pytest.approx(50_000, rel=0.05)


def test_a_profile_of_many_categories_stays_small() -> None:
    values = pd.DataFrame({"x": customers(0, 200_000)})
    assert len(to_bytes(profile(values, Ruler({}, ("x",))))) < 40_000


def test_parts_keep_what_the_whole_keeps() -> None:
    whole = category(customers(0, 9_000))
    parts = [category(customers(start, start + 3_000)) for start in (3_000, 6_000, 0)]
    assert parts[0] + parts[1] + parts[2] == parts[2] + (parts[1] + parts[0]) == whole
