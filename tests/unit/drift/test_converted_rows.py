"""Rows in another unit among others are named within days; a population that moves, or moved long ago, is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.decide import Situation
from tasks.decide.recorded_alarms import with_expected_drift
from tasks.drift import Leeway, Reference, build_reference, compare_window, measure_window
from tasks.drift.faults.conversion_cells import DIRECTIONS, ConversionCells, Limits, NewRows
from tasks.drift.faults.converted_rows import NewestDays, converted_rows
from tasks.drift.faults.unit_change import WeightedValues
from tasks.drift.reference_comparison import statistic_count
from tasks.monitor import DriftMonitor, InputDrift, MonitoringInputs, WindowPolicy, view_night
from tasks.profiles import TableProfile, fit_ruler, profile, sum_profiles
from tasks.records import DriftStatistic, NightEntry, Statistic, SuspicionState, Window, subjects

FIRST, LEARNED, WEEK, ROWS, MILE = date(2026, 1, 5), 84, 7, 200, 1.609344
POLICY = Leeway(effect=0.1, false_alarms_per_year=4, nights_per_year=365)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def rows(number: int, share: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Return distances, some of them in kilometres, with shorter ones at weekends, and a price."""
    rng = np.random.default_rng([seed, number])
    shorter = 0.3 * (number % 7 >= 5)
    dist = np.exp(2 - shorter + 0.5 * rng.normal(size=ROWS)) * np.where(rng.random(ROWS) < share, MILE, 1.0)
    return pd.DataFrame({"dist": dist, "price": rng.gamma(3, 200, ROWS)})


@pytest.fixture(scope="module")
def reference() -> Reference:
    frames = [rows(number) for number in range(LEARNED)]
    ruler = fit_ruler(pd.concat(frames), numbers=["dist", "price"], categories=[], booleans=[])
    starts = range(0, LEARNED, WEEK)
    weeks = [pd.concat(frames[start : start + WEEK]) for start in starts]
    return build_reference([(day(n).isoformat(), profile(week, ruler)) for n, week in zip(starts, weeks, strict=True)])


def found(reference: Reference, frames: list[pd.DataFrame]) -> tuple[DriftStatistic, ...]:
    """Return the conversions on the last of some days after the reference."""
    ruler = reference.total.ruler
    accepted = {day(LEARNED + number): profile(frame, ruler) for number, frame in enumerate(frames)}
    days = sorted(accepted)[-WEEK:]
    total: TableProfile = sum_profiles([accepted[each] for each in days])
    measured = measure_window(reference, total, days[0], WEEK)
    alpha = POLICY.alpha(statistic_count(reference.layout))
    moved = compare_window(reference, measured, POLICY.effect, alpha).moved
    newest = NewestDays(accepted, Window(days[0], days[-1], total.rows), WEEK)
    return converted_rows(reference, newest, moved, POLICY.effect, DriftMonitor(reference, POLICY, WEEK).alpha)


def quiet(seed: int = 0) -> list[pd.DataFrame]:
    return [rows(LEARNED + number, seed=seed) for number in range(20)]


@pytest.mark.parametrize("seed", range(8))
def test_a_third_of_the_rows_in_another_unit_is_named_after_four_days(reference: Reference, seed: int) -> None:
    days = [*quiet(seed), *(rows(LEARNED + 20 + number, 1 / 3, seed) for number in range(4))]
    (statistic,) = found(reference, days)
    assert (statistic.column, statistic.statistic) == ("dist", "converted")
    assert statistic.distance == pytest.approx(1 / 3, abs=0.25)
    assert statistic.subject.startswith("dist in some rows as if")


@pytest.mark.parametrize("seed", range(8))
def test_rows_as_before_are_not_converted_although_days_of_a_week_differ(reference: Reference, seed: int) -> None:
    until_friday = [rows(LEARNED + number, seed=seed) for number in range(19)]
    assert found(reference, until_friday) == ()


def test_a_night_names_a_column_with_rows_in_another_unit(reference: Reference) -> None:
    days = [*quiet(), *(rows(LEARNED + 20 + number, 0.25) for number in range(3))]
    ruler = reference.total.ruler
    profiles = {day(LEARNED + number): profile(frame, ruler) for number, frame in enumerate(days)}
    nothing = pd.DataFrame({"event_date": [], "prediction": [], "label": []})
    since = MonitoringInputs(day(LEARNED - 1), profiles, nothing, nothing)
    moved = view_night(DriftMonitor(reference, POLICY, WEEK), since, WindowPolicy(WEEK, 50)).seen.moved
    assert ("dist", "converted") in [(one.column, one.statistic) for one in moved if one.strain > 1]


