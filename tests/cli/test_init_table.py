"""`leeway init` and `leeway check` with a table of a real PostgreSQL, up to the first night."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import psycopg
import pytest
from deltalake import write_deltalake
from typer.testing import CliRunner

from flows.cli.app import app
from flows.workspace import open_lake
from tasks.ingest.task import take_in
from tasks.lake import active_rows
from tasks.spec import home, read_spec
from tasks.validate.acceptance.task import store
from tasks.validate.task import verdicts
from tests.postgres_server import running_postgres

ROWS = """
CREATE TABLE rides AS SELECT n AS ride, timestamptz '2026-01-01' + n * interval '1 hour' AS started, n % 17 + 0.5 AS km,
'z' || n % 3 AS zone, (n % 17) * 2.5 + n % 3 AS fare, now() AS changed FROM generate_series(1, 1500) n
"""
BAD = "INSERT INTO rides VALUES (2000, timestamptz '2026-03-01', -1, 'z9', 5, clock_timestamp())"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running_postgres() as server:
        with psycopg.connect(server.address(), autocommit=True) as connection:
            connection.execute(ROWS)
        yield server.address()


def test_a_table_becomes_a_project_that_passes_its_check_and_says_when_nothing_is_new(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIDES_DATABASE", address)
    monkeypatch.setenv("LEEWAY_PROJECTS", str(tmp_path / "projects"))
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    words = [
        "--table",
        "public.rides",
        "--changed-at",
        "changed",
        "--time",
        "started",
        "--label",
        "fare",
        "--id",
        "ride",
    ]
    made = CliRunner().invoke(app, ["init", "env:RIDES_DATABASE", *words])
    assert made.exit_code == 0, made.output
    path = tmp_path / "projects" / "rides" / "project.yaml"
    text = path.read_text()
    assert "changed_at: changed" in text
    assert address not in text
    spec = read_spec(path)
    assert spec.features.columns == ["km", "zone"]
    checked = CliRunner().invoke(app, ["check", "rides"])
    assert checked.exit_code == 0, checked.output
    assert "passes with 1,500 rows" in checked.output
    lake, night = open_lake(home(path)), datetime.now(UTC).date()
    landed = take_in(lake, spec, path.parent, night)
    store(lake, spec, verdicts(landed, spec, path.parent), night, datetime.now(UTC))
    assert len(active_rows(lake, "rides", "rows")) == 1500
    again = CliRunner().invoke(app, ["check", "rides"])
    assert again.exit_code == 0, again.output
    assert "nothing is new" in again.output
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(BAD.replace("'z9'", "NULL").replace("2026-03-01", "2026-03-02").replace("2000", "NULL"))
    broken = CliRunner().invoke(app, ["check", "rides"])
    assert broken.exit_code == 1
    assert "1 of 1 rows refused" in broken.output


def test_what_is_missing_of_a_table_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEEWAY_PROJECTS", str(tmp_path))
    refused = CliRunner().invoke(app, ["init", "env:RIDES_DATABASE", "--time", "a", "--label", "b"])
    assert "a database needs --table" in str(refused.exception)
    refused = CliRunner().invoke(app, ["init", "landing", "--table", "a", "--time", "a", "--label", "b"])
    assert "--table and --changed-at are of a database" in str(refused.exception)


def test_a_table_in_a_file_becomes_a_project_with_answers_in_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWAY_PROJECTS", str(tmp_path / "projects"))
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("shop.db", isolation_level=None)) as file:
        file.execute("CREATE TABLE rides (ride INTEGER, started TEXT, km REAL, zone TEXT, fare REAL, changed TEXT)")
        file.execute(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1500) "
            "INSERT INTO rides SELECT x, "
            "datetime('2026-01-01', '+' || x || ' hours'), x % 17 + 0.5, 'z' || x % 3, (x % 17) * 2.5 + x % 3, "
            "datetime('now') FROM n"
        )
        file.execute("CREATE TABLE answers (row_id TEXT)")
    words = ["--table", "rides", "--changed-at", "changed", "--time", "started", "--label", "fare", "--id", "ride"]
    made = CliRunner().invoke(app, ["init", "sqlite:///shop.db", *words])
    assert made.exit_code == 0, made.output
    path = tmp_path / "projects" / "rides" / "project.yaml"
    assert f"sqlite:///{tmp_path}/shop.db" in path.read_text()
    checked = CliRunner().invoke(app, ["check", "rides"])
    assert checked.exit_code == 0, checked.output
    assert "passes with 1,500 rows" in checked.output
    path.write_text(f"{path.read_text()}\nscoring: {{output: 'sqlite:///{tmp_path}/shop.db', table: answers}}\n")
    broken = CliRunner().invoke(app, ["check", "rides"])
    assert broken.exit_code == 1
    assert "the table answers cannot take answers: version is missing" in broken.output
    path.write_text(path.read_text().replace("table: answers", "table: fares"))
    right = CliRunner().invoke(app, ["check", "rides"])
    assert right.exit_code == 0, right.output
    assert "fares is not there yet; the first night with answers makes it" in right.output


def test_a_delta_table_becomes_a_project_and_its_next_version_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWAY_PROJECTS", str(tmp_path / "projects"))
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    started = pd.date_range("2026-01-01", periods=1500, freq="h", tz="UTC").astype("datetime64[us, UTC]")
    rides = pd.DataFrame({"ride": range(1500), "started": started, "km": [n % 17 + 0.5 for n in range(1500)]})
    rides["fare"] = rides["km"] * 2.5 + rides["ride"] % 3
    write_deltalake(str(tmp_path / "rides"), rides)
    words = ["--time", "started", "--label", "fare", "--id", "ride"]
    made = CliRunner().invoke(app, ["init", str(tmp_path / "rides"), *words])
    assert made.exit_code == 0, made.output
    path = tmp_path / "projects" / "rides" / "project.yaml"
    assert "format: delta" in path.read_text()
    checked = CliRunner().invoke(app, ["check", "rides"])
    assert checked.exit_code == 0, checked.output
    assert "passes with 1,500 rows" in checked.output
