"""Guardrails keep their error rate whatever a day is like, and find what is worse where the candidate answers."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.rollout.two_arms import block_differences, guardrail_evidence

SHARES = st.floats(0.0, 1.0)


def users(rng: np.random.Generator, share: float, count: int) -> np.ndarray:
    return (rng.random(count) < share).astype(np.float64)


@given(usual=SHARES, allowed=st.floats(0.01, 0.5), arms=st.sampled_from([(1, 1), (1, 3), (3, 1), (2, 2)]))
def test_the_expected_wealth_never_grows_at_the_very_margin(
    usual: float, allowed: float, arms: tuple[int, int]
) -> None:
    """Summed over all that one day can show, for a candidate that is worse by exactly what is allowed."""
    usual *= 1 - allowed
    expected = np.zeros(2)
    for shown in product([0.0, 1.0], repeat=sum(arms)):
        mine, others = np.array(shown[: arms[0]]), np.array(shown[arms[0] :])
        chance = math.prod(usual + allowed if one else 1 - usual - allowed for one in mine)
        chance *= math.prod(usual if one else 1 - usual for one in others)
        expected += chance * np.exp(guardrail_evidence([(mine, others)], allowed))
    assert expected == pytest.approx([1.0, 1.0])


def test_days_on_which_all_do_worse_are_no_evidence_against_the_candidate() -> None:
    rng, found = np.random.default_rng(0), 0
    for _ in range(100):
        shares = rng.uniform(0.05, 0.9, 20)
        days = [(users(rng, share, 20), users(rng, share, int(rng.integers(1, 400)))) for share in shares]
        looks = [guardrail_evidence(days[: count + 1], 0.02)[0] for count in range(len(days))]
        found += max(looks) >= math.log(1 / 0.1)
    assert found <= 10


@pytest.mark.parametrize(("share", "is_worse"), [(0.25, True), (0.05, False)])
def test_what_is_worse_is_found_and_what_is_not_is_shown_to_hold(share: float, *, is_worse: bool) -> None:
    rng = np.random.default_rng(1)
    days = [(users(rng, share, 200), users(rng, 0.05, 800)) for _ in range(10)]
    worse, harmless = guardrail_evidence(days, 0.05)
    assert (worse > math.log(1000), harmless > math.log(100)) == (is_worse, not is_worse)


@given(st.integers(0, 40), st.integers(0, 40))
def test_every_user_is_in_one_block(mine: int, others: int) -> None:
    found = block_differences(np.ones(mine), np.zeros(others))
    assert found.tolist() == [1.0] * min(mine, others)
