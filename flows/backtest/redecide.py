"""A night decided once more, from what is stored: the same profiles, answers and labels come to the same decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from flows.steps.decision_record import NightContext, situation
from flows.workspace import Workspace
from tasks.dataset.night_data import NightData
from tasks.decide import decide
from tasks.errors import DataError
from tasks.lake import deliveries, read_entries
from tasks.monitor.measure import MonitoringResult
from tasks.monitor.task import measure_drift
from tasks.records import Decision, NightEntry, nights_of


def redecide(workspace: Workspace, night: date) -> tuple[NightEntry, Decision]:
    """Return a night's decision as it was written down, and as it comes out now.

    They differ where something that counted then does not count now (a delivery that was corrected or let in since), or
    where the policy was changed.

    Raises
    ------
    DataError
        There is no such night, or its champion is gone from the registry.
    """
    record = read_entries(workspace.lake, workspace.project)
    mine = [entry for entry in nights_of(record) if entry.night == night]
    if not mine:
        raise DataError(f"{workspace.project} has no decision for {night}")
    then = mine[-1]
    number = then.champion
    version = None if number is None else workspace.registry.version(workspace.project, number)
    if number is not None and version is None:
        raise DataError(f"version {number}, which was champion on {night}, is no longer in {workspace.registry.url}")
    champion = None if version is None else workspace.load(version.number)
    past = [entry for entry in record if entry.time < then.time]
    data = NightData(
        workspace.lake,
        workspace.spec,
        night,
        deliveries(workspace.lake, workspace.project),
        entries=past,
        aliases=workspace.registry.aliases(workspace.project),
    )
    context = NightContext(workspace, champion, data, decided_at=then.time)
    view = MonitoringResult()
    if champion is not None:
        view = measure_drift(data, champion.baseline, features=workspace.features)
    seen = replace(situation(context, view), waiting=then.waiting, downstream=then.downstream)
    return then, decide(seen, workspace.spec)
