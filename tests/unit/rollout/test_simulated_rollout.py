"""Laws of simulated rollouts."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.rollout import AnswerChange, RolloutTerms, limits, log_wealth
from tasks.rollout.betting import row_wealth
from tasks.rollout.simulated_rollout import Onset, PairedRows, Traffic, paired_rows, simulated

TERMS = RolloutTerms(
    limits(0.05, 0.05, (-0.05, 0.05), 0.5),
    alpha=0.01, quota=20, first_share=0.25, bake_hours=2, doubt_hours=72, stage_hours=0.1, counts_idle=False,
)  # fmt: skip
ROWS = 200


def rows_with(share: float, seed: int = 0) -> PairedRows:
    """Return rows of which a share has a wholly different answer."""
    changed = np.random.default_rng(seed).random(ROWS) < share
    return paired_rows(AnswerChange(changed, changed.astype(float), np.zeros(ROWS)), TERMS.limits)


def requests(count: int, seed: int = 0) -> Traffic:
    draws = np.random.default_rng(seed)
    return Traffic(draws.integers(0, ROWS, count), draws.random(count), per_hour=500.0)


HEALTHY = rows_with(0.0)


@given(
    seed=st.integers(0, 10**6),
    share=st.floats(0, 1),
    quota=st.integers(1, 40),
    onset=st.sampled_from(["shadow", "canary"]),
)
def test_no_more_changed_answers_are_sent_than_the_quota_has(seed: int, share: float, quota: int, onset: Onset) -> None:
    terms = replace(TERMS, quota=quota, stage_rows=20)
    end = simulated(terms, requests(600, seed), rows_with(0.01, seed), rows_with(share, seed), onset)
    assert 0 <= end.spent <= quota


def test_a_fault_from_the_start_sends_no_changed_answer_and_one_of_the_canary_few() -> None:
    faulty = rows_with(0.5)
    early = simulated(TERMS, requests(3000), HEALTHY, faulty, "shadow")
    late = simulated(TERMS, requests(3000), HEALTHY, faulty, "canary")
    assert (early.outcome, early.spent, early.share) == ("rolled_back", 0, 0.0)
    assert (late.outcome, late.share) == ("rolled_back", 0.25)
    assert 0 < late.spent <= TERMS.quota
    assert early.requests < late.requests < 300, "of a fault that comes later, requests count from then on"


def test_a_fault_that_comes_with_the_canary_is_found_sooner_if_each_stage_bets_a_part_by_itself() -> None:
    """Answers as promised, of many rows, count in favour of the candidate as long as only one bet was made."""
    patient, found = replace(TERMS, stage_hours=4), {}
    for by_stage in (False, True):
        terms = replace(patient, bets_by_stage=by_stage)
        end = simulated(terms, requests(6000), HEALTHY, rows_with(0.2), "canary")
        assert end.outcome == "rolled_back"
        found[by_stage] = end.requests
    assert 2 * found[True] < found[False]


def test_a_candidate_that_answers_like_the_champion_is_finished_after_the_hours_of_all_stages() -> None:
    end = simulated(TERMS, requests(5000), HEALTHY, HEALTHY)
    assert (end.outcome, end.spent, end.share) == ("finished", 0, 1.0)
    assert end.requests >= (0.1 + 0.1 + 2) * 500


@pytest.mark.parametrize("on_doubt", ["hold", "end"])
def test_a_doubt_is_no_end_and_no_promotion(on_doubt: Literal["hold", "end"]) -> None:
    terms = replace(TERMS, quota=1, on_doubt=on_doubt, doubt_hours=1)
    end = simulated(terms, requests(5000), rows_with(0.02), rows_with(0.02))
    assert end.outcome == "doubted"
    assert end.spent <= 1


def test_three_answers_without_a_number_in_a_row_end_it_and_none_is_sent() -> None:
    change = AnswerChange(np.zeros(ROWS, dtype=bool), np.zeros(ROWS), np.zeros(ROWS))
    silent = paired_rows(change, TERMS.limits, failed=np.ones(ROWS, dtype=bool))
    end = simulated(TERMS, requests(2000), HEALTHY, silent, "canary")
    assert (end.outcome, end.requests, end.spent) == ("rolled_back", 10, 0)


def test_the_wealth_of_rows_adds_up_to_that_of_the_service() -> None:
    draws = np.random.default_rng(3)
    change = AnswerChange(draws.random(50) < 0.3, draws.random(50), draws.uniform(-1, 1, 50))
    deferred = draws.random(50) < 0.1
    assert np.allclose(
        row_wealth(change, TERMS.limits, deferred).sum(axis=0), log_wealth(change, TERMS.limits, deferred)
    )
