"""What is normal: noise, swing, weekdays and seasons, learnt from the reference's own periods."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.drift import NoiseModel, ScoreMoments, fit_noise_model, new_charts
from tasks.drift.cusum import threshold
from tasks.drift.faults.rare_values import rare_strain
from tasks.drift.noise_model import resemblance_of_blocks
from tasks.drift.seasonality import SeasonalPattern, fit_patterns

START = date(2026, 1, 5)
FEATURES = 60


def learnt(means: np.ndarray, rows: int, step_days: int = 1, resemblance: np.ndarray | float = 0.0) -> NoiseModel:
    """Return what is normal for features that are means of `rows` standard normal scores."""
    nothing = np.zeros(means.shape[1])
    row = ScoreMoments(nothing, nothing + 1, nothing, nothing)
    days = [START + timedelta(days=step_days * n) for n in range(len(means))]
    return fit_noise_model(days, means * rows, np.full(means.shape, float(rows)), row, resemblance=resemblance)


@pytest.mark.parametrize("swing", [0.0, 0.1, 0.4])
def test_the_swing_is_what_periods_show_beyond_noise(swing: float) -> None:
    rng = np.random.default_rng(1)
    means = rng.normal(size=(60, FEATURES)) * np.hypot(swing, 1 / np.sqrt(200))
    assert np.median(learnt(means, 200).swing) == pytest.approx(swing, abs=0.02)


@pytest.mark.parametrize("swing", [0.0, 0.2])
def test_unchanged_nights_pass_their_leeway_as_often_as_they_may(swing: float) -> None:
    rng = np.random.default_rng(2)
    known = learnt(rng.normal(size=(40, FEATURES)) * np.hypot(swing, 0.1), 100)
    alarms = 0
    for night in range(400):
        means = rng.normal(size=FEATURES) * np.hypot(swing, 0.1)
        found = known.shift(means * 100, np.full(FEATURES, 100.0), START + timedelta(days=50 + night))
        alarms += int((np.abs(found.shift) > known.leeway(found, 0.01)).sum())
    assert 0.003 < alarms / (400 * FEATURES) < 0.013


def test_periods_that_resemble_their_neighbours_say_less() -> None:
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(size=(80, FEATURES)), axis=0) * 0.2
    restless, calm = learnt(walk, 1000), learnt(rng.permutation(walk), 1000)
    assert np.median(restless.lasting) > 5
    assert np.median(calm.lasting) < 1.2
    assert np.median(restless.degrees) < np.median(calm.degrees)


def wandering(seed: int, weeks: int, features: int) -> np.ndarray:
    """Return levels with a standard deviation of a half, nine tenths of each of which are that of the day before."""
    rng, levels = np.random.default_rng(seed), np.zeros((weeks * 7, features))
    levels[0] = rng.normal(size=features) / 2
    for day in range(1, len(levels)):
        levels[day] = 0.9 * levels[day - 1] + np.sqrt(1 - 0.9**2) / 2 * rng.normal(size=features)
    return levels


def test_few_weeks_of_days_that_resemble_each_other_show_how_much_they_do() -> None:
    # A correlation of .9 from day to day is one of .63 from week to week; 16 weeks give .42 without a correction.
    levels = wandering(5, 16, 400)
    by_day = resemblance_of_blocks(learnt(levels, 200), 7)
    assert np.median(by_day) == pytest.approx(0.63, abs=0.05)
    assert np.quantile(by_day, 0.05) > 0.35
    lasting = learnt(levels.reshape(16, 7, 400).mean(axis=1), 1400).lasting
    assert np.median((lasting - 1) / (lasting + 1)) > 0.5


def test_a_level_that_wanders_creeps_seldom() -> None:
    # Sixteen weeks of reference, seventeen of nights, and charts that alarm once in 3,000 looks.
    rng, weeks, alarms, columns = np.random.default_rng(6), 16 + 17, 0, 21
    for level in wandering(6, weeks, 100).T:  # each of them next to twenty columns that do not wander
        quiet = rng.normal(size=(weeks * 7, columns - 1)) / np.sqrt(200)
        means = np.column_stack([level, quiet])
        by_week = means.reshape(weeks, 7, columns).mean(axis=1)
        by_day = resemblance_of_blocks(learnt(means[: 16 * 7], 200), 7)
        known, charts = learnt(by_week[:16], 1400, 7, by_day), new_charts(np.full(columns, threshold(3000)))
        for week in range(16, weeks):
            shift = known.shift(by_week[week] * 1400, np.full(columns, 1400.0), START + timedelta(days=7 * week))
            unit = known.unit(shift)
            charts = charts.after(shift.shift / unit, shift.doubt / unit)
            alarms += int(charts.crept[:, 0].any())
    assert alarms <= 3  # without resemblance there are more than twenty


def test_a_weekday_is_taken_where_the_reference_shows_one() -> None:
    rng = np.random.default_rng(4)
    means = rng.normal(size=(56, 2)) * 0.05
    means[:, 1] += np.arange(56) % 7 == 6
    days = [START + timedelta(days=n) for n in range(56)]
    found, chosen = fit_patterns(days, means, np.full(56, 100.0))
    assert [found[place].pattern for place in chosen] == [SeasonalPattern(), SeasonalPattern(weekday=True)]
    assert found[chosen[1]].expected(date(2026, 4, 5))[1] == pytest.approx(1.0, abs=0.1)  # a Sunday


def test_a_season_is_taken_from_a_year_and_not_from_half_of_one() -> None:
    weeks = np.arange(52)
    means = np.sin(2 * np.pi * weeks / 52)[:, None] + np.random.default_rng(5).normal(size=(52, 1)) * 0.1
    days = [START + timedelta(days=7 * int(n)) for n in weeks]
    whole, chosen = fit_patterns(days, means, np.full(52, 100.0))
    assert whole[chosen[0]].pattern == SeasonalPattern(year=True)
    assert whole[chosen[0]].expected(START + timedelta(days=364 + 91))[0] == pytest.approx(1.0, abs=0.15)
    half, _ = fit_patterns(days[:26], means[:26], np.full(26, 100.0))
    assert [each.pattern for each in half] == [SeasonalPattern()]


def test_one_period_knows_noise_and_no_swing() -> None:
    known = learnt(np.zeros((1, 3)), 100)
    assert known.swing.tolist() == [0.0, 0.0, 0.0]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 50), st.integers(50, 500), st.integers(0, 20), st.floats(1e-6, 0.1))
def test_more_rare_rows_are_never_less_suspicious(seen: int, rows: int, before: int, alpha: float) -> None:
    many, old, known = np.array([float(rows)]), np.array([before + 0.5]), np.array([1000.0])
    strains = [float(rare_strain(np.array([float(n)]), many, old, known, alpha)[0]) for n in (seen, seen + 1)]
    assert 0 <= strains[0] <= strains[1]
