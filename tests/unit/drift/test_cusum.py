"""Creep: found when it adds up, not when one night is loud."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.drift import CusumCharts, new_charts
from tasks.drift.cusum import threshold
from tasks.errors import DataError


def after(history: list[float], height: float = 5.8, doubt: float = 0.0, least: float = 0.0) -> list[CusumCharts]:
    charts, found = new_charts(np.array([height])), []
    for z in history:
        charts = charts.after(np.array([z]), np.array([doubt]), np.array([least]))
        found.append(charts)
    return found


def creeps(history: list[float], height: float = 5.8, doubt: float = 0.0, least: float = 0.0) -> int | None:
    """Return the night of the first alarm, counted from 1."""
    alarms = (night for night, charts in enumerate(after(history, height, doubt, least), start=1) if charts.crept.any())
    return next(alarms, None)


@pytest.mark.parametrize(("h", "run_length"), [(4.0, 168.0), (5.0, 465.0)])
def test_the_threshold_agrees_with_the_tables(h: float, run_length: float) -> None:
    # Montgomery, Statistical Quality Control, table 9.3 (k = 1/2)
    assert threshold(run_length) == pytest.approx(h, abs=0.02)


def test_false_alarms_are_as_far_apart_as_was_asked() -> None:
    rng = np.random.default_rng(8)
    charts, alarms = new_charts(np.full(300, threshold(100))), 0
    for _ in range(400):
        charts = charts.after(rng.normal(size=300), np.zeros(300))
        alarms += int(charts.crept.any(axis=0).sum())
    assert 300 * 400 / alarms == pytest.approx(100, rel=0.2)


def test_one_a_night_climbs_by_a_half() -> None:
    assert creeps([1.0] * 20) == 12  # 12 * .5 = 6 > 5.8


def test_what_is_expected_with_doubt_must_move_further() -> None:
    assert creeps([1.0] * 30, doubt=0.2) == 20  # 20 * .3 = 6


def test_what_does_not_matter_is_no_alarm_and_is_not_forgotten() -> None:
    assert creeps([1.0] * 30, least=1.5) is None
    assert creeps([1.0] * 12 + [4.0] * 20, least=1.5) is not None


def test_one_loud_night_is_no_creep() -> None:
    assert creeps([0.0] * 20 + [50.0]) is None


def test_a_shift_that_went_away_is_forgotten() -> None:
    assert creeps([2.0] * 3 + [0.0] * 60 + [2.0] * 3) is None


def test_a_night_without_a_value_changes_nothing() -> None:
    first, second = after([2.0, math.nan])
    assert second.climbs.tolist() == first.climbs.tolist()


def test_after_an_alarm_a_chart_starts_again() -> None:
    alarms = [bool(charts.crept.any()) for charts in after([1.0] * 24)]
    assert [night for night, alarm in enumerate(alarms, start=1) if alarm] == [12, 24]


def test_downwards_is_the_lower_side() -> None:
    last = after([-1.0] * 12)[-1]
    assert last.crept[0].tolist() == [0.0]
    assert last.crept[1, 0] == pytest.approx(1.0)  # 6 / 12 + .5


@pytest.mark.parametrize("run_length", [1.0, 0.0, math.inf, math.nan])
def test_a_run_length_that_is_none_is_refused(run_length: float) -> None:
    with pytest.raises(DataError, match="expected more than 1"):
        threshold(run_length)
