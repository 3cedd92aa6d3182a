"""Losses and residuals of rows."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from tasks.spec.project_spec import BINARY_METRICS, Metric
from tasks.statistics import LOSSES, RESIDUALS


def test_every_metric_a_spec_may_name_has_a_loss_and_a_residual() -> None:
    assert set(LOSSES) == set(RESIDUALS) == set(get_args(Metric))


@pytest.mark.parametrize("metric", LOSSES)
def test_what_is_not_a_number_is_never_a_good_score(metric: str) -> None:
    unknown = float("nan")
    for table in (LOSSES, RESIDUALS):
        assert np.isnan(table[metric]([1, unknown, unknown], [unknown, 0.5, unknown])).all()


@pytest.mark.parametrize("metric", LOSSES)
def test_a_perfect_prediction_costs_nothing(metric: str) -> None:
    truth = [0, 1] if metric in BINARY_METRICS else [3, 8]
    assert LOSSES[metric](truth, truth) == pytest.approx([0, 0], abs=1e-12)


@pytest.mark.parametrize("metric", LOSSES)
def test_means_of_parts_add_up_to_the_mean_of_all(metric: str) -> None:
    truth, prediction = np.array([1.0, 0, 1, 1]), np.array([0.9, 0.2, 0.4, 0.7])
    whole, parts = (
        LOSSES[metric](truth, prediction),
        [LOSSES[metric](truth[cut], prediction[cut]) for cut in (slice(3), slice(3, 4))],
    )
    assert np.array_equal(whole, np.concatenate(parts), equal_nan=True)


@pytest.mark.parametrize("metric", RESIDUALS)
def test_a_prediction_that_is_too_low_has_a_positive_residual(metric: str) -> None:
    assert RESIDUALS[metric]([1.0], [0.5])[0] > 0


def test_a_sure_and_wrong_probability_costs_much_but_not_everything() -> None:
    assert LOSSES["log_loss"]([1, 0], [0.0, 1.0]) == pytest.approx([34.54, 34.54], abs=0.01)


def test_a_price_that_is_not_positive_has_no_log_error() -> None:
    assert np.isnan(LOSSES["mean_absolute_log_error"]([0, -1, 5, 5], [1, 1, 0, -2])).all()
