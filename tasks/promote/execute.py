"""Carry out steps in the registry, in an order that lets the next plan complete an interrupted step.

The decision record in the lake decides; it is written before a step is carried out. The last write of a promotion is
the tag `leeway.promoted`, that of a rollback `leeway.barred`: while it is missing, the next plan carries out the step
again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from tasks.promote.actions import Adopt, BeginRollout, EndRollout, Promote, PutBack, Refuse, Reject, RollBack, Step
from tasks.promote.promotion_plan import refusal
from tasks.registry.mlflow_names import BARRED, CHALLENGER, CHAMPION, PREVIOUS, PROMOTED, REFUSED, RESTORED


class RegistryPort(Protocol):
    """The methods of the registry that a step uses."""

    def set_alias(self, project: str, alias: str, number: int) -> None:
        """Point an alias at a version."""

    def delete_alias(self, project: str, alias: str) -> None:
        """Remove an alias."""

    def set_tag(self, project: str, number: int, key: str, value: str) -> None:
        """Set a version's tag."""

    def delete_tag(self, project: str, number: int, key: str) -> None:
        """Remove a version's tag."""


def carry_out(step: Step, project: str, registry: RegistryPort) -> None:
    """Carry out a step; a second call changes nothing."""
    _ACTIONS[type(step)](step, project, registry)


def _promote(step: Promote, project: str, registry: RegistryPort) -> None:
    _point(project, PREVIOUS, step.previous, registry)
    _point(project, CHAMPION, step.number, registry)
    if step.clears_challenger:
        registry.delete_alias(project, CHALLENGER)
    for number in step.supersedes:
        registry.set_tag(project, number, BARRED, f"superseded by version {step.number}")
    registry.delete_tag(project, step.number, REFUSED)
    registry.set_tag(project, step.number, PROMOTED, step.at.isoformat(timespec="seconds"))


def _reject(step: Reject, project: str, registry: RegistryPort) -> None:
    if step.clears_challenger:
        registry.delete_alias(project, CHALLENGER)
    registry.set_tag(project, step.number, BARRED, step.reason)


def _refuse(step: Refuse, project: str, registry: RegistryPort) -> None:
    registry.set_tag(project, step.number, REFUSED, refusal(step.reasons))


def _put_back(step: PutBack, project: str, registry: RegistryPort) -> None:
    _point(project, CHAMPION, step.number, registry)


def _roll_back(step: RollBack, project: str, registry: RegistryPort) -> None:
    for name in step.approvals:
        registry.delete_tag(project, step.number, name)
    _point(project, PREVIOUS, step.previous, registry)
    registry.set_tag(project, step.to, RESTORED, step.at.isoformat(timespec="seconds"))
    _point(project, CHAMPION, step.to, registry)
    registry.set_tag(project, step.number, BARRED, step.bar)


def _record_only(_step: Adopt | BeginRollout | EndRollout, _project: str, _registry: RegistryPort) -> None:
    """Change nothing in the registry: the record is all."""


def _point(project: str, alias: str, number: int | None, registry: RegistryPort) -> None:
    if number is None:
        registry.delete_alias(project, alias)
    else:
        registry.set_alias(project, alias, number)


_ACTIONS: dict[type, Callable[[Any, str, RegistryPort], None]] = {
    Promote: _promote,
    Reject: _reject,
    Refuse: _refuse,
    PutBack: _put_back,
    Adopt: _record_only,
    BeginRollout: _record_only,
    EndRollout: _record_only,
    RollBack: _roll_back,
}
