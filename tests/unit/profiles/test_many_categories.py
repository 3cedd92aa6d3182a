"""Millions of categories fit into bounded memory, and what is kept of them can be compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.profiles import CategoryProfile, Ruler, categories_side_by_side, profile, to_bytes
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
    assert sum(column.cells.values()) == column.present == 100_000
    assert column.distinct == pytest.approx(50_000, rel=0.05)


def test_a_profile_of_many_categories_stays_small() -> None:
    values = pd.DataFrame({"x": customers(0, 200_000)})
    assert len(to_bytes(profile(values, Ruler({}, ("x",))))) < 40_000


def test_parts_keep_what_the_whole_keeps() -> None:
    whole = category(customers(0, 9_000))
    parts = [category(customers(start, start + 3_000)) for start in (3_000, 6_000, 0)]
    assert parts[0] + parts[1] + parts[2] == parts[2] + (parts[1] + parts[0]) == whole


def test_the_same_many_categories_lie_at_no_distance() -> None:
    first, second = category(customers(0, 10_000)), category(customers(0, 10_000)[::-1])
    _, before, now = categories_side_by_side(first, second)
    assert before.tolist() == now.tolist()
    assert before.sum() == 10_000


def test_few_rows_are_compared_with_many_categories_cell_by_cell() -> None:
    everyone, some = category(customers(0, 10_000)), category(["customer 3"] * 5 + ["customer 4"])
    cells, before, now = categories_side_by_side(everyone, some)
    assert (before.sum(), now.sum(), len(set(cells))) == (10_000, 6, len(cells))
    assert now.max() >= 5


def test_a_flood_of_one_category_that_is_not_kept_by_name_is_seen() -> None:
    everyone = category(customers(0, 10_000))
    dropped = next(name for name in customers(0, 10_000) if name not in everyone.counts)
    _, before, now = categories_side_by_side(everyone, category(customers(0, 10_000) + [dropped] * 10_000))
    moved = np.abs(now / now.sum() - before / before.sum()).sum() / 2
    assert moved == pytest.approx(0.5, abs=0.01)


def test_rare_categories_are_not_named() -> None:
    column = CategoryProfile(12, 0, {"Anna": 1, "pro": 4, "basic": 5, "Jan": 2})
    assert column.shown(5) == {"basic": 5, "(rare)": 7}
    assert column.shown(1) == {"basic": 5, "pro": 4, "Jan": 2, "Anna": 1}


def test_what_was_not_kept_by_name_is_shown_as_others() -> None:
    shown = category(customers(0, 5_000) + ["often"] * 10).shown(5)
    assert sum(shown.values()) == 5_010
    assert set(shown) <= {"often", "(rare)", "(others)"}
