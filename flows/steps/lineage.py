"""Related projects: upstream ones, with rows or answers that this one uses, and downstream ones, which use its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from flows.workspace import Workspace
from tasks.errors import SpecError
from tasks.lake import read_nights
from tasks.logs import line, logger
from tasks.records import NightEntry, UpstreamState
from tasks.spec import ProjectSpec, read_spec
from tasks.spec.data_sections import UpstreamProject
from tasks.spec.find_project import FILE

PREDICTION = "prediction"
LABELS_SAY = {"concept", "both", "prior", "slice"}  # kinds of drift that are about answers
TO_LOOK_INTO = {"quarantine", "ask"}


def upstream(workspace: Workspace, night: date, before: datetime | None = None) -> tuple[UpstreamState, ...]:
    """Return the newest nights of the projects upstream, as far as the lake knows them: see `upstream_states`."""
    records = {other.project: read_nights(workspace.lake, other.project) for other in workspace.spec.upstream}
    return upstream_states(workspace.spec, records, night, before)


def upstream_states(
    spec: ProjectSpec, records: Mapping[str, Sequence[NightEntry]], night: date, before: datetime | None = None
) -> tuple[UpstreamState, ...]:
    """Return the newest night of each project upstream within the window, one with trouble before all others.

    Parameters
    ----------
    records : mapping of str to sequence of NightEntry
        The nights of each project upstream, oldest first.
    before : datetime, optional
        What was decided later is left out, so that a night can be decided again as it was.
    """
    since = night - timedelta(days=spec.monitoring.window_days)
    states = []
    for declared in spec.upstream:
        known = {
            entry.night: entry
            for entry in records.get(declared.project, ())
            if since < entry.night <= night and (before is None or entry.time < before)
        }
        seen = [_seen(declared, known[day]) for day in sorted(known, reverse=True)]
        newest = seen[0] if seen else UpstreamState(declared.project, declared.use)
        states.append(next((state for state in seen if state.troubled), newest))
    return tuple(states)


def downstream(workspace: Workspace) -> tuple[str, ...]:
    """Return the projects that declare this one as upstream, directly or through others; the nearest first."""
    specs = _neighbours(workspace)
    projects: list[str] = []
    asked = [workspace.project]
    for name in asked:
        users = [spec.project for spec in specs if name in {other.project for other in spec.upstream}]
        new = [user for user in users if user not in {*projects, workspace.project}]
        projects += new
        asked += new
    return tuple(projects)


def _seen(declared: UpstreamProject, entry: NightEntry) -> UpstreamState:
    """Return a night of an upstream project, as far as it concerns what is used of it."""
    past = dict.fromkeys(
        statistic.subject for statistic in entry.moved if statistic.strain > 1 and _used(declared, statistic.column)
    )
    answers = declared.use == "model" and entry.drift in LABELS_SAY
    suspected = any(state.open and state.of_values for state in entry.suspected)
    troubled = entry.action in TO_LOOK_INTO or bool(past) or answers or suspected
    decision = entry.night, entry.action, entry.drift
    return UpstreamState(declared.project, declared.use, *decision, tuple(past), troubled, suspected)


def _used(declared: UpstreamProject, column: str) -> bool:
    return (column == PREDICTION) == (declared.use == "model")


def _neighbours(workspace: Workspace) -> list[ProjectSpec]:
    """Return the neighbouring specs that name an upstream project; a spec that cannot be read is left out."""
    specs = []
    for path in sorted(workspace.folder.parent.glob(f"*/{FILE}")):
        if path.parent == workspace.folder or "upstream" not in path.read_text(encoding="utf-8", errors="replace"):
            continue
        try:
            specs.append(read_spec(path))
        except SpecError as error:
            logger().warning(line("spec_unreadable", path=path, why=error))
    return specs
