"""From the landing place to the lake, through every room between: large deliveries and feature tables."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from flows.workspace import Workspace
from tasks.dataset.feature_lookup import keep_latest_values
from tasks.ingest import FolderSource, StoredObject
from tasks.ingest import task as ingest
from tasks.ingest.readers import bounds
from tasks.lake import Lake, active_rows, latest
from tasks.spec import ProjectSpec, read_spec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts

NIGHT = date(2026, 1, 31)
MOMENT = datetime(2026, 2, 1, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "project": "trips",
    "scope": {"owner": "me", "objective": "fares", "metric": "mean_absolute_error"},
    "source": {
        "uri": "trips", "id": ["id"], "event_time": "at", "arrival": "filename", "label": {"column": "fare"},
    },
    "features": {"numbers": ["km"], "categories": ["zone"]},
}  # fmt: skip

WEATHER = {
    "name": "weather",
    "uri": "weather",
    "entity": ["zone"],
    "event_time": "since",
    "columns": {"numbers": ["rain"]},
}


def written(folder: Path, **changes: Any) -> ProjectSpec:
    folder.mkdir()
    (folder / "trips").mkdir()
    (folder / "project.yaml").write_text(yaml.safe_dump(SPEC | changes), encoding="utf-8")
    expectations = [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "km", "min_value": 0},
            "severity": "critical",
        },
        {
            "type": "expect_column_mean_to_be_between",
            "kwargs": {"column": "km", "max_value": 900},
            "severity": "critical",
        },
    ]
    suite = pd.Series({"name": "trips", "expectations": expectations, "meta": {}})
    (folder / "expectations.json").write_text(suite.to_json(), encoding="utf-8")
    return read_spec(folder / "project.yaml")


def trips(rows: int, start: int = 0) -> pd.DataFrame:
    number = pd.Series(range(start, start + rows))
    return pd.DataFrame(
        {
            "id": number,
            "at": (pd.Timestamp("2026-01-01") + pd.to_timedelta(number % 28, unit="D")).dt.date,
            "km": (number % 50).where(number % 100 != 7, -1),  # every hundredth is below zero
            "zone": (number % 3).map(lambda n: f"z{n}"),
            "fare": number % 40 + 1.0,
        }
    )


def taken_in(lake: Lake, spec: ProjectSpec, folder: Path, spool: Path | None) -> None:
    landed = ingest.take_in(lake, spec, folder, NIGHT, MOMENT, spool / "landed" if spool else None)
    checked = verdicts(landed, spec, folder, spool / "checked" if spool else None)
    store(lake, spec, checked, NIGHT, MOMENT)


def contents(lake: Lake) -> dict[str, list[tuple[str, ...]]]:
    frames = {
        **{table: active_rows(lake, "trips", table) for table in ("rows", "labels")},
        "quarantine": lake.read("trips", "quarantine"),
        "batches": lake.read("trips", "batches"),
    }
    return {table: sorted(frame.map(str).itertuples(index=False, name=None)) for table, frame in frames.items()}


def test_a_large_delivery_comes_to_the_same_as_if_it_were_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = written(tmp_path / "trips")
    landing = tmp_path / "trips" / "trips"
    trips(5_000).to_csv(landing / "2026-01-30.csv", index=False)
    trips(3_000, start=4_000).to_csv(landing / "2026-01-31.csv", index=False)  # 1,000 of them again
    for path in landing.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    held, large = Lake(str(tmp_path / "held")), Lake(str(tmp_path / "large"))
    taken_in(held, spec, tmp_path / "trips", None)
    monkeypatch.setattr(bounds, "HELD_SHARE", 2**-30)
    taken_in(large, spec, tmp_path / "trips", tmp_path / "spool")
    rows = active_rows(large, "trips", "rows")
    assert rows["row_id"].is_unique
    assert len(rows) == 7_000 - 70
    assert contents(large)["rows"] != []
    same = ["row_id", "km", "zone", "fare", "event_date"]
    theirs, mine = (active_rows(lake, "trips", "rows").sort_values("row_id")[same] for lake in (held, large))
    pd.testing.assert_frame_equal(theirs.reset_index(drop=True), mine.reset_index(drop=True))
    assert len(held.read("trips", "quarantine")) == len(large.read("trips", "quarantine")) == 50 + 30
    assert all(
        batch.rows_in == batch.rows_accepted + batch.rows_quarantined + batch.rows_elsewhere
        for batch in latest(large, "trips")
    )
    before = contents(large)
    taken_in(large, spec, tmp_path / "trips", tmp_path / "again")
    assert contents(large) == before


def test_a_large_delivery_that_breaks_its_contract_as_a_whole_is_quarantined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = written(tmp_path / "trips")
    far = trips(2_000).assign(km=5_000)
    far.to_csv(tmp_path / "trips" / "trips" / "2026-01-31.csv", index=False)
    monkeypatch.setattr(bounds, "HELD_SHARE", 2**-30)
    lake = Lake(str(tmp_path / "lake"))
    taken_in(lake, spec, tmp_path / "trips", tmp_path / "spool")
    (batch,) = latest(lake, "trips")
    assert (batch.verdict, batch.rows_accepted, batch.rows_quarantined) == ("quarantined", 0, 2_000)
    assert active_rows(lake, "trips", "rows").empty
    assert len(lake.read("trips", "quarantine")) == 2_000


def test_values_of_a_feature_table_are_joined_as_they_were_at_a_rows_time(tmp_path: Path) -> None:
    spec = written(tmp_path / "trips", features=SPEC["features"] | {"tables": [WEATHER]})
    folder = tmp_path / "trips"
    trips(60).to_csv(folder / "trips" / "2026-01-30.csv", index=False)
    (folder / "weather").mkdir()
    values = pd.DataFrame({"zone": ["z0", "z0", "z1"], "since": ["2026-01-01", "2026-01-10", "2026-01-20"]})
    values.assign(rain=[1.0, 2.0, 3.0]).to_csv(folder / "weather" / "2026-01-30.csv", index=False)
    lake = Lake(str(tmp_path / "lake"))
    taken_in(lake, spec, folder, None)
    taken_in(lake, spec, folder, None)
    workspace = Workspace(spec, folder, tmp_path, lake, cast("Any", None))
    rows = workspace.features(active_rows(lake, "trips", "rows"))
    day = pd.to_datetime(rows["event_date"]).dt.day
    of_z0, of_z1 = rows["zone"] == "z0", rows["zone"] == "z1"
    assert set(rows.loc[of_z0 & (day < 10), "rain"]) == {1.0}
    assert set(rows.loc[of_z0 & (day >= 10), "rain"]) == {2.0}
    assert rows.loc[of_z1 & (day < 20), "rain"].isna().all()
    assert set(rows.loc[of_z1 & (day >= 20), "rain"]) == {3.0}
    assert rows.loc[rows["zone"] == "z2", "rain"].isna().all()
    assert len(lake.read("trips", "features")) == 3
    keep_latest_values(workspace.lake, workspace.spec, {"weather"})
    newest = pd.read_parquet(tmp_path / "lake" / "trips" / "objects" / "latest-weather.parquet")
    assert dict(zip(newest["entity"], newest["rain"], strict=True)) == {"z0": 2.0, "z1": 3.0}


def test_before_a_feature_table_ever_landed_its_values_are_missing(tmp_path: Path) -> None:
    spec = written(tmp_path / "trips", features=SPEC["features"] | {"tables": [WEATHER]})
    (tmp_path / "trips" / "weather").mkdir()
    trips(10).to_csv(tmp_path / "trips" / "trips" / "2026-01-30.csv", index=False)
    lake = Lake(str(tmp_path / "lake"))
    taken_in(lake, spec, tmp_path / "trips", None)
    workspace = Workspace(spec, tmp_path / "trips", tmp_path, lake, cast("Any", None))
    assert workspace.features(active_rows(lake, "trips", "rows"))["rain"].isna().all()


def test_content_that_is_known_under_another_key_is_read_once_more_and_never_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, landing = written(tmp_path / "trips"), tmp_path / "trips" / "trips"
    trips(20, start=10).to_csv(landing / "2026-01-30.csv", index=False)
    lake = Lake(str(tmp_path / "lake"))
    taken_in(lake, spec, tmp_path / "trips", None)
    (landing / "2026-01-31.csv").write_bytes((landing / "2026-01-30.csv").read_bytes())
    read: list[str] = []

    def copied(place: FolderSource, listed: StoredObject, out: BinaryIO) -> str:
        read.append(listed.key)
        return copy(place, listed, out)

    copy = FolderSource.copy
    monkeypatch.setattr(FolderSource, "copy", copied)
    for _ in range(3):
        taken_in(lake, spec, tmp_path / "trips", None)
    assert read == ["2026-01-31.csv"]
    os.utime(landing / "2026-01-31.csv", (1_700_000_000, 1_700_000_000))  # written again, though with the same content
    taken_in(lake, spec, tmp_path / "trips", None)
    trips(20, start=30).to_csv(landing / "2026-01-31.csv", index=False)
    taken_in(lake, spec, tmp_path / "trips", None)
    assert read == ["2026-01-31.csv"] * 3
    assert len(active_rows(lake, "trips", "rows")) == 40


def test_of_two_files_of_one_content_the_second_is_not_written_down_before_the_first_is_stored(tmp_path: Path) -> None:
    spec, landing = written(tmp_path / "trips"), tmp_path / "trips" / "trips"
    for day in ("30", "31"):
        trips(20, start=10).to_csv(landing / f"2026-01-{day}.csv", index=False)
    lake = Lake(str(tmp_path / "lake"))
    assert len(ingest.take_in(lake, spec, tmp_path / "trips", NIGHT, MOMENT)) == 1  # and the night is killed
    (landing / "2026-01-30.csv").unlink()
    taken_in(lake, spec, tmp_path / "trips", None)
    assert len(active_rows(lake, "trips", "rows")) == 20


def test_a_time_that_no_calendar_has_is_refused_with_its_row(tmp_path: Path) -> None:
    source = {**SPEC["source"], "format": "parquet"}
    spec = written(tmp_path / "trips", source=source)
    times = pa.array([1_767_225_600_000_000] * 30 + [2**62], type=pa.int64()).cast(pa.timestamp("us", "UTC"))
    columns = {"id": range(31), "at": times, "km": [1.0] * 31, "zone": ["z"] * 31, "fare": [2.0] * 31}
    pq.write_table(pa.table(columns), tmp_path / "trips" / "trips" / "2026-01-30.parquet")
    lake = Lake(str(tmp_path / "lake"))
    taken_in(lake, spec, tmp_path / "trips", None)
    (batch,) = latest(lake, "trips")
    assert (batch.rows_accepted, batch.rows_quarantined) == (30, 1)
    assert "not_a_time" in batch.findings
