from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.ingest import StoredObject, Unplaced, landed
from tasks.spec.project_spec import ProjectSpec

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


def test_a_file_without_a_valid_date_in_its_own_name_is_reported_and_not_lost() -> None:
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


def test_a_delivery_written_a_moment_ago_waits_for_a_later_night() -> None:
    spec, now = spec_of({"settle_minutes": 30}), THEN.replace(hour=2)
    written = [
        StoredObject("a.csv", 1, THEN.replace(hour=1)),
        StoredObject("b.csv", 1, THEN.replace(hour=1, minute=31)),
    ]
    arrivals = landed(written, "rows", spec, date(2026, 1, 5), now)
    assert [each.key for each in arrivals.landed] == ["a.csv"]
    assert arrivals.waiting == (Unplaced("b.csv", "not_settled"),)
    assert arrivals.unplaced == ()
    later = landed(written, "rows", spec, date(2026, 1, 6), now + timedelta(days=1))
    assert [each.key for each in later.landed] == ["a.csv", "b.csv"]


def test_without_a_moment_or_a_rule_nothing_is_too_young() -> None:
    written = [StoredObject("a.csv", 1, THEN)]
    assert len(landed(written, "rows", spec_of({"settle_minutes": 30}), date(2026, 1, 5)).landed) == 1
    assert len(landed(written, "rows", spec_of(), date(2026, 1, 5), THEN).landed) == 1


@pytest.mark.parametrize(
    ("batch", "marker", "keys", "complete"),
    [
        ("object", "_SUCCESS", ["a/1.csv", "a/_SUCCESS", "b/1.csv", "c.csv"], ["a/1.csv"]),
        ("object", "_SUCCESS", ["a.csv", "_SUCCESS"], ["a.csv"]),
        ("object", ".done", ["a.csv", "a.csv.done", "b.csv", "b.done"], ["a.csv"]),
        ("folder", "_SUCCESS", ["a/1.csv", "a/x/2.csv", "a/_SUCCESS", "b/1.csv", "b/x/_SUCCESS"], ["a"]),
        ("folder", ".done", ["a/1.csv", "a.done", "b/1.csv", "b/1.csv.done"], ["a"]),
    ],
)
def test_a_delivery_waits_for_its_marker_which_is_no_delivery(
    batch: str, marker: str, keys: list[str], complete: list[str]
) -> None:
    spec = spec_of({"batch": batch, "complete_marker": marker})
    arrivals = landed([StoredObject(key, 1, THEN) for key in keys], "rows", spec, date(2026, 1, 9))
    assert [each.key for each in arrivals.landed] == complete
    assert {each.reason for each in arrivals.waiting} <= {"not_complete"}


def test_all_objects_of_a_sub_folder_are_one_delivery() -> None:
    spec = spec_of({"batch": "folder"})
    written = [
        StoredObject("b/part-2.csv", 2, THEN),
        StoredObject("b/part-1.csv", 3, THEN.replace(day=6)),
        StoredObject("a/x=1/part.csv", 5, THEN),
        StoredObject("alone.csv", 7, THEN),
    ]
    found = landed(written, "rows", spec, date(2026, 1, 9)).landed
    assert [(each.key, each.parts, each.size_bytes, each.arrival.day) for each in found] == [
        ("a", ("a/x=1/part.csv",), 5, 5),
        ("alone.csv", (), 7, 5),
        ("b", ("b/part-1.csv", "b/part-2.csv"), 5, 6),
    ]
    assert landed(written[:1], "rows", spec, date(2026, 1, 9)).landed[0].stamp != found[-1].stamp


def test_a_folder_of_an_export_lands_on_the_date_in_its_name_and_waits_for_all_its_objects_to_settle() -> None:
    spec = spec_of({"batch": "folder", "arrival": "filename", "settle_minutes": 10})
    written = [StoredObject("2026-01-02/1.csv", 1, THEN), StoredObject("2026-01-02/2.csv", 1, THEN.replace(hour=1))]
    assert landed(written, "rows", spec, date(2026, 1, 2), THEN.replace(hour=1, minute=5)).waiting
    assert landed(written, "rows", spec, date(2026, 1, 2), THEN.replace(hour=2)).landed[0].arrival == date(2026, 1, 2)


def test_deliveries_of_one_day_are_ordered_by_the_moment_at_which_they_were_written() -> None:
    hours = {"a.csv": 18, "b.csv": 8, "c.csv": 18}
    written = [StoredObject(key, 1, THEN.replace(hour=hour)) for key, hour in hours.items()]
    arrivals = landed(written, "labels", spec_of(), date(2026, 1, 9))
    assert [(each.key, each.moment) for each in arrivals.landed] == [
        (key, THEN.replace(hour=hours[key])) for key in ("b.csv", "a.csv", "c.csv")
    ]


def test_a_file_with_a_time_that_has_not_come_waits_and_is_named() -> None:
    written = [StoredObject("a.csv", 1, THEN), StoredObject("b.csv", 1, THEN + timedelta(days=400))]
    arrivals = landed(written, "rows", spec_of(), date(2026, 1, 9), THEN + timedelta(days=4))
    assert [each.key for each in arrivals.landed] == ["a.csv"]
    assert arrivals.waiting == (Unplaced("b.csv", "in_the_future"),)
    later = landed(written, "rows", spec_of(), date(2026, 1, 4), THEN + timedelta(days=4))
    assert later.waiting == (Unplaced("b.csv", "in_the_future"),)  # a.csv belongs to a later night than the 4th
