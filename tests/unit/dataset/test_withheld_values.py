"""Rows of the days of a quarantined delivery of a feature table lack values for a known reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    assert [gap.columns for gap in found.gaps] == [{"crp"}]


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


def spans_of(covered: Mapping[str, tuple[int, int]], accepted: int = 0) -> list[tuple[int, int]]:
    """Return the days of February that are withheld, as deliveries of some nights of it cover them."""
    batches = [
        replace(QUARANTINED, batch_id=name, night=date(2026, 2, last), key=f"v/{name}.csv")
        for name, (_, last) in covered.items()
    ]
    if accepted:
        batches.append(replace(QUARANTINED, batch_id="ok", verdict="accepted", night=date(2026, 2, accepted)))
    texts = {name: raw(*(f"2026-02-{day:02}T08:00Z" for day in days)) for name, days in covered.items()}
    found = withheld_values(batches, SPEC, NIGHT, lambda batch: texts[batch.batch_id])
    return [(first.day, last.day) for first, last in found.spans]


def test_two_short_gaps_of_a_table_are_both_explained_though_they_have_more_than_a_fortnight_together() -> None:
    assert spans_of({"a": (1, 10), "b": (18, 27)}, accepted=17) == [(1, 10), (18, 27)]


def test_deliveries_of_days_in_a_row_are_one_gap_though_another_file_was_accepted_between() -> None:
    assert spans_of({"a": (1, 7), "b": (8, 14)}, accepted=7) == [(1, 14)]
    assert spans_of({"a": (1, 7), "b": (8, 15)}, accepted=7) == []


def test_days_between_two_deliveries_are_part_of_the_gap_while_none_was_accepted() -> None:
    """As of a table without rows at weekends."""
    weeks = {"a": (2, 6), "b": (9, 13), "c": (16, 20)}
    assert spans_of({name: weeks[name] for name in "ab"}) == [(2, 13)]
    assert spans_of(weeks) == []
    assert spans_of(weeks, accepted=14) == [(2, 13), (16, 20)]


def test_gaps_of_two_tables_are_counted_each_by_itself() -> None:
    other = SPEC.features.tables[0].model_copy(update={"name": "w"})
    features = SPEC.features.model_copy(update={"tables": [*SPEC.features.tables, other]})
    spec = SPEC.model_copy(update={"features": features})
    days = {"v/a.csv": ("01", "08"), "w/a.csv": ("09", "16")}
    batches = [replace(QUARANTINED, key=key, batch_id=key) for key in days]
    found = withheld_values(batches, spec, NIGHT, lambda one: raw(*(f"2026-02-{at}T08:00Z" for at in days[one.key])))
    assert [(first.day, last.day) for first, last in found.spans] == [(1, 8), (9, 16)]
