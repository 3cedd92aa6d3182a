"""The record of a project's spec: what it said, from which moment on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from flows.workspace import Workspace
from tasks import clock
from tasks.errors import DataError
from tasks.lake import append_entry, read_entries
from tasks.records import Entry, SpecEntry
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
