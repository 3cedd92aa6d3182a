"""A night is decided again from what is stored: the same deliveries, predictions and labels give the same decision."""

from __future__ import annotations

from datetime import date

from flows.steps.lineage import upstream
from flows.steps.night_context import NightContext, as_recorded, situation
from flows.steps.recorded_spec import with_spec_of
from flows.workspace import Workspace
from tasks.dataset.night_data import NightData
from tasks.decide import decide
from tasks.errors import DataError
from tasks.lake import deliveries, read_entries
from tasks.monitor.task import measure_drift
from tasks.promote.recorded_aliases import recorded_aliases
from tasks.records import Decision, MonitoringResult, NightEntry, nights_of


def redecide(workspace: Workspace, night: date) -> tuple[NightEntry, Decision]:
    """Return a night's decision as it was written down, and as it comes out now, from what was known then.

    It is decided by the spec that counted then. They differ where the code was changed since, or where what the night
    rested on was removed.

    Raises
    ------
    DataError
        There is no such night, or its champion is gone from the registry.
    """
    record = read_entries(workspace.lake, workspace.project)
    entry = next((entry for entry in reversed(nights_of(record)) if entry.night == night), None)
    if entry is None:
        raise DataError(f"{workspace.project} has no decision for {night}")
    number, past = entry.champion, [earlier for earlier in record if earlier.time < entry.time]
    if number is not None and workspace.registry.version(workspace.project, number) is None:
        raise DataError(f"version {number}, which was champion on {night}, is no longer in {workspace.registry.url}")
    champion = None if number is None else workspace.load(number, record)
    workspace = with_spec_of(workspace, record, entry.time).reading_for(champion)
    known = deliveries(workspace.lake, workspace.project).as_of(entry.time)
    aliases = recorded_aliases(past)
    data = NightData(workspace.lake, workspace.spec, night, known, entries=past, aliases=aliases)
    measured = MonitoringResult()
    if champion is not None:
        measured = measure_drift(data, champion.baseline, summaries=workspace.summaries(champion.ruler))
    context = NightContext(champion, data, workspace.load, upstream(workspace, night, entry.time))
    return entry, decide(situation(as_recorded(context, entry), measured), workspace.spec)
