"""What identifies a row and which delivery is the newest, in a real lake: ids used again, corrected times, labels."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.dataset.feature_assembly import feature_values
from tasks.dataset.known_rows import known_rows
from tasks.errors import SpecError
from tasks.features import as_of
from tasks.ingest.task import take_in
from tasks.lake import Lake, active_rows, deliveries
from tasks.records import Finding
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.task import quarantine, store
from tasks.validate.task import release, verdicts

NIGHT = date(2026, 5, 2)
MOMENT = datetime(2026, 5, 2, 2, tzinfo=UTC)
RIDES: dict[str, Any] = {
    "project": "rides",
    "scope": {"owner": "me", "objective": "rides", "metric": "mean_absolute_error"},
    "source": {"uri": "landing", "id": ["ride"], "event_time": "started", "label": {"column": "minutes"}},
    "features": {"numbers": ["temp", "wind"], "categories": ["kind"]},
    "training": {"min_rows": 20},
}
IDS = [f"r{number:06}" for number in range(10)]


class Project:
    """A folder with a landing zone and a lake; each file is taken in, checked and stored as a night does it."""

    def __init__(self, folder: Path, **source: Any) -> None:
        self.spec = ProjectSpec.model_validate(RIDES | {"source": RIDES["source"] | source})
        self.folder, self.lake = folder, Lake(str(folder / "lake"))
        (folder / "expectations.json").write_text(json.dumps({"name": "rides", "expectations": []}))

    def land(self, name: str, frame: pd.DataFrame, written: datetime = MOMENT, zone: str = "landing") -> None:
        path = self.folder / zone / name
        path.parent.mkdir(exist_ok=True)
        frame.to_csv(path, index=False)
        os.utime(path, (written.timestamp(), written.timestamp()))

    def night(self) -> dict[str, str]:
        landed = take_in(self.lake, self.spec, self.folder, NIGHT, MOMENT)
        checked = verdicts(landed, self.spec, self.folder)
        return {each.landed.key: each.verdict for each in store(self.lake, self.spec, checked, NIGHT, MOMENT)}

    def labels(self) -> dict[str, float]:
        spec = self.spec.model_copy(update={"training": self.spec.training.model_copy(update={"min_rows": 1})})
        known = known_rows(self.lake, spec, self.folder, NIGHT).labelled
        assert known["row_id"].is_unique
        return dict(zip(known["row_id"], known["minutes"], strict=True))


def rides(first: str, temp: float, minutes: float, ids: list[str] = IDS) -> pd.DataFrame:
    days = [date.fromisoformat(first) + timedelta(days=number // 2) for number in range(len(ids))]
    values = {"temp": [temp + n for n in range(len(ids))], "wind": 4.0, "kind": "city"}
    return pd.DataFrame({"ride": ids, "started": days, **values, "minutes": [minutes + n for n in range(len(ids))]})


def test_an_id_used_again_a_year_later_does_not_rewrite_the_year_before(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.land("2025.csv", rides("2025-02-01", 3.0, 30.0))
    project.land("2026.csv", rides("2026-02-01", 9.0, 60.0), MOMENT + timedelta(minutes=1))
    assert project.night() == {"2025.csv": "accepted", "2026.csv": "quarantined"}
    assert project.labels() == {name: 30.0 + n for n, name in enumerate(IDS)}
    (batch,) = (each for each in deliveries(project.lake, "rides").latest() if each.key == "2026.csv")
    assert "10 of 10 rows have the id of a row of another day" in batch.findings
    assert "identity: id_and_time" in batch.findings


def test_where_time_is_a_part_of_the_identity_both_years_keep_their_rows_and_labels(tmp_path: Path) -> None:
    project = Project(tmp_path, identity="id_and_time")
    project.land("2025.csv", rides("2025-02-01", 3.0, 30.0))
    project.land("2026.csv", rides("2026-02-01", 9.0, 60.0))
    assert project.night() == {"2025.csv": "accepted", "2026.csv": "accepted"}
    labels = project.labels()
    assert len(labels) == 20
    assert (labels["r000000|2025-02-01"], labels["r000000|2026-02-01"]) == (30.0, 60.0)


def test_a_person_who_releases_such_a_delivery_says_that_it_corrects_the_earlier_rows(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.land("2025.csv", rides("2025-02-01", 3.0, 30.0))
    project.night()
    project.land("2026.csv", rides("2026-02-01", 9.0, 60.0, IDS[:4]))
    assert project.night() == {"2026.csv": "quarantined"}
    (batch,) = (each for each in deliveries(project.lake, "rides").latest() if each.key == "2026.csv")
    assert release(project.lake, project.spec, batch, MOMENT + timedelta(hours=1)) == 4
    assert project.labels() == {name: (60.0 if n < 4 else 30.0) + n for n, name in enumerate(IDS)}


def test_a_row_with_a_corrected_time_in_another_file_counts_once(tmp_path: Path) -> None:
    project = Project(tmp_path)
    first = rides("2026-02-01", 3.0, 30.0)
    project.land("first.csv", first)
    project.night()
    project.land("correction.csv", first.head(1).assign(started="2026-02-08"))
    assert project.night() == {"correction.csv": "accepted"}
    assert [int(batch.labels or 0) for batch in deliveries(project.lake, "rides").of(NIGHT)] == [1, 10]
    rows = active_rows(project.lake, "rides", "rows")
    assert sorted(rows["row_id"]) == IDS
    assert rows.loc[rows["row_id"] == "r000000", "event_date"].tolist() == [date(2026, 2, 8)]
    (batch,) = (each for each in deliveries(project.lake, "rides").latest() if each.key == "correction.csv")
    assert "1 of 1 rows have the id of a row of another day, and replace it" in batch.findings


@pytest.mark.parametrize("arrival", ["modified", "filename"])
def test_of_two_labels_of_one_day_the_newest_counts_and_not_the_largest(tmp_path: Path, arrival: str) -> None:
    project = Project(tmp_path, arrival=arrival, label={"column": "minutes", "uri": "labels"})
    project.land("2026-05-01.csv", rides("2026-02-01", 3.0, 30.0).drop(columns="minutes"))
    hours = {"08h": 90.0, "18h": 30.0, "17h": 60.0}
    for name, minutes in hours.items():
        written = MOMENT.replace(day=1, hour=int(name[:2]))
        project.land(f"2026-05-01-{name}.csv", pd.DataFrame({"ride": IDS, "minutes": minutes}), written, "labels")
    project.night()
    assert project.labels() == dict.fromkeys(IDS, 30.0)


def test_labels_of_a_night_that_takes_in_a_later_file_first_are_still_those_of_the_later_file(tmp_path: Path) -> None:
    project = Project(tmp_path, label={"column": "minutes", "uri": "labels"})
    project.land("rows.csv", rides("2026-02-01", 3.0, 30.0).drop(columns="minutes"))
    project.land("b.csv", pd.DataFrame({"ride": IDS, "minutes": 30.0}), MOMENT.replace(hour=1), "labels")
    project.night()
    project.land("a.csv", pd.DataFrame({"ride": IDS, "minutes": 90.0}), MOMENT.replace(hour=0), "labels")
    project.night()
    assert project.labels() == dict.fromkeys(IDS, 30.0)


def test_labels_that_land_apart_need_the_time_where_it_is_a_part_of_the_identity(tmp_path: Path) -> None:
    project = Project(tmp_path, identity="id_and_time", label={"column": "minutes", "uri": "labels"})
    project.land("rows.csv", rides("2026-02-01", 3.0, 30.0).drop(columns="minutes"))
    project.land("labels.csv", pd.DataFrame({"ride": IDS, "minutes": 30.0}), zone="labels")
    assert project.night() == {"rows.csv": "accepted", "labels.csv": "quarantined"}
    timed = rides("2026-02-01", 3.0, 30.0)[["ride", "started", "minutes"]]
    project.land("labels.csv", timed, MOMENT + timedelta(minutes=5), "labels")
    assert project.night() == {"labels.csv": "accepted"}
    assert project.labels()["r000009|2026-02-05"] == 39.0


def test_of_two_values_of_one_entity_and_time_the_newest_delivery_counts(tmp_path: Path) -> None:
    project = Project(tmp_path)
    columns = {"numbers": ["rain"]}
    table = {"name": "weather", "uri": "weather", "entity": ["kind"], "event_time": "at", "columns": columns}
    project.spec = ProjectSpec.model_validate(RIDES | {"features": RIDES["features"] | {"tables": [table]}})
    (tmp_path / "landing").mkdir()
    for hour, rain in ((20, 1.0), (8, 9.0), (12, 5.0)):
        values = pd.DataFrame({"kind": ["city"], "at": "2026-04-30", "rain": rain})
        project.land(f"{hour}h.csv", values, MOMENT.replace(day=1, hour=hour), "weather")
    project.night()
    (found,) = project.spec.features.tables
    values = feature_values(project.lake, "rides", found)
    rows = pd.DataFrame({"kind": ["city"], "started": pd.to_datetime(["2026-05-01"])})
    assert as_of(rows, values, found, "started")["rain"].tolist() == [1.0]


BERLIN = {"schedule": {"time_zone": "Europe/Berlin"}}
AUTUMN = [f"2025-10-25T{hour}:10:00Z" for hour in (22, 23)] + [f"2025-10-26T0{hour}:10:00Z" for hour in range(5)]


def autumn(project: Project, table: dict[str, Any]) -> None:
    """Rows and weather of each hour of the night in which Berlin's clocks go back, in UTC."""
    features = RIDES["features"] | {"tables": [table]}
    source = {"source": project.spec.source.model_dump(exclude_defaults=True)}
    project.spec = ProjectSpec.model_validate(RIDES | {"features": features} | BERLIN | source)
    rides = {"ride": IDS[:7], "started": AUTUMN, "temp": 9.0, "wind": 4.0, "kind": "city", "minutes": range(7)}
    project.land("rides.csv", pd.DataFrame(rides))
    at = [text.replace(":10:", ":00:") for text in AUTUMN]
    project.land("weather.csv", pd.DataFrame({"kind": "city", "at": at, "rain": range(7)}), zone="weather")


