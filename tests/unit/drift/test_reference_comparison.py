"""A night against its reference: quiet nights stay quiet, a change is found and named first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.drift import Leeway, Reference, build_reference
from tasks.errors import DataError
from tasks.profiles import Axis, Ruler, TableProfile, fit_ruler, profile
from tests.unit.drift.comparing import compare

NUMBERS = [f"x{i}" for i in range(14)]
CATEGORIES = {f"c{i}": 3 + 2 * i for i in range(4)}
BOOLEANS = ["b0", "b1"]
POLICY = Leeway(effect=0.1, false_alarms_per_year=4, nights_per_year=365)
NIGHTS = 80
ROWS = 300
START = date(2026, 1, 5)


def quiet_night(rng: np.random.Generator, wobble: float = 0.08) -> pd.DataFrame:
    """Return 20 columns: normal and skewed numbers, categories, booleans, all of which wander from night to night."""
    columns: dict[str, object] = {}
    for i, name in enumerate(NUMBERS):
        draw = rng.normal(size=ROWS) if i % 3 else rng.exponential(size=ROWS)
        columns[name] = 1000 * i + (i + 1) * (draw + wobble * rng.normal() * (i % 2))
    for name, cells in CATEGORIES.items():
        weights = np.arange(1, cells + 1) * np.exp(wobble * rng.normal(size=cells))
        columns[name] = rng.choice([f"k{j}" for j in range(cells)], ROWS, p=weights / weights.sum())
    for name in BOOLEANS:
        columns[name] = rng.random(ROWS) < 0.3 + 0.2 * wobble * rng.normal()
    frame = pd.DataFrame(columns)
    frame.loc[rng.random(ROWS) < 0.05, "x1"] = np.nan
    return frame


@pytest.fixture(scope="module")
def rng() -> np.random.Generator:
    return np.random.default_rng(20261101)


@pytest.fixture(scope="module")
def reference(rng: np.random.Generator) -> Reference:
    periods = [quiet_night(rng) for _ in range(28)]
    ruler = fit_ruler(pd.concat(periods), numbers=NUMBERS, categories=list(CATEGORIES), booleans=BOOLEANS)
    days = [(START + timedelta(days=night)).isoformat() for night in range(28)]
    return build_reference([(day, profile(frame, ruler)) for day, frame in zip(days, periods, strict=True)])


def test_a_quiet_stream_stays_within_its_budget_of_false_alarms(reference: Reference, rng: np.random.Generator) -> None:
    sensitive = Leeway(effect=0.001, false_alarms_per_year=4, nights_per_year=365)
    nights = [profile(quiet_night(rng), reference.total.ruler) for _ in range(NIGHTS)]
    alarms = [one for night in nights for one in compare(reference, night, sensitive).moved if one.strain > 1]
    assert len(alarms) <= 2, alarms  # a third of 4 a year is for single nights: .3 are to be expected


def stepped(frame: pd.DataFrame) -> None:
    frame["x4"] += 0.5 * 5


def refilled(frame: pd.DataFrame) -> None:
    frame["c1"] = frame["c1"].where(np.arange(ROWS) % 3 > 0, "k9")


def emptied(frame: pd.DataFrame) -> None:
    frame["x7"] = frame["x7"].where(np.arange(ROWS) % 4 > 0)


def spread(frame: pd.DataFrame) -> None:
    frame["x8"] = 8000 + 2 * (frame["x8"] - 8000)


def inverted(frame: pd.DataFrame) -> None:
    frame["b1"] = ~frame["b1"]


def thrown(frame: pd.DataFrame) -> None:
    frame.loc[frame.index % 40 == 0, "x2"] *= 1000


@pytest.mark.parametrize(
    ("change", "column", "statistic"),
    [
        (stepped, "x4", "level"),
        (spread, "x8", "shape"),
        (refilled, "c1", "unknown"),
        (inverted, "b1", "shape"),
        (emptied, "x7", "nulls"),
        (thrown, "x2", "outside"),
    ],
)
def test_a_change_of_one_column_is_found_and_named_first(
    reference: Reference, change: Callable[[pd.DataFrame], None], column: str, statistic: str
) -> None:
    frame = quiet_night(np.random.default_rng(17))
    change(frame)
    moved = compare(reference, profile(frame, reference.total.ruler), POLICY).moved
    assert (moved[0].column, moved[0].statistic) == (column, statistic)
    assert moved[0].strain > 1
    assert {one.column for one in moved if one.strain > 1} == {column}


def test_a_handful_of_rows_far_outside_is_found_although_so_few_near_it_are_chance(reference: Reference) -> None:
    def night(distance: float) -> TableProfile:
        frame = quiet_night(np.random.default_rng(23))
        frame.loc[frame.index[:4], "x4"] = 4000 + 5 * distance
        return profile(frame, reference.total.ruler)

    def strain(distance: float) -> float:
        moved = compare(reference, night(distance), POLICY).moved
        return next(one.strain for one in moved if (one.column, one.statistic) == ("x4", "outside"))

    assert strain(6.0) < 1 < strain(600.0)


def test_every_column_is_watched_by_its_statistics(reference: Reference, rng: np.random.Generator) -> None:
    moved = compare(reference, profile(quiet_night(rng), reference.total.ruler), POLICY).moved
    assert {one.statistic for one in moved if one.column == "c0"} == {"shape", "nulls", "unknown"}
    assert {one.statistic for one in moved if one.column == "x0"} == {"level", "shape", "nulls", "outside"}
    assert [one.strain for one in moved] == sorted((one.strain for one in moved), reverse=True)
    assert all(one.distance >= 0 for one in moved)


def test_more_rows_leave_less_to_noise(reference: Reference, rng: np.random.Generator) -> None:
    small = Leeway(effect=0.001, false_alarms_per_year=4, nights_per_year=365)
    night = profile(quiet_night(rng), reference.total.ruler)
    narrow, wide = (
        {one.column: one.leeway for one in compare(reference, w, small).moved if one.statistic == "level"}
        for w in (night + night, night)
    )
    assert all(narrow[name] < wide[name] for name in wide)


def test_a_column_that_lost_every_value_is_an_alarm_of_its_nulls() -> None:
    ruler = Ruler({"x": Axis()})
    full, bare = (
        profile(pd.DataFrame({"x": values}, dtype="float64"), ruler) for values in ([1.0, 2.0] * 50, [None] * 50)
    )
    moved = compare(build_reference([("2026-01-01", full)]), bare, POLICY).moved
    assert [(one.statistic, one.distance) for one in moved if one.strain > 0] == [("nulls", 1.0)]
    assert moved[0].strain > 1


def test_a_weekday_that_is_always_different_is_no_alarm_on_its_day_and_one_on_another() -> None:
    ruler, rng = Ruler({"x": Axis()}), np.random.default_rng(5)

    def night(day: date, shift: float) -> TableProfile:
        return profile(pd.DataFrame({"x": rng.normal(size=400) + shift * (day.weekday() == 6)}), ruler)

    days = [START + timedelta(days=n) for n in range(56)]
    reference = build_reference([(day.isoformat(), night(day, 1.0)) for day in days])
    sunday, monday = START + timedelta(days=62), START + timedelta(days=63)
    sundays = night(sunday, 1.0)
    assert compare(reference, sundays, POLICY, sunday).moved[0].strain < 1
    assert compare(reference, sundays, POLICY, monday).moved[0].strain > 1


def test_a_window_of_another_ruler_is_refused(reference: Reference) -> None:
    with pytest.raises(DataError, match="the ruler of the window is not that of the reference"):
        compare(reference, TableProfile.empty(Ruler({"x": Axis()})), POLICY)


def test_a_window_without_rows_is_refused(reference: Reference) -> None:
    with pytest.raises(DataError, match="no rows; merge it with the days before"):
        compare(reference, TableProfile.empty(reference.total.ruler), POLICY)


def test_a_leeway_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match=r"found \{'effect': 0\}"):
        Leeway(effect=0, false_alarms_per_year=4, nights_per_year=365)


def test_the_budget_is_shared_by_all_statistics_and_nights() -> None:
    assert Leeway(0.1, false_alarms_per_year=10.95, nights_per_year=365).alpha(10) == pytest.approx(0.001)
