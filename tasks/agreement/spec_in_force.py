"""What a project's spec said when its last night was decided, of what gives stored rows and labels their meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.lake import Deliveries
from tasks.records import Entry, MigrationEntry, NightEntry, SpecEntry
from tasks.spec import ProjectSpec

FIXED = {"source.id": "rows", "source.identity": "rows", "source.event_time": "rows", "training.task": "labels"}
"""Keys that must not change once rows are stored, and what they give its meaning."""
NOTHING = Deliveries(())


def label_in_force(record: Iterable[Entry], stored: Deliveries = NOTHING) -> str | None:
    """Return the name that the label had on the last decided night, or was given since; None before the first.

    Parameters
    ----------
    record : iterable of Entry
        The decision record, oldest first.
    stored : Deliveries
        What was taken in: a night that was killed, or one that decides nothing, has stored rows too.
    """
    known = list(record)
    content = _content(known, stored)
    renamed = [each.subject for each in known if isinstance(each, MigrationEntry) and each.action == "relabelled"]
    return None if content is None else renamed[-1] if renamed else str(_value(content, "source.label.column"))


def changed_meaning(record: Sequence[Entry], spec: ProjectSpec, stored: Deliveries = NOTHING) -> list[str]:
    """Return a sentence for each change of a spec after which stored rows or labels would mean something else.

    Parameters
    ----------
    record : sequence of Entry
        The decision record, oldest first.
    stored : Deliveries
        What was taken in.
    """
    content = _content(record, stored)
    if content is None:
        return []
    now, project = spec.model_dump(mode="json"), spec.project
    found = [
        f"{key} was {_value(content, key)!r} and is {_value(now, key)!r}; the {kept} that are stored were taken in by "
        "the former: undo the change, or begin a project under another name"
        for key, kept in FIXED.items()
        if _value(content, key) not in (None, _value(now, key))
    ]
    before, label = label_in_force(record, stored), spec.source.label.column
    if before != label:
        found.append(
            f"the label was {before!r} and is {label!r}; `leeway migrate {project} --same-label` says that it is the "
            "same value under another name, otherwise begin a project under another name"
        )
    return found


def _content(record: Sequence[Entry], stored: Deliveries) -> Mapping[str, Any] | None:
    """Return the spec by which the newest night was decided, or the newest delivery taken in."""
    taken_in = {batch.batch_id: batch.time for batch in reversed(stored.revisions) if not batch.is_placeholder}
    moments = [*(entry.time for entry in record if isinstance(entry, NightEntry)), *taken_in.values()]
    if not moments:
        return None
    before = [entry for entry in record if isinstance(entry, SpecEntry) and entry.time <= max(moments)]
    return before[-1].content if before else None


def _value(content: Mapping[str, Any], key: str) -> Any:
    """Return what a spec says under a key; None if a version of Leeway recorded it that did not have the key.

    >>> _value({"source": {"id": ["sale"]}}, "source.id"), _value({"source": {}}, "source.identity")
    (['sale'], None)
    """
    found: Any = content
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
