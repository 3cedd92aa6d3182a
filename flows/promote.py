"""The promote flow: reads people's answers in MLflow, checks the evidence again, and moves the champion."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from typing import Any

from prefect import flow, runtime

from flows.steps.actor import account, person
from flows.steps.events import emit_event
from flows.steps.in_service.degree_raise import follow_degree_requests, request_waits
from flows.steps.in_service.landed_record import has_landed, record_landed
from flows.steps.in_service.rollout_steps import announce_rollouts, next_step, unannounced
from flows.steps.kept_version import keep_champions
from flows.steps.publish import name_run, write_report
from flows.steps.recorded_spec import require_own_name
from flows.workspace import Workspace, open_workspace
from tasks import clock
from tasks.errors import EvidenceError
from tasks.evaluate import Evidence
from tasks.lake import PROMOTION_LEASE, acquire_lease, append_entry, read_entries
from tasks.logs import line, logger
from tasks.model_card import answered as card_answered
from tasks.notify.task import notify_failure, send_notifications_task
from tasks.promote import (
    Adopt,
    BeginRollout,
    EndRollout,
    Promote,
    Proof,
    PutBack,
    RegistryState,
    Reject,
    RollBack,
    Step,
    StepTime,
    action_of,
    answered,
    approval,
    approval_entry,
    asking,
    plan,
    rollback,
    sentence,
    step_entry,
    tags_of,
)
from tasks.promote.task import carry_task
from tasks.records import Entry, champion_record, rollouts, running_rollout
from tasks.registry import Version
from tasks.registry.mlflow_names import ANSWER_REASON, APPROVER, BARRED, CHAMPION, PROMOTED, REFUSED, TO_TELL
from tasks.rollout import RolloutVerdict

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
    require_own_name(workspace)
    night = date or clock.tonight(workspace.spec.schedule.time_zone)
    record_landed(workspace, StepTime(night, clock.now()))
    versions = workspace.registry.versions(workspace.project)
    raises = follow_degree_requests(workspace, versions, StepTime(night, clock.now()))
    steps = plan(registry_state(workspace, versions), workspace.spec, clock.now())
    if steps:
        steps = _take_all(workspace, night)
    announce_pending(workspace, versions, steps)
    announce_rollouts(workspace, versions)
    reason = "; ".join([*raises, *map(sentence, steps)]) or "nothing to do"
    name_run(f"{project}: {reason}" if raises or steps else f"{project}: promote, nothing to do")
    return {"night": night.isoformat(), "action": _action(steps), "reason": reason}


def has_work(workspace: Workspace) -> bool:
    """Return whether `promote` would do anything now: record a step, carry one out, or announce one."""
    versions = workspace.registry.versions(workspace.project)
    moment = StepTime(clock.tonight(workspace.spec.schedule.time_zone), clock.now())
    return (
        any(TO_TELL in version.tags for version in versions)
        or request_waits(workspace, versions)
        or any(True for _ in unannounced(read_entries(workspace.lake, workspace.project), versions))
        or bool(plan(registry_state(workspace, versions), workspace.spec, moment.time))
        or has_landed(workspace, moment)
    )


def _take_all(workspace: Workspace, night: Date) -> list[Step]:
    """Plan again and take the steps as the only run that does so: the record of a later run is not overwritten."""
    with acquire_lease(workspace.lake, workspace.project, PROMOTION_LEASE) as lease:
        leased = workspace.with_lease(lease)
        state = registry_state(leased, leased.registry.versions(leased.project))
        steps = plan(state, leased.spec, clock.now())
        for step in steps:
            take(leased, step, night, state)
    return steps


def roll_back_now(workspace: Workspace, reason: str, night: Date) -> str:
    """End the rollout that is under way, else restore the previous champion; bar its version; return what was done."""
    return str(_roll_back(workspace.project, reason, night))


@flow(name="rollback")
def _roll_back(project: str, reason: str, night: Date) -> str:
    workspace = open_workspace(project)
    with acquire_lease(workspace.lake, workspace.project, PROMOTION_LEASE) as lease:
        leased = workspace.with_lease(lease)
        if (ended := _end_rollout(leased, reason, night)) is None:
            versions = leased.registry.versions(leased.project)
            state = RegistryState(versions, champion_record(read_entries(leased.lake, leased.project)))
            step = rollback(state, reason, clock.now())
            take(leased, step, night, replace(state, proofs=_rollback_proofs(leased, step, state)))
            return sentence(step)
    _take_all(workspace, night)
    announce_rollouts(workspace, workspace.registry.versions(workspace.project))
    return ended


def _end_rollout(workspace: Workspace, reason: str, night: Date) -> str | None:
    """End the rollout that is under way; return what was done, or None without one."""
    while (last := running_rollout(read_entries(workspace.lake, workspace.project))) is not None:
        text = f"{last.subject} cannot be promoted again: {reason}"
        verdict = RolloutVerdict("rolled_back", 0.0, text)
        step = next_step(last, verdict, StepTime(night, clock.now()), person())
        if append_entry(workspace.lake, workspace.project, step):
            return text
    return None


def _rollback_proofs(workspace: Workspace, step: RollBack, state: RegistryState) -> dict[int, Proof]:
    """Return what is signed about both versions of a rollback; the files of the restored one must verify."""
    proofs = {}
    if (barred := state.version(step.number)) is not None:
        proofs[step.number] = manifest_proof(workspace, barred)
    if (restored := state.version(step.to)) is not None:
        found = proof(workspace, restored, state.record.digest(step.to))
        if found.fault is not None:
            raise EvidenceError(f"version {step.to} cannot be restored: {found.fault}")
        proofs[step.to] = found
    return proofs


def registry_state(workspace: Workspace, versions: list[Version]) -> RegistryState:
    """Return the state that a plan is made from; files are only read if a version may be promoted or put back."""
    entries = read_entries(workspace.lake, workspace.project)
    record = champion_record(entries)
    lake, last_steps = workspace.lake.identity(workspace.project), [steps[-1] for steps in rollouts(entries)]
    state = RegistryState(versions, record, lake=lake, account=account(), rollouts=last_steps)
    rejected = answered(state, workspace.spec, clock.now())
    proofs = {version.number: manifest_proof(workspace, version) for version in rejected}
    proofs |= {version.number: proof(workspace, version) for version in asking(state, workspace.spec)}
    champion = state.version(state.champion)
    recorded = state.champions[0].digest if state.champions else ""
    needed = proofs or state.aliases.get(CHAMPION) != state.champion or not recorded
    champion_proof = proof(workspace, champion, recorded) if champion is not None and needed else None
    if champion_proof is not None and champion_proof.fault is not None:
        logger().error(line("champion_not_verified", version=state.champion, why=champion_proof.fault))
    return replace(state, proofs=proofs, champion_proof=champion_proof)


def take(workspace: Workspace, step: Step, night: Date, state: RegistryState) -> None:
    """Record a step, carry it out, and notify people.

    The record decides which version is champion, so a step is recorded first: after a crash before it is carried out,
    the next run carries it out. A tag on the version marks pending notifications until they are sent: after a crash,
    the next run sends them.
    """
    moment, text = StepTime(night, clock.now()), sentence(step)
    if (answer := approval_entry(step, state, moment)) is not None:
        append_entry(workspace.lake, workspace.project, answer)
    entry = step_entry(step, state, moment, _by(step, state))
    append_entry(workspace.lake, workspace.project, entry)
    logger().info(line("champion_step", action=entry.action, what=text))
    if isinstance(step, Adopt | BeginRollout | EndRollout):
        return
    workspace.registry.set_tag(workspace.project, _version_of(step), TO_TELL, _reference(entry))
    carry_task(step, workspace.project, workspace.registry)
    keep_champions(workspace)
    announce(workspace, entry, _version_of(step), state.versions)


def announce(workspace: Workspace, entry: Entry, number: int, versions: Sequence[Version]) -> None:
    """Show a completed step on the version's card and in the report, send notifications, and remove the pending tag."""
    version = next((version for version in versions if version.number == number), None)
    if entry.action in {"promoted", "rejected"} and version is not None:
        workspace.registry.set_description(workspace.project, number, card_answered(version.description, entry.reason))
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


