"""Bounds of a share, and of a mean of values from 0 to 1."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics import mean_margin, share_upper


@pytest.mark.parametrize("share", [0.01, 0.2])
def test_a_share_is_above_its_upper_bound_in_at_most_one_sample_of_a_hundred(share: float) -> None:
    counts = np.random.default_rng(0).binomial(300, share, size=4000)
    missed = np.mean([share > share_upper(int(count), 300, confidence=0.99) for count in counts])
    assert missed <= 0.015


@pytest.mark.parametrize("power", [1, 8])
def test_a_mean_is_within_its_margin_in_all_but_a_few_samples(power: int) -> None:
    samples = np.random.default_rng(1).random((1000, 300)) ** power
    beyond = [abs(values.mean() - 1 / (power + 1)) > mean_margin(values, confidence=0.99) for values in samples]
    assert np.mean(beyond) <= 0.02


def test_a_single_value_says_nothing() -> None:
    assert mean_margin(np.array([0.3]), confidence=0.99) == 1.0
