"""Decide: plain facts about a night in; one action with every question, its numbers and its answer out. Pure."""

from tasks.decide.build_situation import ServingVersion, SituationInputs, build_situation
from tasks.decide.choose_action import decide
from tasks.decide.situation import RegimeEvidence, ReleaseOutcome, ShadowOutcome, Situation

__all__ = [
    "RegimeEvidence",
    "ReleaseOutcome",
    "ServingVersion",
    "ShadowOutcome",
    "Situation",
    "SituationInputs",
    "build_situation",
    "decide",
]
