"""What follows from what a rollout has seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.rollout import (
    NOTHING_SEEN,
    SHAPE,
    GuardrailEvidence,
    GuardrailTerms,
    PairedTest,
    RolloutStage,
    RolloutSums,
    RolloutTerms,
    judge,
    limits,
)
from tasks.rollout.betting import CONFIRMING
from tasks.rollout.rollout_verdict import must_wait

TERMS = RolloutTerms(
    limits(0.04, 0.06, (-0.05, 0.05), 0.5), alpha=0.01, quota=100, first_share=0.01, bake_hours=24, doubt_hours=72
)


def seen(*tests: PairedTest, **counts: Any) -> RolloutSums:
    """Return sums in which some tests have found what they look for."""
    wealth = np.full(SHAPE, -5.0)
    wealth[list(tests)] = 20.0
    return replace(NOTHING_SEEN, **{"rows": 1000, "changed": 20, **counts}, wealth=wealth)


def test_nothing_seen_is_no_reason_to_go_on() -> None:
    assert judge(TERMS, RolloutStage(0.0, 1.0), NOTHING_SEEN) is None


def test_a_candidate_answers_nothing_before_it_is_shown_that_it_differs_as_promised() -> None:
    assert judge(TERMS, RolloutStage(0.0, 1.0), seen(PairedTest.FEW_CHANGED)) is None
    verdict = judge(TERMS, RolloutStage(0.0, 0.0), seen(*CONFIRMING))
    assert verdict is not None
    assert (verdict.outcome, verdict.share) == ("advanced", 0.01)
    assert judge(TERMS, RolloutStage(0.0, 0.0), seen(*CONFIRMING, rows=99)) is None, "limits may be very wide"


PATIENT = replace(TERMS, stage_hours=2.0, stage_rows=300, counts_idle=False)


def test_a_stage_lasts_its_hours_and_has_its_rows_however_good_the_evidence_is() -> None:
    enough: dict[str, Any] = {"answers": 300, "busy_seconds": 2 * 3600}
    assert judge(PATIENT, RolloutStage(0.04, 9.0), seen(*CONFIRMING, **enough | {"busy_seconds": 7199})) is None
    assert judge(PATIENT, RolloutStage(0.04, 9.0), seen(*CONFIRMING, **enough | {"answers": 299})) is None
    verdict = judge(PATIENT, RolloutStage(0.04, 2.0), seen(*CONFIRMING, **enough))
    assert verdict is not None
    assert (verdict.outcome, verdict.share) == ("advanced", 0.16)
    assert judge(PATIENT, RolloutStage(0.0, 9.0), seen(*CONFIRMING, rows=299, busy_seconds=7200)) is None


def test_only_hours_with_requests_bake_a_version_and_too_few_of_them_are_a_doubt() -> None:
    idle = seen(*CONFIRMING, answers=5000, busy_seconds=3600 * 23.9)
    assert judge(PATIENT, RolloutStage(1.0, 95.9), idle) is None
    doubt = judge(PATIENT, RolloutStage(1.0, 96.0), idle)
    assert doubt is not None
    assert (doubt.outcome, "23.9 of 24 hours with requests" in doubt.reason) == ("doubted", True)
    verdict = judge(PATIENT, RolloutStage(1.0, 24.0), replace(idle, busy_seconds=3600 * 24.0))
    assert verdict is not None
    assert verdict.outcome == "finished"


def test_the_busy_time_of_several_workers_is_that_of_the_longest() -> None:
    one, other = replace(NOTHING_SEEN, busy_seconds=60.0), replace(NOTHING_SEEN, busy_seconds=90.0)
    assert (one + other).busy_seconds == 90.0
    assert RolloutSums.from_dict((one + other).to_dict()).busy_seconds == 90.0
    old = {name: value for name, value in NOTHING_SEEN.to_dict().items() if name != "busy_seconds"}
    assert RolloutSums.from_dict(old).busy_seconds == 0.0, "as earlier versions of Leeway recorded it"


@pytest.mark.parametrize(("share", "after"), [(0.01, 0.04), (0.3, 1.0)])
def test_the_share_grows_by_four_once_the_stage_has_enough_answers(share: float, after: float) -> None:
    assert judge(TERMS, RolloutStage(share, 1.0), seen(*CONFIRMING, answers=99)) is None
    verdict = judge(TERMS, RolloutStage(share, 0.0), seen(*CONFIRMING, answers=100))
    assert verdict is not None
    assert (verdict.outcome, verdict.share) == ("advanced", after)


def test_a_stage_that_may_need_more_changed_answers_than_are_left_does_not_begin() -> None:
    """Of 1,000 rows 20 changed, so that 100 answers change 2."""
    assert judge(TERMS, RolloutStage(0.01, 1.0), seen(*CONFIRMING, answers=100, spent=98)) is not None
    assert judge(TERMS, RolloutStage(0.01, 1.0), seen(*CONFIRMING, answers=100, spent=99)) is None


def test_all_requests_for_long_enough_finish_a_rollout() -> None:
    assert judge(TERMS, RolloutStage(1.0, 23.9), seen(*CONFIRMING, answers=5000)) is None
    verdict = judge(TERMS, RolloutStage(1.0, 24.0), seen(*CONFIRMING, answers=5000, spent=99))
    assert verdict is not None
    assert verdict.outcome == "finished"


def test_a_candidate_that_is_no_longer_shown_to_differ_little_does_not_go_on() -> None:
    assert judge(TERMS, RolloutStage(0.3, 1.0), seen(PairedTest.SMALL, answers=5000)) is None
    assert judge(TERMS, RolloutStage(1.0, 24.0), seen(PairedTest.SMALL, answers=5000)) is None
    verdict = judge(TERMS, RolloutStage(1.0, 96.0), seen(PairedTest.SMALL, answers=5000))
    assert verdict is not None
    assert verdict.outcome == "doubted"


def test_a_candidate_that_may_send_no_changed_answer_any_more_is_not_tried_by_answering_the_others() -> None:
    verdict = judge(TERMS, RolloutStage(1.0, 1.0), seen(*CONFIRMING, answers=5000, spent=100))
    assert verdict is not None
    assert (verdict.outcome, "100 changed answers are used up" in verdict.reason) == ("doubted", True)


@pytest.mark.parametrize("test", [PairedTest.CHANGED, PairedTest.SIZE, PairedTest.UP, PairedTest.DOWN])
@pytest.mark.parametrize("share", [0.0, 0.04, 1.0])
def test_a_difference_that_was_not_promised_ends_a_rollout_in_every_stage(test: PairedTest, share: float) -> None:
    verdict = judge(TERMS, RolloutStage(share, 100.0), seen(test, answers=1000))
    assert verdict is not None
    assert (verdict.outcome, verdict.share) == ("rolled_back", 0.0)


def test_three_faults_in_a_row_end_a_rollout_before_anything_else() -> None:
    verdict = judge(TERMS, RolloutStage(0.01, 0.0), seen(PairedTest.SIZE, stopped=1, faults=3))
    assert verdict is not None
    assert verdict.outcome == "rolled_back"
    assert "three requests in a row (3 in all)" in verdict.reason


@pytest.mark.parametrize(
    ("sums", "hours", "why"),
    [
        (seen(answers=10), 72.0, "answered 10 rows of 100"),
        (seen(answers=500, of_candidate=300, of_champion=700), 1.0, "300 of 1,000 entities"),
        (seen(answers=500, refused=1), 1.0, "did not repeat its reference requests"),
        (seen(answers=500, spent=100), 72.0, "more changed answers than are left of 100"),
    ],
)
def test_what_cannot_be_decided_is_a_doubt_and_never_a_promotion(sums: RolloutSums, hours: float, why: str) -> None:
    verdict = judge(TERMS, RolloutStage(0.04, hours), sums)
    assert verdict is not None
    assert (verdict.outcome, verdict.share) == ("doubted", 0.04)
    assert why in verdict.reason


GUARDED = replace(TERMS, guardrails=(GuardrailTerms("redone", "higher", 0.03),))


def guarded(worse: float, harmless: float) -> tuple[GuardrailEvidence, ...]:
    return (GuardrailEvidence("redone", worse, harmless, "redone 9.0 % of 400"),)


@pytest.mark.parametrize("share", [0.04, 1.0])
def test_a_metric_of_the_users_that_is_worse_ends_a_rollout(share: float) -> None:
    sums = seen(*CONFIRMING, answers=500, guardrails=guarded(6.3, -9.0))
    verdict = judge(GUARDED, RolloutStage(share, 1.0), sums)
    assert verdict is not None
    assert (verdict.outcome, verdict.reason) == ("rolled_back", "users' redone is worse: redone 9.0 % of 400")
    shared = judge(GUARDED, RolloutStage(share, 1.0), replace(sums, guardrails=guarded(6.2, -9.0)))
    assert shared is None or shared.outcome != "rolled_back", "five tests share .01: log(5 / .01) = 6.21"
    assert RolloutSums.from_dict(sums.to_dict()).guardrails == sums.guardrails


def test_a_candidate_answers_all_requests_only_once_its_users_are_shown_to_do_no_worse() -> None:
    for known, said in (((), "no night has compared it"), (guarded(0.0, 4.5), "redone 9.0 % of 400")):
        sums = seen(*CONFIRMING, answers=500, guardrails=known)
        assert judge(GUARDED, RolloutStage(0.25, 1.0), sums) is None
        assert judge(GUARDED, RolloutStage(0.2, 1.0), sums) is not None, "four times as many are not all"
        late = judge(GUARDED, RolloutStage(0.25, 72.0), sums)
        assert late is not None
        assert (late.outcome, late.share) == ("doubted", 0.25)
        assert f"it is not shown that users' redone is not worse: {said}" in late.reason
    shown = judge(GUARDED, RolloutStage(0.25, 1.0), seen(*CONFIRMING, answers=500, guardrails=guarded(0.0, 4.7)))
    assert shown is not None
    assert (shown.outcome, shown.share) == ("advanced", 1.0)


@given(
    share=st.sampled_from([0.0, 0.01, 1.0]),
    hours=st.sampled_from([0.0, 1.0, 3.0, 30.0, 100.0]),
    counts=st.fixed_dictionaries(
        {name: st.sampled_from([0, 1, 99, 300]) for name in ("rows", "answers", "spent", "stopped", "of_candidate")}
    ),
    wealth=st.lists(st.floats(-10, 10), min_size=SHAPE[0] * SHAPE[1], max_size=SHAPE[0] * SHAPE[1]),
)
def test_what_must_wait_is_judged_as_nothing_yet(
    share: float, hours: float, counts: dict[str, Any], wealth: list[float]
) -> None:
    stage = RolloutStage(share, hours)
    sums = replace(seen(), **counts, wealth=np.reshape(wealth, SHAPE), busy_seconds=3600 * hours)
    assert not must_wait(PATIENT, stage, sums) or judge(PATIENT, stage, sums) is None
