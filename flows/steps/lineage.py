"""Related projects: upstream ones, with rows or answers that this one uses, and downstream ones, which use its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from flows.workspace import Workspace
from tasks.errors import SpecError
from tasks.lake import read_nights
from tasks.logs import line, logger
from tasks.records import NightEntry, UpstreamState, WhereFirst
from tasks.spec import ProjectSpec, read_spec
from tasks.spec.find_project import FILE
from tasks.spec.spec_sections.source_sections import UpstreamProject

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

    Of a model with answers that may have been wrong since the first rows that this project is judged by, it is the
    newest such night, if none within the window had trouble.

    Parameters
    ----------
    records : mapping of str to sequence of NightEntry
        The nights of each project upstream, oldest first.
    before : datetime, optional
        What was decided later is left out, so that a night can be decided again as it was.
    """
    since = night - timedelta(days=spec.monitoring.window_days)
    judged_since = spec.matured_until(night) - timedelta(days=spec.monitoring.cohort_days)
    states = []
    for declared in spec.upstream:
        known = {
            entry.night: entry
            for entry in records.get(declared.project, ())
            if entry.night <= night and (before is None or entry.time < before)
        }
        seen = [_seen(declared, known[day]) for day in sorted(known, reverse=True) if day > since]
        newest = seen[0] if seen else UpstreamState(declared.project, declared.use)
        if declared.use == "model":
            doubted = _doubted_until([known[day] for day in sorted(known)], judged_since, spec.monitoring.window_days)
            newest = newest if doubted is None else _seen(declared, known[doubted])
            newest, seen = (
                replace(newest, doubted_until=doubted),
                [replace(each, doubted_until=doubted) for each in seen],
            )
        states.append(next((state for state in seen if state.troubled), newest))
    return tuple(states)


def _doubted_until(nights: Sequence[NightEntry], since: date, window_days: int) -> date | None:
    """Return the newest night, after a day, on which the answers of a model may have been wrong; None without one.

    They may be wrong where its error is past its leeway, and where its answers have moved and its labels do not say
    yet that they are right: those of a whole window since, with an error within its leeway. So may they where those of
    a model upstream of it may be wrong.
    """
    doubted, moved_since = list[date](), None
    for entry in nights:
        moved = any(statistic.column == PREDICTION and statistic.strain > 1 for statistic in entry.moved)
        moved_since = (moved_since or entry.night) if moved else None
        found, passed_on = entry.performance, [state.doubted_until for state in entry.upstream if state.doubted_until]
        wrong = found is not None and found.past_leeway
        cleared = moved_since is None or (
            found is not None and found.within_leeway and found.end >= moved_since + timedelta(days=window_days)
        )
        doubted += [entry.night] if wrong or not cleared else passed_on
    return max((night for night in doubted if night > since), default=None)


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
    began = _began(declared, entry) if troubled else ""
    return UpstreamState(declared.project, declared.use, *decision, tuple(past), troubled, suspected, began)


def _began(declared: UpstreamProject, entry: NightEntry) -> str:
    """Return where the trouble of an upstream project began; of a data set that is named by its columns, only upstream.

    Its own night has recorded what it saw of the projects upstream of it, so the first of a chain is passed on.
    """
    for state in entry.upstream:
        if state.troubled:
            return state.began or f"the {state.use} of {state.project}"
    where = entry.answer(WhereFirst)
    first_step = where.first_step if where is not None and declared.use == "model" else ""
    return f"{first_step} of {declared.project}" if first_step else ""


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
