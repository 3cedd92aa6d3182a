"""A fault is a break: it shows against the newest accepted rows too, and a unit is exact."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.drift import Hints, Reference, RepeatedRows, Suspicion, cannot_be_scored, find_suspicions, is_back
from tasks.drift.faults.unit_change import WeightedValues, exactness
from tasks.profiles import NumberProfile, fit_ruler, profile
from tests.unit.drift.comparing import compare
from tests.unit.drift.test_detect import POLICY, START, night

HOURS = ["hour"]


def with_hours(seed: int, rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng([9, seed])
    return night(seed, rows).assign(hour=np.mod(np.round(rng.normal(13, 4, rows)), 24))


@pytest.fixture(scope="module")
def reference() -> Reference:
    from tasks.drift import build_reference

    frames = [with_hours(seed) for seed in range(28)]
    numbers = ["area", "price", "degrees", "age", "hour"]
    ruler = fit_ruler(pd.concat(frames), numbers=numbers, categories=["plan", "city"], booleans=[])
    days = pd.date_range(START, periods=28).strftime("%Y-%m-%d")
    return build_reference([(day, profile(frame, ruler)) for day, frame in zip(days, frames, strict=True)])


def found(reference: Reference, now: pd.DataFrame, *before: pd.DataFrame) -> list[tuple[str, tuple[str, ...]]]:
    """Return the suspicions about a night after other nights, by kind and columns."""
    ruler = reference.total.ruler
    window, recent = profile(now, ruler), [profile(each, ruler) for each in before]
    hints = Hints(recent=lambda: recent[-1:], seen=lambda: sum(recent[1:], recent[0]))
    suspicions = find_suspicions(reference, window, compare(reference, window, POLICY).moved, POLICY.effect, hints)
    return [(one.kind, one.columns) for one in suspicions]


def miles(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(area=frame["area"] * 1.609344)


def emptier(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(age=frame["age"].where(frame.index % 3 > 0))


def without_pro(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(plan=frame["plan"].replace("pro", "basic"))


def new_town(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(city=frame["city"].where(frame.index % 4 > 0, "town 9"))


@pytest.mark.parametrize(
    ("change", "kind", "column"),
    [(miles, "unit_change", "area"), (emptier, "null_burst", "age"), (new_town, "unclear", "city")],
)
def test_what_was_so_yesterday_is_drift_and_what_was_not_is_a_fault(
    reference: Reference, change: Callable[[pd.DataFrame], pd.DataFrame], kind: str, column: str
) -> None:
    today, yesterday = with_hours(101), with_hours(100)
    assert found(reference, change(today), yesterday) == [(kind, (column,))]
    assert found(reference, change(today), yesterday, change(yesterday)) == []


def test_nulls_hide_neither_a_wrong_unit_nor_one_that_came_after_them(reference: Reference) -> None:
    def without_areas(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(area=frame["area"].where(frame.index % 3 > 0))

    today, yesterday = with_hours(101), with_hours(100)
    unit, nulls = [("unit_change", ("area",))], [("null_burst", ("area",))]
    assert found(reference, without_areas(today), yesterday) == nulls
    assert found(reference, without_areas(miles(today)), yesterday) == unit
    assert found(reference, without_areas(miles(today)), yesterday, without_areas(yesterday)) == unit
    assert found(reference, without_areas(miles(today)), yesterday, miles(yesterday)) == nulls
    assert found(reference, without_areas(today), yesterday, without_areas(yesterday)) == []


@pytest.mark.parametrize(("factor", "flagged"), [(1.609344, 20), (1.5, 0)])
def test_a_unit_that_is_not_new_explains_all_rows_since_it_came(
    reference: Reference, factor: float, flagged: int
) -> None:
    ruler = reference.total.ruler
    days = [
        profile(with_hours(seed).assign(area=lambda frame: frame["area"] * factor), ruler) for seed in range(300, 329)
    ]
    old, since = profile(with_hours(100), ruler), days[:9]
    nights = 0
    for window in days[9:]:
        hints = Hints(recent=lambda: [days[8], old], days=lambda: [old, *since])
        moved = compare(reference, window, POLICY).moved
        nights += bool(find_suspicions(reference, window, moved, POLICY.effect, hints))
    assert nights == flagged


@pytest.mark.parametrize("change", [miles, lambda frame: frame.assign(degrees=1.8 * frame["degrees"] + 32)])
def test_another_unit_of_all_rows_is_named_next_to_a_category_never_met(
    reference: Reference, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    today, yesterday = with_hours(101), with_hours(100)
    [(kind, columns)] = found(reference, change(today), yesterday)
    both = found(reference, change(new_town(today)), yesterday)
    assert sorted(both) == sorted([(kind, columns), ("unclear", ("city",))])


def test_another_unit_is_named_next_to_a_category_that_was_renamed(reference: Reference) -> None:
    renamed = miles(with_hours(101)).assign(plan=lambda frame: frame["plan"].replace("basic", "BASIC"))
    both = found(reference, renamed, with_hours(100))
    assert sorted(both) == [("renamed_category", ("plan",)), ("unit_change", ("area",))]


def test_rows_of_a_new_kind_that_look_like_a_small_factor_are_asked_about_as_a_category(reference: Reference) -> None:
    """Half of 60 rows are of a new town, with areas of 2.7 times the others': as if all were in kilometres."""
    for seed in range(5):
        mixed = with_hours(110 + seed, 60).assign(city=lambda frame: frame["city"].where(frame.index % 2 > 0, "town 9"))
        mixed["area"] *= np.where(mixed["city"] == "town 9", 2.7, 1.0)
        assert found(reference, mixed, with_hours(100)) == [("unclear", ("city",))]


