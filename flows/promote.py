"""Promotion: sees the answer a person gave in MLflow, looks at the evidence again, and only then moves the champion."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from datetime import datetime
from typing import Any

from prefect import flow, runtime

from flows.steps.actor import person
from flows.steps.events import emit_event
from flows.steps.publish import write_report
from flows.workspace import Workspace, open_workspace
from tasks import clock
from tasks.errors import EvidenceError
from tasks.evaluate import Evidence
from tasks.lake import append_entry, read_entries
from tasks.logs import line, logger
from tasks.model_card import answered
from tasks.notify.task import notify_failure, tell_task
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
from tasks.records import Entry, PromotionEntry, RollbackEntry
from tasks.registry import Version
from tasks.registry.mlflow_names import ANSWER_REASON, APPROVER, BARRED, PROMOTED, REFUSED, TO_TELL

ACTIONS: dict[type, Any] = {
    Promote: "promoted",
    Reject: "rejected",
    Refuse: "refused",
    PutBack: "put_back",
    RollBack: "rolled_back",
}
EVENTS = {
    "promoted": "model.promoted",
    "rolled_back": "model.rolled_back",
    "put_back": "champion.put_back",
}
LEFT_BY = {"promoted": PROMOTED, "rejected": BARRED, "refused": REFUSED, "rolled_back": BARRED}
"""The tag that says a step was carried out; what was put back leaves none."""


def _run_name() -> str:
    return f"{runtime.flow_run.parameters['project']}: promote"


@flow(name="promote", flow_run_name=_run_name, on_failure=[notify_failure], on_crashed=[notify_failure])
def promote(project: str, date: Date | None = None) -> dict[str, Any]:
    """Carry out what people answered in MLflow, and put back what was moved by hand.

    Parameters
    ----------
    project : str
        Its name: the folder under deployments/.
    date : date, optional
        The night it is recorded under; today when left out.
    """
    workspace = open_workspace(project)
    night = date or clock.tonight(workspace.spec.schedule.time_zone)
    versions = workspace.registry.versions(workspace.project)
    picture = seen(workspace, versions)
    steps = plan(picture, workspace.spec, clock.now())
    for step in steps:
        take(workspace, step, night, picture)
    tell_what_was_left(workspace, versions, steps)
    said = "; ".join(map(sentence, steps)) or "nothing to do"
    return {"night": night.isoformat(), "action": _action(steps), "reason": said}


def roll_back_now(workspace: Workspace, reason: str, night: Date) -> str:
    """Put the previous champion back and bar the current one; return what was done."""
    return str(_roll_back(workspace.project, reason, night))


@flow(name="rollback")
def _roll_back(project: str, reason: str, night: Date) -> str:
    workspace = open_workspace(project)
    versions = workspace.registry.versions(workspace.project)
    picture = RegistryState(versions, recorded_champion(versions))
    step = rollback(picture, reason, clock.now())
    take(workspace, step, night, picture)
    return sentence(step)


def seen(workspace: Workspace, versions: list[Version]) -> RegistryState:
    """Gather all that a plan rests on; files are only looked at when somebody asks for something."""
    account = os.environ.get("MLFLOW_TRACKING_USERNAME")
    picture = RegistryState(versions, recorded_champion(versions), account=account)
    proofs = {each.number: proof(workspace, each) for each in asking(picture, workspace.spec)}
    champion = next((each for each in versions if each.number == picture.champion), None)
    way_back = proof(workspace, champion).fault if proofs and champion is not None else None
    return replace(picture, proofs=proofs, way_back=way_back)


def take(workspace: Workspace, step: Step, night: Date, picture: RegistryState) -> None:
    """Write a step down, carry it out, and tell whoever wants to know.

    Written first, so that no step goes unrecorded: after a crash between the two, the next run plans the same step
    again. That people have still to be told of it stands on the version until they were: a crash after the step leaves
    that to the next run.
    """
    when, said = (night, clock.now()), sentence(step)
    if (answer := _approved(step, picture, when)) is not None:
        append_entry(workspace.lake, workspace.project, answer)
    entry = _entry(step, said, when, _by(step, picture))
    append_entry(workspace.lake, workspace.project, entry)
    workspace.registry.set_tag(workspace.project, _marked(step), TO_TELL, _named(entry))
    carry_task(step, workspace.project, workspace.registry)
    logger().info(line("champion_step", action=entry.action, what=said))
    announce(workspace, entry, _marked(step), picture.versions)


def announce(workspace: Workspace, entry: Entry, number: int, versions: Sequence[Version]) -> None:
    """Show a step that was carried out on the version's card and in the report, and tell of it; then it is told."""
    asked = next((each for each in versions if each.number == number), None)
    if entry.action in {"promoted", "rejected"} and asked is not None:
        workspace.registry.set_description(workspace.project, number, answered(asked.description, entry.reason))
    write_report(workspace)
    if entry.action in EVENTS:
        emit_event(workspace.project, EVENTS[entry.action], {"night": entry.night.isoformat(), "what": entry.reason})
    tell_task(workspace.lake, workspace.spec, entry, read_entries(workspace.lake, workspace.project))
    workspace.registry.delete_tag(workspace.project, number, TO_TELL)