@pytest.mark.parametrize("identity", ["id", "id_and_time"])
def test_an_hour_that_autumn_repeats_is_two_hours_in_keys_and_in_joins(tmp_path: Path, identity: str) -> None:
    project = Project(tmp_path, identity=identity)
    table = {"name": "weather", "uri": "weather", "entity": ["kind"], "event_time": "at"}
    autumn(project, table | {"columns": {"numbers": ["rain"]}})
    if identity == "id_and_time":
        same = pd.read_csv(tmp_path / "landing" / "rides.csv").assign(ride="r000000")
        project.land("rides.csv", same)
    assert project.night() == {"rides.csv": "accepted", "weather.csv": "accepted"}
    rows = active_rows(project.lake, "rides", "rows").sort_values("minutes")
    assert rows["row_id"].is_unique
    assert rows["started"].astype("str").str[11:16].tolist() == [
        *("00:10", "01:10", "02:10", "02:10", "03:10", "04:10", "05:10")
    ]
    (found,) = project.spec.features.tables
    joined = as_of(rows, feature_values(project.lake, "rides", found), found, "started", "Europe/Berlin")
    assert joined["rain"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    (batch,) = (each for each in deliveries(project.lake, "rides").latest() if each.key == "rides.csv")
    finding = Finding("stuck", "temp", "critical", 7, "")
    (state,) = quarantine(project.lake, project.spec, {batch: [finding]})
    assert release(project.lake, project.spec, state, MOMENT + timedelta(hours=1)) == 7
    again = active_rows(project.lake, "rides", "rows").sort_values("minutes")
    assert again["row_id"].tolist() == rows["row_id"].tolist()
    assert again["repeated_hour"].tolist() == rows["repeated_hour"].tolist()


def test_values_of_days_are_known_a_day_later_also_where_the_day_has_23_or_25_hours() -> None:
    columns = {"numbers": ["rain"]}
    raw = {"name": "weather", "uri": "w", "entity": ["kind"], "event_time": "at", "columns": columns, "delay_days": 1}
    features = RIDES["features"] | {"tables": [raw]}
    (table,) = ProjectSpec.model_validate(RIDES | {"features": features}).features.tables
    for first in ("2026-03-28", "2025-10-25"):
        days = pd.Series(pd.date_range(first, periods=3).astype("datetime64[us]"))
        values = pd.DataFrame({"entity": "city", "event_time": days, "rain": [1.0, 2.0, 3.0]})
        rows = pd.DataFrame({"kind": "city", "started": days})
        for zone in ("UTC", "Europe/Berlin"):
            found = as_of(rows, values, table, "started", zone)["rain"]
            assert found.isna().tolist() == [True, False, False]
            assert found[1:].tolist() == [1.0, 2.0]


def test_a_kind_that_is_not_the_stored_one_is_a_fault_of_the_spec_with_a_way_out_and_not_of_the_store(
    tmp_path: Path,
) -> None:
    project = Project(tmp_path)
    project.land("first.csv", rides("2026-02-01", 3.0, 30.0))
    project.night()
    features = {"numbers": ["temp"], "categories": ["kind", "wind"]}
    project.spec = ProjectSpec.model_validate(RIDES | {"features": features})
    project.land("next.csv", rides("2026-03-01", 3.0, 30.0, [f"n{number}" for number in range(10)]))
    with pytest.raises(SpecError, match=r"categories lists 'wind', which is stored as numbers .* list it there again"):
        project.night()
    project.spec = ProjectSpec.model_validate(RIDES | {"features": RIDES["features"] | {"booleans": ["rain"]}})
    project.land("next.csv", rides("2026-03-01", 3.0, 30.0, [f"n{number}" for number in range(10)]).assign(rain="yes"))
    assert project.night() == {"next.csv": "accepted"}
