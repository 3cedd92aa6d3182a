"""Raising the degree of automation after it has fallen: by `leeway degree`, or by a tag in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from flows.steps.actor import account
from flows.workspace import Workspace
from tasks.dataset.degree_in_force import degree_in_force
from tasks.inference.automation_degree import Degree
from tasks.lake import PROMOTION_LEASE, acquire_lease, append_entry, read_entries
from tasks.logs import line, logger
from tasks.promote import UNNAMED, StepTime
from tasks.promote.degree_request import DegreeRequest, degree_refusals, degree_request
from tasks.promote.promotion_plan import refusal
from tasks.records import DegreeEntry, Entry, NightEntry, champion_record, nights_of
from tasks.registry import Version
from tasks.registry.mlflow_names import DEGREE, RAISE_REFUSED


def follow_degree_requests(workspace: Workspace, versions: Sequence[Version], moment: StepTime) -> list[str]:
    """Raise the degree where a person asks for it on the page of the champion; return what was done, in words.

    A request that is not followed gets a tag that says why. One that was followed is removed: of two runs, or after a
    crash, the record has it once.
    """
    requests = [request for version in versions if (request := degree_request(version.number, version.tags))]
    if not requests:
        return []
    with acquire_lease(workspace.lake, workspace.project, PROMOTION_LEASE) as lease:
        leased = workspace.with_lease(lease)
        return [said for request in requests if (said := _followed(leased, request, moment))]


def request_waits(workspace: Workspace, versions: Sequence[Version]) -> bool:
    """Return whether a request is neither followed nor refused for the reasons that count now."""
    asked = [(each, request) for each in versions if (request := degree_request(each.number, each.tags))]
    entries = read_entries(workspace.lake, workspace.project) if asked else []
    refused = [(each.tags.get(RAISE_REFUSED, ""), _refusal(workspace, request, entries)) for each, request in asked]
    return any(not why or shown != why for shown, why in refused)


def _refusal(workspace: Workspace, request: DegreeRequest, entries: Sequence[Entry]) -> str:
    """Return why a request is not followed; empty where it is."""
    champions = champion_record(entries).champions()
    champion = champions[0].number if champions else None
    reasons = degree_refusals(request, champion, account(), entries, workspace.spec)
    return refusal(reasons) if reasons else ""


def _followed(workspace: Workspace, request: DegreeRequest, moment: StepTime) -> str:
    entries, registry, project = read_entries(workspace.lake, workspace.project), workspace.registry, workspace.project
    by, name = request.by or UNNAMED, f"{request.version}/{request.asked}/{_fall_of(entries)}"
    if not _is_recorded(workspace, entries, (name, request.asked), by):
        if refused := _refusal(workspace, request, entries):
            registry.set_tag(project, request.version, RAISE_REFUSED, refused)
            return ""
        entry = raised(entries, (name, request.asked), moment, (by, request.reason))
        append_entry(workspace.lake, project, entry)
    said = f"the degree of automation is raised to {request.asked}"
    registry.set_tag(project, request.version, DEGREE, f"{request.asked}: raised by {by}")
    for tag in (*request.tags, RAISE_REFUSED):
        registry.delete_tag(project, request.version, tag)
    logger().info(line("degree_raised", to=request.asked, by=by))
    return said


def _is_recorded(workspace: Workspace, entries: Sequence[Entry], to: tuple[str, str], by: str) -> bool:
    """Return whether the record has this request of this person, and it counts: a run crashed before it removed it."""
    name, asked = to
    recorded = any(isinstance(entry, DegreeEntry) and (entry.name, entry.actor) == (name, by) for entry in entries)
    return recorded and degree_in_force(entries, workspace.spec.automation.degree) == asked


def _fall_of(entries: Sequence[Entry]) -> str:
    """Return the name of the last night on which the degree fell: one fall is raised once to each degree."""
    falls = [night for night in nights_of(entries) if night.audit is not None and night.audit.falls_to]
    return falls[-1].name if falls else ""


def raised(entries: Sequence[Entry], to: tuple[str, str], moment: StepTime, who: tuple[str, str]) -> DegreeEntry:
    """Return the entry of a degree that a person has raised.

    Parameters
    ----------
    entries : sequence of Entry
        The decision record, oldest first: what the person was shown is of it.
    to : (str, str)
        The name of the entry, and the degree.
    who : (str, str)
        The person, and the reason.
    """
    return DegreeEntry(
        name=to[0],
        night=moment.night,
        time=moment.time,
        action=cast("Degree", to[1]),
        actor=who[0],
        reason=who[1],
        evidence="; ".join(evidence_lines(nights_of(entries))),
    )


def evidence_lines(nights: Sequence[NightEntry]) -> list[str]:
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