def test_a_category_that_is_gone_for_days_is_drift(reference: Reference) -> None:
    thinned = with_hours(101)
    thinned = thinned[thinned["plan"] != "pro"].reset_index(drop=True)
    before = with_hours(100)
    assert found(reference, thinned, before) == [("missing_slice", ("plan",))]
    assert found(reference, thinned, before[before["plan"] != "pro"].reset_index(drop=True)) == []


@pytest.mark.parametrize("hours", [3, 5, 12])
def test_hours_of_another_zone_are_a_rotation(reference: Reference, hours: int) -> None:
    moved = with_hours(101).assign(hour=lambda frame: np.mod(frame["hour"] + hours, 24))
    assert found(reference, moved, with_hours(100)) == [("rotation", ("hour",))]


def test_hours_are_rotated_although_the_few_rows_of_yesterday_do_not_show_by_how_much(reference: Reference) -> None:
    moved = with_hours(101).assign(hour=lambda frame: np.mod(frame["hour"] + 5, 24))
    for yesterday in range(200, 230):
        assert found(reference, moved, with_hours(yesterday, 25)) == [("rotation", ("hour",))]
    assert found(reference, moved, with_hours(100), moved) == []  # the newest rows are


@pytest.mark.parametrize(("hours", "waits"), [(1, False), (8, True), (12, True)])
def test_rows_wait_where_most_of_them_have_an_hour_that_they_did_not_have_before(
    reference: Reference, hours: int, waits: bool
) -> None:
    ruler = reference.total.ruler
    before, now = (profile(frame, ruler) for frame in (with_hours(100, 4_000), with_hours(101, 4_000)))
    turned = with_hours(101, 4_000).assign(hour=lambda frame: np.mod(frame["hour"] + hours, 24))
    window = profile(turned, ruler)
    past = compare(reference, window, POLICY).moved
    suspicions = find_suspicions(reference, window, past, POLICY.effect, Hints(recent=lambda: [before, now]))
    assert [(one.kind, cannot_be_scored(one)) for one in suspicions] == [("rotation", waits)]


def test_hours_that_other_people_keep_are_no_rotation(reference: Reference) -> None:
    rng = np.random.default_rng(1)
    later = with_hours(101).assign(hour=np.mod(np.round(rng.normal(17, 2, 400)), 24))
    assert found(reference, later, with_hours(100)) == []


def test_a_sign_that_is_turned_is_a_unit(reference: Reference) -> None:
    turned = with_hours(101).assign(degrees=lambda frame: -frame["degrees"])
    assert found(reference, turned, with_hours(100)) == [("unit_change", ("degrees",))]


@given(st.floats(0.3, 3.0), st.integers(50, 5_000))
def test_a_unit_is_called_exact_only_where_the_mean_is_within_few_standard_errors_of_it(
    factor: float, rows: int
) -> None:
    values = np.exp(np.linspace(-1.5, 1.5, 200))
    before = WeightedValues(values, np.full(200, 1e4))
    now = WeightedValues(values * factor, np.full(200, rows / 200))
    miss = abs(now.mean() - 1.609344 * before.mean()) / (1.609344 * before.spread() / np.sqrt(rows))
    if miss < 2:
        assert exactness(before, now, 1.609344) > 0
    elif miss > 5:
        assert exactness(before, now, 1.609344) < 0


def test_few_repeated_rows_are_a_fault_where_there_were_none(reference: Reference) -> None:
    window = profile(with_hours(101), reference.total.ruler)

    def seen(repeated: float, before: float, rows: int = 400) -> tuple[Suspicion, ...]:
        return find_suspicions(reference, window, (), POLICY.effect, Hints(RepeatedRows(repeated, rows), before))

    assert [one.kind for one in seen(0.05, 0.0)] == ["duplicated_rows"]
    assert seen(0.0025, 0.0) == ()  # one row in 400
    assert seen(0.05, 0.02) == ()  # there were some
    assert seen(0.05, 0.0, rows=60) == ()  # three rows of a smaller delivery than the window


AREA = fit_ruler(pd.DataFrame({"area": night(0)["area"]}), numbers=["area"], categories=[], booleans=[])


def column(values: np.ndarray) -> NumberProfile:
    found = profile(pd.DataFrame({"area": values}), AREA).columns["area"]
    assert isinstance(found, NumberProfile)
    return found


@settings(deadline=None)
@given(st.integers(0, 1_000), st.sampled_from([0.5, 1.0]))
def test_rows_are_back_only_when_they_continue_the_good_ones(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)

    def area(rows: int, part: float) -> NumberProfile:
        return column(rng.lognormal(4, 0.5, rows) * np.where(rng.random(rows) < part, 2.54, 1.0))

    good, bad = area(2_000, 0.0), area(600, share)
    assert is_back(good, bad, area(600, 0.0))
    assert not is_back(good, bad, area(600, share))
