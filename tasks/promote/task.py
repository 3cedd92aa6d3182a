"""The Prefect task of promotion: carry out one step in the registry."""

from __future__ import annotations

from tasks.prefect_task import leeway_task
from tasks.promote.actions import Step
from tasks.promote.execute import carry_out
from tasks.registry import Registry


def carry(step: Step, project: str, registry: Registry) -> None:
    """Carry out one step; a second call changes nothing."""
    carry_out(step, project, registry)


carry_task = leeway_task("promote")(carry)
