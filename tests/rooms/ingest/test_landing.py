from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from tasks.ingest import StoredObject, Unplaced, landed
from tasks.spec.models import ProjectSpec

HOUSES = yaml.safe_load(Path(__file__).with_name("houses.yaml").read_text(encoding="utf-8"))


def spec_of(source: dict[str, Any] | None = None, **parts: Any) -> ProjectSpec:
    return ProjectSpec.model_validate({**HOUSES, **parts, "source": HOUSES["source"] | (source or {})})


THEN = datetime(2026, 1, 5, tzinfo=UTC)


def test_a_file_written_late_in_the_evening_belongs_to_that_day_in_the_projects_time_zone() -> None:
    written = [
        StoredObject("a.csv", 9, datetime(2026, 1, 2, 7, 59, tzinfo=UTC)),
        StoredObject("b.csv", 9, datetime(2026, 1, 2, 8, 0, tzinfo=UTC)),
    ]
    spec = spec_of(schedule={"time_zone": "America/Los_Angeles"})
    arrivals = landed(written, "rows", spec, date(2026, 1, 1))
    assert [each.key for each in arrivals.landed] == ["a.csv"]
    assert arrivals.landed[0].arrival == date(2026, 1, 1)
    assert arrivals.landed[0].kind == "rows"


def test_objects_are_ordered_by_arrival_and_then_by_key() -> None:
    keys = ["a/2026-01-03.csv", "b-2026-01-02.csv", "a-2026-01-02.csv"]
    arrivals = landed(
        [StoredObject(key, 1, THEN) for key in keys], "labels", spec_of({"arrival": "filename"}), date(2026, 1, 9)
    )
    assert [each.key for each in arrivals.landed] == ["a-2026-01-02.csv", "b-2026-01-02.csv", "a/2026-01-03.csv"]


def test_a_file_without_a_valid_date_in_its_own_name_is_told_apart_and_not_lost() -> None:
    keys = ["2026-01-02/notes.csv", "2026-13-01.csv", "12026-01-021.csv", "2026-02-30_2026-01-04.csv"]
    arrivals = landed(
        [StoredObject(key, 1, THEN) for key in keys], "rows", spec_of({"arrival": "filename"}), date(2026, 1, 9)
    )
    assert [(each.key, each.arrival) for each in arrivals.landed] == [("2026-02-30_2026-01-04.csv", date(2026, 1, 4))]
    assert [each.key for each in arrivals.unplaced] == ["12026-01-021.csv", "2026-01-02/notes.csv", "2026-13-01.csv"]
    assert {each.reason for each in arrivals.unplaced} == {"no_date_in_name"}


def test_a_key_that_leads_out_of_its_place_is_never_taken_in() -> None:
    keys = ["q/../../etc/passwd", "/etc/passwd", "a\\..\\b.csv", "a\n2026-01-01.csv"]
    arrivals = landed([StoredObject(key, 1, THEN) for key in keys], "rows", spec_of(), date(2026, 1, 9))
    assert arrivals.landed == ()
    assert set(arrivals.unplaced) == {Unplaced(key, "unsafe_key") for key in keys}


def test_the_stamp_changes_when_an_object_is_written_again() -> None:
    versions = [
        StoredObject("a.csv", 9, THEN),
        StoredObject("a.csv", 10, THEN),
        StoredObject("a.csv", 9, THEN.replace(hour=1)),
    ]
    stamps = {landed([each], "rows", spec_of(), date(2026, 1, 9)).landed[0].stamp for each in versions}
    assert len(stamps) == 3
