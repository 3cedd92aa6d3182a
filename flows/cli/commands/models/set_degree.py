"""`leeway degree`: show the degree of automation with its evidence, and raise it again after it has fallen."""

from __future__ import annotations

from flows.cli.console import screen
from flows.cli.session import lake_of
from flows.steps.actor import person
from flows.steps.in_service.degree_raise import evidence_lines, raised
from tasks import clock
from tasks.dataset.degree_in_force import degree_in_force
from tasks.errors import DataError
from tasks.inference.automation_degree import Degree
from tasks.lake import append_entry, read_entries
from tasks.promote import StepTime
from tasks.promote.degree_request import not_raised
from tasks.records import nights_of
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
    if reasons := not_raised(raise_to, entries, spec):
        raise DataError("; ".join(reasons))
    moment = StepTime(clock.tonight(spec.schedule.time_zone), clock.now())
    entry = raised(entries, (moment.time.isoformat(), raise_to), moment, (person(), reason))
    append_entry(lake, spec.project, entry)
    screen().print(terminal(f"{raise_to} is in force from now on, for the service and the next night"))
