"""Rows, labels and feature tables that are read from files of SQLite and DuckDB, night after night."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from tasks.databases import duckdb_batches, duckdb_session, sqlite_session
from tasks.errors import SourceError, Unreachable
from tasks.ingest.tables import sqlite_reading
from tasks.ingest.tables.sqlite_reading import SqliteReading
from tasks.lake import active_rows
from tasks.spec.landing_sections.database_section import Database
from tests.rides import Rides

TABLE = "CREATE TABLE rides (id BIGINT, begun {time}, km DOUBLE, zone TEXT, fare DOUBLE, driver TEXT, changed {time})"
NOW = {"sqlite": "datetime('now')", "duckdb": "now()"}
OLD = {"sqlite": "datetime('now', '-5 days')", "duckdb": "now() - interval '5 days'"}


class FileRides(Rides):
    """Rides in a table of a file of SQLite or DuckDB."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.engine, self.file = engine, folder / f"rides.{engine}"
        self.execute(TABLE.format(time={"sqlite": "TEXT", "duckdb": "TIMESTAMPTZ"}[engine]))
        database = {"table": "rides", "changed_at": "changed"}
        source = {"uri": f"{engine}:///{self.file.name}", "event_time": "begun", "database": database}
        super().__init__(folder, source)

    def execute(self, text: str) -> None:
        connect = sqlite3.connect if self.engine == "sqlite" else duckdb.connect
        with closing(connect(str(self.file))) as connection:
            connection.execute(text)
            connection.commit()

    def insert(self, first: int, count: int, changed: str = "", km: float = 2.0) -> None:
        """Add rides of one day in the order of their ids."""
        values = f"'2026-01-05 08:00:00+00', {km}, 'north', 12.5, 'Ann', {changed or NOW[self.engine]}"
        rows = ", ".join(f"({first + number}, {values})" for number in range(count))
        self.execute(f"INSERT INTO rides VALUES {rows}")  # noqa: S608 - the test's own words


@pytest.fixture(params=["sqlite", "duckdb"])
def rides(request: pytest.FixtureRequest, tmp_path: Path) -> FileRides:
    return FileRides(request.param, tmp_path)


def test_a_night_takes_in_what_was_added_or_changed_since_the_last_one(rides: FileRides) -> None:
    rides.insert(0, 100)
    assert rides.live() == [100]
    assert rides.live() == []
    rides.execute(f"UPDATE rides SET km = 9, changed = {NOW[rides.engine]} WHERE id < 3")  # noqa: S608 - the test's own words
    rides.insert(100, 5)
    assert rides.live() == [8]
    rows = rides.rows()
    assert sorted(rows["id"].astype(int)) == list(range(105))
    assert sorted(rows.loc[rows["km"] == 9, "id"].astype(int)) == [0, 1, 2]
    assert set(active_rows(rides.lake, "rides", "labels")["label"].astype(float)) == {12.5}


def test_what_a_killed_night_has_read_is_read_again(rides: FileRides) -> None:
    rides.insert(0, 10)
    assert [len(one.frame) for one in rides.read()] == [10]
    rides.insert(10, 1)
    assert rides.live() == [11]
    rides.execute("INSERT INTO rides SELECT 20, begun, km, zone, fare, driver, changed FROM rides WHERE id = 10")
    assert [len(one.frame) for one in rides.read()] == [1]
    assert rides.live() == [1]
    assert rides.live() == []
    assert len(rides.rows()) == 12


def test_rows_that_commit_late_are_read_again_as_far_as_the_overlap_reaches(rides: FileRides) -> None:
    rides.insert(0, 3)
    assert rides.live() == [3]
    rides.insert(5, 1, changed=OLD[rides.engine])
    assert rides.live() == []
    rides.database(overlap_minutes=8 * 24 * 60)
    assert rides.live() == [1]
    assert rides.live() == []


