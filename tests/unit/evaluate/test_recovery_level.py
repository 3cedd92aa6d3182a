"""A released model is called worse as rarely as a quiet night calls for a retraining."""

from __future__ import annotations

import numpy as np

from tasks.evaluate import Cohort, check_recovery


def test_of_a_thousand_first_cohorts_that_keep_their_promise_at_most_a_few_are_called_worse() -> None:
    rng = np.random.default_rng(0)
    losses = np.abs(rng.normal(size=(1_000, 200)))  # their mean is sqrt(2 / pi)
    promise = ((2 / np.pi) ** 0.5 - 0.001, (2 / np.pi) ** 0.5 + 0.001)
    cohorts = [Cohort(200, float(each.mean()), float(each.std(ddof=1))) for each in losses]
    worse = sum(check_recovery([cohort], promise, min_rows=100).verdict == "worse" for cohort in cohorts)
    assert worse <= 8  # 2.5 are expected; more than 8 come once in 900


def test_a_first_cohort_that_is_clearly_worse_is_said_to_be() -> None:
    assert check_recovery([Cohort(200, 1.2, 0.8)], (0.95, 1.0), min_rows=100).verdict == "worse"
