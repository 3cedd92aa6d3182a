"""The calibration error of a calibrated model is above 0 by chance, and its interval knows that."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.metrics import AnsweredRows, Comparing, compared_metrics, measured_metrics
from tasks.metrics.class_scores import calibration_error, calibration_parts
from tests.unit.metrics.test_metrics_with_intervals import measuring

DAYS, ROWS, DRAWS = 28, 500, 40
LISTED = {"use": "calibration_error"}


def answered(seed: int, *, too_high: float = 0.0) -> AnsweredRows:
    """Rows of a model with probabilities from .1 to .8 that are right, or too high by a difference."""
    rng = np.random.default_rng([5, seed])
    share = rng.uniform(0.1, 0.8, ROWS)
    truth = (rng.uniform(size=ROWS) < share).astype(float)
    return AnsweredRows.decided(truth, share + too_high, rng.integers(0, DAYS, ROWS))


@pytest.mark.parametrize("too_high", [0.0, 0.02, 0.1])
def test_the_interval_holds_the_true_error_of_calibrated_and_other_models(too_high: float) -> None:
    """All probabilities are too high by the same: so is each bin, and the error of all is that."""
    held = 0
    for seed in range(DRAWS):
        (found,) = measured_metrics(answered(seed, too_high=too_high), measuring(LISTED))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= too_high <= found.high
    assert held >= 0.9 * DRAWS


def test_a_model_that_is_far_off_has_an_interval_above_zero() -> None:
    (found,) = measured_metrics(answered(1, too_high=0.2), measuring(LISTED))
    assert (found.low or 0.0) > 0.1


def test_a_difference_of_two_models_is_held_on_either_side() -> None:
    (same,) = compared_metrics(Comparing(answered(1), answered(1)), measuring(LISTED))
    assert same.difference == 0.0
    assert (same.difference_low or 0.0) < 0 < (same.difference_high or 0.0)
    (found,) = compared_metrics(Comparing(answered(1, too_high=0.2), answered(1)), measuring(LISTED))
    assert (found.difference_low or 0.0) > 0.05
    (turned,) = compared_metrics(Comparing(answered(1), answered(1, too_high=0.2)), measuring(LISTED))
    assert turned.difference_low == pytest.approx(-(found.difference_high or math.nan))


def test_the_parts_add_up_to_the_error_and_have_at_least_the_variance_of_their_probabilities() -> None:
    rows = AnsweredRows.decided([0, 0, 1, 1], [0.25, 0.25, 0.25, 1.0])
    parts = calibration_parts(rows)
    assert parts.signed.tolist() == [0, 0, 0.0625, 0, 0, 0, 0, 0, 0, 0]  # (1 - 3 x .25) / 4
    assert calibration_error(rows) == 0.0625
    assert parts.least_variance[2] == pytest.approx(3 * 0.25 * 0.75 / 16)
    assert math.isnan(calibration_error(AnsweredRows.decided([], [])))
