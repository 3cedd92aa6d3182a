"""Promotion: which version is champion, and why.

`plan` turns the versions in the registry and the verified evidence of candidates into steps: promote, reject, refuse,
put back, roll back. `carry_out` executes a step in an order that is safe if it is interrupted.
"""

from __future__ import annotations

from tasks.promote.actions import Promote, PutBack, Refuse, Reject, RollBack, Step, sentence
from tasks.promote.approval import approval
from tasks.promote.execute import carry_out
from tasks.promote.promotion_plan import RegistryState, asking, plan, recorded_champion, rollback
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
