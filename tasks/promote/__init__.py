"""Promotion: which version is champion, and why.

`plan` turns the versions in the registry and the verified evidence of candidates into steps: promote, reject, refuse,
put back, roll back. `carry_out` executes a step in an order that is safe if it is interrupted.
"""

from __future__ import annotations

from tasks.promote.actions import (
    Adopt,
    BeginRollout,
    EndRollout,
    Promote,
    PutBack,
    Refuse,
    Reject,
    RollBack,
    Step,
    sentence,
)
from tasks.promote.approval import approval
from tasks.promote.execute import carry_out
from tasks.promote.promotion_entries import (
    UNNAMED,
    StepTime,
    action_of,
    approval_entry,
    rollout_entry_name,
    step_entry,
    tags_of,
)
from tasks.promote.promotion_plan import answered, asking, plan, rollback
from tasks.promote.registry_state import RegistryState
from tasks.promote.rollout_end import withdrawn
from tasks.promote.rollout_plan import rollout_terms
from tasks.promote.rules import Proof, Standing, may_promote

__all__ = [
    "UNNAMED",
    "Adopt",
    "BeginRollout",
    "EndRollout",
    "Promote",
    "Proof",
    "PutBack",
    "Refuse",
    "RegistryState",
    "Reject",
    "RollBack",
    "Standing",
    "Step",
    "StepTime",
    "action_of",
    "answered",
    "approval",
    "approval_entry",
    "asking",
    "carry_out",
    "may_promote",
    "plan",
    "rollback",
    "rollout_entry_name",
    "rollout_terms",
    "sentence",
    "step_entry",
    "tags_of",
    "withdrawn",
]
