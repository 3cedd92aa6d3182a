"""Promotion: sees the answer a person gave in MLflow, looks at the evidence again, and only then moves the champion."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from datetime import datetime
from typing import Any

from prefect import flow, runtime

from flows.events import tell_prefect
from flows.house import House, open_house
from flows.person import person
from flows.tell import write_report
from tasks import clock
from tasks.errors import EvidenceError
from tasks.lake import Entry, entries, record
from tasks.logs import line, logger
from tasks.notify.task import tell, tell_failure
from tasks.promote import (
    Promote,
    Proof,
    PutBack,
    Refuse,
    Reject,
    RollBack,
    Situation,
    Step,
    approval,
    asking,
    plan,
    recorded_champion,
    rollback,
    sentence,
)
from tasks.promote.task import carry
from tasks.register import answered
from tasks.registry import Version
from tasks.registry.names import ANSWER_REASON, APPROVER

ACTIONS: dict[type, str] = {
    Promote: "promoted",
    Reject: "rejected",
    Refuse: "refused",
    PutBack: "put_back",
    RollBack: "rolled_back",
}
EVENTS: dict[type, str] = {
    Promote: "model.promoted",
    RollBack: "model.rolled_back",
    PutBack: "champion.put_back",
}


def _run_name() -> str:
    return f"{runtime.flow_run.parameters['project']}: promote"


@flow(name="promote", flow_run_name=_run_name, on_failure=[tell_failure], on_crashed=[tell_failure])
def promote(project: str, date: Date | None = None) -> dict[str, Any]:
    """Carry out what people answered in MLflow, and put back what was moved by hand.

    Parameters
    ----------
    project : str
        Its name: the folder under deployments/.
    date : date, optional
        The night it is recorded under; today when left out.
    """
    house = open_house(project)
    night = date or clock.tonight(house.spec.schedule.time_zone)
    versions = house.registry.versions(house.project)
    steps = plan(seen(house, versions), house.spec, clock.now())
    for step in steps:
        take(house, step, night, versions)
    said = "; ".join(map(sentence, steps)) or "nothing to do"
    return {"night": night.isoformat(), "action": _action(steps), "reason": said}


def roll_back_now(house: House, reason: str, night: Date) -> str:
    """Put the previous champion back and bar the current one; return what was done."""
    return str(_roll_back(house.project, reason, night))


@flow(name="rollback")
def _roll_back(project: str, reason: str, night: Date) -> str:
    house = open_house(project)
    versions = house.registry.versions(house.project)
    step = rollback(Situation(versions, recorded_champion(versions)), reason, clock.now())
    take(house, step, night, versions)
    return sentence(step)


def seen(house: House, versions: list[Version]) -> Situation:
    """Gather all that a plan rests on; files are only looked at when somebody asks for something."""
    account = os.environ.get("MLFLOW_TRACKING_USERNAME")
    picture = Situation(versions, recorded_champion(versions), account=account)
    proofs = {each.number: proof(house, each) for each in asking(picture, house.spec)}
    champion = next((each for each in versions if each.number == picture.champion), None)
    way_back = proof(house, champion).fault if proofs and champion is not None else None
    return replace(picture, proofs=proofs, way_back=way_back)


def take(house: House, step: Step, night: Date, versions: list[Version]) -> None:
    """Write a step down, carry it out, and tell whoever wants to know.

    Written first, so that no step goes unrecorded: after a crash between the two, the next run plans the same step
    again.
    """
    said, moment = sentence(step), clock.now()
    entry = _entry(step, said, (night, moment), _by(step, versions))
    record(house.lake, house.project, entry)
    carry(step, house.project, house.registry)
    _answer_card(house, step, versions, said)
    logger().info(line("champion_step", action=ACTIONS[type(step)], what=said))
    write_report(house)
    if type(step) in EVENTS:
        tell_prefect(house.project, EVENTS[type(step)], {"night": night.isoformat(), "what": said})
    tell(house.lake, house.spec, entry, entries(house.lake, house.project))


def proof(house: House, version: Version) -> Proof:
    """Return what a version's files say, once their signature has been checked."""
    try:
        files = house.registry.fetch(version)
    except EvidenceError as error:
        return Proof(None, str(error))
    held = files.get("evidence.json")
    return Proof(json.loads(held) if held else None)


def _answer_card(house: House, step: Step, versions: list[Version], said: str) -> None:
    """Let a version's card say what became of it, where it asked."""
    asked = next((each for each in versions if each.number == step.number), None)
    if isinstance(step, (Promote, Reject)) and asked is not None:
        house.registry.set_description(house.project, asked.number, answered(asked.description, said))


def _by(step: Step, versions: list[Version]) -> tuple[str, str]:
    """Return who caused a step, as far as is known, and why in that person's words."""
    if isinstance(step, RollBack):
        return person(), step.reason
    tags = next((each.tags for each in versions if each.number == step.number), {})
    answered = isinstance(step, (Reject, Promote)) and approval(tags) in {"approved", "rejected"}
    return tags.get(APPROVER, "a person, in MLflow") if answered else "leeway", tags.get(ANSWER_REASON, "")


def _entry(step: Step, said: str, when: tuple[Date, datetime], by: tuple[str, str]) -> Entry:
    return Entry(
        name=_entry_name(step, said, when[1]),
        kind="rollback" if isinstance(step, RollBack) else "promotion",
        night=when[0],
        time=when[1],
        action=ACTIONS[type(step)],
        subject=_subject(step),
        actor=by[0],
        reason=said,
        details={"because": by[1]} if by[1] else {},
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
    return f"{name}/{hashlib.sha256(said.encode()).hexdigest()[:8]}" if isinstance(step, Refuse) else name


def _action(steps: list[Step]) -> str:
    return ", ".join(ACTIONS[type(step)] for step in steps) or "none"
