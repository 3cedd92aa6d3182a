from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tasks.lake import Entry
from tasks.spec import ProjectSpec

FIRST = date(2026, 2, 1)
HOSTILE = "<script>alert('1')</script>"
Night = Callable[..., Entry]
Event = Callable[..., Entry]


def bounded(value: float, leeway: float = 0.1) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "expected": 1.0, "leeway": leeway}


def shifted(column: str, strain: float, statistic: str = "wasserstein") -> dict[str, Any]:
    """Give a column that moved a share of its leeway of 0.25."""
    distance = strain * 0.25
    return {
        "column": column,
        "statistic": statistic,
        "distance": distance,
        "leeway": 0.25,
        "creep": False,
        "strain": strain,
    }


@pytest.fixture
def spec() -> ProjectSpec:
    return ProjectSpec.model_validate({
        "project": "mine",
        "scope": {"owner": "<b>me</b>", "objective": "x & y", "metric": "mean_absolute_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y", "delay_days": 14}},
        "features": {"numbers": ["a"]},
        "gate": {"min_rows": 200},
    })  # fmt: skip


@pytest.fixture
def night() -> Night:
    """A night, `day` days after the first of February 2026."""

    def made(day: int = 0, action: str = "score", reason: str = "within leeway", **details: object) -> Entry:
        usual = {"rows": 10, "labels": 5, "quarantined": 1, "answers": [], "moved": [], "batches": {}}
        moment = datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), UTC)
        return Entry(
            name=f"n{day}",
            kind="night",
            night=moment.date(),
            time=moment,
            action=action,
            reason=reason,
            drift="covariate",
            details=usual | details,
        )

    return made


@pytest.fixture
def event() -> Event:
    """Something else that was done, at noon of a day."""

    def made(kind: Any, action: str, day: int = 0, subject: str = "version 2", reason: str = "it won") -> Entry:
        moment = datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), UTC) + timedelta(hours=12)
        return Entry(
            f"{kind} {action} {day}", kind, moment.date(), moment, action, reason, subject=subject, actor="ana"
        )

    return made