def test_rows_in_another_unit_are_no_slice(reference: Reference) -> None:
    (some,) = found(reference, [*quiet(), *(rows(LEARNED + 20 + number, 1 / 3) for number in range(4))])
    night = replace(some, distance=2 * some.leeway)
    monitor = DriftMonitor(reference, POLICY, WEEK)
    assert not monitor.symptoms(InputDrift((night,), prediction=9.0), None).inputs_local
    situation = Situation("mine", day(0), window_rows=200, moved=(night,))
    assert situation.slices == ()
    drift = DriftStatistic("dist", Statistic.LEVEL, 9.0, 0.1)
    assert subjects([drift, night])["dist"] == night.subject


def test_an_answer_holds_for_rows_in_another_unit_whichever_factor_fits_them_tonight() -> None:
    moment = datetime.combine(day(1), datetime.min.time(), UTC)
    then, now = (
        DriftStatistic("dist", Statistic.CONVERTED, 0.3, 0.1, direction=1, how=f"in some rows as if {words}")
        for words in ("1.609 x (mile, kilometre; haemoglobin in mmol/L, g/dL)", "2.205 x (kilogram, pound)")
    )
    night = NightEntry(name="n", night=day(1), time=moment, action="hold", reason="", champion=1, moved=(then,))
    state = SuspicionState("shock", ("dist",), day(0), day(0), answer="drift", answered=day(1))
    assert with_expected_drift((now,), [night], [state], 1)[0].leeway == pytest.approx(0.4)


def test_rows_that_came_in_another_unit_for_weeks_are_no_break(reference: Reference) -> None:
    assert found(reference, [rows(LEARNED + number, 0.2) for number in range(28)]) == ()


@pytest.mark.parametrize("fall", [0.8, 1.0, 1.2, 1.4])
def test_the_swing_of_a_column_is_no_excuse_for_converted_values_that_are_not_there(fall: float) -> None:
    # Weeks are a little higher and lower in turn; on the last day all values fall, none of them to a smaller unit.
    rng = np.random.default_rng(0)
    swing = [0.07 * (-1) ** (number // WEEK) for number in range(LEARNED)]
    frames = [pd.DataFrame({"lat": 50 + level + rng.normal(size=ROWS)}) for level in [*swing, *[0.0] * 20, -fall]]
    ruler = fit_ruler(pd.concat(frames[:LEARNED]), numbers=["lat"], categories=[], booleans=[])
    starts = range(0, LEARNED, WEEK)
    weeks = [pd.concat(frames[start : start + WEEK]) for start in starts]
    known = build_reference(
        [(day(start).isoformat(), profile(week, ruler)) for start, week in zip(starts, weeks, strict=True)]
    )
    assert found(known, frames[LEARNED:]) == ()


def test_values_that_lie_beyond_the_others_but_not_where_a_factor_takes_them_are_not_converted(
    reference: Reference,
) -> None:
    later = [rows(LEARNED + 20 + number) for number in range(4)]
    beyond = [frame.assign(dist=frame["dist"].where(frame.index % 3 > 0, frame["dist"] + 25)) for frame in later]
    assert found(reference, [*quiet(), *beyond]) == ()


def test_a_population_that_moves_far_fits_no_share_of_converted_rows(reference: Reference) -> None:
    later = [rows(LEARNED + 20 + number) for number in range(4)]
    assert found(reference, [*quiet(), *(frame.assign(dist=frame["dist"] ** 0.7) for frame in later)]) == ()


@pytest.mark.parametrize("spread", [0.01, 0.02, 1.0])
def test_values_that_all_moved_a_little_are_not_taken_for_some_in_another_unit_however_alike_they_are(
    spread: float,
) -> None:
    def drawn(seed: int, count: int, moved: float = 0.0) -> WeightedValues:
        values = np.exp(3 + spread * (np.random.default_rng(seed).normal(size=count) + moved))
        return WeightedValues(np.sort(values), np.ones(count))

    before, limits = drawn(0, 4000), Limits(0.01, 0.05, 0.05)
    likelier = replace(limits, likelier=20.0)
    moves = [NewRows(drawn(seed, 300, moved), None) for seed in range(1, 20) for moved in (0.15, 0.25, 0.4)]
    cells = ConversionCells.of(before, 300)
    named = [[cells.conversion(DIRECTIONS[0], rows, each) for rows in moves] for each in (limits, likelier)]
    assert any(named[0]), "without the comparison some are"
    assert sum(each is not None for each in named[1]) <= 0.05 * len(moves)