def test_rows_with_a_time_in_the_future_or_none_are_left_and_hide_no_others(
    rides: FileRides, caplog: pytest.LogCaptureFixture
) -> None:
    rides.insert(1, 1)
    rides.insert(2, 1, changed="'2990-01-01 00:00:00'")
    rides.insert(3, 2, changed="NULL")
    with caplog.at_level("WARNING"):
        assert rides.live() == [1]
    assert any("rows_without_changed_at" in text and "rows=2" in text for text in caplog.messages), caplog.messages
    rides.insert(5, 1)
    assert rides.live() == [1]
    assert sorted(rides.rows()["id"].astype(int)) == [1, 5]


def test_a_number_that_grows_with_each_change_is_a_watermark_and_may_begin_again(rides: FileRides) -> None:
    rides.database(changed_at="version", overlap_numbers=2)
    rides.insert(0, 20)
    rides.execute("ALTER TABLE rides ADD COLUMN version BIGINT")
    rides.execute("UPDATE rides SET version = id")
    assert rides.live() == [20]
    rides.execute("UPDATE rides SET km = 7, version = 20 WHERE id = 4")
    assert rides.live() == [1]
    rides.execute("UPDATE rides SET km = 8, version = id - 100")
    assert rides.live() == [20]
    assert set(rides.rows()["km"]) == {8}


def test_labels_and_feature_tables_are_read_from_tables_too(rides: FileRides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIDES_FILE", f"{rides.engine}:///{rides.file}")
    rides.execute(f"CREATE TABLE paid AS SELECT 1 AS id, 4.5 AS fare, {NOW[rides.engine]} AS changed")
    rides.execute(
        f"CREATE TABLE weather AS SELECT 'north' AS zone, '2026-01-05T07:00:00Z' AS hour, 0.5 AS rain, "
        f"{NOW[rides.engine]} AS changed"
    )
    file = {"uri": "env:RIDES_FILE", "database": {"table": "paid", "changed_at": "changed"}}
    source = rides.content["source"] | {"uri": "env:RIDES_FILE", "label": {"column": "fare"} | file}
    weather = file | {"name": "weather", "entity": ["zone"], "event_time": "hour", "columns": {"numbers": ["rain"]}}
    weather |= {"database": {"table": "weather", "changed_at": "changed"}}
    rides.content |= {"source": source, "features": rides.content["features"] | {"tables": [weather]}}
    rides.insert(1, 3)
    assert rides.live() == [3, 1, 1]
    assert rides.live() == []
    assert list(active_rows(rides.lake, "rides", "labels")["label"].astype(float)) == [4.5]
    assert len(active_rows(rides.lake, "rides", "features")) == 1


def test_a_query_is_read_like_a_table_and_a_dropped_column_never(rides: FileRides) -> None:
    rides.insert(0, 4)
    rides.content["privacy"] = {"drop": ["driver"]}
    query = (
        "SELECT id, begun, km * 2 AS km, zone, fare, driver, changed FROM rides WHERE zone LIKE 'n%' -- of the north\n;"
    )
    rides.database(table=None, query=query)
    (delivery,) = rides.read()
    assert sorted(delivery.frame.columns) == ["begun", "fare", "id", "km", "zone"]
    assert rides.live() == [4]
    assert set(rides.rows()["km"]) == {4.0}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"table": "rids"}, "rids"),
        ({"changed_at": "changes"}, r"expected one of the columns \['begun', 'changed'"),
        ({"changed_at": "zone"}, "expected a timestamp or a whole number"),
        ({"changed_at": "km"}, "of type .*; expected a timestamp or a whole number"),
        ({"table": None, "query": "DELETE FROM rides"}, "(?i)syntax error"),
    ],
    ids=["no_table", "no_column", "no_time", "no_whole_number", "no_select"],
)
def test_what_the_database_refuses_is_said(rides: FileRides, changes: dict[str, Any], said: str) -> None:
    rides.insert(1, 1)
    rides.database(**changes)
    if changes.get("changed_at") == "zone" and rides.engine == "sqlite":
        assert rides.live() == []  # 'north' is no time, so no row has one
        return
    with pytest.raises(SourceError, match=said):
        rides.read()


