"""Decide: what the night showed in; one action with every question, its numbers and its answer out. Pure."""

from tasks.decide.decision import decide
from tasks.decide.root_cause import WHERE_FIRST
from tasks.decide.situation import Released, Shadowed, Situation, Suspected, Upstream

__all__ = ["WHERE_FIRST", "Released", "Shadowed", "Situation", "Suspected", "Upstream", "decide"]
