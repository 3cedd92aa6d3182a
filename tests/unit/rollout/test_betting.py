"""The tests of a rollout keep their error rate however often one looks, and workers can be summed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.rollout import AnswerChange, PairedTest, limits, log_wealth
from tasks.rollout.betting import ALARMS, SHAPE, evidence, evidence_since, row_wealth, threshold

PROMISED = limits(changed=0.04, size=0.06, shift=(-0.05, 0.05), leeway=0.5)


def changes(rows: int, share: float, seed: int, size: float = 0.1) -> AnswerChange:
    """Return independent rows of which a share has another decision, with sizes of that mean and no direction."""
    rng = np.random.default_rng(seed)
    sizes = rng.beta(1, (1 - size) / size, rows)
    return AnswerChange(rng.random(rows) < share, sizes, sizes * rng.choice([-1.0, 1.0], rows))


def paths(change: AnswerChange, tested: tuple[float, ...]) -> np.ndarray:
    """Return the wealth after each row."""
    return np.cumsum(row_wealth(change, tested), axis=0)


def test_a_candidate_at_the_very_limit_is_found_in_at_most_alpha_of_all_rollouts() -> None:
    """Looked at after each of 1,000 rows, with a share and a size of exactly the limits."""
    alpha, found, runs = 0.1, 0, 200
    for seed in range(runs):
        walked = paths(changes(1000, PROMISED[0], seed, size=PROMISED[1]), PROMISED)
        found += any(max(evidence(now, test) for now in walked) >= threshold(alpha, len(ALARMS)) for test in ALARMS)
    assert found / runs <= alpha


def test_a_bet_of_each_stage_by_itself_adds_no_false_alarm() -> None:
    """Looked at after each of 240 rows with a share and a size of exactly the limits, with three stages."""
    alpha, found, runs = 0.1, 0, 60
    for seed in range(runs):
        walked = paths(changes(240, PROMISED[0], seed, size=PROMISED[1]), PROMISED)
        looks = [(now, [walked[at] for at in (59, 159) if at < row]) for row, now in enumerate(walked)]
        highest = max(evidence_since(now, starts, test) for now, starts in looks for test in ALARMS)
        found += highest >= threshold(alpha, len(ALARMS))
    assert found / runs <= alpha


@given(st.integers(1, 4), st.floats(-50, 0))
def test_what_was_seen_before_a_stage_costs_a_fault_of_it_no_more_than_its_part(stages: int, lost: float) -> None:
    starts = [np.full(SHAPE, lost - place) for place in range(stages)]
    found = evidence_since(starts[-1] + 9.0, starts, PairedTest.UP)
    assert 9.0 - (stages + 1) * math.log(2) - 1e-9 <= found <= 9.0


@pytest.mark.parametrize(("share", "size", "test"), [(0.3, 0.02, PairedTest.CHANGED), (0.02, 0.3, PairedTest.SIZE)])
def test_a_large_difference_is_found_within_a_few_hundred_rows(share: float, size: float, test: PairedTest) -> None:
    wealth = log_wealth(changes(300, share, 0, size), PROMISED)
    assert evidence(wealth, test) > threshold(0.001, len(ALARMS))


def test_a_shift_in_one_direction_is_found_as_that_direction() -> None:
    up = AnswerChange(np.zeros(400, bool), np.full(400, 0.08), np.full(400, 0.3))
    wealth = log_wealth(up, PROMISED)
    assert evidence(wealth, PairedTest.UP) > threshold(0.001)
    assert evidence(wealth, PairedTest.DOWN) < 0


def test_a_candidate_within_its_promise_is_shown_to_be() -> None:
    wealth = log_wealth(changes(3000, 0.02, 1, size=0.03), PROMISED)
    assert evidence(wealth, PairedTest.FEW_CHANGED) > threshold(0.01)
    assert evidence(wealth, PairedTest.SMALL) > threshold(0.01)


@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 5))
def test_the_wealth_of_workers_adds_up_to_that_of_all_rows(rows: int, cut: int, seed: int) -> None:
    change = changes(rows, 0.1, seed)
    parts = [
        log_wealth(AnswerChange(change.changed[part], change.size[part], change.shift[part]), PROMISED)
        for part in (slice(0, cut), slice(cut, None))
    ]
    np.testing.assert_allclose(parts[0] + parts[1], log_wealth(change, PROMISED), atol=1e-9)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(-1, 0), st.floats(0, 1), st.floats(0, 1))
def test_no_value_takes_all_of_the_wealth_whatever_was_promised(
    changed: float, size: float, low: float, high: float, leeway: float
) -> None:
    tested = limits(changed, size, (low, high), leeway)
    worst = AnswerChange(np.array([True, False]), np.array([1.0, 0.0]), np.array([1.0, -1.0]))
    wealth = log_wealth(worst, tested)
    assert wealth.shape == SHAPE
    assert np.isfinite(wealth).all()
    assert all(math.isfinite(evidence(wealth, test)) for test in PairedTest)
