"""Columns that are folders of the path of a file, from `leeway init` to the lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from flows.cli.app import app
from flows.workspace import open_lake
from tasks.ingest.task import take_in
from tasks.lake import active_rows
from tasks.spec import home, read_spec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_a_folder_of_partitions_is_read_with_their_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("LEEWAY_PROJECTS", str(tmp_path / "projects"))
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    landing = tmp_path / "landing"
    for number, zone in enumerate(["north", "New%20York", "south"]):
        for day in range(1, 8):
            folder = landing / f"zone={zone}" / f"day=2026-01-{day:02}"
            folder.mkdir(parents=True)
            rides = pd.DataFrame({"ride": range(30), "km": [n % 7 + 0.5 for n in range(30)]})  # equal in each file
            rides["ride"] += 1000 * number + 30 * day
            rides["fare"] = rides["km"] * 2.5 + number
            path = folder / f"part-0.{form}"
            if form == "parquet":
                rides.to_parquet(path, index=False)
            elif form == "csv":
                rides.to_csv(path, index=False)
            else:
                rides.to_json(path, orient="records", lines=True)
    words = ["--time", "day", "--label", "fare", "--id", "ride", "--project", "rides"]
    made = CliRunner().invoke(app, ["init", str(landing), *words])
    assert made.exit_code == 0, made.output
    path = tmp_path / "projects" / "rides" / "project.yaml"
    spec = read_spec(path)
    assert spec.source.path_columns == ["zone", "day"]
    assert "zone" in spec.features.categories
    lake, night = open_lake(home(path)), datetime.now(UTC).date() + timedelta(days=1)
    landed = take_in(lake, spec, path.parent, night)
    store(lake, spec, verdicts(landed, spec, path.parent), night, datetime.now(UTC))
    rows = active_rows(lake, "rides", "rows")
    assert rows.groupby("zone").size().to_dict() == {"New York": 210, "north": 210, "south": 210}
    assert sorted(map(str, rows["event_date"].unique())) == [f"2026-01-{day:02}" for day in range(1, 8)]


def test_equal_contents_in_two_partitions_are_two_deliveries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
    folder = tmp_path / "rides"
    for day in ("2026-01-01", "2026-01-02", "__HIVE_DEFAULT_PARTITION__"):
        (folder / "landing" / f"day={day}").mkdir(parents=True)
        (folder / "landing" / f"day={day}" / "x.csv").write_text("ride,km,fare\n1,2,3\n", encoding="utf-8")
    (folder / "expectations.json").write_text('{"name": "rides", "expectations": []}', encoding="utf-8")
    (folder / "project.yaml").write_text(
        "project: rides\nscope: {owner: o, objective: fares, metric: mean_absolute_error}\n"
        "source: {uri: landing, path_columns: [day], id: [ride], identity: id_and_time, event_time: day, "
        "label: {column: fare}}\nfeatures: {numbers: [km]}\n",
        encoding="utf-8",
    )
    spec, night = read_spec(folder / "project.yaml"), datetime.now(UTC).date() + timedelta(days=1)
    lake = open_lake(home(folder / "project.yaml"))
    landed = take_in(lake, spec, folder, night)
    assert len({delivery.batch_id for delivery in landed}) == 3
    checked = verdicts(landed, spec, folder)
    assert sorted(one.verdict for one in checked) == ["accepted", "accepted", "quarantined"]  # one has no day
    store(lake, spec, checked, night, datetime.now(UTC))
    assert len(active_rows(lake, "rides", "rows")) == 2
