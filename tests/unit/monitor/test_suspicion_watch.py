"""A suspicion ends when the newest rows continue those before it, and not sooner."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.drift import Suspicion
from tasks.monitor.suspicion_watch import DailyRows, ended, still_broken
from tasks.profiles import Ruler, TableProfile, fit_ruler, profile
from tasks.records import SuspicionState, Window

FIRST, ROWS = date(2026, 1, 5), 200


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def rows(number: int, factor: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng([3, number])
    return pd.DataFrame({"dist": np.exp(2 + 0.5 * rng.normal(size=ROWS)) * factor})


@pytest.fixture(scope="module")
def ruler() -> Ruler:
    return fit_ruler(pd.concat([rows(n) for n in range(20)]), numbers=["dist"], categories=[], booleans=[])


def daily(ruler: Ruler, states: tuple[SuspicionState, ...], factors: dict[int, float], quarantined: bool) -> DailyRows:
    """Return ten good days and the days with factors, those with another factor than 1 quarantined or accepted."""
    made = {day(n): profile(rows(n, factors.get(n, 1.0)), ruler) for n in range(10 + len(factors))}
    apart = {day(n) for n, factor in factors.items() if quarantined and factor != 1}
    accepted = {when: each for when, each in made.items() if when not in apart}
    return DailyRows(accepted, {when: each for when, each in made.items() if when in apart}, states)


def state(quarantined: bool) -> SuspicionState:
    return SuspicionState("unit_change", ("dist",), day(10), day(10), quarantined=quarantined)


def reference(ruler: Ruler) -> TableProfile:
    return profile(pd.concat([rows(n) for n in range(100, 120)]), ruler)


@pytest.mark.parametrize("number", range(11, 31))
def test_a_delivery_in_the_wrong_unit_stays_broken_on_every_night(ruler: Ruler, number: int) -> None:
    known = daily(ruler, (state(quarantined=True),), {10: 1.609344}, quarantined=True)
    now = profile(rows(number, 1.609344), ruler)
    found = list(still_broken(now, day(number), known, reference(ruler)))
    assert [(one.kind, one.columns) for one in found] == [("unit_change", ("dist",))]
    assert list(still_broken(profile(rows(number), ruler), day(number), known, reference(ruler))) == []


@pytest.mark.parametrize("quarantined", [True, False])
def test_a_suspicion_ends_with_the_first_day_that_is_as_before(ruler: Ruler, quarantined: bool) -> None:
    one, table = state(quarantined), reference(ruler)
    broken = daily(ruler, (one,), {10: 1.6, 11: 1.6}, quarantined)
    newest = max(broken.accepted)
    assert ended(broken, table, (), Window(newest, newest, ROWS), arrived=True) == {}
    mended = daily(ruler, (one,), {10: 1.6, 11: 1.6, 12: 1.0}, quarantined)
    assert ended(mended, table, (), Window(day(12), day(12), ROWS), arrived=True) == {one.name: day(11)}


def test_columns_that_the_champion_does_not_use_are_no_reason_to_wait_and_no_sign_of_an_end(ruler: Ruler) -> None:
    with_another = SuspicionState("swapped_columns", ("dist", "width"), day(10), day(10), quarantined=True)
    alone = SuspicionState("stuck", ("width",), day(10), day(10), quarantined=True)
    known, table = daily(ruler, (with_another, alone), {10: 1.6, 11: 1.6}, quarantined=True), reference(ruler)
    broken, mended = (profile(rows(11, factor), ruler) for factor in (1.6, 1.0))
    assert [one.columns for one in still_broken(broken, day(11), known, table)] == [("dist", "width")]
    assert list(still_broken(mended, day(11), known, table)) == []
    later = daily(ruler, (with_another, alone), {10: 1.6, 11: 1.6, 12: 1.0}, quarantined=True)
    assert set(ended(later, table, (), Window(day(12), day(12), ROWS), arrived=True)) == {with_another.name}


def test_suspicions_of_rows_end_with_a_delivery_without_them_and_not_on_an_empty_night(ruler: Ruler) -> None:
    short, again = (SuspicionState(kind, (), day(10), day(10)) for kind in ("truncated", "duplicated_rows"))
    known = daily(ruler, (short, again), {10: 1.0, 11: 1.0}, quarantined=False)
    window, table = Window(day(11), day(11), ROWS), reference(ruler)
    assert ended(known, table, (), window, arrived=False) == {}
    assert set(ended(known, table, (), window, arrived=True)) == {short.name, again.name}
    repeated = Suspicion("duplicated_rows", (), "5 %")
    assert set(ended(known, table, (repeated,), window, arrived=True)) == {short.name}


def test_new_rows_are_compared_with_as_many_of_the_newest_days_as_they_have_rows(ruler: Ruler) -> None:
    known = daily(ruler, (), {}, quarantined=False)
    few, many = known.before(day(5), ROWS), known.before(day(5), ROWS + 1)
    assert (few.rows if few else 0, many.rows if many else 0) == (ROWS, 2 * ROWS)
    assert known.before(day(0), ROWS) is None
