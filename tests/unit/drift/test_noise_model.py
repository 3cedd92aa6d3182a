"""What is normal: noise, swing, weekdays and seasons, learnt from the reference's own periods."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.drift import NoiseModel, ScoreMoments, fit_noise_model
from tasks.drift.faults.rare_values import rare_strain
from tasks.drift.seasonality import SeasonalPattern, fit_patterns

START = date(2026, 1, 5)
FEATURES = 60


def learnt(means: np.ndarray, rows: int, step_days: int = 1) -> NoiseModel:
    """Return what is normal for features that are means of `rows` standard normal scores."""
    nothing = np.zeros(means.shape[1])
    row = ScoreMoments(nothing, nothing + 1, nothing, nothing)
    days = [START + timedelta(days=step_days * n) for n in range(len(means))]
    return fit_noise_model(days, means * rows, np.full(means.shape, float(rows)), row)


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
    assert np.median(calm.lasting) == 1
    assert np.median(restless.degrees) < np.median(calm.degrees)


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
