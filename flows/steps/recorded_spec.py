"""The record of a project's spec: what it said, from which moment on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from flows.workspace import Workspace
from tasks import clock
from tasks.agreement import changed_meaning
from tasks.errors import DataError, SpecError
from tasks.lake import append_entry, deliveries, kind_conflicts, read_entries
from tasks.records import Entry, MigrationEntry, SpecEntry
from tasks.spec import spec_changes, spec_content, spec_of

SHOWN = 3


def record_spec(workspace: Workspace, night: date) -> None:
    """Record the spec if it says something else than the one recorded last; a repeated call records nothing."""
    earlier = read_entries(workspace.lake, workspace.project, "spec")
    last = _last(earlier)
    content, moment = spec_content(workspace.spec), clock.now()
    before = _as_read_now(last, workspace.project) if last else {}
    if before == content:
        return
    changes = spec_changes(before, content) if last else []
    more = [f"and {len(changes) - SHOWN} more"] if len(changes) > SHOWN else []
    entry = SpecEntry(
        name=f"{len(earlier) + 1}/{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]}",
        night=night,
        time=moment,
        action="changed" if last else "recorded",
        reason="; ".join([*changes[:SHOWN], *more]) or "the spec as the first run found it",
        content=content,
    )
    append_entry(workspace.lake, workspace.project, entry)


def require_agreement(workspace: Workspace) -> None:
    """Refuse a spec that what is stored does not fit: as it was taken in, or after `leeway migrate`, it does.

    Raises
    ------
    SpecError
        A column is stored in another kind, or what identifies a row, or the label, means something else.
    """
    record = read_entries(workspace.lake, workspace.project)
    conflicts = [conflict.sentence for conflict in kind_conflicts(workspace.lake, workspace.spec)]
    stored = deliveries(workspace.lake, workspace.project)
    if faults := [*changed_meaning(record, workspace.spec, stored), *conflicts]:
        raise SpecError(faults)


def renamed_to(record: Iterable[Entry]) -> str | None:
    """Return the name that the record says the project has since it was renamed last; None if it never was."""
    names = [each.subject for each in record if isinstance(each, MigrationEntry) and each.action == "renamed"]
    return names[-1] if names else None


def require_own_name(workspace: Workspace) -> None:
    """Refuse to run a project that is being renamed, under either name.

    Raises
    ------
    SpecError
        Its renaming was interrupted.
    """
    lake, project = workspace.lake, workspace.project
    name = renamed_to(read_entries(lake, project))
    unmoved = [each for each in workspace.spec.formerly if renamed_to(read_entries(lake, each)) == project]
    if name not in {None, project} or unmoved:
        old, new = (unmoved[0], project) if unmoved else (project, name)
        raise SpecError([f"{old} is being renamed to {new}, and this was interrupted: `leeway rename {old} {new}`"])


def with_spec_of(workspace: Workspace, record: Sequence[Entry], moment: datetime) -> Workspace:
    """Return the workspace with the spec that counted at a moment, or as it is if the record has none yet.

    The project keeps the name it has now.

    Raises
    ------
    DataError
        This version of Leeway refuses that spec.
    """
    then = _last([entry for entry in record if isinstance(entry, SpecEntry) and entry.time <= moment])
    if then is None:
        return workspace
    return replace(workspace, spec=spec_of(then.content, workspace.project))


def _as_read_now(entry: SpecEntry, project: str) -> Mapping[str, Any]:
    """Return the content of a recorded spec with the keys of this version; as it is if this version refuses it."""
    try:
        return spec_content(spec_of(entry.content, project))
    except DataError:
        return entry.content


def _last(record: Sequence[Entry]) -> SpecEntry | None:
    return next((entry for entry in reversed(record) if isinstance(entry, SpecEntry)), None)
