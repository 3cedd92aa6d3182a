"""The rim of promote: a step, carried out in the registry."""

from __future__ import annotations

from tasks.promote.carry import carry_out
from tasks.promote.steps import Step
from tasks.registry import Registry
from tasks.rim import room


@room("promote")
def carry(step: Step, project: str, registry: Registry) -> None:
    """Carry out one step; doing it twice is doing it once."""
    carry_out(step, project, registry)