def test_a_file_that_is_missing_or_of_another_format_is_said(rides: FileRides) -> None:
    rides.file.write_bytes(b"id,at\n" * 1000)
    with pytest.raises(SourceError, match=r"(?i)not a (valid DuckDB )?database"):
        rides.read()
    rides.file.unlink()
    with pytest.raises(SourceError, match="does not exist; expected the file of a"):
        rides.read()
    rides.file.mkdir()
    with pytest.raises(SourceError, match="is no file; expected the file of a"):
        rides.read()
    rides.content["source"]["uri"] = f"{rides.engine}://rides.db"
    with pytest.raises(SourceError, match="names no file; expected"):
        rides.read()


def test_a_folder_is_no_file_of_sqlite_to_write_to(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is no file"), sqlite_session(tmp_path, 1, writes=True):
        pass
    with pytest.raises(SourceError, match="does not exist"), sqlite_session(tmp_path / "no" / "file", 1, writes=True):
        pass
    with sqlite_session(tmp_path / "new", 1, writes=True) as connection:
        connection.execute("CREATE TABLE rides (id)")
    assert (tmp_path / "new").is_file()


def test_a_query_reads_no_other_file_and_writes_nothing(rides: FileRides, tmp_path: Path) -> None:
    rides.insert(1, 1)
    (tmp_path / "other.csv").write_text("id,changed\n1,2026-01-01\n", encoding="utf-8")
    before = rides.file.read_bytes()
    rides.database(table=None, query=f"SELECT *, now() AS changed FROM read_csv('{tmp_path}/other.csv')")  # noqa: S608 - the test's own words
    with pytest.raises(SourceError, match=r"no such table|disabled|Permission"):
        rides.read()
    assert rides.file.read_bytes() == before


def test_a_reader_sees_one_state_and_a_writer_that_has_the_file_is_waited_for(tmp_path: Path) -> None:
    rides = FileRides("duckdb", tmp_path)
    rides.insert(1, 2)
    with closing(duckdb.connect(str(rides.file))) as writer:
        writer.execute("SELECT 1")
        with pytest.raises((Unreachable, SourceError)):  # in this process the other configuration is refused
            rides.read()
    assert rides.live() == [2]


def test_a_locked_file_of_sqlite_is_tried_again_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.databases.sqlite_file.WAIT_SECONDS", 0.05)
    rides = FileRides("sqlite", tmp_path)
    rides.insert(1, 2)
    with closing(sqlite3.connect(rides.file, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unreachable, match="SQLITE_BUSY"):
            rides.read()
    assert rides.live() == [2]


def test_a_statement_that_takes_too_long_is_ended(rides: FileRides) -> None:
    rides.insert(1, 1)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    session = sqlite_session if rides.engine == "sqlite" else duckdb_session
    begun = time.monotonic()
    with pytest.raises(Unreachable, match=r"(?i)interrupt"), session(rides.file, 0.005) as connection:
        connection.execute(endless).fetchall()
    assert time.monotonic() - begun < 30
    assert threading.active_count() < 50


def test_cells_of_several_types_in_a_column_of_sqlite_are_one_type(tmp_path: Path) -> None:
    rides = FileRides("sqlite", tmp_path)
    rides.insert(0, 4)
    rides.execute("ALTER TABLE rides ADD COLUMN odd")
    for number, cell in enumerate(("7", "0.1", "x'6162'", "'text'")):
        rides.execute(f"UPDATE rides SET odd = {cell} WHERE id = {number}")  # noqa: S608 - the test's own words
    rides.execute("UPDATE rides SET fare = 3 WHERE id = 0")
    rides.execute("UPDATE rides SET km = NULL, zone = NULL")
    (delivery,) = rides.read()
    frame = delivery.frame.sort_values("id")
    assert list(frame["odd"]) == ["7", "0.1", "6162", "text"]
    assert [float(fare) for fare in frame["fare"]] == [3.0, 12.5, 12.5, 12.5]
    assert frame[["km", "zone"]].isna().all(axis=None)


def test_whole_numbers_that_no_real_can_be_are_texts_next_to_reals(tmp_path: Path) -> None:
    rides = FileRides("sqlite", tmp_path)
    rides.insert(0, 4)
    rides.execute("ALTER TABLE rides ADD COLUMN large")
    rides.execute("ALTER TABLE rides ADD COLUMN whole")
    for number, cell in enumerate(("9007199254740993", "0.5", "-9223372036854775808", "NULL")):
        rides.execute(f"UPDATE rides SET large = {cell}, whole = 9007199254740993 WHERE id = {number}")  # noqa: S608 - the test's own words
    (delivery,) = rides.read()
    frame = delivery.frame.sort_values("id")
    assert list(frame["large"][:3]) == ["9007199254740993", "0.5", "-9223372036854775808"]
    assert [int(cell) for cell in frame["whole"]] == [9007199254740993] * 4


def test_a_text_of_sqlite_without_a_year_is_no_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rides = FileRides("sqlite", tmp_path)
    rides.insert(1, 1)
    for number, text in enumerate(("0", "now", "12:00", "2460000.5", "0000-05-01", "0001-01-01 00:30:00+01:00")):
        rides.insert(2 + number, 1, changed=f"'{text}'")
    with caplog.at_level("WARNING"):
        assert rides.live() == [1]
        assert rides.live() == []
    assert any("rows_without_changed_at" in text and "rows=6" in text for text in caplog.messages), caplog.messages
    rides.execute("UPDATE rides SET changed = '0' WHERE id = 1")
    assert rides.live() == []


def test_a_value_that_cannot_be_read_is_named_where_it_is_not_private(tmp_path: Path) -> None:
    file = tmp_path / "rides.sqlite"
    sqlite3.connect(file).close()
    with pytest.raises(SourceError, match="Ann"), sqlite_session(file, 1):
        pa.array(["Ann"]).cast(pa.int64())
    with pytest.raises(SourceError, match=r"read or written: ArrowInvalid$"), sqlite_session(file, 1, is_private=True):
        pa.array(["Ann"]).cast(pa.int64())


def test_values_of_every_type_of_duckdb(tmp_path: Path) -> None:
    rides = FileRides("duckdb", tmp_path)
    rides.execute(
        "CREATE VIEW typed AS SELECT 1::UTINYINT AS id, timestamptz '2026-01-05 08:00+02' AS begun, 1.5::FLOAT AS km, "
        "'fine'::ENUM ('sad', 'fine') AS zone, 1234567890123456.12::DECIMAL(18, 2) AS fare, now() AS changed, "
        "'0b6ec1a6-6d3c-4b5d-9e4d-3c1f3f1b2a11'::UUID AS trip, [1, 2] AS stops, true AS night, "
        "date '2026-02-03' AS day, 170141183460469231731687303715884105727::HUGEINT AS huge"
    )
    rides.database(table="typed")
    (delivery,) = rides.read()
    (row,) = delivery.frame.to_dict("records")
    assert row.pop("begun") == "2026-01-05 06:00:00+00"
    assert pd.Timestamp(row.pop("day")) == pd.Timestamp("2026-02-03")
    assert row == {
        "id": "1",
        "km": 1.5,
        "zone": "fine",
        "fare": "1234567890123456.12",
        "night": True,
        "trip": "0b6ec1a6-6d3c-4b5d-9e4d-3c1f3f1b2a11",
        "stops": "[1, 2]",
        "huge": "170141183460469231731687303715884105727",
    }


def test_times_of_sqlite_are_compared_as_instants(tmp_path: Path) -> None:
    rides = FileRides("sqlite", tmp_path)
    rides.insert(1, 1, changed="'2026-01-05T10:00:00.5Z'")
    rides.insert(2, 1, changed="'2026-01-05 09:00:00-03:00'")  # two hours later
    assert rides.live() == [2]
    rides.database(overlap_minutes=60)
    assert rides.live() == []
    rides.insert(3, 1, changed="'2026-01-05T11:30:00'")
    rides.insert(4, 1, changed="'2026-01-05T10:30:00'")
    assert rides.live() == [1]
    assert sorted(rides.rows()["id"].astype(int)) == [1, 2, 3]


def test_without_duckdb_a_plain_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rides = FileRides("duckdb", tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(SourceError, match=r"install it with `pip install 'leeway\[duckdb\]'`"):
        rides.read()


def assert_named_only_where_it_may_be(rides: FileRides, cell: str) -> None:
    """Refuse to read with a message that has a cell, and without it where columns are private."""
    with pytest.raises(SourceError, match=cell):
        rides.read()
    rides.content["privacy"] = {"drop": ["driver"]}
    with pytest.raises(SourceError) as refused:
        rides.read()
    assert cell not in str(refused.value)


def test_an_error_names_no_cell_where_columns_are_private(tmp_path: Path) -> None:
    rides = FileRides("duckdb", tmp_path)
    rides.insert(1, 1)
    rides.execute("UPDATE rides SET driver = 'Wilhelmina'")
    rides.database(table=None, query="SELECT *, driver::INT AS number FROM rides")
    assert_named_only_where_it_may_be(rides, "Wilhelmina")


def test_an_error_in_the_middle_of_what_duckdb_returns_is_one_of_ours(tmp_path: Path) -> None:
    rides = FileRides("duckdb", tmp_path)
    query = "SELECT i AS changed, if(i = 290000, 'Wilhelmina', '7')::INT AS number FROM range(300000) AS t (i)"
    rides.database(table=None, query=query)
    assert_named_only_where_it_may_be(rides, "Wilhelmina")


def test_what_duckdb_returns_for_too_long_is_ended_and_tried_again(tmp_path: Path) -> None:
    rides = FileRides("duckdb", tmp_path)
    endless = "SELECT a.range FROM range(10000000) a, range(10000000) b"
    with pytest.raises(Unreachable, match="Interrupted"), duckdb_session(rides.file, 0.005) as connection:
        sum(map(len, duckdb_batches(connection.sql(endless).to_arrow_reader(), is_private=False)))


def _view(folder: Path, zone: str) -> FileRides:
    """Return rides of SQLite that are a view, of 200 rows, with a zone that it computes."""
    rides = FileRides("sqlite", folder)
    rides.execute("DROP TABLE rides")
    counted = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)"
    others = "'2026-01-05 08:00:00+00' AS begun, 1.0 AS km, 12.5 AS fare, 'Ann' AS driver, datetime('now') AS changed"
    rides.execute(f"CREATE VIEW rides AS {counted} SELECT i AS id, {others}, {zone} AS zone FROM n")  # noqa: S608 - the test's own words
    return rides


def test_a_view_that_makes_much_of_each_row_is_read_in_small_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rides = _view(tmp_path, "printf('%10000d', i)")
    monkeypatch.setattr(sqlite_reading, "BATCH_BYTES", 45_000)
    database = Database(table="rides", changed_at="changed")
    with sqlite_session(rides.file, 1) as connection:
        reading = SqliteReading(connection)
        found = reading.increment(database, reading.types(database), ["id", "zone"], [], None)
        assert [batch.num_rows for batch in found.batches] == [5] * 40


def test_a_view_of_duckdb_that_reads_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("id\n7\n", encoding="utf-8")
    rides = FileRides("duckdb", tmp_path)
    rides.execute("DROP TABLE rides")
    rides.execute(f"CREATE VIEW rides AS SELECT id, now() AS changed FROM read_csv('{tmp_path}/other.csv')")  # noqa: S608 - the test's own words
    with pytest.raises(SourceError, match="file system operations are disabled by configuration"):
        rides.live()


def test_a_view_that_makes_a_gigabyte_of_a_word_is_refused(tmp_path: Path) -> None:
    rides = _view(tmp_path, "hex(zeroblob(400000000))")
    with pytest.raises(SourceError, match="string or blob too big"):
        rides.live()
