"""Decide: what the night showed in; one action with every question, its numbers and its answer out. Pure."""

from tasks.decide.choose_action import decide
from tasks.decide.situation import ReleaseOutcome, ShadowOutcome, Situation, Suspected

__all__ = ["ReleaseOutcome", "ShadowOutcome", "Situation", "Suspected", "decide"]
