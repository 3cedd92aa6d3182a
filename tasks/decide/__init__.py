"""Decide: what the night showed in; one action with every question, its numbers and its answer out. Pure."""

from tasks.decide.decision import decide
from tasks.decide.situation import Situation, corrupt_suspects

__all__ = ["Situation", "corrupt_suspects", "decide"]
