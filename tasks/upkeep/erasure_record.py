"""What is known of erasures: the one that was interrupted, and those that are recorded."""

from __future__ import annotations

from datetime import datetime

from tasks.lake import Lake, read_entries
from tasks.upkeep.erasure import ErasurePlan

PLAN = "erasure.json"
SUBJECT = "erasure"
"""The subject of an entry of the decision record that is about an erasure."""


def begun_plan(lake: Lake, project: str) -> ErasurePlan | None:
    """Return the plan of an erasure that is not finished, or None."""
    content = lake.get(project, PLAN)
    return None if content is None else ErasurePlan.from_bytes(content)


def recorded_erasures(lake: Lake, project: str) -> frozenset[str]:
    """Return the names of the erasures that are finished."""
    return frozenset(entry.name for entry in read_entries(lake, project, "upkeep") if entry.subject == SUBJECT)


def last_erasure(lake: Lake, project: str) -> datetime | None:
    """Return when the last recorded erasure began, or None."""
    return max(
        (entry.time for entry in read_entries(lake, project, "upkeep") if entry.subject == SUBJECT), default=None
    )


def erasures_since(lake: Lake, project: str, before: frozenset[str]) -> list[str]:
    """Return the names of the erasures that have begun or were recorded, apart from those recorded before."""
    begun = begun_plan(lake, project)
    now = recorded_erasures(lake, project) | ({begun.name} if begun else set())
    return sorted(now - before)
