"""A window against its reference: quiet nights stay quiet, a step is found and named first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tasks.drift import Leeway, Reference, compare, creep, reference_of, standard_shift
from tasks.errors import DataError
from tasks.profiles import Axis, Ruler, TableProfile, fit_ruler, profile

NUMBERS = [f"x{i}" for i in range(14)]
CATEGORIES = {f"c{i}": 3 + 2 * i for i in range(4)}
BOOLEANS = ["b0", "b1"]
POLICY = Leeway(effect=0.1, false_alarms_per_year=4, nights_per_year=365)
NIGHTS = 200
ROWS = 300
START = np.datetime64("2026-01-01")


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
    periods = [quiet_night(rng) for _ in range(25)]
    ruler = fit_ruler(pd.concat(periods), numbers=NUMBERS, categories=list(CATEGORIES), booleans=BOOLEANS)
    return reference_of([(str(START + night), profile(frame, ruler)) for night, frame in enumerate(periods)])


def test_a_quiet_stream_stays_within_its_budget_of_false_alarms(reference: Reference, rng: np.random.Generator) -> None:
    sensitive = Leeway(effect=0.001, false_alarms_per_year=4, nights_per_year=365)
    nights = [profile(quiet_night(rng), reference.total.ruler) for _ in range(NIGHTS)]
    alarms = [one for night in nights for one in compare(reference, night, sensitive) if one.strain > 1]
    assert len(alarms) <= 4 * NIGHTS / 365 + 2, alarms


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


@pytest.mark.parametrize(
    ("change", "column", "statistic"),
    [
        (stepped, "x4", "wasserstein"),
        (spread, "x8", "wasserstein"),
        (refilled, "c1", "total_variation"),
        (inverted, "b1", "total_variation"),
        (emptied, "x7", "null_share"),
    ],
)
def test_a_change_of_one_column_is_found_and_named_first(
    reference: Reference, change: Callable[[pd.DataFrame], None], column: str, statistic: str
) -> None:
    frame = quiet_night(np.random.default_rng(17))
    change(frame)
    moved = compare(reference, profile(frame, reference.total.ruler), POLICY)
    assert (moved[0].column, moved[0].statistic) == (column, statistic)
    assert moved[0].strain > 1
    assert [one for one in moved[1:] if one.strain > 1] == []


def test_a_step_in_a_column_that_wanders_is_always_first_mostly_an_alarm_and_soon_creep(reference: Reference) -> None:
    # x5 wanders by .08 sd a night, which with 300 rows of noise makes its leeway almost the whole step of .5 sd
    nights = []
    for seed in range(20):
        frame = quiet_night(np.random.default_rng(seed))
        frame["x5"] += 0.5 * 6
        nights.append(profile(frame, reference.total.ruler))
    first = [compare(reference, night, POLICY)[0] for night in nights]
    assert {one.column for one in first} == {"x5"}
    assert sum(one.strain > 1 for one in first) >= 8
    shifts = [standard_shift(reference, night, "x5") for night in nights[:6]]
    assert creep(shifts, run_length_nights=365 * 14 / 4, reference_periods=25)


def test_every_column_is_watched_by_its_statistic_and_its_nulls(reference: Reference) -> None:
    moved = compare(reference, reference.periods[0][1], POLICY)
    assert len(moved) == 2 * 20
    assert {one.statistic for one in moved if one.column == "c0"} == {"total_variation", "null_share"}
    assert all(one.leeway >= POLICY.effect for one in moved)
    assert [one.strain for one in moved] == sorted((one.strain for one in moved), reverse=True)


def test_more_rows_leave_less_to_noise(reference: Reference, rng: np.random.Generator) -> None:
    small = Leeway(effect=0.001, false_alarms_per_year=4, nights_per_year=365)
    night = profile(quiet_night(rng), reference.total.ruler)
    narrow, wide = ({one.column: one.leeway for one in compare(reference, w, small)} for w in (night + night, night))
    assert all(narrow[name] <= wide[name] for name in wide)


def test_a_column_that_lost_every_value_is_an_alarm_of_its_nulls() -> None:
    ruler = Ruler({"x": Axis()})
    full, bare = (profile(pd.DataFrame({"x": values}, dtype="float64"), ruler) for values in ([1.0, 2.0], [None, None]))
    moved = compare(reference_of([("2026-01-01", full)]), bare, POLICY)
    assert [(one.statistic, one.distance) for one in moved] == [("null_share", 1.0), ("wasserstein", 0.0)]


def test_a_window_of_another_ruler_is_refused(reference: Reference) -> None:
    with pytest.raises(DataError, match="ruler is not the reference's"):
        compare(reference, TableProfile.empty(Ruler({"x": Axis()})), POLICY)


def test_a_window_without_rows_is_refused(reference: Reference) -> None:
    with pytest.raises(DataError, match="no rows; merge it with the days before"):
        compare(reference, TableProfile.empty(reference.total.ruler), POLICY)


def test_a_leeway_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match=r"\{'effect': 0\} was found"):
        Leeway(effect=0, false_alarms_per_year=4, nights_per_year=365)


def test_the_budget_is_shared_by_all_statistics_and_nights() -> None:
    assert Leeway(0.1, false_alarms_per_year=3.65, nights_per_year=365).alpha(10) == pytest.approx(0.001)
