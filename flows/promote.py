"""The promote flow: reads people's answers in MLflow, checks the evidence again, and moves the champion."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from datetime import datetime
from functools import partial
from typing import Any

from prefect import flow, runtime

from flows.steps.actor import account, person
from flows.steps.events import emit_event
from flows.steps.publish import write_report
from flows.workspace import Workspace, open_workspace
from tasks import clock
from tasks.errors import EvidenceError
from tasks.evaluate import Evidence
from tasks.lake import append_entry, read_entries
from tasks.logs import line, logger
from tasks.model_card import answered
from tasks.notify.task import notify_failure, send_notifications_task
from tasks.promote import (
    Promote,
    Proof,
    PutBack,
    Refuse,
    RegistryState,
    Reject,
    RollBack,
    Step,
    approval,
    asking,
    plan,
    recorded_champion,
    rollback,
    sentence,
)
from tasks.promote.task import carry_task
from tasks.records import Entry, PromotionAction, PromotionEntry, RollbackEntry
from tasks.registry import Version
from tasks.registry.mlflow_names import ANSWER_REASON, APPROVER, BARRED, PROMOTED, REFUSED, TO_TELL

ACTIONS: dict[type, PromotionAction] = {
    Promote: "promoted",
    Reject: "rejected",
    Refuse: "refused",
    PutBack: "put_back",
}
EVENTS = {
    "promoted": "model.promoted",
    "rolled_back": "model.rolled_back",
    "put_back": "champion.put_back",
}
LEFT_BY = {"promoted": PROMOTED, "rejected": BARRED, "refused": REFUSED, "rolled_back": BARRED}
"""The tag that shows that a step was carried out; putting the alias back sets none."""


def _run_name() -> str:
    return f"{runtime.flow_run.parameters['project']}: promote"


@flow(name="promote", flow_run_name=_run_name, on_failure=[notify_failure], on_crashed=[notify_failure])
def promote(project: str, date: Date | None = None) -> dict[str, Any]:
    """Carry out people's answers in MLflow, and put back an alias that was moved by hand.

    Parameters
    ----------
    project : str
        The name of the project, which is that of its folder in deployments/.
    date : date, optional
        The night under which the steps are recorded; today by default.
    """
    workspace = open_workspace(project)
    night = date or clock.tonight(workspace.spec.schedule.time_zone)
    versions = workspace.registry.versions(workspace.project)
    state = registry_state(workspace, versions)
    steps = plan(state, workspace.spec, clock.now())
    for step in steps:
        take(workspace, step, night, state)
    announce_pending(workspace, versions, steps)
    reason = "; ".join(map(sentence, steps)) or "nothing to do"
    return {"night": night.isoformat(), "action": _action(steps), "reason": reason}


def roll_back_now(workspace: Workspace, reason: str, night: Date) -> str:
    """Restore the previous champion and bar the current one; return what was done."""
    return str(_roll_back(workspace.project, reason, night))


@flow(name="rollback")
def _roll_back(project: str, reason: str, night: Date) -> str:
    workspace = open_workspace(project)
    versions = workspace.registry.versions(workspace.project)
    state = RegistryState(versions, recorded_champion(versions))
    step = rollback(state, reason, clock.now())
    take(workspace, step, night, state)
    return sentence(step)


def registry_state(workspace: Workspace, versions: list[Version]) -> RegistryState:
    """Return the state that a plan is made from; files are only read if a version may be promoted."""
    state = RegistryState(versions, recorded_champion(versions), account=account())
    proofs = {version.number: proof(workspace, version) for version in asking(state, workspace.spec)}
    champion = next((version for version in versions if version.number == state.champion), None)
    way_back = proof(workspace, champion).fault if proofs and champion is not None else None
    return replace(state, proofs=proofs, way_back=way_back)


def take(workspace: Workspace, step: Step, night: Date, state: RegistryState) -> None:
    """Record a step, carry it out, and notify people.

    A step is recorded first, so that none is missing in the decision log: after a crash before it is carried out, the
    next run plans it again. A tag on the version marks pending notifications until they are sent: after a crash, the
    next run sends them.
    """
    when, text = (night, clock.now()), sentence(step)
    if (answer := _approved(step, state, when)) is not None:
        append_entry(workspace.lake, workspace.project, answer)
    entry = _entry(step, text, when, _by(step, state))
    append_entry(workspace.lake, workspace.project, entry)
    workspace.registry.set_tag(workspace.project, _version_of(step), TO_TELL, _reference(entry))
    carry_task(step, workspace.project, workspace.registry)
    logger().info(line("champion_step", action=entry.action, what=text))
    announce(workspace, entry, _version_of(step), state.versions)


def announce(workspace: Workspace, entry: Entry, number: int, versions: Sequence[Version]) -> None:
    """Show a completed step on the version's card and in the report, send notifications, and remove the pending tag."""
    version = next((version for version in versions if version.number == number), None)
    if entry.action in {"promoted", "rejected"} and version is not None:
        workspace.registry.set_description(workspace.project, number, answered(version.description, entry.reason))
    write_report(workspace)
    if entry.action in EVENTS:
        emit_event(workspace.project, EVENTS[entry.action], {"night": entry.night.isoformat(), "what": entry.reason})
    send_notifications_task(workspace.lake, workspace.spec, entry, read_entries(workspace.lake, workspace.project))
    workspace.registry.delete_tag(workspace.project, number, TO_TELL)


