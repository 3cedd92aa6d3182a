"""Promote: who is champion, and why.

In: a project's versions as the registry shows them, and the proof of those that ask. Out: steps (promote, reject,
refuse, put back, roll back), and their carrying out in an order that survives a crash.
"""

from __future__ import annotations

from tasks.promote.approval import approval
from tasks.promote.carry import carry_out
from tasks.promote.plan import Situation, asking, plan, recorded_champion, rollback
from tasks.promote.rules import Proof, may_promote
from tasks.promote.steps import Promote, PutBack, Refuse, Reject, RollBack, Step, sentence

__all__ = [
    "Promote",
    "Proof",
    "PutBack",
    "Refuse",
    "Reject",
    "RollBack",
    "Situation",
    "Step",
    "approval",
    "asking",
    "carry_out",
    "may_promote",
    "plan",
    "recorded_champion",
    "rollback",
    "sentence",
]
