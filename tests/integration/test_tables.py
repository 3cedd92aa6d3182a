"""Rows, labels and feature tables that are read from a real PostgreSQL, night after night."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest

from tasks.errors import SourceError, Unreachable
from tasks.ingest.landing_night import LandingNight
from tasks.lake import Deliveries, active_rows, deliveries
from tests.postgres_server import Database, running_postgres
from tests.rides import Rides

TABLE = """
CREATE TABLE rides (
    id bigint PRIMARY KEY, at timestamptz NOT NULL, km double precision, zone text, fare numeric(10, 2), driver text,
    changed timestamptz
)
"""
SETTING = "SET TIME ZONE 'UTC'"


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    with running_postgres() as database:
        yield database


class PostgresRides(Rides):
    """Rides in a table of a database of their own."""

    def __init__(self, server: Database, folder: Path, name: str, **changes: Any) -> None:
        with psycopg.connect(server.address(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        self.address = server.address(name=name)
        self.connection = psycopg.connect(self.address, autocommit=True)
        self.connection.execute(SETTING)
        self.connection.execute(TABLE)
        database = {"table": "rides", "changed_at": "changed"}
        super().__init__(folder, {"uri": self.address, "database": database}, **changes)

    def execute(self, text: str, *values: Any) -> None:
        self.connection.execute(text, values)

    def insert(self, ids: Sequence[int], changed: str = "now()", km: float = 2.0) -> None:
        """Add rides of one day in the order of their ids."""
        for number in ids:
            self.execute(
                f"INSERT INTO rides VALUES (%s, '2026-01-05 08:00+00', %s, 'north', 12.5, 'Ann', {changed})",  # noqa: S608 - the test's own words
                number,
                km,
            )


@pytest.fixture
def rides(server: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PostgresRides]:
    made = PostgresRides(server, tmp_path, re.sub(r"\W", "_", request.node.name)[-60:])
    yield made
    made.connection.close()


def test_a_night_takes_in_what_was_added_or_changed_since_the_last_one(rides: PostgresRides) -> None:
    rides.insert(range(100))
    assert rides.live() == [100]
    assert rides.live() == []
    rides.execute("UPDATE rides SET km = 9, changed = now() WHERE id < 3")
    rides.insert(range(100, 105))
    assert rides.live() == [8]
    rows = rides.rows()
    assert sorted(rows["id"].astype(int)) == list(range(105))
    assert sorted(rows.loc[rows["km"] == 9, "id"].astype(int)) == [0, 1, 2]
    assert set(active_rows(rides.lake, "rides", "labels")["label"].astype(float)) == {12.5}
    assert len({batch.key for batch in deliveries(rides.lake, "rides").latest()}) == 2


def test_the_row_of_a_transaction_that_commits_late_is_taken_in_once_and_no_other_twice(rides: PostgresRides) -> None:
    with psycopg.connect(rides.address) as late:
        late.execute("INSERT INTO rides VALUES (500, '2026-01-05 08:00+00', 1, 'late', 5, 'Bob', now())")
        time.sleep(0.01)
        rides.insert(range(10))
        assert rides.live() == [10]
        late.commit()
    assert rides.live() == [1]
    assert rides.live() == []
    assert set(rides.rows()["zone"]) == {"north", "late"}


def test_rows_that_are_older_than_transactions_last_are_never_read_again(rides: PostgresRides) -> None:
    rides.insert(range(3), changed="now() - interval '1 day'")
    assert rides.live() == [3]
    with psycopg.connect(rides.address) as late:  # later than the overlap allows
        late.execute("INSERT INTO rides SELECT 20, at, km, zone, fare, driver, changed FROM rides WHERE id = 0")
    assert rides.live() == []
    rides.insert([3], changed="now() - interval '1 minute'")
    assert rides.live() == [1]
    with psycopg.connect(rides.address) as late:
        late.execute("INSERT INTO rides SELECT 21, at, km, zone, fare, driver, changed FROM rides WHERE id = 3")
    assert rides.live() == [1]
    assert rides.live() == []
    assert open_objects(rides)["looked_at"] is not None
    rides.database(overlap_minutes=1)  # a minute has passed since the newest row, and a look has found nothing
    with psycopg.connect(rides.address) as late:
        late.execute("INSERT INTO rides SELECT 22, at, km, zone, fare, driver, changed FROM rides WHERE id = 3")
    assert rides.live() == []


def open_objects(rides: PostgresRides) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rides.lake.get("rides", "extract-rows") or b"{}")
    return found


def test_what_a_killed_night_has_read_is_read_again(rides: PostgresRides) -> None:
    rides.insert(range(10))
    assert [len(one.frame) for one in rides.read()] == [10]
    rides.insert([10])
    assert rides.live() == [11]
    with psycopg.connect(rides.address) as late:  # rows with no larger time than the newest known one
        late.execute("INSERT INTO rides SELECT 20, at, km, zone, fare, driver, changed FROM rides WHERE id = 10")
    assert [len(one.frame) for one in rides.read()] == [1]
    assert rides.live() == [1]
    assert rides.live() == []
    assert len(rides.rows()) == 12


def test_rows_with_a_time_in_the_future_wait_and_hide_no_others(rides: PostgresRides) -> None:
    rides.insert([1])
    rides.insert([2], changed="now() + interval '3 days'")
    rides.insert([3], changed="'infinity'")
    assert rides.live() == [1]
    rides.insert([4])
    assert rides.live() == [1]
    assert sorted(rides.rows()["id"].astype(int)) == [1, 4]


def test_rows_without_the_time_of_their_change_are_reported(
    rides: PostgresRides, caplog: pytest.LogCaptureFixture
) -> None:
    rides.insert([1])
    rides.insert([2, 3], changed="NULL")
    with caplog.at_level("WARNING"):
        assert rides.live() == [1]
    assert any("rows_without_changed_at" in text and "rows=2" in text for text in caplog.messages), caplog.messages


def test_a_number_that_grows_with_each_change_is_a_watermark_too(rides: PostgresRides) -> None:
    rides.execute("ALTER TABLE rides ADD COLUMN version bigserial")
    rides.database(changed_at="version", overlap_numbers=5)
    rides.insert(range(20))
    assert rides.live() == [20]
    rides.execute("UPDATE rides SET km = 7, version = nextval('rides_version_seq') WHERE id = 4")
    assert rides.live() == [1]
    assert rides.live() == []


def test_numbers_that_begin_again_are_read_from_the_start(rides: PostgresRides) -> None:
    rides.execute("ALTER TABLE rides ADD COLUMN version bigserial")
    rides.database(changed_at="version", overlap_numbers=2)
    rides.insert(range(20))
    assert rides.live() == [20]
    rides.execute("DELETE FROM rides WHERE id > 9")  # restored as it was ten rows ago
    rides.execute("SELECT setval('rides_version_seq', 10)")
    rides.insert([30, 31])
    assert rides.live() == [12]
    rides.insert([32])
    assert rides.live() == [1]
    rides.execute("DELETE FROM rides")
    assert rides.live() == []
    assert len(rides.rows()) == 23  # what was deleted is not noticed


def test_the_newest_row_may_be_deleted_without_that_all_others_are_read_again(rides: PostgresRides) -> None:
    rides.insert(range(20), changed="now() - interval '3 days'")
    rides.insert([20])
    assert rides.live() == [21]
    rides.execute("DELETE FROM rides WHERE id = 20")
    assert rides.live() == []
    rides.insert([21])
    assert rides.live() == [1]


def test_a_value_that_was_changed_back_is_new(rides: PostgresRides) -> None:
    rides.insert([1], km=2.0)
    assert rides.live() == [1]
    for km in (3.0, 2.0, 3.0):
        rides.execute("UPDATE rides SET km = %s, changed = clock_timestamp()", km)
        assert rides.live() == [1]
        assert set(rides.rows()["km"]) == {km}
    assert rides.live() == []


def test_two_landing_zones_may_have_one_table(rides: PostgresRides) -> None:
    rides.insert(range(5))
    label = {"column": "fare", "uri": rides.address, "database": {"table": "rides", "changed_at": "changed"}}
    rides.content["source"] |= {"label": label}
    assert rides.live() == [5, 5]
    assert rides.live() == []
    assert len(active_rows(rides.lake, "rides", "labels")) == 5


def test_another_query_or_generation_reads_all_and_equal_rows_count_once(rides: PostgresRides) -> None:
    rides.insert(range(6), changed="now() - interval '5 days'")
    rides.database(table=None, query="SELECT * FROM rides WHERE id >= 4")
    assert rides.live() == [2]
    rides.database(query="SELECT * FROM rides")
    assert rides.live() == [6]
    rides.execute("UPDATE rides SET km = 8 WHERE id = 1")  # without changed_at
    assert rides.live() == []
    rides.database(generation=2)
    assert rides.live() == [6]
    assert len(rides.rows()) == 6
    assert (rides.rows()["km"] == 8).sum() == 1


def test_infinite_days_and_years_before_christ_are_cells_like_others(rides: PostgresRides) -> None:
    rides.execute("ALTER TABLE rides ADD COLUMN valid_to date DEFAULT 'infinity', ADD COLUMN opened timestamptz")
    rides.insert(range(40))
    rides.execute("UPDATE rides SET at = 'infinity' WHERE id = 3")
    rides.execute("UPDATE rides SET at = '0044-03-15 12:00 BC' WHERE id = 4")
    rides.execute("UPDATE rides SET opened = '-infinity' WHERE id = 5")
    assert rides.live() == [40]
    assert sorted(set(range(40)) - set(rides.rows()["id"].astype(int))) == [3, 4]
    (batch,) = deliveries(rides.lake, "rides").latest()
    assert "'infinity'" in batch.findings


def test_the_first_year_is_a_time_of_change_like_others(rides: PostgresRides) -> None:
    rides.insert(range(3), changed="'0001-01-01'")
    rides.insert([7], changed="'-infinity'")
    assert rides.live() == [3]
    assert rides.live() == []
    rides.insert([3], changed="'0099-05-05'")
    assert rides.live() == [1]
    rides.insert([4])
    assert rides.live() == [1]


def test_a_time_without_a_zone_is_read_as_it_is_written(rides: PostgresRides) -> None:
    rides.execute("ALTER TABLE rides ALTER COLUMN changed TYPE timestamp")
    rides.insert([1], changed="now() AT TIME ZONE 'America/Lima'")  # five hours behind
    assert rides.live() == [1]
    rides.insert([2], changed="now() AT TIME ZONE 'America/Lima'")
    assert rides.live() == [1]
    assert rides.live() == []
    rides.insert([3], changed="now() AT TIME ZONE 'UTC' + interval '20 hours'")  # of a wrong clock
    assert rides.live() == [1]
    rides.insert([4], changed="now() AT TIME ZONE 'UTC'")
    assert rides.live() == [1]
    assert rides.live() == []


def test_after_changed_at_is_of_another_type_all_is_read_and_counted_once(rides: PostgresRides) -> None:
    rides.insert(range(5))
    assert rides.live() == [5]
    rides.execute("ALTER TABLE rides ADD COLUMN version bigserial")
    rides.database(changed_at="version")
    assert rides.live() == [5]
    assert len(rides.rows()) == 5


def test_values_of_every_type_are_as_postgresql_writes_them(rides: PostgresRides) -> None:
    rides.execute("CREATE TYPE mood AS ENUM ('sad', 'fine')")
    rides.execute(
        "CREATE VIEW typed AS SELECT 1::int2 AS id, timestamptz '2026-01-05 08:00+02' AS at, 1.5::float4 AS km, "
        "'fine'::mood AS zone, 12345678901234567890.12::numeric AS fare, now() AS changed, "
        "'0b6ec1a6-6d3c-4b5d-9e4d-3c1f3f1b2a11'::uuid AS trip, 'a  '::char(3) AS code, '{\"a\": 1}'::jsonb AS doc, "
        "ARRAY[1, 2] AS stops, '12.5'::money AS paid, 'NaN'::numeric AS odd, interval '1 day' AS span, true AS night, "
        "date '2026-02-03' AS day, time '03:04' AS hour"
    )
    rides.database(table="typed")
    (delivery,) = rides.read()
    (row,) = delivery.frame.to_dict("records")
    assert row.pop("at") == "2026-01-05 06:00:00+00"
    assert pd.Timestamp(row.pop("day")) == pd.Timestamp("2026-02-03")
    assert row == {
        "id": 1,
        "km": 1.5,
        "zone": "fine",
        "fare": "12345678901234567890.12",
        "code": "a",
        "night": True,
        "trip": "0b6ec1a6-6d3c-4b5d-9e4d-3c1f3f1b2a11",
        "doc": '{"a": 1}',
        "stops": "{1,2}",
        "paid": "12.50",
        "odd": "NaN",
        "span": "1 day",
        "hour": "03:04:00",
    }


def test_a_query_is_read_like_a_table(rides: PostgresRides) -> None:
    rides.insert(range(4))
    query = "SELECT id, at, km * 2 AS km, zone, fare, changed FROM rides WHERE zone LIKE 'n%' -- all of the north\n;"
    rides.database(table=None, query=query)
    assert rides.live() == [4]
    assert rides.live() == []
    assert set(rides.rows()["km"]) == {4.0}


def test_a_column_that_is_never_written_is_never_read(rides: PostgresRides) -> None:
    rides.insert([1])
    rides.content["privacy"] = {"drop": ["driver"]}
    (delivery,) = rides.read()
    assert "driver" not in delivery.frame.columns
    assert "changed" not in delivery.frame.columns  # the spec does not name it


def test_labels_and_feature_tables_are_read_from_tables_too(
    rides: PostgresRides, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIDES_DATABASE", rides.address)
    rides.execute("CREATE TABLE paid (id bigint, fare numeric, changed timestamptz DEFAULT now())")
    rides.execute("CREATE TABLE weather (zone text, hour timestamptz, rain float8, changed timestamptz DEFAULT now())")
    source = rides.content["source"] | {"uri": "env:RIDES_DATABASE"}
    source["label"] = {
        "column": "fare",
        "uri": "env:RIDES_DATABASE",
        "database": {"table": "paid", "changed_at": "changed"},
    }
    weather = {
        "name": "weather",
        "uri": "env:RIDES_DATABASE",
        "entity": ["zone"],
        "event_time": "hour",
        "columns": {"numbers": ["rain"]},
        "database": {"table": "public.weather", "changed_at": "changed"},
    }
    rides.content |= {"source": source, "features": rides.content["features"] | {"tables": [weather]}}
    rides.execute("ALTER TABLE rides DROP COLUMN fare")
    rides.execute("INSERT INTO rides SELECT n, '2026-01-05', 1, 'north', 'Ann', now() FROM generate_series(1, 6) n")
    rides.execute("INSERT INTO paid SELECT n, n FROM generate_series(1, 4) n")
    rides.execute("INSERT INTO weather VALUES ('north', '2026-01-05 07:00+00', 0.5)")
    assert rides.live() == [6, 4, 1]
    rides.execute("INSERT INTO weather VALUES ('north', '2026-01-05 08:00+00', 0.7)")
    rides.execute("INSERT INTO paid VALUES (5, 5)")
    assert rides.live() == [1, 1]
    assert sorted(active_rows(rides.lake, "rides", "labels")["label"].astype(float)) == [1, 2, 3, 4, 5]
    assert len(active_rows(rides.lake, "rides", "features")) == 2


def test_an_earlier_night_takes_in_nothing_of_what_a_table_has_now(rides: PostgresRides) -> None:
    rides.insert([1])
    rides.night = date(2026, 1, 6)
    assert rides.live() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"table": "rids"}, 'relation "rids" does not exist'),
        ({"changed_at": "changes"}, "expected one of the columns ['at', 'changed'"),
        ({"changed_at": "zone"}, "of type text; expected a timestamp or a whole number"),
        ({"table": None, "query": "DELETE FROM rides"}, "syntax error"),
        ({"table": None, "query": "SELECT * FROM pg_authid, (SELECT now() AS changed) n"}, "permission denied"),
    ],
    ids=["no_table", "no_column", "no_time", "no_select", "no_right"],
)
def test_what_the_database_refuses_is_said(rides: PostgresRides, changes: dict[str, Any], said: str) -> None:
    reader = f"reader_of_{changes.get('table')}_{changes.get('changed_at')}_{len(said)}"
    rides.execute(f"CREATE ROLE {reader} LOGIN")
    rides.execute(f"GRANT SELECT ON rides TO {reader}")
    rides.insert([1])
    rides.content["source"] |= {"uri": rides.address.replace("postgres@", f"{reader.lower()}@")}
    rides.database(**changes)
    with pytest.raises(SourceError, match="(?s)" + said.replace("[", r"\[")):
        rides.read()
    assert len(rides.connection.execute("SELECT * FROM rides").fetchall()) == 1


def test_a_statement_cannot_write(rides: PostgresRides) -> None:
    rides.insert([1])
    rides.execute("CREATE FUNCTION harm() RETURNS timestamptz LANGUAGE sql AS 'DELETE FROM rides; SELECT now()'")
    rides.database(table=None, query="SELECT *, harm() AS harmed FROM rides")
    with pytest.raises(SourceError, match="read-only"):
        rides.read()


@pytest.mark.parametrize("reading", ["COPY (SELECT now()%", 'COPY (SELECT "id"%'], ids=["the_extent", "the_rows"])
def test_a_connection_that_is_cut_is_an_error_that_may_pass(rides: PostgresRides, reading: str) -> None:
    rides.insert(range(200))
    rides.database(table=None, query="SELECT *, pg_sleep(0.01)::text AS slow FROM rides")
    failed: list[BaseException] = []

    def read() -> None:
        try:
            rides.read()
        except Unreachable as error:
            failed.append(error)

    other = threading.Thread(target=read)
    other.start()
    ended = 0
    while other.is_alive():
        found = rides.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'leeway' AND query LIKE %s AND datname = current_database()",
            [reading],
        )
        ended += len(found.fetchall())
        time.sleep(0.01)
    assert ended
    assert len(failed) == 1
    rides.database(table="rides", query=None)
    assert rides.live() == [200]


def test_an_error_in_the_middle_is_said_without_a_cell_where_columns_are_private(rides: PostgresRides) -> None:
    rides.insert([1])
    rides.execute("UPDATE rides SET driver = 'Wilhelmina'")
    query = "SELECT id, at, km, zone, fare, changed, driver::int AS number FROM rides"
    rides.database(table=None, query=query)
    with pytest.raises(SourceError, match="Wilhelmina"):
        rides.read()
    rides.content["privacy"] = {"drop": ["driver"]}
    with pytest.raises(SourceError) as refused:
        rides.read()
    assert "Wilhelmina" not in str(refused.value)


def test_a_server_that_is_away_is_waited_for(tmp_path: Path) -> None:
    with running_postgres() as server:
        rides = PostgresRides(server, tmp_path, "rides")
        rides.insert(range(3))
        with closing(rides.connection):
            pass
        server.crash()
        with pytest.raises(Unreachable, match="Connection refused"):
            rides.read()
        server.start()
        assert rides.live() == [3]


def test_no_message_has_the_password(rides: PostgresRides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIDES_DATABASE", "postgresql://reader:hunter2%21@127.0.0.1:1/rides")
    rides.content["source"] |= {"uri": "env:RIDES_DATABASE"}
    with pytest.raises(Unreachable) as refused:
        rides.read()
    assert "hunter2" not in str(refused.value)
    for odd in ("hunter2@[127", "hun/ter2@127.0.0.1", "hun?ter2@127.0.0.1", "hun@ter2@127.0.0.1", "hun#ter2@127.0.0.1"):
        monkeypatch.setenv("RIDES_DATABASE", f"postgresql://reader:{odd}:1/rides")
        with pytest.raises(SourceError, match="the address of the database cannot be read") as unread:
            rides.read()
        assert "ter2" not in str(unread.value)
    monkeypatch.delenv("RIDES_DATABASE")
    with pytest.raises(SourceError, match="variable RIDES_DATABASE is not set"):
        rides.read()


def test_what_was_read_is_encrypted_until_it_is_private_and_then_gone(
    rides: PostgresRides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rides.insert(range(3))
    rides.execute("UPDATE rides SET driver = 'Wilhelmina' || id")
    night = LandingNight(rides.lake, rides.spec, rides.folder, Deliveries(()), rides.night, datetime.now(UTC))
    arrived = night.arrived()
    source, (listed,), _ = next(arrived)
    contents = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert listed.size_bytes in {len(content) for content in contents}
    assert not any(b"Wilhelmina" in content for content in contents)
    delivered = BytesIO()
    source.copy(listed, delivered)
    assert list(pd.read_parquet(delivered)["driver"]) == ["Wilhelmina0", "Wilhelmina1", "Wilhelmina2"]
    assert list(arrived) == []
    assert not list(tmp_path.rglob("extract"))