def announce_pending(workspace: Workspace, versions: Sequence[Version], steps: Sequence[Step]) -> None:
    """Send notifications that an interrupted run did not send; channels that got theirs do not get it again."""
    repeated = {_version_of(step) for step in steps}
    pending = [version for version in versions if TO_TELL in version.tags and version.number not in repeated]
    entries = read_entries(workspace.lake, workspace.project) if pending else []
    recorded = {_reference(entry): entry for entry in entries}
    for version in pending:
        entry = recorded.get(version.tags[TO_TELL])
        if entry is not None and LEFT_BY.get(entry.action, TO_TELL) in version.tags:
            logger().warning(line("telling_made_good", what=entry.reason))
            announce(workspace, entry, version.number, versions)
        else:  # the step was not carried out, and is no longer planned
            workspace.registry.delete_tag(workspace.project, version.number, TO_TELL)


def proof(workspace: Workspace, version: Version) -> Proof:
    """Return the evidence in a version's files, after verifying their signature."""
    try:
        files = workspace.registry.fetch(version)
    except EvidenceError as error:
        return Proof(None, str(error))
    content = files.get("evidence.json")
    return Proof(json.loads(content) if content else None)


def _by(step: Step, state: RegistryState) -> tuple[str, str]:
    """Return who caused a step and why: the reason that the person gave, or the rule of the spec."""
    if isinstance(step, RollBack):
        return person(), step.reason
    if isinstance(step, Promote) and step.automatic:
        return "leeway", f"automation.promote is automatic; {_evidence(step.number, state)}"
    tags = _tags(step, state)
    if isinstance(step, (Reject, Promote)) and approval(tags) in {"approved", "rejected"}:
        return tags.get(APPROVER, "a person, in MLflow"), tags.get(ANSWER_REASON, "")
    return "leeway", ""


def _approved(step: Step, state: RegistryState, when: tuple[Date, datetime]) -> Entry | None:
    """Return the entry of a person's approval, which is separate from its outcome; None without an approval."""
    tags = _tags(step, state)
    if not isinstance(step, (Promote, Refuse)) or approval(tags) != "approved":
        return None
    who, why = tags.get(APPROVER, "a person, in MLflow"), tags.get(ANSWER_REASON, "")
    return PromotionEntry(
        name=f"{step.number}/approved/{_digest(f'{who} {why}')}",
        night=when[0],
        time=when[1],
        action="approved",
        subject=f"version {step.number}",
        actor=who,
        reason=why or "no reason was given",
    )


def _tags(step: Step, state: RegistryState) -> Mapping[str, str]:
    return next((version.tags for version in state.versions if version.number == step.number), {})


def _evidence(number: int, state: RegistryState) -> str:
    """Return a version's evidence in one line."""
    proof_of_version = state.proofs.get(number)
    with suppress(EvidenceError):
        return Evidence.from_dict((proof_of_version.evidence if proof_of_version else None) or {}).summary
    return "a clear win"


def _version_of(step: Step) -> int:
    """Return the version that a step is about, which has the tag for pending notifications."""
    number = step.found if isinstance(step, PutBack) and step.number is None else step.number
    if number is None:
        raise AssertionError(f"{step} is about no version")
    return number


def _reference(entry: Entry) -> str:
    return f"{entry.kind}/{entry.name}"


def _entry(step: Step, text: str, when: tuple[Date, datetime], by: tuple[str, str]) -> Entry:
    entry_type = RollbackEntry if isinstance(step, RollBack) else partial(PromotionEntry, action=ACTIONS[type(step)])
    return entry_type(
        name=_entry_name(step, text, when[1]),
        night=when[0],
        time=when[1],
        subject=_subject(step),
        actor=by[0],
        reason=text,
        because=by[1],
    )


def _subject(step: Step) -> str:
    """Return the version that is champion after the step, or the version of the answer."""
    number = step.to if isinstance(step, RollBack) else step.number
    return "no version" if number is None else f"version {number}"


def _entry_name(step: Step, text: str, moment: datetime) -> str:
    """Return a name that a repeated step shares: a version is promoted, rejected and rolled back at most once."""
    name = f"{step.number}/{_action_of(step)}"
    if isinstance(step, PutBack):
        return f"champion/{ACTIONS[PutBack]}/{moment.isoformat(timespec='seconds')}"
    return f"{name}/{_digest(text)}" if isinstance(step, Refuse) else name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _action(steps: list[Step]) -> str:
    return ", ".join(map(_action_of, steps)) or "none"


def _action_of(step: Step) -> str:
    return "rolled_back" if isinstance(step, RollBack) else ACTIONS[type(step)]
