from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tasks.records import Action, BatchVerdict, Entry, NightEntry
from tasks.spec import ProjectSpec
from tests.recorded_entries import decided_night, event_entry, moved

ALL = ["alarm", "quarantine", "approval", "promotion", "rollback", "failure"]
Night = Callable[..., NightEntry]
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
    """A night with an action, the columns past their leeway, and the batches that were quarantined."""

    def made(
        day: int = 0,
        action: Action = "hold",
        columns: tuple[str, ...] = (),
        quarantined: tuple[str, ...] = (),
        **facts: Any,
    ) -> NightEntry:
        batches = tuple(BatchVerdict("rows", key, "quarantined") for key in quarantined)
        strained = tuple(moved(column, 2.0) for column in columns)
        decided = decided_night(day, moved=strained, batches=batches, **facts)
        return replace(decided, action=action, reason="so it was")

    return made


@pytest.fixture
def event() -> Event:
    def made(kind: str, action: str, day: int = 0, subject: str = "version 2") -> Entry:
        return event_entry(kind, action, day, subject, "as it is")

    return made
