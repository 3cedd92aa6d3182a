"""Evidence that a mean is above its target: of bets that begin on each day, so that a late rise is found too."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.statistics import evidence_above

LIMIT = math.log(1 / 0.05)


def test_evidence_is_the_mean_over_bets_that_begin_on_each_day() -> None:
    """Two days with a row each: bets of day 1 (1/2) win both, bets of day 2 (1/6) one, 1/3 has not begun."""
    gains = np.array([15 / 16, *(0.5**power for power in range(1, 8))])
    wanted = 0.5 * ((1 + gains) ** 2).mean() + (1 + gains).mean() / 6 + 1 / 3
    assert math.exp(evidence_above(np.array([2.0, 2.0]), np.array([1, 2]), target=1.0)) == pytest.approx(wanted)


def test_an_error_that_was_half_its_target_for_100_days_is_found_soon_after_it_has_grown() -> None:
    rng, rows, delays = np.random.default_rng(9), 20, []
    days = np.repeat(np.arange(1, 131), rows)
    for _ in range(10):
        values = np.concatenate([rng.random(100 * rows) < 0.025, rng.random(30 * rows) < 0.25]).astype(np.float64)
        found = (n for n in range(101, 131) if evidence_above(values[: n * rows], days[: n * rows], 0.05) >= LIMIT)
        delays.append((next(found) - 100) * rows)
    assert max(delays) <= 300


def test_an_error_at_its_target_passes_the_limit_rarely_though_days_differ() -> None:
    """Rows of a bad day are wrong together: day rates of Beta(2, 38), with a mean of .05 and a deviation of .034."""
    rng, rows, passed, runs = np.random.default_rng(10), 50, 0, 100
    days = np.repeat(np.arange(1, 181), rows)
    for _ in range(runs):
        values = (rng.random(len(days)) < np.repeat(rng.beta(2, 38, 180), rows)).astype(np.float64)
        looks = range(6, 181, 6)
        passed += any(evidence_above(values[: n * rows], days[: n * rows], 0.05) >= LIMIT for n in looks)
    assert passed / runs <= 0.05
