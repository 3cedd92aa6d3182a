"""Decide: what the night showed in; one action with every question, its numbers and its answer out. Pure."""

from tasks.decide.decision import decide
from tasks.decide.root_cause import WHERE_FIRST
from tasks.decide.situation import ReleaseOutcome, ShadowOutcome, Situation, Suspected, UpstreamState

__all__ = ["WHERE_FIRST", "ReleaseOutcome", "ShadowOutcome", "Situation", "Suspected", "UpstreamState", "decide"]
