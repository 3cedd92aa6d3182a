"""Decide: what the night showed in; one action with every question, its numbers and its answer out. Pure."""

from tasks.decide.decision import decide
from tasks.decide.situation import Situation, Suspected

__all__ = ["Situation", "Suspected", "decide"]
