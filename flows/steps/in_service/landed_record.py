"""Records the step of a rollout that follows from what a prediction service has landed.

What cannot be read, such as a landing zone that does not respond, is logged, and is tried again by the next run:
approvals do not wait for it.
"""

from __future__ import annotations

from flows.steps.in_service.landed_steps import landed_step
from flows.workspace import Workspace
from tasks.errors import Error
from tasks.lake import PROMOTION_LEASE, acquire_lease, append_entry
from tasks.logs import line, logger
from tasks.promote import StepTime


def has_landed(workspace: Workspace, moment: StepTime) -> bool:
    """Return whether `record_landed` would record a step now."""
    try:
        return landed_step(workspace, moment) is not None
    except Error as error:
        logger().warning(line("rollout_not_judged", why=error))
        return False


def record_landed(workspace: Workspace, moment: StepTime) -> None:
    """Record the step that follows from what has landed, once, however many runs see it."""
    if not has_landed(workspace, moment):
        return
    try:
        _record_landed(workspace, moment)
    except Error as error:
        logger().warning(line("rollout_not_judged", why=error))


def _record_landed(workspace: Workspace, moment: StepTime) -> None:
    with acquire_lease(workspace.lake, workspace.project, PROMOTION_LEASE) as lease:
        leased = workspace.with_lease(lease)
        step = landed_step(leased, moment)
        if step is not None and append_entry(leased.lake, leased.project, step):
            logger().info(line("rollout_step", action=step.action, what=step.reason))
