"""Promotion: sees the answer a person gave in MLflow, looks at the evidence again, and only then moves the champion."""

from __future__ import annotations

import hashlib
import json
from datetime import date as Date  # noqa: N812 - the flow's parameter is called `date` in the form people fill in
from datetime import datetime
from typing import Any

from prefect import flow, runtime

from flows.house import House, open_house
from flows.tell import write_report
from tasks import clock
from tasks.errors import EvidenceError
from tasks.lake import Entry, record
from tasks.logs import line, logger
from tasks.notify.task import Event, notify
from tasks.promote import (
    Promote,
    Proof,
    PutBack,
    Refuse,
    Reject,
    RollBack,
    Situation,
    Step,
    asking,
    plan,
    recorded_champion,
    rollback,
    sentence,
)
from tasks.promote.task import carry
from tasks.registry import Version

ACTIONS: dict[type, str] = {
    Promote: "promoted",
    Reject: "rejected",
    Refuse: "refused",
    PutBack: "put_back",
    RollBack: "rolled_back",
}


def _run_name() -> str:
    return f"{runtime.flow_run.parameters['project']}: promote"


@flow(name="promote", flow_run_name=_run_name)
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
    seen = Situation(versions, recorded_champion(versions))
    seen = Situation(versions, seen.recorded, {each.number: proof(house, each) for each in asking(seen, house.spec)})
    steps = plan(seen, house.spec, clock.now())
    for step in steps:
        take(house, step, night)
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
    take(house, step, night)
    return sentence(step)


def take(house: House, step: Step, night: Date) -> None:
    """Write a step down, carry it out, and tell whoever wants to know.

    Written first, so that no step goes unrecorded: after a crash between the two, the next run plans the same step
    again.
    """
    said, moment = sentence(step), clock.now()
    record(house.lake, house.project, _entry(step, said, night, moment))
    carry(step, house.project, house.registry)
    logger().info(line("champion_step", action=ACTIONS[type(step)], what=said))
    write_report(house)
    events: dict[type, Event] = {Promote: "promotion", RollBack: "rollback", PutBack: "alarm"}
    event = events.get(type(step))
    if event and house.spec.notifications:
        notify(house.spec, event, f"{house.project}: {ACTIONS[type(step)]}", said)


def proof(house: House, version: Version) -> Proof:
    """Return what a version's files say, once their signature has been checked."""
    try:
        files = house.registry.fetch(version)
    except EvidenceError as error:
        return Proof(None, str(error))
    held = files.get("evidence.json")
    return Proof(json.loads(held) if held else None)


def _entry(step: Step, said: str, night: Date, moment: datetime) -> Entry:
    return Entry(
        name=_entry_name(step, said, moment),
        kind="rollback" if isinstance(step, RollBack) else "promotion",
        night=night,
        time=moment,
        action=ACTIONS[type(step)],
        subject=_subject(step),
        reason=said,
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
