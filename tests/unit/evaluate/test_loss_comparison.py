"""Two models on the same rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.evaluate import compare

DAYS = np.repeat(np.arange(28), 12)


def outcome(gaps: np.ndarray, *, min_gain: float = 0.0) -> str:
    """Outcome when the champion loses 1 on every row and the challenger 1 + gap."""
    return compare(1 + gaps, np.ones(len(gaps)), DAYS[: len(gaps)], min_gain=min_gain, confidence=0.95).outcome


def test_an_interval_on_one_side_of_zero_is_clear_and_one_across_it_is_not() -> None:
    noise = np.random.default_rng(0).normal(scale=0.1, size=DAYS.size)
    noise -= noise.mean()  # standard error about 0.1 / sqrt(336) = 0.005
    assert outcome(noise - 0.05) == "clear_win"
    assert outcome(noise - 0.003) == "borderline"
    assert outcome(noise + 0.003) == "equal"
    assert outcome(noise + 0.05) == "worse"


def test_a_model_against_itself_is_equal() -> None:
    assert outcome(np.zeros(DAYS.size)) == "equal"


def test_a_gain_below_what_is_asked_for_is_borderline() -> None:
    assert outcome(np.full(DAYS.size, -0.02), min_gain=0.01) == "clear_win"
    assert outcome(np.full(DAYS.size, -0.02), min_gain=0.05) == "borderline"


@pytest.mark.parametrize(
    "gaps", [np.array([math.nan, -1, -1]), np.full(336, math.inf), np.array([]), np.full(12, -1.0)]
)
def test_what_cannot_be_judged_is_refused(gaps: np.ndarray) -> None:
    assert outcome(gaps) == "refused"  # a NaN, an infinite loss, no rows, a single day


def test_of_equal_models_at_most_the_promised_share_wins() -> None:
    """Rows share their day's luck; 1 - 0.95 over two sides is 2.5 %, here 10 of 400 (plus two standard errors: 16)."""
    rng, wins = np.random.default_rng(20), 0
    for _ in range(400):
        day_luck = rng.normal(scale=0.1, size=28)[DAYS]
        gaps = day_luck + rng.normal(scale=0.3, size=DAYS.size)
        wins += outcome(gaps) == "clear_win"
    assert wins <= 16


def test_a_better_model_is_found_out() -> None:
    rng, wins = np.random.default_rng(21), 0
    for _ in range(50):
        gaps = rng.normal(scale=0.1, size=28)[DAYS] + rng.normal(scale=0.3, size=DAYS.size) - 0.1
        wins += outcome(gaps) == "clear_win"
    assert wins >= 40  # that days might resemble each other costs some power


def test_of_equal_models_few_win_although_days_resemble_each_other() -> None:
    """The luck of a day is half gone after three; as if days were independent, 89 of 400 equal models would win."""
    rng, wins = np.random.default_rng(22), 0
    for _ in range(400):
        luck = [rng.normal(scale=0.1)]
        for _ in range(27):
            luck.append(0.8 * luck[-1] + 0.06 * rng.normal())
        gaps = np.array(luck)[DAYS] + rng.normal(scale=0.1, size=DAYS.size)
        wins += outcome(gaps) == "clear_win"
    assert wins <= 32  # 28 days say little about how long luck lasts: three times the promised share of 10