def tell_what_was_left(workspace: Workspace, versions: Sequence[Version], steps: Sequence[Step]) -> None:
    """Tell of what an earlier run did and did not live to tell; who took word of it already is not told again."""
    again = {_marked(step) for step in steps}
    left = [each for each in versions if TO_TELL in each.tags and each.number not in again]
    known = {_named(entry): entry for entry in read_entries(workspace.lake, workspace.project)} if left else {}
    for version in left:
        entry = known.get(version.tags[TO_TELL])
        if entry is not None and LEFT_BY.get(entry.action, TO_TELL) in version.tags:
            logger().warning(line("telling_made_good", what=entry.reason))
            announce(workspace, entry, version.number, versions)
        else:  # the step was never carried out, and is not planned any more
            workspace.registry.delete_tag(workspace.project, version.number, TO_TELL)


def proof(workspace: Workspace, version: Version) -> Proof:
    """Return what a version's files say, once their signature has been checked."""
    try:
        files = workspace.registry.fetch(version)
    except EvidenceError as error:
        return Proof(None, str(error))
    held = files.get("evidence.json")
    return Proof(json.loads(held) if held else None)


def _by(step: Step, picture: RegistryState) -> tuple[str, str]:
    """Return who caused a step, as far as is known, and why: in that person's words, or by what the spec allows."""
    if isinstance(step, RollBack):
        return person(), step.reason
    if isinstance(step, Promote) and step.automatic:
        return "leeway", f"automation.promote is automatic; {_evidence(step.number, picture)}"
    tags = _tags(step, picture)
    if isinstance(step, (Reject, Promote)) and approval(tags) in {"approved", "rejected"}:
        return tags.get(APPROVER, "a person, in MLflow"), tags.get(ANSWER_REASON, "")
    return "leeway", ""


def _approved(step: Step, picture: RegistryState, when: tuple[Date, datetime]) -> Entry | None:
    """Return the record of a person's approval, which is apart from what came of it; None where nobody approved."""
    tags = _tags(step, picture)
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


def _tags(step: Step, picture: RegistryState) -> Mapping[str, str]:
    return next((each.tags for each in picture.versions if each.number == step.number), {})


def _evidence(number: int, picture: RegistryState) -> str:
    """Return what a version's evidence says, in a line."""
    held = picture.proofs.get(number)
    with suppress(EvidenceError):
        return Evidence.from_dict((held.evidence if held else None) or {}).summary
    return "a clear win"


def _marked(step: Step) -> int:
    """Return the version that a step is about, on which it stands that it has to be told."""
    about = step.found if isinstance(step, PutBack) and step.number is None else step.number
    if about is None:
        raise AssertionError(f"{step} is about no version at all")
    return about


def _named(entry: Entry) -> str:
    return f"{entry.kind}/{entry.name}"


def _entry(step: Step, said: str, when: tuple[Date, datetime], by: tuple[str, str]) -> Entry:
    name, subject = _entry_name(step, said, when[1]), _subject(step)
    night, moment, (actor, because) = *when, by
    if isinstance(step, RollBack):
        return RollbackEntry(
            name=name, night=night, time=moment, subject=subject, actor=actor, reason=said, because=because
        )
    action = ACTIONS[type(step)]
    return PromotionEntry(
        name=name, night=night, time=moment, action=action, subject=subject, actor=actor, reason=said, because=because
    )


def _subject(step: Step) -> str:
    """Return the version that is champion after the step, or that was spoken of."""
    number = step.to if isinstance(step, RollBack) else step.number
    return "no version" if number is None else f"version {number}"


def _entry_name(step: Step, said: str, moment: datetime) -> str:
    """Return a name that a repeated step shares: a version is promoted, rejected and rolled back at most once."""
    name = f"{step.number}/{ACTIONS[type(step)]}"
    if isinstance(step, PutBack):
        return f"champion/{ACTIONS[PutBack]}/{moment.isoformat(timespec='seconds')}"
    return f"{name}/{_digest(said)}" if isinstance(step, Refuse) else name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _action(steps: list[Step]) -> str:
    return ", ".join(ACTIONS[type(step)] for step in steps) or "none"
