"""Whether entities are divided in the intended ratio."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.rollout.sample_ratio import ratio_evidence


@pytest.mark.parametrize("share", [0.01, 0.25])
def test_the_intended_ratio_is_doubted_in_at_most_alpha_of_all_rollouts(share: float) -> None:
    alpha, runs = 0.1, 300
    rng = np.random.default_rng(0)
    doubted = 0
    for _ in range(runs):
        came = np.cumsum(rng.random(2000) < share)
        doubted += any(
            ratio_evidence(int(came[n]), n + 1 - int(came[n]), share) >= math.log(1 / alpha) for n in range(0, 2000, 10)
        )
    assert doubted / runs <= alpha


def test_twice_as_many_as_intended_are_found() -> None:
    assert ratio_evidence(100, 900, 0.05) > math.log(1000)


def test_without_a_share_there_is_no_ratio() -> None:
    assert ratio_evidence(0, 1000, 0.0) == ratio_evidence(1000, 0, 1.0) == 0.0
