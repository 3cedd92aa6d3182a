"""Whether a rollout ends although its tests have found nothing: no service runs it, or it can lead to no promotion.

The prediction service ends a rollout by what it has seen. A rollout must not last because that service is gone, and not
lead to a version that could no longer be promoted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from tasks.promote.actions import EndRollout
from tasks.promote.approval import approval
from tasks.promote.registry_state import RegistryState
from tasks.promote.rules import grounds_lost
from tasks.records import RolloutEntry
from tasks.rollout import RolloutTerms
from tasks.spec.project_spec import ProjectSpec

SILENT_HOURS = 24.0
"""How long a step may be overdue before the service that has to record it, or the promotion, counts as gone."""


def rollouts_under_way(situation: RegistryState) -> list[RolloutEntry]:
    """Return the last step of each rollout against the present champion that has not ended, the newest last."""
    return [
        last
        for last in situation.rollouts
        if last.action != "rolled_back"
        and last.champion_digest == situation.champion_digest
        and situation.record.bar(last.version, last.digest) is None
    ]


def rollout_ends(situation: RegistryState, spec: ProjectSpec, now: datetime) -> list[EndRollout]:
    """Return the rollouts that end now, with the reason; one of a version that a person rejects ends with that."""
    ends = []
    for last in rollouts_under_way(situation):
        reasons = _reasons(last, situation, spec, now)
        if reasons:
            ends.append(EndRollout(last.version, "; ".join(reasons), last))
    return ends


def _reasons(last: RolloutEntry, situation: RegistryState, spec: ProjectSpec, now: datetime) -> Sequence[str]:
    version = situation.version(last.version)
    if version is None:
        return ["the registry no longer has it"]
    if approval(version.tags) == "rejected":
        return []
    found = grounds_lost(version, situation.proofs.get(version.number), situation.standing(version), spec, now)
    late = overdue_step(last, now)
    return [*found, *([late] if late else [])]


def overdue_step(last: RolloutEntry, now: datetime) -> str | None:
    """Return why no step can be expected to follow on the last one of a rollout; None if one can.

    A service that runs records a doubt at the latest when the time of a stage is over, and a finished rollout is
    promoted within two minutes. A version that no service has taken up waits, and so does a person's decision: both
    until the evidence is too old.

    Examples
    --------
    A shadow with 48 hours, and 24 more until the service counts as gone.

    >>> from dataclasses import replace
    >>> from datetime import UTC, timedelta
    >>> began = datetime(2026, 11, 20, tzinfo=UTC)
    >>> terms = RolloutTerms((0.1,) * 6, 0.01, 10, 0.01, bake_hours=24.0, doubt_hours=48.0)
    >>> shadow = RolloutEntry(name="2/ab/1", night=began.date(), time=began, action="advanced", reason="",
    ...     subject="version 2", digest="ab", champion_digest="cd", terms=terms.to_dict())
    >>> overdue_step(shadow, began + timedelta(hours=71)) is None
    True
    >>> overdue_step(shadow, began + timedelta(hours=72))
    'the prediction service that runs its rollout has recorded nothing for 72 hours'
    >>> overdue_step(replace(shadow, action="started"), began + timedelta(hours=900)) is None
    True
    """
    hours = (now - last.time).total_seconds() / 3600
    if last.action == "advanced" and hours >= _stage_hours(last) + SILENT_HOURS:
        return f"the prediction service that runs its rollout has recorded nothing for {hours:.0f} hours"
    if last.action == "finished" and hours >= SILENT_HOURS:
        return f"its rollout was finished {hours:.0f} hours ago, and it could not be promoted since"
    return None


def _stage_hours(last: RolloutEntry) -> float:
    """Return after how many hours a running service ends a stage at the latest."""
    terms = RolloutTerms.from_dict(last.terms)
    return terms.longest_hours(last.share)


def withdrawn(first: RolloutEntry, tags: Mapping[str, str] | None) -> str | None:
    """Return why a person no longer wants a version to be rolled out; None if nothing in MLflow says so.

    Parameters
    ----------
    first : RolloutEntry
        The first step of its rollout; its actor is "leeway" if no person had to approve the version.
    tags : mapping of str to str, or None
        The version's tags in MLflow; None if the version was deleted.

    Examples
    --------
    >>> from datetime import UTC
    >>> began = datetime(2026, 11, 20, tzinfo=UTC)
    >>> first = RolloutEntry(name="2/ab/0", night=began.date(), time=began, action="started", reason="",
    ...     subject="version 2", digest="ab", champion_digest="cd", actor="ann")
    >>> withdrawn(first, {"approval": "approved"}) is None
    True
    >>> withdrawn(first, {}), withdrawn(first, {"approval": "rejected"}), withdrawn(first, None)
    ('its approval was withdrawn in MLflow', 'rejected in MLflow', 'the registry no longer has it')
    """
    if tags is None:
        return "the registry no longer has it"
    answer = approval(tags)
    if answer == "rejected":
        return "rejected in MLflow"
    needed = {"approved", "waiting"} if first.actor == "leeway" else {"approved"}
    return None if answer in needed else "its approval was withdrawn in MLflow"
