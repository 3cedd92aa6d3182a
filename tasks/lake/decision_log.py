"""The record: a row of `decisions` for each night, retraining, promotion, rollback, release and review."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import pandas as pd

from tasks.lake.lake import Lake

Event = Literal["night", "retraining", "promotion", "rollback", "release", "upkeep", "notification", "review"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done: what, to what (`subject`), by whom, why, and the numbers it rests on."""

    name: str
    kind: Event
    night: date
    time: datetime
    action: str
    reason: str
    subject: str = ""
    actor: str = "leeway"
    drift: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def append_entry(lake: Lake, project: str, entry: Entry) -> bool:
    """Write an entry once: a second one of the same kind and name is not written; return whether this call wrote it."""
    row = {
        "name": entry.name,
        "kind": entry.kind,
        "night": entry.night,
        "time": entry.time,
        "action": entry.action,
        "drift": entry.drift,
        "subject": entry.subject,
        "actor": entry.actor,
        "reason": entry.reason,
        "details": json.dumps(entry.details, sort_keys=True),
    }
    return lake.append_if_absent(project, "decisions", pd.DataFrame([row]), f"{entry.kind}/{entry.name}")


def read_entries(lake: Lake, project: str, *kinds: Event) -> list[Entry]:
    """Return the record, oldest first, of the kinds asked for (all when none is named)."""
    frame = lake.read(project, "decisions").sort_values(["time", "name"], kind="stable")
    wanted = frame[frame["kind"].isin(kinds)] if kinds else frame
    return [_entry({str(name): value for name, value in row.items()}) for row in wanted.to_dict("records")]


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(**(row | {"details": json.loads(row["details"]), "time": row["time"].to_pydatetime()}))
