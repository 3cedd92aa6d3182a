"""Rollout: how two versions differ in their answers, and what follows for a candidate. Pure, with numpy only.

`AnswerChange` is the difference of two answers to the same row, which the gate promises and the service measures.
`log_wealth` tests the promise by betting, `judge` decides on the next stage, and `position` says who is in a share.
"""

from tasks.rollout.answer_change import AnswerChange, class_change, number_change, probability_change
from tasks.rollout.betting import SHAPE, PairedTest, limits, log_wealth
from tasks.rollout.landed_evidence import LandedEvidence, impossible, read_evidence
from tasks.rollout.rollout_terms import (
    COUNTS,
    FAULTS_IN_A_ROW,
    IDLE_SECONDS,
    NOTHING_SEEN,
    OF_STAGE,
    ChangePromise,
    RolloutSums,
    RolloutTerms,
)
from tasks.rollout.rollout_verdict import (
    RolloutStage,
    RolloutVerdict,
    alarm_evidence,
    alarm_level,
    differences,
    harm,
    judge,
)
from tasks.rollout.sticky_share import is_within, position
from tasks.rollout.two_arms import GuardrailEvidence, GuardrailTerms, guardrail_evidence

__all__ = [
    "COUNTS",
    "FAULTS_IN_A_ROW",
    "IDLE_SECONDS",
    "NOTHING_SEEN",
    "OF_STAGE",
    "SHAPE",
    "AnswerChange",
    "ChangePromise",
    "GuardrailEvidence",
    "GuardrailTerms",
    "LandedEvidence",
    "PairedTest",
    "RolloutStage",
    "RolloutSums",
    "RolloutTerms",
    "RolloutVerdict",
    "alarm_evidence",
    "alarm_level",
    "class_change",
    "differences",
    "guardrail_evidence",
    "harm",
    "impossible",
    "is_within",
    "judge",
    "limits",
    "log_wealth",
    "number_change",
    "position",
    "probability_change",
    "read_evidence",
]
