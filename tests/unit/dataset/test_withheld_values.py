"""Rows of the days of a quarantined delivery of a feature table lack values for a known reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tasks.dataset.withheld_values import withheld_values
from tasks.lake import Batch
from tasks.spec import ProjectSpec

NIGHT = date(2026, 3, 11)
SPEC = ProjectSpec.model_validate(
    {
        "project": "clinic",
        "scope": {"owner": "o", "objective": "x", "metric": "log_loss"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
        "features": {
            "tables": [
                {"name": "v", "uri": "v", "entity": ["p"], "event_time": "at", "columns": {"numbers": ["crp"]}},
            ]
        },
        "training": {"task": "binary"},
        "schedule": {"time_zone": "Europe/Berlin"},
    }
)
EMPTY = Batch.placeholder("a", datetime(2026, 3, 11, tzinfo=UTC))
QUARANTINED = replace(EMPTY, kind="features", key="v/a.csv", verdict="quarantined", night=NIGHT, arrival=NIGHT)


def raw(*times: str) -> list[str]:
    return [json.dumps({"p": "1", "at": at, "crp": "3"}) for at in times]


def test_the_days_are_those_of_the_values_by_the_clock_of_the_project() -> None:
    found = withheld_values([QUARANTINED], SPEC, NIGHT, lambda _: raw("2026-03-09T23:30Z", "soon", "2026-03-10T08:00Z"))
    assert found.spans == ((date(2026, 3, 10), date(2026, 3, 10)),)
    assert found.columns == {"crp"}


@pytest.mark.parametrize(
    "batch",
    [
        replace(QUARANTINED, verdict="released"),
        replace(QUARANTINED, kind="rows", key="a.csv"),
        replace(QUARANTINED, key="left-the-spec/a.csv"),
        replace(QUARANTINED, night=NIGHT + timedelta(days=1)),
    ],
)
def test_only_what_is_quarantined_in_a_table_of_the_spec_by_then_counts(batch: Batch) -> None:
    assert withheld_values([batch], SPEC, NIGHT, lambda _: raw("2026-03-10T08:00Z")).spans == ()


def test_a_gap_of_more_than_a_fortnight_is_how_things_are() -> None:
    days = [f"2026-02-{day:02}T08:00Z" for day in (10, 23)]
    assert withheld_values([QUARANTINED], SPEC, NIGHT, lambda _: raw(*days)).spans
    assert not withheld_values([QUARANTINED], SPEC, NIGHT, lambda _: raw(*days, "2026-02-24T08:00Z")).spans
