"""Promote: who is champion, and why.

In: a project's versions as the registry shows them, and the proof of those that ask. Out: steps (promote, reject,
refuse, put back, roll back), and their carrying out in an order that survives a crash.
"""

from __future__ import annotations

from tasks.promote.actions import Promote, PutBack, Refuse, Reject, RollBack, Step, sentence
from tasks.promote.approval import approval
from tasks.promote.execute import carry_out
from tasks.promote.plan import RegistryState, asking, plan, recorded_champion, rollback
from tasks.promote.rules import Proof, may_promote

__all__ = [
    "Promote",
    "Proof",
    "PutBack",
    "Refuse",
    "RegistryState",
    "Reject",
    "RollBack",
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
