"""Columns of more categories than a profile keeps by name are judged as any other."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.drift import Leeway, Reference, build_reference, find_suspicions
from tasks.drift.measures.category_cells import category_cells, comparable_categories, most_rows
from tasks.profiles import CategoryProfile, Ruler, profile
from tests.unit.drift.comparing import compare

POLICY, START = Leeway(effect=0.1, false_alarms_per_year=4, nights_per_year=365), date(2026, 1, 5)
RULER = Ruler(numbers={}, categories=("shop",))
NAMES = np.array([f"shop {n}" for n in range(12_000)])
WEIGHTS = 1 / np.arange(1, 12_001) ** 0.7
WEIGHTS[0] *= 60
WEIGHTS /= WEIGHTS.sum()


def night(seed: int, rows: int = 2_000) -> pd.DataFrame:
    return pd.DataFrame({"shop": np.random.default_rng(seed).choice(NAMES, rows, p=WEIGHTS)})


@pytest.fixture(scope="module")
def reference() -> Reference:
    days = [(START + timedelta(days=n)).isoformat() for n in range(40)]
    found = build_reference([(day, profile(night(seed), RULER)) for seed, day in enumerate(days)])
    assert found.total.columns["shop"].rest  # type: ignore[union-attr]  # it is a category column
    return found


def strains(reference: Reference, frame: pd.DataFrame) -> dict[str, float]:
    found = compare(reference, profile(frame, RULER), POLICY, START + timedelta(days=45))
    return {one.statistic: one.strain for one in found.moved}


@pytest.mark.parametrize("rows", [300, 2_000, 20_000])
def test_categories_that_were_met_but_not_kept_by_name_are_not_unknown(reference: Reference, rows: int) -> None:
    assert max(strains(reference, night(99, rows)).values()) < 1


def test_categories_never_met_are_still_found(reference: Reference) -> None:
    frame = night(99)
    frame.loc[:499, "shop"] = [f"stall {n}" for n in range(500)]
    assert strains(reference, frame)["unknown"] > 1


def test_a_frequent_category_that_grows_is_still_found(reference: Reference) -> None:
    frame = night(99)
    frame.loc[:799, "shop"] = NAMES[0]
    assert strains(reference, frame)["shape"] > 1


def test_a_category_is_not_called_renamed_or_gone_because_its_name_was_not_kept(reference: Reference) -> None:
    window = profile(night(99, 20_000), RULER)
    past = compare(reference, window, POLICY, START + timedelta(days=45)).moved
    loud = [type(one)(one.column, one.statistic, 2.0, 1.0) for one in past]
    assert [each.kind for each in find_suspicions(reference, window, loud, POLICY.effect)] == ["unclear"]


def test_a_column_that_suddenly_has_thousands_of_categories_is_unknown_in_all_but_the_old_ones() -> None:
    known = category_cells(CategoryProfile(100, 0, {"a": 60, "b": 40}))
    names = [*np.repeat(["a", "b"], [600, 400]), *(f"id {n}" for n in range(9_000))]
    column = profile(pd.DataFrame({"shop": names}), RULER).columns["shop"]
    assert isinstance(column, CategoryProfile)
    assert column.rest
    cells, unknown, rows = known.sums(column)
    assert rows == cells.sum() == 10_000
    assert unknown == pytest.approx(9_000, abs=30)  # those that share the bucket of an old one count as its own
    assert most_rows(column, "a") >= 600


def test_two_columns_are_compared_over_the_names_both_would_have_kept(reference: Reference) -> None:
    before = reference.total.columns["shop"]
    now = profile(night(99), RULER).columns["shop"]
    assert isinstance(before, CategoryProfile)
    assert isinstance(now, CategoryProfile)
    first, second = comparable_categories(before, now)
    assert set(second.counts) <= set(now.counts)
    assert first.counts == before.counts
    assert 0 < second.present < now.present
    assert comparable_categories(now, now) == (now, now)
