"""The entries of the decision record that a promotion writes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

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
from tasks.promote.registry_state import RegistryState
from tasks.records import PromotionAction, PromotionEntry, RollbackEntry, RolloutEntry
from tasks.registry.mlflow_names import ANSWER_REASON, APPROVER

ACTIONS: dict[type, PromotionAction] = {
    Promote: "promoted",
    Reject: "rejected",
    Refuse: "refused",
    PutBack: "put_back",
    Adopt: "adopted",
}
UNNAMED = "a person, in MLflow"


@dataclass(frozen=True, slots=True)
class StepTime:
    """The night that a step is recorded under, and the time of the step."""

    night: date
    time: datetime


def step_entry(
    step: Step, state: RegistryState, moment: StepTime, by: tuple[str, str]
) -> PromotionEntry | RollbackEntry | RolloutEntry:
    """Return the entry of a step, with the digests of the versions that it is about.

    Parameters
    ----------
    by : (str, str)
        The actor, and the reason in the actor's words.
    """
    if isinstance(step, BeginRollout | EndRollout):
        return _rollout_entry(step, state, moment, by[0])
    number = step.to if isinstance(step, RollBack) else step.number
    digest, text = state.digest(number), sentence(step)
    if isinstance(step, RollBack):
        return RollbackEntry(
            name=_entry_name(step, text, moment.time, state.digest(step.number)),
            night=moment.night,
            time=moment.time,
            subject=_subject(number),
            actor=by[0],
            reason=text,
            because=by[1],
            digest=digest,
            barred_digest=state.digest(step.number),
        )
    return PromotionEntry(
        name=_entry_name(step, text, moment.time, digest),
        night=moment.night,
        time=moment.time,
        action=ACTIONS[type(step)],
        subject=_subject(number),
        actor=by[0],
        reason=text,
        because=by[1],
        digest=digest,
    )


def _rollout_entry(step: BeginRollout | EndRollout, state: RegistryState, moment: StepTime, actor: str) -> RolloutEntry:
    """Return the entry of the first step of a rollout, or of its end."""
    if isinstance(step, BeginRollout):
        digest = state.digest(step.number)
        return RolloutEntry(
            name=rollout_entry_name(step.number, digest, 0),
            night=moment.night,
            time=moment.time,
            action="started",
            subject=_subject(step.number),
            actor=actor,
            reason=sentence(step),
            digest=digest,
            champion_digest=step.champion_digest,
            terms=step.terms.to_dict(),
        )
    stage = step.last.stage + 1
    return replace(
        step.last,
        name=rollout_entry_name(step.number, step.last.digest, stage),
        night=moment.night,
        time=moment.time,
        action="rolled_back",
        actor=actor,
        reason=sentence(step),
        stage=stage,
        share=0.0,
        seen={},
    )


def rollout_entry_name(number: int, digest: str, stage: int) -> str:
    """Return the name of a step of a rollout, which is taken once.

    >>> rollout_entry_name(3, "ab" * 32, 1)
    '3/abababababab/1'
    """
    return f"{number}/{digest[:12]}/{stage}"


def approval_entry(step: Step, state: RegistryState, moment: StepTime) -> PromotionEntry | None:
    """Return the entry of a person's approval, which is separate from its outcome; None without an approval.

    It has the digest of the content that was approved: the approval is not valid for another content.
    """
    if not isinstance(step, (Promote, BeginRollout, Refuse)):
        return None
    tags = tags_of(step, state)
    if approval(tags) != "approved":
        return None
    who, why = tags.get(APPROVER, UNNAMED), tags.get(ANSWER_REASON, "")
    return PromotionEntry(
        name=f"{step.number}/approved/{_short_hash(f'{who} {why}')}",
        night=moment.night,
        time=moment.time,
        action="approved",
        subject=_subject(step.number),
        actor=who,
        reason=why or "no reason was given",
        digest=state.digest(step.number),
    )


def tags_of(step: Step, state: RegistryState) -> Mapping[str, str]:
    """Return the tags of the version that a step is about."""
    version = state.version(step.number)
    return {} if version is None else version.tags


def action_of(step: Step) -> str:
    """Return the action of a step, as its entry has it."""
    if isinstance(step, BeginRollout):
        return "started"
    return "rolled_back" if isinstance(step, RollBack | EndRollout) else ACTIONS[type(step)]


def _subject(number: int | None) -> str:
    return "no version" if number is None else f"version {number}"


def _entry_name(step: Step, text: str, time: datetime, digest: str) -> str:
    """Return a name that a repeated step shares: a content is promoted, rejected and rolled back at most once."""
    if isinstance(step, PutBack):
        return f"champion/{ACTIONS[PutBack]}/{time.isoformat(timespec='seconds')}"
    name = f"{step.number}/{action_of(step)}"
    suffix = _short_hash(text) if isinstance(step, Refuse) else digest[:12]
    return f"{name}/{suffix}" if suffix else name


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
