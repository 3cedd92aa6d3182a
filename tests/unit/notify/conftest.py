from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tasks.lake import Entry
from tasks.spec import ProjectSpec

FIRST = date(2026, 2, 1)
ALL = ["alarm", "quarantine", "approval", "promotion", "rollback", "failure"]
Night = Callable[..., Entry]
Event = Callable[..., Entry]
Spec = Callable[..., ProjectSpec]


@pytest.fixture
def spec() -> Spec:
    def made(*channels: dict[str, object]) -> ProjectSpec:
        return ProjectSpec.model_validate({
            "project": "mine",
            "scope": {"owner": "me", "objective": "x", "metric": "mean_absolute_error"},
            "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
            "features": {"numbers": ["a"]},
            "notifications": list(channels) or [{"to": "env:TEAM", "on": ALL}],
        })  # fmt: skip

    return made


@pytest.fixture
def night() -> Night:
    """A night, `day` days after the first of February 2026, with the columns that are past their leeway."""

    def made(day: int = 0, action: str = "hold", columns: tuple[str, ...] = (), **details: object) -> Entry:
        moment = datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), UTC)
        moved = [{"column": column, "strain": 2.0} for column in columns]
        held = {"moved": moved, "batches": {}, "answers": []} | details
        return Entry(f"n{day}", "night", moment.date(), moment, action, "so it was", details=held)

    return made


@pytest.fixture
def event() -> Event:
    def made(kind: Any, action: str, day: int = 0, subject: str = "version 2") -> Entry:
        moment = datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), UTC) + timedelta(hours=12)
        return Entry(f"{kind} {action} {day}", kind, moment.date(), moment, action, "as it is", subject=subject)

    return made