def proof(workspace: Workspace, version: Version, digest: str = "") -> Proof:
    """Return the evidence in a version's files, after verifying their signature, and the digest if it is recorded."""
    try:
        files, signed = workspace.registry.fetch_signed(version, digest)
    except EvidenceError as error:
        return Proof(None, str(error))
    content = files.get("evidence.json")
    return Proof(json.loads(content) if content else None, signed=signed)


def manifest_proof(workspace: Workspace, version: Version) -> Proof:
    """Return what is signed about a version, without its files."""
    try:
        return Proof(None, signed=workspace.registry.signed(version))
    except EvidenceError as error:
        return Proof(None, str(error))


def _by(step: Step, state: RegistryState) -> tuple[str, str]:
    """Return who caused a step and why: the reason that the person gave, or the rule of the spec."""
    if isinstance(step, RollBack):
        return person(), step.reason
    if isinstance(step, Promote | BeginRollout) and step.automatic:
        return "leeway", f"automation.promote is automatic; {_evidence(step.number, state)}"
    tags = tags_of(step, state)
    if isinstance(step, (Reject, Promote, BeginRollout)) and approval(tags) in {"approved", "rejected"}:
        return tags.get(APPROVER, "a person, in MLflow"), tags.get(ANSWER_REASON, "")
    return "leeway", ""


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


def _action(steps: list[Step]) -> str:
    return ", ".join(map(action_of, steps)) or "none"
