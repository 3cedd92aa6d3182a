"""`leeway degree`: show the degree of automation with its evidence, and raise it again after it has fallen."""

from __future__ import annotations

from flows.cli.console import screen
from flows.cli.session import lake_of
from flows.steps.actor import person
from tasks import clock
from tasks.dataset.degree_in_force import degree_in_force
from tasks.errors import DataError
from tasks.inference.automation_degree import Degree, lower_degree
from tasks.lake import append_entry, read_entries
from tasks.records import DegreeEntry, NightEntry, nights_of
from tasks.render.safe_text import terminal


def set_degree(project: str, raise_to: Degree | None, reason: str) -> None:
    """Show the degree in force and what it rests on; with `raise_to`, record that a person raises it.

    Raises
    ------
    DataError
        The degree is none that can be raised to: it is in force, lower, or above that of the spec.
    """
    spec, lake = lake_of(project)
    entries, allowed = read_entries(lake, spec.project), spec.automation.degree
    now = degree_in_force(entries, allowed)
    shown = evidence_lines(nights_of(entries))
    for text in (f"{spec.project}: {now} is in force, automation.degree is {allowed}", *shown):
        screen().print(terminal(text))
    if raise_to is None:
        return
    if lower_degree(raise_to, now) == raise_to or lower_degree(raise_to, allowed) != raise_to:
        raise DataError(
            f"{raise_to} cannot be raised to: {now} is in force, and automation.degree of the spec allows {allowed}; "
            "a degree above that is set in project.yaml"
        )
    moment = clock.now()
    entry = DegreeEntry(
        name=moment.isoformat(),
        night=clock.tonight(spec.schedule.time_zone),
        time=moment,
        action=raise_to,
        reason=reason,
        actor=person(),
        evidence="; ".join(shown),
    )
    append_entry(lake, spec.project, entry)
    screen().print(terminal(f"{raise_to} is in force from now on, for the service and the next night"))


def evidence_lines(nights: list[NightEntry]) -> list[str]:
    """Return what the newest nights know of people and the model, a line each."""
    lines = []
    fell = next((night for night in reversed(nights) if night.audit is not None and night.audit.falls_to), None)
    if fell is not None and fell.audit is not None:
        lines.append(f"it fell on {fell.night}: {fell.audit.sentence}")
    newest = nights[-1] if nights else None
    if newest is not None and newest.audit is not None and newest is not fell:
        lines.append(f"audit of {newest.night}: {newest.audit.sentence}")
    if newest is not None and newest.people is not None:
        lines.append(f"people and the model, {newest.night}: {newest.people.sentence}")
    return lines or ["no night has audited or compared anything yet: see audit_share, blind_share and decisions"]
