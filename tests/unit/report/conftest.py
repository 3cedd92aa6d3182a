from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tasks.records import NightEntry
from tasks.spec import ProjectSpec
from tests.recorded_entries import SPEC, decided_night

HOSTILE = "<script>alert('1')</script>"
Night = Callable[..., NightEntry]


@pytest.fixture
def spec() -> ProjectSpec:
    scope = SPEC.scope.model_copy(update={"owner": "<b>me</b>", "objective": "x & y"})
    return SPEC.model_copy(update={"scope": scope})


@pytest.fixture
def night(spec: ProjectSpec) -> Night:
    """A night, `day` days after the first of February 2026, decided from the facts that a test names."""

    def made(day: int = 0, **facts: Any) -> NightEntry:
        return decided_night(day, **({"spec": spec} | facts))

    return made
